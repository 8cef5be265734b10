"""How two wildcard patterns stand to one another: whether one covers the other, and whether a text can match both.

Neither compiles anything that a policy says: both run one pattern's characters through the other's states, kept as
the bits of one integer, as `match` does with texts. Linear in one pattern, times a word for each 64 characters of the
other.
"""

import re
from functools import lru_cache

from domain.policy.wildcards import ARN_PARTS, arn_parts

_WILDCARDS = re.compile(r"[*?]+")


def is_everything(pattern: str) -> bool:
    """Whether it is written with stars alone."""
    return set(pattern) == {"*"}


def covers(wide: str, narrow: str) -> bool:
    """Whether every text that `narrow` matches is matched by `wide`. True is a proof, False may be a failed one."""
    return _states(wide).covers(_ordered(narrow))


def overlap(one: str, other: str) -> bool:
    """Whether some text matches both."""
    return _states(one).overlap(_ordered(other))


def arn_covers(wide: str, narrow: str) -> bool:
    """`covers` for patterns that are matched as the Resource element is: part by part, a `*` at the end of one of the
    first five parts reaching past colons. Of patterns with variables, whose values are not known, only the same one
    and `*` are said to be covering."""
    if wide == narrow or is_everything(wide):
        return True
    if "${" in wide or "${" in narrow:
        return False
    parts, theirs = arn_parts(wide), arn_parts(narrow)
    if len(parts) > len(theirs):
        return False
    if len(parts) < len(theirs) and not parts[-1].endswith("*"):
        return False
    pairs = list(zip(parts, theirs, strict=False))
    # What runs past colons must be met by what does: `*?` covers `?*`, but stays within its part.
    if any(their.endswith("*") and not part.endswith("*") for part, their in pairs[: ARN_PARTS - 1]):
        return False
    return all(covers(part, their) for part, their in pairs)


def arn_overlap(form: str, pattern: str) -> bool:
    """Whether an ARN of a form, in which a `*` of the first five parts stands for one of them, can be matched as the
    Resource element is. False is a proof, True may be a failed one."""
    forms, parts = arn_parts(form), arn_parts(pattern)
    if len(forms) != len(parts) or any(part.endswith("*") for part in parts[:-1]):
        # A star that may run past colons: the parts need not be opposite one another.
        return overlap(form, pattern)
    return all(map(overlap, forms, parts))


def redundant(patterns: list[str], *, arns: bool) -> list[tuple[int, int]]:
    """For each pattern that another one covers: its index, and that of one which stays when it goes."""
    cover = arn_covers if arns else covers
    gone: list[tuple[int, int]] = []
    for index, pattern in enumerate(patterns):
        for other, wide in enumerate(patterns):
            # Of two that cover one another the first stays.
            if other != index and cover(wide, pattern) and (other < index or not cover(pattern, wide)):
                gone.append((index, other))
                break
    return gone


def _ordered(pattern: str) -> str:
    """The same pattern with each run of wildcards as so many `?` and at most one `*`, so that `*?` and `?*` are one."""
    return _WILDCARDS.sub(lambda run: "?" * run[0].count("?") + "*" * ("*" in run[0]), pattern)


class _States:
    """Bit i says that the first i characters of the pattern, its stars not counted, can have been used up."""

    __slots__ = ("_any", "_goal", "_moves", "_stays")

    def __init__(self, pattern: str) -> None:
        self._moves: dict[str, int] = {}
        self._any = self._stays = 0
        bit = 1
        for character in _ordered(pattern):
            if character == "*":
                self._stays |= bit
                continue
            if character == "?":
                self._any |= bit
            else:
                self._moves[character] = self._moves.get(character, 0) | bit
            bit <<= 1
        self._goal = bit

    def covers(self, narrow: str) -> bool:
        """A star of the narrow pattern must be met by a star, its `?` by a star or a `?`."""
        state = 1
        for character in narrow:
            stay = state & self._stays
            moves = 0 if character == "*" else self._moves.get(character, 0) | self._any
            state = (state & moves) << 1 | stay
        return bool(state & self._goal)

    def overlap(self, other: str) -> bool:
        """A star or `?` of the other pattern can be whatever this one wants next."""
        state, every = 1, 2 * self._goal - 1
        for character in other:
            stay = state & self._stays
            match character:
                case "*":
                    state = every & -(state & -state)
                case "?":
                    state = state << 1 & every | stay
                case _:
                    state = (state & (self._moves.get(character, 0) | self._any)) << 1 | stay
        return bool(state & self._goal)


_states = lru_cache(maxsize=1_024)(_States)
