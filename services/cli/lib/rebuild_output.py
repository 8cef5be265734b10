"""Comparing the projections with ones that are rebuilt from the ledgers, and what a person is told of it."""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial

import psycopg

from projections.engine.compare import RowDifference, TableComparison
from projections.engine.damage import damage_text
from projections.engine.definition import SQL
from projections.engine.rebuild import RebuildComparison, open_rebuild
from projections.engine.swap import RebuildRefused
from projections.engine.upgrade import ROOM_BYTES
from services.cli.lib.operator_database import find_shortage
from services.cli.lib.output import Column, JsonLines, cut, result_colour, stdout_table
from services.cli.lib.progress import Progress
from services.cli.lib.terminal import Failure, print_heading, print_note
from services.ledger.database import Database, connect

VALUE_CHARACTERS_MAX = 200
LOG_BYTES_MAX = 2 << 30
"""PostgreSQL's max_wal_size, as the embedded one has it."""
WAIT_SECONDS_MAX = 60.0
"""For a server that has just been started and upgrades the tables."""


class NotCompared(Failure):
    """Whether the tables say what the ledgers say is not known."""


@contextmanager
def rebuild_and_compare(
    database: Database, names: Sequence[str], account_id: str | None, progress: Progress
) -> Iterator[tuple[RebuildComparison, Callable[[], None]]]:
    """What comparing came to, and how to swap. Raises NotCompared where it is refused, and where the new tables would
    take the room that calls need."""
    try:
        _refuse_without_room(database, account_id)
        with open_rebuild(
            partial(connect, database, "projector"),
            names,
            account_id=account_id,
            wait_seconds=WAIT_SECONDS_MAX,
            tell=progress.tell,
            pause=lambda _seconds: _give_way(database),
        ) as rebuild:
            rebuild.read()
            comparison = rebuild.compare()
            progress.clear()
            yield comparison, rebuild.swap
    except RebuildRefused as refused:
        progress.clear()
        raise NotCompared(str(refused)) from refused
    except psycopg.Error as error:
        damage = damage_text(error)
        if damage is None:
            raise
        progress.clear()
        raise NotCompared(f"There is {damage}.") from error


def _refuse_without_room(database: Database, account_id: str | None) -> None:
    """The new tables take as much as those that are there, and once more in the write-ahead log, up to where that is
    begun anew. Raises RebuildRefused."""
    with connect(database, "reader") as connection:
        ((live_bytes,),) = connection.execute(SQL["live_bytes"]).fetchall()
        if account_id is not None:
            ((share,),) = connection.execute(SQL["account_share"], {"account_id": account_id}).fetchall()
            live_bytes = int(live_bytes * share)
    needed = ROOM_BYTES + live_bytes + min(live_bytes, LOG_BYTES_MAX)
    if short := find_shortage(database, needed):
        raise RebuildRefused(f"New tables beside them take up to {needed:,} bytes. {short}")


def _give_way(database: Database) -> None:
    """Between two batches. Raises RebuildRefused; the new tables are thrown away then."""
    if short := find_shortage(database, ROOM_BYTES):
        raise RebuildRefused(f"There is too little room for new tables beside them. {short}")


def show_comparison(args: argparse.Namespace, comparison: RebuildComparison, heading: str | None = None) -> None:
    """With a heading for people, where another table stands above."""
    if args.output == "json":
        JsonLines().show([{**asdict(comparison), "equal": comparison.is_equal}])
        return
    if heading is not None:
        print_heading(heading)
    stdout_table(COMPARED, wide=args.wide).show(comparison.tables)
    for line in comparison_problems(comparison):
        print_note(line)


def comparison_problems(comparison: RebuildComparison) -> Iterator[str]:
    """What is not as it should be, a line each."""
    for name in comparison.incomparable:
        made = "another version of this program"
        if name == "compliance":
            made += ", or with another MUNIMENT_COMPLIANCE_CHECKS than this command has"
        yield f"{name}: the live tables are missing, or were made by {made}: not compared."
    for behind in comparison.behind:
        yield f"{behind}: not compared."
    for compared in comparison.tables:
        if compared.unreadable is not None:
            yield f"{compared.projection}: {compared.table} has {compared.unreadable}: not compared."
        if compared.difference is not None:
            difference = _describe_difference(compared.difference)
            yield f"{compared.projection}, first difference in {compared.table}: {difference}."
    for which, halts in (("live", comparison.live_halts), ("new", comparison.rebuilt_halts)):
        for halt in halts:
            place = f"position {halt.halted.position} of {halt.halted.account_id}"
            since = f" since {halt.halted.since:%Y-%m-%dT%H:%M:%SZ}" if which == "live" else ""
            yield f"{halt.projection}: the {which} tables halt at {place}{since}: {halt.halted.reason}"


def _describe_difference(difference: RowDifference) -> str:
    key = ", ".join(f"{name} {_value(value)}" for name, value in difference.key.items())
    if difference.column is None:
        return f"the row of {key} is missing in the {'live' if difference.live is None else 'new'} table"
    live, new = _value(difference.live), _value(difference.rebuilt)
    return f"in the row of {key}, {difference.column} is {live} in the live table and {new} in the new one"


def _value(value: object) -> str:
    return cut(json.dumps(value, ensure_ascii=False), VALUE_CHARACTERS_MAX)


def _count(rows: int | None) -> str | None:
    return None if rows is None else str(rows)


def _result(compared: TableComparison) -> str:
    if compared.unreadable is not None:
        return "unreadable"
    return "equal" if compared.difference is None else "differs"


COMPARED: Sequence[Column[TableComparison]] = (
    Column("PROJECTION", lambda compared: compared.projection),
    Column("TABLE", lambda compared: compared.table),
    Column("ROWS", lambda compared: _count(compared.rows_live)),
    Column("NEW ROWS", lambda compared: _count(compared.rows_rebuilt)),
    Column("RESULT", _result, colour=result_colour),
)
