"""Plays the story of the README on a throw-away server and shows what is typed and what comes back: `make demo`."""

import sys

from tests.clients.server import running_server
from tests.clients.story import Story

LINES_SHOWN_MAX = 14


def show(text: str) -> None:
    lines = text.splitlines()
    for line in lines[:LINES_SHOWN_MAX]:
        sys.stdout.write(line + "\n")
    if len(lines) > LINES_SHOWN_MAX:
        sys.stdout.write(f"… {len(lines) - LINES_SHOWN_MAX} more lines\n")
    sys.stdout.flush()


if __name__ == "__main__":
    show("Starting a throw-away server …")
    with running_server() as running:
        show(f"It answers on {running.endpoint}.")
        Story(running, show).tell()
    show("\nThe story is over; the server and its data are gone.")
