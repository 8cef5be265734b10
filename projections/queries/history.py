"""The access history: which calls were made, by whom, from where, and how they were answered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import psycopg
from pydantic_core import from_json

from domain.calls import ApiCalled, DecisionRecord, RefusalsCounted, UnauthenticatedCalled
from domain.foundation.errors import NoSuchEntity, ValidationError
from domain.foundation.events import Cause, Event, event_from
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf, Moment
from domain.read_models.history import HistoryCall
from projections.engine.sql_files import load_statements
from projections.queries.history_filters import (
    EVERY_CALL,
    NOTHING_KNOWN,
    Criterion,
    HistoryFilters,
    KnownValues,
    criteria_of,
)
from projections.queries.history_search import IndexWalk, SearchWindow, candidate_positions
from projections.queries.ledger_positions import (
    position_before_moment,
    resolve_in_ledger,
    resolve_in_projection,
    time_at,
)

SQL = load_statements("projections.queries", "queries.sql")
CALLS_PER_PAGE_MAX = 1_000
PAGE_BYTES_MAX = 4 << 20
"""Of the lines of a page's calls, of each ledger that is searched. One that is longer has a page of its own."""
CALLS_PER_SELECT_MAX = 50
"""So that no more is read than a little beyond a page."""
POSITIONS_PER_SCAN_MAX = 4_000
POSITIONS_PER_CALL_MAX = 10
"""For each call that a page can hold, so many positions of each filter are looked at. Where filters fit many calls each
and few together, the page ends there, short or empty, and the next one goes on."""


@dataclass(frozen=True, slots=True)
class HistoryPosition:
    """How far a reader has come: in the account's ledger, and in the installation's."""

    position: int = 0
    installation_position: int = 0


@dataclass(frozen=True, slots=True)
class History:
    calls: tuple[HistoryCall, ...]
    """In the order of their positions, or from the newest on; those of two ledgers by time. Before the last page there
    may be fewer than the limit, or none."""
    after: HistoryPosition
    """Where the next page begins."""
    complete: bool
    """Whether there is no next page."""
    moment: Moment
    """As of which this is so."""


class _LedgerSearch(NamedTuple):
    """What is searched in one ledger, and for what."""

    account_id: str
    filters: Sequence[Sequence[IndexWalk]]
    row: Mapping[str, object]
    start: int
    """Where the page begins."""
    window: SearchWindow
    """In which anything can fit."""


class _TrailRow(NamedTuple):
    """A call as the trail has it, and its line of the ledger."""

    position: int
    at: datetime
    read_only: bool | None
    user_name: str | None
    operator: str | None
    access_key_id: str | None
    error_code: str | None
    counted_message: str | None
    concerns_account_id: str | None
    requests: int
    counted_from: datetime | None
    counted_to: datetime | None
    source_identity: str | None
    resources: Sequence[str]
    line: str


class _LedgerMatches(NamedTuple):
    """In one ledger, up to the limit."""

    account_id: str
    calls: Sequence[HistoryCall]
    start: int
    reached: int
    """Up to here, or from behind here on, these are all."""
    complete: bool
    """Whether that is the end."""


def search_history(
    cursor: psycopg.Cursor,
    account_id: str,
    filters: HistoryFilters,
    as_of: AsOf,
    *,
    after: HistoryPosition | None = None,
    limit: int = CALLS_PER_PAGE_MAX,
    newest_first: bool = False,
    known: KnownValues = NOTHING_KNOWN,
) -> History:
    """A page of an account's calls. With an access key id, the requests that claimed this key of the account and
    proved nothing come along from the installation's ledger; they carry an account only if the key id does.

    Raises ValidationError for a limit out of bounds, NoSuchEntity for a filter whose value there never was, and what
    `criteria_of` and `resolve_in_projection` raise.
    """
    if not 1 <= limit <= CALLS_PER_PAGE_MAX:
        raise ValidationError(f"A page has 1 to {CALLS_PER_PAGE_MAX} calls; got {limit}.")
    moment = resolve_in_projection(cursor, "trail", account_id, as_of)
    with cursor.connection.transaction():
        cursor.execute(SQL["in_order"])
        criteria = criteria_of(cursor, account_id, filters, known)
        walks = [each.walks for each in criteria.values() if each.walks is not None]
        row = {**EVERY_CALL, "concerns_account_id": None, "newest_first": newest_first}
        for each in criteria.values():
            row |= each.row
        start = None if after is None else after.position
        window = _window(cursor, account_id, moment, filters, newest_first=newest_first)
        searches = [_begun(account_id, walks, row, window, start)]
        if filters.access_key_id is not None and account_id != INSTALLATION:
            start = None if after is None else after.installation_position
            window = _installation_window(cursor, account_id, as_of, moment, filters, newest_first=newest_first)
            searches.append(_begun(INSTALLATION, walks, {**row, "concerns_account_id": account_id}, window, start))
        page = _merge_page(cursor, [_search_ledger(cursor, each, limit) for each in searches], limit, window, moment)
        if not page.calls and after is None:
            _refuse_unknown(cursor, account_id, filters, criteria)
    return replace(page, calls=_with_assumers(cursor, account_id, page.calls, moment))


