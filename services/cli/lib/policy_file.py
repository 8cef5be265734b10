"""Policies, and other documents that commands are given in files."""

import sys
from pathlib import Path

from domain.policy import TEXT_CHARACTERS_MAX
from services.cli.lib.terminal import UsageError

STANDARD_INPUT = "-"
BYTES_MAX = 4 * TEXT_CHARACTERS_MAX
"""As many as so many characters can have. Of what is longer one more is read, so that it is refused as too long."""


def read_document(name: str) -> str:
    """Its text. Raises UsageError when there is no text to be had."""
    try:
        if name == STANDARD_INPUT:
            content = sys.stdin.buffer.read(BYTES_MAX + 4)
        else:
            with Path(name).open("rb") as file:
                content = file.read(BYTES_MAX + 4)
        # What is cut off may end within a character.
        return content.decode("utf-8", errors="strict" if len(content) <= BYTES_MAX else "replace")
    except OSError as error:
        raise UsageError(f"Cannot read {name}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not in UTF-8: byte {error.start}.") from error
