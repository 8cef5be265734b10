"""Is there a text that matches these patterns and none of those? With the text, or the proof that there is none.

All patterns go through one text side by side, as the bits of one integer, as `wildcards.Automaton` has them: each reads
the characters that make a difference to one of them, and one that stands for all others. A walk over the states that
can be reached, shortest texts first, ends at a text or has seen all there are (docs/adr/0060).

A policy variable is a character of its own, which stands for whatever a request fills in. Where texts are spelt by a
pattern with variables, the same variable fits it, and a free `*`; the other patterns that a text has to match are then
taken to match whatever they might. So `None` is a proof for all values, and a text with variables in it is none.
"""

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from domain.policy.comparison.budget import Budget
from domain.policy.variables import Variable
from domain.policy.wildcards import Wildcard


@dataclass(frozen=True, slots=True)
class Folded:
    """A text, folded, that is compared whatever its case."""

    text: str
    ascii: bool = False
    """Only the letters from A to Z have capitals then."""


class FoldedVariable(Variable):
    """One whose value is compared whatever its case."""

    __slots__ = ()


Part = str | Folded | Wildcard | Variable
Pattern = tuple[Part, ...]
_FREE = Wildcard.ANY
_STANDS_FOR_A_VARIABLE = 0xF0000
"""Private characters; no document has them."""
_COMPARED_A_STEP, _BITS_A_STEP = 4, 2_048
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
            elif isinstance(part, Folded):
                self._add_folded(part)
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
        for character in text:
            self._move(character, 1)
            self.width += 1

    def _add_folded(self, folded: Folded) -> None:
        text = folded.text
        for several, characters in () if folded.ascii else _long_foldings():
            at = text.find(several)
            while at >= 0:
                for character in characters:
                    self._move(character, len(several), at)
                at = text.find(several, at + 1)
        for character in text:
            cased = (character, character.upper()) if folded.ascii else foldings().get(character, (character,))
            for variant in cased:
                self._move(variant, 1)
            self.width += 1

    def _move(self, character: str, distance: int, ahead: int = 0) -> None:
        moves = self.moves.setdefault(character, {})
        moves[distance] = moves.get(distance, 0) | 1 << self.width + ahead

    def moved(self, character: str) -> int:
        return _all(self.moves.get(character, {}).values())

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
    form: Pattern,
    required: Sequence[Collection[Pattern]],
    excluded: Collection[Pattern],
    budget: Budget,
    *,
    symbolic: bool = False,
) -> str | None:
    """One of a form that matches a pattern of each of the required lists and none of the excluded ones. Only if
    `symbolic` do patterns have variables: then a text that is found shows nothing, but that there is no proof."""
    unwanted = frozenset(excluded)
    groups = [[pattern for pattern in group if pattern not in unwanted] for group in required]
    budget.take(sum(map(len, required)) + len(unwanted))
    groups.sort(key=len)
    narrowest, *others = groups or [[form]]
    for pattern in narrowest:
        # One by one: with most of the others each has nothing in common.
        budget.take(1 + (sum(map(len, others)) + len(unwanted)) // _COMPARED_A_STEP)
        meeting = [[other for other in group if _may_meet(pattern, other)] for group in others]
        if all(meeting):
            except_ = [other for other in unwanted if _may_meet(pattern, other)]
            found = _Walk([[pattern], *meeting, [form]], except_, budget, symbolic=symbolic).shortest()
            if found is not None:
                return found
    return None


class _Walk:
    def __init__(
        self, groups: Sequence[Sequence[Pattern]], unwanted: Iterable[Pattern], budget: Budget, *, symbolic: bool
    ) -> None:
        self._budget = budget
        self._machine = machine = _Machine()
        symbols: dict[Hashable, str] = {}
        driver = next((index for index, group in enumerate(groups) if any(map(_varies, group))), -1)
        self._goals: list[int] = []
        self._spans: list[int] = []
        self._lenient: list[int] = []
        for index, group in enumerate(groups):
            first = len(machine.spans)
            spelt = symbols if index == driver else None
            self._goals.append(_all(machine.add(_widened(pattern), spelt) for pattern in group))
            self._spans.append(_all(machine.spans[first:]))
            if index != driver:
                self._lenient += machine.spans[first:]
        self._symbols = tuple(symbols.values())
        self._unwanted = _all(machine.add(pattern, symbols, takes_symbols=True) for pattern in unwanted)
        assert symbolic or not symbols, "Only values that are filled in can be found."
        self._alphabet = {character: machine.moved(character) for character in _alphabet(machine)}
        """With the bits that each moves."""
        self._wild = machine.ones | machine.ones_off_colon | machine.stays | machine.stays_off_colon
        budget.take(machine.width)

    def shortest(self) -> str | None:
        start = self._machine.starts
        seen, waiting = {start}, deque([(start, "")])
        while waiting:
            state, text = waiting.popleft()
            if all(state & goal for goal in self._goals) and not state & self._unwanted:
                return text
            for character, following in self._following(state):
                if following not in seen:
                    seen.add(following)
                    waiting.append((following, text + character))
        return None

    def _following(self, state: int) -> Iterator[tuple[str, int]]:
        machine, spans = self._machine, self._spans
        self._budget.take((1 + machine.width // _BITS_A_STEP) * (2 + len(self._alphabet)))
        characters: Iterable[str] = self._alphabet
        for span in spans:
            if not state & span & self._wild:
                wanted = state & span
                characters = [each for each in characters if self._alphabet[each] & wanted]
        for character in characters:
            following = machine.step(state, character)
            if all(following & span for span in spans):
                yield character, following
        for symbol in self._symbols:
            following = machine.step_symbol(state, symbol, self._lenient)
            if all(following & span for span in spans):
                yield symbol, following


def _may_meet(one: Pattern, other: Pattern) -> bool:
    """False is a proof that no text matches both: they begin with different texts, or end with them."""
    for at, fit in ((0, str.startswith), (-1, str.endswith)):
        mine, theirs = (pattern[at] if pattern else "" for pattern in (one, other))
        if isinstance(mine, str) and isinstance(theirs, str) and not (fit(mine, theirs) or fit(theirs, mine)):
            return False
    return True


def _alphabet(machine: _Machine) -> list[str]:
    spoken = {character for character in machine.moves if ord(character) < _STANDS_FOR_A_VARIABLE}
    others: Iterator[str] = chain(_OTHERS, map(chr, range(0x100, 0x3000)))
    other = next(character for character in others if character not in spoken)
    return [other, *sorted(spoken | {":"})]


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
