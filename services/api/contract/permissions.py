"""What a user, group or role holds and can do."""

from domain.families.policies import HolderNoun
from domain.read_models.permissions import HeldPolicy
from services.api.contract.question import Answer, HistoricalQuestion, NameText
from services.api.contract.statements import LayerReach


class PermissionsReport(Answer):
    account_id: str
    kind: HolderNoun
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

    principal: NameText
