"""When what has failed is tried again."""

from datetime import datetime, timedelta

from domain.foundation.identifiers import Random

FIRST_PAUSE = timedelta(milliseconds=100)
"""A target is told in order, so what waits for a second try holds up all that follows."""
PAUSE_MAX = timedelta(hours=1)
DEAD_AFTER = timedelta(days=3)
"""Of failures without a success. A dead target is tried on, once an hour."""
_DOUBLINGS_MAX = 16
"""With which the longest pause is reached."""


def next_attempt(failures: int, at: datetime, random: Random) -> datetime:
    """After so many failures in a row, 1 or more: the pause doubles up to an hour, less up to a half of it, so that
    not all who failed together come back together."""
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(failures - 1, _DOUBLINGS_MAX), PAUSE_MAX)
    return at + pause * (0.5 + int.from_bytes(random(4)) / 2**33)


def is_dead(failing_since: datetime | None, at: datetime) -> bool:
    return failing_since is not None and at - failing_since >= DEAD_AFTER
