"""Session tokens: opaque texts that carry a session's claims, sealed: no table of live sessions (docs/adr/0008).

Layout of version 1: the prefix, then base64url (RFC 4648, section 5) of
    master key id (4 bytes), epoch (4 bytes), nonce (12 bytes), AES-256-GCM of the claims as a raw deflate stream.
Zeros behind the stream fill the bytes up to a multiple of three, so that the base64 needs no padding and has no unused
bits: a token has one spelling only. A deflate stream knows its own end, so the zeros need no length of theirs.
"""

import base64
import binascii
import math
import os
import struct
import zlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.foundation.errors import InvalidClientTokenId, PackedPolicyTooLarge
from domain.foundation.identifiers import account_of_access_key_id
from services.secrets.master_key import MasterKey, MasterKeySource

PREFIX = "muniment_sts_v1_"
"""How every token begins, so that secret scanners find it: muniment_sts_v1_[A-Za-z0-9_-]{52,4080}"""
TOKEN_CHARACTERS_MAX = 4_096
"""AWS's own limit, one for everything in a token (AWS What's New, 15 September 2026, "AWS STS")."""
CLAIMS_BYTES_MAX = 128 * 1024
"""Before compression. Above what AWS's limits allow: a policy of 2,048 characters and 50 tags of 384, of four bytes."""
EPOCH = timedelta(days=2)
"""How long one key seals. A token opens until the end of the next epoch, so for at least 48 hours: the longest session
(36 h) and half a day. After that it is invalid instead of expired. At 4,500 tokens a second an epoch's key seals with
fewer than 2^30 random nonces, a quarter of what NIST SP 800-38D (section 8.3) allows."""
FORMER_KEY_OPENS = timedelta(hours=48)
"""How long after a rotation the former master key opens tokens: longer than any session that it has sealed lives."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Another process may have sealed with the next epoch's key while our clock still stands before the edge."""

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_USE = b"muniment session tokens v1"
_HEADER = struct.Struct(">4sI")
_NONCE_BYTES = 12
_TAG_BYTES = 16
_CONTENT_AT = _HEADER.size + _NONCE_BYTES
_OVERHEAD = _CONTENT_AT + _TAG_BYTES
_RAW_DEFLATE = -15  # the widest window, without zlib's header and checksum: GCM's tag does more
_DERIVED_KEYS_MAX = 16
_TO_STANDARD_DIGITS = bytes.maketrans(b"-_+/=", b"+/...")
"""From base64url to what binascii reads; the standard's own digits and its padding become foreign."""


class SessionTokens:
    """Seals and opens tokens under keys that change with every epoch and are derived from the master keys.

    A token is bound to its access key id and to the account which that id carries. Whether the session has expired or
    was revoked is for the reader of the claims to decide.
    """

    def __init__(self, master_keys: MasterKeySource) -> None:
        self.master_keys = master_keys
        self._cipher = lru_cache(maxsize=_DERIVED_KEYS_MAX)(_derived)

    def seal(self, claims: bytes, *, account_id: str, access_key_id: str, at: datetime, characters_min: int = 0) -> str:
        """The token of a session that begins `at`, of at least `characters_min` (AWS's MinimumSessionTokenSize).

        Raises PackedPolicyTooLarge for one longer than AWS allows, ValueError for a key id of another account.
        """
        if account_of_access_key_id(access_key_id) != account_id:
            raise ValueError(f"Expected an access key id that carries account {account_id}; got {access_key_id}.")
        epoch = _epoch(at)
        master_key = self.master_keys.latest().current
        header = _HEADER.pack(bytes.fromhex(master_key.key_id), epoch)
        nonce = os.urandom(_NONCE_BYTES)
        content = _deflated(claims, characters_min)
        bound = _associated(header, account_id, access_key_id)
        sealed = header + nonce + self._cipher(master_key, epoch).encrypt(nonce, content, bound)
        token = PREFIX + base64.urlsafe_b64encode(sealed).decode()
        share = max(len(token) / TOKEN_CHARACTERS_MAX, len(claims) / CLAIMS_BYTES_MAX)
        if share > 1:
            percent = math.ceil(share * 100)
            raise PackedPolicyTooLarge(
                f"Packed size of session policies and tags consumes {percent}% of allotted space."
            )
        return token

    def open(self, token: str, *, access_key_id: str, at: datetime) -> bytes:
        """The claims. Raises InvalidClientTokenId, which says the same of whatever is wrong with the token."""
        account_id = account_of_access_key_id(access_key_id)
        sealed = _unarmoured(token)
        if account_id is None or len(sealed) < _OVERHEAD:
            raise _invalid()
        key_id, epoch = _HEADER.unpack_from(sealed)
        if not _epoch(at) - 1 <= epoch <= _epoch(at + CLOCK_TOLERANCE):
            raise _invalid()
        master_key = self.master_keys.latest().opening_tokens(key_id.hex(), at)
        if master_key is None:
            raise _invalid()
        cipher = self._cipher(master_key, epoch)
        bound = _associated(sealed[: _HEADER.size], account_id, access_key_id)
        try:
            return _inflated(cipher.decrypt(sealed[_HEADER.size : _CONTENT_AT], sealed[_CONTENT_AT:], bound))
        except (InvalidTag, zlib.error):
            raise _invalid() from None


def _derived(master_key: MasterKey, epoch: int) -> AESGCM:
    return master_key.cipher(_USE + epoch.to_bytes(4))


def _invalid() -> InvalidClientTokenId:
    return InvalidClientTokenId("The security token included in the request is invalid.")


def _epoch(at: datetime) -> int:
    """Which epoch a time lies in. Raises TypeError for a time without a zone."""
    return (at - _UNIX_EPOCH) // EPOCH


def _associated(header: bytes, account_id: str, access_key_id: str) -> bytes:
    """What a token is bound to. Header and account id are of fixed length, so the seams need no marks."""
    return header + (account_id + access_key_id).encode()


def _unarmoured(token: str) -> bytes:
    if len(token) > TOKEN_CHARACTERS_MAX or not token.startswith(PREFIX):
        raise _invalid()
    try:
        digits = token[len(PREFIX) :].encode("ascii").translate(_TO_STANDARD_DIGITS)
        return binascii.a2b_base64(digits, strict_mode=True)
    except ValueError:
        raise _invalid() from None


def _deflated(claims: bytes, characters_min: int) -> bytes:
    stream = zlib.compress(claims, wbits=_RAW_DEFLATE)
    groups = max(-(-(_OVERHEAD + len(stream)) // 3), -(-(characters_min - len(PREFIX)) // 4))
    return stream.ljust(3 * groups - _OVERHEAD, b"\0")


def _inflated(content: bytes) -> bytes:
    """Bounded although the content is authentic: three kilobytes of deflate can say three megabytes."""
    stream = zlib.decompressobj(_RAW_DEFLATE)
    claims = stream.decompress(content, CLAIMS_BYTES_MAX)
    if not stream.eof:
        raise _invalid()
    return claims
