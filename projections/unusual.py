"""What is unusual in an account's calls: a session used from several addresses, a key that was silent for long and then
used, and use of root. Nothing is guessed: each finding is computed from the trail, and its calls are the evidence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from domain.errors import ValidationError
from domain.sessions import LONGEST_SESSION
from projections.asof import AsOf, earlier, position_at, position_before, resolve
from projections.statements import statements

SQL = statements("projections", "unusual.sql")
SILENT_DAYS_DEFAULT = 90
CREDENTIALS_A_SELECT = 20
LOOKED_AT_A_PAGE_MAX = 1_000
CALLS_A_SESSION_MAX = 10_000
"""So many of a session's calls in the span are looked at, the first ones."""
EVIDENCE_MAX = 20
"""So many addresses of a session are told, those that came first."""

_PROJECTIONS = ("trail", "sessions", "credentials")
_DAY = timedelta(days=1)


class Kind(StrEnum):
    """In the order in which they are told."""

    SEVERAL_ADDRESSES = "session from several addresses"
    SILENT_KEY = "silent key used"
    ROOT = "root used"


class Evidence(NamedTuple):
    """A call, as the trail has it."""

    position: int
    at: datetime
    request_id: str
    source_address: str | None
    user_agent: str | None
    service: str
    operation: str
    error_code: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    credential: str
    """The session's id, or the access key's."""
    principal_arn: str
    position: int
    """Of the call that makes it unusual: the first from another address, the first after the silence, the first of
    root's on its day."""
    at: datetime
    silent_since: datetime | None
    """The last call before the silence, or the key's creation where there is none."""
    calls: int
    """That the finding is about: those of the session, the one after the silence, those of root on the day."""
    evidence: tuple[Evidence, ...]
    """The first call from each address; the call before the silence, if there is one, and the one after; root's first
    and last call of the day."""


class Place(NamedTuple):
    """How far a reader has come."""

    kind: int = 0
    """Its number among the kinds."""
    subject: int = 0
    """The position at which the session was issued or the key created; of root, where the day's calls begin."""
    finding: int = 0
    """The position of the last finding about it that was told."""


BEGINNING = Place()


@dataclass(frozen=True, slots=True)
class Span:
    """Of an account's ledger."""

    after: int
    """The position before the first."""
    since: datetime | None
    """The time of the first; None for the beginning of the ledger."""
    to: int


@dataclass(frozen=True, slots=True)
class Unusual:
    findings: tuple[Finding, ...]
    cut_sessions: tuple[str, ...]
    """Sessions of which only the first CALLS_A_SESSION_MAX calls in the span were looked at."""
    after: Place | None
    """Where the next page begins; None when everything has been looked at."""


class _Looked(NamedTuple):
    """At a session, at a key, or at a day of root; and what there was to find, one finding at a time."""

    place: Place
    finding: Finding | None = None
    cut_session: str | None = None


def span(cursor: psycopg.Cursor, account_id: str, since: AsOf | None, until: AsOf) -> Span:
    """From one moment to the other, both in it. Raises ValidationError where they are the wrong way round, and what
    `resolve` raises."""
    to = resolve(cursor, _PROJECTIONS[0], account_id, until).position
    for projection in _PROJECTIONS[1:]:
        resolve(cursor, projection, account_id, AsOf(until.now, position=to))
    if since is None:
        return Span(0, None, to)
    first = resolve(cursor, _PROJECTIONS[0], account_id, since)
    after = position_before(cursor, account_id, first.at) if since.position is None else since.position - 1
    if after > to:
        raise ValidationError(f"A span begins before it ends; got one from position {after + 1} to {to}.")
    return Span(after, first.at, to)


def unusual(
    cursor: psycopg.Cursor, account_id: str, over: Span, silence: timedelta, *, after: Place = BEGINNING, limit: int
) -> Unusual:
    """A page of findings: sessions in the order in which they were issued, then keys in that of their creation, then
    root day by day. For one page, no more than LOOKED_AT_A_PAGE_MAX of them are looked at, whatever is found."""
    findings: list[Finding] = []
    cut: list[str] = []
    place, looks = after, 0
    for looked in _looking(cursor, account_id, over, silence, after):
        # That there is more is known when it comes.
        if len(findings) == limit or looks == LOOKED_AT_A_PAGE_MAX:
            return Unusual(tuple(findings), tuple(cut), place)
        place, looks = looked.place, looks + 1
        findings += [] if looked.finding is None else [looked.finding]
        cut += [] if looked.cut_session is None else [looked.cut_session]
    return Unusual(tuple(findings), tuple(cut), None)


