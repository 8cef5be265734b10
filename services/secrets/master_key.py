"""The master key: where it comes from, and that nothing but keys derived from it ever leaves."""

import base64
import contextlib
import hashlib
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_FILE_MODE = 0o400
_OTHERS = 0o077
_KEY_ID_DOMAIN = b"muniment master key id v1\0"
_KEY_ID_BYTES = 4


class InvalidMasterKey(Exception):  # noqa: N818  stands beside InvalidSeal and the Refusals in reports
    """A master key that is missing, malformed or open to others; the message names its place and what was expected."""


class MasterKey:
    """Thirty-two random bytes. They print as dots, refuse to be serialised, and seal nothing themselves: every use
    has a key of its own, derived by HKDF-SHA256 (RFC 5869), so that no two uses can be played against each other.
    """

    __slots__ = ("_key", "key_id")

    key_id: str
    """Eight hexadecimal digits of a hash: names the key in rows, tokens and messages and tells nothing about it."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise InvalidMasterKey(f"A master key is {KEY_BYTES} bytes long; got {len(key)}.")
        self._key = key
        self.key_id = hashlib.sha256(_KEY_ID_DOMAIN + key).digest()[:_KEY_ID_BYTES].hex()

    def cipher(self, use: bytes) -> AESGCM:
        """AES-256-GCM under the key derived for `use` (the "info" of RFC 5869, which must differ from use to use)."""
        return AESGCM(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=use).derive(self._key))

    def __repr__(self) -> str:
        return f"MasterKey({self.key_id}, •••)"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("A MasterKey refuses to be serialised.")


@dataclass(frozen=True, eq=False)
class MasterKeys:
    """The key that seals, and those of before a rotation, which only open."""

    current: MasterKey
    previous: tuple[MasterKey, ...] = ()

    def __post_init__(self) -> None:
        ids = [key.key_id for key in self.all]
        if len(set(ids)) < len(ids):
            raise InvalidMasterKey(f"The current and the previous master keys must differ; their ids are {ids}.")

    @property
    def all(self) -> tuple[MasterKey, ...]:
        return (self.current, *self.previous)

    def named(self, key_id: str) -> MasterKey | None:
        return next((key for key in self.all if key.key_id == key_id), None)

    @classmethod
    def from_environment_or_file(cls, path: Path, *, creates: bool = True) -> Self:
        """The keys that the operator provides: MUNIMENT_MASTER_KEY or else the file, and MUNIMENT_MASTER_KEY_PREVIOUS.
        A file that is missing is created only where nothing can be sealed under another key yet.

        Raises InvalidMasterKey.
        """
        previous = from_environment("MUNIMENT_MASTER_KEY_PREVIOUS")
        return cls(
            current=from_environment("MUNIMENT_MASTER_KEY") or _from_file(path, creates=creates),
            previous=() if previous is None else (previous,),
        )


def from_environment(variable: str) -> MasterKey | None:
    """The key in an environment variable, base64 of 32 bytes (RFC 4648, section 4); None when it is not set.

    An empty variable is refused: a deployment that lost its key must not start with a new one. Raises InvalidMasterKey.
    """
    text = os.environ.get(variable)
    if text is None:
        return None
    try:
        return MasterKey(base64.b64decode(text, validate=True))
    except (ValueError, InvalidMasterKey):
        # Without the cause: neither a traceback nor a message may carry a piece of the text.
        raise InvalidMasterKey(
            f"{variable} must be the base64 of {KEY_BYTES} random bytes ({len(base64.b64encode(bytes(KEY_BYTES)))} "
            f"characters), or not be set at all; it holds {len(text)} characters of something else."
        ) from None


def _from_file(path: Path, *, creates: bool) -> MasterKey:
    if not creates and not path.exists():
        raise InvalidMasterKey(
            f"The master key file {path} is missing, and the database beside it was begun with one: put it back, or "
            "set MUNIMENT_MASTER_KEY."
        )
    return load_or_create(path)


def load(path: Path) -> MasterKey | None:
    """The key in a file; None where there is none. Raises InvalidMasterKey for a file that others can read."""
    try:
        return _load(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, f"cannot be opened ({error.strerror})") from error


def copy_file(path: Path, to: Path) -> None:
    """Durably, for its owner alone from the beginning. Raises OSError."""
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "wb") as copy:
        copy.write(path.read_bytes())
        copy.flush()
        os.fsync(copy.fileno())


def load_or_create(path: Path) -> MasterKey:
    """The key in a file, which the first start creates. Raises InvalidMasterKey for a file that others can read."""
    try:
        try:
            return _load(path)
        except FileNotFoundError:
            _create(path)
            return _load(path)
    except OSError as error:
        # A symbolic link ends here too: O_NOFOLLOW answers it with ELOOP.
        raise _refused(path, f"cannot be opened or created ({error.strerror})") from error


def _load(path: Path) -> MasterKey:
    # O_NONBLOCK: a FIFO in place of the file is refused below instead of being waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _refused(path, "is not a regular file")
        if status.st_uid != os.geteuid():
            raise _refused(path, f"belongs to user {status.st_uid}")
        if status.st_mode & _OTHERS:
            raise _refused(path, f"has mode {stat.S_IMODE(status.st_mode):04o}")
        if status.st_size != KEY_BYTES:
            raise _refused(path, f"is {status.st_size} bytes long")
        return MasterKey(os.read(descriptor, KEY_BYTES))
    finally:
        os.close(descriptor)


def _create(path: Path) -> None:
    """Draws a key and gives it its name only when it is complete, unless another process was faster."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # O_EXCL, mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _FILE_MODE)
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(descriptor)
        # The key is on disk under a name that nobody reads: a crash here loses a key that has sealed nothing. A link,
        # unlike a rename, never replaces a key that another process put there first; then that one counts.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    # From here the key outlives a loss of power, whichever process drew it; only now may it seal anything.


def _refused(path: Path, found: str) -> InvalidMasterKey:
    return InvalidMasterKey(
        f"The master key file {path} {found}; expected a regular file, not a symbolic link, of {KEY_BYTES} bytes and "
        f"mode {_FILE_MODE:04o} that belongs to user {os.geteuid()}, or none in a directory where it can be created."
    )
