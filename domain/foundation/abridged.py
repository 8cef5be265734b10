"""What is recorded of values that are too long to be kept: how long they were, their SHA-256, and how they began."""

import json
from collections.abc import Callable, Collection, Mapping
from hashlib import sha256
from urllib.parse import urlsplit, urlunsplit

ABRIDGED = "$abridged"
"""The only key of what stands for a value. No parameter has a member of this name: one that has is abridged itself."""
PARAMETERS_BYTES_MAX = 2_048
"""Of one call's parameters together, as JSON in UTF-8."""
REFUSED_BYTES_MAX = 600
"""Of a refused call's texts."""
BEGINNING_BYTES_MAX = 200
"""Of a value that is not kept. Of a refused call no longer text is kept but an ARN, by which the call is found."""
ARN_BYTES_MAX = 700
"""IAM's longest have a path of 512 characters and a name of 128."""
PRIVATE_KEY = "PRIVATE KEY-----"
"""In whatever has this in it somebody has sent a private key, by mistake (RFC 7468, section 10): nothing of it is kept
but its digest."""
_DIGEST_BYTES = 130
"""Of what stands for a value, without its beginning."""


def abridge(parameters: Mapping[str, object], *, refused: bool, held: Collection[str] = ()) -> dict[str, object]:
    """The parameters of a call, of JSON's types, within the bounds. Those that can be kept whole come first, and short
    ones before long ones: they are names and ARNs. A long text that is `held` elsewhere in the ledger, by an event of
    the call, is kept there alone."""

    def is_kept_whole(text: str) -> bool:
        size = len(text.encode())
        if PRIVATE_KEY in text:
            return False
        if size <= BEGINNING_BYTES_MAX:
            return True
        if refused:
            return text.startswith("arn:") and size <= ARN_BYTES_MAX
        return size <= PARAMETERS_BYTES_MAX and text not in held

    sizes = {name: _size(value) for name, value in parameters.items()}
    reserved = _DIGEST_BYTES * sum(size > _DIGEST_BYTES for size in sizes.values())
    left, kept = (REFUSED_BYTES_MAX if refused else PARAMETERS_BYTES_MAX - reserved), dict[str, object]()

    def turn(name: str) -> tuple[bool, int, str]:
        value = parameters[name]
        return isinstance(value, str) and not is_kept_whole(value), sizes[name], name

    for name in sorted(parameters, key=turn):
        kept[name], taken = _within(left, parameters[name], is_kept_whole)
        left -= taken
    return {name: kept[name] for name in parameters}


def shorten(text: str, bytes_max: int) -> str:
    """The text, or as much of its beginning as there is room for, and an ellipsis."""
    encoded = text.encode()
    return text if len(encoded) <= bytes_max else encoded[: bytes_max - 3].decode(errors="ignore") + "…"


def url_place(url: str) -> str:
    """Without what a URL may have besides the place that it names: a query and a user may hold secrets."""
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:  # Such as a bracket that is not closed.
        return "unreadable"


def _within(left: int, value: object, is_kept_whole: Callable[[str], bool]) -> tuple[object, int]:
    """What is kept of the value, and the bytes of it; of a list as many items as there is room for."""
    kept = _without_long_texts(value, is_kept_whole)
    if kept is not value and not isinstance(value, list):
        return _digest(value, left)
    if (size := _size(kept)) <= left:
        return kept, size
    if not isinstance(kept, list):
        return _digest(value, left)
    assert isinstance(value, list)
    items, taken = list[object](), len("[]")
    # With its quotes: the items together are no shorter than the list, which is too long.
    while taken + (size := len(_text(kept[len(items)]).encode()) + len(",")) <= left:
        items.append(kept[len(items)])
        taken += size
    rest, beginning = _digest(value[len(items) :], left - taken if not items else 0)
    return [*items, rest], taken + beginning


def _without_long_texts(value: object, is_kept_whole: Callable[[str], bool]) -> object:
    """The very value where nothing in it is too long."""
    match value:
        case str():
            return value if is_kept_whole(value) else _digest(value, BEGINNING_BYTES_MAX)[0]
        case list():
            items = [_without_long_texts(item, is_kept_whole) for item in value]
            return value if all(map(_is, items, value)) else items
        case dict() if ABRIDGED not in value:
            members = {name: _without_long_texts(member, is_kept_whole) for name, member in value.items()}
            return value if all(map(_is, members.values(), value.values())) else members
        case dict():
            return _digest(value, BEGINNING_BYTES_MAX)[0]
        case _:
            return value


def _digest(value: object, room: int) -> tuple[dict[str, object], int]:
    """And the bytes of its beginning."""
    text = value if isinstance(value, str) else _text(value)
    encoded = text.encode()
    beginning_max = 0 if PRIVATE_KEY in text else max(0, min(BEGINNING_BYTES_MAX, room))
    beginning = encoded[:beginning_max].decode(errors="ignore")
    digest = sha256(encoded).hexdigest()
    told: dict[str, object] = {"bytes": len(encoded), "sha256": digest, "beginning": f"{beginning}…"}
    return {ABRIDGED: told if isinstance(value, str) else {"of": "JSON", **told}}, len(beginning.encode())


def _is(one: object, other: object) -> bool:
    return one is other


def _size(value: object) -> int:
    return len((value if isinstance(value, str) else _text(value)).encode())


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
