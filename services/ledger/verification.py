"""Whether a ledger is whole: its positions, its bytes, what it folds into, and what is kept beside it.

Bytes that were altered into others that are a legal entry too, no check of one ledger by itself can find; the tables of
the projections may tell it, which were made from the bytes that stood there before.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
from eventsourcing.persistence import StoredEvent

from domain.account import CorruptLedger
from domain.families.access_keys import ACCESS_KEYS
from domain.families.passwords import LOGIN_PROFILES
from domain.foundation.events import Change, Entry
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.secret import SecretId, SecretKind
from domain.installation import Installation
from domain.ledger_state import LedgerState, empty, evolve
from projections.engine.sql_files import load_statements
from services.ledger.mapper import CorruptEntry, EntryMapper
from services.ledger.snapshots import CorruptSnapshot, differing_columns, restore_snapshot, snapshot_topic

SQL = load_statements("services.ledger", "verification.sql")
EVENTS_A_FETCH = 2_000
"""So many are in memory at a time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

VerificationProgress = Callable[[str, int, int], None]
"""Hears what is being done, and how many positions of how many are behind it."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """The first thing that is not as it should be. What comes after it was not looked at."""

    position: int | None
    """None where it is about no position."""
    expected: str
    found: str

    def __str__(self) -> str:
        place = "" if self.position is None else f"position {self.position}: "
        return f"{place}expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class VerificationResult:
    account_id: str
    positions: int
    """That were found in order."""
    finding: Discrepancy | None
    """None where all is well."""


class _Broken(Exception):  # noqa: N818  carries a finding
    def __init__(self, position: int | None, expected: str, found: str) -> None:
        super().__init__(position)
        self.finding = Discrepancy(position, expected, found)


class _StoredEvent(NamedTuple):
    position: int
    topic: str
    at: datetime
    state: bytes
    is_change: bool


def verify(
    connection: psycopg.Connection, account_id: str | None = None, tell: VerificationProgress = lambda *_: None
) -> list[VerificationResult]:
    """The installation's ledger first, then all others or the one. As of one moment, while others go on writing, and
    with nothing locked; `connection` is the writer's, who alone may see secrets and snapshots beside the events."""
    with _snapshot(connection):
        heads: dict[str, int] = dict(connection.execute(SQL["accounts"]).fetchall())
        verification = _Verification(connection, tell, sum(heads.values()))
        installation = verification.verdict(INSTALLATION)
        wanted = heads.keys() | (verification.claims or {}).keys() if account_id is None else {account_id}
        others = [verification.verdict(other) for other in sorted(wanted - {INSTALLATION})]
    return [installation, *others]


@contextmanager
def _snapshot(connection: psycopg.Connection) -> Iterator[None]:
    """One read-only transaction that takes its time."""
    connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
    try:
        with connection.transaction():
            connection.execute("set local statement_timeout = 0")
            connection.execute("set local idle_in_transaction_session_timeout = 0")
            # Whatever the planner knows of the tables: in the order of the keys, so that no ledger is sorted on disk.
            connection.execute("set local enable_sort = off")
            yield
    finally:
        connection.isolation_level = connection.read_only = None


