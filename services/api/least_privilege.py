"""The policy that covers what a principal really did."""

from projections.asof import AsOf
from services.api.answers import Answer
from services.api.question import Text
from services.api.reader import Reader
from services.api.replayable import ReplayedPart, Replaying


class UsedAction(Answer):
    action: str
    resource: str
    calls: int


class Generalised(Answer):
    """A pattern in the document that matches more than was used."""

    action: str
    pattern: str
    resources: int
    """Of those that were used."""


class Covering(Answer):
    document: str
    characters: int
    """Without white space, as quotas count them."""
    fits: tuple[str, ...]
    """What it may be, by its length."""
    generalised: tuple[Generalised, ...]


class LeastPrivilegePart(ReplayedPart):
    entity_id: str
    arn: str
    allowed: int
    """Calls that every policy allowed: what the document covers."""
    refused: int
    """Calls that some policy refused: they are not covered."""
    used: tuple[UsedAction, ...]
    covering: Covering | None
    """For what was used up to here; null where nothing was."""
    confirmed: int
    """Of the calls that were allowed, so many would be with the document in place of all policies of the principal."""
    undecidable: int
    """Of so many that cannot be told: the ledger does not have any more what they were decided from."""


class GetLeastPrivilege(Replaying[LeastPrivilegePart]):
    """The smallest readable policy for the calls of a user or role that were allowed, and whether it refuses any."""

    path = "/v1/least-privilege/{principal}"
    resource = "least-privilege"

    principal: Text

    def answered(self, reader: Reader, account_id: str, as_of: AsOf) -> LeastPrivilegePart:
        # The ledger is read here and not only tables, with what the command line need not import to ask.
        from services.api.replaying import least_privilege_of  # noqa: PLC0415

        return least_privilege_of(self, reader, account_id, self.part(reader, account_id, as_of))

    @classmethod
    def read(cls, body: bytes) -> LeastPrivilegePart:
        return LeastPrivilegePart.model_validate_json(body)
