"""What if other policies had been in force: recorded calls, evaluated again."""

from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from domain.account import Account
from domain.call_context import principal_arn_of
from domain.families.organization import ORGANIZATION_MEMBERSHIP
from domain.foundation.errors import NoSuchEntity
from domain.queries.what_if import (
    CallToReplay,
    ControlPolicyAdded,
    DocumentReplaced,
    HypotheticalChange,
    PoliciesReplaced,
    PolicyAdded,
    ReplayOutcome,
    ReplayResult,
)
from services.api.contract.what_if import CallGroup, ChangedCall, WhatIf, WhatIfPart
from services.api.handlers.contained_calls import ContainedCallCounter
from services.api.handlers.handler import AnswerContext, handles
from services.api.handlers.replay import ReplayRange, called_in, caller_called_in, replayed, resolve_range

GROUPS_AN_ANSWER_MAX = 1_000


class GroupKey(NamedTuple):
    principal_arn: str
    service: str
    operation: str


@dataclass(slots=True)
class _GroupCounts:
    calls: int = 0
    now_refused: int = 0
    now_allowed: int = 0
    first_changed: ChangedCall | None = None


@dataclass(slots=True)
class _Counts:
    groups: dict[GroupKey, _GroupCounts] = field(default_factory=dict)
    calls: int = 0
    without_decision: int = 0
    undecidable: int = 0
    undecidable_because: str | None = None
    by_other_evaluator: int = 0

    def add(self, key: GroupKey, call: CallToReplay, made: ReplayResult) -> None:
        """One on which policies were asked."""
        group = self.groups.setdefault(key, _GroupCounts())
        group.calls += call.calls
        self.by_other_evaluator += call.by_other_evaluator
        if made.outcome is ReplayOutcome.UNCHANGED:
            return
        if made.outcome is ReplayOutcome.UNDECIDABLE:
            self.undecidable += call.calls
            self.undecidable_because = self.undecidable_because or made.why
            return
        if made.outcome is ReplayOutcome.REFUSED:
            group.now_refused += 1
        else:
            group.now_allowed += 1
        if group.first_changed is None:
            group.first_changed = ChangedCall(
                position=call.position, at=call.at, request_id=call.cause.request_id, why=made.why
            )


@handles(WhatIf)
def answer_what_if(question: WhatIf, context: AnswerContext) -> WhatIfPart:
    """Raises NoSuchEntity and InvalidInput where what is supposed could be about nothing in the span."""
    part = resolve_range(question, context)
    supposition = supposition_of(question, context, part)
    counts, stopped_position = _Counts(), part.to
    contained = ContainedCallCounter(context, part.after)
    for call, made in replayed(context, part, supposition):
        lineage = contained.made(call)
        if lineage is not None and not question.include_contained:
            contained.add(lineage, call.calls)
            continue
        if made.outcome is ReplayOutcome.WITHOUT_DECISION:
            counts.without_decision += call.calls
        else:
            cause = call.cause
            assert cause.principal is not None
            key = GroupKey(principal_arn_of(cause.principal), cause.service, cause.operation)
            if key not in counts.groups and len(counts.groups) >= GROUPS_AN_ANSWER_MAX:
                stopped_position = call.position - 1
                break
            counts.add(key, call, made)
        counts.calls += call.calls
        contained.add(lineage, call.calls)
    refused = sum(group.now_refused for group in counts.groups.values())
    allowed = sum(group.now_allowed for group in counts.groups.values())
    return WhatIfPart(
        account_id=context.account_id,
        since_position=part.after + 1,
        until_position=part.until,
        stopped_position=stopped_position if stopped_position < part.until else None,
        clipped_to=part.clipped_to,
        calls=counts.calls,
        unchanged=counts.calls - refused - allowed - counts.without_decision - counts.undecidable,
        now_refused=refused,
        now_allowed=allowed,
        without_decision=counts.without_decision,
        undecidable=counts.undecidable,
        undecidable_because=counts.undecidable_because,
        by_other_evaluator=counts.by_other_evaluator,
        contained=contained.told(),
        groups=tuple(CallGroup(**key._asdict(), **asdict(group)) for key, group in counts.groups.items()),
    )


def supposition_of(question: WhatIf, context: AnswerContext, part: ReplayRange) -> HypotheticalChange:
    """What is supposed, by what things were called in the span. Raises NoSuchEntity and InvalidInput."""
    account_id = context.account_id
    if question.scp is not None:
        level = _level(context.own(part.until), question.attach_scp_to or "root", part.until)
        return ControlPolicyAdded(account_id, level, question.scp)
    assert question.policy is not None
    if question.attach_to is not None:
        return PolicyAdded(account_id, called_in(context, question.attach_to, part).entity_id, question.policy)
    if question.in_place_of_all_of is not None:
        entity_id = caller_called_in(context, question.in_place_of_all_of, part).entity_id
        return PoliciesReplaced(account_id, entity_id, question.policy)
    assert question.instead_of is not None
    return DocumentReplaced(account_id, called_in(context, question.instead_of, part, ["policy"]).arn, question.policy)


def _level(account: Account, where: str, position: int) -> str:
    """Of an account that is in no organization any name will do."""
    membership = account[ORGANIZATION_MEMBERSHIP]
    levels = () if membership is None else membership.levels
    if not levels:
        return where
    if where in {"root", "account"}:
        return levels[0 if where == "root" else -1].id
    if all(level.id != where for level in levels):
        known = ", ".join(level.id for level in levels)
        raise NoSuchEntity(
            f"Account {account.id} had no {where} above it at position {position}; expected one of {known}."
        )
    return where
