"""The command `verify`: checks ledgers and projections, as the operator on the database itself."""

import argparse
import sys
from collections.abc import Sequence

from domain.foundation.identifiers import INSTALLATION
from projections.engine.definition import PROJECTION_NAMES
from services.cli.lib.arguments import add_operator_table_arguments
from services.cli.lib.operator_database import operator_database, record_operator_call
from services.cli.lib.output import Column, make_output, result_colour
from services.cli.lib.progress import Progress
from services.cli.lib.rebuild_output import NotCompared, rebuild_and_compare, show_comparison
from services.cli.lib.terminal import Failure, print_note
from services.ledger.database import Database, connect
from services.ledger.verification import VerificationResult, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_operator_table_arguments(parser, run)
    parser.add_argument("--account-id", help="only this account, and the installation's ledger")


def run(args: argparse.Namespace) -> None:
    """Raises Failure when something is not as it should be."""
    with operator_database(args) as database:
        progress = Progress()
        with connect(database, "writer") as connection:
            verdicts = verify(connection, args.account_id, progress.tell)
        if args.account_id is not None and verdicts[-1] == VerificationResult(args.account_id, 0, None):
            raise Failure(f"There is no account {args.account_id} here.")
        _record(database, args.account_id, verdicts)
        progress.clear()
        # Before the tables are compared, which somebody else's rebuilding may prevent.
        make_output(args, VERDICTS).show(verdicts)
        sys.stdout.flush()
        problem = _compare(args, database, progress)
    broken = [verdict.account_id for verdict in verdicts if verdict.finding is not None]
    if broken:
        if problem is not None:
            print_note(problem)
        raise Failure(f"The ledger{'s' if len(broken) > 1 else ''} of {', '.join(broken)} must not be relied on.")
    if problem is not None:
        raise Failure(f"The ledgers are intact. {problem}")


def _compare(args: argparse.Namespace, database: Database, progress: Progress) -> str | None:
    """Shows how the projections compare with the ledgers. What is wrong with them, if anything is."""
    try:
        with rebuild_and_compare(database, [], args.account_id, progress) as (comparison, _):
            show_comparison(args, comparison)
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
    parameters = {} if account_id is None else {"account_id": account_id}
    record_operator_call(database, "VerifyLedgers", read_only=True, parameters=parameters)


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
