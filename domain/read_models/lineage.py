"""The lineage of a credential: what was created with it, and what of that was alive at a moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from domain.read_models.read_model import ReadModel

NODES_MAX = 10_000
LineageKind = Literal[
    "root", "user", "group", "role", "session", "access_key", "activation", "trust_policy", "policy", "policy_version",
    "policy_default", "inline_policy", "inline_policy_removed", "attachment", "detachment", "membership",
    "membership_removed", "password", "boundary", "boundary_removed",
]  # fmt: skip
LineageState = Literal[
    "active", "inactive", "expired", "revoked", "contained", "deleted", "replaced", "removed", "closed",
]  # fmt: skip
ACCESS_KINDS: frozenset[LineageKind] = frozenset({"session", "access_key", "activation", "user", "role"})
"""What somebody can act with, or as; a key that was activated has been let in by who did it. The rest are
changes, which a person has to judge."""


@dataclass(frozen=True, slots=True, order=True)
class NodePosition:
    """In an account's ledger."""

    account_id: str
    position: int


class StateSince(ReadModel):
    position: int
    at: datetime
    by: str


class LineageNode(ReadModel):
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
    inactive_position: Annotated[int | None, Field(exclude=True)] = None
    """Of the event from which on it was not active any more: before that of `since`, for what was inactive when it was
    deleted. None where there is no `since`, and in answers."""

    @property
    def place(self) -> NodePosition:
        return NodePosition(self.account_id, self.position)


class UnfollowedBranch(ReadModel):
    """Into an account that whoever asks does not see into."""

    account_id: str
    kind: LineageKind
    subject_id: str
    arn: str | None
    at: datetime
    parent: NodePosition
    reason: str
