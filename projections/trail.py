"""The access history: which calls were made, by whom, from where, and how they were answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from pydantic import TypeAdapter

from domain.calls import DecisionRecord
from domain.errors import ValidationError
from domain.identifiers import INSTALLATION
from projections.asof import AsOf, Moment, position_at, resolve
from projections.statements import statements

SQL = statements("projections", "queries.sql")
CALLS_A_PAGE_MAX = 1_000

_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z2-7]{17}")
_INSTANT = timedelta(microseconds=1)
"""As exactly as the ledger keeps time."""
_DECISIONS = TypeAdapter(tuple[DecisionRecord, ...])


@dataclass(frozen=True, slots=True)
class Filters:
    """All that are given must fit. Times are inclusive."""

    access_key_id: str | None = None
    session_id: str | None = None
    principal: str | None = None
    """An ARN (a role's finds its sessions), a unique id, CloudTrail's principalId, or a user's name."""
    source_address: str | None = None
    """As a trusted proxy reported it; without a proxy, the peer's."""
    operation: str | None = None
    error_code: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call, or what is known of requests that authenticated nobody (`concerns_account_id`, `requests`)."""

    account_id: str
    """Whose ledger it stands in."""
    position: int
    at: datetime
    event_id: str
    request_id: str
    shared_id: str
    service: str
    operation: str
    read_only: bool | None
    principal_type: str | None
    principal_id: str | None
    principal_arn: str | None
    user_name: str | None
    issuer_arn: str | None
    operator: str | None
    """user@host, for what a person did at the server's own machine."""
    access_key_id: str | None
    """Proved by the signature; where nobody was authenticated, only claimed."""
    session_id: str | None
    peer_address: str | None
    forwarded_address: str | None
    user_agent: str | None
    region: str | None
    tls: bool
    error_code: str | None
    error_message: str | None
    concerns_account_id: str | None
    requests: int
    parameters: Mapping[str, object]
    decisions: tuple[DecisionRecord, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """How far a reader has come: in the account's ledger, and in the installation's."""

    position: int = 0
    installation_position: int = 0


@dataclass(frozen=True, slots=True)
class History:
    calls: tuple[RecordedCall, ...]
    """In the order of their positions; those of two ledgers by time."""
    after: Place
    """Where the next page begins."""
    complete: bool
    """Whether there is no next page."""


def history(
    cursor: psycopg.Cursor,
    account_id: str,
    filters: Filters,
    as_of: AsOf,
    *,
    after: Place = Place(),
    limit: int = CALLS_A_PAGE_MAX,
) -> History:
    """A page of an account's calls. With an access key id, the requests that claimed this key of the account and
    proved nothing come along from the installation's ledger; they carry an account only if the key id does.

    Raises ValidationError for a limit out of bounds, and what `resolve` raises.
    """
    if not 1 <= limit <= CALLS_A_PAGE_MAX:
        raise ValidationError(f"A page has 1 to {CALLS_A_PAGE_MAX} calls; got {limit}.")
    moment = resolve(cursor, "trail", account_id, as_of)
    columns = _columns(account_id, filters)
    calls = _calls(cursor, account_id, moment, filters, {**columns, "concerns_account_id": None}, after.position, limit)
    if filters.access_key_id is not None and account_id != INSTALLATION:
        # A position is one of the account's ledger; in the installation's, the moment is found by its time.
        elsewhere = as_of if as_of.position is None else AsOf(as_of.now, at=moment.at)
        moment = resolve(cursor, "trail", INSTALLATION, elsewhere)
        strangers = {**columns, "concerns_account_id": account_id}
        calls += _calls(cursor, INSTALLATION, moment, filters, strangers, after.installation_position, limit)
        calls.sort(key=lambda call: (call.at, call.account_id, call.position))
    page = tuple(calls[:limit])
    return History(
        page,
        Place(
            max((call.position for call in page if call.account_id == account_id), default=after.position),
            max((call.position for call in page if call.account_id != account_id), default=after.installation_position),
        ),
        complete=len(calls) <= limit,
    )


def _columns(account_id: str, filters: Filters) -> dict[str, str | None]:
    """The filters by the columns that hold what they ask for."""
    columns = dict.fromkeys(("entity_id", "principal_id", "principal_arn", "issuer_arn", "user_name"))
    columns |= {
        "access_key_id": filters.access_key_id,
        "session_id": filters.session_id,
        "source_address": filters.source_address,
        "operation": filters.operation,
        "error_code": filters.error_code,
    }
    principal = filters.principal
    if principal is None:
        return columns
    if principal.startswith("arn:"):
        resource = principal.split(":", 5)[-1]
        return columns | {"issuer_arn" if resource.startswith("role/") else "principal_arn": principal}
    if ":" in principal:
        return columns | {"principal_id": principal, "entity_id": principal.split(":")[0]}
    if principal == account_id or _UNIQUE_ID.fullmatch(principal):
        return columns | {"entity_id": principal}
    return columns | {"user_name": principal}


def _calls(
    cursor: psycopg.Cursor,
    account_id: str,
    moment: Moment,
    filters: Filters,
    columns: Mapping[str, str | None],
    after: int,
    limit: int,
) -> list[RecordedCall]:
    """One more than the limit, if there are so many. Times become positions once, which the keys are ordered by."""
    to = moment.position
    if filters.since is not None:
        after = max(after, position_at(cursor, account_id, filters.since - _INSTANT))
    if filters.until is not None:
        to = min(to, position_at(cursor, account_id, filters.until))
    parameters = {"account_id": account_id, "after": after, "to": to, "limit": limit + 1, **columns}
    # Never as a prepared statement: a plan for all values cannot know which filters are given.
    rows = cursor.execute(SQL["history"], parameters, prepare=False).fetchall()
    return [RecordedCall(*[*values, _DECISIONS.validate_python(decisions)]) for *values, decisions in rows]