class _Verification:
    def __init__(self, connection: psycopg.Connection, tell: VerificationProgress, total: int) -> None:
        self._connection = connection
        self._tell = tell
        self._total = total
        self._done = 0
        self._mapper = EntryMapper()
        self.claims: Mapping[str, str] | None = None
        """Ledger ids by account id, as the installation says; None where it cannot be asked."""

    def verdict(self, account_id: str) -> VerificationResult:
        reading = _LedgerProgress(account_id)
        try:
            self._read(reading)
            self._compare_head(reading)
            self._compare_secrets(reading)
            self._compare_claim(reading)
        except _Broken as wrong:
            return VerificationResult(account_id, reading.position, wrong.finding)
        return VerificationResult(account_id, reading.position, None)

    def _read(self, reading: "_LedgerProgress") -> None:
        place = {"account_id": reading.account_id}
        topic = snapshot_topic(reading.account_id)
        found = self._connection.execute(SQL["snapshots"], {**place, "topic": topic}).fetchall()
        snapshots = {position for (position,) in found}
        with self._connection.cursor("events") as cursor:
            cursor.itersize = EVENTS_A_FETCH
            cursor.execute(SQL["events"], place, binary=True)
            for row in cursor:
                event = _StoredEvent(*row)
                reading.take(event, self._entry(reading, event))
                if event.is_change and event.position in snapshots:
                    snapshots.remove(event.position)
                    self._compare_snapshot(reading)
                self._done += 1
                if self._done % EVENTS_A_FETCH == 0:
                    self._tell(f"the ledger of {reading.account_id}", self._done, self._total)
        if snapshots:
            raise _Broken(min(snapshots), "no snapshot, for there is no such change", "one")

    def _entry(self, reading: "_LedgerProgress", event: _StoredEvent) -> Entry:
        if event.position != reading.position + 1:
            raise _Broken(reading.position + 1, "an event", f"as the next one that of position {event.position}")
        stored = StoredEvent(reading.account_id, event.position, event.topic, event.state)
        try:
            entry = self._mapper.to_domain_event(stored)
            # Bytes of a topic of the past become those of its successor, and are not written as they were.
            is_final = entry.event.topic != event.topic or self._mapper.to_stored_event(entry).state == event.state
        except CorruptEntry as broken:
            raise _Broken(event.position, "the bytes of an entry", str(broken)) from broken
        except (AttributeError, TypeError, ValueError) as error:
            raise _Broken(event.position, "the bytes of an entry", f"{type(error).__name__}: {error}") from error
        if not is_final:
            raise _Broken(event.position, "bytes as this program writes them", "others that mean the same")
        return entry

    def _compare_snapshot(self, reading: "_LedgerProgress") -> None:
        place = {"account_id": reading.account_id, "position": reading.position}
        row = self._connection.execute(SQL["snapshot"], place, binary=True).fetchone()
        assert row is not None
        try:
            snapshot = restore_snapshot(StoredEvent(*row))
        except CorruptSnapshot as broken:
            raise _Broken(reading.position, "a snapshot as it was written", str(broken)) from broken
        except (ValueError, LookupError, TypeError, AttributeError, zlib.error) as error:
            raise _Broken(reading.position, "a snapshot", f"bytes that are none ({type(error).__name__})") from error
        if snapshot != reading.value:
            others = differing_columns(snapshot, reading.value)
            raise _Broken(reading.position, "a snapshot equal to the fold", f"another in {', '.join(others)}")

    def _compare_head(self, reading: "_LedgerProgress") -> None:
        head = self._connection.execute(SQL["head"], {"account_id": reading.account_id}).fetchone()
        expected = (reading.position, reading.value.position, reading.at)
        if head is None and reading.position > 0:
            raise _Broken(reading.position, "a head", "none")
        names = ("position", "last_change", "at")
        for name, is_expected, is_found in zip(names, expected, head or expected, strict=True):
            if is_expected != is_found:
                raise _Broken(reading.position, f"a head with {name} {is_expected}", f"{is_found}")

    def _compare_secrets(self, reading: "_LedgerProgress") -> None:
        rows = self._connection.execute(SQL["secrets"], {"account_id": reading.account_id}).fetchall()
        found = {SecretId(SecretKind(kind), name): principal_id for kind, name, principal_id in rows}
        expected = _expected_secrets(reading.value)
        for secret_id in sorted(found.keys() | expected.keys()):
            what = f"{secret_id.kind.value} {secret_id.name}"
            if secret_id not in found:
                raise _Broken(None, f"a sealed {what}", "none")
            if secret_id not in expected:
                raise _Broken(None, f"no sealed {what}, for which the account has no use", "one")
            if found[secret_id] != expected[secret_id]:
                raise _Broken(None, f"the {what} sealed for {expected[secret_id]}", f"for {found[secret_id]}")

    def _compare_claim(self, reading: "_LedgerProgress") -> None:
        value = reading.value
        if isinstance(value, Installation):
            self.claims = {account_id: opened.ledger_id for account_id, opened in value.accounts.items()}
        elif self.claims is not None and value.ledger_id != self.claims.get(value.id, ""):
            claimed = self.claims.get(value.id)
            raise _Broken(
                1,
                f"the ledger {claimed}, which the installation has opened" if claimed else "no account",
                f"the ledger {value.ledger_id}" if value.exists else "nothing",
            )


class _LedgerProgress:
    """A ledger as far as it was read, and found in order."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self.value: LedgerState = empty(account_id)
        self.position = 0
        self.at = _EPOCH

    def take(self, event: _StoredEvent, entry: Entry) -> None:
        if entry.at != event.at:
            raise _Broken(event.position, f"the time {entry.at.isoformat()} of its bytes", event.at.isoformat())
        if entry.at < self.at:
            raise _Broken(event.position, f"a time not before {self.at.isoformat()}", entry.at.isoformat())
        is_change = isinstance(entry.event, Change)
        if is_change != event.is_change:
            tables = ("changes", "uses") if is_change else ("uses", "changes")
            raise _Broken(event.position, f"{event.topic} among the {tables[0]}", f"it among the {tables[1]}")
        if is_change:
            try:
                self.value = evolve(self.value, entry)
            except CorruptLedger as corrupt:
                raise _Broken(event.position, "a change that can follow those before it", str(corrupt)) from corrupt
        self.position, self.at = event.position, entry.at


def _expected_secrets(value: LedgerState) -> Mapping[SecretId, str]:
    """What has to lie sealed beside the ledger, and for which principal."""
    if isinstance(value, Installation):
        return {}
    keys = {SecretId(SecretKind.ACCESS_KEY, key.id): key.user_id for key in value[ACCESS_KEYS].by_id.values()}
    passwords = {
        SecretId(SecretKind.PASSWORD, password_id): profile.user_id
        for profile in value[LOGIN_PROFILES].values()
        for password_id in profile.password_ids
    }
    return keys | passwords
