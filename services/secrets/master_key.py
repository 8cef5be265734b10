"""The master key: where it comes from, and that nothing but keys derived from it ever leaves."""

import base64
import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, Protocol, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_FILE_MODE = 0o400
_OTHERS = 0o077
_KEY_ID_DOMAIN = b"muniment master key id v1\0"
_KEY_ID_BYTES = 4
_FORMER = struct.Struct(f">{KEY_BYTES}sQ")
"""Behind the current key, of each former one: the key, and the second since 1970 at which its time is over; 0 as long
as the rotation from it is under way."""
FORMER_KEYS_MAX = 16
"""In the file."""


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

    def reveal(self) -> bytes:
        """For the file that it lies in."""
        return self._key

    def __repr__(self) -> str:
        return f"MasterKey({self.key_id}, •••)"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("A MasterKey refuses to be serialised.")


class MasterKeySource(Protocol):
    def latest(self) -> "MasterKeys":
        """The keys as they are now. Raises nothing."""
        ...


@dataclass(frozen=True, eq=False)
class MasterKeys:
    """The key that seals, and those of before a rotation, which only open."""

    current: MasterKey
    previous: tuple[MasterKey, ...] = ()
    ends: Mapping[str, datetime] = field(default_factory=dict)
    """By the ids of previous keys: from when on it opens no session token. Without an end is one from which a rotation
    is under way, and one that the environment provides."""

    def __post_init__(self) -> None:
        ids = [key.key_id for key in self.all]
        if len(set(ids)) < len(ids):
            raise InvalidMasterKey(f"The current and the previous master keys must differ; their ids are {ids}.")

    def latest(self) -> Self:
        return self

    @property
    def all(self) -> tuple[MasterKey, ...]:
        return (self.current, *self.previous)

    @property
    def rotating_from(self) -> tuple[str, ...]:
        """The ids of previous keys without an end."""
        return tuple(key.key_id for key in self.previous if key.key_id not in self.ends)

    def named(self, key_id: str) -> MasterKey | None:
        return next((key for key in self.all if key.key_id == key_id), None)

    def opening_tokens(self, key_id: str, at: datetime) -> MasterKey | None:
        """The key of that id, unless its time is over."""
        end = self.ends.get(key_id)
        return self.named(key_id) if end is None or at < end else None

    def ended(self, at: datetime) -> frozenset[str]:
        """The ids of those whose time is over."""
        return frozenset(key_id for key_id, end in self.ends.items() if end <= at)

    def rotated(self, new: MasterKey) -> "MasterKeys":
        """From here on the new one seals. Raises InvalidMasterKey."""
        if len(self.previous) >= FORMER_KEYS_MAX:
            raise InvalidMasterKey(
                f"There are {len(self.previous)} former master keys, and at most {FORMER_KEYS_MAX} can be kept: wait "
                "until the time of the oldest is over, or take away those that the environment provides."
            )
        return MasterKeys(new, (self.current, *self.previous), self.ends)

    def finished(self, end: datetime) -> "MasterKeys":
        """Nothing needs previous keys any more but what was given out and comes back."""
        return replace(self, ends={**dict.fromkeys(self.rotating_from, end), **self.ends})

    def without(self, key_ids: Iterable[str]) -> "MasterKeys":
        """Without those previous ones."""
        gone = frozenset(key_ids)
        ends = {key_id: end for key_id, end in self.ends.items() if key_id not in gone}
        return MasterKeys(self.current, tuple(key for key in self.previous if key.key_id not in gone), ends)


def from_environment(variable: str) -> MasterKey | None:
    """The key in an environment variable, base64 of 32 bytes (RFC 4648, section 4); None when it is not set.

    An empty variable is refused: a deployment that lost its key must not start with a new one. Raises InvalidMasterKey.
    """
    text = os.environ.get(variable)
    return None if text is None else _decoded(variable, text)


def _decoded(variable: str, text: str) -> MasterKey:
    try:
        return MasterKey(base64.b64decode(text, validate=True))
    except (ValueError, InvalidMasterKey):
        # Without the cause: neither a traceback nor a message may carry a piece of the text.
        raise InvalidMasterKey(
            f"{variable} must be the base64 of {KEY_BYTES} random bytes ({len(base64.b64encode(bytes(KEY_BYTES)))} "
            f"characters), or not be set at all; it holds {len(text)} characters of something else."
        ) from None


