"""Accounts opened, listed and closed: acts of the operator, in the installation's ledger and in the account's own."""

import base64
import getpass
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from domain.account import Account
from domain.calls import ApiCalled, NewSecret
from domain.families.access_keys import AccessKeyCreated
from domain.foundation.events import Cause, Operator
from domain.foundation.identifiers import INSTALLATION, Random, new_account_id
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.installation import Installation, OpenedAccount
from domain.policy import PARTITION
from domain.rules import accounts
from domain.rules.aliases import create_account_alias
from services.ledger.committer import Committer
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates

T = TypeVar("T")


def operator_cause(operation: str, random: Random = secrets.token_bytes) -> Cause:
    """For what a person does at the server's own machine."""
    request_id = random(16).hex()
    return Cause(
        origin="operator",
        request_id=request_id,
        shared_id=request_id,
        service="muniment",
        operation=operation,
        operator=Operator(user=getpass.getuser(), host=socket.gethostname()),
    )


def _new_secret() -> Secret:
    return Secret(base64.b64encode(secrets.token_bytes(30)).decode("ascii"))


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that is wanted, and its first credential: a key of its administrator, or one of the root user with an
    id that was known beforehand."""

    account_id: str = field(default_factory=lambda: new_account_id(secrets.token_bytes))
    partition: accounts.Partition = PARTITION
    alias: str | None = None
    root_access_key_id: str | None = None
    secret: Secret = field(default_factory=_new_secret)

    def begin(
        self, installation: Installation, cause: Cause, random: Random
    ) -> tuple[AccessKeyCreated, list[LedgerAppend]]:
        """The key, and what is to be written. Raises ValidationError and EntityAlreadyExists."""
        founded = accounts.create_installation(installation, random)
        claims, own = accounts.open_account(installation, self.account_id, self.partition, random)
        if self.root_access_key_id is None:
            own += accounts.first_administrator(self.account_id, own, random)
            key = own[-1]
            assert isinstance(key, AccessKeyCreated)
        else:
            claimed, key = accounts.root_access_key(installation, self.account_id, self.root_access_key_id)
            claims += claimed
            own.append(key)
        if self.alias is not None:
            named, claimed_alias = create_account_alias(
                Account(self.account_id), installation, account_alias=self.alias
            )
            own += named
            claims += claimed_alias
        called = _call_record({"account_id": self.account_id, "partition": self.partition, "alias": self.alias})
        sealed = NewSecret(SecretId(SecretKind.ACCESS_KEY, key.access_key_id), key.user_id, self.secret)
        return key, [
            LedgerAppend(INSTALLATION, cause, [*founded, *claims, called]),
            LedgerAppend(self.account_id, cause, [*own, called], new_secrets=[sealed]),
        ]


def open_account(committer: Committer, opening: NewAccount) -> AccessKeyCreated:
    """The account is there when this returns, and the key can be used at once. Raises the refusals of `begin`."""
    accounts.refuse_bad_account_id(opening.account_id)  # Before a ledger of that name has been made room for.
    cause = operator_cause("CreateAccount")

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        return CallResult(*opening.begin(installation_in(values), cause, secrets.token_bytes))

    key: AccessKeyCreated = committer.decide(
        frozenset({INSTALLATION, opening.account_id}), decide, founding=True
    ).result
    return key


def close_account(committer: Committer, account_id: str) -> None:
    """Raises NoSuchEntity, and ValidationError for an account that is closed already."""
    cause = operator_cause("CloseAccount")

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        account = values[account_id]
        assert isinstance(account, Account)
        own, claims = accounts.close_account(account)
        called = _call_record({"account_id": account_id})
        return CallResult(
            None,
            [LedgerAppend(INSTALLATION, cause, [*claims, called]), LedgerAppend(account_id, cause, [*own, called])],
        )

    committer.decide(frozenset({INSTALLATION, account_id}), decide)


def list_accounts(committer: Committer) -> Mapping[str, OpenedAccount]:
    """By account id, closed ones too; none where nothing was founded yet."""
    return look_up(committer, "ListAccounts", lambda installation: installation.accounts)


def look_up(committer: Committer, operation: str, found: Callable[[Installation], T]) -> T:
    """What is found in the installation. That somebody looked is recorded, where there is one."""
    cause = operator_cause(operation)

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        installation = installation_in(values)
        looked = ApiCalled(read_only=True, parameters={})
        appends = [LedgerAppend(INSTALLATION, cause, [looked])] if installation.exists else []
        return CallResult(found(installation), appends)

    result: T = committer.decide(frozenset({INSTALLATION}), decide).result
    return result


def installation_in(values: LedgerStates) -> Installation:
    installation = values[INSTALLATION]
    assert isinstance(installation, Installation)
    return installation


def _call_record(parameters: Mapping[str, str | None]) -> ApiCalled:
    given = {name: value for name, value in parameters.items() if value is not None}
    return ApiCalled(read_only=False, parameters=given)
