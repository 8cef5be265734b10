"""Envelope encryption: secrets sealed under a data key per principal, data keys wrapped by the master key."""

import os
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.foundation.secret import Secret
from services.secrets.master_key import KEY_BYTES, MasterKey, MasterKeySource

_FORMAT = b"\x01"
"""First byte of every box: format 1 is a random 96-bit nonce, then AES-256-GCM's ciphertext and 128-bit tag."""
_NONCE_BYTES = 12
_CIPHERTEXT_AT = len(_FORMAT) + _NONCE_BYTES
_BOX_BYTES_MIN = _CIPHERTEXT_AT + 16
_WRAPPING = b"muniment data key wrapping v1"
_MASTER_KEYS_HELD_MAX = 32


class InvalidSeal(Exception):  # noqa: N818  stands beside the Refusals in reports
    """A box that does not open: altered, copied to another row, or of a key that is not here. The message names it."""


class MissingMasterKey(InvalidSeal):
    """The key is not here, or not any more."""


@dataclass(frozen=True)
class WrappedDataKey:
    """A principal's data key, as it lies in its row. It opens only under the ids that stand beside it."""

    account_id: str
    principal_id: str
    master_key_id: str
    wrapped: bytes

    def __str__(self) -> str:
        return f"the data key of principal {self.principal_id} in account {self.account_id}"


class Envelope:
    """Makes and opens boxes. An unwrapped data key lives no longer than the call that needs it."""

    def __init__(self, master_keys: MasterKeySource) -> None:
        self._master_keys = master_keys

    @property
    def master_key_id(self) -> str:
        """Of the one that wraps."""
        return self._master_keys.latest().current.key_id

    @property
    def master_key_ids(self) -> frozenset[str]:
        """Those that data keys may be wrapped by."""
        return frozenset(key.key_id for key in self._master_keys.latest().all)

    def new_data_key(self, account_id: str, principal_id: str) -> WrappedDataKey:
        return self._wrap(os.urandom(KEY_BYTES), account_id, principal_id)

    def seal(self, data_key: WrappedDataKey, secret: Secret, *, purpose: str, name: str) -> bytes:
        """A box for this principal, purpose (access-key-secret) and name (the key id) only. Raises InvalidSeal."""
        bound = _associated(purpose, data_key.account_id, data_key.principal_id, name)
        return _sealed(AESGCM(self._unwrap(data_key)), secret.reveal().encode(), bound)

    def open(self, data_key: WrappedDataKey, sealed: bytes, *, purpose: str, name: str) -> Secret:
        """Raises InvalidSeal."""
        bound = _associated(purpose, data_key.account_id, data_key.principal_id, name)
        what = f"the {purpose} {name} of principal {data_key.principal_id} in account {data_key.account_id}"
        return Secret(_opened(AESGCM(self._unwrap(data_key)), sealed, bound, what).decode())

    def rewrap(self, data_key: WrappedDataKey) -> WrappedDataKey:
        """The same data key under the current master key; what it has sealed stays as it is. Raises InvalidSeal."""
        return self._wrap(self._unwrap(data_key), data_key.account_id, data_key.principal_id)

    def _wrap(self, key: bytes, account_id: str, principal_id: str) -> WrappedDataKey:
        master_key = self._master_keys.latest().current
        bound = _associated("data-key", account_id, principal_id, master_key.key_id)
        return WrappedDataKey(account_id, principal_id, master_key.key_id, _sealed(_wrapping(master_key), key, bound))

    def _unwrap(self, data_key: WrappedDataKey) -> bytes:
        master_keys = self._master_keys.latest()
        master_key = master_keys.named(data_key.master_key_id)
        if master_key is None:
            raise MissingMasterKey(
                f"Cannot open {data_key}: it is wrapped by master key {data_key.master_key_id}, and known are "
                f"{', '.join(key.key_id for key in master_keys.all)}. Provide the missing one as "
                "MUNIMENT_MASTER_KEY_PREVIOUS."
            )
        bound = _associated("data-key", data_key.account_id, data_key.principal_id, data_key.master_key_id)
        return _opened(_wrapping(master_key), data_key.wrapped, bound, str(data_key))


@lru_cache(maxsize=_MASTER_KEYS_HELD_MAX)
def _wrapping(master_key: MasterKey) -> AESGCM:
    return master_key.cipher(_WRAPPING)


def _associated(*parts: str) -> bytes:
    """What a box is bound to. Lengths go before the parts, so that no two different lists give the same bytes."""
    return b"".join(len(part).to_bytes(2) + part for part in (text.encode() for text in parts))


def _sealed(cipher: AESGCM, content: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return _FORMAT + nonce + cipher.encrypt(nonce, content, bound)


def _opened(cipher: AESGCM, box: bytes, bound: bytes, what: str) -> bytes:
    if box[:1] != _FORMAT or len(box) < _BOX_BYTES_MIN:
        raise InvalidSeal(
            f"Cannot open {what}: expected format {_FORMAT.hex()} and at least {_BOX_BYTES_MIN} bytes, "
            f"got format {box[:1].hex() or 'none'} and {len(box)} bytes."
        )
    try:
        return cipher.decrypt(box[1:_CIPHERTEXT_AT], box[_CIPHERTEXT_AT:], bound)
    except InvalidTag:
        raise InvalidSeal(
            f"Cannot open {what}: it was altered, or sealed for another row or under another key."
        ) from None
