"""Wildcards, as the Action and Resource elements and StringLike use them: `*` is any characters, `?` is one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Test = Callable[[str], bool]


def wildcard(pattern: str) -> Test:
    """A test for whole texts in which every character, a colon too, is like any other."""
    return _simple(pattern) or _Automaton(pattern, 0).accepts


def arn_wildcard(pattern: str) -> Test:
    """A test for whole ARNs, part by part.

    In the first five parts a wildcard stays within its part, save that a `*` which ends a part may run on past
    colons; in the sixth, which names the resource, colons are characters like any other.
    (IAM User Guide, "IAM JSON policy elements: Resource", "Using wildcards in resource ARNs".)
    """
    return _simple(pattern) or _Automaton(pattern, _resource_starts_at(pattern)).accepts


def _simple(pattern: str) -> Test | None:
    """The two forms that nearly all patterns have need no automaton: no wildcard at all, or one `*` at the end."""
    head = pattern.removesuffix("*")
    if "*" in head or "?" in head:
        return None
    if head == pattern:
        return pattern.__eq__
    return lambda text: text.startswith(head)


def _resource_starts_at(pattern: str) -> int:
    """Where the sixth part begins; the length of a pattern with fewer parts."""
    parts = pattern.split(":", 5)
    return len(pattern) - len(parts[5]) if len(parts) == 6 else len(pattern)  # noqa: PLR2004  an ARN has six parts


class _Automaton:
    """All ways in which a pattern can still match, as the bits of one integer (the Shift-And method).

    Bit i of the state says that the first i characters of the pattern, its stars not counted, fit what has been
    read. It never goes back in the text, so that no pattern makes it slow: matching by two pointers is quadratic
    for a pattern such as `*aaab`, and a regular expression worse than that with every further star.
    """

    __slots__ = ("_anything", "_goal", "_head", "_moves", "_stays", "_stays_on_colon", "_tail")

    def __init__(self, pattern: str, free_from: int) -> None:
        """Wildcards before `free_from` do not match a colon."""
        self._head, *_, self._tail = pattern.replace("?", "*").split("*")
        exact: dict[str, int] = {}
        one = one_on_colon = stays = stays_on_colon = 0
        bit = 1
        for at, character in enumerate(pattern):
            free = at >= free_from
            if character == "*":
                stays |= bit
                if free or pattern[at + 1 : at + 2] in {"", ":"}:
                    stays_on_colon |= bit
                continue
            if character == "?":
                one |= bit
                one_on_colon |= bit if free else 0
            else:
                exact[character] = exact.get(character, 0) | bit
            bit <<= 1
        self._moves = {character: bits | one for character, bits in exact.items()}
        self._moves[":"] = exact.get(":", 0) | one_on_colon
        self._anything = one
        self._stays = stays
        self._stays_on_colon = stays_on_colon
        self._goal = bit

    def accepts(self, text: str) -> bool:
        if not (text.startswith(self._head) and text.endswith(self._tail)):
            return False
        moves, anything, stays, stays_on_colon = self._moves, self._anything, self._stays, self._stays_on_colon
        state = 1
        for character in text:
            stay = stays_on_colon if character == ":" else stays
            state = (state & moves.get(character, anything)) << 1 | state & stay
            if not state:
                return False
        return bool(state & self._goal)


@dataclass(frozen=True, slots=True)
class Patterns:
    """What one element of a statement lists. `negated` in NotAction and NotResource: matches what no pattern does."""

    texts: tuple[str, ...]
    negated: bool
    tests: tuple[Test, ...]

    def match(self, text: str) -> bool:
        for test in self.tests:
            if test(text):
                return not self.negated
        return self.negated


def action_patterns(texts: Iterable[str], *, negated: bool) -> Patterns:
    """Actions are case-insensitive: give `match` a lower-cased action."""
    texts = tuple(texts)
    return Patterns(texts, negated, tuple(wildcard(text.lower()) for text in texts))


def resource_patterns(texts: Iterable[str], *, negated: bool) -> Patterns:
    texts = tuple(texts)
    return Patterns(texts, negated, tuple(arn_wildcard(text) for text in texts))
