"""Accounts opened by two operators at the same time, on two processes' ledgers of one database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from domain.foundation.errors import EntityAlreadyExists
from domain.foundation.identifiers import INSTALLATION
from services.accounts import NewAccount, close_account, installation_in, list_accounts, open_account
from services.api.action_catalogue import CATALOGUE
from services.bootstrap import bootstrap, publish_catalogue
from services.ledger.database import Database
from services.ledger.pending_call import CallResult
from services.ledger_runtime import LedgerRuntime
from services.secrets.master_key import MasterKey, MasterKeys

KEYS = MasterKeys(MasterKey(bytes(32)))
ROUNDS = 5


@pytest.fixture
def ledgers(database: Database) -> Iterator[list[LedgerRuntime]]:
    with ExitStack() as stack:
        found = [LedgerRuntime(database, KEYS) for _ in range(2)]
        for ledger in found:
            stack.enter_context(ledger.recording())
        yield found


def opened(ledgers: list[LedgerRuntime], openings: list[NewAccount]) -> list[bool]:
    """Whether each got what it wanted, both asking at once."""
    start = Barrier(2)

    def ask(ledger: LedgerRuntime, opening: NewAccount) -> bool:
        start.wait()
        try:
            open_account(ledger.committer, opening)
        except EntityAlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(ask, ledgers, openings))


def test_a_profile_of_another_installation_is_put_aside(ledgers: list[LedgerRuntime], tmp_path: Path) -> None:
    """It may be the only place where a secret is written down. A start that opens no account leaves the file alone."""
    profile = tmp_path / "aws-profile"
    profile.write_text("the only secret")
    account_id = bootstrap(ledgers[0].committer, profile, "http://127.0.0.1:8420")
    written = profile.read_text()
    assert bootstrap(ledgers[1].committer, profile, "http://127.0.0.1:8420") is None
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "aws-profile": written,
        f"aws-profile.before-{account_id}": "the only secret",
    }


def test_one_gets_the_account_id(ledgers: list[LedgerRuntime]) -> None:
    """The other is refused, and its credential is none."""
    for number in range(ROUNDS):
        account_id = f"{number + 1:012d}"
        assert sorted(opened(ledgers, [NewAccount(account_id), NewAccount(account_id)])) == [False, True]
    assert len(list_accounts(ledgers[0].committer)) == ROUNDS


@pytest.mark.parametrize("claim", ["alias", "root_access_key_id"])
def test_one_gets_the_claim(ledgers: list[LedgerRuntime], claim: str) -> None:
    """Of two accounts that want the same alias or the same key id, one is opened; the other does not exist at all."""
    for number in range(ROUNDS):
        wanted: dict[str, Any] = {claim: f"wanted-{number}" if claim == "alias" else f"wanted_by_both_{number}"}
        assert sorted(opened(ledgers, [NewAccount(**wanted), NewAccount(**wanted)])) == [False, True]
    assert len(list_accounts(ledgers[1].committer)) == ROUNDS


def test_an_alias_is_free_when_its_account_is_closed(ledgers: list[LedgerRuntime]) -> None:
    """The other process sees it at once."""
    first, second = NewAccount(alias="mine"), NewAccount(alias="mine")
    open_account(ledgers[0].committer, first)
    with pytest.raises(EntityAlreadyExists):
        open_account(ledgers[1].committer, second)
    close_account(ledgers[0].committer, first.account_id)
    open_account(ledgers[1].committer, second)
    assert list_accounts(ledgers[0].committer)[second.account_id].alias == "mine"


def test_the_action_catalogue_is_published_once(ledgers: list[LedgerRuntime]) -> None:
    """By the first server that starts with it; the installation's ledger then says by which one it lints."""
    open_account(ledgers[0].committer, NewAccount())
    positions = []
    for ledger in ledgers:
        publish_catalogue(ledger.committer)
        installation = ledger.committer.decide(
            frozenset({INSTALLATION}), lambda values, _at: CallResult(installation_in(values), [])
        ).result
        assert installation.action_catalogue == CATALOGUE.digest
        positions.append(installation.position)
    assert positions[0] == positions[1]
