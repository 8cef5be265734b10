"""Native questions about access, answered from accounts as their ledgers fold: who can, and who can assume."""

from abc import ABC
from typing import Annotated, Literal

from pydantic import StringConstraints

from services.api.contract.question import Answer, NameText, Page, PagedHistoricalQuestion, ResourceText, with_pattern
from services.api.contract.statements import StatementName

_ACTION = r"^([A-Za-z0-9-]+:)?[A-Za-z0-9]+$"

Action = Annotated[
    str,
    StringConstraints(max_length=128, pattern=_ACTION),
    with_pattern(_ACTION, "An action is service:Action, such as iam:CreateUser, or the Action alone"),
]


class Dependence(Answer):
    """A statement that applies to some calls of this principal and not to others."""

    statement: StatementName
    conditions: tuple[str, ...]
    """Which decide it, such as `IpAddress aws:SourceIp`; `Principal` and ARNs where it names sessions of a role."""


class PrincipalAccess(Answer):
    kind: Literal["root", "user", "role", "service", "federated"]
    account_id: str | None
    entity_id: str
    arn: str
    access: Literal["allowed", "conditional", "denied"]
    reason: str
    """In AWS's words where nothing allows, or something denies."""
    statements: tuple[StatementName, ...]
    """Those that apply; of conditional access, at best."""
    depends_on: tuple[Dependence, ...]


class PrincipalsPage(Page):
    position: int
    """As of which this is so."""
    unseen: tuple[str, ...] = ()
    """Accounts that a trust policy names, and into which whoever asks does not see, or which are not here: of their
    principals nothing is told. `*` where it names everybody, and there are such."""
    admitted: tuple[str, ...] = ()
    """Whom it names there, as it names them."""
    principals: tuple[PrincipalAccess, ...]


class _AccessQuestion(PagedHistoricalQuestion[PrincipalsPage], ABC):
    everybody: bool = False
    """Whether those are told too who cannot."""


class WhoCan(_AccessQuestion):
    """Every principal of the account that may do an action to a resource, with the statements that say so."""

    path = "/v1/who-can"
    resource = "who-can"

    action: Action
    on: ResourceText
    """An ARN, or * where the action is about no single resource; an entity of the account also by name, or kind and
    name."""


class CanAssume(_AccessQuestion):
    """Everybody who may assume a role: of its account, and of the accounts that its trust policy names, or of all where
    it names everybody; as far as whoever asks sees into them."""

    path = "/v1/can-assume/{role}"
    resource = "can-assume"

    role: NameText
    """By name, `role/` and name, ARN or unique id."""
