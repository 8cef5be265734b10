"""The containment of a credential: it, and all that it gave birth to, is cut off in one step."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from domain.account import Account
from domain.callers import descent_of
from domain.calls import NeedsFacts, Outcome
from domain.entity_kinds import is_there
from domain.families.containment import (
    CONTAINED_LINEAGES,
    CONTAINED_POLICY_NAME,
    LineageContained,
    LineageFacts,
    LineageQuery,
    Seed,
)
from domain.families.credential_owners import OwnerFacts
from domain.foundation.errors import AccessDenied, NoSuchEntity, OperationNotPermittedException, Throttling
from domain.foundation.events import Change
from domain.foundation.identifiers import SESSION_KEY
from domain.foundation.moments import AsOf
from domain.queries.contained_lineages import (
    containing_events,
    find_seed,
    parted_by_spared,
    reached_from,
    refuse_everybody,
    refuse_narrowing,
)
from domain.queries.containment import (
    ContainmentBarrier,
    ContainmentPlan,
    contain,
    refuse_lockout,
    refuse_self_containment,
)
from domain.queries.named import home_account_of
from domain.queries.restored_settings import SETTING_ROWS
from domain.read_models.lineage import NODES_MAX, LineageNode
from projections.queries.credential_activity import activity_of
from projections.queries.ledger_positions import resolve_in_projection
from projections.queries.lineage import Lineage
from services.api.contract.containment import Contain, ContainedAccount, Containment, Restoration
from services.api.contract.question import SERVICE
from services.api.handlers.handler import AnswerContext, decides, handles
from services.api.handlers.requester import Requester
from services.api.handlers.unused_permissions import credentials_of, own_credentials
from services.api.handlers.visibility import AccountVisibility, arn_of, barred_accounts, lineage_doors, visible_lineage

ACTION = f"{SERVICE}:Contain"

TRUSTED_FOR = timedelta(days=1)
"""What was made so long before the first unusual use is not likely to be the work of whoever made that."""
_OWNED = frozenset({"access_key", "session"})


@decides(Contain)
def decide_contain(question: Contain, account: Account, requester: Requester) -> Outcome:
    """The lineage is contained by one event, at once; what it has in the tables is ended one by one afterwards.

    Raises OperationNotPermittedException, AccessDenied, LimitExceeded, NeedsFacts and NeedsAccounts."""
    home_id = home_account_of(question.credential, account.id, requester.installation())
    barred = barred_accounts(account, requester, ACTION, home_id)
    home = requester.accounts([home_id])[home_id]
    if (why := barred(home)) is not None:
        raise AccessDenied(f"{question.credential} is of the account {home_id}: {why}")
    facts = requester.facts if isinstance(requester.facts, LineageFacts) else None
    as_of = None if question.compromised_since is None else question.compromised_since.as_of(requester.at)
    spared = _spared(question, home, requester, barred)
    query = LineageQuery(home_id, question.credential, requester.at, as_of, spared)
    needed = NeedsFacts(query, unsettled=Throttling("The lineage could not be determined in time."))
    seed = _seed(question, home, requester)
    if facts is None and (question.dry_run or seed is None or (as_of is not None and as_of.at is None)):
        raise needed
    assert seed is not None
    since = facts.compromised_since if facts is not None else None if as_of is None else as_of.at
    seen = {each.account_id for each in facts.descendants} if facts is not None else set[str]()
    accounts, marking = mark_lineage(question, home, requester, barred, seed, since, spared, seen)
    if facts is None and marking and not _includes_caller(requester, accounts, seed, marking):
        told = {"containing": ContainmentPlan({}, (), {}, spared=spared)}
        return replace(_appended(account, told, marking, {}), then=needed)
    if facts is None:
        raise needed
    return _ended_one_by_one(question, account, requester, facts, barred, marking)


def mark_lineage(
    question: Contain,
    home: Account,
    requester: Requester,
    barred: ContainmentBarrier,
    seed: Seed,
    since: datetime | None = None,
    spared: tuple[str, ...] = (),
    seen: Collection[str] = (),
) -> tuple[Mapping[str, Account], Mapping[str, LineageContained]]:
    """The accounts that the lineage may have come to, and those `seen`; and by account the event that contains it
    there, where it is not contained so already.

    Raises OperationNotPermittedException, LimitExceeded and NeedsAccounts.
    """
    refuse_narrowing(home, seed, since, spared)
    reached = reached_from(home.id, requester.accounts).keys()
    accounts = requester.accounts({*reached, *seen})
    honouring = {each: accounts[each] for each in sorted(accounts) if accounts[each].is_open}
    reachable = {each: there for each, there in honouring.items() if barred(there) is None}
    marking = containing_events(reachable, seed, since, spared, question.reason)
    if not question.include_self and marking:
        _refuse_harm(question, requester, home, accounts, seed, marking)
    return accounts, marking


def _seed(question: Contain, home: Account, requester: Requester) -> Seed | None:
    """None where the lineage has to be found out first."""
    if isinstance(requester.facts, LineageFacts):
        return requester.facts.seed
    owners = requester.facts.owners if isinstance(requester.facts, OwnerFacts) else ()
    if question.credential.startswith(SESSION_KEY) and len(owners) == 1:
        return Seed(question.credential, owners[0].owner_id)
    return find_seed(home, question.credential)


def _includes_caller(
    requester: Requester, accounts: Mapping[str, Account], seed: Seed, marking: Mapping[str, LineageContained]
) -> bool:
    """It can do nothing more when that is committed."""
    caller = requester.caller
    if caller is None or caller.principal.account_id not in marking:
        return False
    account = accounts[caller.principal.account_id]
    contained = marking[account.id].fold(account, requester.at)[CONTAINED_LINEAGES][seed.id]
    return contained.holds(descent_of(account, caller))


def _refuse_harm(
    question: Contain,
    requester: Requester,
    home: Account,
    accounts: Mapping[str, Account],
    seed: Seed,
    marking: Mapping[str, LineageContained],
) -> None:
    if question.compromised_since is None:
        refuse_everybody(home, seed, requester.at)
    if _includes_caller(requester, accounts, seed, marking):
        assert requester.caller is not None
        raise OperationNotPermittedException(
            f"This would cut off the caller: {requester.caller.principal.arn} calls with a credential that descends "
            f"from {question.credential}. Call with another credential, with --spare {requester.caller.access_key_id} "
            "if it is to be trusted all the same, or with --include-self."
        )
    for account_id, event in marking.items():
        refuse_lockout(accounts[account_id], event.fold(accounts[account_id], requester.at), (), requester.at)


def _spared(question: Contain, home: Account, requester: Requester, barred: ContainmentBarrier) -> tuple[str, ...]:
    """Their ids. Raises NoSuchEntity."""
    found = set[str]()
    for named in question.spare:
        account_id = home_account_of(named, home.id, requester.installation())
        account = requester.accounts([account_id])[account_id]
        seed = find_seed(account, named) if barred(account) is None else None
        if seed is None:
            raise NoSuchEntity(
                f"{account_id} has no access key, user or role {named} that could be spared: expected the id, name or "
                "ARN of one that there is."
            )
        found.add(seed.id)
    return tuple(sorted(found))


def _ended_one_by_one(
    question: Contain,
    account: Account,
    requester: Requester,
    facts: LineageFacts,
    barred: ContainmentBarrier,
    marking: Mapping[str, LineageContained],
) -> Outcome:
    # The accounts may have moved on since. What the lineage does not have yet is not honoured either.
    altered = (each.account_id for each in facts.altered) if question.restore else ()
    accounts = requester.accounts({account.id, *(each.account_id for each in facts.descendants), *altered})
    containing = contain(accounts, facts, barred, question.reason, requester.at, restoring=question.restore)
    if not question.include_self:
        if requester.caller is not None:
            refuse_self_containment(requester.caller, facts.descendants)
        for account_id, events in containing.events.items():
            refuse_lockout(accounts[account_id], containing.after[account_id], events, requester.at)
    told = {"containing": replace(containing, spared=facts.wanted.spared)}
    if question.dry_run:
        return Outcome(lambda _after: told)
    return _appended(account, told, marking, containing.events)


def _appended(
    account: Account,
    told: Mapping[str, object],
    marking: Mapping[str, LineageContained],
    ending: Mapping[str, Sequence[Change]],
) -> Outcome:
    marks = {other: (event,) for other, event in marking.items()}
    events = {other: (*marks.get(other, ()), *ending.get(other, ())) for other in sorted({*marks, *ending})}
    own = events.pop(account.id, ())
    return Outcome(lambda _after: told, own, elsewhere=events)


@handles(Contain, reads_everywhere=True)
def answer_contain(question: Contain, context: AnswerContext) -> Containment:
    containing = context.decided.told["containing"]
    assert isinstance(containing, ContainmentPlan)
    visibility = AccountVisibility(context)
    found = visible_lineage(visibility, question.credential, NODES_MAX, question.compromised_since, newest=True)
    kept, left = parted_by_spared(found.nodes, containing.spared)
    found = replace(found, nodes=kept, left=(*found.left, *left))
    return Containment(
        account_id=context.account_id,
        credential=question.credential,
        dry_run=question.dry_run,
        accounts=tuple(_accounts(context, containing, found, visibility.obstacles, dry_run=question.dry_run)),
        remaining=found.remaining,
        open_doors=lineage_doors(visibility, found),
        restored=tuple(Restoration(**asdict(each)) for each in containing.restored),
        left=found.left,
        compromised_since=found.compromised_since,
        suggested_since=_suggested_since(context, found) if question.dry_run else None,
        unexamined_calls=found.unexamined_calls,
        standing=tuple(
            node for node in found.nodes if _is_left_in_force(node) and not _is_planned(context, found, question, node)
        ),
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


def _accounts(
    context: AnswerContext, containing: ContainmentPlan, found: Lineage, obstacles: Mapping[str, str], *, dry_run: bool
) -> Iterable[ContainedAccount]:
    """Those that the lineage is known to come to, and those where something was done."""
    done = dict(zip(containing.events, containing.contained, strict=True))
    for account_id in sorted({*found.moments, *done, *containing.barred, *obstacles}):
        there = [node for node in found.nodes if node.account_id == account_id and node.gives_access]
        is_whole = account_id in found.moments and _is_contained_whole(context, found, account_id)
        barred = containing.barred.get(account_id) or obstacles.get(account_id)
        reason = barred or (_alive(there) if is_whole else _remaining(found, account_id, there))
        ends = done.get(account_id)
        ended = {*ends.denied, *ends.deactivated, *ends.revoked} if ends else set()
        is_known = dry_run and barred is None and found.stopped_after_nodes is None and account_id in found.moments
        yield ContainedAccount(
            account_id=account_id,
            contained=reason is None,
            reason=reason,
            would_remain=sum(node.alive and node.subject_id not in ended for node in there) if is_known else None,
            position=_contained_from(there, found.moments[account_id].position) if reason is None else None,
            denied=ends.denied if ends else (),
            deactivated=ends.deactivated if ends else (),
            revoked=ends.revoked if ends else (),
            names=_names(there, ended),
        )


def _contained_from(there: Iterable[LineageNode], moment: int) -> int:
    """Where the last of them that ended by an event did. A user or role that is gone let nobody in by itself: each key
    and session of it is one of them, and may have been dead long before."""
    ended = [node for node in there if node.inactive_position is not None]
    acting = [node for node in ended if _is_owned(node) or node.state != "deleted"]
    return max((node.inactive_position or 0 for node in acting or ended), default=moment)


def _names(there: Iterable[LineageNode], ended: Collection[str]) -> dict[str, str]:
    return {
        node.subject_id: (node.name if node.arn is None else node.arn.split(":", 5)[-1])
        + ("" if node.name_now is None else f", now {node.name_now}")
        for node in there
        if node.subject_id in ended
    }


def _untouched(context: AnswerContext, found: Lineage) -> Iterator[str]:
    known = {(node.account_id, node.owner_id) for node in found.nodes if node.owns_credentials}
    owners = dict.fromkeys((node.account_id, node.owner_id) for node in found.nodes if _is_owned(node))
    for account_id, owner_id in owners:
        arn = arn_of(context.account(account_id, found.moments[account_id].position), owner_id)
        if arn is not None and (account_id, owner_id) not in known:
            yield arn


def _is_owned(node: LineageNode) -> bool:
    return node.kind in _OWNED or node.stands_alone


def _remaining(found: Lineage, account_id: str, there: Iterable[LineageNode]) -> str | None:
    """What is known to be left to do; None where nothing is."""
    if found.stopped_after_nodes is not None:
        return (
            f"only the first {found.stopped_after_nodes} nodes of the lineage were examined: contain users and roles "
            "among them by name, with all their keys and sessions"
        )
    if account_id not in found.moments:
        return "it is reached through an account that is not visible from here: run this from there"
    return _alive(there)


def _alive(there: Iterable[LineageNode]) -> str | None:
    alive = sum(node.alive for node in there)
    return f"{alive} still active" if alive else None


def _is_contained_whole(context: AnswerContext, found: Lineage, account_id: str) -> bool:
    """However much of it was not examined."""
    seed = found.seed.access_key_id or found.seed.subject_id
    return seed in context.account(account_id, found.moments[account_id].position)[CONTAINED_LINEAGES]


def _is_planned(context: AnswerContext, found: Lineage, question: Contain, node: LineageNode) -> bool:
    """What would be put back, or could not be, is told among what is restored: but not what is gone."""
    if not (question.dry_run and question.restore and node.kind in SETTING_ROWS):
        return False
    return is_there(context.account(node.account_id, found.moments[node.account_id].position), node.owner_id)


def _is_left_in_force(node: LineageNode) -> bool:
    """A version that is not the default may become it at any time."""
    stands = node.alive or (node.kind == "policy_version" and node.state == "inactive")
    return stands and not node.gives_access and node.kind != "root" and node.subject_id != CONTAINED_POLICY_NAME
