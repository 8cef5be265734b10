"""How ledgers begin: the installation's, an account's, and an account's first administrator."""

from collections.abc import Sequence
from typing import Literal

from domain.account import SCHEMA_VERSION, Account, AccountClosed, AccountCreated
from domain.families.access_keys import AccessKeyCreated
from domain.families.aliases import ACCOUNT_ALIAS
from domain.families.aws_managed_policies import Catalogue, published_catalogue
from domain.families.groups import GROUP, GroupCreated, UserAddedToGroup
from domain.families.policies import ManagedCatalogueAdopted, PolicyAttached
from domain.families.users import USER, UserCreated
from domain.foundation.errors import EntityAlreadyExists, NoSuchEntity, ValidationError
from domain.foundation.events import Change
from domain.foundation.identifiers import (
    ACCESS_KEY,
    ACCESS_KEY_ID,
    ACCOUNT_ID,
    INSTALLATION,
    SESSION_KEY,
    Random,
    account_of_access_key_id,
    new_access_key_id,
    new_unique_id,
)
from domain.installation import (
    AccessKeyIdClaimed,
    AccountOpened,
    AccountRetired,
    ActionCataloguePublished,
    Installation,
    InstallationFounded,
    ManagedCataloguePublished,
)
from domain.rules.aliases import delete_account_alias

Partition = Literal["aws", "aws-cn", "aws-us-gov"]
ADMINISTRATORS, ADMIN = "administrators", "admin"
ADMINISTRATOR_ACCESS = "AdministratorAccess"


def create_installation(installation: Installation, random: Random) -> list[Change]:
    """Nothing when it exists."""
    if installation.exists:
        return []
    return [InstallationFounded(ledger_id=random(16).hex(), schema_version=SCHEMA_VERSION)]


def refuse_bad_account_id(account_id: str) -> None:
    """Raises ValidationError."""
    if not ACCOUNT_ID.fullmatch(account_id):
        raise ValidationError(f"An account id is twelve digits; got {account_id!r}.")
    if account_id == INSTALLATION:
        raise ValidationError(f"The account id {INSTALLATION} is the installation's own.")


def open_account(
    installation: Installation, account_id: str, partition: Partition, random: Random
) -> tuple[list[Change], list[Change]]:
    """The events of the installation's ledger, and those with which the account's own begins. Root has no access key.

    Raises EntityAlreadyExists: an account id is never used again.
    """
    refuse_bad_account_id(account_id)
    if account_id in installation.accounts:
        raise EntityAlreadyExists(f"The account {account_id} already exists.")
    ledger_id = random(16).hex()
    catalogue = published_catalogue(partition)
    claims: list[Change] = [AccountOpened(opened_account_id=account_id, ledger_id=ledger_id)]
    if installation.managed_catalogue is None and not installation.accounts:
        claims += publish_managed_catalogue(installation, catalogue)
    # A command may have been given other policies than the servers have, whose catalogue is the one in use.
    digest = installation.managed_catalogue or catalogue.digest
    return claims, [
        AccountCreated(ledger_id=ledger_id, kind="live", partition=partition, schema_version=SCHEMA_VERSION),
        ManagedCatalogueAdopted(digest=digest, versions=(catalogue.named(ADMINISTRATOR_ACCESS),)),
    ]


def publish_managed_catalogue(installation: Installation, catalogue: Catalogue) -> list[Change]:
    """That every account has adopted it. Nothing when it is the one in use."""
    if installation.managed_catalogue == catalogue.digest:
        return []
    return [ManagedCataloguePublished(digest=catalogue.digest, policy_arns=tuple(catalogue.policies))]


def publish_action_catalogue(
    installation: Installation, *, digest: str, version: str, services: int, actions: int
) -> list[Change]:
    """Nothing when it is the one in use. Who goes back to an older program publishes the older catalogue again."""
    if installation.action_catalogue == digest:
        return []
    return [ActionCataloguePublished(digest=digest, version=version, services=services, actions=actions)]


def root_access_key(
    installation: Installation, account_id: str, access_key_id: str
) -> tuple[list[Change], AccessKeyCreated]:
    """A key of the root user with an id that was known beforehand: what the installation's ledger claims, and the key.

    Raises ValidationError for an id that no client could use, EntityAlreadyExists for one that is somebody else's.
    """
    if not ACCESS_KEY_ID.fullmatch(access_key_id):
        raise ValidationError(
            f"An access key id has 16 to 128 letters, digits and underscores, and is none of a session "
            f"({SESSION_KEY}…); got {access_key_id!r}."
        )
    claims: list[Change] = []
    carried = account_of_access_key_id(access_key_id)
    # An account may be opened after the id that carries its number was claimed for another.
    taken = access_key_id in installation.claimed_access_key_ids
    if taken or (carried != account_id and carried in installation.accounts):
        raise EntityAlreadyExists(f"The access key id {access_key_id} is another account's.")
    if carried != account_id:
        claims.append(AccessKeyIdClaimed(access_key_id=access_key_id, for_account_id=account_id))
    return claims, AccessKeyCreated(access_key_id=access_key_id, user_id=account_id, user_name=account_id)


def close_account(account: Account) -> tuple[Sequence[Change], Sequence[Change]]:
    """The events of the account and those of the installation. The alias is free again, the id never."""
    if not account.exists:
        raise NoSuchEntity(f"There is no account {account.id}.")
    if account.closed_at is not None:
        raise ValidationError(f"The account {account.id} was closed at {account.closed_at.isoformat()}.")
    alias = account[ACCOUNT_ALIAS]
    own, claims = ((), ()) if alias is None else delete_account_alias(account, account_alias=alias)
    return [*own, AccountClosed()], [*claims, AccountRetired(retired_account_id=account.id)]


def first_administrator(account_id: str, beginning: Sequence[Change], random: Random) -> list[Change]:
    """The user `admin`, who may do everything through the group `administrators`; the last event is its access key,
    whose secret the caller brings. `beginning` are the account's first events."""
    (administrator,) = (
        version
        for event in beginning
        if isinstance(event, ManagedCatalogueAdopted)
        for version in event.versions
        if version.policy_name == ADMINISTRATOR_ACCESS
    )
    group_id, user_id = new_unique_id(GROUP.id_prefix, random), new_unique_id(USER.id_prefix, random)
    access_key_id = new_access_key_id(ACCESS_KEY, account_id, random)
    return [
        GroupCreated(group_id=group_id, group_name=ADMINISTRATORS, path="/"),
        PolicyAttached(
            entity="group",
            entity_id=group_id,
            entity_name=ADMINISTRATORS,
            policy_id=administrator.policy_id,
            policy_arn=administrator.policy_arn,
        ),
        UserCreated(user_id=user_id, user_name=ADMIN, path="/"),
        UserAddedToGroup(group_id=group_id, group_name=ADMINISTRATORS, user_id=user_id, user_name=ADMIN),
        AccessKeyCreated(access_key_id=access_key_id, user_id=user_id, user_name=ADMIN),
    ]
