"""The command that checks ledgers, as the operator on the database itself."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from domain.foundation.identifiers import INSTALLATION
from services.cli.commands.rebuild import connector, operator_database, rebuild_and_compare, show_comparison
from services.cli.lib.failures import Failure
from services.cli.lib.local import ledger_without_master_key, record_operator_call
from services.cli.lib.output import Column, JsonLines, print_note, stdout_table
from services.cli.lib.progress import Progress
from services.ledger.database import Database, connect
from services.ledger.verification import VerificationResult
from services.ledger.verification import verify as verified


def verify(chosen: argparse.Namespace) -> None:
    """Raises Failure when something is not as it should be."""
    with operator_database(chosen) as database:
        progress = Progress()
        with connect(database, "writer") as connection:
            verdicts = verified(connection, chosen.account_id, progress.tell)
        if chosen.account_id is not None and verdicts[-1] == VerificationResult(chosen.account_id, 0, None):
            raise Failure(f"There is no account {chosen.account_id} here.")
        _record(database, chosen.account_id, verdicts)
        with rebuild_and_compare(connector(database), [], chosen.account_id, progress) as (comparison, _):
            progress.clear()
            if chosen.output == "json":
                JsonLines().show([asdict(verdict) for verdict in verdicts])
            else:
                stdout_table(VERDICTS).show(verdicts)
            show_comparison(chosen, comparison)
    broken = [verdict.account_id for verdict in verdicts if verdict.finding is not None]
    if broken:
        raise Failure(f"The ledger{'s' if len(broken) > 1 else ''} of {', '.join(broken)} must not be relied on.")
    if not comparison.is_equal or comparison.live_halts or comparison.rebuilt_halts:
        raise Failure("The ledgers are whole, the projections are not what they say: see `muniment rebuild`.")


def _record(database: Database, account_id: str | None, verdicts: Sequence[VerificationResult]) -> None:
    """Before anything is told. Not in a ledger that is broken: one more event might stand where another should."""
    if any(verdict.account_id == INSTALLATION and verdict.finding is not None for verdict in verdicts):
        print_note("The installation's ledger is broken, so that you have verified is recorded nowhere.")
        return
    ledger = ledger_without_master_key(database)
    parameters = {} if account_id is None else {"account_id": account_id}
    with ledger.recording():
        record_operator_call(ledger, "VerifyLedgers", read_only=True, parameters=parameters)


VERDICTS: Sequence[Column[VerificationResult]] = (
    Column("LEDGER", lambda verdict: verdict.account_id),
    Column("POSITIONS", lambda verdict: str(verdict.positions)),
    Column("RESULT", lambda verdict: "ok" if verdict.finding is None else str(verdict.finding)),
)
