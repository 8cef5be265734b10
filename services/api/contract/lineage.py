"""The lineage of a credential: what it gave birth to, what those did, and what of it is alive."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.read_models.lineage import NODES_MAX, LineageKind, LineageState
from services.api.contract.answer import Answer
from services.api.contract.question import HistoricalQuestion, Text

NODES_DEFAULT = 1_000


class NodePosition(Answer):
    """In an account's ledger."""

    account_id: str
    position: int


class StateSince(Answer):
    position: int
    at: datetime
    by: str


class LineageNode(Answer):
    account_id: str
    position: int
    """Of its birth."""
    at: datetime
    request_id: str
    parent: NodePosition | None
    """Who made it, or else whose it is; null for the seed."""
    depth: int
    kind: LineageKind
    subject_id: str
    """Its unique id, key id, session id or ARN; of what ties something to its owner, the other end."""
    owner_id: str
    name: str
    """What it, or its owner, was called when it was born."""
    arn: str | None
    access_key_id: str | None
    version: str | None
    sha256: str | None
    by: str
    by_access_key_id: str | None
    by_session_id: str | None
    expires_at: datetime | None
    state: LineageState
    since: StateSince | None
    alive: bool


class UnfollowedBranch(Answer):
    """Into an account that whoever asks does not see into."""

    account_id: str
    kind: LineageKind
    subject_id: str
    arn: str | None
    at: datetime
    parent: NodePosition
    reason: str


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


class ShowLineage(HistoricalQuestion[LineageTree]):
    """What a credential gave birth to, transitively and across accounts, and what of it is alive."""

    path = "/v1/lineage/{credential}"
    resource = "credential/{credential}"

    credential: Text
    """An access key id, a session id, a user or role by name, unique id or ARN, or root's ARN."""
    limit: Annotated[int, Field(ge=1, le=NODES_MAX)] = NODES_DEFAULT
