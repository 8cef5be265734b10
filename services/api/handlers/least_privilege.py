"""The policy that covers what a principal really did."""

from collections import Counter

from domain.queries.least_privilege import UsedPermission, least_privilege
from domain.queries.what_if import PoliciesReplaced, ReplayOutcome
from domain.read_models.least_privilege import CoveringPolicy
from services.api.action_catalogue import CATALOGUE
from services.api.contract.least_privilege import GetLeastPrivilege, LeastPrivilegePart, UsedAction
from services.api.handlers.contained_calls import ContainedCallCounter
from services.api.handlers.handler import AnswerContext, handles
from services.api.handlers.replay import ReplayRange, caller_called_in, entity_of, replayed, resolve_range
from services.ledger.call_replay import CallReplay

USED_AN_ANSWER_MAX = 5_000
"""Actions on a resource each. An answer ends before the call that would bring one more."""


@handles(GetLeastPrivilege)
def answer_get_least_privilege(question: GetLeastPrivilege, context: AnswerContext) -> LeastPrivilegePart:
    """Goes through the calls twice: for what was used, and for whether the document allows it. Raises NoSuchEntity,
    InvalidInput and ValidationError for a principal that was no user or role in the span."""
    part = resolve_range(question, context)
    called = caller_called_in(context, question.principal, part)
    entity_id = called.entity_id
    used: Counter[UsedPermission] = Counter()
    allowed = refused = not_kept = 0
    stopped_position = part.to
    contained = ContainedCallCounter(context, part.after)
    walk = CallReplay(context.cursor, context.past.mapper, context.own(part.after))
    for call in walk.calls(after=part.after, to=part.to):
        if entity_of(call) != entity_id or not (call.decisions or call.counted):
            continue
        lineage = contained.made(call)
        if lineage is not None and not question.include_contained:
            contained.add(lineage, call.calls)
            continue
        if not call.was_allowed:
            contained.add(lineage, call.calls)
            if call.counted and not call.was_denied:
                not_kept += call.calls
            else:
                refused += call.calls
            continue
        these = {UsedPermission(record.action, record.resources[0]) for record in call.decisions}
        if len(used) + len(these - used.keys()) > USED_AN_ANSWER_MAX:
            stopped_position = call.position - 1
            break
        contained.add(lineage)
        used.update(these)
        allowed += 1
    found = least_privilege(used, CATALOGUE)
    covered = part._replace(to=stopped_position)
    left_out = None if question.include_contained else contained
    confirming = Counter() if found is None else _confirmed(context, covered, entity_id, found, left_out)
    return LeastPrivilegePart(
        account_id=context.account_id,
        since_position=part.after + 1,
        until_position=part.until,
        stopped_position=stopped_position if stopped_position < part.until else None,
        clipped_to=part.clipped_to,
        entity_id=entity_id,
        arn=called.arn,
        allowed=allowed,
        refused=refused,
        used=tuple(UsedAction(action=key.action, resource=key.resource, calls=used[key]) for key in sorted(used)),
        covering=found,
        confirmed=confirming[ReplayOutcome.UNCHANGED],
        undecidable=not_kept + confirming[ReplayOutcome.UNDECIDABLE],
        contained=contained.told(),
    )


def _confirmed(
    context: AnswerContext,
    part: ReplayRange,
    entity_id: str,
    found: CoveringPolicy,
    left_out: ContainedCallCounter | None,
) -> Counter[ReplayOutcome]:
    supposition = PoliciesReplaced(context.account_id, entity_id, found.document)
    outcomes = replayed(context, part, supposition, of=entity_id)
    return Counter(
        made.outcome
        for call, made in outcomes
        if call.was_allowed and (left_out is None or left_out.made(call) is None)
    )
