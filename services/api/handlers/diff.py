"""What changed between two moments, and who changed it: in net terms, and change by change."""

from collections.abc import Iterator
from hashlib import sha256
from itertools import islice

from domain.facts import FactValue
from domain.foundation.events import Entry
from domain.foundation.moments import Moment
from domain.policy import StatementDifference, StatementText
from domain.queries.diff import Difference, FactStep, differences
from domain.queries.movements import movement, moving_topics
from services.api.contract.diff import (
    ChangesPage,
    Diff,
    DifferencesPage,
    DocumentText,
    FactChange,
    FactState,
    ListChanges,
    NetDifference,
    RecordedChange,
    StatementChange,
    StatementState,
)
from services.api.handlers.handler import AnswerContext, handles
from services.api.handlers.time_span import (
    WORK_MAX,
    cut_page,
    fill_page,
    occurrence_of_entry,
    page_envelope,
    resolve_span,
)


def fact_state(state: FactValue | None) -> FactState | None:
    if state is None:
        return None
    text = state.document
    document = None if text is None else DocumentText(sha256=sha256(text.encode()).hexdigest(), text=text)
    return FactState(said=state.said, document=document)


def net_difference(found: Difference) -> NetDifference:
    made = found.made
    state = made.after or made.before
    assert state is not None
    return NetDifference(
        kind=made.fact.kind.name,
        id=made.fact.id,
        name=state.name,
        sentence=made.sentence,
        before=fact_state(made.before),
        after=fact_state(made.after),
        statements=tuple(map(statement_change, made.statements)),
        events=tuple(map(fact_change, found.steps)),
    )


def fact_change(step: FactStep) -> FactChange:
    told = occurrence_of_entry(step.entry)
    statements = tuple(map(statement_change, step.made.statements))
    return FactChange(**told.model_dump(), change=step.made.change, sentence=step.made.sentence, statements=statements)


def statement_change(found: StatementDifference) -> StatementChange:
    before, after = statement_state(found.before), statement_state(found.after)
    return StatementChange(before=before, after=after, sentence=found.describe())


def statement_state(statement: StatementText | None) -> StatementState | None:
    if statement is None:
        return None
    elements = {name: tuple(sorted(listed)) for name, listed in statement.elements.items()}
    return StatementState(index=statement.index, sid=statement.sid, elements=elements)


def recorded_change(entry: Entry) -> RecordedChange:
    told = occurrence_of_entry(entry)
    fields = entry.event.model_dump(mode="json")
    return RecordedChange(**told.model_dump(), fields=fields, movement=movement(entry.event))


@handles(Diff)
def answer_diff(question: Diff, context: AnswerContext) -> DifferencesPage:
    span = resolve_span(question, context)
    changes = context.changes(context.account_id, after=span.since.position, to=span.until.position)
    found = differences(context.own(span.since.position), changes, WORK_MAX)
    stopped_at = None if found.stopped_at is None else Moment(found.stopped_at.position, found.stopped_at.at)
    shown, after = cut_page(question, found.differing, net_difference)
    return DifferencesPage(
        **page_envelope(question, context.account_id, span, stopped_at, after), differences=shown, undone=found.undone
    )


@handles(ListChanges)
def answer_list_changes(question: ListChanges, context: AnswerContext) -> ChangesPage:
    span = resolve_span(question, context)
    after = max(question.begins_at, span.since.position)
    to = span.until.position
    changes = (
        _movements(context, after, to) if question.people else context.changes(context.account_id, after=after, to=to)
    )
    found = list(islice(changes, question.limit + 1))
    shown = fill_page(map(recorded_change, found), question.limit)
    following = shown[-1].position if len(found) > len(shown) else None
    envelope = page_envelope(question, context.account_id, span, None, following)
    return ChangesPage(**envelope, changes=shown)


def _movements(context: AnswerContext, after: int, to: int) -> Iterator[Entry]:
    changes = context.past.changes_of_topics(context.cursor, context.account_id, moving_topics(), after=after, to=to)
    return (change for change in changes if movement(change.event) is not None)
