"""What changed between two moments, and who changed it: in net terms, and change by change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from domain.queries.movements import Movement
from services.api.contract.question import Answer
from services.api.contract.time_span import Occurrence, SpanPage, SpanQuestion


class DocumentText(Answer):
    sha256: str
    """Of the text."""
    text: str


class FactState(Answer):
    """What something said at one of the two moments."""

    said: Mapping[str, str | bool | int | datetime | tuple[str, ...] | None]
    document: DocumentText | None


class StatementState(Answer):
    """A statement of a policy document. An element lists what it names: principals behind their kind, a condition's
    values behind operator and key."""

    index: int
    """Its place in the document, from 0."""
    sid: str | None
    elements: Mapping[str, tuple[str, ...]]


class StatementChange(Answer):
    """White space and order, of statements or of what they list, make none."""

    before: StatementState | None
    """Null: it was added."""
    after: StatementState | None
    """Null: it was removed."""
    sentence: str


class FactChange(Occurrence):
    """What one change made of one thing."""

    change: Literal["added", "changed", "removed"]
    """`added` is by whoever created, attached or set it."""
    sentence: str
    """With the names of then."""
    statements: tuple[StatementChange, ...]


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
    statements: tuple[StatementChange, ...]
    """Of its policy document, in net terms; all of them where it was not there, or is no more."""
    events: tuple[FactChange, ...]
    """Every change of it between the moments, the last one first."""


class DifferencesPage(SpanPage):
    differences: tuple[NetDifference, ...]
    undone: int
    """So many things were changed between the moments and are as they were."""


class RecordedChange(Occurrence):
    """A change, with all that the ledger says of it."""

    fields: Mapping[str, object]
    movement: Movement | None
    """Of a user: created, deleted, or given another name, group, policy or boundary."""


class ChangesPage(SpanPage):
    changes: tuple[RecordedChange, ...]


class Diff(SpanQuestion[DifferencesPage]):
    """What differs between the account at one moment and at another, with the changes that made it so, in the order of
    the last of them."""

    path = "/v1/diff"
    resource = "diff"


class ListChanges(SpanQuestion[ChangesPage]):
    """Every change of the account between two moments, in the order of the ledger. Bookkeeping is among them."""

    path = "/v1/changes"
    resource = "changes"

    people: bool = False
    """Only those with a movement: joiners, movers and leavers."""
