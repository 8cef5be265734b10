"""Which entity of an account somebody means: by name, by kind and name as tables show it, by ARN, or by unique id."""

from domain.account import Account
from domain.families.groups import GROUPS, Group, Groups
from domain.families.policies import HolderNoun
from domain.families.roles import ROLES, Role, Roles
from domain.families.users import USERS, User, Users

PolicyHolder = User | Group | Role


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


def _families(account: Account) -> tuple[tuple[HolderNoun, Users | Groups | Roles], ...]:
    return ("user", account[USERS]), ("group", account[GROUPS]), ("role", account[ROLES])


def _forms(account: Account, kind: HolderNoun, entity: PolicyHolder) -> tuple[str, str, str, str]:
    return entity.name, f"{kind}/{entity.name}", account.arn(entity.resource), entity.resource
