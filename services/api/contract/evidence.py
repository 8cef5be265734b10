"""Proofs about the account's ledger, which others' software verifies (docs/adr/0066)."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from domain.foundation.errors import ValidationError
from services.api.contract.question import ROWS_DEFAULT, ROWS_MAX, Answer, MomentText, Question

PositionNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]
Sha256Text = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class TransparencyLog(Answer):
    account_id: str
    origin: str
    """Of the log of heads."""
    verifier_keys: tuple[str, ...]
    """By which its checkpoints are known (C2SP signed-note)."""
    account_origin: str
    """Of the account's own log."""
    account_verifier_keys: tuple[str, ...]
    """The same keys under that name."""
    checkpoint: str | None
    """The newest of the log of heads, a signed note; null before the first."""


class PublishedAccountHead(Answer):
    """An account's log as the log of heads has told of it."""

    checkpoint: str
    """Of the account's log, a signed note."""
    heads_entry: str
    """The same without signatures: an entry of the log of heads."""
    heads_proof: str
    """That it is there, a C2SP tlog-proof."""


class ProvedEntry(Answer):
    account_id: str
    position: int
    entry: str
    """Its stored bytes, UTF-8."""
    proof: str
    """That it is in the account's log, a C2SP tlog-proof; the index is the position less one."""
    head: PublishedAccountHead


class ProvedEntries(Answer):
    account_id: str
    first: int
    last: int
    """Less than what was asked for where that would be too long, or is not published yet: the rest begins behind it."""
    entries: tuple[str, ...]
    """All from the first position to the last."""
    before: tuple[str, ...]
    """The roots of the complete subtrees of the first entries up to `first`, the largest first, in base64."""
    consistency: tuple[str, ...]
    """The RFC 9162 consistency proof from the tree at `last` to the one of the head, in base64."""
    head: PublishedAccountHead


class LocatedEntries(Answer):
    """Which entries of the account are of a period."""

    account_id: str
    since: datetime
    until: datetime
    """Not later than the question."""
    first: int
    """The position of the first of them; where there are none, of the next one behind the period."""
    last: int


class LongText(Answer):
    account_id: str
    sha256: str
    text: str


class GetTransparencyLog(Question[TransparencyLog]):
    """The names, keys and newest checkpoint of the logs."""

    path = "/v1/evidence/log"
    resource = "log"


class ProveEntry(Question[ProvedEntry]):
    """An entry of the ledger with proofs that it was published. Within a second of its commit there are none yet."""

    path = "/v1/evidence/entries/{position}"
    resource = "log"

    position: PositionNumber


class ProveEntries(Question[ProvedEntries]):
    """All entries from one position to another, with a proof that there are no others between them."""

    path = "/v1/evidence/entries"
    resource = "log"

    first: PositionNumber
    last: PositionNumber
    limit: Annotated[int, Field(ge=1, le=ROWS_MAX)] = ROWS_DEFAULT

    @model_validator(mode="after")
    def _is_a_range(self) -> "ProveEntries":
        if self.last < self.first:
            raise ValidationError(f"The last position comes before the first: {self.last}, {self.first}.")
        return self


class LocateEntries(Question[LocatedEntries]):
    """Where the entries of a period begin and end."""

    path = "/v1/evidence/period"
    resource = "log"

    since: MomentText
    until: MomentText | None = None


class GetLongText(Question[LongText]):
    """A text that an entry names by its SHA-256."""

    path = "/v1/evidence/texts/{sha256}"
    resource = "log"

    sha256: Sha256Text
