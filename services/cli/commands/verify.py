"""The command `verify`: checks ledgers and projections, as the operator on the database itself."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from domain.foundation.identifiers import INSTALLATION
from projections.engine.definition import PROJECTION_NAMES
from services.cli.lib.arguments import add_operator_table_arguments
from services.cli.lib.earlier_verification import read_earlier
from services.cli.lib.operator_database import operator_database, record_operator_call
from services.cli.lib.output import Column, make_output, result_colour
from services.cli.lib.progress import Progress
from services.cli.lib.rebuild_output import NotCompared, rebuild_and_compare, show_comparison
from services.cli.lib.terminal import Colour, Failure, print_line, print_note
from services.ledger.catalogue import compare_catalogue
from services.ledger.checkpoints import OPERATION, split_checkpoints
from services.ledger.database import Database, connect
from services.ledger.discrepancy import Discrepancy
from services.ledger.verification import VerificationResult, verify

BLIND_SPOT = (
    "What this cannot see: a database that was put back to an earlier state as a whole, or rewritten with all that "
    "refers to it. Keep the output of `verify --output json` elsewhere, and give it to the next with --earlier."
)
BLIND_SPOT_AFTER = (
    "What this cannot see: events that were lost or rewritten since {earlier} was printed, everywhere alike."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_operator_table_arguments(parser, run)
    parser.add_argument("--account-id", help="only this account, and the installation's ledger")
    parser.add_argument(
        "--earlier",
        metavar="FILE",
        help="what an earlier `verify --output json` has printed: ledgers must go on from it",
    )


def run(args: argparse.Namespace) -> None:
    """Raises Failure when something is not as it should be."""
    earlier = {} if args.earlier is None else read_earlier(args.earlier)
    with operator_database(args) as database:
        progress = Progress()
        with connect(database, "writer") as connection:
            verdicts = verify(connection, args.account_id, progress.tell, earlier)
            altered = list(compare_catalogue(connection))
        if args.account_id is not None and verdicts[-1] == VerificationResult(args.account_id, 0, None):
            raise Failure(f"There is no account {args.account_id} here.")
        _record(database, args.account_id, verdicts)
        progress.clear()
        # Before the tables are compared, which somebody else's rebuilding may prevent.
        _show(args, verdicts, altered)
        problem = _compare(args, database, progress)
    print_note(BLIND_SPOT_AFTER.format(earlier=args.earlier) if earlier else BLIND_SPOT)
    broken = [verdict.account_id for verdict in verdicts if verdict.finding is not None]
    if (broken or altered) and problem is not None:
        print_note(problem)
    if broken:
        raise Failure(f"The ledger{'s' if len(broken) > 1 else ''} of {', '.join(broken)} must not be relied on.")
    if altered:
        raise Failure("The ledgers agree with themselves, but the database let them be altered: see above.")
    if problem is not None:
        raise Failure(f"The ledgers are intact. {problem}")


def _show(args: argparse.Namespace, verdicts: Sequence[VerificationResult], altered: Sequence[Discrepancy]) -> None:
    if args.output == "table":
        print_line("LEDGERS", Colour.BOLD)
    make_output(args, VERDICTS).show(verdicts)
    if altered and args.output == "json":
        sys.stdout.write(json.dumps({"database": [asdict(each) for each in altered]}) + "\n")
    sys.stdout.flush()
    for each in altered:
        print_note(f"The database: {each}.")


def _compare(args: argparse.Namespace, database: Database, progress: Progress) -> str | None:
    """Shows how the projections compare with the ledgers. What is wrong with them, if anything is."""
    try:
        with rebuild_and_compare(database, [], args.account_id, progress) as (comparison, _):
            show_comparison(args, comparison, "Projections, beside new ones built from the ledgers")
    except NotCompared as refused:
        return f"The tables of {', '.join(PROJECTION_NAMES)} were not compared with them: {refused}"
    if not comparison.is_equal or comparison.live_halts or comparison.rebuilt_halts:
        return "The projections differ from them: see `muniment rebuild`."
    return None


def _record(database: Database, account_id: str | None, verdicts: Sequence[VerificationResult]) -> None:
    """Before anything is told. Not in a ledger that is broken: one more event might stand where another should."""
    if any(verdict.account_id == INSTALLATION and verdict.finding is not None for verdict in verdicts):
        print_note("The installation's ledger is broken: this verification is not recorded.")
        return
    named = {} if account_id is None else {"account_id": account_id}
    whole = {each.account_id: (each.positions, each.sha256) for each in verdicts if each.sha256 is not None}
    for checkpoints in split_checkpoints(whole):
        record_operator_call(database, OPERATION, read_only=True, parameters={**named, **checkpoints})


VERDICTS: Sequence[Column[VerificationResult]] = (
    Column("LEDGER", lambda verdict: verdict.account_id),
    Column("POSITIONS", lambda verdict: str(verdict.positions)),
    Column(
        "RESULT",
        lambda verdict: "ok" if verdict.finding is None else str(verdict.finding),
        wraps=True,
        colour=result_colour,
    ),
)
