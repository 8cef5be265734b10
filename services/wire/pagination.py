"""IAM's pages: Marker, MaxItems and IsTruncated (https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html)."""

import base64
import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from domain.foundation.errors import ValidationError

ITEMS_DEFAULT = 100
ITEMS_MAX = 1_000
PAGE_CHARACTERS_MAX = 1 << 20
"""Of the texts on a page, which ends early behind more: IAM says that it may give fewer items than were asked for."""
MARKER_CHARACTERS_MAX = 320
"""What the model lets a client send back."""

_VERSION = "1"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of a list is wanted."""

    name: str
    size: int
    after: str | None
    """The last key of the page before."""

    def of(self, items: Iterable[T], *, key: Callable[[T], str], render: Callable[[T], object]) -> dict[str, object]:
        """The page, such as {"Users": […], "IsTruncated": True, "Marker": "…"}, in the order of its keys.

        The items may come in any order; their keys are unique and short (a name, a unique id: the marker has to fit
        into what the model lets a client send back, else ValueError). A marker says behind which key to go on, so
        that a page stays right when items come and go.
        """
        after = self.after
        if after is not None:
            items = (item for item in items if key(item) > after)
        return self._page(heapq.nsmallest(self.size + 1, items, key=key), key, render)

    def of_sorted(
        self,
        items: Sequence[T],
        *,
        key: Callable[[T], str],
        render: Callable[[T], object],
        fits: Callable[[T], bool] = lambda _item: True,
    ) -> dict[str, object]:
        """The same of items in the order of their keys, of which those count that fit: no other page is looked at."""
        first = 0 if self.after is None else bisect_right(items, self.after, key=key)
        fitting = (items[place] for place in range(first, len(items)) if fits(items[place]))
        return self._page(list(islice(fitting, self.size + 1)), key, render)

    def _page(self, found: Sequence[T], key: Callable[[T], str], render: Callable[[T], object]) -> dict[str, object]:
        """Of the first that are left, one more than fit if there are as many."""
        rendered: list[object] = []
        characters = 0
        while len(rendered) < min(self.size, len(found)) and characters < PAGE_CHARACTERS_MAX:
            rendered.append(render(found[len(rendered)]))
            characters += _characters(rendered[-1])
        answer: dict[str, object] = {self.name: rendered, "IsTruncated": len(found) > len(rendered)}
        if len(found) > len(rendered):
            answer["Marker"] = encode_token(self.name, key(found[len(rendered) - 1]))
        return answer


def page_request(name: str, marker: str | None, max_items: int | None) -> PageRequest:
    """Raises ValidationError for a marker that is not from this list, and for a number of items out of range. What it
    gives cannot refuse any more, so the page itself can be made after the commit."""
    size = ITEMS_DEFAULT if max_items is None else max_items
    if not 1 <= size <= ITEMS_MAX:
        raise ValidationError(f"MaxItems must be between 1 and {ITEMS_MAX}; got {size}.")
    try:
        after = None if marker is None else decode_token(marker, name)
    except ValueError:
        raise ValidationError("Invalid Marker.") from None
    return PageRequest(name, size, after)


def _characters(value: object) -> int:
    """Of all texts in it."""
    match value:
        case str():
            return len(value)
        case Mapping():
            return sum(map(_characters, value.values()))
        case list() | tuple():
            return sum(map(_characters, value))
        case _:
            return 0


def encode_token(name: str, key: str) -> str:
    """What a client sends back to be shown what comes behind the key in that list."""
    text = f"{_VERSION} {name} {key}"
    marker = base64.urlsafe_b64encode(text.encode()).decode("ascii")
    if len(marker) > MARKER_CHARACTERS_MAX:
        raise ValueError(f"A key of {name} is too long for a marker.")
    return marker


def decode_token(token: str, name: str) -> str:
    """The key, of which nothing is proved. Raises ValueError for a token that is not from that list."""
    # binascii's and Unicode's errors are ValueErrors too.
    text = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode()
    version, _, rest = text.partition(" ")
    listed, _, key = rest.partition(" ")
    # Made again it must be the same text: base64 has several spellings of one.
    if version != _VERSION or listed != name or encode_token(name, key) != token:
        raise ValueError
    return key