def _looking(
    cursor: psycopg.Cursor, account_id: str, over: Span, silence: timedelta, after: Place
) -> Iterator[_Looked]:
    given = {"account_id": account_id, "from": over.after, "to": over.to}
    if after.kind == 0:
        yield from _sessions(cursor, over, given, after)
    if after.kind <= 1:
        yield from _keys(cursor, {**given, "silence": silence}, after if after.kind == 1 else Place(1))
    yield from _root(cursor, over, given, after if after.kind == 2 else Place(2, over.after))  # noqa: PLR2004  of three kinds


def _sessions(cursor: psycopg.Cursor, over: Span, given: Mapping[str, object], after: Place) -> Iterator[_Looked]:
    account_id = str(given["account_id"])
    # None that was issued earlier has lived to see the span.
    earliest = position_at(cursor, account_id, earlier(over.since, LONGEST_SESSION)) if over.since else 0
    last = max(after.subject, earliest)
    given = {**given, "since": over.since, "calls": CALLS_A_SESSION_MAX, "limit": CREDENTIALS_A_SELECT}
    while subjects := cursor.execute(SQL["sessions"], {**given, "after": last}, prepare=False).fetchall():
        these = {**given, "session_ids": [session_id for _, session_id in subjects]}
        rows = cursor.execute(SQL["addresses"], these, prepare=False).fetchall()
        several = {session_id: _several_addresses(list(calls)) for session_id, calls in groupby(rows, itemgetter(0))}
        cut = {session_id for (session_id,) in cursor.execute(SQL["cut"], these, prepare=False)}
        for last, session_id in subjects:
            yield _Looked(Place(0, last), several.get(session_id), session_id if session_id in cut else None)


def _several_addresses(rows: Sequence[TupleRow]) -> Finding:
    """Of a session's first calls from each address."""
    session_id, calls, *_, principal_arn = rows[0]
    evidence = tuple(Evidence(*row[2:10]) for row in rows)
    second = evidence[1]
    return Finding(
        Kind.SEVERAL_ADDRESSES,
        session_id,
        principal_arn,
        second.position,
        second.at,
        None,
        calls,
        evidence[:EVIDENCE_MAX],
    )


def _keys(cursor: psycopg.Cursor, given: Mapping[str, object], after: Place) -> Iterator[_Looked]:
    # The subject itself may have more findings than were told.
    last, told = after.subject - 1, after
    given = {**given, "limit": CREDENTIALS_A_SELECT}
    while subjects := cursor.execute(SQL["keys"], {**given, "after": last}, prepare=False).fetchall():
        these = {**given, "access_key_ids": [access_key_id for _, access_key_id in subjects]}
        rows = cursor.execute(SQL["silences"], these, prepare=False).fetchall()
        silences = {access_key_id: list(found) for access_key_id, found in groupby(rows, itemgetter(0))}
        for last, access_key_id in subjects:
            findings = map(_silent_key, silences.get(access_key_id, ()))
            for finding in findings:
                if (last, finding.position) > (told.subject, told.finding):
                    yield _Looked(Place(1, last, finding.position), finding)
            yield _Looked(Place(1, last + 1))


def _silent_key(row: TupleRow) -> Finding:
    access_key_id, principal_arn, silent_since = row[:3]
    call = Evidence(*row[3:11])
    evidence = (call,) if row[11] is None else (Evidence(*row[11:]), call)
    return Finding(Kind.SILENT_KEY, access_key_id, principal_arn, call.position, call.at, silent_since, 1, evidence)


def _root(cursor: psycopg.Cursor, over: Span, given: Mapping[str, object], after: Place) -> Iterator[_Looked]:
    account_id, begins = str(given["account_id"]), after.subject
    while first := cursor.execute(SQL["next_of_root"], {**given, "after": begins}).fetchone():
        midnight = first[1].astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
        ends = min(over.to, position_before(cursor, account_id, midnight))
        rows = cursor.execute(SQL["root"], {**given, "after": begins, "to": ends}).fetchall()
        for _, calls in groupby(rows, itemgetter(1, 2)):
            finding = _root_used(list(calls))
            if (begins, finding.position) > after[1:]:
                yield _Looked(Place(2, begins, finding.position), finding)
        begins = ends


def _root_used(rows: Sequence[TupleRow]) -> Finding:
    """Of the first and the last call of a day, which may be the same."""
    calls, access_key_id, session_id, principal_arn = rows[0][:4]
    evidence = tuple(Evidence(*row[4:]) for row in rows)
    first = evidence[0]
    credential = access_key_id if session_id is None else session_id
    return Finding(Kind.ROOT, credential, principal_arn, first.position, first.at, None, calls, evidence)
