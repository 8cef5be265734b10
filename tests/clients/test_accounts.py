"""Several accounts in one installation, opened and closed beside the running server, and used by the stock command."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.server import Answer, Server, run, serving
from tests.places import place_for_data

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # AWS's example
BROUGHT = "AKIAIOSFODNN7EXAMPLE"
TRUSTING = (
    '{"Version":"2012-10-17","Statement":'
    '{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"123456789012"}}}'
)
MAY_ALL = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'


@dataclass(frozen=True)
class Keys:
    """Somebody with credentials for a server."""

    server: Server
    access_key_id: str
    secret: str
    token: str | None = None

    def aws(self, *words: str) -> Answer:
        return run(["aws", *words], self.server.credentials(self.access_key_id, self.secret, self.token))

    def answer(self, *words: str) -> Any:
        answer = self.aws(*words)
        assert answer.status == 0, answer.error
        return json.loads(answer.out) if answer.out else {}


def muniment(data: Path, *words: str, secret: str | None = None) -> Answer:
    environment = {} if secret is None else {"MUNIMENT_ROOT_SECRET_ACCESS_KEY": secret}
    return run(["muniment", *words, "--data", str(data)], environment)


def opened(server: Server, *words: str) -> tuple[str, Keys]:
    """A new account's id, and its first credential."""
    printed = muniment(server.data, "account", "create", *words)
    assert printed.status == 0, printed.error
    account = json.loads(printed.out)
    return account["AccountId"], Keys(server, account["AccessKeyId"], account["SecretAccessKey"])


@pytest.fixture(scope="module")
def brought() -> Iterator[Keys]:
    """The root user of an account that the command opened before any server ran, with a key known beforehand."""
    with place_for_data() as place:
        words = ("account", "create", "--account-id", "123456789012", "--root-access-key-id", BROUGHT)
        created = muniment(place / "data", *words, secret=SECRET)
        assert created.status == 0, created.error
        assert json.loads(created.out) == {
            "AccountId": "123456789012",
            "AccountAlias": None,
            "Arn": "arn:aws:iam::123456789012:root",
            "AccessKeyId": BROUGHT,
            "SecretAccessKey": SECRET,
        }
        with serving(place) as server:
            assert not (server.data / "aws-profile").exists()
            yield Keys(server, BROUGHT, SECRET)


def test_a_key_that_was_known_beforehand(brought: Keys) -> None:
    """The stock command uses it from the first call on, and is told whose it is."""
    assert brought.answer("sts", "get-caller-identity")["Arn"] == "arn:aws:iam::123456789012:root"
    wrong = Keys(brought.server, BROUGHT, "x" * 40).aws("iam", "list-users")
    assert "SignatureDoesNotMatch" in wrong.error
    unknown = Keys(brought.server, "brought_from_elsewhere", "x" * 40).aws("iam", "list-users")
    assert "InvalidClientTokenId" in unknown.error
    words = ("history", "--local", "--account-id", "123456789012", "--access-key-id", BROUGHT, "--output", "json")
    assert "SignatureDoesNotMatch" in muniment(brought.server.data, *words).out


def test_accounts_are_apart(brought: Keys) -> None:
    """The same name in both, and neither sees the other's."""
    _, other = opened(brought.server)
    for keys in (brought, other):
        keys.answer("iam", "create-user", "--user-name", "twin")
    ids = [keys.answer("iam", "get-user", "--user-name", "twin")["User"]["UserId"] for keys in (brought, other)]
    assert ids[0] != ids[1]
    brought.answer("iam", "delete-user", "--user-name", "twin")
    assert other.answer("iam", "get-user", "--user-name", "twin")["User"]["UserId"] == ids[1]


def test_an_account_of_another_partition(brought: Keys) -> None:
    """Its ARNs say so, and its clients sign for a region of that partition."""
    _, keys = opened(brought.server, "--partition", "aws-cn")
    here = brought.server.credentials(keys.access_key_id, keys.secret) | {"AWS_DEFAULT_REGION": "cn-north-1"}
    created = run(["aws", "iam", "create-user", "--user-name", "mei"], here)
    assert json.loads(created.out)["User"]["Arn"].startswith("arn:aws-cn:iam::"), created.error
    held = run(["aws", "iam", "list-policies", "--scope", "AWS", "--query", "Policies[].Arn"], here)
    assert {each.partition("policy/")[0] for each in json.loads(held.out)} == {"arn:aws-cn:iam::aws:"}, held.error


