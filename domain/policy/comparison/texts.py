"""Is there a text that matches these patterns and none of those? With the text, or the proof that there is none.

All patterns go through one text side by side, as the bits of one integer, as `wildcards.Automaton` has them: each reads
the characters that make a difference to one of them, and one that stands for all others. A walk over the states that
can be reached, shortest texts first, ends at a text or has seen all there are (docs/adr/0060).

A policy variable is a character of its own, which stands for whatever a request fills in. Where texts are spelt by a
pattern with variables, the same variable fits it, and a free `*`; the other patterns that a text has to match are then
taken to match whatever they might. So `None` is a proof for all values, and a text with variables in it is none.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

from domain.policy.comparison.budget import Budget
from domain.policy.variables import Variable
from domain.policy.wildcards import Wildcard


class Folded(str):
    """A text that is compared whatever its case."""

    __slots__ = ()


class AsciiFolded(str):
    """A lower-case text whose letters may be capitals too."""

    __slots__ = ()


class FoldedVariable(Variable):
    """One whose value is compared whatever its case."""

    __slots__ = ()


Part = str | Wildcard | Variable
Pattern = tuple[Part, ...]
_FREE = Wildcard.ANY
_STANDS_FOR_A_VARIABLE = 0xF0000
"""Private characters; no document has them."""
_OTHERS = "xyzwvutsrqponmlkjihgfedcba0123456789"
_CASED = (*range(0x3000), *range(0xFB00, 0xFB07))
"""Among these are all characters that fold to what a policy can say; a test goes through all of Unicode."""


@lru_cache(maxsize=1)
def foldings() -> dict[str, tuple[str, ...]]:
    """The characters that a folded text may have been, by what they fold to."""
    found: dict[str, list[str]] = {}
    for code in _CASED:
        found.setdefault(chr(code).casefold(), []).append(chr(code))
    return {folded: tuple(characters) for folded, characters in found.items()}


@lru_cache(maxsize=1)
def _long_foldings() -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((folded, characters) for folded, characters in foldings().items() if len(folded) > 1)


class _Machine:
    """Bit i of a pattern says that its first i pieces fit what was read. Each has one bit more than pieces."""

    def __init__(self) -> None:
        self.moves: dict[str, dict[int, int]] = {}
        """Which bits a character moves, by how far."""
        self.ones = self.ones_off_colon = self.stays = self.stays_off_colon = self.stays_on_symbol = 0
        self.starts = self.width = 0
        self.spans: list[int] = []
        """The bits of each pattern."""

    def add(self, pattern: Pattern, symbols: dict[Hashable, str] | None, *, takes_symbols: bool = False) -> int:
        """Its last bit. Without symbols, a variable is any text; `takes_symbols`: so is one to its stars."""
        first = self.width
        self.starts |= 1 << first
        for part in pattern:
            if isinstance(part, Variable):
                self._add_variable(part, symbols)
            elif isinstance(part, Wildcard):
                if part is _FREE and takes_symbols:
                    self.stays_on_symbol |= 1 << self.width
                self._add_wildcard(part)
            else:
                self._add_text(part)
        goal = 1 << self.width
        self.width += 1
        self.spans.append((1 << self.width) - (1 << first))
        return goal

    def _add_variable(self, variable: Variable, symbols: dict[Hashable, str] | None) -> None:
        if symbols is None:
            self._add_wildcard(_FREE)
            return
        exact = (variable.context_key, variable.default)
        kinds = [exact, (*exact, "folded")] if isinstance(variable, FoldedVariable) else [exact]
        for kind in kinds:
            self._move(symbols.setdefault(kind, chr(_STANDS_FOR_A_VARIABLE + len(symbols))), 1)
        self.width += 1

    def _add_wildcard(self, wildcard: Wildcard) -> None:
        bit = 1 << self.width
        match wildcard:
            case Wildcard.ANY:
                self.stays |= bit
            case Wildcard.ANY_OF_PART:
                self.stays_off_colon |= bit
            case Wildcard.ONE:
                self.ones |= bit
                self.width += 1
            case Wildcard.ONE_OF_PART:
                self.ones_off_colon |= bit
                self.width += 1

    def _add_text(self, text: str) -> None:
        if isinstance(text, Folded):
            for folded, characters in _long_foldings():
                at = text.find(folded)
                while at >= 0:
                    for character in characters:
                        self._move(character, len(folded), at)
                    at = text.find(folded, at + 1)
        for character in text:
            if isinstance(text, Folded):
                variants: Iterable[str] = foldings().get(character, (character,))
            else:
                variants = {character, character.upper()} if isinstance(text, AsciiFolded) else (character,)
            for variant in variants:
                self._move(variant, 1)
            self.width += 1

    def _move(self, character: str, distance: int, ahead: int = 0) -> None:
        moves = self.moves.setdefault(character, {})
        moves[distance] = moves.get(distance, 0) | 1 << self.width + ahead

    def step(self, state: int, character: str) -> int:
        off_colon = character != ":"
        stay = self.stays | self.stays_off_colon if off_colon else self.stays
        ones = self.ones | self.ones_off_colon if off_colon else self.ones
        found = (state & ones) << 1 | state & stay
        for distance, bits in self.moves.get(character, {}).items():
            found |= (state & bits) << distance
        return found

    def step_symbol(self, state: int, symbol: str, lenient: Sequence[int]) -> int:
        """What stands for a variable's value: the lenient ones take it for whatever they want next."""
        found = state & self.stays_on_symbol
        for distance, bits in self.moves.get(symbol, {}).items():
            found |= (state & bits) << distance
        for span in lenient:
            reached = state & span
            found |= span & -(reached & -reached)
        return found


