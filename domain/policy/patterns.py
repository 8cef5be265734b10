"""How two wildcard patterns stand to one another: whether one covers the other, and whether a text can match both.

Neither compiles anything that a policy says: both run one pattern's characters through the other's states, kept as
the bits of one integer, as `match` does with texts. Linear in one pattern, times a word for each 64 characters of the
other.
"""

import re

_WILDCARDS = re.compile(r"[*?]+")


def covers(wide: str, narrow: str) -> bool:
    """Whether every text that `narrow` matches is matched by `wide`. True is a proof, False may be a failed one."""
    return _States(wide).covers(_ordered(narrow))


def overlap(one: str, other: str) -> bool:
    """Whether some text matches both."""
    return _States(one).overlap(_ordered(other))


def arn_covers(wide: str, narrow: str) -> bool:
    """`covers` for patterns that are matched as the Resource element is: part by part, a `*` at the end of one of the
    first five parts reaching past colons. Of patterns with variables, whose values are not known, only the same one
    and `*` are said to be covering."""
    if wide == narrow or not wide.strip("*"):
        return True
    if "${" in wide or "${" in narrow:
        return False
    parts = wide.split(":", 5)
    theirs = narrow.split(":", 5)
    if len(parts) > len(theirs):
        return False
    if len(parts) < len(theirs) and not parts[-1].endswith("*"):
        return False
    return all(covers(part, their) for part, their in zip(parts, theirs, strict=False))


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
