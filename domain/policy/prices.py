"""What a decision costs at most, in steps that are counted and never timed: told from its policies and from the lengths
of the request's values, before any of it is done (docs/adr/0039)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.policy.variables import Piece, RequestContext, Variable

BUDGET_STEPS = 2_000_000
"""Of one decision. A step takes some ten nanoseconds on a small machine: so much, some twenty milliseconds. It is part
of what a decision means: another number is another version of the evaluator."""
LOOKUP = 30
"""To look a text up, or to compare it with a plain pattern or one of one star."""
STATEMENT = 400
"""To take a statement about the action up, and to record that it applied."""
TYPED_READ, TYPED_READ_CHARACTER, TYPED_VALUE = 100, 2, 20
"""To read a value of a type and each of its characters; to compare it with one of a policy."""
_SCANNED_CHARACTER = 12
_SCANNED_WIDTH = 150
"""Characters of patterns that go through a text take as much again as a step a character."""
_FILLING, _FILLED_CHARACTER = 300, 30
"""To make a pattern of its variables' values, and each character of it."""


def scanning(width: int) -> int:
    """Steps for each character of a text that patterns of so many characters, all together, go through."""
    return _SCANNED_CHARACTER + width // _SCANNED_WIDTH


@dataclass(frozen=True, slots=True)
class Weight:
    """Of comparing values with a list of a policy."""

    per_value: int
    per_character: int
    """Of a value."""
    varying: tuple[tuple[Piece, ...], ...] = ()
    """Patterns that each value's comparison fills in first."""

    def steps(self, values: int, characters: int, context: RequestContext) -> int:
        """Of so many values with so many characters together."""
        steps = self.per_value * values + self.per_character * characters
        for pattern in self.varying:
            width = sum(_length(piece, context) for piece in pattern)
            steps += values * (_FILLING + _FILLED_CHARACTER * width) + scanning(width) * characters
        return steps

    def with_varying(self, patterns: Iterable[tuple[Piece, ...]]) -> "Weight":
        return Weight(self.per_value, self.per_character, tuple(patterns))


def _length(piece: Piece, context: RequestContext) -> int:
    if isinstance(piece, Variable):
        return len(piece.value(context) or "")
    return len(piece) if isinstance(piece, str) else 1
