"""Values written down now and then, so that a cold start need not fold from the beginning.

A snapshot is never upcast: its topic carries a digest of the value's shape, and one of another shape is not found.
"""

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from operator import attrgetter, itemgetter
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from eventsourcing.persistence import StoredEvent
from immutables import Map
from pydantic_core import from_json, to_json

from domain.account import Account
from domain.foundation.identifiers import INSTALLATION
from domain.installation import Installation
from domain.ledger_state import LedgerState
from domain.registry import components

_DIGEST_BYTES = 32
_NONE: Map[Any, Any] = Map()


class CorruptSnapshot(Exception):  # noqa: N818  reads as the verdict that it is
    """A snapshot whose bytes are not those that were written."""


class _Codec(NamedTuple):
    shape: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    """Of what was read just for that: it may be used up."""


def _identity_codec(value: Any) -> Any:
    """For what JSON can say itself."""
    return value


def _codec(of: Any, bound: Mapping[Any, Any]) -> _Codec:
    """How a value of this type becomes plain lists and scalars, and back. A type it does not know is a TypeError at
    import, so that nothing can be forgotten when a family grows a component."""
    of = bound.get(of, of) if isinstance(of, TypeVar) else of
    origin, arguments = get_origin(of), get_args(of)
    if of in (str, int, bool, NoneType) or origin is Literal:
        return _Codec(str(of), _identity_codec, _identity_codec)
    if of is datetime:
        return _Codec("datetime", datetime.isoformat, datetime.fromisoformat)
    if origin is Map:
        return _map_codec(*(_codec(argument, bound) for argument in arguments))
    if origin is tuple and arguments[1:] == (...,):
        return _tuple_codec(_codec(arguments[0], bound))
    if origin is UnionType:
        return _optional_codec(of, bound)
    if is_dataclass(origin or of):
        return _dataclass_codec(origin or of, arguments)
    raise TypeError(f"A snapshot cannot hold a {of}.")


def _map_codec(key: _Codec, value: _Codec) -> _Codec:
    def encode(mapping: Map[Any, Any]) -> list[list[Any]]:
        return [list(mapping.keys()), [value.encode(item) for item in mapping.values()]]

    def decode(columns: list[list[Any]]) -> Map[Any, Any]:
        keys, values = columns
        if not keys:
            return _NONE
        return Map(zip(keys, values if value.decode is _identity_codec else map(value.decode, values), strict=True))

    return _Codec(f"Map[{key.shape}, {value.shape}]", encode, decode)


def _tuple_codec(item: _Codec) -> _Codec:
    return _Codec(
        f"tuple[{item.shape}, ...]",
        lambda values: [item.encode(value) for value in values],
        lambda values: tuple(item.decode(value) for value in values),
    )


def _optional_codec(of: Any, bound: Mapping[Any, Any]) -> _Codec:
    (some,) = (argument for argument in get_args(of) if argument is not NoneType)
    inner = _codec(some, bound)
    if inner.decode is _identity_codec:
        return _Codec(f"{inner.shape} | None", _identity_codec, _identity_codec)
    return _Codec(
        f"{inner.shape} | None",
        lambda value: None if value is None else inner.encode(value),
        lambda value: None if value is None else inner.decode(value),
    )


def _dataclass_codec(of: Any, arguments: tuple[Any, ...]) -> _Codec:
    bound = dict(zip(getattr(of, "__parameters__", ()), arguments, strict=True))
    hints = get_type_hints(of)
    columns = [_Column(each.name, _codec(hints[each.name], bound), attrgetter(each.name)) for each in fields(of)]
    return _row_codec(of.__qualname__, columns, of)


class _Column(NamedTuple):
    name: str
    codec: _Codec
    read: Callable[[Any], Any]


def _row_codec(name: str, columns: Sequence[_Column], make: Callable[..., Any]) -> _Codec:
    """Of a value that consists of these. Its shape knows no module: where a class stands is nothing to a snapshot."""
    encoders = [(column.read, column.codec.encode) for column in columns]
    decoders = [
        (place, column.codec.decode)
        for place, column in enumerate(columns)
        if column.codec.decode is not _identity_codec
    ]

    def encode(value: Any) -> list[Any]:
        return [encode_column(read(value)) for read, encode_column in encoders]

    def decode(row: list[Any]) -> Any:
        for place, decode_column in decoders:
            row[place] = decode_column(row[place])
        return make(*row)

    return _Codec(f"{name}({', '.join(f'{column.name}: {column.codec.shape}' for column in columns)})", encode, decode)


def _account_codec() -> _Codec:
    """What the account knows itself, and every component that a family keeps in it."""
    hints = get_type_hints(Account)
    own = [
        _Column(each.name, _codec(hints[each.name], {}), attrgetter(each.name))
        for each in fields(Account)
        if each.name != "parts"  # The last of them.
    ]
    parts = components()

    def make(*values: Any) -> Account:
        return Account(*values[: len(own)], dict(zip(parts, values[len(own) :], strict=True)))

    kept = [_Column(part.name, _codec(part.type, {}), itemgetter(part)) for part in parts]
    return _row_codec("Account", [*own, *kept], make)


@dataclass(frozen=True, slots=True)
class _StateKind:
    codec: _Codec
    topic: str


def _state_kind(codec: _Codec, name: str) -> _StateKind:
    return _StateKind(codec, f"snapshot.{name}.{hashlib.sha256(codec.shape.encode()).hexdigest()[:16]}")


_ACCOUNT, _INSTALLATION = (
    _state_kind(_account_codec(), "account"),
    _state_kind(_codec(Installation, {}), "installation"),
)


def snapshot_topic(account_id: str) -> str:
    """The topic under which a snapshot of today's shape is found."""
    return (_INSTALLATION if account_id == INSTALLATION else _ACCOUNT).topic


def take_snapshot(value: LedgerState) -> StoredEvent:
    kind = _INSTALLATION if isinstance(value, Installation) else _ACCOUNT
    content = zlib.compress(to_json(kind.codec.encode(value)), level=1)
    return StoredEvent(value.id, value.position, kind.topic, hashlib.sha256(content).digest() + content)


def restore_snapshot(snapshot: StoredEvent) -> LedgerState:
    """The value that was written. Raises SnapshotBroken when the bytes are others than were written."""
    digest, content = snapshot.state[:_DIGEST_BYTES], snapshot.state[_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise CorruptSnapshot(f"Snapshot of {snapshot.originator_id} at {snapshot.originator_version}: wrong digest.")
    kind = _INSTALLATION if str(snapshot.originator_id) == INSTALLATION else _ACCOUNT
    value: LedgerState = kind.codec.decode(from_json(zlib.decompress(content)))
    return value


def count_entities(value: LedgerState) -> int:
    """How large a value is, counted in what it would cost to write down."""
    if isinstance(value, Installation):
        return len(value.accounts)
    return sum(len(part.ids(value[part])) for part in components())
