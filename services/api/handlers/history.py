"""The access history: which calls were made, by whom, from where, and how they were answered."""

from collections.abc import Iterator

from domain.foundation.errors import Refusal
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf
from projections.queries.history import HistoryPosition, search_history
from projections.queries.history_filters import HistoryFilters, KnownValues
from projections.queries.ledger_positions import clipped_to
from services.api.action_catalogue import CATALOGUE, OWN_SERVICES
from services.api.contract.history import HistoryPage, LookupHistory
from services.api.contract.page_markers import make_marker
from services.api.handlers.handler import AnswerContext, handles
from services.wire.operations import is_known_operation


def _also_reads(question: LookupHistory) -> str | None:
    """Those who claim a key and cannot prove it stand in the installation's ledger."""
    return None if question.access_key_id is None else INSTALLATION


@handles(LookupHistory, also_reads=_also_reads)
def answer_lookup_history(question: LookupHistory, context: AnswerContext) -> HistoryPage:
    account_id, as_of, now = context.account_id, context.as_of, context.as_of.now
    since = None if question.since is None else question.since.as_of(now)
    until = None if question.until is None else question.until.as_of_end(now)
    after, end = None, as_of.position or 0
    if question.place is not None:
        position, installation_position, end = question.place
        after = HistoryPosition(position, installation_position)
        # Every page ends where the first did: the calls that turn the pages are calls too.
        as_of = as_of if question.moment is not None else AsOf(now, position=end)
    filters = HistoryFilters(
        access_key_id=question.access_key_id,
        session_id=question.session_id,
        principal=question.principal,
        source_address=question.source_address,
        source_identity=question.source_identity,
        user_agent=question.user_agent,
        operation=question.operation,
        resource=question.on,
        error_code=question.error_code,
        since=since,
        until=until,
    )
    found = search_history(
        context.cursor,
        account_id,
        filters,
        as_of,
        after=after,
        limit=question.limit,
        newest_first=question.newest_first,
        known=KnownValues(
            tuple(_operations(question.operation or "")),
            tuple(_bare_actions(question.operation or "")),
            tuple(_error_codes(Refusal)),
        ),
    )
    following = make_marker("LookupHistory", found.after.position, found.after.installation_position, end)
    return HistoryPage(
        account_id=account_id,
        limit=question.limit,
        marker=None if found.complete else following,
        position=found.moment.position,
        clipped_to=clipped_to(context.cursor, account_id, since),
        calls=found.calls,
    )


def _operations(asked: str) -> Iterator[str]:
    """Those of the service that is named, or else of all that are answered here."""
    service = asked.rpartition(":")[0].lower()
    for prefix in (service,) if service else OWN_SERVICES:
        if asked and (found := CATALOGUE.service(prefix)) is not None:
            yield from (action.name for action in found.actions.values())


def _bare_actions(asked: str) -> Iterator[str]:
    """Of IAM and STS, with their service, if any is asked for: those of which there is no operation."""
    named = asked.lower().rpartition(":")[2].replace("-", "")
    for service in ("iam", "sts"):
        found = CATALOGUE.service(service)
        for action in () if found is None else found.actions.values():
            if action.name.lower() == named and not is_known_operation(service, action.name):
                yield f"{service}:{action.name}"


def _error_codes(refusal: type[Refusal]) -> Iterator[str]:
    for each in refusal.__subclasses__():
        yield each.__name__
        yield from _error_codes(each)
