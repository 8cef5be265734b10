"""Whether the log of heads is the one that was published: the newest checkpoint that this server signed is kept outside
of the database, and witnesses keep theirs (docs/adr/0069)."""

import logging
import os
from pathlib import Path

import psycopg

from domain.evidence.checkpoints import LogCheckpoint, parse_checkpoint
from domain.evidence.merkle import root_hash
from domain.evidence.signed_notes import NOTE_BYTES_MAX, InvalidNote, parse_note
from services.transparency.tiles import HEADS, SQL, node_reader

log = logging.getLogger("muniment.log")


class PublishedFile:
    """The newest checkpoint that this server has published, beside the database."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, note: str) -> None:
        """As a whole or not at all. After a loss of power it may be an older one, or none. Raises OSError."""
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        draft.write_text(note)
        draft.replace(self._path)

    def read(self) -> LogCheckpoint | None:
        """Nothing of it was trusted when it was kept, and its signature says no more than where it lies."""
        try:
            with self._path.open("rb") as file:
                return parse_checkpoint(parse_note(file.read(NOTE_BYTES_MAX)).text)
        except FileNotFoundError:
            return None
        except (OSError, InvalidNote) as error:
            log.warning("%s is no checkpoint that can be read, and is not compared: %s", self._path, error)
            return None

    def contradiction(self, cursor: psycopg.Cursor) -> str | None:
        """What the file says that the log of heads in the database does not; None where they agree, and where the file
        is of a log that this one has replaced."""
        kept = self.read()
        ((origin, size),) = cursor.execute(SQL["published_state"]).fetchall()
        if kept is None:
            return None
        if origin is not None and kept.origin != origin:
            ((was_here,),) = cursor.execute(SQL["was_published"], {"origin": kept.origin}).fetchall()
            said = f"{self._path}: {kept.size} entries were published as {kept.origin}, of which nothing is here"
            return None if was_here else f"{said}; the log here is {origin}."
        if kept.size > size:
            return f"{self._path}: {kept.size} entries of the log of heads were published; there are {size} here."
        if root_hash(kept.size, node_reader(cursor, HEADS, kept.size)) != kept.root:
            return f"{self._path}: the first {kept.size} entries of the log of heads were others than here."
        return None
