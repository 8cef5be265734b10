"""Where the embedded database really lies: in the data directory, unless the user that runs it cannot get there."""

import logging
import secrets
from pathlib import Path

from services.ledger.embedded_programs import EmbeddedError, SystemUser

SYSTEM_STATE = Path("/var/lib/muniment")

_logger = logging.getLogger(__name__)


def resolve_directory(directory: Path) -> Path:
    """`directory`, or what a link there says.

    Started by root, PostgreSQL runs as an unprivileged user, who may not enter a clone in root's home or in a private
    temporary directory. Then the database lies under /var/lib/muniment, and a link in its place leads there.
    """
    if directory.is_symlink() or directory.exists():
        return directory.resolve()
    user = SystemUser.chosen()
    try:
        user.reach(directory.parent)
    except EmbeddedError:
        SYSTEM_STATE.mkdir(mode=0o711, exist_ok=True)
        place = SYSTEM_STATE / secrets.token_hex(8)
        directory.symlink_to(place)
        _logger.warning(
            "The user %s, as whom PostgreSQL runs, cannot enter %s: the database is in %s, where %s leads. "
            "Remove both: the one does not go with the other.",
            *(user.name, directory.parent, place, directory),
        )
        return place
    return directory
