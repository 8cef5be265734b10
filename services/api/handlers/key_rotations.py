"""Rotations of access keys: who may take a step, and what is told of it."""

from collections.abc import Iterable, Sequence
from typing import Any

from domain.account import Account, AccountChange
from domain.calls import NewSecret, Outcome
from domain.families.access_keys import AccessKeyCreated, AccessKeyDeactivated, AccessKeyDeleted
from domain.families.key_rotations import KEY_ROTATIONS, KeyRotation, KeyRotationStopped
from domain.families.users import USERS, User
from domain.foundation.errors import AccessDenied, NoSuchEntity, OperationNotPermittedException
from domain.foundation.identifiers import ACCESS_KEY, new_access_key_id
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.queries.keys_to_rotate import keys_to_rotate
from domain.queries.named import credential_owners
from domain.rules import key_rotations
from domain.rules.access_keys import owner_name
from projections.queries.ledger_positions import resolve_in_ledger
from services.api.contract.key_rotations import (
    AdvanceKeyRotation,
    KeyRotationDetails,
    KeyRotations,
    KeyRotationStage,
    KeyRotationStep,
    KeysToRotate,
    KeyToRotate,
    ListKeyRotations,
    ListKeysToRotate,
    RecordKeyHandover,
    StartedKeyRotation,
    StartKeyRotation,
    StopKeyRotation,
)
from services.api.contract.question import Question
from services.api.handlers.handler import AnswerContext, decides, handles
from services.api.handlers.requester import Requester

IAM_ACTIONS = {
    AccessKeyCreated: "iam:CreateAccessKey",
    AccessKeyDeactivated: "iam:UpdateAccessKey",
    AccessKeyDeleted: "iam:DeleteAccessKey",
}
"""What somebody has to be allowed who has a rotation do it."""


@decides(StartKeyRotation)
def decide_start(question: StartKeyRotation, account: Account, requester: Requester) -> Outcome:
    """Who may not do all that a rotation does, does not begin one. Raises AccessDenied, NoSuchEntity, LimitExceeded and
    OperationNotPermittedException."""
    user = _user(question.credential, account, requester)
    _authorize(account, requester, user, IAM_ACTIONS.values())
    call = requester.call
    assert call is not None
    events = key_rotations.start(
        account,
        user_id=user.id,
        old_access_key_id=question.old_access_key_id,
        new_access_key_id=new_access_key_id(ACCESS_KEY, account.id, call.random),
        replaces=question.replaces,
        observe_days=question.observe_days,
    )
    created = next((each for each in events if isinstance(each, AccessKeyCreated)), None)
    secret = None if created is None else call.secret_access_key()
    return _outcome(account, user, events, secret)


@decides(RecordKeyHandover)
def decide_handover(question: RecordKeyHandover, account: Account, requester: Requester) -> Outcome:
    user = _user(question.credential, account, requester)
    events = key_rotations.hand_over(
        account, user_id=user.id, new_access_key_id=question.new_access_key_id, to=question.to
    )
    return _outcome(account, user, events)


@decides(AdvanceKeyRotation)
def decide_advance(question: AdvanceKeyRotation, account: Account, requester: Requester) -> Outcome:
    user = _user(question.credential, account, requester)
    events = key_rotations.advance(account, user_id=user.id, at=requester.at, force=question.force)
    return _authorized(account, requester, user, events)


@decides(StopKeyRotation)
def decide_stop(question: StopKeyRotation, account: Account, requester: Requester) -> Outcome:
    user = _user(question.credential, account, requester)
    return _authorized(account, requester, user, key_rotations.stop(account, user_id=user.id, reason=question.reason))


@handles(StartKeyRotation)
def answer_start(_question: StartKeyRotation, context: AnswerContext) -> StartedKeyRotation:
    secret = context.decided.told["secret"]
    assert secret is None or isinstance(secret, Secret)
    return StartedKeyRotation(**_told(context), secret_access_key=None if secret is None else secret.reveal())


def answer_step(_question: Question[KeyRotationStep], context: AnswerContext) -> KeyRotationStep:
    return KeyRotationStep(**_told(context))


handles(RecordKeyHandover)(answer_step)
handles(AdvanceKeyRotation)(answer_step)
handles(StopKeyRotation)(answer_step)


@handles(ListKeyRotations)
def answer_list_key_rotations(_question: ListKeyRotations, context: AnswerContext) -> KeyRotations:
    account = context.own(resolve_in_ledger(context.cursor, context.account_id, context.as_of).position)
    found = sorted(account[KEY_ROTATIONS].values(), key=lambda rotation: (rotation.started_at, rotation.user_id))
    return KeyRotations(account_id=account.id, rotations=tuple(_details(account, each) for each in found))


