"""Whether a ledger is whole: its positions, its bytes, what it folds into, and what is kept beside it.

Bytes that were altered into others that are a legal entry too, no check of one ledger by itself can find. What was made
from the bytes that stood there before may tell: the tables of the projections, and checkpoints of earlier verifications
(docs/adr/0038).
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, NoReturn, TypeVar

import psycopg
from eventsourcing.persistence import StoredEvent
from psycopg.rows import TupleRow

from domain.account import CorruptLedger
from domain.calls import ApiCalled, RefusalsCounted
from domain.foundation.events import Change, Entry
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.secret import SecretId, SecretKind
from domain.installation import Installation, OpenedAccount, ServicePrincipalRegistered
from domain.ledger_state import LedgerState, empty, evolve
from projections.engine.damage import damage_raised, damage_text
from projections.engine.sql_files import load_statements
from services.ledger.checkpoints import Checkpoint, LedgerDigest, recorded_checkpoints
from services.ledger.cross_references import CrossReferences, compare_claim
from services.ledger.database import patient_snapshot
from services.ledger.discrepancy import Discrepancy
from services.ledger.expected_secrets import expected_secrets
from services.ledger.mapper import CorruptEntry, EntryMapper
from services.ledger.snapshots import CorruptSnapshot, differing_columns, restore_snapshot, snapshot_topic
from services.ledger.tree_check import TreeCheck

T = TypeVar("T")

SQL = load_statements("services.ledger", "verification.sql")
EVENTS_A_FETCH = 2_000
"""So many are in memory at a time."""
FETCHED_BYTES_MAX = 8 << 10
"""Of each of them. A longer one is fetched alone."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

VerificationProgress = Callable[[str, int, int], None]
"""Hears what is being done, and how many positions of how many are behind it."""


@dataclass(frozen=True, slots=True)
class VerificationResult:
    account_id: str
    positions: int
    """That were found in order."""
    finding: Discrepancy | None
    """None where all is well."""
    sha256: str | None = field(default=None, compare=False)
    """Of a ledger in which all is well: a checkpoint's."""


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
    connection: psycopg.Connection,
    account_id: str | None = None,
    tell: VerificationProgress = lambda *_: None,
    earlier: Mapping[str, Checkpoint] = MappingProxyType({}),
    unreadable: list[Discrepancy] | None = None,
) -> list[VerificationResult]:
    """The installation's ledger first, then all others or the one. As of one moment, while others go on writing, and
    with nothing locked; `connection` is the writer's, who alone may see secrets and snapshots beside the events.
    Ledgers have to go on from the checkpoints that they were found at earlier.

    What of the database cannot be read is a finding of the ledger that it is of; where it is of none, it is added to
    `unreadable`, or raised as psycopg.Error where there is no such list."""
    verification = None
    try:
        with patient_snapshot(connection):
            verification = _Verification(connection, tell, earlier, unreadable)
            verdicts = [verification.verdict(INSTALLATION)]
            wanted = verification.known if account_id is None else {account_id}
            verdicts += [verification.verdict(other) for other in sorted(wanted - {INSTALLATION})]
            found = dict(verification.references.findings())
    except psycopg.OperationalError as error:
        if not connection.closed or verification is None or verification.reading is None:
            raise
        # As PostgreSQL may end it on bytes that it trusts and should not.
        at = verification.reading
        where = f"the ledger of {at.account_id} was read behind position {at.position}"
        raise psycopg.OperationalError(f"the connection was lost while {where}: {error}") from error
    return [
        replace(each, finding=found[each.account_id], sha256=None)
        if each.finding is None and each.account_id in found
        else each
        for each in verdicts
    ]


