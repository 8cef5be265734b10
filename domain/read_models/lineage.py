"""The lineage of a credential: what was created with it, and what of that was alive at a moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from domain.read_models.read_model import ReadModel
from domain.registry import lineage_kind, lineage_kind_names, stands_alone

NODES_MAX = 10_000
_PUBLISHED_FIRST = (
    "root", "user", "group", "role", "session", "access_key", "activation", "trust_policy", "policy", "policy_version",
    "policy_default", "inline_policy", "inline_policy_removed", "attachment", "detachment", "membership",
    "membership_removed", "password", "boundary", "boundary_removed",
)  # fmt: skip
_later = sorted(lineage_kind_names().difference(_PUBLISHED_FIRST))
LineageKindName = Annotated[str, WithJsonSchema({"enum": [*_PUBLISHED_FIRST, *_later], "type": "string"})]
"""Described as what is registered. Another one is read too: what is not known must not be left out."""
LineageState = Literal[
    "active", "inactive", "expired", "revoked", "contained", "deleted", "replaced", "removed", "closed",
]  # fmt: skip


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
    kind: LineageKindName
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
    subject_name: str | None = None
    """What the subject was called then, where that is somebody else than the owner: of a membership the group, in an
    instance profile the role."""
    name_now: str | None = None
    """What it, or its owner, is called at the moment, if otherwise: the former name may be somebody else's by now."""

    @property
    def place(self) -> NodePosition:
        return NodePosition(self.account_id, self.position)

    @property
    def gives_access(self) -> bool:
        """Somebody can act with it, or as it; a key that was activated has been let in by who did it. So too, to be
        safe, with what no family has registered. The rest are changes."""
        kind = lineage_kind(self.kind)
        return kind is None or kind.gives_access

    @property
    def stands_alone(self) -> bool:
        """Its own status tells whether it is usable, whatever is denied to its owner or honoured of its lineage."""
        return stands_alone(self.kind)

    @property
    def owns_credentials(self) -> bool:
        kind = lineage_kind(self.kind)
        return kind is not None and kind.owns_credentials


class OpenDoor(ReadModel):
    """A setting that lets somebody in, because the lineage has made it so, until that is undone."""

    node: LineageNode
    """The last change that the lineage made to it."""
    opens: tuple[str, ...]
    """What is let in, in words."""


class UnfollowedBranch(ReadModel):
    """Into an account that whoever asks does not see into."""

    account_id: str
    kind: LineageKindName
    subject_id: str
    arn: str | None
    at: datetime
    parent: NodePosition
    reason: str
