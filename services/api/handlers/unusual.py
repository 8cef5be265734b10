"""What is unusual in an account's calls, with the calls that show it."""

from datetime import timedelta

from domain.foundation.moments import AsOf
from projections.queries.ledger_positions import clipped_to
from projections.queries.unusual import UnusualPosition, position_range, search_unusual
from services.api.contract.page_markers import make_marker
from services.api.contract.unusual import FindUnusual, UnusualPage
from services.api.handlers.handler import AnswerContext, handles


@handles(FindUnusual)
def answer_find_unusual(question: FindUnusual, context: AnswerContext) -> UnusualPage:
    until = context.as_of if question.until is None else question.until.as_of_end(context.as_of.now)
    place = UnusualPosition()
    if question.place is not None:
        *found, end = question.place
        place, until = UnusualPosition(*found), AsOf(context.as_of.now, position=end)
    since = None if question.since is None else question.since.as_of(context.as_of.now)
    over = position_range(context.cursor, context.account_id, since, until)
    silence = timedelta(days=question.silent_days)
    page = search_unusual(context.cursor, context.account_id, over, silence, after=place, limit=question.limit)
    return UnusualPage(
        account_id=context.account_id,
        limit=question.limit,
        marker=None if page.after is None else make_marker("FindUnusual", *page.after, over.to),
        silent_days=question.silent_days,
        clipped_to=clipped_to(context.cursor, context.account_id, since),
        findings=page.findings,
        cut_sessions=page.cut_sessions,
    )
