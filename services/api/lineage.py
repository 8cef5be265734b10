"""The lineage of a credential: what it gave birth to, what those did, and what of it is alive."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.account import Account
from domain.families.organization import ORGANIZATION_MEMBERSHIP, is_managed_by
from domain.families.roles import ROLES
from domain.families.users import USERS
from domain.foundation.errors import AccessDenied
from domain.foundation.identifiers import INSTALLATION, account_of_access_key_id, account_of_arn
from domain.installation import Installation
from projections.queries.ledger_positions import AsOf, position_at, resolve_in_projection
from projections.queries.lineage import (
    NODES_MAX,
    Lineage,
    LineageItem,
    LineageKind,
    LineageState,
    UnfollowedItem,
    trace_lineage,
)
from services.api.answer_context import AnswerContext
from services.api.answers import Answer
from services.api.question import HistoricalQuestion, Text

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

    @classmethod
    def of(cls, node: LineageItem) -> "LineageNode":
        parent = None if node.parent is None else NodePosition(account_id=node.parent[0], position=node.parent[1])
        known = {name: getattr(node, name) for name in cls.model_fields}
        return cls.model_validate(known | {"parent": parent})


class UnfollowedBranch(Answer):
    """Into an account that whoever asks does not see into."""

    account_id: str
    kind: LineageKind
    subject_id: str
    arn: str | None
    at: datetime
    parent: NodePosition
    reason: str

    @classmethod
    def of(cls, way: UnfollowedItem, reason: str) -> "UnfollowedBranch":
        known = {name: getattr(way, name) for name in ("account_id", "kind", "subject_id", "arn", "at")}
        parent = NodePosition(account_id=way.parent[0], position=way.parent[1])
        return cls.model_validate(known | {"parent": parent, "reason": reason})


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


@dataclass(frozen=True, slots=True)
class AccountVisibility:
    """Which other accounts whoever asks sees into: those of an organisation that its own account manages now, and the
    operator all. None whose tables lag, for half an answer would pass for a whole one."""

    reader: AnswerContext
    account_id: str
    now: datetime
    obstacles: dict[str, str] = field(default_factory=dict)
    """By account id: why it was not seen into."""

    def __call__(self, other_id: str) -> bool:
        if other_id == self.account_id:
            return True
        obstacle = self._obstacle(other_id)
        if obstacle is not None:
            self.obstacles[other_id] = obstacle
        return obstacle is None

    def _obstacle(self, other_id: str) -> str | None:
        if other_id in self.reader.behind:
            return "its tables lag behind its ledger: ask again, and see /health/ready"
        if self.reader.everywhere:
            return None
        return why_unmanaged(
            self.account_id, self.reader.account(other_id, position_at(self.reader.cursor, other_id, self.now))
        )


def why_unmanaged(account_id: str, other: Account) -> str | None:
    """Why the account is not to be looked after from the first one; None where it is."""
    if is_managed_by(other[ORGANIZATION_MEMBERSHIP], account_id):
        return None
    return f"it is in no organisation that {account_id} manages"


def home_account_of(credential: str, account_id: str, installation: Installation) -> str:
    """The account that the credential names, by ARN or key id, which says nothing of a key that was brought from
    elsewhere; of any other name, the asker's own."""
    claimed = installation.claimed_access_key_ids.get(credential)
    named = claimed or account_of_arn(credential) or account_of_access_key_id(credential)
    return account_id if named in {None, INSTALLATION} else named


def arn_of(account: Account, entity_id: str) -> str | None:
    """By which an account calls a user, a role or root; None where it has none of that id."""
    if entity_id == account.id:
        return account.arn("root")
    entity = account[USERS].by_id.get(entity_id) or account[ROLES].by_id.get(entity_id)
    return None if entity is None else account.arn(entity.resource)


def visible_lineage(sight: AccountVisibility, credential: str, as_of: AsOf, nodes_max: int) -> Lineage:
    """Raises AccessDenied where the credential's account is not visible, and what `trace_lineage` raises."""
    home = home_account_of(credential, sight.account_id, sight.reader.installation(sight.now))
    if not sight(home):
        raise AccessDenied(f"{credential} is of the account {home}: {sight.obstacles[home]}.")
    if home != sight.account_id and as_of.position is not None:
        # A position is one of the asker's ledger; in others the moment is found by its time.
        at = resolve_in_projection(sight.reader.cursor, "lineage", sight.account_id, as_of).at
        as_of = AsOf.time(at, at)
    return trace_lineage(sight.reader.cursor, home, credential, as_of, follows=sight, nodes_max=nodes_max)


class ShowLineage(HistoricalQuestion[LineageTree]):
    """What a credential gave birth to, transitively and across accounts, and what of it is alive."""

    path = "/v1/lineage/{credential}"
    resource = "credential/{credential}"
    reads_everywhere = True

    credential: Text
    """An access key id, a session id, a user or role by name, unique id or ARN, or root's ARN."""
    limit: Annotated[int, Field(ge=1, le=NODES_MAX)] = NODES_DEFAULT

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> LineageTree:
        sight = AccountVisibility(reader, account_id, as_of.now)
        found = visible_lineage(sight, self.credential, as_of, self.limit)
        moment = found.moments[found.seed.account_id]
        return LineageTree(
            account_id=found.seed.account_id,
            position=moment.position,
            at=moment.at,
            limit=self.limit,
            stopped_after_nodes=found.stopped_after_nodes,
            nodes=tuple(map(LineageNode.of, found.nodes)),
            unfollowed=tuple(UnfollowedBranch.of(way, sight.obstacles[way.account_id]) for way in found.unfollowed),
        )

    @classmethod
    def read(cls, body: bytes) -> LineageTree:
        return LineageTree.model_validate_json(body)
