"""Where the next page begins, as an opaque text that a client hands back."""

import base64
import re

from domain.foundation.errors import ValidationError

_VERSION = "1"
_PLACE = re.compile(r"(0|[1-9][0-9]{0,17})( (0|[1-9][0-9]{0,17}))*")


def make_marker(listed: str, *place: int) -> str:
    """`listed` names what is listed, so that one listing's marker is no marker of another."""
    text = " ".join((_VERSION, listed, *map(str, place)))
    # Without padding, which would have to be escaped in a query string.
    return base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii").rstrip("=")


def parse_marker(text: str, listed: str, numbers: int) -> tuple[int, ...]:
    """The place of so many numbers. Raises ValidationError for anything but a marker of this listing."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        version, name, rest = base64.urlsafe_b64decode(padded).decode("ascii").split(" ", 2)
    except ValueError:  # binascii's and Unicode's errors are of this kind
        version = name = rest = ""
    place = tuple(int(number) for number in rest.split(" ")) if _PLACE.fullmatch(rest) else ()
    # Made again it must be the same text: base64 has several spellings of one.
    if version != _VERSION or name != listed or len(place) != numbers or make_marker(listed, *place) != text:
        raise ValidationError(f"The marker is not one that {listed} has given.")
    return place
