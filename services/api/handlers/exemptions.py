"""Exemptions from the rules of the lifecycle profile: granted, revoked and listed."""

from domain.account import Account
from domain.calls import Outcome
from domain.families.exemptions import EXEMPTIONS, Exemption, ExemptionChange
from domain.foundation.identifiers import EXEMPTION, new_unique_id
from domain.queries.named import credential_holder
from domain.rules.exemptions import all_exemptions, grant_exemption, revoke_exemption
from domain.rules.lifecycle import subject_name
from projections.queries.ledger_positions import resolve_in_ledger
from services.api.contract.exemptions import (
    ExemptionEffect,
    ExemptionList,
    GrantExemption,
    ListExemptions,
    RevokeExemption,
    ShownExemption,
    time_of,
)
from services.api.handlers.handler import AnswerContext, decides, handles
from services.api.handlers.requester import Requester


@handles(ListExemptions)
def answer_list_exemptions(_question: ListExemptions, context: AnswerContext) -> ExemptionList:
    moment = resolve_in_ledger(context.cursor, context.account_id, context.as_of)
    account = context.own(moment.position)
    standing = sorted(
        (each for each in all_exemptions(account) if each.until > moment.at), key=lambda each: (each.until, each.id)
    )
    return ExemptionList(account_id=account.id, exemptions=tuple(_shown(account, each) for each in standing))


def _shown(account: Account, exemption: Exemption) -> ShownExemption:
    return ShownExemption(
        exemption_id=exemption.id,
        owner_id=exemption.owner_id,
        owner_name=subject_name(account, exemption.owner_id),
        kinds=exemption.kinds,
        reason=exemption.reason,
        until=exemption.until,
        granted_at=exemption.granted_at,
    )


@decides(GrantExemption)
def decide_grant_exemption(question: GrantExemption, account: Account, requester: Requester) -> Outcome:
    """Raises NoSuchEntity, ValidationError and LimitExceeded."""
    granted = grant_exemption(
        account,
        exemption_id=new_unique_id(EXEMPTION, requester.random),
        owner_id=credential_holder(account, question.who),
        kinds=question.kinds,
        reason=question.reason,
        until=time_of(question.until),
        at=requester.at,
    )
    exemption = granted.fold(account, requester.at)[EXEMPTIONS][granted.owner_id][granted.exemption_id]
    return _outcome(account, granted, exemption)


@decides(RevokeExemption)
def decide_revoke_exemption(question: RevokeExemption, account: Account, requester: Requester) -> Outcome:
    """Raises NoSuchEntity."""
    revoked = revoke_exemption(account, exemption_id=question.exemption_id, at=requester.at)
    return _outcome(account, revoked, account[EXEMPTIONS][revoked.owner_id][revoked.exemption_id])


def _outcome(account: Account, event: ExemptionChange, exemption: Exemption) -> Outcome:
    told = {"exemption": _shown(account, exemption), "before": account.position, "topic": event.topic}
    return Outcome(lambda _after: told, (event,))


@handles(GrantExemption)
def answer_grant_exemption(_question: GrantExemption, context: AnswerContext) -> ExemptionEffect:
    return _effect(context)


@handles(RevokeExemption)
def answer_revoke_exemption(_question: RevokeExemption, context: AnswerContext) -> ExemptionEffect:
    return _effect(context)


def _effect(context: AnswerContext) -> ExemptionEffect:
    exemption, before, topic = (context.decided.told[each] for each in ("exemption", "before", "topic"))
    assert isinstance(exemption, ShownExemption)
    assert isinstance(before, int)
    assert isinstance(topic, str)
    (entry,) = context.past.changes_of_topic(context.cursor, context.account_id, topic, after=before, limit=1)
    return ExemptionEffect(account_id=context.account_id, exemption=exemption, position=entry.position)
