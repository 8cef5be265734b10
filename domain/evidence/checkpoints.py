"""Checkpoints of transparency logs (C2SP tlog-checkpoint)."""

import re
from base64 import b64encode
from dataclasses import dataclass

from domain.evidence.merkle import HASH_BYTES, SIZE_MAX
from domain.evidence.signed_notes import InvalidNote, decode_base64

ORIGIN_CHARACTERS_MAX = 255
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class LogCheckpoint:
    """What a log had come to."""

    origin: str
    """Which log it is."""
    size: int
    """In entries."""
    root: bytes
    """Of its Merkle tree."""
    extensions: tuple[str, ...] = ()
    """Further lines, of which this program writes none."""

    @property
    def body(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse_checkpoint(body: str) -> LogCheckpoint:
    """Raises InvalidNote."""
    *lines, rest = body.split("\n")
    if rest or len(lines) < 3 or not all(lines):  # noqa: PLR2004  the three that it has at least
        raise InvalidNote("A checkpoint is an origin, a size, a root, and whatever follows, a line each.")
    origin, size, root, *extensions = lines
    if len(origin) > ORIGIN_CHARACTERS_MAX:
        raise InvalidNote(f"The origin of a checkpoint has at most {ORIGIN_CHARACTERS_MAX} characters.")
    if len(found := decode_base64(root)) != HASH_BYTES:
        raise InvalidNote(f"The root of a checkpoint has {HASH_BYTES} bytes; got {len(found)}.")
    return LogCheckpoint(origin, parse_decimal(size, "size of a checkpoint"), found, tuple(extensions))


def parse_decimal(text: str, what: str) -> int:
    """Without leading zeroes. Raises InvalidNote."""
    if _DECIMAL.fullmatch(text) is None or int(text) > SIZE_MAX:
        raise InvalidNote(f"The {what} is a number from 0 to {SIZE_MAX}, without leading zeroes; got {text[:30]!r}.")
    return int(text)
