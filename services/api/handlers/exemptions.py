"""Exemptions from the rules of the lifecycle profile, or from controls: granted, revoked and listed."""

from domain.account import Account
from domain.calls import Outcome
from domain.compliance.adoption import framework_of
from domain.compliance.subjects import holder_named
from domain.families.exemptions import EXEMPTIONS, Exemption, ExemptionChange
from domain.foundation.identifiers import EXEMPTION, new_unique_id
from domain.queries.named import credential_holder
from domain.rules.exemptions import grant_exemption, revoke_exemption
from domain.rules.lifecycle import subject_name
from projections.queries.compliance import exemptions_between
from services.api.contract.exemptions import (
    ExemptionEffect,
    ExemptionList,
    GrantExemption,
    ListExemptions,
    RevokeExemption,
    ShownExemption,
    time_of,
)
from services.api.handlers.compliance import period_of
from services.api.handlers.handler import AnswerContext, decided_position, decides, handles
from services.api.handlers.requester import Requester


@handles(ListExemptions, reads_computed=True)
def answer_list_exemptions(question: ListExemptions, context: AnswerContext) -> ExemptionList:
    period, clipped = period_of(question, context)
    found = exemptions_between(context.cursor, context.account_id, period.first.position, period.last)
    standing = sorted(
        (each for each in found if each.ends_at > period.first.at), key=lambda each: (each.ends_at, each.exemption_id)
    )
    return ExemptionList(
        account_id=context.account_id,
        since=period.first,
        clipped_to=clipped,
        until=period.last,
        exemptions=tuple(standing),
    )


def _shown(account: Account, exemption: Exemption) -> ShownExemption:
    return ShownExemption(
        exemption_id=exemption.id,
        owner_id=exemption.owner_id,
        owner_name=subject_name(account, exemption.owner_id),
        kinds=exemption.kinds,
        controls=exemption.controls,
        reason=exemption.reason,
        until=exemption.until,
        granted_at=exemption.granted_at,
    )


@decides(GrantExemption)
def decide_grant_exemption(question: GrantExemption, account: Account, requester: Requester) -> Outcome:
    """Raises NoSuchEntity, ValidationError and LimitExceeded."""
    controls = {}
    for control in question.controls:
        framework, _, control_id = control.partition("/")
        controls[control] = framework_of(account, framework).control(control_id).asked
    granted = grant_exemption(
        account,
        exemption_id=new_unique_id(EXEMPTION, requester.random),
        owner_id=(holder_named if question.controls else credential_holder)(account, question.who),
        kinds=question.kinds,
        controls=controls,
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
    exemption, position = context.decided.told["exemption"], decided_position(context)
    assert isinstance(exemption, ShownExemption)
    assert position is not None
    return ExemptionEffect(account_id=context.account_id, exemption=exemption, position=position)
