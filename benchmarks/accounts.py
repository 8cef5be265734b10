"""Accounts to measure with, opened beside the running server as the operator would."""

import base64
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import botocore.session

from domain.calls import NewSecret
from domain.families.access_keys import AccessKeyCreated
from domain.foundation.identifiers import INSTALLATION, new_account_id
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.installation import Installation
from domain.rules.accounts import first_administrator, open_account
from services.accounts import operator_cause
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates
from services.ledger_runtime import LedgerRuntime
from services.managed_policies.catalogue import publish_catalogues
from services.secrets.master_key_file import provided_master_keys

PROJECTING_SECONDS_MAX = 10


@dataclass(frozen=True, slots=True)
class Account:
    """Its only user is an administrator, by a managed policy of a group, as in every account that muniment opens."""

    account_id: str
    access_key_id: str
    secret: Secret


def open_accounts(data: Path, count: int) -> list[Account]:
    """`data` is the data directory of a server that runs. Returns when the projections have seen the accounts, too."""
    publish_catalogues(None)
    ledger = LedgerRuntime(
        EmbeddedPostgres(resolve_directory(data / "postgres")), provided_master_keys(data / "master.key")
    )
    with ledger.running():
        return [_opened(ledger) for _ in range(count)]


def _opened(ledger: LedgerRuntime) -> Account:
    account_id = new_account_id(secrets.token_bytes)
    secret = Secret(base64.b64encode(secrets.token_bytes(30)).decode("ascii"))
    cause = operator_cause("CreateAccount", secrets.token_bytes)

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        installation = values[INSTALLATION]
        assert isinstance(installation, Installation)
        claims, beginning = open_account(installation, account_id, "aws", secrets.token_bytes)
        administrator = first_administrator(account_id, beginning, secrets.token_bytes)
        key = administrator[-1]
        assert isinstance(key, AccessKeyCreated)
        new_secret = NewSecret(SecretId(SecretKind.ACCESS_KEY, key.access_key_id), key.user_id, secret)
        return CallResult(
            key.access_key_id,
            [
                LedgerAppend(INSTALLATION, cause, claims),
                LedgerAppend(account_id, cause, [*beginning, *administrator], new_secrets=[new_secret]),
            ],
        )

    opened = ledger.committer.decide(frozenset({INSTALLATION, account_id}), decide, founding=True)
    for ledger_id, position in opened.positions.items():
        ledger.runner.wait(ledger_id, position, PROJECTING_SECONDS_MAX)
    return Account(account_id, opened.result, secret)


def create_role(endpoint: str, account: Account, role_name: str) -> None:
    """A role that trusts its own account."""
    client = botocore.session.Session().create_client(
        "iam",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id=account.access_key_id,
        aws_secret_access_key=account.secret.reveal(),
    )
    trusted = {"AWS": f"arn:aws:iam::{account.account_id}:root"}
    trust = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    client.create_role(RoleName=role_name, AssumeRolePolicyDocument=document)
