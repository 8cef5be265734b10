"""What changed between two moments, and who changed it: in net terms, and change by change."""

from collections.abc import Mapping
from datetime import datetime

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


class DifferencesPage(SpanPage):
    differences: tuple[NetDifference, ...]
    undone: int
    """So many things were changed between the moments and are as they were."""


class RecordedChange(Occurrence):
    """A change, with all that the ledger says of it."""

    fields: Mapping[str, object]


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