class _Verification:
    def __init__(
        self,
        connection: psycopg.Connection,
        tell: VerificationProgress,
        earlier: Mapping[str, Checkpoint],
        unreadable: list[Discrepancy] | None,
    ) -> None:
        self._connection = connection
        # PostgreSQL keeps a fetch as a whole: none goes to its disk where this is more than one can be.
        connection.execute("set local work_mem = '32MB'")
        self._tell = tell
        self._unreadable = unreadable
        self._mapper = EntryMapper()
        self.reading: _LedgerProgress | None = None
        self._heads: dict[str, int] = self._asked("the heads", lambda: dict(self._rows("heads")), {})
        self._total = sum(self._heads.values())
        self._done = 0
        self._projected: Mapping[str, tuple[str, int]] = self._asked(
            "how far projections have read", lambda: _projected(connection), {}
        )
        recorded: Mapping[str, Checkpoint] = self._asked(
            "the recorded checkpoints", lambda: recorded_checkpoints(connection), {}
        )
        self._checkpoints = (recorded, earlier)
        self.references = CrossReferences()
        self.known = {*self._heads, *self._projected, *recorded, *earlier}
        """Every account of which anything in the database says that it is there."""
        for kept in ("changes", "uses", "snapshots", "secrets", "texts"):
            found: Sequence[TupleRow] = self._asked(
                f"the accounts with {kept}", partial(self._rows, f"accounts_with_{kept}"), ()
            )
            self.known |= {account_id for (account_id,) in found}
        self._opened: Mapping[str, OpenedAccount] | None = None
        """As the installation says; None where it cannot be asked."""

    def _rows(self, statement: str) -> list[TupleRow]:
        return self._connection.execute(SQL[statement]).fetchall()

    def _asked(self, what: str, ask: Callable[[], T], unknown: T) -> T:
        """`unknown` where it cannot be read."""
        if self._unreadable is None:
            return ask()
        try:
            with damage_raised(self._connection, lambda damage: _Broken(None, what, damage)):
                return ask()
        except _Broken as broken:
            self._unreadable.append(broken.finding)
            return unknown

    def verdict(self, account_id: str) -> VerificationResult:
        checkpoints = [known[account_id] for known in self._checkpoints if account_id in known]
        self.reading = reading = _LedgerProgress(account_id, checkpoints, TreeCheck(self._connection, account_id))
        steps = {
            "a head": self._compare_head,
            "an end": self._compare_end,
            "sealed secrets and data keys": self._compare_secrets,
            "long texts": self._compare_texts,
            "claimed access key ids": self._compare_claim,
        }
        try:
            self._read(reading)
            for expected, compare in steps.items():
                with self._readable(None, expected):
                    compare(reading)
        except _Broken as wrong:
            return VerificationResult(account_id, reading.position, wrong.finding)
        if (unfit := reading.tree.finding_at_end()) is not None:
            return VerificationResult(account_id, reading.position, unfit)
        self.references.end(account_id, reading.value.position)
        return VerificationResult(account_id, reading.position, None, reading.sha256)

    def _readable(self, position: int | None, expected: str) -> AbstractContextManager[None]:
        return damage_raised(self._connection, lambda damage: _Broken(position, expected, damage))

    def _read(self, reading: "_LedgerProgress") -> None:
        place = {"account_id": reading.account_id}
        snapshots, damaged = set[int](), None
        try:
            with self._readable(None, "snapshots"):
                topic = snapshot_topic(reading.account_id)
                found = self._connection.execute(SQL["snapshots"], {**place, "topic": topic}).fetchall()
                snapshots = {position for (position,) in found}
        except _Broken as broken:
            damaged = broken  # The events count for more, and are looked at first.
        try:
            with self._connection.transaction(), self._connection.cursor("events") as cursor:
                cursor.itersize = EVENTS_A_FETCH
                cursor.execute(SQL["events"], {**place, "bytes_max": FETCHED_BYTES_MAX}, binary=True)
                for row in cursor:
                    self._take(reading, row, snapshots)
        except psycopg.Error as error:
            damage = damage_text(error)
            if damage is None:
                raise
            self._read_to_damage(reading, snapshots, damage)
        if snapshots:
            raise _Broken(min(snapshots), "no snapshot, for there is no such change", "one")
        if damaged is not None:
            raise damaged

    def _take(self, reading: "_LedgerProgress", row: TupleRow, snapshots: set[int]) -> None:
        event = _StoredEvent(*row)
        if row[3] is None and event.position == reading.position + 1:
            event = next(each for each in self._at(reading.account_id, event.position) if each[:3] == event[:3])
        entry = self._entry(reading, event)
        reading.take(event, entry)
        self.references.take(entry)
        if event.is_change and event.position in snapshots:
            snapshots.remove(event.position)
            self._compare_snapshot(reading)
        self._done += 1
        if self._done % EVENTS_A_FETCH == 0:
            self._tell(f"the ledger of {reading.account_id}", self._done, self._total)

    def _at(self, account_id: str, position: int) -> list[_StoredEvent]:
        place = {"account_id": account_id, "position": position}
        return [_StoredEvent(*row) for row in self._connection.execute(SQL["event"], place, binary=True)]

    def _read_to_damage(self, reading: "_LedgerProgress", snapshots: set[int], damage: str) -> NoReturn:
        """Goes on one by one, for PostgreSQL looks ahead: the first that cannot be read is the one to name."""
        while True:
            position = reading.position + 1
            with self._readable(position, "an event that can be read"):
                events = self._at(reading.account_id, position)
            if not events:
                is_end = position > self._heads.get(reading.account_id, 0)
                raise _Broken(None if is_end else position, "a ledger that can be read to its end", damage)
            for event in events:
                self._take(reading, event, snapshots)

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
        with self._readable(reading.position, "a snapshot"):
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

    def _compare_end(self, reading: "_LedgerProgress") -> None:
        """The end, against its own last call, and everybody who has seen the ledger go on."""
        if reading.unrecorded is not None:
            expected = f"the record of the call {reading.unrecorded}"
            raise _Broken(reading.position + 1, expected, "the end of the ledger")
        projection, position = self._projected.get(reading.account_id, ("", 0))
        seen = [(position, f"the tables of {projection}")]
        seen += [(checkpoint.position, checkpoint.source) for checkpoint in reading.checkpoints]
        for position, who in seen:
            if position > reading.position:
                expected = f"an event, for {who} has read up to position {position}"
                raise _Broken(reading.position + 1, expected, "the end of the ledger")

    def _compare_secrets(self, reading: "_LedgerProgress") -> None:
        rows = self._connection.execute(SQL["secrets"], {"account_id": reading.account_id}).fetchall()
        found = {SecretId(SecretKind(kind), name): principal_id for kind, name, principal_id in rows}
        expected = expected_secrets(reading.value)
        for secret_id in sorted(found.keys() | expected.keys()):
            what = f"{secret_id.kind.value} {secret_id.name}"
            if secret_id not in found:
                raise _Broken(None, f"a sealed {what}", "none")
            if secret_id not in expected:
                raise _Broken(None, f"no sealed {what}, for which the account has no use", "one")
            if found[secret_id] != expected[secret_id]:
                raise _Broken(None, f"the {what} sealed for {expected[secret_id]}", f"for {found[secret_id]}")
        keys = self._connection.execute(SQL["data_keys"], {"account_id": reading.account_id}).fetchall()
        for principal_id, _ in keys:
            if principal_id not in reading.principals:
                raise _Broken(None, f"no data key of {principal_id}, whom no event created", "one")

    def _compare_texts(self, reading: "_LedgerProgress") -> None:
        rows = self._connection.execute(SQL["texts"], {"account_id": reading.account_id}).fetchall()
        found: dict[str, str] = dict(rows)
        for named in sorted(found.keys() | reading.texts.keys()):
            if named not in reading.texts:
                raise _Broken(None, f"no long text {named}, which no event names", "one")
            if found.get(named) != named:
                raise _Broken(reading.texts[named], f"the long text {named}", found.get(named, "none"))

    def _compare_claim(self, reading: "_LedgerProgress") -> None:
        value = reading.value
        if isinstance(value, Installation):
            self._opened = value.accounts
            self.known |= {*value.accounts}
            self._compare_claimed_keys(value)
        elif self._opened is not None:
            for different in compare_claim(self._opened, value):
                raise _Broken(different.position, different.expected, different.found)

    def _compare_claimed_keys(self, installation: Installation) -> None:
        claimed = installation.claimed_access_key_ids
        kept: dict[str, str] = dict(self._connection.execute(SQL["access_key_accounts"]).fetchall())
        for access_key_id in sorted(kept.keys() | claimed.keys()):
            owner, found = claimed.get(access_key_id, "no account"), kept.get(access_key_id, "none")
            if owner != found:
                raise _Broken(None, f"{owner} as the owner of {access_key_id}, as the installation has it", found)


