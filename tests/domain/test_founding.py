"""How ledgers begin, and the installation's ledger, in which what is unique across accounts is claimed."""

import random

import pytest

from domain.account import Account, CorruptLedger, evolve
from domain.families.access_keys import ACCESS_KEYS
from domain.families.groups import GROUP
from domain.families.policies import MANAGED_CATALOGUE, MANAGED_POLICIES
from domain.families.users import USERS, UserCreated
from domain.foundation.errors import EntityAlreadyExists, ValidationError
from domain.foundation.events import Change, Entry
from domain.foundation.identifiers import INSTALLATION, account_of_access_key_id
from domain.installation import AccountOpened, Installation, InstallationFounded, ManagedCataloguePublished
from domain.installation import evolve as evolve_installation
from domain.ledger_state import empty
from domain.policy import PolicyType, parse
from domain.rules import accounts, groups, policy_holders
from tests.domain.accounts import ACCOUNT, AT, CAUSE, after

RANDOM = random.Random(0).randbytes  # noqa: S311  known beforehand, as a test's has to be


def with_changes(installation: Installation, *events: Change) -> Installation:
    for event in events:
        entry = Entry(INSTALLATION, installation.position + 1, "e", AT, CAUSE, event)
        installation = evolve_installation(installation, entry)
    return installation


def founded() -> Installation:
    return with_changes(Installation(), *accounts.create_installation(Installation(), RANDOM))


def test_an_installation_is_founded_once() -> None:
    """The second time there is nothing to do."""
    installation = founded()
    assert installation.exists
    assert len(installation.ledger_id) == 32
    assert accounts.create_installation(installation, RANDOM) == []


def test_an_account_id_is_taken_for_ever() -> None:
    """A second account of the same id is refused; so is the installation's own id."""
    claims, _ = accounts.open_account(founded(), ACCOUNT, "aws", RANDOM)
    installation = with_changes(founded(), *claims)
    with pytest.raises(EntityAlreadyExists, match=f"The account {ACCOUNT} already exists"):
        accounts.open_account(installation, ACCOUNT, "aws", RANDOM)
    with pytest.raises(ValidationError, match="the installation's own"):
        accounts.open_account(installation, INSTALLATION, "aws", RANDOM)


def test_the_newest_action_catalogue_is_in_use() -> None:
    """It is published once, unless another one came between."""

    def published(installation: Installation, digest: str) -> list[Change]:
        return accounts.publish_action_catalogue(installation, digest=digest, version="1", services=2, actions=3)

    installation = founded()
    assert installation.action_catalogue is None
    for digest in ("older", "newer", "older"):
        installation = with_changes(installation, *published(installation, digest))
        assert installation.action_catalogue == digest
        assert published(installation, digest) == []


def test_a_catalogue_is_published_once() -> None:
    """Every account adopts the same catalogue, with the ARNs of its own partition."""
    installation = founded()
    published = 0
    wanted: list[tuple[str, accounts.Partition]] = [
        ("111111111111", "aws"),
        ("222222222222", "aws"),
        ("333333333333", "aws-cn"),
    ]
    for account_id, partition in wanted:
        claims, beginning = accounts.open_account(installation, account_id, partition, RANDOM)
        installation = with_changes(installation, *claims)
        published += sum(isinstance(claim, ManagedCataloguePublished) for claim in claims)
        account = after(Account(account_id), *beginning)
        assert account.partition == partition
        assert account.ledger_id == installation.accounts[account_id].ledger_id
        assert f"arn:{partition}:iam::aws:policy/AdministratorAccess" in account[MANAGED_POLICIES]
        assert account[MANAGED_CATALOGUE] == installation.managed_catalogue
    assert published == len(installation.catalogues) == 1


def test_the_first_administrator() -> None:
    """The user admin with one key of this account, and through the group administrators the policy that allows all."""
    _, beginning = accounts.open_account(founded(), ACCOUNT, "aws", RANDOM)
    account = after(Account(ACCOUNT), *beginning, *accounts.first_administrator(ACCOUNT, beginning, RANDOM))
    admin = account[USERS].named("admin")
    (key,) = account[ACCESS_KEYS].of(admin.id)
    assert account_of_access_key_id(key.id) == ACCOUNT
    (group,) = groups.groups_of(account, admin.id)
    (policy,) = policy_holders.attached(account, GROUP, group.name)
    assert policy.arn == "arn:aws:iam::aws:policy/AdministratorAccess"
    assert account[ACCESS_KEYS].of(account.id) == []


def test_the_catalogue_is_made_of_policies() -> None:
    """Each document parses as what it will be evaluated as."""
    _, beginning = accounts.open_account(founded(), ACCOUNT, "aws", RANDOM)
    for policy in after(Account(ACCOUNT), *beginning)[MANAGED_POLICIES].values():
        assert policy.is_aws_managed
        parse(policy.default.document, PolicyType.IDENTITY)


@pytest.mark.parametrize(
    "event",
    [
        InstallationFounded(ledger_id="l", schema_version=1),
        AccountOpened(opened_account_id=ACCOUNT, ledger_id="l"),
        UserCreated(user_id="AIDAann", user_name="ann", path="/"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_impossible_events_stop_the_installation(event: Change) -> None:
    """Founded twice, an account opened twice, an account's event: corruption."""
    installation = with_changes(founded(), AccountOpened(opened_account_id=ACCOUNT, ledger_id="l"))
    with pytest.raises(CorruptLedger, match="Installation"):
        with_changes(installation, event)


def test_its_ledger_begins_with_its_foundation() -> None:
    """Nothing comes before it, and no position comes twice."""
    with pytest.raises(CorruptLedger, match="InstallationFounded is the first event"):
        with_changes(Installation(), AccountOpened(opened_account_id=ACCOUNT, ledger_id="l"))
    with pytest.raises(CorruptLedger, match="position 1 comes after 1"):
        evolve_installation(
            founded(), Entry(INSTALLATION, 1, "e", AT, CAUSE, AccountOpened(opened_account_id=ACCOUNT, ledger_id="l"))
        )


def test_what_a_ledger_folds_into() -> None:
    """The account id decides; each refuses the other's events."""
    assert isinstance(empty(INSTALLATION), Installation)
    assert empty(ACCOUNT) == Account(ACCOUNT)
    with pytest.raises(CorruptLedger):
        evolve(
            Account(ACCOUNT), Entry(ACCOUNT, 1, "e", AT, CAUSE, InstallationFounded(ledger_id="l", schema_version=1))
        )
