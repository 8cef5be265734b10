"""The story of a credential: whose it is, from where it was used and for what, what it gave birth to, what it could
have done and did not, what of all this is alive, and what would contain it."""

from collections.abc import Sequence

from domain.altered_settings import AlteredSetting
from domain.foundation.moments import AsOf, EventRef, Moment
from domain.foundation.suggested_commands import suggested_command
from domain.queries.open_doors import made_by
from domain.queries.restoration import restore
from domain.read_models.lineage import NODES_MAX, LineageNode, OpenDoor
from projections.queries.credential_activity import activity_of, first_and_last_call, traced_calls
from projections.queries.ledger_positions import position_at, resolve_in_projection
from projections.queries.lineage import Lineage, trace_lineage
from services.api.contract.tracing import (
    AccountRemediation,
    CredentialUse,
    ListStillAlive,
    Owner,
    RemediationPlan,
    StillAlive,
    Trace,
    TraceCredential,
    TracedLineage,
)
from services.api.handlers.handler import AnswerContext, handles
from services.api.handlers.remediation import Remediation
from services.api.handlers.unused_permissions import credentials_of, own_credentials, unused_permissions
from services.api.handlers.visibility import AccountVisibility, arn_of, lineage_doors, visible_lineage

REMEDIATED_MAX = 500
"""So many births are undone by commands, the first ones."""

HISTORY_COMMANDS_MAX = 50
"""So many credentials are told how to ask for their calls."""


@handles(ListStillAlive, reads_everywhere=True)
def answer_list_still_alive(question: ListStillAlive, context: AnswerContext) -> StillAlive:
    visibility = AccountVisibility(context)
    found = visible_lineage(visibility, question.credential, NODES_MAX, question.compromised_since)
    descent = _traced_lineage(visibility, found)
    moment = found.moments[found.seed.account_id]
    return StillAlive(
        account_id=found.seed.account_id,
        position=moment.position,
        at=moment.at,
        alive=descent.alive,
        open_doors=descent.open_doors,
        left=descent.left,
        unexamined_calls=descent.unexamined_calls,
        unfollowed=descent.unfollowed,
        stopped_after_nodes=descent.stopped_after_nodes,
    )


@handles(TraceCredential, reads_everywhere=True)
def answer_trace_credential(question: TraceCredential, context: AnswerContext) -> Trace:
    visibility = AccountVisibility(context)
    found = visible_lineage(visibility, question.credential, NODES_MAX, question.compromised_since)
    seed = found.seed
    moment = found.moments[seed.account_id]
    did = {other_id: _activity(context, found, other_id, question.calls) for other_id in found.moments}
    used = frozenset(action for _, actions in did.values() for action in actions)
    first, last = first_and_last_call(
        context.cursor, seed.account_id, credentials_of(own_credentials(found)), moment.position
    ) or (None, None)
    descent = _traced_lineage(visibility, found)
    return Trace(
        account_id=seed.account_id,
        position=moment.position,
        at=moment.at,
        seed=seed,
        owner=_owner(context, seed, moment),
        first_use=first,
        last_use=last,
        did=tuple(told for told, _ in did.values()),
        descent=descent,
        could_have=unused_permissions(context, found, used),
        containment=_remediation_plan(visibility, found, question, descent.open_doors),
    )


def _traced_lineage(visibility: AccountVisibility, found: Lineage) -> TracedLineage:
    return TracedLineage(
        nodes=found.nodes,
        alive=found.remaining,
        open_doors=lineage_doors(visibility, found),
        left=found.left,
        unexamined_calls=found.unexamined_calls,
        unfollowed=found.unfollowed,
        stopped_after_nodes=found.stopped_after_nodes,
    )


def _activity(
    context: AnswerContext, found: Lineage, account_id: str, calls_max: int
) -> tuple[CredentialUse, frozenset[str]]:
    """And the actions that were used. The calls of an account's credentials stand in its own ledger, whatever they are
    about."""
    moment = found.moments[account_id]
    resolve_in_projection(context.cursor, "trail", account_id, AsOf(moment.at, position=moment.position))
    credentials = credentials_of(node for node in found.nodes if node.account_id == account_id)
    looked = activity_of(context.cursor, account_id, credentials, moment.position)
    told = traced_calls(context.cursor, account_id, looked.positions[:calls_max])
    histories = [
        *(suggested_command("muniment", "history", access_key_id=key) for key in credentials.access_key_ids),
        *(suggested_command("muniment", "history", session_id=session) for session in credentials.session_ids),
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


def _owner(context: AnswerContext, seed: LineageNode, moment: Moment) -> Owner:
    account_id, as_of = seed.account_id, AsOf(moment.at, position=moment.position)
    born = trace_lineage(
        context.cursor,
        account_id,
        seed.owner_id,
        as_of,
        follows=lambda other: None if other == account_id else "not followed",
        nodes_max=1,
    ).seed
    then = arn_of(context.account(account_id, seed.position), seed.owner_id)
    since = born.since
    return Owner(
        kind=born.kind,
        entity_id=seed.owner_id,
        arn_then=then or born.arn or seed.name,
        arn_now=arn_of(context.account(account_id, moment.position), seed.owner_id),
        created=EventRef(born.position, born.at, born.by),
        ended=EventRef(since.position, since.at, since.by) if since and born.state in {"deleted", "closed"} else None,
    )


def _remediation_plan(
    visibility: AccountVisibility, found: Lineage, question: TraceCredential, doors: Sequence[OpenDoor]
) -> RemediationPlan:
    keys = {node.access_key_id for node in found.nodes if node.access_key_id is not None}
    opened = {node.place for node in found.nodes if not node.gives_access}
    made = [node for node in found.nodes[1:] if node.by_access_key_id in keys or node.parent in opened]
    altered = visibility.altered(found) if doors else []
    accounts = (
        _account_remediation(visibility.context, found, account_id, made, altered) for account_id in found.moments
    )
    credential, since = question.credential, question.compromised_since
    contain = [
        *("muniment", "contain"),
        *(["--restore"] if doors else []),
        *([] if since is None else ["--compromised-since", str(since)]),
        # A name may look like an option.
        *(["--"] if credential.startswith("-") else []),
        credential,
    ]
    return RemediationPlan(
        contain=suggested_command(*contain) if found.remaining or doors else None,
        accounts=tuple(undone for undone in accounts if undone.commands or undone.left),
    )


def _account_remediation(
    context: AnswerContext,
    found: Lineage,
    account_id: str,
    made: Sequence[LineageNode],
    altered: Sequence[AlteredSetting],
) -> AccountRemediation:
    """What is left to do where what is altered has been put back, as far as it can be."""
    here = sorted((node for node in made if node.account_id == account_id), key=lambda node: node.position)
    moment = found.moments[account_id]
    there = [each for each in altered if each.account_id == account_id]
    undoing = Remediation(
        now=restore(context.account(account_id, moment.position), there, made_by(found.nodes), moment.at).account,
        before=lambda position: context.account(account_id, position),
        other=lambda other_id: context.account(other_id, position_at(context.cursor, other_id, moment.at)),
        created_nodes=here[:REMEDIATED_MAX],
        seed=found.seed if found.seed.account_id == account_id else None,
    )
    left = undoing.left + max(0, len(here) - REMEDIATED_MAX)
    return AccountRemediation(account_id=account_id, commands=tuple(undoing.commands()), left=left)
