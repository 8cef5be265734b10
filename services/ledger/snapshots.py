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
from domain.foundation.events import Value
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


def _codec(of: Any, bound: Mapping[Any, Any]) -> _Codec:  # noqa: PLR0911  one case a kind of type
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
    if isinstance(of, type) and issubclass(of, Value):
        return _model_codec(of)
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


def _model_codec(of: type[Value]) -> _Codec:
    """Of what rides in events as it stands in the account."""
    schema = to_json(of.model_json_schema()).decode()
    return _Codec(schema, lambda value: value.model_dump(mode="json"), of.model_validate)


def _dataclass_codec(of: Any, arguments: tuple[Any, ...]) -> _Codec:
    return _row_codec(of.__qualname__, _columns(of, arguments), of)


def _columns(of: Any, arguments: tuple[Any, ...] = (), but: str | None = None) -> list["_Column"]:
    """The fields of a dataclass."""
    bound = dict(zip(getattr(of, "__parameters__", ()), arguments, strict=True))
    hints, names = get_type_hints(of), [field.name for field in fields(of) if field.name != but]
    return [_Column(name, _codec(hints[name], bound), attrgetter(name)) for name in names]


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


@dataclass(frozen=True, slots=True)
class _StateKind:
    topic: str
    columns: Sequence[_Column]
    codec: _Codec


def _state_kind(name: str, columns: Sequence[_Column], make: Callable[..., LedgerState]) -> _StateKind:
    codec = _row_codec(name, columns, make)
    return _StateKind(f"snapshot.{name}.{hashlib.sha256(codec.shape.encode()).hexdigest()[:16]}", columns, codec)


def _account_kind() -> _StateKind:
    """What the account knows itself, and every component that a family keeps in it."""
    own, parts = _columns(Account, but="parts"), components()
    names = [column.name for column in own]

    def make(*values: Any) -> Account:
        own_values = dict(zip(names, values, strict=False))
        return Account(**own_values, parts=dict(zip(parts, values[len(own) :], strict=True)))

    kept = [_Column(part.name, _codec(part.type, {}), itemgetter(part)) for part in parts]
    return _state_kind("account", [*own, *kept], make)


_ACCOUNT, _INSTALLATION = _account_kind(), _state_kind("installation", _columns(Installation), Installation)


def _kind_of(account_id: str) -> _StateKind:
    return _INSTALLATION if account_id == INSTALLATION else _ACCOUNT


def snapshot_topic(account_id: str) -> str:
    """The topic under which a snapshot of today's shape is found."""
    return _kind_of(account_id).topic


def take_snapshot(value: LedgerState) -> StoredEvent:
    kind = _kind_of(value.id)
    content = zlib.compress(to_json(kind.codec.encode(value)), level=1)
    return StoredEvent(value.id, value.position, kind.topic, hashlib.sha256(content).digest() + content)


def restore_snapshot(snapshot: StoredEvent) -> LedgerState:
    """The value that was written. Raises CorruptSnapshot when the bytes are others than were written."""
    digest, content = snapshot.state[:_DIGEST_BYTES], snapshot.state[_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise CorruptSnapshot(f"Snapshot of {snapshot.originator_id} at {snapshot.originator_version}: wrong digest.")
    value: LedgerState = _kind_of(str(snapshot.originator_id)).codec.decode(from_json(zlib.decompress(content)))
    return value


def differing_columns(one: LedgerState, other: LedgerState) -> list[str]:
    """The names of the parts in which two values of a ledger are not equal."""
    return [column.name for column in _kind_of(one.id).columns if column.read(one) != column.read(other)]


def count_entities(value: LedgerState) -> int:
    """How large a value is, counted in what it would cost to write down."""
    if isinstance(value, Installation):
        return len(value.accounts)
    return sum(len(part.ids(value[part])) for part in components())
