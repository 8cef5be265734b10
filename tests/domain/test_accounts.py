"""Accounts of one installation: what is claimed for them, and how they end."""

import random
from datetime import timedelta

import pytest

from domain.account import Account, CorruptLedger
from domain.callers import caller_of_key
from domain.families.aliases import ACCOUNT_ALIAS, AccountAliasCreated, AccountAliasDeleted
from domain.foundation.errors import EntityAlreadyExists, InvalidClientTokenId, NoSuchEntity, ValidationError
from domain.foundation.events import Change
from domain.foundation.identifiers import ACCESS_KEY, new_access_key_id
from domain.installation import AccessKeyIdClaimed, AccountOpened, AccountRetired, AliasClaimed, AliasReleased
from domain.rules import accounts, aliases
from tests.domain.accounts import ACCOUNT, AT, after, new_account
from tests.domain.test_founding import founded, with_changes

OTHER = "210987654321"
RANDOM = random.Random(0).randbytes  # noqa: S311  known beforehand, as a test's has to be
INSTALLATION = with_changes(
    founded(),
    AccountOpened(opened_account_id=ACCOUNT, ledger_id="1"),
    AccountOpened(opened_account_id=OTHER, ledger_id="2"),
)


@pytest.mark.parametrize("brought", ["brought_from_elsewhere", "AKIAIOSFODNN7EXAMPLE", "A" * 128])
def test_a_key_id_of_any_shape_is_claimed(brought: str) -> None:
    """Once, whoever asks; and it is the root user's."""
    claims, key = accounts.root_access_key(INSTALLATION, ACCOUNT, brought)
    assert claims == [AccessKeyIdClaimed(access_key_id=brought, for_account_id=ACCOUNT)]
    assert (key.access_key_id, key.user_id) == (brought, ACCOUNT)
    claimed = with_changes(INSTALLATION, *claims)
    for account_id in (ACCOUNT, OTHER):
        with pytest.raises(EntityAlreadyExists, match="is another account's"):
            accounts.root_access_key(claimed, account_id, brought)


def test_a_key_id_that_carries_its_account_needs_no_claim() -> None:
    """It tells whose it is; another account of this installation cannot have it."""
    own = new_access_key_id(ACCESS_KEY, ACCOUNT, RANDOM)
    assert accounts.root_access_key(INSTALLATION, ACCOUNT, own)[0] == []
    with pytest.raises(EntityAlreadyExists):
        accounts.root_access_key(INSTALLATION, OTHER, own)


def test_a_claimed_key_id_stays_claimed_when_the_account_that_it_carries_is_opened() -> None:
    """Else two accounts held one key id, and only the first of them could ever use it."""
    later = "999999999999"
    brought = new_access_key_id(ACCESS_KEY, later, RANDOM)
    claims, _ = accounts.root_access_key(INSTALLATION, OTHER, brought)
    claimed = with_changes(INSTALLATION, *claims)
    with pytest.raises(EntityAlreadyExists, match="is another account's"):
        accounts.root_access_key(claimed, later, brought)


@pytest.mark.parametrize(
    "bad", ["", "short", "A" * 129, "AKIA IOSFODNN7EXAMPLE", "AKIAÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ", "ASIA" + "A" * 16]
)
def test_no_access_key_id(bad: str) -> None:
    """What no client could send, or what would be taken for a session's."""
    with pytest.raises(ValidationError, match="16 to 128 letters, digits and underscores"):
        accounts.root_access_key(INSTALLATION, ACCOUNT, bad)


@pytest.mark.parametrize("bad", ["", "12345678901", "1234567890123", "12345678901x", "٣٣٣٣٣٣٣٣٣٣٣٣"])
def test_no_account_id(bad: str) -> None:
    """Twelve digits, and no others than ASCII's."""
    with pytest.raises(ValidationError, match="twelve digits"):
        accounts.open_account(INSTALLATION, bad, "aws", RANDOM)


def test_closing() -> None:
    """Every key is refused from there on, the alias is free again, the id is not; closing twice is refused."""
    key = new_access_key_id(ACCESS_KEY, ACCOUNT, RANDOM)
    _, created = accounts.root_access_key(INSTALLATION, ACCOUNT, key)
    own, claims = aliases.create_account_alias(new_account(), INSTALLATION, account_alias="first")
    account, installation = after(new_account(), created, *own), with_changes(INSTALLATION, *claims)
    assert caller_of_key(account, key).is_root
    closing, retiring = accounts.close_account(account)
    account = after(account, *closing, at=AT + timedelta(hours=1))
    installation = with_changes(installation, *retiring)
    with pytest.raises(InvalidClientTokenId):
        caller_of_key(account, key)
    assert account.closed_at == AT + timedelta(hours=1)
    assert installation.accounts[ACCOUNT].retired_at is not None
    assert "first" not in installation.aliases
    with pytest.raises(ValidationError, match=f"The account {ACCOUNT} was closed at 2026-01-31T13:00:00"):
        accounts.close_account(account)
    with pytest.raises(EntityAlreadyExists):
        accounts.open_account(installation, ACCOUNT, "aws", RANDOM)
    with pytest.raises(NoSuchEntity):
        accounts.close_account(Account(OTHER))


@pytest.mark.parametrize(
    "event",
    [
        AliasClaimed(account_alias="first", for_account_id=OTHER),
        AliasReleased(account_alias="first", for_account_id=OTHER),
        AliasReleased(account_alias="second", for_account_id=ACCOUNT),
        AccountRetired(retired_account_id="999999999999"),
        AccessKeyIdClaimed(access_key_id="brought_from_elsewhere", for_account_id=OTHER),
    ],
    ids=lambda event: type(event).__name__,
)
def test_claims_that_contradict_stop_the_installation(event: Change) -> None:
    """Taken twice, released by somebody else or before it was taken, an account that was never opened."""
    installation = with_changes(
        INSTALLATION,
        AliasClaimed(account_alias="first", for_account_id=ACCOUNT),
        AccessKeyIdClaimed(access_key_id="brought_from_elsewhere", for_account_id=ACCOUNT),
    )
    with pytest.raises(CorruptLedger, match="does not fit"):
        with_changes(installation, event)


def test_an_alias_that_is_not_there_cannot_be_deleted() -> None:
    """A ledger that says so is corrupt."""
    named = after(new_account(), AccountAliasCreated(account_alias="first"))
    assert named[ACCOUNT_ALIAS] == "first"
    with pytest.raises(CorruptLedger):
        after(named, AccountAliasDeleted(account_alias="second"))
