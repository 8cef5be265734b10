"""The lineage of a credential: what it gave birth to, what those did, and what of it is alive."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.read_models.lineage import NODES_MAX, LineageNode, OpenDoor, UnfollowedBranch
from services.api.contract.question import CREDENTIAL_RESOURCE, Answer, HistoricalQuestion, MomentText, NameText

NODES_DEFAULT = 1_000


class LineageTree(Answer):
    account_id: str
    """The seed's."""
    position: int
    """As of which this is so."""
    at: datetime
    limit: int
    """At most so many nodes are told."""
    stopped_after_nodes: int | None
    """As the limit, where there are more nodes."""
    nodes: tuple[LineageNode, ...]
    """The seed first, parents before their children."""
    unfollowed: tuple[UnfollowedBranch, ...]
    open_doors: tuple[OpenDoor, ...]
    left: tuple[LineageNode, ...]
    """What the credentials had made before `compromised_since`."""
    unexamined_calls: int
    """So many calls of others, at least, may have been possible because of the lineage alone, and were not examined."""


class ShowLineage(HistoricalQuestion[LineageTree]):
    """What a credential gave birth to, transitively and across accounts, and what of it is alive."""

    path = "/v1/lineage/{credential}"
    resource = CREDENTIAL_RESOURCE

    credential: NameText
    """An access key id, a session id, a user or role by name, unique id or ARN, or root's ARN."""
    compromised_since: MomentText | None = None
    """The earliest moment at which it may have been in other hands: what it had made before is left."""
    limit: Annotated[int, Field(ge=1, le=NODES_MAX)] = NODES_DEFAULT
