"""Signed notes: a text, and lines with signatures of it (C2SP signed-note)."""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass

NOTE_BYTES_MAX = 1 << 20
SIGNATURES_MAX = 100
"""Of a note that is read. The specification asks for at least 16."""
KEY_ID_BYTES = 4
_SIGNATURE_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


class InvalidNote(Exception):  # noqa: N818  reads as the verdict that it is
    """What is not a signed note, or not one that a known key has signed. The message says why."""


@dataclass(frozen=True, slots=True)
class NoteSignature:
    name: str
    """Of the key."""
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        """The line, without its end."""
        return f"— {self.name} {b64encode(self.key_id + self.signature).decode()}"


@dataclass(frozen=True, slots=True)
class SignedNote:
    text: str
    """With its last newline."""
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(f"{each}\n" for each in self.signatures)

    def with_signatures(self, more: Iterable[NoteSignature]) -> "SignedNote":
        """With those that it has not got yet."""
        new = [each for each in dict.fromkeys(more) if each not in self.signatures]
        return SignedNote(self.text, (*self.signatures, *new))


def parse_note(content: bytes) -> SignedNote:
    """Raises InvalidNote."""
    if len(content) > NOTE_BYTES_MAX:
        raise InvalidNote(f"A note has at most {NOTE_BYTES_MAX} bytes; got {len(content)}.")
    try:
        note = content.decode()
    except UnicodeDecodeError as error:
        raise InvalidNote("A note is UTF-8.") from error
    if any(character < " " and character != "\n" for character in note):
        raise InvalidNote("A note has no control characters but newlines.")
    text, separator, lines = note.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise InvalidNote("A note is a text, an empty line, and lines with signatures, each with its end.")
    return SignedNote(text + "\n", parse_signatures(lines))


def parse_signatures(lines: str) -> tuple[NoteSignature, ...]:
    """Of lines that each have their end. Raises InvalidNote."""
    *found, rest = lines.split("\n")
    if rest or not found or len(found) > SIGNATURES_MAX:
        raise InvalidNote(f"A note has 1 to {SIGNATURES_MAX} lines with signatures, each with its end.")
    return tuple(map(_parse_signature, found))


def _parse_signature(line: str) -> NoteSignature:
    found = _SIGNATURE_LINE.fullmatch(line)
    content = b"" if found is None else decode_base64(found[2])
    if found is None or len(content) <= KEY_ID_BYTES:
        raise InvalidNote(f"A signature is a line such as '— NAME BASE64'; got {line[:100]!r}.")
    return NoteSignature(found[1], content[:KEY_ID_BYTES], content[KEY_ID_BYTES:])


def decode_base64(text: str) -> bytes:
    """RFC 4648, section 4, written in the one way there is. Raises InvalidNote."""
    try:
        content = b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidNote(f"{text[:100]!r} is not base64.") from error
    if b64encode(content).decode() != text:
        raise InvalidNote(f"{text[:100]!r} is not the base64 of anything.")
    return content