def _with_assumers(
    cursor: psycopg.Cursor, account_id: str, calls: Sequence[HistoryCall], moment: Moment
) -> tuple[HistoryCall, ...]:
    """Who called as root by AssumeRoot is told by another table. Raises what `resolve_in_projection` raises."""
    sessions = {call.session_id for call in calls if call.principal_type == "Root" and call.account_id == account_id}
    if sessions <= {None}:
        return tuple(calls)
    resolve_in_projection(cursor, "sessions", account_id, AsOf(moment.at, position=moment.position))
    asked = {"account_id": account_id, "sessions": list(sessions - {None})}
    assumers: dict[str | None, str] = dict(cursor.execute(SQL["root_sessions"], asked).fetchall())
    return tuple(call.model_copy(update={"root_assumed_by": assumers.get(call.session_id)}) for call in calls)


def is_assumed_root(cursor: psycopg.Cursor, account_id: str, session_id: str) -> bool:
    """Whether AssumeRoot gave the session of root that has this id. The table of sessions has to have come so far."""
    asked = {"account_id": account_id, "sessions": [session_id]}
    return cursor.execute(SQL["root_sessions"], asked).fetchone() is not None


def _refuse_unknown(
    cursor: psycopg.Cursor, account_id: str, filters: HistoryFilters, criteria: Mapping[str, Criterion]
) -> None:
    """Raises NoSuchEntity for a value that no call ever had, and that is nothing's."""
    every = SearchWindow(0, 2**63 - 1, newest_first=False)
    for name, criterion in criteria.items():
        if criterion.walks is None or criterion.exists():
            continue
        if not candidate_positions(cursor, account_id, [criterion.walks], every, 1).positions:
            what, given = name.replace("_", " "), getattr(filters, name)
            raise NoSuchEntity(
                f"No call in the history of {account_id} has the {what} {given}, and "
                f"{_LOOKED_FOR.get(name, 'nothing')} is or was called so.{criterion.nearest()}"
            )


_LOOKED_FOR = {
    "principal": "no user, role, key or session of it",
    "resource": "no user, group, role, policy, key or session of it",
}
"""Where there may be others that no call has named."""


def _begun(
    account_id: str,
    filters: Sequence[Sequence[IndexWalk]],
    row: Mapping[str, object],
    window: SearchWindow,
    start: int | None,
) -> _LedgerSearch:
    if start is None:
        return _LedgerSearch(account_id, filters, row, window.to if window.newest_first else 0, window)
    rest = window.rest(min(window.to, start) if window.newest_first else max(window.after, start))
    return _LedgerSearch(account_id, filters, row, start, rest)


def _window(
    cursor: psycopg.Cursor, account_id: str, moment: Moment, filters: HistoryFilters, *, newest_first: bool
) -> SearchWindow:
    """Times become positions once, which the keys are ordered by. Raises ValidationError where the span ends before it
    begins."""
    after, to = 0, moment.position
    if filters.since is not None:
        after = position_before_moment(cursor, account_id, filters.since)
    if filters.until is not None:
        to = min(to, resolve_in_ledger(cursor, account_id, filters.until).position)
    if after > to:
        raise ValidationError(f"The span ends before it begins: from position {after + 1} to {to}.")
    return SearchWindow(after, to, newest_first)


def _installation_window(
    cursor: psycopg.Cursor, account_id: str, as_of: AsOf, moment: Moment, filters: HistoryFilters, *, newest_first: bool
) -> SearchWindow:
    """A position is one of the account's ledger; in the installation's, the moment is found by its time."""

    def timed(named: AsOf | None) -> AsOf | None:
        if named is None or named.position is None:
            return named
        return AsOf(named.now, at=time_at(cursor, account_id, named.position))

    elsewhere = as_of if as_of.position is None else AsOf(as_of.now, at=moment.at)
    there = HistoryFilters(since=timed(filters.since), until=timed(filters.until))
    resolved = resolve_in_projection(cursor, "trail", INSTALLATION, elsewhere)
    return _window(cursor, INSTALLATION, resolved, there, newest_first=newest_first)


