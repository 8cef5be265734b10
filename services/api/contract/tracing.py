"""The story of a credential: whose it is, from where it was used and for what, what it gave birth to, what it could
have done and did not, what of all this is alive, and what would contain it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.foundation.moments import EventRef
from domain.read_models.credential_activity import CallTallies, TracedCall
from domain.read_models.lineage import LineageKindName, LineageNode, OpenDoor, UnfollowedBranch
from services.api.contract.question import (
    CREDENTIAL_RESOURCE,
    ROWS_DEFAULT,
    ROWS_MAX,
    Answer,
    HistoricalQuestion,
    MomentText,
    NameText,
)
from services.api.contract.unused_permissions import UnusedPermissions


class Owner(Answer):
    """The user or role whose credential it is, or root."""

    kind: LineageKindName
    entity_id: str
    arn_then: str
    """When the credential was born."""
    arn_now: str | None
    """At the moment; null when it is gone."""
    created: EventRef
    ended: EventRef | None


class CredentialUse(Answer):
    """What those of an account among the credential and all that it gave birth to did."""

    account_id: str
    """Whose ledger has the calls."""
    looked_at: int
    """So many calls, from the first on. All counts are of these."""
    stopped_position: int | None
    """The position behind which there are calls that were not looked at; null where there are none."""
    addresses: CallTallies
    user_agents: CallTallies
    operations: CallTallies
    calls: tuple[TracedCall, ...]
    """The first of those that were looked at."""
    calls_left: int
    """So many of those that were looked at are not told here."""
    histories: tuple[str, ...]
    """Commands that tell every call of each credential."""
    histories_left: int
    """So many credentials have no command there."""


class TracedLineage(Answer):
    nodes: tuple[LineageNode, ...]
    """The credential first, then what it gave birth to, and those in turn."""
    alive: tuple[LineageNode, ...]
    """Those that somebody can act with, or as, at the moment."""
    open_doors: tuple[OpenDoor, ...] = ()
    """What lets somebody in besides, because they have made it so."""
    left: tuple[LineageNode, ...] = ()
    """What the credential had made before `compromised_since`."""
    unexamined_calls: int = 0
    """So many calls of others, at least, may have been possible because of the lineage alone, and were not examined."""
    unfollowed: tuple[UnfollowedBranch, ...]
    """Ways into accounts where nobody has looked."""
    stopped_after_nodes: int | None
    """The bound on nodes where there are more of them; null where these are all."""


class AccountRemediation(Answer):
    account_id: str
    commands: tuple[str, ...]
    """In order, with credentials of this account."""
    left: int
    """So many births are not undone by these."""


class RemediationPlan(Answer):
    contain: str | None
    """The command that ends every credential, which comes first: nothing that is undone can be done again then. Null
    where there is none to end."""
    accounts: tuple[AccountRemediation, ...]
    """What containment does not undo, in each account where there is something."""


class Trace(Answer):
    account_id: str
    """Of the credential."""
    position: int
    """As of which all is told."""
    at: datetime
    seed: LineageNode
    owner: Owner
    first_use: TracedCall | None
    """Of the credential itself, or of those of the principal that was asked about."""
    last_use: TracedCall | None
    did: tuple[CredentialUse, ...]
    """The credential's own account first."""
    descent: TracedLineage
    could_have: UnusedPermissions
    containment: RemediationPlan


class StillAlive(Answer):
    account_id: str
    position: int
    at: datetime
    alive: tuple[LineageNode, ...]
    open_doors: tuple[OpenDoor, ...] = ()
    """What lets somebody in besides, because they have made it so."""
    left: tuple[LineageNode, ...] = ()
    """What the credential had made before `compromised_since`."""
    unexamined_calls: int = 0
    """So many calls of others, at least, may have been possible because of the lineage alone, and were not examined."""
    unfollowed: tuple[UnfollowedBranch, ...]
    """Ways into accounts where nobody has looked."""
    stopped_after_nodes: int | None
    """The bound on nodes where there are more of them: behind it nobody has looked either."""


class ListStillAlive(HistoricalQuestion[StillAlive]):
    """What of a credential, and of all that it gave birth to, lets somebody in."""

    path = "/v1/trace/{credential}/alive"
    resource = CREDENTIAL_RESOURCE

    credential: NameText
    compromised_since: MomentText | None = None
    """The earliest moment at which it may have been in other hands: what it had made before is left."""


class TraceCredential(HistoricalQuestion[Trace]):
    """Everything about a key, a session, a user, a role or root in one report."""

    path = "/v1/trace/{credential}"
    resource = CREDENTIAL_RESOURCE

    credential: NameText
    compromised_since: MomentText | None = None
    """The earliest moment at which it may have been in other hands: what it had made before is left."""
    calls: Annotated[int, Field(ge=0, le=ROWS_MAX)] = ROWS_DEFAULT
    """So many calls at most are told one by one."""
