"""Notification targets, added, listed, tested and removed."""

from dataclasses import asdict

from domain.account import Account
from domain.calls import NewSecret, Outcome
from domain.families.notifications import NOTIFICATION_TARGETS, TARGET_ID, TargetDefinition, signing_secret
from domain.foundation.identifiers import new_unique_id
from domain.rules import notifications as rules
from projections.queries.ledger_positions import resolve_in_ledger
from services.api.contract.notifications import (
    AddedNotificationTarget,
    AddNotificationTarget,
    ChangedNotificationTarget,
    ListNotificationTargets,
    NotificationTargetDetails,
    NotificationTargets,
    RemoveNotificationTarget,
    TestNotificationTarget,
)
from services.api.handlers.handler import AnswerContext, decides, handles
from services.api.handlers.requester import Requester
from services.notifications.reports import TargetReport, report
from services.notifications.signatures import new_signing_secret


@decides(AddNotificationTarget)
def decide_add_notification_target(question: AddNotificationTarget, account: Account, requester: Requester) -> Outcome:
    """Raises ValidationError, EntityAlreadyExists and LimitExceeded."""
    definition = TargetDefinition(
        kind=question.kind,
        destination=question.destination,
        events=question.events,
        owner=question.owner,
        credential_kinds=question.credential_kinds,
    )
    target_id = new_unique_id(TARGET_ID, requester.random)
    added = rules.add_target(account, target_id=target_id, name=question.name, definition=definition)
    secret = new_signing_secret(requester.random)
    sealed = [NewSecret(each, account.id, secret) for each in signing_secret(question.kind, target_id)]
    shown = secret.reveal() if sealed else None
    return Outcome(lambda _after: {"target_id": target_id, "secret": shown}, (added,), new_secrets=sealed)


@handles(AddNotificationTarget)
def answer_add_notification_target(question: AddNotificationTarget, context: AnswerContext) -> AddedNotificationTarget:
    told = context.decided.told
    return AddedNotificationTarget.of_row((context.account_id, question.name, told["target_id"], told["secret"]))


@decides(RemoveNotificationTarget)
def decide_remove_notification_target(
    question: RemoveNotificationTarget, account: Account, _requester: Requester
) -> Outcome:
    """Raises NoSuchEntity."""
    removed = rules.remove_target(account, name=question.name)
    return Outcome(lambda after: {"target_id": removed.target_id, "position": after.position}, (removed,))


@decides(TestNotificationTarget)
def decide_test_notification_target(
    question: TestNotificationTarget, account: Account, requester: Requester
) -> Outcome:
    """Raises NoSuchEntity."""
    owner_id = account.id if requester.caller is None else requester.caller.entity_id
    tested = rules.tested_target(account, name=question.name, owner_id=owner_id)
    return Outcome(lambda after: {"target_id": tested.target_id, "position": after.position}, (tested,))


@handles(RemoveNotificationTarget)
def answer_remove_notification_target(
    question: RemoveNotificationTarget, context: AnswerContext
) -> ChangedNotificationTarget:
    return _changed(question.name, context)


@handles(TestNotificationTarget)
def answer_test_notification_target(
    question: TestNotificationTarget, context: AnswerContext
) -> ChangedNotificationTarget:
    return _changed(question.name, context)


def _changed(name: str, context: AnswerContext) -> ChangedNotificationTarget:
    told = context.decided.told
    return ChangedNotificationTarget.of_row((context.account_id, name, told["target_id"], told["position"]))


@handles(ListNotificationTargets)
def answer_list_notification_targets(_question: ListNotificationTargets, context: AnswerContext) -> NotificationTargets:
    moment = resolve_in_ledger(context.cursor, context.account_id, context.as_of)
    targets = context.own(moment.position)[NOTIFICATION_TARGETS].values()
    reports = report(context.cursor.connection, context.past.mapper, targets, context.account_id, moment.at)
    return NotificationTargets(account_id=context.account_id, targets=tuple(target_details(each) for each in reports))


def target_details(told: TargetReport) -> NotificationTargetDetails:
    target, state = told
    fields = {**asdict(target.definition), **state._asdict()}
    return NotificationTargetDetails(name=target.name, target_id=target.id, added_at=target.added_at, **fields)
