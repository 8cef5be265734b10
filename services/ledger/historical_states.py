"""What an account was at a position, from the ledger: the nearest value before it, and the changes since."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from eventsourcing.persistence import StoredEvent

from domain.account import Account
from domain.families.access_reviews import ReviewFacts, ReviewQuery, UndecidedFacts, UndecidedQuery
from domain.foundation.events import Entry, topics_of
from domain.foundation.moments import NamedMoment
from domain.ledger_state import LedgerState, empty, evolve
from domain.rules.access_reviews import find_review
from domain.time_travel import PastFacts, PastQuery
from projections.queries.ledger_positions import position_at, resolve_in_ledger
from services.ledger import snapshots
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import SQL, ConnectionSource, select, select_snapshot
from services.ledger.review_lines import review_facts, undecided_facts

CHANGES_A_SELECT = 1_000
"""So that no statement of a reader takes long, however much there is to fold."""
HISTORICAL_BYTES_MAX = 64 * 1024 * 1024
"""All past values that are kept together, estimated as the stored bytes that each was made from."""

log = logging.getLogger("muniment.ledger")


@dataclass(frozen=True, slots=True)
class _CachedState:
    value: LedgerState
    made_from_bytes: int
    """Of the snapshot and of the changes since."""


class HistoricalStates:
    """Values of the past, least recently used out first, for all threads. What was true at a position stays true, so
    nothing that is kept here ever has to be given up for another reason than room."""

    def __init__(self, mapper: EntryMapper, bytes_max: int = HISTORICAL_BYTES_MAX) -> None:
        self.mapper = mapper
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, int], _CachedState] = OrderedDict()
        """By account and position of the last change."""

    def at(self, cursor: psycopg.Cursor, account_id: str, position: int) -> LedgerState:
        """The value with every change up to the position, and none after it; empty where there is no ledger. Blocks as
        long as folding takes: for threads that readers wait in, never for a round.

        Raises CorruptEntry and Corrupt.
        """
        last_change = _last_change(cursor, account_id, position)
        if last_change is None:
            return empty(account_id)
        kept = self._nearest_kept(account_id, last_change)
        if kept.value.position == last_change:
            return kept.value
        made = self._folded(cursor, _nearer(cursor, kept, last_change), last_change)
        self._keep(made)
        return made.value

    def throughout(self, cursor: psycopg.Cursor, account_id: str, first: int, last: int) -> Iterator[LedgerState]:
        """The value at the first position, and after each change up to the last. Raises what `at` raises."""
        value = self.at(cursor, account_id, first)
        yield value
        for change in self.changes(cursor, account_id, after=first, to=last):
            value = evolve(value, change)
            yield value

    def changes(self, cursor: psycopg.Cursor, account_id: str, *, after: int, to: int) -> Iterator[Entry]:
        """Those behind one position and up to another, read as they are taken."""
        while True:
            rows = select(cursor, "select_changes", account_id, after=after, to=to, limit=CHANGES_A_SELECT)
            for row in rows:
                yield self.mapper.to_domain_event(row)
            if len(rows) < CHANGES_A_SELECT:
                return
            after = rows[-1].originator_version

    def changes_of_topics(
        self, cursor: psycopg.Cursor, account_id: str, topics: Sequence[str], *, after: int, to: int
    ) -> Iterator[Entry]:
        """Those behind one position and up to another that are stored under these topics, read as they are taken."""
        wanted = {"account_id": account_id, "topics": list(topics), "to": to, "limit": CHANGES_A_SELECT}
        while True:
            found = cursor.execute(SQL["select_changes_of_topics"], {**wanted, "after": after}, binary=True)
            rows = [StoredEvent(*row) for row in found]
            for row in rows:
                yield self.mapper.to_domain_event(row)
            if len(rows) < CHANGES_A_SELECT:
                return
            after = rows[-1].originator_version

    def changes_at(self, cursor: psycopg.Cursor, account_id: str, positions: Collection[int]) -> dict[int, Entry]:
        """By their positions: those of these that are changes."""
        wanted = {"account_id": account_id, "positions": list(positions)}
        found = cursor.execute(SQL["select_changes_at"], wanted, binary=True)
        entries = (self.mapper.to_domain_event(StoredEvent(*row)) for row in found)
        return {entry.position: entry for entry in entries}

    def changes_of_topic(
        self, cursor: psycopg.Cursor, account_id: str, topic: str, *, after: int, limit: int
    ) -> list[Entry]:
        """The first ones behind a position, to the end of the ledger."""
        wanted = {"account_id": account_id, "topics": list(topics_of(topic)), "after": after, "limit": limit}
        rows = cursor.execute(SQL["select_changes_of_topic"], wanted, binary=True)
        return [self.mapper.to_domain_event(StoredEvent(*row)) for row in rows]

    def _nearest_kept(self, account_id: str, last_change: int) -> _CachedState:
        with self._lock:
            places = [place for place in self._kept if place[0] == account_id and place[1] <= last_change]
            if not places:
                return _CachedState(empty(account_id), 0)
            nearest = max(places)
            self._kept.move_to_end(nearest)
            return self._kept[nearest]

    def _folded(self, cursor: psycopg.Cursor, kept: _CachedState, last_change: int) -> _CachedState:
        value, size = kept.value, kept.made_from_bytes
        while value.position < last_change:
            after = value.position
            for row in select(cursor, "select_changes", value.id, after=after, to=last_change, limit=CHANGES_A_SELECT):
                value = evolve(value, self.mapper.to_domain_event(row))
                size += len(row.state)
        return _CachedState(value, size)

    def _keep(self, made: _CachedState) -> None:
        place = (made.value.id, made.value.position)
        with self._lock:
            former = self._kept.pop(place, None)
            self._kept[place] = made
            self._bytes += made.made_from_bytes - (former.made_from_bytes if former else 0)
            while self._bytes > self._bytes_max and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.made_from_bytes


def _last_change(cursor: psycopg.Cursor, account_id: str, position: int) -> int | None:
    """The position of the last change at or before this one."""
    row = cursor.execute(SQL["last_change"], {"account_id": account_id, "position": position}).fetchone()
    return None if row is None else row[0]


def _nearer(cursor: psycopg.Cursor, kept: _CachedState, last_change: int) -> _CachedState:
    """From the newest snapshot, where that leaves less to fold than what is kept."""
    account_id, after = kept.value.id, kept.value.position
    found = select_snapshot(cursor, account_id, snapshots.snapshot_topic(account_id), after=after, to=last_change)
    if found is None:
        return kept
    try:
        return _CachedState(snapshots.restore_snapshot(found), len(found.state))
    except snapshots.CorruptSnapshot as broken:
        # The changes tell the same, and they are the truth.
        log.error("%s It is left aside.", broken)  # noqa: TRY400  the message says it all
        return kept


class HistoricalStateResolver:
    """What decisions about the past want to know of it."""

    def __init__(self, readers: ConnectionSource, values: HistoricalStates) -> None:
        self._readers = readers
        self._values = values

    def found(self, wanted: PastQuery | ReviewQuery | UndecidedQuery) -> PastFacts | ReviewFacts | UndecidedFacts:
        """Raises ValidationError for what is no moment or has not come yet, NoSuchEntity for a review that is not
        there, and what `HistoricalStates.at` raises."""
        with self._readers() as connection, connection.cursor() as cursor:
            if isinstance(wanted, ReviewQuery):
                return review_facts(self._account(cursor, wanted.account_id, wanted.position, wanted.at), wanted)
            if isinstance(wanted, UndecidedQuery):
                account = self._account(cursor, wanted.account_id, None, wanted.at)
                review = find_review(account, wanted.review_name)
                then = self._account(cursor, wanted.account_id, review.lines_position, wanted.at)
                return undecided_facts(then, account, review, wanted)
            first, *others = wanted.account_ids
            as_of = NamedMoment.parse(wanted.moment).as_of(wanted.asked_at)
            moment = resolve_in_ledger(cursor, first, as_of)
            # A position is one of the first account's ledger; in others the moment is found by its time.
            positions = {first: moment.position} | {other: position_at(cursor, other, moment.at) for other in others}
            ledgers = {each: self._values.at(cursor, each, position) for each, position in positions.items()}
        return PastFacts(moment.at, ledgers)

    def _account(self, cursor: psycopg.Cursor, account_id: str, position: int | None, at: datetime) -> Account:
        """At the position, or else at the time."""
        if position is None:
            position = position_at(cursor, account_id, at)
        account = self._values.at(cursor, account_id, position)
        assert isinstance(account, Account)
        return account
