"""Pages of Access Analyzer's lists."""

from domain.foundation.errors import constraint_violation
from services.wire.list_pages import ListPage

ITEMS_MAX = 100
"""AWS names no limit for a page. A caller who wants more at once gets so many, and a token for the rest."""


def page_request(operation: str, *of: object, max_results: int | None, next_token: str | None) -> ListPage:
    """Of a list that depends on these values. Raises ValidationError."""
    if max_results is not None and max_results < 1:
        raise constraint_violation("maxResults", "Member must have value greater than or equal to 1")
    size = min(max_results or ITEMS_MAX, ITEMS_MAX)
    try:
        return ListPage.asked(operation, *of, size=size, next_member="nextToken", token=next_token)
    except ValueError:
        raise constraint_violation("nextToken", "Member must be a token of this list") from None
