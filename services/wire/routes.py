"""Paths with places for parameters, such as /analyzer/{analyzerName}."""

import re
from urllib.parse import unquote_to_bytes

from domain.foundation.errors import ValidationError

_PLACE = re.compile(rb"\{(\w+)\}")


def match_path(template: str, path: bytes) -> dict[str, str] | None:
    """What stands at the template's places in a path that is still percent-encoded; None for a path of another form.

    Raises ValidationError for what is no text.
    """
    segments, wanted = path.split(b"/"), template.encode("ascii").split(b"/")
    if len(segments) != len(wanted):
        return None
    found: dict[str, str] = {}
    for expected, segment in zip(wanted, segments, strict=True):
        if place := _PLACE.fullmatch(expected):
            found[place[1].decode("ascii")] = _decoded(segment)
        elif expected != segment:
            return None
    return found


def _decoded(segment: bytes) -> str:
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise ValidationError("The path is not text in UTF-8.") from None
