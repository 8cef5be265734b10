"""Who could, and what somebody held, between two moments: intervals, each opened and closed by a named event."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from domain.account import Account
from domain.authorization import ASSUME_ROLE
from domain.foundation.events import Entry
from domain.foundation.intervals import Interval, IntervalsResult, intervals
from domain.policy import Possibility
from domain.queries.access import admitted_of
from domain.queries.access_between import (
    AccessInquiry,
    ActionInquiry,
    AssumeRoleInquiry,
    PrincipalKey,
    TimedAccess,
    access_between,
    accounts_trusted,
    is_same_access,
    merge_ledgers,
    trust_policies,
)
from domain.queries.held_between import HeldDocument, Holding, all_held_between, held_between
from projections.queries.bearers import HOLDERS, When, bearers, no_bearer
from projections.queries.ledger_positions import position_at
from services.api.contract.access_between import (
    AccessInterval,
    AccessIntervalsPage,
    Bearer,
    CouldAssume,
    HeldInterval,
    HeldIntervalsPage,
    ListAllHeldPolicies,
    ListHeldPolicies,
    WhoCould,
)
from services.api.handlers.access import named_action, named_resource, principal_access, refuse_foreign_role
from services.api.handlers.handler import AnswerContext, handles
from services.api.handlers.time_span import (
    WORK_MAX,
    TimeSpan,
    cut_page,
    occurrence,
    page_envelope,
    resolve_span,
    stop_moment,
)
from services.api.handlers.visibility import visible_trusted_accounts


def access_interval(interval: Interval[PrincipalKey, TimedAccess], action: str) -> AccessInterval:
    return AccessInterval(
        opened=occurrence(interval.opened),
        closed=occurrence(interval.closed),
        principal=principal_access(interval.value.access, action),
        complete=interval.value.complete,
    )


def held_interval(interval: Interval[Holding, HeldDocument]) -> HeldInterval:
    opened, closed = occurrence(interval.opened), occurrence(interval.closed)
    return HeldInterval(opened=opened, closed=closed, **interval.key._asdict(), **asdict(interval.value))


def _page(
    question: WhoCould | CouldAssume,
    context: AnswerContext,
    span: TimeSpan,
    found: IntervalsResult[PrincipalKey, TimedAccess],
    action: str,
    **told: Any,
) -> AccessIntervalsPage:
    wanted = [
        each
        for each in found.intervals
        if question.everybody or each.value.access.possible.possibility is not Possibility.IMPOSSIBLE
    ]
    shown, after = cut_page(question, wanted, lambda interval: access_interval(interval, action))
    return AccessIntervalsPage(
        **page_envelope(question, context.account_id, span, stop_moment(context, found.stopped_at), after),
        **told,
        intervals=shown,
    )


@handles(WhoCould)
def answer_who_could(question: WhoCould, context: AnswerContext) -> AccessIntervalsPage:
    span = resolve_span(question, context)
    action = named_action(question.action)
    on = named_resource(context, question.on, action, _when(span))
    refuse_foreign_role(context.account_id, action, on)
    changes = context.changes(context.account_id, after=span.since.position, to=span.until.position)
    values = {context.account_id: context.own(span.since.position)}
    found = _access(ActionInquiry(context.account_id, action, on), values, span, changes)
    return _page(question, context, span, found, action)


@handles(CouldAssume)
def answer_could_assume(question: CouldAssume, context: AnswerContext) -> AccessIntervalsPage:
    span = resolve_span(question, context)
    called = _called(context, question.role, span, ["role"])
    owner = context.own(span.since.position)
    own = list(_until_stopped(context.changes(context.account_id, after=span.since.position, to=span.until.position)))
    trusts = trust_policies(owner, question.role, own)
    seen, unseen = visible_trusted_accounts(context, accounts_trusted(trusts))
    positions = {other: tuple(position_at(context.cursor, other, moment.at) for moment in span[:2]) for other in seen}
    values = {context.account_id: owner} | {
        other_id: context.account(other_id, first) for other_id, (first, _) in positions.items()
    }
    changes = merge_ledgers(
        own, *(context.changes(other_id, after=first, to=last) for other_id, (first, last) in positions.items())
    )
    found = _access(AssumeRoleInquiry(context.account_id, question.role), values, span, changes)
    admitted = admitted_of(trusts, context.account_id, unseen)
    return _page(question, context, span, found, ASSUME_ROLE, unseen=unseen, admitted=admitted, called=called)


def _when(span: TimeSpan) -> When:
    return When(span.since.position, span.until.position, "to")


def _called(context: AnswerContext, named: str, span: TimeSpan, kinds: Sequence[str]) -> tuple[Bearer, ...]:
    """Raises NoSuchEntity where nobody was called so."""
    when = _when(span)
    found = bearers(context.cursor, context.account_id, named, when, kinds)
    if not found:
        raise no_bearer(context.cursor, context.account_id, named, when, kinds)
    return tuple(map(Bearer.model_validate, found))


@handles(ListHeldPolicies)
def answer_list_held_policies(question: ListHeldPolicies, context: AnswerContext) -> HeldIntervalsPage:
    span = resolve_span(question, context)
    changes = context.changes(context.account_id, after=span.since.position, to=span.until.position)
    called = _called(context, question.principal, span, HOLDERS)
    account = context.own(span.since.position)
    found = intervals(held_between(account, span.since.at, changes, question.principal), WORK_MAX)
    return _held_page(question, context, span, found, called)


@handles(ListAllHeldPolicies)
def answer_list_all_held_policies(question: ListAllHeldPolicies, context: AnswerContext) -> HeldIntervalsPage:
    span = resolve_span(question, context)
    changes = context.changes(context.account_id, after=span.since.position, to=span.until.position)
    account = context.own(span.since.position)
    found = intervals(all_held_between(account, span.since.at, changes), WORK_MAX)
    names: dict[str, str] = {}
    for each in found.intervals:
        names.setdefault(each.key.entity_id, each.value.name)
    by_name = sorted(found.intervals, key=lambda each: (each.key.kind, names[each.key.entity_id], each.key.entity_id))
    return _held_page(question, context, span, replace(found, intervals=tuple(by_name)))


def _held_page(
    question: ListHeldPolicies | ListAllHeldPolicies,
    context: AnswerContext,
    span: TimeSpan,
    found: IntervalsResult[Holding, HeldDocument],
    called: tuple[Bearer, ...] = (),
) -> HeldIntervalsPage:
    shown, after = cut_page(question, found.intervals, held_interval)
    return HeldIntervalsPage(
        **page_envelope(question, context.account_id, span, stop_moment(context, found.stopped_at), after),
        called=called,
        intervals=shown,
    )


def _access(
    inquiry: AccessInquiry, values: Mapping[str, Account], span: TimeSpan, changes: Iterable[Entry]
) -> IntervalsResult[PrincipalKey, TimedAccess]:
    steps = access_between(inquiry, values, span.since.at, changes, span.until.at)
    return intervals(steps, WORK_MAX, is_same_access)


def _until_stopped(changes: Iterable[Entry]) -> Iterator[Entry]:
    """As many as the work that is allowed can take, and the one that shows where it stops."""
    at = None
    for number, change in enumerate(changes):
        yield change
        if number >= WORK_MAX and change.at != at:
            return
        at = change.at
