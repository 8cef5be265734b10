"""Where a process has its master keys from. Those in the file are read again when it changes, so that servers learn of
a rotation without being started again (docs/adr/0048)."""

import logging
from pathlib import Path

from services.secrets.master_key import (
    InvalidMasterKey,
    MasterKey,
    MasterKeys,
    MasterKeySource,
    from_environment,
    load,
    load_or_create,
    make_durable,
    previous_from_environment,
)

log = logging.getLogger("muniment.secrets")

_Version = tuple[int, int, int] | None
"""Of the file: inode, time of modification, size. It is always replaced as a whole."""


class MasterKeyFile:
    """The keys in the file, with further ones that only open. For all threads."""

    def __init__(self, path: Path, previous: tuple[MasterKey, ...] = (), *, creates: bool = False) -> None:
        """Raises InvalidMasterKey."""
        self.path = path
        self._previous = previous
        if creates:
            load_or_create(path)
        version = self._version()  # Before the content: what is replaced in between is read again.
        self._seen = (version, self._read())

    def latest(self) -> MasterKeys:
        """As the file has them; as it had them last, where it cannot be read any more."""
        version = self._version()
        known, keys = self._seen
        if version != known:
            try:
                keys, former = self._read(), keys
                if keys.current.key_id != former.current.key_id:
                    log.warning("The master key is now %s.", keys.current.key_id)
            except InvalidMasterKey as refused:
                log.error("The master keys stay as they were: %s", refused)  # noqa: TRY400  the message says it all
            self._seen = (version, keys)
        return keys

    def _version(self) -> _Version:
        try:
            status = self.path.lstat()
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size)

    def _read(self) -> MasterKeys:
        keys = load(self.path)
        make_durable(self.path)  # Whoever is changing it may not have come so far.
        besides = tuple(key for key in self._previous if keys.named(key.key_id) is None)
        return MasterKeys(keys.current, (*keys.previous, *besides), keys.ends)


def provided_master_keys(path: Path, *, creates: bool = True) -> MasterKeySource:
    """The keys that the operator provides: MUNIMENT_MASTER_KEY or else the file, and MUNIMENT_MASTER_KEY_PREVIOUS. A
    file that is missing is created only where nothing can be sealed under another key yet.

    Raises InvalidMasterKey.
    """
    current, previous = from_environment("MUNIMENT_MASTER_KEY"), previous_from_environment()
    return MasterKeyFile(path, previous, creates=creates) if current is None else MasterKeys(current, previous)
