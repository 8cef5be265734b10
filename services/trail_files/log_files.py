"""The log files of a trail: which calls stand in which, and what each is called.

It follows from the ledger alone. A file has the calls of five minutes, by the time at which the ledger has them, or of
a part of these, in the order of the ledger.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

import psycopg
from pydantic_core import to_json

from domain.calls import ApiCalled, RefusalsCounted
from domain.foundation.events import Entry
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import select
from services.trail_files.identities import IsAssumedRoot, RecordPart
from services.trail_files.records import render_record
from services.trail_files.times import timestamp

SLOT = timedelta(minutes=5)
"""CloudTrail delivers about as often (CloudTrail User Guide, "How CloudTrail works")."""
RECORDS_MAX, BYTES_MAX = 1_000, 1_048_576
"""Of a file, uncompressed; one record may be longer."""
ENTRIES_A_SELECT = 1_000
_BEGIN, _BETWEEN, _END = b'{"Records":[', b",", b"]}"
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_UNIQUE_LETTERS = 16


class TrailPlace(NamedTuple):
    """Whose files these are, and where they lie."""

    account_id: str
    partition: str
    region: str
    """The home Region of the trail."""
    bucket: str
    prefix: str | None

    def key(self, kind: str, at: datetime, name: str) -> str:
        """Of an object in the bucket. `kind` is CloudTrail, or CloudTrail-Digest."""
        prefix = "" if self.prefix is None else f"{self.prefix}/"
        folder = f"AWSLogs/{self.account_id}/{kind}/{self.region}/{at.astimezone(UTC):%Y/%m/%d}"
        return f"{prefix}{folder}/{self.account_id}_{kind}_{self.region}_{name}.json.gz"


class FileStart(NamedTuple):
    """Where a file begins."""

    after: int
    """The position behind which its calls stand, or those before it that have none."""
    slot: datetime
    part: int
    """Of the files of a slot; 0 is the first."""


class HashedFile(NamedTuple):
    """A log file, as its digest has it."""

    key: str
    sha256: str
    oldest: datetime
    newest: datetime


class LogFile(NamedTuple):
    key: str
    content: bytes
    """As JSON, before it is compressed."""
    records: int
    oldest: datetime
    newest: datetime
    slot: datetime
    part: int
    position: int
    """Of its last call."""

    @property
    def hashed(self) -> HashedFile:
        return HashedFile(self.key, sha256(self.content).hexdigest(), self.oldest, self.newest)

    @property
    def following(self) -> FileStart:
        """Where the next file begins, if there is one."""
        return FileStart(self.position, self.slot, self.part + 1)


class LedgerSpan(NamedTuple):
    """Entries of one account, as they are read."""

    cursor: psycopg.Cursor
    mapper: EntryMapper
    account_id: str
    to: int
    """The last position."""

    def calls(self, after: int) -> Iterator[tuple[Entry, list[Entry]]]:
        """Each call behind the position, with the events that it has left, which stand right before it."""
        events: list[Entry] = []
        while rows := select(
            self.cursor, "select_events", self.account_id, after=after, to=self.to, limit=ENTRIES_A_SELECT
        ):
            for row in rows:
                entry = self.mapper.to_domain_event(row)
                if events and events[0].cause.request_id != entry.cause.request_id:
                    events = []
                if isinstance(entry.event, ApiCalled | RefusalsCounted):
                    yield entry, events
                    events = []
                else:
                    events.append(entry)
            after = rows[-1].originator_version


def log_files(
    place: TrailPlace, span: LedgerSpan, start: FileStart, is_assumed_root: IsAssumedRoot
) -> Iterator[LogFile]:
    """All files of the span from there on; each has at least one record. The span ends with a slot."""
    pending = _Pending(start.slot, start.part)
    for entry, events in span.calls(start.after):
        record = render_record(place.partition, entry, events, is_assumed_root)
        if record is None:
            continue
        line, slot = _line(record), slot_of(entry.at)
        if pending.lines and (slot != pending.slot or pending.is_full(len(line))):
            yield pending.file(place)
            pending = _Pending(slot, pending.part + 1 if slot == pending.slot else 0)
        elif slot != pending.slot:
            pending = _Pending(slot, 0)
        pending.add(entry, line)
    if pending.lines:
        yield pending.file(place)


class _Pending:
    """A file that may have room still."""

    def __init__(self, slot: datetime, part: int) -> None:
        self.slot, self.part = slot, part
        self.lines: list[bytes] = []
        self._bytes = len(_BEGIN) + len(_END)
        self._entries: list[Entry] = []

    def is_full(self, further_bytes: int) -> bool:
        return len(self.lines) >= RECORDS_MAX or self._bytes + len(_BETWEEN) + further_bytes > BYTES_MAX

    def add(self, entry: Entry, line: bytes) -> None:
        self._bytes += len(line) + len(_BETWEEN)
        self.lines.append(line)
        self._entries[1:] = [entry]

    def file(self, place: TrailPlace) -> LogFile:
        first, last = self._entries[0], self._entries[-1]
        return LogFile(
            key=place.key("CloudTrail", self.slot, f"{self.slot:%Y%m%dT%H%MZ}_{self._unique(place)}"),
            content=_BEGIN + _BETWEEN.join(self.lines) + _END,
            records=len(self.lines),
            oldest=first.at,
            newest=last.at,
            slot=self.slot,
            part=self.part,
            position=last.position,
        )

    def _unique(self, place: TrailPlace) -> str:
        """Sixteen letters and digits that follow from which file it is, and not from what is in it: one with another
        content has the same name, and is found."""
        said = f"{place.account_id} {place.region} {timestamp(self.slot)} {self.part}"
        number, letters = int.from_bytes(sha256(said.encode()).digest()), ""
        for _ in range(_UNIQUE_LETTERS):
            number, digit = divmod(number, len(_LETTERS))
            letters += _LETTERS[digit]
        return letters


def slot_of(at: datetime) -> datetime:
    """The beginning of the five minutes that the time lies in."""
    at = at.astimezone(UTC)
    return at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0)


def _line(record: RecordPart) -> bytes:
    return to_json(record)
