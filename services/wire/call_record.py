"""What the ledger keeps of a call besides its events: never a secret, and never more than so much."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from domain.calls import ApiCalled, DecisionRecord, kept_context
from domain.foundation.abridged import ARN_BYTES_MAX, BEGINNING_BYTES_MAX, abridge, shorten
from domain.foundation.errors import Refusal
from domain.foundation.events import Cause, Event
from domain.foundation.moments import format_rfc3339
from services.wire.operations import Operation, Parameters

AS_OF = "as_of"
"""Under which a call's moment of the past stands among its parameters; no operation of AWS has one of this name."""
MESSAGE_BYTES_MAX = 600
"""Of a refusal's sentence, which may repeat what was sent."""
ELSEWHERE_CONTEXT_BYTES_MAX, ELSEWHERE_MATCHED_MAX, ELSEWHERE_TEXT_BYTES_MAX = 512, 4, 200
"""Of a refused call in the ledger of another account, whose size is not for the caller to choose."""


def call_record(
    operation: Operation | None,
    parameters: Parameters,
    refusal: Refusal | None,
    *,
    as_of: str | None = None,
    decisions: Sequence[DecisionRecord] = (),
    events: Iterable[Event] = (),
) -> ApiCalled:
    """The record of the call itself. Only parameters on the operation's allow-list, and only parsed ones, go in. What
    `events`, those of the call, hold of them is not kept twice."""
    recorded = operation.recorded if operation is not None else frozenset[str]()
    given = {name: storable(_as_text(value)) for name, value in parameters.items() if name in recorded}
    if as_of is not None:
        given[AS_OF] = storable_text(as_of)
    held = frozenset(_long_texts([event.model_dump() for event in events])) if any(_long_texts(given)) else ()
    return ApiCalled(
        read_only=operation is None or operation.read_only,
        parameters=abridge(given, refused=refusal is not None, held=held),
        error_code=refusal.code if refusal else None,
        error_message=shorten(storable_text(refusal.message), MESSAGE_BYTES_MAX) if refusal else None,
        decisions=tuple(decisions),
    )


def refused_elsewhere(record: ApiCalled, cause: Cause) -> tuple[ApiCalled, Cause]:
    """A refused call as another account's ledger gets it: who called, what was refused, on what and why. It can be
    decided again there unless what it read of the call is long."""
    told = cause.model_copy(update={"user_agent": _shortened(cause.user_agent)})
    decisions = tuple(_decided_elsewhere(each, is_whole=told == cause) for each in record.decisions)
    return record.model_copy(
        update={"parameters": {}, "error_message": _shortened(record.error_message), "decisions": decisions}
    ), told


def _decided_elsewhere(record: DecisionRecord, *, is_whole: bool) -> DecisionRecord:
    resources = tuple(shorten(resource, ARN_BYTES_MAX) for resource in record.resources)
    is_whole = is_whole and resources == record.resources and len(record.matched) <= ELSEWHERE_MATCHED_MAX
    context = kept_context(record.context, ELSEWHERE_CONTEXT_BYTES_MAX if is_whole else 0)
    matched = record.matched[:ELSEWHERE_MATCHED_MAX]
    return record.model_copy(update={"resources": resources, "context": context, "matched": matched})


def _shortened(text: str | None) -> str | None:
    return None if text is None else shorten(text, ELSEWHERE_TEXT_BYTES_MAX)


def _long_texts(value: object) -> Iterator[str]:
    match value:
        case str() if len(value) * 4 > BEGINNING_BYTES_MAX:
            yield value
        case Mapping():
            yield from _long_texts(list(value.values()))
        case list() | tuple():
            for item in value:
                yield from _long_texts(item)


def _as_text(value: object) -> object:
    """What JSON has no type for."""
    return format_rfc3339(value) if isinstance(value, datetime) else value


def storable_text(text: str) -> str:
    """U+0000 and lone surrogates, which PostgreSQL's JSON does not take and which an attacker sends, become visible
    escapes."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\u0000").encode("utf-8", "backslashreplace").decode()


def storable(value: object) -> object:
    """A parameter with every text in it made storable."""
    match value:
        case str():
            return storable_text(value)
        case list():
            return [storable(inner) for inner in value]
        case dict():
            return {storable_text(name): storable(inner) for name, inner in value.items()}
        case _:
            return value
