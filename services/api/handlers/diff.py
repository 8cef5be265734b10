"""What changed between two moments, and who changed it: in net terms, and change by change."""

from datetime import datetime
from hashlib import sha256
from itertools import islice

from domain.facts import FactValue
from domain.foundation.events import Entry
from domain.foundation.moments import Moment
from domain.queries.diff import Difference, differences
from services.api.contract.diff import (
    ChangesPage,
    Diff,
    DifferencesPage,
    DocumentText,
    FactState,
    ListChanges,
    NetDifference,
    RecordedChange,
)
from services.api.handlers.handler import AnswerContext, handles
from services.api.handlers.time_span import WORK_MAX, cut_page, occurrence_of_entry, page_envelope, resolve_span


def fact_state(state: FactValue | None) -> FactState | None:
    if state is None:
        return None
    text = state.document
    document = None if text is None else DocumentText(sha256=sha256(text.encode()).hexdigest(), text=text)
    said = {
        name: value if isinstance(value, str | int | datetime | None) else tuple(value)
        for name, value in state.said.items()
    }
    return FactState(said=said, document=document)


def net_difference(found: Difference) -> NetDifference:
    state = found.after or found.before
    assert state is not None
    return NetDifference(
        kind=found.fact.kind.name,
        id=found.fact.id,
        name=state.name,
        sentence=found.sentence,
        before=fact_state(found.before),
        after=fact_state(found.after),
        events=tuple(map(occurrence_of_entry, found.made_by)),
    )


def recorded_change(entry: Entry) -> RecordedChange:
    told = occurrence_of_entry(entry)
    return RecordedChange(**told.model_dump(), fields=entry.event.model_dump(mode="json"))


@handles(Diff)
def answer_diff(question: Diff, context: AnswerContext) -> DifferencesPage:
    span = resolve_span(question, context)
    changes = context.changes(context.account_id, after=span.since.position, to=span.until.position)
    found = differences(context.own(span.since.position), changes, WORK_MAX)
    stopped_at = None if found.stopped_at is None else Moment(found.stopped_at.position, found.stopped_at.at)
    shown, after = cut_page(question, found.differing)
    return DifferencesPage(
        **page_envelope(question, context.account_id, span, stopped_at, after),
        differences=tuple(map(net_difference, shown)),
        undone=found.undone,
    )


@handles(ListChanges)
def answer_list_changes(question: ListChanges, context: AnswerContext) -> ChangesPage:
    span = resolve_span(question, context)
    after = max(question.begins_at, span.since.position)
    found = list(islice(context.changes(context.account_id, after=after, to=span.until.position), question.limit + 1))
    shown = found[: question.limit]
    following = shown[-1].position if len(found) > len(shown) else None
    envelope = page_envelope(question, context.account_id, span, None, following)
    return ChangesPage(**envelope, changes=tuple(map(recorded_change, shown)))
