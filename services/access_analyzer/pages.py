"""Pages of Access Analyzer's lists. A token says behind which key to go on, so that a page stays right when items come
and go; and of which list it is."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from domain.foundation.errors import constraint_violation
from services.wire.pagination import decode_token, encode_token

ITEMS_MAX = 100
"""AWS names no limit for a page. A caller who wants more at once gets so many, and a token for the rest."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListPage:
    listed: str
    size: int
    after: str | None

    def of(
        self,
        name: str,
        items: Iterable[T],
        *,
        key: Callable[[T], str],
        render: Callable[[T], object],
        descending: bool = False,
        go_on_behind: str | None = None,
    ) -> dict[str, object]:
        """In the order of their keys, which are unique and short. `go_on_behind`: where there is more than these items,
        the key behind which."""
        after = self.after
        if after is not None:
            items = [item for item in items if (key(item) < after if descending else key(item) > after)]
        found = (heapq.nlargest if descending else heapq.nsmallest)(self.size + 1, items, key=key)
        page: dict[str, object] = {name: [render(item) for item in found[: self.size]]}
        behind = key(found[self.size - 1]) if len(found) > self.size else go_on_behind
        return page if behind is None else page | {"nextToken": encode_token(self.listed, behind)}


def page_request(operation: str, *of: object, max_results: int | None, next_token: str | None) -> ListPage:
    """Of a list that depends on these values. Raises ValidationError. What it gives cannot refuse any more, so the page
    itself can be made after the commit."""
    if max_results is not None and max_results < 1:
        raise constraint_violation("maxResults", "Member must have value greater than or equal to 1")
    listed = operation + sha256(repr(of).encode()).hexdigest()[:32]
    try:
        after = None if next_token is None else decode_token(next_token, listed)
    except ValueError:
        raise constraint_violation("nextToken", "Member must be a token of this list") from None
    return ListPage(listed, min(max_results or ITEMS_MAX, ITEMS_MAX), after)
