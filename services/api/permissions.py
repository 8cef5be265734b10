"""What a user, group or role holds and can do."""

from domain.families.policies import EntityKind
from domain.foundation.moments import AsOf
from domain.read_models.permissions import HeldPolicy
from projections.queries.permissions import permissions_of
from services.api.answer_context import AnswerContext
from services.api.answers import Answer
from services.api.question import HistoricalQuestion, Text
from services.api.reach import LayerReach, reach


class PermissionsReport(Answer):
    account_id: str
    kind: EntityKind
    entity_id: str
    name: str
    arn: str
    position: int
    """As of which the policies are these."""
    policies: tuple[HeldPolicy, ...]
    can: tuple[LayerReach, ...]


class ListPermissions(HistoricalQuestion[PermissionsReport]):
    """The policies of a user, group or role, through which group a user has them, and what can be done with them and
    with all that limits them."""

    path = "/v1/permissions/{principal}"
    resource = "permissions"

    principal: Text

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> PermissionsReport:
        found = permissions_of(reader.cursor, account_id, self.principal, as_of)
        return PermissionsReport(
            account_id=account_id,
            kind=found.kind,
            entity_id=found.entity_id,
            name=found.name,
            arn=found.arn,
            position=found.moment.position,
            policies=found.policies,
            can=reach(reader.account(account_id, found.moment.position), found.entity_id),
        )

    @classmethod
    def read(cls, body: bytes) -> PermissionsReport:
        return PermissionsReport.model_validate_json(body)
