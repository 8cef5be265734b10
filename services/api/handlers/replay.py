"""Going through recorded calls for an answer, as far as one answer goes."""

from collections.abc import Iterator
from typing import NamedTuple

from domain.account import Account
from domain.families.groups import GROUPS
from domain.foundation.errors import InvalidInput, NoSuchEntity, ValidationError
from domain.foundation.moments import AsOf, Moment
from domain.queries.named import find_holders, nearest_holder
from domain.queries.what_if import CallReplayer, CallToReplay, HypotheticalChange, ReplayResult
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


def entity_called(account: Account, text: str, position: int) -> str:
    """The unique id of the user, group or role whose ARN, name or unique id this is. Raises NoSuchEntity, and
    InvalidInput when it is the name of several."""
    found = [entity for _, entity in find_holders(account, text)]
    if not found:
        raise NoSuchEntity(
            f"No user, group or role was called {text} at position {position}.", nearest_holder(account, text)
        )
    if len(found) > 1:
        raise InvalidInput(f"{text} may be {' or '.join(account.arn(each.resource) for each in found)}: give the ARN.")
    return found[0].id


def user_or_role_called(account: Account, text: str, position: int) -> str:
    """Raises ValidationError for a group, too."""
    entity_id = entity_called(account, text, position)
    if entity_id in account[GROUPS].by_id:
        raise ValidationError(f"{text} is a group, which makes no calls: expected a user or role.")
    return entity_id


def entity_of(call: CallToReplay) -> str | None:
    """Whose policies counted: the unique id of the user or, of a role's session, of the role."""
    principal = call.cause.principal
    if principal is None:
        return None
    if principal.type == "AssumedRole" and principal.issuer is not None:
        return principal.issuer.principal_id
    return principal.principal_id
