"""The access history: which calls were made, by whom, from where, and how they were answered."""

from dataclasses import fields

from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf
from projections.queries.history import HistoryFilters, HistoryPosition, search_history
from services.api.contract.history import HistoryPage, LookupHistory
from services.api.contract.page_markers import make_marker
from services.api.handlers.handler import AnswerContext, handles


def _also_reads(question: LookupHistory) -> str | None:
    """Those who claim a key and cannot prove it stand in the installation's ledger."""
    return None if question.access_key_id is None else INSTALLATION


@handles(LookupHistory, also_reads=_also_reads)
def answer_lookup_history(question: LookupHistory, context: AnswerContext) -> HistoryPage:
    account_id, as_of = context.account_id, context.as_of
    if question.since is not None:
        AsOf.time(question.since, as_of.now)
    after, end = HistoryPosition(), as_of.position or 0
    if question.place is not None:
        position, installation_position, end = question.place
        after = HistoryPosition(position, installation_position)
        # Every page ends where the first did: the calls that turn the pages are calls too.
        as_of = as_of if question.as_of is not None else AsOf(as_of.now, position=end)
    given = {field.name: getattr(question, field.name) for field in fields(HistoryFilters) if field.name != "resource"}
    filters = HistoryFilters(**given, resource=question.on)
    found = search_history(context.cursor, account_id, filters, as_of, after=after, limit=question.limit)
    following = make_marker("LookupHistory", found.after.position, found.after.installation_position, end)
    return HistoryPage(
        account_id=account_id, limit=question.limit, marker=None if found.complete else following, calls=found.calls
    )
