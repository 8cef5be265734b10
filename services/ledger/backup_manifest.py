"""What a backup says of itself: when it was taken and of what, and under which digest each ledger is in it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import psycopg
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from projections.engine.sql_files import load_statements
from services.ledger.checkpoints import LedgerDigest
from services.ledger.embedded_backup import DamagedBackup

SQL = load_statements("services.ledger", "backup.sql")
FILE = "backup.json"
"""Written last: a directory without it is no backup."""
DATABASE = "database"
"""The base backup's directory, beside it."""
EVENTS_A_FETCH = 2_000
FORMAT: Final = 1


class BackupManifest(BaseModel):
    model_config = ConfigDict(frozen=True)

    format: Literal[1] = FORMAT
    taken_at: datetime
    """By the database's clock. Whatever was committed before is in it."""
    user: str
    host: str
    program: str
    """The version of muniment."""
    master_key_ids: tuple[str, ...]
    """Of the master keys without which its secrets do not open."""
    ledgers: Mapping[str, tuple[int, str]]
    """Position and SHA-256 by account id, as in a checkpoint. The backup has these events, and maybe later ones."""
    files: Mapping[str, str] = Field(repr=False)

    @classmethod
    def read(cls, directory: Path) -> "BackupManifest":
        """Raises DamagedBackup."""
        path = directory / FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise DamagedBackup(f"{directory} is no backup, or one that was broken off: it has no {FILE}.") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "it"
            raise DamagedBackup(
                f"{path} is damaged, or was written by a newer version: {where}: {first['msg']}."
            ) from None


def digest_ledgers(
    connection: psycopg.Connection, tell: Callable[[str, int, int], None], to: Mapping[str, int] | None = None
) -> dict[str, tuple[int, str]]:
    """Position and SHA-256 of each ledger as it is stored, whether it is whole or not, or of those `to` a position.
    In the caller's transaction."""
    wanted = dict(connection.execute(SQL["heads"]).fetchall()) if to is None else to
    total, done = sum(wanted.values()), 0
    found = {}
    for account_id, last in wanted.items():
        digest = LedgerDigest()
        reached = 0
        with connection.cursor("entries") as cursor:
            cursor.itersize = EVENTS_A_FETCH
            for position, state in cursor.execute(SQL["entries"], {"account_id": account_id, "to": last}, binary=True):
                reached = position
                digest.update(state)
                done += 1
                if done % EVENTS_A_FETCH == 0:
                    tell("reading the ledgers", done, total)
        found[account_id] = (reached, digest.sha256)
    return found
