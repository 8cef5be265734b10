"""The page of what an account cannot have any of yet."""

from domain.calls import Outcome
from services.wire.pagination import page_request


def empty_page(name: str, marker: str | None, max_items: int | None) -> Outcome:
    """Raises ValidationError."""
    pages = page_request(name, marker, max_items)
    return Outcome(lambda _after: pages.of((), key=str, render=str))
