"""Wildcards of Action, Resource and StringLike: `*` is any characters, `?` is one (docs/adr/0006)."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum

ARN_PARTS = 6
"""Parted by colons; the last, which names the resource, may have colons of its own."""

Test = Callable[[str], bool]

CHUNKED_CHARACTERS_MAX = 128
"""Of a pattern that is searched for piece by piece. At this length the worst text costs no more than the automaton's
one pass, which longer ones get."""


class Wildcard(Enum):
    """What a character of a pattern may stand for. Those of ANY and ONE match every character, a colon too; those of
    ANY_OF_PART and ONE_OF_PART stay within their part of an ARN."""

    ANY = "*"
    ONE = "?"
    ANY_OF_PART = "* of a part"
    ONE_OF_PART = "? of a part"


Token = str | Wildcard
"""A text that stands for itself, of one or more characters, or a wildcard."""

_FREE = {"*": Wildcard.ANY, "?": Wildcard.ONE}
_BOUND = {"*": Wildcard.ANY_OF_PART, "?": Wildcard.ONE_OF_PART}
_ONES = frozenset({Wildcard.ONE, Wildcard.ONE_OF_PART})


def tokens(pattern: str, free_from: int = 0) -> tuple[Token, ...]:
    """The pattern taken apart. In front of `free_from` wildcards stay within their part of an ARN, save that a `*`
    which ends a part may run on past colons. From there on, as in the part that names the resource, colons are
    characters like any other (IAM User Guide, "IAM JSON policy elements: Resource", "Using wildcards in resource
    ARNs")."""
    found: list[Token] = []
    start = 0
    for at, character in enumerate(pattern):
        if character not in _FREE:
            continue
        if at > start:
            found.append(pattern[start:at])
        start = at + 1
        ends_part = character == "*" and pattern[start : start + 1] in {"", ":"}
        found.append(_FREE[character] if at >= free_from or ends_part else _BOUND[character])
    if start < len(pattern):
        found.append(pattern[start:])
    return tuple(found)


def wildcard(pattern: str) -> Test:
    """A test for whole texts in which every character, a colon too, is like any other."""
    return matcher(tokens(pattern))


def arn_parts(text: str) -> list[str]:
    """Of an ARN or a pattern of one: six, or fewer where the text is none."""
    return text.split(":", ARN_PARTS - 1)


def resource_starts_at(pattern: str) -> int:
    """Where the sixth part of an ARN begins; the length of a text with fewer parts."""
    parts = arn_parts(pattern)
    return len(pattern) - len(parts[-1]) if len(parts) == ARN_PARTS else len(pattern)


def matcher(pattern: Iterable[Token]) -> Test:
    """A test for whole texts, in time linear in the text's length whatever the pattern."""
    pattern = tuple(pattern)
    if pattern == (Wildcard.ANY,):
        return lambda _text: True
    chunks = _chunks(pattern)
    if chunks is None:
        return _Automaton(pattern).accepts
    head, *middle, tail = chunks if len(chunks) > 1 else (chunks[0], "")
    if len(chunks) == 1:
        return head.__eq__
    if middle:
        small = sum(map(len, chunks)) <= CHUNKED_CHARACTERS_MAX
        return _several_stars(head, middle, tail) if small else _Automaton(pattern).accepts
    return _one_star(head, tail)


def _chunks(pattern: Iterable[Token]) -> list[str] | None:
    """The texts that stars part; None where the pattern has other wildcards."""
    chunks = [""]
    for token in pattern:
        if isinstance(token, str):
            chunks[-1] += token
        elif token is Wildcard.ANY:
            chunks.append("")
        else:
            return None
    return chunks


def _one_star(head: str, tail: str) -> Test:
    if not tail:
        return lambda text: text.startswith(head)
    shortest = len(head) + len(tail)
    return lambda text: text.startswith(head) and text.endswith(tail) and len(text) >= shortest


def _several_stars(head: str, middle: Sequence[str], tail: str) -> Test:
    """Each piece is taken where it first occurs behind the one before: no later place could fit better."""

    def test(text: str) -> bool:
        if not (text.startswith(head) and text.endswith(tail)):
            return False
        at, end = len(head), len(text) - len(tail)
        for chunk in middle:
            at = text.find(chunk, at, end)
            if at < 0:
                return False
            at += len(chunk)
        return at <= end

    return test


class _Automaton:
    """All ways in which a pattern can still match, as the bits of one integer (the Shift-And method).

    Bit i of the state says that the first i characters of the pattern, its stars not counted, fit what has been
    read. It never goes back in the text, so that no pattern makes it slow: matching by two pointers is quadratic
    for a pattern such as `*aaab`, and a regular expression worse than that with every further star.

    It is made for the first text that is long enough to match: of a pattern longer than any text, never.
    """

    __slots__ = ("_anything", "_goal", "_moves", "_pattern", "_shortest", "_stays", "_stays_on_colon")

    def __init__(self, pattern: tuple[Token, ...]) -> None:
        self._pattern = pattern
        self._shortest = sum(len(token) if isinstance(token, str) else token in _ONES for token in pattern)
        self._goal = 0

    def _prepare(self) -> None:
        exact: dict[str, int] = {}
        one = one_on_colon = stays = stays_on_colon = 0
        bit = 1
        for token in self._pattern:
            if isinstance(token, str):
                for character in token:
                    exact[character] = exact.get(character, 0) | bit
                    bit <<= 1
            elif token in _ONES:
                one |= bit
                if token is Wildcard.ONE:
                    one_on_colon |= bit
                bit <<= 1
            else:
                stays |= bit
                if token is Wildcard.ANY:
                    stays_on_colon |= bit
        self._moves = {character: bits | one for character, bits in exact.items()}
        self._moves[":"] = exact.get(":", 0) | one_on_colon
        self._anything = one
        self._stays = stays
        self._stays_on_colon = stays_on_colon
        self._goal = bit

    def accepts(self, text: str) -> bool:
        if len(text) < self._shortest:
            return False
        if not self._goal:
            self._prepare()
        moves, anything, stays, stays_on_colon = self._moves, self._anything, self._stays, self._stays_on_colon
        state = 1
        for character in text:
            stay = stays_on_colon if character == ":" else stays
            state = (state & moves.get(character, anything)) << 1 | state & stay
            if not state:
                return False
        return bool(state & self._goal)
