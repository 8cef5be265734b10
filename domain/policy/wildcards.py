"""Wildcards of Action, Resource and StringLike: `*` is any characters, `?` is one (docs/adr/0006)."""

import re
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
_WILD = re.compile("[*?]")
_ONES = frozenset({Wildcard.ONE, Wildcard.ONE_OF_PART})


def tokens(pattern: str, free_from: int = 0) -> tuple[Token, ...]:
    """The pattern taken apart. In front of `free_from` wildcards stay within their part of an ARN, save that a `*`
    which ends a part may run on past colons. From there on, as in the part that names the resource, colons are
    characters like any other (IAM User Guide, "IAM JSON policy elements: Resource", "Using wildcards in resource
    ARNs")."""
    found: list[Token] = []
    start = 0
    for wild in _WILD.finditer(pattern):
        at, character = wild.start(), wild[0]
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
    texts = chunks(pattern)
    if texts is None:
        return Automaton([pattern]).accepts
    head, *middle, tail = texts if len(texts) > 1 else (texts[0], "")
    if len(texts) == 1:
        return head.__eq__
    if middle:
        return _several_stars(head, middle, tail) if searchable(texts) else Automaton([pattern]).accepts
    return _one_star(head, tail)


def searchable(texts: Iterable[str]) -> bool:
    """Whether texts that stars part are searched for piece by piece."""
    return sum(map(len, texts)) <= CHUNKED_CHARACTERS_MAX


def chunks(pattern: Iterable[Token]) -> list[str] | None:
    """The texts that stars part; None where the pattern has other wildcards."""
    texts = [""]
    for token in pattern:
        if isinstance(token, str):
            texts[-1] += token
        elif token is Wildcard.ANY:
            texts.append("")
        else:
            return None
    return texts


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


class Automaton:
    """All ways in which patterns can still match, as the bits of one integer (the Shift-And method): one pass over the
    text, however many the patterns are.

    They stand side by side, each with a bit more than it has characters, stars not counted. The bit i of a pattern says
    that its first i characters fit what has been read; the last one moves nowhere, so none runs into the next pattern.
    It never goes back in the text, so that no pattern makes it slow: matching by two pointers is quadratic for a
    pattern such as `*aaab`, and a regular expression worse than that with every further star.

    It is made for the first text that is long enough to match: of patterns longer than any text, never.
    """

    __slots__ = (
        "_anything",
        "_goals",
        "_moves",
        "_patterns",
        "_shortest",
        "_starts",
        "_stays",
        "_stays_on_colon",
        "width",
    )

    def __init__(self, patterns: Sequence[tuple[Token, ...]]) -> None:
        self._patterns: Sequence[tuple[Token, ...]] = patterns
        lengths = [characters(pattern) for pattern in patterns]
        self.width = sum(lengths) + len(lengths)
        """Bits of the integer."""
        self._shortest = min(lengths)
        self._goals = 0

    def prepare(self) -> None:
        """In time linear in the patterns' characters."""
        if not (patterns := self._patterns):
            return  # Another thread has done it.
        size = self.width // 8 + 1
        ones, ones_on_colon, stays, stays_on_colon, starts, goals = (bytearray(size) for _ in range(6))
        exact: dict[str, bytearray] = {}
        at = 0
        for pattern in patterns:
            starts[at >> 3] |= 1 << (at & 7)
            for token in pattern:
                if type(token) is str:
                    for character in token:
                        places = exact.get(character)
                        if places is None:
                            places = exact[character] = bytearray(size)
                        places[at >> 3] |= 1 << (at & 7)
                        at += 1
                elif token in _ONES:
                    ones[at >> 3] |= 1 << (at & 7)
                    if token is Wildcard.ONE:
                        ones_on_colon[at >> 3] |= 1 << (at & 7)
                    at += 1
                else:
                    stays[at >> 3] |= 1 << (at & 7)
                    if token is Wildcard.ANY:
                        stays_on_colon[at >> 3] |= 1 << (at & 7)
            goals[at >> 3] |= 1 << (at & 7)
            at += 1
        self._anything = _number(ones)
        self._moves = {character: _number(places) | self._anything for character, places in exact.items()}
        self._moves[":"] = _number(exact.get(":", b"")) | _number(ones_on_colon)
        self._stays, self._stays_on_colon = _number(stays), _number(stays_on_colon)
        self._starts, self._goals = _number(starts), _number(goals)
        # Only now: whoever sees none relies on the rest. They take more memory than the bits do.
        self._patterns = ()

    def accepts(self, text: str) -> bool:
        """Whether one of the patterns matches."""
        if len(text) < self._shortest:
            return False
        if not self._goals:
            self.prepare()
        moves, anything, stays, stays_on_colon = self._moves, self._anything, self._stays, self._stays_on_colon
        state = self._starts
        for character in text:
            stay = stays_on_colon if character == ":" else stays
            state = (state & moves.get(character, anything)) << 1 | state & stay
            if not state:
                return False
        return bool(state & self._goals)


def characters(pattern: Iterable[Token]) -> int:
    """That a text has at least to match."""
    return sum([len(token) if isinstance(token, str) else token in _ONES for token in pattern])


def _number(bits: bytes | bytearray) -> int:
    return int.from_bytes(bits, "little")
