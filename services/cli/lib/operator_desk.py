"""The operator's own notification targets, for the command: on the database itself."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from domain.families.notifications import TargetDefinition
from services import operator_targets
from services.api.contract.notifications import NotificationTargetDetails
from services.cli.lib.operator_database import existing_database, operator_settings, recording_ledger
from services.ledger_runtime import LedgerRuntime


class OperatorDesk:
    """Of all accounts, or of one."""

    def __init__(self, ledger: LedgerRuntime, of_account_id: str | None) -> None:
        self._ledger = ledger
        self._of_account_id = of_account_id

    def add(self, name: str, definition: TargetDefinition) -> str | None:
        secret = operator_targets.add_operator_target(self._ledger.committer, name, definition, self._of_account_id)
        return None if secret is None else secret.reveal()

    def list(self) -> Sequence[NotificationTargetDetails]:
        return operator_targets.list_operator_targets(self._ledger)

    def remove(self, name: str) -> None:
        operator_targets.remove_operator_target(self._ledger.committer, name)

    def test(self, name: str) -> None:
        operator_targets.test_operator_target(self._ledger.committer, name)


@contextmanager
def open_operator_desk(args: argparse.Namespace) -> Iterator[OperatorDesk]:
    """Raises Failure."""
    with recording_ledger(operator_settings(args), existing_database) as ledger, ledger.readers:
        yield OperatorDesk(ledger, args.account_id)
