"""Which entity of an account somebody means: by name, by kind and name as tables show it, by ARN, or by unique id; and
whose a credential is."""

from domain.account import Account
from domain.families.access_keys import ACCESS_KEYS
from domain.families.groups import GROUPS, Group, Groups
from domain.families.policies import HolderNoun
from domain.families.roles import ROLES, Role, Roles
from domain.families.saml_providers import SAML_PROVIDERS, SAMLProvider
from domain.families.server_certificates import SERVER_CERTIFICATES, ServerCertificate
from domain.families.user_credentials import USER_CREDENTIALS
from domain.families.users import USERS, User, Users
from domain.foundation.errors import NoSuchEntity, ValidationError
from domain.foundation.identifiers import INSTALLATION, account_of_access_key_id, account_of_arn
from domain.foundation.nearest import nearest
from domain.installation import Installation

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


def home_account_of(credential: str, account_id: str, installation: Installation) -> str:
    """The account that the credential names, by ARN or key id, which says nothing of a key that was brought from
    elsewhere; of any other name, the requester's own."""
    claimed = installation.claimed_access_key_ids.get(credential)
    named = claimed or account_of_arn(credential) or account_of_access_key_id(credential)
    return account_id if named in {None, INSTALLATION} else named


def credential_owners(account: Account, credential: str) -> set[str]:
    """The unique ids, of root the account's, of whom a credential's id, or a name, ARN or unique id may mean now. Of
    sessions, and of what is gone, the account knows nothing."""
    owners = {entity.id for kind, entity in find_holders(account, credential) if kind != "group"}
    if (key := account[ACCESS_KEYS].by_id.get(credential)) is not None:
        owners.add(key.user_id)
    if (held := account[USER_CREDENTIALS].by_id.get(credential)) is not None:
        owners.add(held.user_id)
    if credential in {"root", account.id, account.arn("root")}:
        owners.add(account.id)
    return owners


def credential_holder(account: Account, named: str) -> str:
    """The id of whose credentials are meant: of a user or role, the account's for root, that of a server certificate,
    the ARN of a SAML provider. Raises NoSuchEntity, and ValidationError where several are called so."""
    found: dict[str, str] = {
        entity.id: f"{kind}/{entity.name}" for kind, entity in find_holders(account, named) if kind != "group"
    } | {
        entity.id: entity.resource
        for entity in (*account[SERVER_CERTIFICATES].by_id.values(), *account[SAML_PROVIDERS].values())
        if named in {entity.id, entity.name, entity.resource, account.arn(entity.resource), _short_resource(entity)}
    }
    if named in {"root", account.id, account.arn("root")}:
        found[account.id] = "root"
    if len(found) > 1:
        raise ValidationError(f"Several are called {named}: say which, {' or '.join(sorted(found.values()))}.")
    if not found:
        known = (entity.name for _, family in _families(account) for entity in family.by_id.values())
        raise NoSuchEntity(
            f"No user, role, server certificate or SAML provider of account {account.id} is called {named}.",
            suggestion=nearest(named, known),
        )
    return next(iter(found))


def _short_resource(entity: ServerCertificate | SAMLProvider) -> str:
    """Without its path."""
    return f"{entity.resource.partition('/')[0]}/{entity.name}"


def owner_resource(account: Account, owner_id: str) -> str:
    """What follows the account in the owner's ARN; the unique id of one who is gone."""
    if owner_id == account.id:
        return "root"
    entity = account[USERS].by_id.get(owner_id) or account[ROLES].by_id.get(owner_id)
    return owner_id if entity is None else entity.resource


def resources_if_there(credential: str) -> tuple[str, ...]:
    """Whose it could be, as `owner_resource` would have it, if nothing is so called."""
    resource = credential.split(":", 5)[-1]
    return (resource,) if "/" in resource else (f"user/{resource}", f"role/{resource}")


def _families(account: Account) -> tuple[tuple[HolderNoun, Users | Groups | Roles], ...]:
    return ("user", account[USERS]), ("group", account[GROUPS]), ("role", account[ROLES])


def _forms(account: Account, kind: HolderNoun, entity: PolicyHolder) -> tuple[str, str, str, str]:
    return entity.name, f"{kind}/{entity.name}", account.arn(entity.resource), entity.resource
