"""What is unusual in an account's calls: a session used from several addresses, a key that was silent for long and then
used, and use of root. Nothing is guessed: each finding is computed from the trail, and its calls are the evidence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from domain.families.sessions import LONGEST_SESSION
from domain.foundation.errors import ValidationError
from domain.foundation.moments import AsOf
from domain.read_models.unusual import CALLS_PER_SESSION_MAX, Anomaly, EvidenceCall, UnusualKind
from projections.engine.sql_files import load_statements
from projections.queries.ledger_positions import (
    position_at,
    position_before,
    position_before_moment,
    resolve_in_projection,
    time_before,
)

SQL = load_statements("projections.queries", "unusual.sql")
CREDENTIALS_PER_SELECT = 20
EXAMINED_PER_PAGE_MAX = 1_000
EVIDENCE_MAX = 20
"""So many addresses of a session are told, those that came first."""

_PROJECTIONS = ("trail", "sessions", "credentials")


class UnusualPosition(NamedTuple):
    """How far a reader has come."""

    kind: int = 0
    """Its number among the kinds."""
    subject: int = 0
    """The position at which the session was issued or the key created; of root, where the day's calls begin."""
    finding: int = 0
    """The position of the last finding about it that was told."""


FIRST_POSITION = UnusualPosition()


@dataclass(frozen=True, slots=True)
class PositionRange:
    """Of an account's ledger."""

    after: int
    """The position before the first."""
    since: datetime | None
    """The time of the first; None for the beginning of the ledger."""
    to: int


@dataclass(frozen=True, slots=True)
class UnusualFindings:
    findings: tuple[Anomaly, ...]
    cut_sessions: tuple[str, ...]
    """Sessions of which only the first CALLS_PER_SESSION_MAX calls in the span were looked at."""
    after: UnusualPosition | None
    """Where the next page begins; None when everything has been looked at."""


class _Examined(NamedTuple):
    """At a session, at a key, or at a day of root; and what there was to find, one finding at a time."""

    place: UnusualPosition
    finding: Anomaly | None = None
    cut_session: str | None = None


def position_range(cursor: psycopg.Cursor, account_id: str, since: AsOf | None, until: AsOf) -> PositionRange:
    """From one moment to the other, both in it. Raises ValidationError where they are the wrong way round, and what
    `resolve_in_projection` raises."""
    to = resolve_in_projection(cursor, _PROJECTIONS[0], account_id, until).position
    for projection in _PROJECTIONS[1:]:
        resolve_in_projection(cursor, projection, account_id, AsOf(until.now, position=to))
    if since is None:
        return PositionRange(0, None, to)
    first = resolve_in_projection(cursor, _PROJECTIONS[0], account_id, since)
    after = position_before_moment(cursor, account_id, since)
    if after > to:
        raise ValidationError(f"A span begins before it ends; got one from position {after + 1} to {to}.")
    return PositionRange(after, first.at, to)


def search_unusual(
    cursor: psycopg.Cursor,
    account_id: str,
    over: PositionRange,
    silence: timedelta,
    *,
    after: UnusualPosition = FIRST_POSITION,
    limit: int,
) -> UnusualFindings:
    """A page of findings: sessions in the order in which they were issued, then keys in that of their creation, then
    root day by day. For one page, no more than EXAMINED_PER_PAGE_MAX of them are looked at, whatever is found."""
    findings: list[Anomaly] = []
    cut: list[str] = []
    place, looks = after, 0
    for looked in _examine(cursor, account_id, over, silence, after):
        # That there is more is known when it comes.
        if len(findings) == limit or looks == EXAMINED_PER_PAGE_MAX:
            return UnusualFindings(tuple(findings), tuple(cut), place)
        place, looks = looked.place, looks + 1
        findings += [] if looked.finding is None else [looked.finding]
        cut += [] if looked.cut_session is None else [looked.cut_session]
    return UnusualFindings(tuple(findings), tuple(cut), None)


def _examine(
    cursor: psycopg.Cursor, account_id: str, over: PositionRange, silence: timedelta, after: UnusualPosition
) -> Iterator[_Examined]:
    given = {"account_id": account_id, "from": over.after, "to": over.to}
    if after.kind == 0:
        yield from _examine_sessions(cursor, over, given, after)
    if after.kind <= 1:
        yield from _examine_keys(
            cursor, {**given, "silence": silence}, after if after.kind == 1 else UnusualPosition(1)
        )
    yield from _examine_root(cursor, over, given, after if after.kind == 2 else UnusualPosition(2, over.after))  # noqa: PLR2004  of three kinds