def test_an_alias_is_claimed_across_accounts(brought: Keys) -> None:
    """Whoever comes second is refused, by the command as by the API; the list shows who has it."""
    account_id, other = opened(brought.server, "--alias", "taken")
    assert "EntityAlreadyExists" in brought.aws("iam", "create-account-alias", "--account-alias", "taken").error
    second = muniment(brought.server.data, "account", "create", "--alias", "taken")
    assert (second.status, second.out) == (1, "")
    assert "EntityAlreadyExists: The account alias taken already exists." in second.error
    assert other.answer("iam", "list-account-aliases") == {"AccountAliases": ["taken"]}
    listed = muniment(brought.server.data, "account", "list", "--output", "json")
    aliases = {row["account_id"]: row["alias"] for row in map(json.loads, listed.out.splitlines())}
    assert aliases[account_id] == "taken"


def test_a_role_across_accounts(brought: Keys) -> None:
    """Both sides must allow; the refusal and the success stand in both histories under the same shared ids."""
    account_id, other = opened(brought.server)
    role = f"arn:aws:iam::{account_id}:role/ops"
    other.answer("iam", "create-role", "--role-name", "ops", "--assume-role-policy-document", TRUSTING)
    brought.answer("iam", "create-user", "--user-name", "ann")
    made = brought.answer("iam", "create-access-key", "--user-name", "ann")["AccessKey"]
    ann = Keys(brought.server, made["AccessKeyId"], made["SecretAccessKey"])
    assume = ("sts", "assume-role", "--role-arn", role, "--role-session-name", "night")
    assert "AccessDenied" in ann.aws(*assume).error
    brought.answer("iam", "put-user-policy", "--user-name", "ann", "--policy-name", "p", "--policy-document", MAY_ALL)
    session = ann.answer(*assume)["Credentials"]
    inside = Keys(brought.server, session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    assert inside.answer("sts", "get-caller-identity")["Account"] == account_id
    shared = []
    for account in ("123456789012", account_id):
        words = ("history", "--local", "--account-id", account, "--operation", "AssumeRole", "--output", "json")
        calls = [json.loads(line) for line in muniment(brought.server.data, *words).out.splitlines()]
        shared.append([(call["shared_id"], call["error_code"]) for call in calls])
    assert shared[0] == shared[1]
    assert [code for _, code in shared[0]] == ["AccessDenied", None]


def test_a_closed_account(brought: Keys) -> None:
    """Its keys and sessions are refused in the next call; the operator can still read what happened there."""
    account_id, other = opened(brought.server)
    token = other.answer("sts", "get-session-token")["Credentials"]
    session = Keys(brought.server, token["AccessKeyId"], token["SecretAccessKey"], token["SessionToken"])
    assert session.aws("sts", "get-caller-identity").status == 0
    unasked = muniment(brought.server.data, "account", "close", account_id)
    assert (unasked.status, other.aws("sts", "get-caller-identity").status) == (2, 0)
    assert muniment(brought.server.data, "account", "close", account_id, "--yes").status == 0
    for keys in (other, session):
        assert "InvalidClientTokenId" in keys.aws("sts", "get-caller-identity").error
    again = muniment(brought.server.data, "account", "close", account_id, "--yes")
    assert (again.status, "was closed at" in again.error) == (1, True)
    words = ("history", "--local", "--account-id", account_id, "--operation", "CloseAccount")
    assert "muniment:CloseAccount" in muniment(brought.server.data, *words).out


@pytest.mark.parametrize(
    ("words", "secret", "status", "said"),
    [
        (("--account-id", "123456789012"), None, 1, "EntityAlreadyExists: The account 123456789012 already exists."),
        (("--account-id", "12"), None, 1, "ValidationError: An account id is twelve digits; got '12'."),
        (("--root-access-key-id", BROUGHT), SECRET, 1, "is another account's"),
        (("--root-access-key-id", "ASIAAAAAAAAAAAAAAAAA"), SECRET, 1, "is none of a session"),
        ((), SECRET, 2, "Name it with --root-access-key-id"),
        (("--root-access-key-id", "x" * 20), "sh ort" * 5, 2, "printable ASCII characters without spaces"),
    ],
)
def test_what_cannot_be_opened(
    brought: Keys, words: tuple[str, ...], secret: str | None, status: int, said: str
) -> None:
    """Nothing is printed that could be taken for a credential, and nothing is opened."""
    before = muniment(brought.server.data, "account", "list", "--output", "json").out
    refused = muniment(brought.server.data, "account", "create", *words, secret=secret)
    assert (refused.status, refused.out) == (status, "")
    assert said in refused.error
    assert muniment(brought.server.data, "account", "list", "--output", "json").out == before


def test_another_master_key_opens_no_account(brought: Keys) -> None:
    """What it would seal, the server could not open."""
    other = {"MUNIMENT_MASTER_KEY": "A" * 43 + "="}
    refused = run(["muniment", "account", "create", "--data", str(brought.server.data)], other)
    assert (refused.status, refused.out) == (1, "")
    assert "are sealed under the master key" in refused.error