@handles(ListKeysToRotate)
def answer_list_keys_to_rotate(question: ListKeysToRotate, context: AnswerContext) -> KeysToRotate:
    moment = resolve_in_ledger(context.cursor, context.account_id, context.as_of)
    account = context.own(moment.position)
    found = keys_to_rotate(
        account,
        moment.at,
        path_prefix=question.path_prefix,
        tag=None if question.tag_key is None else (question.tag_key, question.tag_value),
        older_than_days=question.older_than_days,
    )
    keys = [
        KeyToRotate(
            user_name=each.user_name,
            access_key_id=each.key.id,
            created_at=each.key.created_at,
            notice=each.notice,
            stage=None if each.rotation is None else each.rotation.stage,
        )
        for each in found
    ]
    return KeysToRotate(account_id=account.id, keys=tuple(keys))


def _user(named: str, account: Account, requester: Requester) -> User:
    """Raises NoSuchEntity, and OperationNotPermittedException for root and for the operator, who has no master key."""
    if requester.call is None:
        raise OperationNotPermittedException(
            "A rotation seals and destroys secrets, for which the operator's command has no key: ask a server, with "
            "a profile, and not with --local."
        )
    owners = credential_owners(account, named)
    if account.id in owners:
        raise OperationNotPermittedException(
            "Keys of the root user are not rotated so: create the second one with `aws iam create-access-key`, called "
            "with root's own key, and delete the first one when nobody uses it any more. Better, root has no key."
        )
    found = [account[USERS].by_id[owner] for owner in owners if owner in account[USERS].by_id]
    if len(found) != 1:
        raise NoSuchEntity(f"The user with name {named} cannot be found.")
    return found[0]


def _authorize(account: Account, requester: Requester, user: User, actions: Iterable[str]) -> None:
    """Raises AccessDenied."""
    for action in actions:
        if (why := requester.denied(action, account.arn(user.resource))) is not None:
            raise AccessDenied.by_decision(why)


def _authorized(account: Account, requester: Requester, user: User, events: Sequence[AccountChange]) -> Outcome:
    """Raises AccessDenied."""
    needed = (action for event in events for kind, action in IAM_ACTIONS.items() if isinstance(event, kind))
    _authorize(account, requester, user, needed)
    return _outcome(account, user, events)


def _outcome(account: Account, user: User, events: Sequence[AccountChange], secret: Secret | None = None) -> Outcome:
    created = [each.access_key_id for each in events if isinstance(each, AccessKeyCreated)]
    deleted = [each.access_key_id for each in events if isinstance(each, AccessKeyDeleted)]
    return Outcome(
        lambda after: {"details": _details_after(account, after, user, events), "events": events, "secret": secret},
        events,
        [NewSecret(_secret_id(key_id), user.id, secret) for key_id in created if secret is not None],
        [_secret_id(key_id) for key_id in deleted],
    )


def _secret_id(access_key_id: str) -> SecretId:
    return SecretId(SecretKind.ACCESS_KEY, access_key_id)


def _told(context: AnswerContext) -> dict[str, Any]:
    details, events = context.decided.told["details"], context.decided.told["events"]
    assert isinstance(events, Sequence)
    return {"account_id": context.account_id, "rotation": details, "done": tuple(each.describe() for each in events)}


def _details_after(account: Account, after: Account, user: User, events: Sequence[AccountChange]) -> KeyRotationDetails:
    """Of one that has ended, as it was, and why."""
    rotation = after[KEY_ROTATIONS].get(user.id)
    if rotation is not None:
        return _details(after, rotation)
    end = events[-1]
    reason = end.reason if isinstance(end, KeyRotationStopped) else "nothing"
    stage: KeyRotationStage = "stopped" if isinstance(end, KeyRotationStopped) else "finished"
    ended = {"stage": stage, "waits_for": reason, "waits_until": None}
    return _details(account, account[KEY_ROTATIONS][user.id]).model_copy(update=ended)


def _details(account: Account, rotation: KeyRotation) -> KeyRotationDetails:
    wait = key_rotations.wait_of(account, rotation)
    return KeyRotationDetails(
        user_id=rotation.user_id,
        user_name=owner_name(account, rotation.user_id),
        old_access_key_id=rotation.old_access_key_id,
        new_access_key_id=rotation.new_access_key_id,
        stage=rotation.stage,
        started_at=rotation.started_at,
        observe_days=rotation.observe_days,
        new_key_used=key_rotations.was_used(account, rotation),
        waits_for=wait.what,
        waits_until=wait.until,
    )
