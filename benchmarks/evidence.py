"""The transparency log: trees of ledgers that have none, proofs of single entries, and bundles."""

import io
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

import psycopg

from benchmarks.report import circumstances
from benchmarks.servers import throw_away
from benchmarks.size import Size
from benchmarks.stores import Store, fill_with_uses, store
from domain.evidence.bundles import (
    CHECKPOINT,
    ENTRIES,
    HEADS_PROOF,
    RANGE,
    BundleManifest,
    VerifiedBundle,
    range_bytes,
    verify_bundle,
    write_bundle,
)
from domain.evidence.checkpoints import parse_checkpoint
from domain.evidence.log_proofs import LogProof
from domain.evidence.merkle import hash_leaf, verify_inclusion
from domain.evidence.signed_notes import parse_note
from services.ledger.database import connect
from services.transparency.hashing import hash_ledgers
from services.transparency.head_log import publish_heads
from services.transparency.log_keys import LogKeys
from services.transparency.proofs import EntriesProof, prove_entries, prove_entry, read_entries

ENTRIES_PROVED, ENTRIES_BUNDLED, PROOFS, PAGE = 10_000_000, 100_000, 500, 1_000
LONG, BUNDLED, ORIGIN = "111111111111", "222222222222", "example.com/log"
ABOUT = (
    "Trees are made of entries of some 60 bytes, as the first start with this version does. Proofs are of entries "
    "drawn at random, from the tables to both proofs: the account's, and that of the log of heads. A bundle has calls "
    "of some 1,000 bytes; it is made without a server between, and verified from the file. In one process; processor "
    "time is that of the program, beside PostgreSQL's."
)
FILL = """
    insert into ledger.uses select %(account_id)s, number, 'api.called.v1', now(),
        convert_to(format('{"account_id":"%%s","position":%%s}', %(account_id)s::text, number), 'UTF8')
    from generate_series(%(first)s::bigint, %(last)s) as number
"""
ROWS_A_TURN = 500_000


def measured(directory: Path, size: Size) -> str:
    with throw_away(directory) as data, store(data) as place:
        where = circumstances(place.data)
        long, bundled = size.of(ENTRIES_PROVED), size.of(ENTRIES_BUNDLED)
        keys = LogKeys(ORIGIN, LogKeys.new_secret(), lambda: datetime.now(UTC))
        hashing = _filled(place, long, bundled)
        _publish(place, keys)
        proof, processor = _proved(place, long, max(20, size.of(PROOFS)))
        made, verified, megabytes = _bundled(place, keys, bundled)
    lines = [
        where,
        ABOUT + "\n",
        "| what | measured | aim |",
        "|---|---:|---:|",
        f"| trees of {long:,} entries, seconds | {hashing:.0f} | |",
        f"| proof of one of {long:,}, p50, milliseconds | {proof[49]:.1f} | |",
        f"| p99 | {proof[98]:.1f} | 20 |",
        f"| p50 of the program's processor | {processor[49]:.1f} | |",
        f"| bundle of {bundled:,} entries ({megabytes:.0f} MB), seconds | {made:.1f} | 30 |",
        f"| verified, seconds | {verified:.1f} | 10 |",
    ]
    return "\n".join(lines) + "\n"


def _filled(place: Store, long: int, bundled: int) -> float:
    """Gives the seconds that the trees took."""
    with connect(place.database, "owner") as owner:
        for account_id in (LONG, BUNDLED):
            owner.execute("insert into ledger.heads (account_id) values (%s)", (account_id,))
        for first in range(1, long + 1, ROWS_A_TURN):
            last = min(long, first + ROWS_A_TURN - 1)
            owner.execute(FILL, {"account_id": LONG, "first": first, "last": last})
            print(f"\rwritten {last:,} of {long:,}", end="", file=sys.stderr)
        owner.execute("update ledger.heads set position = %s where account_id = %s", (long, LONG))
        owner.execute("update ledger.heads set at = now() - interval '1 day' where account_id = %s", (BUNDLED,))
        owner.execute("vacuum (analyze) ledger.uses")
    fill_with_uses(place.database, BUNDLED, bundled, datetime.now(UTC) - timedelta(hours=1))
    since = time.perf_counter()
    with connect(place.database, "writer") as writer:
        hash_ledgers(writer)
    return time.perf_counter() - since


def _publish(place: Store, keys: LogKeys) -> None:
    with connect(place.database, "writer") as writer, writer.transaction(), writer.cursor() as cursor:
        publish_heads(cursor, ORIGIN, keys.sign, None)


def _proved(place: Store, long: int, proofs: int) -> tuple[list[float], list[float]]:
    """Hundredths of wall clock and of the program's processor, in milliseconds."""
    draw = random.Random(proofs)  # noqa: S311  the same in every run
    walls, processors = [], []
    with connect(place.database, "reader") as reader, reader.cursor() as cursor:
        prove_entry(cursor, LONG, 1)
        for _ in range(proofs):
            position = draw.randint(1, long)
            since, busy = time.perf_counter(), time.process_time()
            proved = prove_entry(cursor, LONG, position)
            walls.append(1_000 * (time.perf_counter() - since))
            processors.append(1_000 * (time.process_time() - busy))
            head = parse_checkpoint(proved.head.entry)
            verify_inclusion(hash_leaf(proved.entry), position - 1, head.size, proved.proof, head.root)
    return quantiles(walls, n=100), quantiles(processors, n=100)


def _bundled(place: Store, keys: LogKeys, count: int) -> tuple[float, float, float]:
    """Seconds to make and to verify one of all entries, and its megabytes."""
    manifest = BundleManifest(
        account_id=BUNDLED,
        since="2000-01-01T00:00:00Z",
        until=(datetime.now(UTC) - timedelta(minutes=30)).isoformat(),
        first=1,
        last=count,
        begin=1,
        origin=ORIGIN,
        verifier_keys=keys.verifier_keys,
    )
    file = io.BytesIO()
    with connect(place.database, "reader") as reader, reader.cursor() as cursor:
        since = time.perf_counter()
        write_bundle(file, manifest, _members(cursor, keys, count))
        made = time.perf_counter() - since
    since = time.perf_counter()
    verified: VerifiedBundle = verify_bundle(file)
    assert verified.entries == count
    return made, time.perf_counter() - since, len(file.getvalue()) / 1e6


def _members(cursor: psycopg.Cursor, keys: LogKeys, count: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    pages: list[EntriesProof] = []

    def lines() -> Iterator[bytes]:
        for first in range(1, count + 1, PAGE):
            last = min(count, first + PAGE - 1)
            pages.append(prove_entries(cursor, BUNDLED, first, last))
            for entry in read_entries(cursor, BUNDLED, first, last, 1 << 30):
                yield entry + b"\n"

    yield ENTRIES, lines()
    head = pages[-1].head
    yield RANGE, iter([range_bytes(pages[0].before, pages[-1].consistency)])
    yield CHECKPOINT, iter([keys.sign(parse_checkpoint(head.entry)).encode()])
    note = parse_note(head.checkpoint.note.encode())
    yield HEADS_PROOF, iter([str(LogProof(head.index, head.proof, note)).encode()])
