"""The organization set on the real database: for the installation and every account at once, or for nobody."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.account import Account
from domain.families.organization import (
    FULL_AWS_ACCESS,
    ORGANIZATION_MEMBERSHIP,
    RCP_FULL_AWS_ACCESS,
    Organization,
    OrganizationNode,
)
from domain.foundation.errors import NoSuchEntity
from domain.foundation.events import Entry
from domain.foundation.identifiers import INSTALLATION
from services.accounts import NewAccount, open_account
from services.ledger.database import Database
from services.ledger.pending_call import CallResult
from services.ledger_runtime import LedgerRuntime
from services.organization import OrganizationEffect, get_organization, remove_organization, set_organization
from services.secrets.master_key import MasterKey, MasterKeys
from tests.services.ledger import rounds
from tests.services.ledger.proxy import When, proxied

KEYS = MasterKeys(MasterKey(bytes(32)))
ACCOUNTS = ("111111111111", "222222222222", "333333333333")
FULL, RCP_FULL = (FULL_AWS_ACCESS.policy.id,), (RCP_FULL_AWS_ACCESS.policy.id,)


def organization(*account_ids: str) -> Organization:
    """All in the root, the first as management account."""
    root = OrganizationNode("root", "r-ab12", "Root", FULL, RCP_FULL)
    accounts = (
        OrganizationNode("account", account_id, account_id, FULL, RCP_FULL, root.id) for account_id in account_ids
    )
    policies = (FULL_AWS_ACCESS, RCP_FULL_AWS_ACCESS)
    return Organization("o-exampleorgid", account_ids[0], (root, *accounts), policies)


@pytest.fixture
def ledger(database: Database) -> Iterator[LedgerRuntime]:
    ledger = LedgerRuntime(database, KEYS)
    with ledger.recording():
        for account_id in ACCOUNTS:
            open_account(ledger.committer, NewAccount(account_id))
        yield ledger


def in_organizations(ledger: LedgerRuntime) -> list[bool]:
    """Of each account, whether it is in one."""
    values = ledger.committer.decide(frozenset(ACCOUNTS), lambda _values, _at: CallResult(None, [])).values
    accounts = [values[account_id] for account_id in ACCOUNTS]
    return [isinstance(account, Account) and account[ORGANIZATION_MEMBERSHIP] is not None for account in accounts]


def written(database: Database, account_id: str, before: int) -> list[tuple[str, str]]:
    """Operation and topic of what was appended behind a position."""
    entries: list[Entry] = rounds.ledger(database, account_id)[before:]
    return [(entry.cause.operation, entry.event.topic) for entry in entries]


def test_it_comes_and_goes_in_one_round(ledger: LedgerRuntime, database: Database) -> None:
    """One commit for all ledgers; the positions told are those of the changes; what does not change is not written
    to; an account that is left out leaves."""
    commits = rounds.commits(database)
    lengths = {account_id: len(rounds.ledger(database, account_id)) for account_id in ACCOUNTS}
    effects = set_organization(ledger.committer, organization(*ACCOUNTS[:2]))
    assert rounds.commits(database) == commits + 1
    assert effects == [OrganizationEffect(each, "joined", lengths[each] + 1) for each in ACCOUNTS[:2]]
    assert in_organizations(ledger) == [True, True, False]
    again = set_organization(ledger.committer, organization(*ACCOUNTS[:2]))
    assert again == [OrganizationEffect(each, "unchanged", None) for each in ACCOUNTS[:2]]
    moved = set_organization(ledger.committer, organization(ACCOUNTS[0], ACCOUNTS[2]))
    assert [(effect.account_id, effect.change) for effect in moved] == [
        (ACCOUNTS[0], "unchanged"),
        (ACCOUNTS[1], "left"),
        (ACCOUNTS[2], "joined"),
    ]
    assert get_organization(ledger.committer) == organization(ACCOUNTS[0], ACCOUNTS[2])
    assert [effect.change for effect in remove_organization(ledger.committer)] == ["left", "left"]
    assert get_organization(ledger.committer) is None
    assert in_organizations(ledger) == [False, False, False]
    assert written(database, ACCOUNTS[1], lengths[ACCOUNTS[1]]) == [
        ("SetOrganization", "account.organization_policies.applied.v1"),
        ("SetOrganization", "api.called.v1"),
        ("SetOrganization", "account.organization.left.v1"),
        ("SetOrganization", "api.called.v1"),
    ]
    assert [topic for _, topic in written(database, INSTALLATION, 0) if "organization" in topic] == [
        "installation.organization.set.v1",
        "installation.organization.set.v1",
        "installation.organization.removed.v1",
    ]


def test_one_account_that_is_not_there_keeps_all_out(ledger: LedgerRuntime) -> None:
    """Nothing of a refused file holds."""
    with pytest.raises(NoSuchEntity, match="There is no account 444444444444"):
        set_organization(ledger.committer, organization(*ACCOUNTS, "444444444444"))
    assert in_organizations(ledger) == [False, False, False]
    assert get_organization(ledger.committer) is None


def test_another_process_sees_it(ledger: LedgerRuntime, database: Database) -> None:
    """What one process has set, another one changes, with all accounts of the former tree."""
    set_organization(ledger.committer, organization(*ACCOUNTS))
    other = LedgerRuntime(database, KEYS)
    with other.recording():
        effects = set_organization(other.committer, organization(ACCOUNTS[0]))
    assert [effect.change for effect in effects] == ["unchanged", "left", "left"]
    assert in_organizations(ledger) == [True, False, False]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.usefixtures("ledger")
def test_a_connection_lost_at_the_commit(database: Database, when: When) -> None:
    """Before the commit or after it: once the act has returned it is in force for all, and was written once."""
    with proxied(database) as (proxy, distant):
        cut = LedgerRuntime(distant, KEYS)
        with cut.recording():
            wanted = organization(*ACCOUNTS)
            set_organization(cut.committer, replace(wanted, nodes=wanted.nodes[:2]))
            proxy.cut_at_commit(when, of=b"writer")
            effects = set_organization(cut.committer, wanted)
            assert not proxy._cuts
            assert [effect.change for effect in effects] == ["unchanged", "joined", "joined"]
            assert in_organizations(cut) == [True, True, True]
    topics = [entry.event.topic for entry in rounds.ledger(database, ACCOUNTS[2])]
    assert topics.count("account.organization_policies.applied.v1") == 1
