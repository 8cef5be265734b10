"""What reaches a terminal: no text that came from a request as it is, for it may hold escape sequences. And what ends a
command without being a defect: one line for a person, and an exit code."""

import os
import re
import shutil
import sys
import textwrap
from enum import Enum
from typing import TextIO

_ESCAPE_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences (ECMA-48 section 5.4)
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # control strings (section 5.6)
    r"|\x1b[ -/]*[0-~]?"  # all others (sections 5.3 and 5.5)
)


def printable(text: str) -> str:
    """Without escape sequences, and without anything else that moves the cursor or turns the writing round."""
    return "".join(character for character in _ESCAPE_SEQUENCES.sub("", text) if character.isprintable())


def visible(text: str) -> str:
    """With every character that shows nothing, moves the cursor or turns the writing round as U+ and its number."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else f"[U+{ord(character):04X}]" for character in text)


class Colour(Enum):
    """Select Graphic Rendition (ECMA-48, section 8.3.117)."""

    BOLD = 1
    FAINT = 2
    RED = 31
    GREEN = 32
    YELLOW = 33


def colours_shown(out: TextIO) -> bool:
    """On a terminal, unless somebody has said otherwise (https://no-color.org), or it is known to have none."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text: str, colour: Colour | None) -> str:
    return text if colour is None or not text else f"\x1b[{colour.value}m{text}\x1b[0m"


def stdout_width() -> int | None:
    """In characters, where standard output is a terminal; None where nothing is to be broken, such as in a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_note(text: str, colour: Colour | None = None) -> None:
    """One line on standard error, of however many the text has."""
    _print(sys.stderr, f"muniment: {' '.join(text.splitlines())}", colour)


def print_line(text: str, colour: Colour | None = None) -> None:
    """A line on standard output."""
    _print(sys.stdout, text, colour)


def print_heading(title: str) -> None:
    """Above what belongs together on standard output, apart from what stands before it."""
    print_line("")
    print_line(title.upper(), Colour.BOLD)


def print_wrapped(text: str, indent: str = "", colour: Colour | None = None) -> None:
    """On standard output, broken between words where its terminal ends; later lines begin with `indent`."""
    for line in wrapped(printable(text), stdout_width(), indent):
        print_line(line, colour)


def wrapped(text: str, width: int | None, indent: str = "") -> list[str]:
    """Between words only: no id, name or ARN is ever cut."""
    if width is None or len(text) <= width:
        return [text]
    return textwrap.wrap(
        text, max(width, len(indent) + 1), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _print(out: TextIO, text: str, colour: Colour | None) -> None:
    shown = printable(text)
    out.write((painted(shown, colour) if colours_shown(out) else shown) + "\n")


def os_error_text(error: OSError) -> str:
    """In words, without the number."""
    said = error.strerror or str(error)
    return f"{said}: {error.filename}" if error.filename is not None else said


class Failure(Exception):  # noqa: N818  said to a person
    """Exit code 1. Its message is what the person reads."""


class UsageError(Failure):
    """Exit code 2: the command itself was wrong, and nobody was asked."""