def _merge_page(
    cursor: psycopg.Cursor, found: Sequence[_LedgerMatches], limit: int, window: SearchWindow, moment: Moment
) -> History:
    """What was found in the account's ledger, and perhaps in the installation's, by time."""
    newest_first = window.newest_first
    calls = [call for each in found for call in each.calls]
    if len(found) > 1:
        # Behind where the search in one ledger ended, what the other has is not yet in its turn.
        for each in found:
            if not each.complete:
                end = (time_at(cursor, each.account_id, each.reached), each.account_id)
                calls = [
                    call
                    for call in calls
                    if ((call.at, call.account_id) >= end if newest_first else (call.at, call.account_id) <= end)
                ]
        calls.sort(key=lambda call: (call.at, call.account_id, call.position), reverse=newest_first)
    page = tuple(calls[:limit])
    places, complete = [], True
    for each in found:
        shown = [call.position for call in page if call.account_id == each.account_id]
        if len(shown) == len(each.calls):
            places.append(each.reached)
            complete &= each.complete
        else:
            places.append(window.reached_by(shown[-1]) if shown else each.start)
            complete = False
    return History(page, HistoryPosition(*places), complete, moment)


def _search_ledger(cursor: psycopg.Cursor, search: _LedgerSearch, limit: int) -> _LedgerMatches:
    account_id, filters, row, start, window = search
    calls: list[HistoryCall] = []
    left, at_once, is_full, size_bytes = limit * POSITIONS_PER_CALL_MAX, limit + 1, False, 0
    while not window.is_empty and not is_full and left > 0:
        walked = candidate_positions(cursor, account_id, filters, window, at_once)
        for part in _in_parts(walked.positions):
            chosen = {"account_id": account_id, "positions": part, "limit": limit + 1 - len(calls)}
            for found in map(_TrailRow._make, cursor.execute(SQL["history"], {**row, **chosen})):
                size_bytes += len(found.line)
                is_full = is_full or len(calls) == limit or (size_bytes > PAGE_BYTES_MAX and bool(calls))
                if not is_full:
                    calls.append(_history_call(account_id, found))
            if is_full:
                break
        window = window.rest(window.reached_by(calls[-1].position) if is_full else walked.reached)
        left -= at_once
        at_once = min(at_once * 4, POSITIONS_PER_SCAN_MAX, left)
    reached = window.to if window.newest_first else window.after
    return _LedgerMatches(account_id, calls, start, reached, complete=window.is_empty and not is_full)


def _in_parts(positions: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(positions), CALLS_PER_SELECT_MAX):
        yield positions[start : start + CALLS_PER_SELECT_MAX]


def _history_call(account_id: str, row: _TrailRow) -> HistoryCall:
    line = from_json(row.line)
    cause, event = Cause.model_validate(line["cause"]), event_from(line["topic"], line["event"])
    principal = cause.principal
    issuer = None if principal is None else principal.issuer
    message, parameters, decisions = _said(row, event)
    return HistoryCall(
        account_id=account_id,
        position=row.position,
        at=row.at,
        event_id=line["event_id"],
        request_id=cause.request_id,
        shared_id=cause.shared_id,
        service=cause.service,
        operation=cause.operation,
        read_only=row.read_only,
        principal_type=None if principal is None else principal.type,
        principal_id=None if principal is None else principal.principal_id,
        principal_arn=None if principal is None else principal.arn,
        user_name=row.user_name,
        issuer_arn=None if issuer is None else issuer.arn,
        operator=row.operator,
        access_key_id=row.access_key_id,
        session_id=cause.session_id,
        peer_address=cause.peer_address,
        forwarded_address=cause.forwarded_address,
        user_agent=cause.user_agent,
        region=cause.region,
        tls=cause.tls,
        error_code=row.error_code,
        error_message=message,
        concerns_account_id=row.concerns_account_id,
        requests=row.requests,
        counted_from=row.counted_from,
        counted_to=row.counted_to,
        parameters=parameters,
        decisions=decisions,
        resources=tuple(row.resources),
        source_identity=row.source_identity,
    )


def _said(row: _TrailRow, event: Event) -> tuple[str | None, Mapping[str, object], tuple[DecisionRecord, ...]]:
    """The error message, the parameters and the decisions."""
    match event:
        case ApiCalled():
            return event.error_message, event.parameters, event.decisions
        case UnauthenticatedCalled():
            return event.error_message, {}, ()
        case RefusalsCounted(named_not_kept=0):
            return row.counted_message, {}, ()
        case RefusalsCounted():
            return row.counted_message, {"named_not_kept": event.named_not_kept}, ()
        case _:
            raise AssertionError(f"The trail has a row for {event.topic}, of which no history tells.")
