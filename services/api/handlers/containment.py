"""The containment of a credential: it, and all that it gave birth to, is cut off in one step."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

from domain.account import Account
from domain.calls import NeedsFacts, Outcome
from domain.families.containment import CONTAINED_POLICY_NAME, CredentialContained, LineageFacts, LineageQuery
from domain.foundation.errors import AccessDenied, Throttling
from domain.foundation.moments import AsOf
from domain.queries.containment import ContainmentPlan, contain, refuse_lockout, refuse_self_containment
from domain.queries.named import home_account_of
from domain.read_models.lineage import NODES_MAX, LineageNode
from projections.queries.credential_activity import activity_of
from projections.queries.ledger_positions import resolve_in_projection
from projections.queries.lineage import Lineage
from services.api.contract.containment import Contain, ContainedAccount, Containment, Restoration
from services.api.contract.question import SERVICE
from services.api.handlers.handler import AnswerContext, decides, handles
from services.api.handlers.requester import Requester
from services.api.handlers.unused_permissions import credentials_of, own_credentials
from services.api.handlers.visibility import AccountVisibility, arn_of, lineage_doors, visible_lineage, why_unmanaged

ACTION = f"{SERVICE}:Contain"

TRUSTED_FOR = timedelta(days=1)
"""What was made so long before the first unusual use is not likely to be the work of whoever made that."""
_OWNED = frozenset({"access_key", "session"})


@decides(Contain)
def decide_contain(question: Contain, account: Account, requester: Requester) -> Outcome:
    """Raises OperationNotPermittedException, AccessDenied, NeedsFacts and NeedsAccounts."""
    home = home_account_of(question.credential, account.id, requester.installation())
    barred = _barred_accounts(account, requester, home)
    if (why := barred(requester.accounts([home])[home])) is not None:
        raise AccessDenied(f"{question.credential} is of the account {home}: {why}")
    if not isinstance(requester.facts, LineageFacts):
        unsettled = Throttling("The lineage could not be determined in time.")
        since = None if question.compromised_since is None else question.compromised_since.as_of(requester.at)
        raise NeedsFacts(LineageQuery(home, question.credential, requester.at, since), unsettled=unsettled)
    # The accounts may have moved on since. What the lineage does not have yet shows in the answer as remaining.
    descendants = requester.facts.descendants
    altered = (each.account_id for each in requester.facts.altered) if question.restore else ()
    accounts = requester.accounts({account.id, *(each.account_id for each in descendants), *altered})
    containing = contain(accounts, requester.facts, barred, question.reason, requester.at, restoring=question.restore)
    if not question.include_self:
        if requester.caller is not None:
            refuse_self_containment(requester.caller, descendants)
        for account_id, events in containing.events.items():
            refuse_lockout(accounts[account_id], containing.after[account_id], events, requester.at)
    told = {"containing": containing}
    if question.dry_run:
        return Outcome(lambda _after: told)
    elsewhere = {other: events for other, events in containing.events.items() if other != account.id}
    return Outcome(lambda _after: told, containing.events.get(account.id, ()), elsewhere=elsewhere)


@handles(Contain, reads_everywhere=True)
def answer_contain(question: Contain, context: AnswerContext) -> Containment:
    containing = context.decided.told["containing"]
    assert isinstance(containing, ContainmentPlan)
    visibility = AccountVisibility(context)
    found = visible_lineage(visibility, question.credential, NODES_MAX, question.compromised_since, newest=True)
    return Containment(
        account_id=context.account_id,
        credential=question.credential,
        dry_run=question.dry_run,
        accounts=tuple(_accounts(containing, found, visibility.obstacles)),
        remaining=found.remaining,
        open_doors=lineage_doors(visibility, found),
        restored=tuple(Restoration(**asdict(each)) for each in containing.restored),
        left=found.left,
        compromised_since=found.compromised_since,
        suggested_since=_suggested_since(context, found) if question.dry_run else None,
        unexamined_calls=found.unexamined_calls,
        standing=tuple(node for node in found.nodes if _is_left_in_force(node)),
        untouched=tuple(_untouched(context, found)),
        stopped_after_nodes=found.stopped_after_nodes,
    )


def _suggested_since(context: AnswerContext, found: Lineage) -> datetime | None:
    seed = found.seed
    if found.compromised_since is not None:
        return None
    moment = found.moments[seed.account_id]
    resolve_in_projection(context.cursor, "trail", seed.account_id, AsOf(moment.at, position=moment.position))
    activity = activity_of(context.cursor, seed.account_id, credentials_of(own_credentials(found)), moment.position)
    agents = (((tally.text or "").partition("/")[0], tally.first.at) for tally in activity.user_agents.rows)
    addresses = ((tally.text or "", tally.first.at) for tally in activity.addresses.rows)
    news = [at for seen in (addresses, agents) for at in _firsts(seen)[1:]]
    if not news or all(node.at >= min(news) - TRUSTED_FOR for node in found.nodes[1:]):
        return None
    return min(news)


def _firsts(seen: Iterable[tuple[str, datetime]]) -> list[datetime]:
    """When each value came first, in the order of time."""
    first: dict[str, datetime] = {}
    for value, at in seen:
        first[value] = min(at, first.get(value, at))
    return sorted(first.values())


def _barred_accounts(account: Account, requester: Requester, home: str) -> Callable[[Account], str | None]:
    """Why the requester may contain nothing in an account. Each is asked once, for the check is recorded: in that of
    the credential the caller has been allowed already, in others it is about whatever the lineage has there."""
    asked: dict[str, str | None] = {}

    def barred(other: Account) -> str | None:
        if other.id not in asked and requester.caller is not None:
            why = None if other.id == account.id else why_unmanaged(account.id, other)
            if why is None and other.id != home:
                why = requester.denied(ACTION, other.arn("credential/*", SERVICE))
            asked[other.id] = why
        return asked.get(other.id)

    return barred


def _accounts(containing: ContainmentPlan, found: Lineage, obstacles: Mapping[str, str]) -> Iterable[ContainedAccount]:
    """Those that the lineage is known to come to, and those where something was done."""
    done = dict(zip(containing.events, containing.contained, strict=True))
    for account_id in sorted({*found.moments, *done, *containing.barred, *obstacles}):
        there = [node for node in found.nodes if node.account_id == account_id and node.gives_access]
        reason = containing.barred.get(account_id) or obstacles.get(account_id) or _remaining(found, account_id, there)
        ends = done.get(account_id)
        yield ContainedAccount(
            account_id=account_id,
            contained=reason is None,
            reason=reason,
            position=_contained_from(there, found.moments[account_id].position) if reason is None else None,
            denied=ends.denied if ends else (),
            deactivated=ends.deactivated if ends else (),
            revoked=ends.revoked if ends else (),
            names=_names(there, ends) if ends else {},
        )


def _contained_from(there: Iterable[LineageNode], moment: int) -> int:
    """Where the last of them that ended by an event did. A user or role that is gone let nobody in by itself: each key
    and session of it is one of them, and may have been dead long before."""
    ended = [node for node in there if node.inactive_position is not None]
    acting = [node for node in ended if node.kind in _OWNED or node.state != "deleted"]
    return max((node.inactive_position or 0 for node in acting or ended), default=moment)


def _names(there: Iterable[LineageNode], ends: CredentialContained) -> dict[str, str]:
    ended = {*ends.denied, *ends.deactivated, *ends.revoked}
    return {
        node.subject_id: (node.name if node.arn is None else node.arn.split(":", 5)[-1])
        + ("" if node.name_now is None else f", now {node.name_now}")
        for node in there
        if node.subject_id in ended
    }


def _untouched(context: AnswerContext, found: Lineage) -> Iterator[str]:
    known = {(node.account_id, node.owner_id) for node in found.nodes if node.owns_credentials}
    owners = dict.fromkeys((node.account_id, node.owner_id) for node in found.nodes if node.kind in _OWNED)
    for account_id, owner_id in owners:
        arn = arn_of(context.account(account_id, found.moments[account_id].position), owner_id)
        if arn is not None and (account_id, owner_id) not in known:
            yield arn


def _remaining(found: Lineage, account_id: str, there: Iterable[LineageNode]) -> str | None:
    """What is known to be left to do; None where nothing is."""
    if found.stopped_after_nodes is not None:
        return (
            f"only the first {found.stopped_after_nodes} nodes of the lineage were examined: contain users and roles "
            "among them by name, with all their keys and sessions"
        )
    if account_id not in found.moments:
        return "it is reached through an account that is not visible from here: run this from there"
    alive = sum(node.alive for node in there)
    return f"{alive} still active" if alive else None


def _is_left_in_force(node: LineageNode) -> bool:
    """A version that is not the default may become it at any time."""
    stands = node.alive or (node.kind == "policy_version" and node.state == "inactive")
    return stands and not node.gives_access and node.kind != "root" and node.subject_id != CONTAINED_POLICY_NAME
