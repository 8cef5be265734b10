"""The models' patterns are Java regular expressions: here they become Python's."""

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import cache

_CATEGORY = re.compile(r"\\p\{([LMNPSZ])\}")


def matcher(pattern: str) -> Callable[[str], object]:
    r"""A function that is true of a text which the pattern matches as a whole.

    In Java `\w` and `\d` are ASCII, `\p{L}` is a Unicode category, and `\u` takes four digits, as in Python.
    Raises re.error when Python cannot read what is left.
    """
    translated = _CATEGORY.sub(lambda found: _ranges_by_category()[found[1]], pattern)
    return re.compile(translated, re.ASCII).fullmatch


@cache
def _ranges_by_category() -> dict[str, str]:
    """Each general category's characters, as what stands between the brackets of a character class."""
    # Surrogates (Cs) and unassigned characters are in no category that a model names, so each range is one category.
    ranges: dict[str, list[str]] = {}
    first, current = 0, "C"
    for point in range(sys.maxunicode + 2):
        category = unicodedata.category(chr(point))[0] if point <= sys.maxunicode else ""
        if category != current:
            ranges.setdefault(current, []).append(f"\\U{first:08x}-\\U{point - 1:08x}")
            first, current = point, category
    return {category: "".join(parts) for category, parts in ranges.items()}
