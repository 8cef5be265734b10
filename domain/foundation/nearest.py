"""What somebody who mistyped a value may have meant. Where nothing is like it nothing is said: guesses mislead."""

import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import islice

NEAREST_OF_MAX = 2_000
"""Of so many known values the nearest is looked for: comparing takes 50 µs each."""
NAME_LIKENESS_MIN = 0.6
"""So like, from 0 to 1, a name must be: two letters of five may differ."""
ID_LIKENESS_MIN = 0.85
"""And an id, of which half is the same in all of an account: three characters of twenty may differ."""
_NAMES_MAX = 10
_ID = re.compile(r"(?:A(?:KIA|SIA|IDA|ROA|GPA|NPA)|SESN|EXMP)[A-Z0-9]{4,}", re.IGNORECASE)


def close_to(given: str, known: Iterable[str], count: int = 1) -> list[str]:
    """Those that are most like it, if any are. What stands before the name in ARNs and paths does not make them so."""
    # The command imports this module for errors that most of its runs do not have.
    from difflib import SequenceMatcher, get_close_matches  # noqa: PLC0415

    by_name: dict[str, list[str]] = defaultdict(list)
    for each in islice(known, NEAREST_OF_MAX):
        if each != given:
            by_name[_name(each)].append(each)
    likeness_min = ID_LIKENESS_MIN if _ID.fullmatch(given) else NAME_LIKENESS_MIN
    names = get_close_matches(_name(given), by_name, n=_NAMES_MAX, cutoff=likeness_min)
    likeness = {
        each: SequenceMatcher(None, given.lower(), each.lower()).ratio() for name in names for each in by_name[name]
    }
    return sorted(likeness, key=lambda each: -likeness[each])[:count]


def nearest(given: str, known: Iterable[str]) -> str:
    """A sentence that names the known value that is most like it, whatever their case; empty where none is."""
    found = close_to(given, (each for each in known if each.lower() != given.lower()))
    return f" The nearest is {found[0]}." if found else ""


def _name(text: str) -> str:
    """The last part of an ARN or path."""
    return re.split("[/:]", text.lower())[-1] or text.lower()
