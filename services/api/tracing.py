"""The story of a credential: whose it is, from where it was used and for what, what it gave birth to, what it could
have done and did not, what of all this is alive, and what would contain it."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.foundation.moments import AsOf, EventRef, Moment
from domain.read_models.credential_activity import CallTallies, TracedCall
from domain.read_models.lineage import NODES_MAX, LineageKind
from projections.queries.credential_activity import activity_of, first_and_last_call, traced_calls
from projections.queries.ledger_positions import resolve_in_projection
from projections.queries.lineage import Lineage, LineageItem, trace_lineage
from services.api.answer_context import AnswerContext
from services.api.answers import Answer
from services.api.lineage import AccountVisibility, LineageNode, UnfollowedBranch, arn_of, visible_lineage
from services.api.question import ROWS_DEFAULT, ROWS_MAX, HistoricalQuestion, Text
from services.api.remediation import Remediation
from services.api.unused_permissions import UnusedPermissions, credentials_of, own_credentials, unused_permissions

REMEDIATED_MAX = 500
"""So many births are undone by commands, the first ones."""
HISTORY_COMMANDS_MAX = 50
"""So many credentials are told how to ask for their calls."""


class Owner(Answer):
    """The user or role whose credential it is, or root."""

    kind: LineageKind
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
    unfollowed: tuple[UnfollowedBranch, ...]
    """Ways into accounts where nobody has looked."""
    stopped_after_nodes: int | None
    """The bound on nodes where there are more of them: behind it nobody has looked either."""


class ListStillAlive(HistoricalQuestion[StillAlive]):
    """What of a credential, and of all that it gave birth to, lets somebody in."""

    path = "/v1/trace/{credential}/alive"
    resource = "credential/{credential}"
    reads_everywhere = True

    credential: Text

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> StillAlive:
        sight = AccountVisibility(reader, account_id, as_of.now)
        found = visible_lineage(sight, self.credential, as_of, NODES_MAX)
        descent = _traced_lineage(found, sight)
        moment = found.moments[found.seed.account_id]
        return StillAlive(
            account_id=found.seed.account_id,
            position=moment.position,
            at=moment.at,
            alive=descent.alive,
            unfollowed=descent.unfollowed,
            stopped_after_nodes=descent.stopped_after_nodes,
        )

    @classmethod
    def read(cls, body: bytes) -> StillAlive:
        return StillAlive.model_validate_json(body)


class TraceCredential(HistoricalQuestion[Trace]):
    """Everything about a key, a session, a user, a role or root in one report."""

    path = "/v1/trace/{credential}"
    resource = "credential/{credential}"
    reads_everywhere = True

    credential: Text
    calls: Annotated[int, Field(ge=0, le=ROWS_MAX)] = ROWS_DEFAULT
    """So many calls at most are told one by one."""

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> Trace:
        sight = AccountVisibility(reader, account_id, as_of.now)
        found = visible_lineage(sight, self.credential, as_of, NODES_MAX)
        seed = found.seed
        moment = found.moments[seed.account_id]
        did = {other_id: _activity(reader, found, other_id, self.calls) for other_id in found.moments}
        used = frozenset(action for _, actions in did.values() for action in actions)
        first, last = first_and_last_call(
            reader.cursor, seed.account_id, credentials_of(own_credentials(found)), moment.position
        ) or (None, None)
        return Trace(
            account_id=seed.account_id,
            position=moment.position,
            at=moment.at,
            seed=LineageNode.of(seed),
            owner=_owner(reader, seed, moment),
            first_use=first,
            last_use=last,
            did=tuple(told for told, _ in did.values()),
            descent=_traced_lineage(found, sight),
            could_have=unused_permissions(reader, found, used),
            containment=_remediation_plan(reader, found, self.credential),
        )

    @classmethod
    def read(cls, body: bytes) -> Trace:
        return Trace.model_validate_json(body)


def _traced_lineage(found: Lineage, sight: AccountVisibility) -> TracedLineage:
    return TracedLineage(
        nodes=tuple(map(LineageNode.of, found.nodes)),
        alive=tuple(map(LineageNode.of, found.remaining)),
        unfollowed=tuple(UnfollowedBranch.of(way, sight.obstacles[way.account_id]) for way in found.unfollowed),
        stopped_after_nodes=found.stopped_after_nodes,
    )


def _activity(
    reader: AnswerContext, found: Lineage, account_id: str, calls_max: int
) -> tuple[CredentialUse, frozenset[str]]:
    """And the actions that were used. The calls of an account's credentials stand in its own ledger, whatever they are
    about."""
    moment = found.moments[account_id]
    resolve_in_projection(reader.cursor, "trail", account_id, AsOf(moment.at, position=moment.position))
    credentials = credentials_of(node for node in found.nodes if node.account_id == account_id)
    looked = activity_of(reader.cursor, account_id, credentials, moment.position)
    told = traced_calls(reader.cursor, account_id, looked.positions[:calls_max])
    histories = [
        *(f"muniment history --access-key-id {shlex.quote(key)}" for key in credentials.access_key_ids),
        *(f"muniment history --session-id {shlex.quote(session)}" for session in credentials.session_ids),
    ]
    did = CredentialUse(
        account_id=account_id,
        looked_at=len(looked.positions),
        stopped_position=looked.stopped_position,
        addresses=looked.addresses,
        user_agents=looked.user_agents,
        operations=looked.operations,
        calls=told,
        calls_left=len(looked.positions) - len(told),
        histories=tuple(histories[:HISTORY_COMMANDS_MAX]),
        histories_left=max(0, len(histories) - HISTORY_COMMANDS_MAX),
    )
    return did, looked.used


def _owner(reader: AnswerContext, seed: LineageItem, moment: Moment) -> Owner:
    account_id, as_of = seed.account_id, AsOf(moment.at, position=moment.position)
    born = trace_lineage(reader.cursor, account_id, seed.owner_id, as_of, follows=account_id.__eq__, nodes_max=1).seed
    then = arn_of(reader.account(account_id, seed.position), seed.owner_id)
    return Owner(
        kind=born.kind,
        entity_id=seed.owner_id,
        arn_then=then or born.arn or seed.name,
        arn_now=arn_of(reader.account(account_id, moment.position), seed.owner_id),
        created=EventRef(born.position, born.at, born.by),
        ended=born.since if born.state in {"deleted", "closed"} else None,
    )


def _remediation_plan(reader: AnswerContext, found: Lineage, credential: str) -> RemediationPlan:
    keys = {node.access_key_id for node in found.nodes if node.access_key_id is not None}
    made = [node for node in found.nodes[1:] if node.by_access_key_id in keys]
    accounts = (_account_remediation(reader, found, account_id, made) for account_id in found.moments)
    # A name may look like an option.
    contain = shlex.join(["muniment", "contain", *(["--"] if credential.startswith("-") else []), credential])
    return RemediationPlan(
        contain=contain if found.remaining else None,
        accounts=tuple(undone for undone in accounts if undone.commands or undone.left),
    )


def _account_remediation(
    reader: AnswerContext, found: Lineage, account_id: str, made: Sequence[LineageItem]
) -> AccountRemediation:
    here = sorted((node for node in made if node.account_id == account_id), key=lambda node: node.position)
    undoing = Remediation(
        now=reader.account(account_id, found.moments[account_id].position),
        before=lambda position: reader.account(account_id, position),
        births=here[:REMEDIATED_MAX],
    )
    left = max(0, len(here) - REMEDIATED_MAX)
    return AccountRemediation(account_id=account_id, commands=tuple(undoing.commands()), left=left)
