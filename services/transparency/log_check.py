"""Whether the log of heads is whole: its entries, its tree, and every checkpoint that was signed over it."""

from collections.abc import Iterator, Mapping

import psycopg

from domain.evidence.checkpoints import LogCheckpoint, parse_checkpoint
from domain.evidence.merkle import Frontier, hash_leaf
from domain.evidence.note_keys import VerifierKey, verify_note
from domain.evidence.signed_notes import InvalidNote, parse_note
from domain.foundation.identifiers import INSTALLATION
from domain.installation import TransparencyLogStarted
from projections.engine.damage import damage_raised
from services.ledger.database import patient_snapshot
from services.ledger.discrepancy import Discrepancy
from services.ledger.historical_states import HistoricalStates
from services.ledger.mapper import EntryMapper
from services.ledger.verification import VerificationResult
from services.transparency.tiles import HEADS, SQL

ENTRIES_A_FETCH = 1_000
STARTS_MAX = 1_000
"""Of logs in one database: each is an act of the operator."""


class _Broken(Exception):  # noqa: N818  carries a finding
    def __init__(self, index: int, expected: str, found: str) -> None:
        super().__init__(index)
        self.index = index
        self.finding = Discrepancy(index, expected, found)


def check_log(connection: psycopg.Connection) -> VerificationResult:
    """Of the log of heads, under the name of its tiles; its positions are the indexes of its entries. The connection is
    the writer's. What it tells of accounts, verifying their ledgers compares."""
    try:
        with patient_snapshot(connection), damage_raised(connection, _damaged):
            return VerificationResult(HEADS, _read(connection), None)
    except _Broken as broken:
        return VerificationResult(HEADS, broken.index, broken.finding)


def _damaged(damage: str) -> _Broken:
    return _Broken(0, "entries that can be read", damage)


def _read(connection: psycopg.Connection) -> int:
    """How many entries there are, all in order. Raises _Broken."""
    ((kept_size, kept_tree),) = connection.execute(SQL["state"], binary=True).fetchall()
    notes: dict[int, str] = dict(connection.execute(SQL["checkpoints"]).fetchall())
    keys, grown = _keys(connection), Frontier()
    for account_id, size, entry in _entries(connection):
        if entry is None:
            raise _Broken(grown.size, "an entry", "the one behind it")
        if (told := _told(entry)) != (account_id, size):
            raise _Broken(grown.size, f"the entry of account {account_id} with {size} entries", f"of {told}")
        grown = grown.with_leaves([hash_leaf(entry.encode())])
        if grown.size in notes:
            _compare(notes.pop(grown.size), grown, keys)
    if (grown.size, grown.packed) != (kept_size, kept_tree):
        raise _Broken(grown.size, f"the tree of {kept_size} entries as it was published", f"another, of {grown.size}")
    if notes:
        raise _Broken(grown.size, f"an entry, for a checkpoint has {max(notes)}", "the end of the log")
    return grown.size


def _entries(connection: psycopg.Connection) -> Iterator[tuple[str, int, str | None]]:
    first = 0
    while True:
        rows = connection.execute(SQL["log_entries"], {"first": first, "end": first + ENTRIES_A_FETCH}).fetchall()
        for expected, (index, account_id, size, entry) in enumerate(rows, first):
            yield account_id, size, entry if index == expected else None
        if not rows:
            return
        first += ENTRIES_A_FETCH


def _told(entry: str) -> tuple[str, int] | None:
    """Of which account, and how many entries."""
    try:
        checkpoint = parse_checkpoint(entry)
    except InvalidNote:
        return None
    return checkpoint.origin.rpartition("/")[2], checkpoint.size


def _keys(connection: psycopg.Connection) -> Mapping[str, list[VerifierKey]]:
    """Of every log that was started here, by its origin."""
    past, topic = HistoricalStates(EntryMapper()), TransparencyLogStarted.topic
    with connection.cursor() as cursor:
        started = past.changes_of_topic(cursor, INSTALLATION, topic, after=0, limit=STARTS_MAX)
    events = [entry.event for entry in started if isinstance(entry.event, TransparencyLogStarted)]
    return {event.origin: [VerifierKey.parse(key) for key in event.verifier_keys] for event in events}


def _compare(note: str, grown: Frontier, keys: Mapping[str, list[VerifierKey]]) -> None:
    try:
        signed = parse_note(note.encode())
        checkpoint = parse_checkpoint(signed.text)
        verify_note(signed, keys.get(checkpoint.origin, []))
    except InvalidNote as error:
        raise _Broken(grown.size - 1, "a signed checkpoint", str(error)) from error
    if checkpoint != LogCheckpoint(checkpoint.origin, grown.size, grown.root):
        raise _Broken(grown.size - 1, "the entries that a checkpoint was signed over", "others")
