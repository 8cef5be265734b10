"""The command `rebuild`: builds projections anew, as the operator on the database itself."""

import argparse

from projections.engine.definition import PROJECTION_NAMES
from services.cli.lib.arguments import add_operator_table_arguments
from services.cli.lib.operator_database import operator_database, record_operator_call
from services.cli.lib.progress import Progress
from services.cli.lib.rebuild_output import rebuild_and_compare, show_comparison
from services.cli.lib.terminal import Failure, UsageError, print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_operator_table_arguments(parser, run)
    parser.add_argument("name", nargs="*", metavar="NAME", help="a projection, such as trail; all, if none is named")
    parser.add_argument("--swap", action="store_true", help="replace the live tables with the new ones")


def run(args: argparse.Namespace) -> None:
    """Raises Failure when the live tables differ, or cannot be compared, and are not replaced."""
    if unknown := [name for name in args.name if name not in PROJECTION_NAMES]:
        raise UsageError(f"There is no projection {', '.join(unknown)}; there are {', '.join(PROJECTION_NAMES)}.")
    with operator_database(args) as database:
        # Recorded first: an act that the installation's ledger does not take does not happen.
        parameters = {"projections": args.name, "swap": args.swap}
        record_operator_call(database, "RebuildProjections", read_only=not args.swap, parameters=parameters)
        progress = Progress()
        with rebuild_and_compare(database, args.name, None, progress) as (comparison, swap):
            show_comparison(args, comparison)
            if args.swap:
                swap()
                progress.clear()
    if args.swap:
        was = "" if comparison.is_equal else ", which differed or could not be compared,"
        print_note(f"The new tables have taken the place of the live ones{was} and go on from there.")
    elif comparison.behind:
        raise Failure("The live tables tell of more than can be read from the ledgers: see `muniment verify`.")
    elif not comparison.is_equal:
        raise Failure("The live tables differ from the ledgers. Use --swap to replace them with the new ones.")
