"""What comparing values with the lists of a policy takes at most, in steps: told from lengths alone."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from domain.policy.variables import Piece, RequestContext, Variable

LOOKUP = 30
"""To look a text up, or to compare it with a plain pattern or one of one star. (A step: `prices.BUDGET_STEPS`.)"""
TYPED_READ, TYPED_READ_CHARACTER, TYPED_VALUE = 100, 2, 20
"""To read a value of a type, and each of its characters; to compare it with one of a policy."""
PREPARED_CHARACTER = 40
"""To prepare a character of a pattern that goes through a text by itself."""
_SCANNED_CHARACTER = 12
_SCANNED_WIDTH = 150
"""So many characters of patterns, that go through a text side by side, take a step more for each of its characters."""
_FILLING, _FILLED_CHARACTER = 300, 30
"""To make a pattern of its variables' values, and each character of it."""


def scanning(width: int) -> int:
    """Of patterns with so many characters together, for each character of the text that they go through."""
    return _SCANNED_CHARACTER + width // _SCANNED_WIDTH


class Weight(NamedTuple):
    """Of a list that values are compared with."""

    per_value: int
    per_character: int
    """Of the values together."""
    varying: tuple[tuple[int, tuple[Variable, ...]], ...] = ()
    """Patterns that each comparison fills in first: their characters without, and their variables."""

    def with_varying(self, patterns: Iterable[Sequence[Piece]]) -> "Weight":
        return Weight(self.per_value, self.per_character, tuple(map(_width, patterns)))

    def varying_steps(self, values: int, characters: int, context: RequestContext) -> int:
        """Of the patterns that vary, for so many values with so many characters together."""
        steps = 0
        for width, variables in self.varying:
            for variable in variables:
                width += len(variable.value(context) or "")  # noqa: PLW2901  grows
            steps += values * (_FILLING + _FILLED_CHARACTER * width) + scanning(width) * characters
        return steps


def together(weights: Iterable[Weight]) -> Weight:
    """Of lists that the same values are compared with."""
    weights = tuple(weights)
    return Weight(
        sum(each.per_value for each in weights),
        sum(each.per_character for each in weights),
        tuple(pattern for each in weights for pattern in each.varying),
    )


def _width(pattern: Sequence[Piece]) -> tuple[int, tuple[Variable, ...]]:
    variables = tuple(piece for piece in pattern if isinstance(piece, Variable))
    return sum(len(piece) if isinstance(piece, str) else 1 for piece in pattern), variables
