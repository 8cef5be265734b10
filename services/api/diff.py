"""What changed between two moments, and who changed it: in net terms, and change by change."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from itertools import islice

from domain.facts import FactValue
from domain.foundation.events import Entry
from domain.queries.diff import Difference, differences
from projections.queries.ledger_positions import AsOf, Moment
from services.api.answer_context import AnswerContext
from services.api.answers import Answer
from services.api.time_span import WORK_MAX, Occurrence, SpanPage, SpanQuestion


class DocumentText(Answer):
    sha256: str
    """Of the text."""
    text: str


class FactState(Answer):
    """What something said at one of the two moments."""

    said: Mapping[str, str | bool | int | datetime | tuple[str, ...] | None]
    document: DocumentText | None

    @classmethod
    def of(cls, state: FactValue | None) -> "FactState | None":
        if state is None:
            return None
        text = state.document
        document = None if text is None else DocumentText(sha256=sha256(text.encode()).hexdigest(), text=text)
        said = {
            name: value if isinstance(value, str | int | datetime | None) else tuple(value)
            for name, value in state.said.items()
        }
        return cls(said=said, document=document)


class NetDifference(Answer):
    """One thing that is not as it was."""

    kind: str
    id: str
    """Unique ids, joined by slashes where it is about a pair; of policies by ARN and of inline policies by name."""
    name: str
    """What it is called in the end."""
    sentence: str
    before: FactState | None
    """Null: it was not there."""
    after: FactState | None
    events: tuple[Occurrence, ...]
    """Every change of it between the moments, the last one first."""

    @classmethod
    def of(cls, found: Difference) -> "NetDifference":
        state = found.after or found.before
        assert state is not None
        return cls(
            kind=found.fact.kind.name,
            id=found.fact.id,
            name=state.name,
            sentence=found.sentence,
            before=FactState.of(found.before),
            after=FactState.of(found.after),
            events=tuple(map(Occurrence.of_entry, found.made_by)),
        )


class DifferencesPage(SpanPage):
    differences: tuple[NetDifference, ...]
    undone: int
    """So many things were changed between the moments and are as they were."""


class RecordedChange(Occurrence):
    """A change, with all that the ledger says of it."""

    fields: Mapping[str, object]

    @classmethod
    def of_entry(cls, entry: Entry) -> "RecordedChange":
        told = Occurrence.of_entry(entry)
        return cls(**told.model_dump(), fields=entry.event.model_dump(mode="json"))


class ChangesPage(SpanPage):
    changes: tuple[RecordedChange, ...]


class Diff(SpanQuestion[DifferencesPage]):
    """What differs between the account at one moment and at another, with the changes that made it so, in the order of
    the last of them."""

    path = "/v1/diff"
    resource = "diff"

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> DifferencesPage:
        span = self.span(reader.cursor, account_id, as_of)
        changes = reader.changes(account_id, after=span.since.position, to=span.until.position)
        found = differences(reader.account(account_id, span.since.position), changes, WORK_MAX)
        ends_at = self.begins_at + self.limit
        stopped_at = found.stopped_at
        return DifferencesPage(
            account_id=account_id,
            limit=self.limit,
            marker=self.following(ends_at, span) if len(found.differing) > ends_at else None,
            since=span.since,
            until=span.until,
            stopped_at=None if stopped_at is None else Moment(stopped_at.position, stopped_at.at),
            differences=tuple(map(NetDifference.of, found.differing[self.begins_at : ends_at])),
            undone=found.undone,
        )

    @classmethod
    def read(cls, body: bytes) -> DifferencesPage:
        return DifferencesPage.model_validate_json(body)


class ListChanges(SpanQuestion[ChangesPage]):
    """Every change of the account between two moments, in the order of the ledger. Bookkeeping is among them."""

    path = "/v1/changes"
    resource = "changes"

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> ChangesPage:
        span = self.span(reader.cursor, account_id, as_of)
        after = max(self.begins_at, span.since.position)
        found = list(islice(reader.changes(account_id, after=after, to=span.until.position), self.limit + 1))
        shown = found[: self.limit]
        return ChangesPage(
            account_id=account_id,
            limit=self.limit,
            marker=self.following(shown[-1].position, span) if len(found) > len(shown) else None,
            since=span.since,
            until=span.until,
            stopped_at=None,
            changes=tuple(map(RecordedChange.of_entry, shown)),
        )

    @classmethod
    def read(cls, body: bytes) -> ChangesPage:
        return ChangesPage.model_validate_json(body)
