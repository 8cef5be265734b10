"""Pages of the lists of services whose tokens say behind which key to go on, so that a page stays right when items come
and go; and of which list they are."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self, TypeVar

from services.wire.pagination import decode_token, encode_token

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListPage:
    listed: str
    size: int
    after: str | None
    next_member: str
    """Of the answer, with the token of the next page."""

    @classmethod
    def asked(cls, operation: str, *of: object, size: int, next_member: str, token: str | None) -> Self:
        """Of a list that depends on these values. Raises ValueError for a token of another list. What it gives cannot
        refuse any more, so the page itself can be made after the commit."""
        listed = operation + sha256(repr(of).encode()).hexdigest()[:32]
        return cls(listed, size, None if token is None else decode_token(token, listed), next_member)

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
        return page if behind is None else page | {self.next_member: encode_token(self.listed, behind)}
