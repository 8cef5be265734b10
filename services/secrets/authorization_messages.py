"""Encoded authorization messages: a place in an account's ledger, sealed, so that nobody makes one up (docs/adr/0019).

Layout of version 1: the prefix, then base64url (RFC 4648, section 5) of
    master key id (4 bytes), position (7 bytes), AES-256-GCM's tag (16 bytes).
Nothing in it is secret: the same answer says the position in x-muniment-position, and what happened there is read from
the ledger, for whoever may have it decoded. So nothing is encrypted. The nonce is account id and position: it never
comes twice with something else, and the tag proves both.
"""

import base64
import re
import struct
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.secrets.master_key import MasterKey, MasterKeySource

PREFIX = "muniment_msg_v1_"

_USE = b"muniment authorization messages v1"
_MASTER_KEYS_HELD_MAX = 32
_MESSAGE = re.compile(PREFIX + "[A-Za-z0-9_-]{36}")
_KEY_ID_BYTES, _POSITION_BYTES, _ACCOUNT_BYTES = 4, 7, 5
_SEALED = struct.Struct(f"{_KEY_ID_BYTES}s{_POSITION_BYTES}s16s")


class AuthorizationMessages:
    """Seals and opens, for all threads."""

    def __init__(self, master_keys: MasterKeySource) -> None:
        self._master_keys = master_keys

    def seal(self, account_id: str, position: int) -> str:
        """The message for a call that was denied there. The same place has the same message."""
        placed = position.to_bytes(_POSITION_BYTES, "big")
        master_key = self._master_keys.latest().current
        tag = _cipher(master_key).encrypt(_nonce(account_id, placed), b"", None)
        return PREFIX + base64.urlsafe_b64encode(_SEALED.pack(bytes.fromhex(master_key.key_id), placed, tag)).decode()

    def open(self, message: str, account_id: str) -> int | None:
        """The position in this account's ledger; None for whatever was not sealed for this account, or by a master key
        that is not here any more."""
        if not _MESSAGE.fullmatch(message):
            return None
        sealed = base64.urlsafe_b64decode(message.removeprefix(PREFIX))
        key_id, placed, tag = _SEALED.unpack(sealed)
        master_key = self._master_keys.latest().named(key_id.hex())
        if master_key is None:
            return None
        try:
            _cipher(master_key).decrypt(_nonce(account_id, placed), tag, None)
        except InvalidTag:
            return None
        return int.from_bytes(placed, "big")


@lru_cache(maxsize=_MASTER_KEYS_HELD_MAX)
def _cipher(master_key: MasterKey) -> AESGCM:
    return master_key.cipher(_USE)


def _nonce(account_id: str, placed: bytes) -> bytes:
    return int(account_id).to_bytes(_ACCOUNT_BYTES, "big") + placed
