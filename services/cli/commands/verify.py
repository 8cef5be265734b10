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
from services.cli.lib.operator_database import database_failures, operator_database, record_operator_call
from services.cli.lib.output import Column, make_output, result_colour
from services.cli.lib.progress import Progress
from services.cli.lib.rebuild_output import NotCompared, rebuild_and_compare, show_comparison
from services.cli.lib.terminal import Colour, Failure, print_line, print_note
from services.ledger.catalogue import compare_catalogue
from services.ledger.checkpoints import OPERATION, split_checkpoints
from services.ledger.database import Database, connect
from services.ledger.discrepancy import Discrepancy
from services.ledger.verification import VerificationResult, verify
from services.transparency.log_check import check_log

BLIND_SPOT = (
    "What this cannot see: a database that was put back to an earlier state as a whole, or rewritten with all that "
    "refers to it. Keep the output of `verify --output json` elsewhere, and give it to the next with --earlier."
)
BLIND_SPOT_AFTER = (
    "What this cannot see: events that were lost or rewritten since {earlier} was printed, everywhere alike."
)

UNTRIED = "What this does not try: whether sealed secrets open, which takes the master key."


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
    unreadable: list[Discrepancy] = []
    with operator_database(args) as database:
        progress = Progress()
        with connect(database, "writer") as connection:
            verdicts = verify(connection, args.account_id, progress.tell, earlier, unreadable)
            log = [_of_log(finding) for finding in [check_log(connection).finding] if finding is not None]
            altered = list(compare_catalogue(connection))
        if args.account_id is not None and verdicts[-1] == VerificationResult(args.account_id, 0, None):
            raise Failure(f"There is no account {args.account_id} here.")
        unrecorded = _record(database, args.account_id, verdicts)
        progress.clear()
        # Before the tables are compared, which somebody else's rebuilding may prevent.
        _show(args, verdicts, [*unreadable, *altered, *log])
        problems = [problem for problem in (unrecorded, _compare(args, database, progress)) if problem is not None]
    print_note(BLIND_SPOT_AFTER.format(earlier=args.earlier) if earlier else BLIND_SPOT)
    print_note(UNTRIED)
    broken = [verdict.account_id for verdict in verdicts if verdict.finding is not None]
    verdict = _verdict(broken, unreadable, altered, log)
    if verdict is not None:
        for problem in problems:
            print_note(problem)
        raise Failure(verdict)
    if problems:
        raise Failure(f"The ledgers are intact. {' '.join(problems)}")


def _of_log(finding: Discrepancy) -> Discrepancy:
    place = "" if finding.position is None else f" of entry {finding.position}"
    return Discrepancy(None, f"in the log of heads{place} {finding.expected}", finding.found)


def _verdict(
    broken: Sequence[str], unreadable: Sequence[Discrepancy], altered: Sequence[Discrepancy], log: Sequence[Discrepancy]
) -> str | None:
    """What is wrong with the ledgers; None where nothing is."""
    if broken:
        return f"The ledger{'s' if len(broken) > 1 else ''} of {', '.join(broken)} must not be relied on."
    if unreadable:
        return "The ledgers agree with themselves, but not all of the database can be read: see above."
    if log:
        return "The ledgers agree with themselves, but the log of heads is not what was signed: see above."
    return "The ledgers agree with themselves, but the database let them be altered: see above." if altered else None


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


def _record(database: Database, account_id: str | None, verdicts: Sequence[VerificationResult]) -> str | None:
    """Before anything is told. Not in a ledger that is broken: one more event might stand where another should. Why it
    is not recorded, if it is not."""
    if any(verdict.account_id == INSTALLATION and verdict.finding is not None for verdict in verdicts):
        return "The installation's ledger is broken: this verification is not recorded."
    named = {} if account_id is None else {"account_id": account_id}
    whole = {each.account_id: (each.positions, each.sha256) for each in verdicts if each.sha256 is not None}
    try:
        with database_failures():
            for checkpoints in split_checkpoints(whole):
                record_operator_call(database, OPERATION, read_only=True, parameters={**named, **checkpoints})
    except Failure as failure:
        return f"This verification is not recorded: {failure}"
    return None


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
