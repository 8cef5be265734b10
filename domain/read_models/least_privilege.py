"""The smallest readable policy for what was used."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GeneralizedPattern:
    """A pattern in the document that matches more than was used."""

    action: str
    pattern: str
    resources: int
    """Of those that were used."""


@dataclass(frozen=True, slots=True)
class CoveringPolicy:
    document: str
    characters: int
    """Without white space, as quotas count them."""
    fits: tuple[str, ...]
    """What it may be, by its length."""
    generalised: tuple[GeneralizedPattern, ...]
