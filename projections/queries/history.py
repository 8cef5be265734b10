"""The access history: which calls were made, by whom, from where, and how they were answered."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow
from pydantic import TypeAdapter
from pydantic_core import from_json

from domain.calls import DecisionRecord
from domain.foundation.errors import ValidationError
from domain.foundation.identifiers import INSTALLATION, account_of_arn
from domain.foundation.moments import AsOf, Moment
from domain.read_models.history import HistoryCall
from projections.engine.sql_files import load_statements
from projections.queries.history_search import candidate_positions
from projections.queries.ledger_positions import position_at, position_before, resolve_in_projection, time_at

SQL = load_statements("projections.queries", "queries.sql")
CALLS_PER_PAGE_MAX = 1_000
POSITIONS_PER_SCAN_MAX = 4_000
POSITIONS_PER_CALL_MAX = 10
"""For each call that a page can hold, so many positions of each filter are looked at. Where filters fit many calls each
and few together, the page ends there, short or empty, and the next one goes on."""

_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z2-7]{17}")
_DECISIONS = TypeAdapter(tuple[DecisionRecord, ...])


@dataclass(frozen=True, slots=True)
class HistoryFilters:
    """All that are given must fit. Times are inclusive."""

    access_key_id: str | None = None
    session_id: str | None = None
    principal: str | None = None
    """An ARN (a role's finds its sessions), a unique id, CloudTrail's principalId, or a user's name."""
    source_address: str | None = None
    """As a trusted proxy reported it; without a proxy, the peer's."""
    user_agent: str | None = None
    operation: str | None = None
    resource: str | None = None
    """An ARN that a decision about the call was about. "*" is none."""
    error_code: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class HistoryPosition:
    """How far a reader has come: in the account's ledger, and in the installation's."""

    position: int = 0
    installation_position: int = 0


@dataclass(frozen=True, slots=True)
class History:
    calls: tuple[HistoryCall, ...]
    """In the order of their positions; those of two ledgers by time. Before the last page there may be fewer than the
    limit, or none."""
    after: HistoryPosition
    """Where the next page begins."""
    complete: bool
    """Whether there is no next page."""


class _SearchRange(NamedTuple):
    """What is searched in one ledger, and for which values."""

    account_id: str
    columns: Mapping[str, str | None]
    after: int
    """Where the page begins."""
    begin: int
    """Behind which anything can fit."""
    to: int


class _LedgerMatches(NamedTuple):
    """In one ledger, up to one call more than the limit."""

    account_id: str
    calls: Sequence[HistoryCall]
    after: int
    reached: int
    """Up to here these are all."""
    complete: bool
    """Whether that is the end."""


def search_history(
    cursor: psycopg.Cursor,
    account_id: str,
    filters: HistoryFilters,
    as_of: AsOf,
    *,
    after: HistoryPosition = HistoryPosition(),
    limit: int = CALLS_PER_PAGE_MAX,
) -> History:
    """A page of an account's calls. With an access key id, the requests that claimed this key of the account and
    proved nothing come along from the installation's ledger; they carry an account only if the key id does.

    Raises ValidationError for a limit out of bounds, and what `resolve_in_projection` raises.
    """
    if not 1 <= limit <= CALLS_PER_PAGE_MAX:
        raise ValidationError(f"A page has 1 to {CALLS_PER_PAGE_MAX} calls; got {limit}.")
    moment = resolve_in_projection(cursor, "trail", account_id, as_of)
    columns = _filter_columns(account_id, filters) | {"concerns_account_id": None}
    spans = [_search_range(cursor, account_id, moment, filters, columns, after.position)]
    if filters.access_key_id is not None and account_id != INSTALLATION:
        # A position is one of the account's ledger; in the installation's, the moment is found by its time.
        elsewhere = as_of if as_of.position is None else AsOf(as_of.now, at=moment.at)
        moment = resolve_in_projection(cursor, "trail", INSTALLATION, elsewhere)
        strangers = columns | {"concerns_account_id": account_id}
        spans.append(_search_range(cursor, INSTALLATION, moment, filters, strangers, after.installation_position))
    with cursor.connection.transaction():
        cursor.execute(SQL["in_order"])
        found = [_search_ledger(cursor, span, limit) for span in spans]
    return _merge_page(cursor, found, limit)


def _merge_page(cursor: psycopg.Cursor, found: Sequence[_LedgerMatches], limit: int) -> History:
    """What was found in the account's ledger, and perhaps in the installation's, by time."""
    calls = [call for each in found for call in each.calls]
    if len(found) > 1:
        # Behind where the search in one ledger ended, what the other has is not yet in its turn.
        for each in found:
            if not each.complete:
                end = (time_at(cursor, each.account_id, each.reached), each.account_id)
                calls = [call for call in calls if (call.at, call.account_id) <= end]
        calls.sort(key=lambda call: (call.at, call.account_id, call.position))
    page = tuple(calls[:limit])
    places, complete = [], True
    for each in found:
        shown = [call.position for call in page if call.account_id == each.account_id]
        if len(shown) == len(each.calls):
            places.append(each.reached)
            complete &= each.complete
        else:
            places.append(shown[-1] if shown else each.after)
            complete = False
    return History(page, HistoryPosition(*places), complete)


def _filter_columns(account_id: str, filters: HistoryFilters) -> dict[str, str | None]:
    """The filters by what holds the answer: columns of the trail, and the resources."""
    columns = dict.fromkeys(("entity_id", "principal_id", "principal_arn", "issuer_arn", "user_name"))
    columns |= {
        "access_key_id": filters.access_key_id,
        "session_id": filters.session_id,
        "source_address": filters.source_address,
        "user_agent": filters.user_agent,
        "operation": filters.operation,
        "resource": filters.resource,
        "error_code": filters.error_code,
    }
    return columns if filters.principal is None else columns | _principal_columns(account_id, filters.principal)


def _principal_columns(account_id: str, principal: str) -> dict[str, str | None]:
    """The columns that hold a principal called so."""
    if principal.startswith("arn:"):
        resource = principal.split(":", 5)[-1]
        if resource.startswith("role/"):
            return {"issuer_arn": principal}
        if resource.startswith("user/") and account_of_arn(principal) == account_id:
            return {"principal_arn": principal, "user_name": resource.split("/")[-1]}
        return {"principal_arn": principal}
    if ":" in principal:
        return {"principal_id": principal, "entity_id": principal.partition(":")[0]}
    if principal == account_id or _UNIQUE_ID.fullmatch(principal):
        return {"entity_id": principal}
    return {"user_name": principal}


def _search_range(
    cursor: psycopg.Cursor,
    account_id: str,
    moment: Moment,
    filters: HistoryFilters,
    columns: Mapping[str, str | None],
    after: int,
) -> _SearchRange:
    """Times become positions once, which the keys are ordered by."""
    begin, to = after, moment.position
    if filters.since is not None:
        begin = max(after, position_before(cursor, account_id, filters.since))
    if filters.until is not None:
        to = min(to, position_at(cursor, account_id, filters.until))
    return _SearchRange(account_id, columns, after, begin, to)


def _search_ledger(cursor: psycopg.Cursor, span: _SearchRange, limit: int) -> _LedgerMatches:
    account_id, columns, after, reached, to = span
    calls: list[HistoryCall] = []
    left, at_once = limit * POSITIONS_PER_CALL_MAX, limit + 1
    while reached < to and len(calls) <= limit and left > 0:
        walked = candidate_positions(cursor, account_id, columns, reached, to, at_once)
        chosen = {"account_id": account_id, "positions": walked.positions, "limit": limit + 1 - len(calls)}
        rows = cursor.execute(SQL["history"], {**chosen, **columns}).fetchall()
        calls += [_history_call(row) for row in rows]
        reached = calls[-1].position if len(calls) > limit else walked.reached
        left -= at_once
        at_once = min(at_once * 4, POSITIONS_PER_SCAN_MAX, left)
    return _LedgerMatches(account_id, calls, after, reached, complete=reached >= to and len(calls) <= limit)


def _history_call(row: TupleRow) -> HistoryCall:
    """The last two columns are JSON."""
    *values, parameters, decisions = row
    return HistoryCall.of_row([*values, from_json(parameters), _DECISIONS.validate_json(decisions)])
