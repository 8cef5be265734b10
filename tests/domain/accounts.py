"""Accounts for the tests of the rules: folded from events, as the real ones are."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from domain.account import Account, AccountCreated, evolve
from domain.families.aws_managed_policies import published_catalogue
from domain.families.groups import GroupCreated
from domain.families.policies import ManagedCatalogueAdopted
from domain.families.users import UserCreated
from domain.foundation.events import Cause, Change, Entry
from domain.rules import policies, roles

ACCOUNT = "123456789012"
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
CAUSE = Cause(origin="api", request_id="r", shared_id="r", service="iam", operation="Any")
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def after(account: Account, *events: Change, at: datetime = AT) -> Account:
    """The account when these have happened too."""
    for event in events:
        account = evolve(account, Entry(account.id, account.position + 1, "e", at, CAUSE, event))
    return account


def new_account() -> Account:
    catalogue = published_catalogue("aws")
    used = ("AdministratorAccess", "IAMFullAccess", "IAMReadOnlyAccess")
    return after(
        Account(ACCOUNT),
        AccountCreated(ledger_id="l", kind="live", partition="aws", schema_version=1),
        ManagedCatalogueAdopted(digest=catalogue.digest, versions=tuple(map(catalogue.named, used))),
    )


def with_users(account: Account, *names: str, path: str = "/") -> Account:
    """The unique id of each is AIDA and its name, and so on for the other kinds."""
    return after(account, *(UserCreated(user_id=f"AIDA{name}", user_name=name, path=path) for name in names))


def with_groups(account: Account, *names: str) -> Account:
    return after(account, *(GroupCreated(group_id=f"AGPA{name}", group_name=name, path="/") for name in names))


def with_role(account: Account, name: str, trust_policy: str | None = None, *, path: str = "/") -> Account:
    created = roles.create_role(
        account,
        role_id=f"AROA{name}",
        role_name=name,
        path=path,
        description=None,
        session_seconds_max=3_600,
        trust_policy=trusting(ACCOUNT) if trust_policy is None else trust_policy,
    )
    return after(account, created)


def with_policies(account: Account, *names: str, document: str = ALLOW_ALL) -> Account:
    for name in names:
        created = policies.create_policy(
            account, policy_id=f"ANPA{name}", policy_name=name, path="/", description=None, document=document
        )
        account = after(account, created)
    return account


def oidc_arn(name: object) -> str:
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/p{name}.example.com"


def saml_arn(name: object) -> str:
    return f"arn:aws:iam::{ACCOUNT}:saml-provider/p{name}"


def mfa_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:mfa/{name}"


def analyzer_arn(name: object) -> str:
    return f"arn:aws:access-analyzer:eu-central-1:{ACCOUNT}:analyzer/a{name}"


def policy_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:policy/{name}"


def user_arn(name: str, path: str = "/") -> str:
    return f"arn:aws:iam::{ACCOUNT}:user{path}{name}"


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def trusting(*principals: str, **elements: object) -> str:
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principals}, **elements})


def document(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def document_of(characters: int) -> str:
    """A policy of just that length, white space not counted."""
    short = document({"Sid": "", "Effect": "Allow", "Action": "*", "Resource": "*"}).replace(" ", "")
    return short.replace('"Sid":""', f'"Sid":"{"a" * (characters - len(short))}"')


def names(entities: Sequence[object]) -> list[str]:
    return [getattr(entity, "name", "") for entity in entities]
