"""Into which accounts whoever asks sees, and the lineages that lead through them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from domain.account import Account
from domain.altered_settings import AlteredSetting
from domain.entity_kinds import find_entity, is_there
from domain.families.containment import CONTAINED_LINEAGES
from domain.families.organization import ORGANIZATION_MEMBERSHIP, is_managed_by
from domain.families.roles import ROLES
from domain.families.users import USERS
from domain.foundation.errors import AccessDenied, NoSuchEntity
from domain.foundation.moments import AsOf, NamedMoment
from domain.queries.contained_lineages import held_by_lineages
from domain.queries.named import home_account_of
from domain.queries.open_doors import open_doors
from domain.read_models.lineage import LineageNode, NodePosition, OpenDoor
from projections.queries.ledger_positions import list_account_ids, position_at, resolve_in_projection
from projections.queries.lineage import Lineage, trace_lineage
from projections.queries.readable import ProjectionBehind
from services.api.contract.question import SERVICE
from services.api.handlers.handler import AnswerContext
from services.api.handlers.requester import Requester
from services.ledger.door_uses import DoorUseFinder


@dataclass(frozen=True)
class AccountVisibility:
    """Which other accounts whoever asks sees into: those of an organization that its own account manages now, and the
    operator all. None whose tables lag, for half an answer would pass for a whole one."""

    context: AnswerContext
    obstacles: dict[str, str] = field(default_factory=dict)
    """By account id: why it was not seen into."""

    @cached_property
    def door_uses(self) -> DoorUseFinder:
        """One for the whole answer."""
        return DoorUseFinder(self.context.cursor, self.context.past)

    def altered(self, found: Lineage) -> list[AlteredSetting]:
        """What of settings is the lineage's."""
        return self.door_uses.altered(found.nodes, found.moments, found.compromised_since).found

    def __call__(self, other_id: str) -> str | None:
        """Why it does not see into the account; None where it does."""
        obstacle = None if other_id == self.context.account_id else self._obstacle(other_id)
        if obstacle is not None:
            self.obstacles[other_id] = obstacle
        return obstacle

    def _obstacle(self, other_id: str) -> str | None:
        if other_id in self.context.behind:
            return "its tables lag behind its ledger: ask again, and see /health/ready"
        if self.context.everywhere:
            return None
        now = position_at(self.context.cursor, other_id, self.context.as_of.now)
        return why_unmanaged(self.context.account_id, self.context.account(other_id, now))


def why_unmanaged(account_id: str, other: Account) -> str | None:
    """Why the account is not to be looked after from the first one; None where it is."""
    if is_managed_by(other[ORGANIZATION_MEMBERSHIP], account_id):
        return None
    return f"it is not in an organization managed by {account_id}"


def barred_accounts(account: Account, requester: Requester, action: str, home: str) -> Callable[[Account], str | None]:
    """Why the requester may do nothing to a credential in an account. Each is asked once, for the check is recorded: in
    that of the credential the caller has been allowed already, in others it is about whatever the lineage has there."""
    asked: dict[str, str | None] = {}

    def barred(other: Account) -> str | None:
        if other.id not in asked and requester.caller is not None:
            why = None if other.id == account.id else why_unmanaged(account.id, other)
            if why is None and other.id != home:
                why = requester.denied(action, other.arn("credential/*", SERVICE))
            asked[other.id] = why
        return asked.get(other.id)

    return barred


def arn_of(account: Account, entity_id: str) -> str | None:
    """By which an account calls a user, a role or root; None where it has none of that id."""
    if entity_id == account.id:
        return account.arn("root")
    entity = account[USERS].by_id.get(entity_id) or account[ROLES].by_id.get(entity_id)
    return None if entity is None else account.arn(entity.resource)


