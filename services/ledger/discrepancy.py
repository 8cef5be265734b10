"""What a verification finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """The first thing of a ledger that is not as it should be. What comes after it was not looked at."""

    position: int | None
    """None where it is about no position."""
    expected: str
    found: str

    def __str__(self) -> str:
        place = "" if self.position is None else f"position {self.position}: "
        return f"{place}expected {self.expected}, found {self.found}"