def _examine_sessions(
    cursor: psycopg.Cursor, over: PositionRange, given: Mapping[str, object], after: UnusualPosition
) -> Iterator[_Examined]:
    account_id = str(given["account_id"])
    # None that was issued earlier has lived to see the span.
    earliest = position_at(cursor, account_id, time_before(over.since, LONGEST_SESSION)) if over.since else 0
    last = max(after.subject, earliest)
    given = {**given, "since": over.since, "calls": CALLS_PER_SESSION_MAX, "limit": CREDENTIALS_PER_SELECT}
    while subjects := cursor.execute(SQL["sessions"], {**given, "after": last}, prepare=False).fetchall():
        these = {**given, "session_ids": [session_id for _, session_id in subjects]}
        rows = cursor.execute(SQL["addresses"], these, prepare=False).fetchall()
        found = {session_id: _addresses_finding(list(calls)) for session_id, calls in groupby(rows, itemgetter(0))}
        cut = {session_id for (session_id,) in cursor.execute(SQL["cut"], these, prepare=False)}
        for last, session_id in subjects:
            yield _Examined(UnusualPosition(0, last), found.get(session_id), session_id if session_id in cut else None)


def _addresses_finding(rows: Sequence[TupleRow]) -> Anomaly:
    """Of a session's first calls from each address."""
    session_id, calls, *_, principal_arn = rows[0]
    evidence = tuple(EvidenceCall.of_row(row[2:10]) for row in rows)
    shown = evidence[:EVIDENCE_MAX]
    return _anomaly(UnusualKind.SEVERAL_ADDRESSES, session_id, principal_arn, evidence[1], calls, shown)


def _examine_keys(cursor: psycopg.Cursor, given: Mapping[str, object], after: UnusualPosition) -> Iterator[_Examined]:
    # The subject itself may have more findings than were told.
    last, told = after.subject - 1, after
    given = {**given, "limit": CREDENTIALS_PER_SELECT}
    while subjects := cursor.execute(SQL["keys"], {**given, "after": last}, prepare=False).fetchall():
        these = {**given, "access_key_ids": [access_key_id for _, access_key_id in subjects]}
        rows = cursor.execute(SQL["silences"], these, prepare=False).fetchall()
        silences = {access_key_id: list(found) for access_key_id, found in groupby(rows, itemgetter(0))}
        for last, access_key_id in subjects:
            findings = map(_silent_key_finding, silences.get(access_key_id, ()))
            for finding in findings:
                if (last, finding.position) > (told.subject, told.finding):
                    yield _Examined(UnusualPosition(1, last, finding.position), finding)
            yield _Examined(UnusualPosition(1, last + 1))


def _silent_key_finding(row: TupleRow) -> Anomaly:
    access_key_id, principal_arn, silent_since = row[:3]
    call = EvidenceCall.of_row(row[3:11])
    evidence = (call,) if row[11] is None else (EvidenceCall.of_row(row[11:]), call)
    return _anomaly(UnusualKind.SILENT_KEY, access_key_id, principal_arn, call, 1, evidence, silent_since)


def _examine_root(
    cursor: psycopg.Cursor, over: PositionRange, given: Mapping[str, object], after: UnusualPosition
) -> Iterator[_Examined]:
    account_id, begins = str(given["account_id"]), after.subject
    while first := cursor.execute(SQL["next_of_root"], {**given, "after": begins}).fetchone():
        midnight = first[1].astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        ends = min(over.to, position_before(cursor, account_id, midnight))
        rows = cursor.execute(SQL["root"], {**given, "after": begins, "to": ends}).fetchall()
        for _, calls in groupby(rows, itemgetter(1, 2)):
            finding = _root_finding(list(calls))
            if (begins, finding.position) > after[1:]:
                yield _Examined(UnusualPosition(2, begins, finding.position), finding)
        begins = ends


def _root_finding(rows: Sequence[TupleRow]) -> Anomaly:
    """Of the first and the last call of a day, which may be the same."""
    calls, access_key_id, session_id, principal_arn = rows[0][:4]
    evidence = tuple(EvidenceCall.of_row(row[4:]) for row in rows)
    credential = access_key_id if session_id is None else session_id
    return _anomaly(UnusualKind.ROOT, credential, principal_arn, evidence[0], calls, evidence)


def _anomaly(
    kind: UnusualKind,
    credential: str,
    principal_arn: str,
    call: EvidenceCall,
    calls: int,
    evidence: tuple[EvidenceCall, ...],
    silent_since: datetime | None = None,
) -> Anomaly:
    """At the call that makes it unusual: the first from another address, the first after the silence, the first of
    root's on its day."""
    return Anomaly(
        kind=kind,
        credential=credential,
        principal_arn=principal_arn,
        position=call.position,
        at=call.at,
        silent_since=silent_since,
        calls=calls,
        evidence=evidence,
    )
