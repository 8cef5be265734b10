"""The operator's own notification targets, added, listed, tested and removed: acts in the installation's ledger."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from domain.calls import ApiCalled, NewSecret
from domain.families.notifications import TARGET_ID, TargetDefinition, signing_secret
from domain.foundation.errors import NoSuchEntity
from domain.foundation.identifiers import INSTALLATION, new_unique_id
from domain.foundation.secret import Secret
from domain.installation import Installation, InstallationChange
from domain.rules import notifications as rules
from services.accounts import installation_in, look_up, operator_cause
from services.api.contract.notifications import NotificationTargetDetails
from services.api.handlers.notifications import target_details
from services.ledger.committer import Committer
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates
from services.ledger_runtime import LedgerRuntime
from services.notifications.reports import report
from services.notifications.signatures import new_signing_secret


def add_operator_target(
    committer: Committer, name: str, definition: TargetDefinition, of_account_id: str | None
) -> Secret | None:
    """Gives what a webhook's messages are signed with. Raises the refusals of the rule."""
    cause = operator_cause("AddNotificationTarget")
    target_id = new_unique_id(TARGET_ID, secrets.token_bytes)
    secret = new_signing_secret(secrets.token_bytes)
    sealed = [NewSecret(each, INSTALLATION, secret) for each in signing_secret(definition.kind, target_id)]

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        installation = installation_in(values)
        if not installation.exists:
            raise NoSuchEntity("There is no account yet of which something could be told.")
        added = rules.add_operator_target(
            installation, target_id=target_id, name=name, definition=definition, of_account_id=of_account_id
        )
        parameters = {"name": name, "kind": definition.kind, "of_account_id": of_account_id}
        called = ApiCalled(read_only=False, parameters=parameters)
        return CallResult(None, [LedgerAppend(INSTALLATION, cause, [added, called], new_secrets=sealed)])

    committer.decide(frozenset({INSTALLATION}), decide)
    return secret if sealed else None


def remove_operator_target(committer: Committer, name: str) -> None:
    """Its signing secret is destroyed. Raises NoSuchEntity."""
    _change(committer, "RemoveNotificationTarget", name, lambda found: rules.remove_operator_target(found, name=name))


def test_operator_target(committer: Committer, name: str) -> None:
    """Raises NoSuchEntity."""
    _change(committer, "TestNotificationTarget", name, lambda found: rules.tested_operator_target(found, name=name))


def _change(
    committer: Committer, operation: str, name: str, decided: Callable[[Installation], InstallationChange]
) -> None:
    cause = operator_cause(operation)
    called = ApiCalled(read_only=False, parameters={"name": name})

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        event = decided(installation_in(values))
        destroyed = list(event.destroyed_secrets())
        return CallResult(None, [LedgerAppend(INSTALLATION, cause, [event, called], destroyed_secrets=destroyed)])

    committer.decide(frozenset({INSTALLATION}), decide)


def list_operator_targets(ledger: LedgerRuntime) -> Sequence[NotificationTargetDetails]:
    """By name. That somebody looked is recorded."""
    targets = look_up(ledger.committer, "ListNotificationTargets", lambda found: found.notification_targets)
    with ledger.readers.connection() as connection:
        reports = report(connection, ledger.past.mapper, targets.values(), INSTALLATION, ledger.clock())
        return [target_details(each) for each in reports]
