"""What reaches a terminal: no text that came from a request as it is, for it may hold escape sequences. And what ends a
command without being a defect: one line for a person, and an exit code."""

import re
import sys

_ESCAPE_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences (ECMA-48 section 5.4)
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # control strings (section 5.6)
    r"|\x1b[ -/]*[0-~]?"  # all others (sections 5.3 and 5.5)
)


def printable(text: str) -> str:
    """Without escape sequences, and without anything else that moves the cursor or turns the writing round."""
    return "".join(character for character in _ESCAPE_SEQUENCES.sub("", text) if character.isprintable())


def print_note(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(f"muniment: {printable(text)}\n")


def print_line(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(printable(text) + "\n")


class Failure(Exception):  # noqa: N818  said to a person
    """Exit code 1. Its message is what the person reads."""


class UsageError(Failure):
    """Exit code 2: the command itself was wrong, and nobody was asked."""
