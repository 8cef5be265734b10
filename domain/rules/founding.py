"""How ledgers begin: the installation's, an account's, and an account's first administrator."""

from collections.abc import Sequence
from typing import Literal

from domain.access_keys import AccessKeyCreated
from domain.account import SCHEMA_VERSION, AccountCreated
from domain.errors import EntityAlreadyExists, ValidationError
from domain.events import Change
from domain.groups import GroupCreated, UserAddedToGroup
from domain.identifiers import ACCESS_KEY, GROUP, INSTALLATION, USER, Random, new_access_key_id, new_unique_id
from domain.installation import AccountOpened, Installation, InstallationFounded, ManagedCataloguePublished
from domain.managed_catalogue import catalogue
from domain.policies import ManagedCatalogueAdopted, PolicyAttached
from domain.users import UserCreated

Partition = Literal["aws", "aws-cn", "aws-us-gov"]
ADMINISTRATORS, ADMIN = "administrators", "admin"


def found_installation(installation: Installation, random: Random) -> list[Change]:
    """Nothing when it exists."""
    if installation.exists:
        return []
    return [InstallationFounded(ledger_id=random(16).hex(), schema_version=SCHEMA_VERSION)]


def open_account(
    installation: Installation, account_id: str, partition: Partition, random: Random
) -> tuple[list[Change], list[Change]]:
    """The events of the installation's ledger, and those with which the account's own begins. Root has no access key.

    Raises EntityAlreadyExists: an account id is never used again.
    """
    if account_id == INSTALLATION:
        raise ValidationError(f"The account id {INSTALLATION} is the installation's own.")
    if account_id in installation.accounts:
        raise EntityAlreadyExists(f"The account {account_id} already exists.")
    ledger_id = random(16).hex()
    digest, versions = catalogue(partition)
    claims: list[Change] = [AccountOpened(opened_account_id=account_id, ledger_id=ledger_id)]
    if digest not in installation.catalogues:
        arns = tuple(version.policy_arn for version in versions)
        claims.append(ManagedCataloguePublished(digest=digest, policy_arns=arns))
    return claims, [
        AccountCreated(ledger_id=ledger_id, kind="live", partition=partition, schema_version=SCHEMA_VERSION),
        ManagedCatalogueAdopted(digest=digest, versions=versions),
    ]


def first_administrator(account_id: str, beginning: Sequence[Change], random: Random) -> list[Change]:
    """The user `admin`, who may do everything through the group `administrators`; the last event is its access key,
    whose secret the caller brings. `beginning` are the account's first events."""
    (administrator,) = (
        version
        for event in beginning
        if isinstance(event, ManagedCatalogueAdopted)
        for version in event.versions
        if version.policy_name == "AdministratorAccess"
    )
    group_id, user_id = new_unique_id(GROUP, random), new_unique_id(USER, random)
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