def previous_from_environment() -> tuple[MasterKey, ...]:
    """Those in MUNIMENT_MASTER_KEY_PREVIOUS, which commas part. Raises InvalidMasterKey."""
    variable = "MUNIMENT_MASTER_KEY_PREVIOUS"
    text = os.environ.get(variable)
    return () if text is None else tuple(_decoded(variable, part) for part in text.split(","))


def copy_file(path: Path, to: Path) -> None:
    """Durably, for its owner alone from the beginning. Raises OSError."""
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "wb") as copy:
        copy.write(path.read_bytes())
        copy.flush()
        os.fsync(copy.fileno())


def load_or_create(path: Path) -> MasterKeys:
    """The keys in a file, which the first start creates. Raises InvalidMasterKey for a file that others can read."""
    try:
        try:
            return _load(path)
        except FileNotFoundError:
            _create(path)
            return _load(path)
    except OSError as error:
        # A symbolic link ends here too: O_NOFOLLOW answers it with ELOOP.
        raise _refused(path, f"cannot be opened or created ({error.strerror})") from error


def load(path: Path) -> MasterKeys:
    """The keys in a file. Raises InvalidMasterKey for one that is missing, or that others can read."""
    try:
        return _load(path)
    except FileNotFoundError:
        raise InvalidMasterKey(
            f"The master key file {path} is missing, and the database beside it was begun with one: put it back, or "
            "set MUNIMENT_MASTER_KEY."
        ) from None
    except OSError as error:
        raise _refused(path, f"cannot be opened ({error.strerror})") from error


def change(path: Path, changed: Callable[[MasterKeys], MasterKeys]) -> MasterKeys:
    """Puts other keys into the place of those in the file: one change after the other, whoever makes them, and each as
    a whole or not at all. Raises InvalidMasterKey."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        keys = changed(load(path))
        with _draft(path, _encoded(keys)) as draft:
            draft.replace(path)
    except OSError as error:
        raise _refused(path, f"cannot be replaced ({error.strerror})") from error
    finally:
        os.close(directory)
    make_durable(path)
    # From here whoever looks at the file finds these keys, also after a loss of power.
    return keys


def make_durable(path: Path) -> None:
    """Afterwards the file outlives a loss of power as it is, whoever has put it there; only then may its key seal.
    Raises InvalidMasterKey."""
    try:
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise _refused(path, f"cannot be made durable ({error.strerror})") from error


def _encoded(keys: MasterKeys) -> bytes:
    former = ((key, keys.ends.get(key.key_id)) for key in keys.previous)
    packed = (_FORMER.pack(key.reveal(), 0 if end is None else int(end.timestamp())) for key, end in former)
    return keys.current.reveal() + b"".join(packed)


def _decode(content: bytes) -> MasterKeys:
    former = [(MasterKey(key), end) for key, end in _FORMER.iter_unpack(content[KEY_BYTES:])]
    ends = {key.key_id: datetime.fromtimestamp(end, UTC) for key, end in former if end}
    return MasterKeys(MasterKey(content[:KEY_BYTES]), tuple(key for key, _ in former), ends)


def _load(path: Path) -> MasterKeys:
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
        count, odd = divmod(status.st_size - KEY_BYTES, _FORMER.size)
        if odd or not 0 <= count <= FORMER_KEYS_MAX:
            raise _refused(path, f"is {status.st_size} bytes long")
        return _decode(os.read(descriptor, status.st_size))
    finally:
        os.close(descriptor)


def _create(path: Path) -> None:
    """Draws a key and gives it its name only when it is complete, unless another process was faster."""
    with _draft(path, secrets.token_bytes(KEY_BYTES)) as draft, contextlib.suppress(FileExistsError):
        # The key is on disk under a name that nobody reads: a crash here loses a key that has sealed nothing. A link,
        # unlike a rename, never replaces a key that another process put there first; then that one counts.
        os.link(draft, path)
    make_durable(path)


@contextlib.contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """The content on disk, beside the path and for its owner alone, as long as the block lasts."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # O_EXCL, mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _FILE_MODE)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _refused(path: Path, found: str) -> InvalidMasterKey:
    return InvalidMasterKey(
        f"The master key file {path} {found}; expected a regular file, not a symbolic link, of {KEY_BYTES} bytes and "
        f"mode {_FILE_MODE:04o} that belongs to user {os.geteuid()}, or none in a directory where it can be created."
    )
