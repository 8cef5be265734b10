"""Compliance frameworks: which there are, and which the account has adopted."""

import re

from domain.account import Account
from domain.calls import Outcome
from domain.compliance.adoption import adopt_framework, drop_framework, framework_of
from domain.compliance.check import checks
from domain.compliance.frameworks import (
    Framework,
    built_in_frameworks,
    find_framework,
    former_framework,
    load_checks,
    read_framework,
)
from domain.families.compliance_frameworks import (
    COMPLIANCE_FRAMEWORKS,
    ComplianceFrameworkAdopted,
    ComplianceFrameworkDropped,
)
from projections.queries.ledger_positions import resolve_in_ledger
from services.api.contract.compliance_frameworks import (
    AdoptComplianceFramework,
    DropComplianceFramework,
    FrameworkEffect,
    FrameworkList,
    ListComplianceFrameworks,
    ListedFramework,
    ShowComplianceFramework,
    ShownFramework,
)
from services.api.handlers.compliance import told_check, told_framework
from services.api.handlers.handler import AnswerContext, decided_position, decides, handles
from services.api.handlers.requester import Requester

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@handles(ListComplianceFrameworks)
def answer_list_frameworks(_question: ListComplianceFrameworks, context: AnswerContext) -> FrameworkList:
    load_checks()
    account = _account(context)
    own = [each.definition for each in account[COMPLIANCE_FRAMEWORKS].values() if each.definition is not None]
    known = (*built_in_frameworks().values(), *map(former_framework, sorted(own, key=lambda each: each.name)))
    return FrameworkList(
        frameworks=tuple(_listed(account, each) for each in known), checks=tuple(map(told_check, checks()))
    )


def _account(context: AnswerContext) -> Account:
    return context.own(resolve_in_ledger(context.cursor, context.account_id, context.as_of).position)


def _listed(account: Account, framework: Framework) -> ListedFramework:
    adopted = account[COMPLIANCE_FRAMEWORKS].get(framework.name)
    return ListedFramework(
        **dict(told_framework(framework)),
        controls=len(framework.controls),
        answered=sum(bool(control.criteria) for control in framework.controls),
        built_in=framework.name in built_in_frameworks(),
        adopted_at=None if adopted is None else adopted.adopted_at,
    )


@handles(ShowComplianceFramework)
def answer_show_framework(question: ShowComplianceFramework, context: AnswerContext) -> ShownFramework:
    account = _account(context)
    framework = framework_of(account, question.name)
    listed = _listed(account, framework)
    return ShownFramework(
        account_id=account.id, framework=framework.definition, built_in=listed.built_in, adopted_at=listed.adopted_at
    )


@decides(AdoptComplianceFramework)
def decide_adopt_framework(question: AdoptComplianceFramework, account: Account, requester: Requester) -> Outcome:
    """Raises NoSuchEntity, ValidationError and LimitExceeded."""
    given = question.framework
    framework = find_framework(given) if _NAME.fullmatch(given) else read_framework(given, "The framework")
    events = adopt_framework(account, framework, requester.at)
    return _outcome(account, framework.name, framework.definition.version, *events)


@decides(DropComplianceFramework)
def decide_drop_framework(question: DropComplianceFramework, account: Account, _requester: Requester) -> Outcome:
    """Raises NoSuchEntity."""
    dropped = drop_framework(account, question.name)
    return _outcome(account, question.name, account[COMPLIANCE_FRAMEWORKS][question.name].version, dropped)


def _outcome(
    account: Account, name: str, version: str, *events: ComplianceFrameworkAdopted | ComplianceFrameworkDropped
) -> Outcome:
    topic = events[0].topic if events else None
    told = {"name": name, "version": version, "before": account.position, "topic": topic}
    return Outcome(lambda _after: told, events)


@handles(AdoptComplianceFramework)
def answer_adopt_framework(_question: AdoptComplianceFramework, context: AnswerContext) -> FrameworkEffect:
    return _effect(context)


@handles(DropComplianceFramework)
def answer_drop_framework(_question: DropComplianceFramework, context: AnswerContext) -> FrameworkEffect:
    return _effect(context)


def _effect(context: AnswerContext) -> FrameworkEffect:
    told, position = context.decided.told, decided_position(context)
    return FrameworkEffect(
        account_id=context.account_id, name=str(told["name"]), version=str(told["version"]), position=position
    )
