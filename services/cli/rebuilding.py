"""The command that builds projections anew, as the operator on the database itself."""

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import psycopg

from projections.comparing import ComparedTable, Difference
from projections.rebuilding import Comparison, rebuilding
from projections.swapping import RebuildRefused
from projections.views import NAMES
from services.cli.failures import Failure, NotUnderstood
from services.cli.local import ledger_of, reached, record
from services.cli.output import Column, JsonLines, say, table
from services.cli.progress import Progress
from services.ledger.database import Database, Role, connect
from services.settings import SettingRefused, settings

VALUE_CHARACTERS_MAX = 200


def rebuild(chosen: argparse.Namespace) -> None:
    """Raises Failure when the live tables differ, or cannot be compared, and are not replaced."""
    if unknown := [name for name in chosen.name if name not in NAMES]:
        raise NotUnderstood(f"There is no projection {', '.join(unknown)}; there are {', '.join(NAMES)}.")
    with operated(chosen) as database:
        ledger = ledger_of(database)
        # Recorded first: an act that the installation's ledger does not take does not happen.
        with ledger.recording():
            record(
                ledger,
                "RebuildProjections",
                read_only=not chosen.swap,
                parameters={"projections": chosen.name, "swap": chosen.swap},
            )
        progress = Progress()
        with rebuilt(opens(database), chosen.name, None, progress) as (comparison, swap):
            progress.clear()
            show(chosen, comparison)
            if chosen.swap:
                swap()
                progress.clear()
    if chosen.swap:
        was = "" if comparison.equal else ", which differed or could not be compared,"
        say(f"The new tables have taken the place of the live ones{was} and go on from there.")
    elif not comparison.equal:
        raise Failure("The live tables are not what the ledgers say. With --swap the new ones take their place.")


@contextmanager
def operated(chosen: argparse.Namespace) -> Iterator[Database]:
    """The database that is meant, for an act of the operator. Raises Failure."""
    try:
        found = settings(os.environ, data=chosen.data)
    except SettingRefused as error:
        raise Failure(str(error)) from error
    with reached(found) as database:
        yield database


def opens(database: Database) -> Callable[[Role], psycopg.Connection]:
    return lambda role: connect(database, role)


@contextmanager
def rebuilt(
    connected: Callable[[Role], psycopg.Connection], names: Sequence[str], account_id: str | None, progress: Progress
) -> Iterator[tuple[Comparison, Callable[[], None]]]:
    """What comparing came to, and how to swap. Raises Failure where it is refused."""
    try:
        with rebuilding(connected, names, account_id=account_id, tell=progress.tell) as rebuild:
            rebuild.read()
            yield rebuild.compare(), rebuild.swap
    except RebuildRefused as refused:
        progress.clear()
        raise Failure(str(refused)) from refused


def show(chosen: argparse.Namespace, comparison: Comparison) -> None:
    if chosen.output == "json":
        JsonLines().show([{**asdict(comparison), "equal": comparison.equal}])
        return
    table(COMPARED).show(comparison.tables)
    for line in findings(comparison):
        say(line)


def findings(comparison: Comparison) -> Iterator[str]:
    """What is not as it should be, a line each."""
    for name in comparison.incomparable:
        yield f"{name}: the live tables are missing, or were made by another version of this program: not compared."
    for name, account_id in comparison.behind:
        yield f"{name} of {account_id}: cannot be read any more as far as the live tables are: not compared."
    for compared in comparison.tables:
        if compared.difference is not None:
            yield f"{compared.projection}, first difference in {compared.table}: {_told(compared.difference)}."
    for which, halts in (("live", comparison.live_halts), ("new", comparison.rebuilt_halts)):
        for halt in halts:
            place = f"position {halt.halted.position} of {halt.halted.account_id}"
            since = f" since {halt.halted.since:%Y-%m-%dT%H:%M:%SZ}" if which == "live" else ""
            yield f"{halt.projection}: the {which} tables halt at {place}{since}: {halt.halted.reason}"


def _told(difference: Difference) -> str:
    key = ", ".join(f"{name} {_value(value)}" for name, value in difference.key.items())
    if difference.column is None:
        return f"the row of {key} is missing in the {'live' if difference.live is None else 'new'} table"
    live, new = _value(difference.live), _value(difference.rebuilt)
    return f"in the row of {key}, {difference.column} is {live} in the live table and {new} in the new one"


def _value(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_CHARACTERS_MAX else text[: VALUE_CHARACTERS_MAX - 1] + "…"


COMPARED: Sequence[Column[ComparedTable]] = (
    Column("PROJECTION", lambda compared: compared.projection),
    Column("TABLE", lambda compared: compared.table),
    Column("ROWS", lambda compared: str(compared.rows_live)),
    Column("NEW ROWS", lambda compared: str(compared.rows_rebuilt)),
    Column("RESULT", lambda compared: "equal" if compared.difference is None else "differs"),
)
