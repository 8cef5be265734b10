"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    repetitions: int
    """Of what is measured side by side."""
    seconds: int
    """Of each run under load."""
    share: float
    """Of what the aims speak of: 1,000,000 events, 5,000 users. Below 1 the figures tell only that all works."""

    def of(self, whole: int) -> int:
        return max(1, round(whole * self.share))
