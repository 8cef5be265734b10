"""`muniment`, killed as with -9 at a point: `python -m tests.services.cli.killed_rotation POINT WORDS…`."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from services.cli.entry_point import main
from services.cli.lib.remote import RemoteClient

BEFORE_RENAME, AFTER_RENAME = "before rename", "after rename"
"""The other points are names of questions: killed when it is answered, before anybody hears of it."""


def killed() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("Nobody survives that.")


def at(point: str) -> None:
    ask: Callable[..., Any] = RemoteClient.ask
    rename: Callable[..., Any] = Path.rename

    def asks(self: RemoteClient, question: Any) -> Any:
        answer = ask(self, question)
        return killed() if type(question).__name__ == point else answer

    def renames(self: Path, target: Path) -> Any:
        if point == BEFORE_RENAME:
            killed()
        renamed = rename(self, target)
        return killed() if point == AFTER_RENAME else renamed

    RemoteClient.ask = asks  # type: ignore[method-assign]
    Path.rename = renames  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    at(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