def find_text(
    required: Sequence[Sequence[Pattern]], excluded: Sequence[Pattern], budget: Budget, *, symbolic: bool = False
) -> str | None:
    """One that matches a pattern of each of the required lists and none of the excluded ones. Only if `symbolic` do
    patterns have variables: then a text that is found shows nothing, but that there is no proof."""
    driver = next((index for index, group in enumerate(required) if any(map(_varies, group))), -1)
    machine, symbols = _Machine(), dict[Hashable, str]()
    goals: list[int] = []
    lenient: list[int] = []
    for index, group in enumerate(required):
        before = len(machine.spans)
        spelt = symbols if index == driver else None
        goals.append(_all(machine.add(_widened(pattern), spelt) for pattern in group))
        if index != driver:
            lenient += machine.spans[before:]
    spans = _spans_of_groups(machine, required)
    spoken = tuple(symbols.values())
    unwanted = _all(machine.add(pattern, symbols, takes_symbols=True) for pattern in excluded)
    assert symbolic or not symbols, "Only values that are filled in can be found."
    return _walk(machine, goals, spans, unwanted, spoken, lenient, budget)


def _walk(
    machine: _Machine,
    goals: Sequence[int],
    spans: Sequence[int],
    unwanted: int,
    symbols: Sequence[str],
    lenient: Sequence[int],
    budget: Budget,
) -> str | None:
    alphabet = _alphabet(machine)
    price = 1 + machine.width // 512
    seen = {machine.starts}
    waiting = deque([(machine.starts, "")])
    while waiting:
        state, text = waiting.popleft()
        if all(state & goal for goal in goals) and not state & unwanted:
            return text
        budget.take(price * len(alphabet))
        for character in alphabet:
            following = machine.step(state, character)
            if following not in seen and all(following & span for span in spans):
                seen.add(following)
                waiting.append((following, text + character))
        for symbol in symbols:
            following = machine.step_symbol(state, symbol, lenient)
            if following not in seen and all(following & span for span in spans):
                seen.add(following)
                waiting.append((following, text + symbol))
    return None


def _alphabet(machine: _Machine) -> list[str]:
    spoken = {character for character in machine.moves if ord(character) < _STANDS_FOR_A_VARIABLE}
    others: Iterator[str] = chain(_OTHERS, map(chr, range(0x100, 0x3000)))
    other = next(character for character in others if character not in spoken)
    return [other, *sorted(spoken | {":"})]


def _spans_of_groups(machine: _Machine, groups: Sequence[Sequence[Pattern]]) -> list[int]:
    spans = iter(machine.spans)
    return [_all(next(spans) for _ in group) for group in groups]


def _varies(pattern: Pattern) -> bool:
    return any(isinstance(part, Variable) for part in pattern)


def _widened(pattern: Pattern) -> Pattern:
    """A character may fold to the end of a text and the beginning of a value: any text, where that could be."""
    mixed = len(pattern) > 1 and any(isinstance(part, FoldedVariable) for part in pattern)
    return (_FREE,) if mixed else pattern


def _all(bits: Iterable[int]) -> int:
    found = 0
    for each in bits:
        found |= each
    return found