def _projected(connection: psycopg.Connection) -> Mapping[str, tuple[str, int]]:
    """By account id, the projection that has come farthest, and how far."""
    if connection.execute(SQL["are_there_cursors"]).fetchone() != (True,):
        return {}
    return {account_id: (name, position) for account_id, name, position in connection.execute(SQL["projected"])}


class _LedgerProgress:
    """A ledger as far as it was read, and found in order."""

    def __init__(self, account_id: str, checkpoints: Sequence[Checkpoint], tree: TreeCheck) -> None:
        self.account_id = account_id
        self.checkpoints = checkpoints
        self.tree = tree
        self.value: LedgerState = empty(account_id)
        self.principals = {account_id}
        """Whoever may ever have had a secret: the root user, every user, and every registered service."""
        self.texts = dict[str, int]()
        """Where each long text is first named, by its digest."""
        self.unrecorded: str | None = None
        """A request whose events are here, and the record of the call not yet: it comes behind them (services.wire)."""
        self.position, self.at = 0, _EPOCH
        self._digest = LedgerDigest()

    @property
    def sha256(self) -> str:
        return self._digest.sha256

    def take(self, event: _StoredEvent, entry: Entry) -> None:
        if entry.at != event.at:
            raise _Broken(event.position, f"the time {entry.at.isoformat()} of its bytes", event.at.isoformat())
        if entry.at < self.at:
            raise _Broken(event.position, f"a time not before {self.at.isoformat()}", entry.at.isoformat())
        self._take_request(entry)
        change = entry.event if isinstance(entry.event, Change) else None
        if (change is not None) != event.is_change:
            tables = ("changes", "uses") if change is not None else ("uses", "changes")
            raise _Broken(event.position, f"{event.topic} among the {tables[0]}", f"it among the {tables[1]}")
        if change is not None:
            try:
                self.value = evolve(self.value, entry)
            except CorruptLedger as corrupt:
                raise _Broken(event.position, "a change that can follow those before it", str(corrupt)) from corrupt
            named = "service_name" if isinstance(change, ServicePrincipalRegistered) else "user_id"
            self.principals.add(getattr(change, named, self.account_id))
            for sha256 in change.long_text_digests():
                self.texts.setdefault(sha256, event.position)
        self.position, self.at = event.position, entry.at
        self._digest.update(event.state)
        self.tree.take(event.state)
        for checkpoint in self.checkpoints:
            if checkpoint.position == self.position and checkpoint.sha256 != self.sha256:
                expected = f"the bytes up to here that {checkpoint.source} has found, SHA-256 {checkpoint.sha256}"
                raise _Broken(self.position, expected, f"others, {self.sha256}")

    def _take_request(self, entry: Entry) -> None:
        """Of what a principal of this account did; what comes from another's ledger may have its record there."""
        cause = entry.cause
        if self.unrecorded not in {None, cause.request_id}:
            raise _Broken(entry.position, f"the record of the call {self.unrecorded}", "another request")
        is_own = cause.origin == "api" and cause.principal is not None and cause.principal.account_id == self.account_id
        is_record = isinstance(entry.event, ApiCalled | RefusalsCounted)
        self.unrecorded = cause.request_id if is_own and not is_record else None
