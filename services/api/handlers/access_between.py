"""Who could, and what somebody held, between two moments: intervals, each opened and closed by a named event."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from domain.account import Account
from domain.authorization import ASSUME_ROLE
from domain.foundation.errors import NoSuchEntity
from domain.foundation.events import Entry
from domain.foundation.intervals import Interval, IntervalsResult, intervals
from domain.policy import Possibility
from domain.queries.access_between import (
    AccessInquiry,
    ActionInquiry,
    AssumeRoleInquiry,
    PrincipalKey,
    TimedAccess,
    access_between,
    accounts_ever_trusted,
    is_same_access,
    merge_ledgers,
)
from domain.queries.held_between import HeldDocument, Holding, held_between
from domain.queries.named import find_holders, find_role, nearest_holder
from projections.queries.ledger_positions import position_at
from services.api.contract.access_between import (
    AccessInterval,
    AccessIntervalsPage,
    CouldAssume,
    HeldInterval,
    HeldIntervalsPage,
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
    unseen: tuple[str, ...] = (),
) -> AccessIntervalsPage:
    wanted = [
        each
        for each in found.intervals
        if question.everybody or each.value.access.possible.possibility is not Possibility.IMPOSSIBLE
    ]
    shown, after = cut_page(question, wanted, lambda interval: access_interval(interval, action))
    return AccessIntervalsPage(
        **page_envelope(question, context.account_id, span, stop_moment(context, found.stopped_at), after),
        unseen=unseen,
        intervals=shown,
    )


@handles(WhoCould)
def answer_who_could(question: WhoCould, context: AnswerContext) -> AccessIntervalsPage:
    span = resolve_span(question, context)
    action = named_action(question.action)
    on = named_resource(context.own(span.until.position), question.on)
    refuse_foreign_role(context.account_id, action, on)
    changes = context.changes(context.account_id, after=span.since.position, to=span.until.position)
    values = {context.account_id: context.own(span.since.position)}
    found = _access(ActionInquiry(context.account_id, action, on), values, span, changes)
    return _page(question, context, span, found, action)


@handles(CouldAssume)
def answer_could_assume(question: CouldAssume, context: AnswerContext) -> AccessIntervalsPage:
    span = resolve_span(question, context)
    owner = context.own(span.since.position)
    own = list(_until_stopped(context.changes(context.account_id, after=span.since.position, to=span.until.position)))
    trusted = accounts_ever_trusted(owner, question.role, own)
    seen, unseen = visible_trusted_accounts(context, trusted)
    positions = {other: tuple(position_at(context.cursor, other, moment.at) for moment in span[:2]) for other in seen}
    values = {context.account_id: owner} | {
        other_id: context.account(other_id, first) for other_id, (first, _) in positions.items()
    }
    changes = merge_ledgers(
        own, *(context.changes(other_id, after=first, to=last) for other_id, (first, last) in positions.items())
    )
    found = _access(AssumeRoleInquiry(context.account_id, question.role), values, span, changes)
    if not found.intervals and not _was_called(question, context, span):
        near = nearest_holder(context.own(span.until.position), question.role, ["role"])
        raise NoSuchEntity(f"No role was called {question.role} in the span.{near}")
    return _page(question, context, span, found, ASSUME_ROLE, unseen)


def _was_called(question: CouldAssume, context: AnswerContext, span: TimeSpan) -> bool:
    return any(find_role(context.own(moment.position), question.role) for moment in span[:2])


@handles(ListHeldPolicies)
def answer_list_held_policies(question: ListHeldPolicies, context: AnswerContext) -> HeldIntervalsPage:
    span = resolve_span(question, context)
    changes = context.changes(context.account_id, after=span.since.position, to=span.until.position)
    account = context.own(span.since.position)
    found = intervals(held_between(account, span.since.at, changes, question.principal), WORK_MAX)
    values = (context.own(moment.position) for moment in span[:2])
    if not found.intervals and not any(find_holders(value, question.principal) for value in values):
        near = nearest_holder(context.own(span.until.position), question.principal)
        raise NoSuchEntity(
            f"No user, group or role was called {question.principal} in the span, or it held nothing.{near}"
        )
    shown, after = cut_page(question, found.intervals, held_interval)
    return HeldIntervalsPage(
        **page_envelope(question, context.account_id, span, stop_moment(context, found.stopped_at), after),
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
