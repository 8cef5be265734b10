"""A start with other managed policies: every account adopts them, once, wherever the last start was broken off."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.account import Account
from domain.families.aws_managed_policies import published_catalogue
from domain.families.policies import MANAGED_CATALOGUE
from domain.foundation.identifiers import INSTALLATION
from domain.installation import Installation
from services.accounts import NewAccount, open_account
from services.bootstrap import adopt_managed_policies
from services.ledger.committer import Committer
from services.ledger.database import Database
from services.ledger.pending_call import CallResult
from services.ledger_runtime import LedgerRuntime
from services.managed_policies.catalogue import publish_catalogues
from services.secrets.master_key import KEY_BYTES, MasterKey, MasterKeys

ACCOUNTS = ("111111111111", "222222222222")


@pytest.fixture
def ledger(database: Database) -> Iterator[LedgerRuntime]:
    ledger = LedgerRuntime(database, MasterKeys(MasterKey(secrets.token_bytes(KEY_BYTES))))
    with ledger.running():
        for account_id in ACCOUNTS:
            open_account(ledger.committer, NewAccount(account_id))
        yield ledger
    publish_catalogues(None)


def _catalogues(ledger: LedgerRuntime) -> dict[str, str | None]:
    """The digest that each ledger names."""

    def read(values: object, _at: object) -> CallResult:
        assert isinstance(values, dict)
        return CallResult(dict(values), [])

    found = {}
    for ledger_id in (INSTALLATION, *ACCOUNTS):
        value = ledger.committer.decide(frozenset({ledger_id}), read).result[ledger_id]
        assert isinstance(value, Account | Installation)
        found[ledger_id] = value[MANAGED_CATALOGUE] if isinstance(value, Account) else value.managed_catalogue
    return found


class _BreaksOff:
    """A committer whose process dies before the decision of this number."""

    def __init__(self, committer: Committer, number: int) -> None:
        self._committer, self._left = committer, number

    def decide(self, *args: object) -> object:
        self._left -= 1
        if self._left < 0:
            raise ConnectionError
        return self._committer.decide(*args)  # type: ignore[arg-type]


@pytest.mark.parametrize("decisions", [1, 2, 3])
def test_every_account_adopts_another_catalogue(ledger: LedgerRuntime, tmp_path: Path, decisions: int) -> None:
    """The installation says so last, so that the next start goes on; the one after that has nothing to do."""
    former = published_catalogue("aws").digest
    assert set(_catalogues(ledger).values()) == {former}
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}
    version = {"VersionId": "v1", "CreateDate": "2026-01-01T00:00:00Z", "Document": document}
    policy = {"PolicyName": "Readers", "PolicyId": "ANPAEXAMPLEREADERS", "Path": "/", "Description": "Reads."}
    more = {"CreateDate": "2026-01-01T00:00:00Z", "Versions": [version]}
    (tmp_path / "readers.json").write_text(json.dumps(policy | more))
    publish_catalogues(tmp_path)
    with pytest.raises(ConnectionError):
        adopt_managed_policies(_BreaksOff(ledger.committer, decisions))  # type: ignore[arg-type]
    assert _catalogues(ledger)[INSTALLATION] == former
    adopt_managed_policies(ledger.committer)
    assert set(_catalogues(ledger).values()) == {published_catalogue("aws").digest} != {former}
    adopt_managed_policies(_BreaksOff(ledger.committer, 1))  # type: ignore[arg-type]
