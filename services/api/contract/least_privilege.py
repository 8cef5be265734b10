"""The policy that covers what a principal really did."""

from dataclasses import replace
from datetime import timedelta

from domain.foundation.errors import ValidationError
from domain.foundation.moments import NamedMoment
from domain.read_models.least_privilege import CoveringPolicy
from services.api.contract.question import Answer, MomentText, NameText
from services.api.contract.replay import ReplayedPart, ReplayQuestion


class UsedAction(Answer):
    action: str
    resource: str
    calls: int


class LeastPrivilegePart(ReplayedPart):
    entity_id: str
    arn: str
    allowed: int
    """Calls that every policy allowed: what the document covers."""
    refused: int
    """Calls that some policy refused: they are not covered."""
    used: tuple[UsedAction, ...]
    covering: CoveringPolicy | None
    """For what was used up to here; null where nothing was."""
    confirmed: int
    """Of the calls that were allowed, so many would be with the document in place of all policies of the principal."""
    undecidable: int
    """Of so many that cannot be told: the ledger does not have any more what they were decided from."""


class GetLeastPrivilege(ReplayQuestion[LeastPrivilegePart]):
    """The smallest readable policy for the calls of a user or role that were allowed, and whether it refuses any. What
    somebody else did with a contained credential is no example of what is needed."""

    path = "/v1/least-privilege/{principal}"
    resource = "least-privilege"

    principal: NameText
    include_contained: bool = False
    """Whether calls of contained credentials, and of what they gave birth to, count too."""
    compromised_since: MomentText | None = None
    """The earliest moment at which its credentials may have been in other hands: calls from then on do not count."""

    @property
    def end(self) -> NamedMoment | None:
        since = self.compromised_since
        if since is None:
            return self.until
        if self.until is not None:
            raise ValidationError("The span ends where the credentials may be in other hands: give no other end.")
        instant = timedelta(microseconds=1)
        return replace(
            since,
            at=None if since.at is None else since.at - instant,
            position=None if since.position is None else since.position - 1,
            age=None if since.age is None else since.age + instant,
            is_date=False,
        )