def visible_lineage(
    visibility: AccountVisibility,
    credential: str,
    nodes_max: int,
    compromised_since: NamedMoment | None = None,
    *,
    newest: bool = False,
) -> Lineage:
    """With what others did through the doors that it has opened. Raises ValidationError for a moment that has not come,
    AccessDenied where the credential's account is not visible, and what `trace_lineage` raises."""
    context, as_of = visibility.context, visibility.context.as_of
    if newest:
        as_of = AsOf(as_of.now)
    home = home_account_of(credential, context.account_id, context.installation(as_of.now))
    if home in context.behind:
        raise ProjectionBehind(f"The tables of {home} lag behind its ledger: ask again.")
    if (obstacle := visibility(home)) is not None:
        raise AccessDenied(f"{credential} is of the account {home}: {obstacle}.")
    if home != context.account_id and as_of.position is not None:
        # A position is one of the requester's ledger; in others the moment is found by its time.
        at = resolve_in_projection(context.cursor, "lineage", context.account_id, as_of).at
        as_of = AsOf.time(at, at)
    found = trace_lineage(
        context.cursor,
        home,
        credential,
        as_of,
        follows=visibility,
        nodes_max=nodes_max,
        compromised_since=None if compromised_since is None else compromised_since.as_of(context.as_of.now),
        door_uses=visibility.door_uses,
    )
    owners, seed = context.decided.owners, found.seed
    if owners is not None and (seed.account_id, seed.owner_id) not in owners:
        raise NoSuchEntity(f"What is called {credential} has changed meanwhile: ask again.")
    put_back, over = _settings_put_back(visibility, found), {"state": "replaced", "alive": False}
    nodes = (node.model_copy(update=over) if node.place in put_back else node for node in found.nodes)
    accounts = _accounts_at(context, found)
    return replace(found, nodes=tuple(_contained(_named_now(nodes, accounts), accounts)))


def _named_now(nodes: Iterable[LineageNode], accounts: Mapping[str, Account]) -> Iterator[LineageNode]:
    for node in nodes:
        owner = find_entity(accounts[node.account_id], node.owner_id)
        is_renamed = owner is not None and owner[1].name != node.name
        yield node.model_copy(update={"name_now": owner[1].name}) if owner is not None and is_renamed else node


def _contained(nodes: Iterable[LineageNode], accounts: Mapping[str, Account]) -> Iterator[LineageNode]:
    """What was contained as a whole is not alive, whatever has become of each of it by itself."""
    there = list(nodes)
    lineages = {account_id: account[CONTAINED_LINEAGES] for account_id, account in accounts.items()}
    held = {node.place: lineage for node, lineage in held_by_lineages(there, lineages)}
    for node in there:
        position = held[node.place].position if node.place in held else None
        if position is not None and node.alive:
            yield node.model_copy(update={"state": "contained", "alive": False, "inactive_position": position})
        elif position is not None and node.inactive_position is not None:
            yield node.model_copy(update={"inactive_position": min(position, node.inactive_position)})
        else:
            yield node


def lineage_doors(visibility: AccountVisibility, found: Lineage) -> tuple[OpenDoor, ...]:
    """What lets somebody in at the moment, because the lineage has made it so."""
    accounts = _accounts_at(visibility.context, found)
    altered = visibility.altered(found)
    return tuple(open_doors(found.nodes, altered, accounts.__getitem__, partial(_visible_accounts, visibility)))


def _settings_put_back(visibility: AccountVisibility, found: Lineage) -> frozenset[NodePosition]:
    """Changes of which nothing is left, though no event has ended them, such as of tags. What is gone is not back."""
    standing = {node.place for node in found.nodes if node.state == "active"}
    accounts = _accounts_at(visibility.context, found)
    return (
        frozenset(
            NodePosition(each.account_id, position)
            for each in visibility.altered(found)
            if is_there(accounts[each.account_id], each.owner_id) and each.delta(accounts[each.account_id]) is None
            for position, _ in each.nodes
        )
        & standing
    )


def _visible_accounts(visibility: AccountVisibility) -> Iterator[Account]:
    """As they are at the moment of the answer."""
    context = visibility.context
    for account_id in list_account_ids(context.cursor):
        if visibility(account_id) is None:
            yield context.account(account_id, position_at(context.cursor, account_id, context.as_of.now))


def _accounts_at(context: AnswerContext, found: Lineage) -> dict[str, Account]:
    return {account_id: context.account(account_id, moment.position) for account_id, moment in found.moments.items()}


def visible_trusted_accounts(
    context: AnswerContext, trusted: Collection[str] | None
) -> tuple[list[str], tuple[str, ...]]:
    """Of the accounts that are trusted, None for all, those besides the role's own that whoever asks sees into; and how
    the others are told, those that are not here too. An account has nothing to say about another one's principals."""
    visibility, there_are = AccountVisibility(context), set(list_account_ids(context.cursor))
    named = sorted({*(there_are if trusted is None else trusted)} - {context.account_id})
    seen = [other_id for other_id in named if other_id in there_are and visibility(other_id) is None]
    if trusted is not None:
        return seen, tuple(other_id for other_id in named if other_id not in seen)
    # Which accounts there are is nobody's business either.
    return seen, tuple({"*" for _ in visibility.obstacles})
