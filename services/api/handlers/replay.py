"""Going through recorded calls for an answer, as far as one answer goes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from domain.foundation.errors import ValidationError
from domain.foundation.moments import AsOf, Moment
from domain.queries.what_if import CallReplayer, CallToReplay, HypotheticalChange, ReplayResult
from projections.queries.bearers import CALLERS, HOLDERS, When, bearers, only_bearer
from projections.queries.entity_names import NameOfEntity
from projections.queries.ledger_positions import clipped_to, position_before_moment, resolve_in_ledger
from services.api.contract.replay import ReplayedPart, ReplayQuestion
from services.api.handlers.handler import AnswerContext
from services.ledger.call_replay import CallReplay, HypotheticalStates

POSITIONS_AN_ANSWER_MAX = 50_000
"""Of the ledger. Some seconds' work: whoever asks goes on behind it."""


class ReplayRange(NamedTuple):
    """Of a span what one answer goes through, at most."""

    after: int
    to: int
    until: int
    """The end of the span."""
    clipped_to: Moment | None


def resolve_range(question: ReplayQuestion[ReplayedPart], context: AnswerContext) -> ReplayRange:
    """Raises ValidationError for moments that have not come, or come in the wrong order."""
    newest = AsOf(context.as_of.now)
    until = newest if question.end is None else question.end.as_of_end(context.as_of.now)
    end = resolve_in_ledger(context.cursor, context.account_id, until).position
    since = question.since.as_of(context.as_of.now)
    after = position_before_moment(context.cursor, context.account_id, since)
    if after > end:
        raise ValidationError(f"A span begins before it ends; got {question.since} to {question.until or 'now'}.")
    began = clipped_to(context.cursor, context.account_id, since)
    return ReplayRange(after, min(end, after + POSITIONS_AN_ANSWER_MAX), end, began)


def replayed(
    context: AnswerContext, part: ReplayRange, supposition: HypotheticalChange, of: str | None = None
) -> Iterator[tuple[CallToReplay, ReplayResult]]:
    """Of all principals, or of one by its unique id."""
    walk = CallReplay(context.cursor, context.past.mapper, context.own(part.after))
    replay = CallReplayer(HypotheticalStates(walk, supposition, context.account).value_of, walk.session_of)
    for call in walk.calls(after=part.after, to=part.to):
        if of is None or entity_of(call) == of:
            yield call, replay.of(call)


def called_in(context: AnswerContext, named: str, part: ReplayRange, kinds: Sequence[str] = HOLDERS) -> NameOfEntity:
    """The user, group, role or managed policy that was called so in the span, or in what is left of it. Raises
    NoSuchEntity, and InvalidInput where there were several."""
    when = When(part.after, part.until, "to")
    return only_bearer(context.cursor, context.account_id, named, when, kinds)


def caller_called_in(context: AnswerContext, named: str, part: ReplayRange) -> NameOfEntity:
    """Raises ValidationError for a group, too."""
    when = When(part.after, part.until, "to")
    found = bearers(context.cursor, context.account_id, named, when)
    if {each.kind for each in found} == {"group"}:
        raise ValidationError(f"{named} is a group, which makes no calls: expected a user or role.")
    return called_in(context, named, part, CALLERS)


def entity_of(call: CallToReplay) -> str | None:
    """Whose policies counted: the unique id of the user or, of a role's session, of the role."""
    principal = call.cause.principal
    if principal is None:
        return None
    if principal.issuer is not None:
        return principal.issuer.principal_id
    return principal.principal_id
