"""Which entity of an account somebody means: by name, by kind and name as tables show it, by ARN, or by unique id."""

from collections.abc import Collection

from domain.account import Account
from domain.families.groups import GROUPS, Group, Groups
from domain.families.policies import MANAGED_POLICIES, HolderNoun, ManagedPolicy
from domain.families.roles import ROLES, Role, Roles
from domain.families.users import USERS, User, Users
from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.nearest import nearest

PolicyHolder = User | Group | Role
HOLDERS: Collection[HolderNoun] = ("user", "group", "role")


def find_holders(account: Account, named: str) -> list[tuple[HolderNoun, PolicyHolder]]:
    """The users, groups and roles that are called so: several may have one name."""
    name, lowered = named.rsplit("/", 1)[-1], named.lower()
    return [
        (kind, entity)
        for kind, family in _families(account)
        if (entity := family.by_id.get(named) or family.find(name)) is not None
        and lowered in {form.lower() for form in (entity.id, *_forms(account, kind, entity))}
    ]


def find_role(account: Account, role: str) -> Role | None:
    """A closed account has none any more."""
    if not account.is_open:
        return None
    return next((entity for _, entity in find_holders(account, role) if isinstance(entity, Role)), None)


def find_policy(account: Account, named: str) -> ManagedPolicy:
    """Raises NoSuchEntity, and InvalidInput where the account and AWS have a policy of the name."""
    policies, lowered = account[MANAGED_POLICIES], named.lower()
    found = [policies[named]] if named in policies else []
    if not found:
        forms = {arn: (each.name, f"policy/{each.name}", each.resource, each.id) for arn, each in policies.items()}
        found = [policies[arn] for arn, given in forms.items() if lowered in {form.lower() for form in given}]
    if len(found) > 1:
        raise InvalidInput(f"{named} may be {' or '.join(policy.arn for policy in found)}: give the ARN.")
    if not found:
        known = [policy.arn if named.startswith("arn:") else policy.name for policy in policies.values()]
        raise NoSuchEntity(
            f"No managed policy was called {named} at position {account.position}.{nearest(named, known)}"
        )
    return found[0]


def nearest_holder(account: Account, named: str, kinds: Collection[HolderNoun] = HOLDERS) -> str:
    """A sentence that names the one of these kinds whose name is most like it; empty where there is none."""
    form = 2 if named.startswith("arn:") else 1 if "/" in named else 0
    entities = ((kind, entity) for kind, family in _families(account) if kind in kinds for entity in family)
    return nearest(named, (_forms(account, kind, entity)[form] for kind, entity in entities))


def _families(account: Account) -> tuple[tuple[HolderNoun, Users | Groups | Roles], ...]:
    return ("user", account[USERS]), ("group", account[GROUPS]), ("role", account[ROLES])


def _forms(account: Account, kind: HolderNoun, entity: PolicyHolder) -> tuple[str, str, str, str]:
    return entity.name, f"{kind}/{entity.name}", account.arn(entity.resource), entity.resource
