"""What somebody who mistyped a value may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

NEAREST_OF_MAX = 2_000
"""Of so many known values the nearest is looked for: comparing takes 50 µs each."""


def nearest(given: str, known: Iterable[str]) -> str:
    """A sentence that names the known value that is most like it; empty where none is known."""
    by_lower = {each.lower(): each for each in known if each.lower() != given.lower()}
    found = get_close_matches(given.lower(), list(by_lower)[:NEAREST_OF_MAX], n=1, cutoff=0.0)
    return f" The nearest is {by_lower[found[0]]}." if found else ""
