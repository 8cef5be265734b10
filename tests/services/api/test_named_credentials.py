"""A credential is authorised by whose it is, however it is called; and refusals tell no more than was asked."""

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from botocore.credentials import Credentials as Keys

from services.accounts import NewAccount, open_account
from services.api.contract.question import CREDENTIAL_RESOURCE
from services.api.contract.questions import QUESTIONS
from tests.services.api.in_process_server import InProcessServer, Reply
from tests.services.api.test_explaining import assumes

ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ABOUT_CREDENTIALS = [question for question in QUESTIONS if question.resource == CREDENTIAL_RESOURCE]
WHAT_IS_NOT_THERE = {"ReleaseLineage", "RecordKeyHandover", "AdvanceKeyRotation", "StopKeyRotation"}
HANDOVER = {"new_access_key_id": "AKIA" + "A" * 16, "to": "file"}
KEYS_OF_ANYBODY = {"Effect": "Allow", "Action": "iam:*AccessKey", "Resource": "*"}
ACTIONS = [f"muniment:{question.__name__}" for question in ABOUT_CREDENTIALS]


def ask(house: InProcessServer, operation: str, credential: str, keys: Keys, **more: object) -> Reply:
    (question,) = (each for each in ABOUT_CREDENTIALS if each.__name__ == operation)
    if question.method == "POST":
        body = {"credential": credential, "dry_run": True, **HANDOVER, **more}
        body = {name: value for name, value in body.items() if name in question.model_fields}
        return house.asks(question.path, keys=keys, method="POST", body=json.dumps(body).encode())
    return house.asks(question.path.format(credential=quote(credential, safe="")), keys=keys)


def about(house: InProcessServer, owner: str, effect: str = "Deny") -> Mapping[str, object]:
    return {"Effect": effect, "Action": ACTIONS, "Resource": f"arn:aws:muniment::{house.account_id}:credential/{owner}"}


@pytest.fixture
def spellings(house: InProcessServer) -> list[str]:
    """Of one user, /safe/Secret: by all ids and names that it or its credentials have, and had."""
    former = house.user("former", {**ANYTHING, "Action": "sts:*"})
    session_id, session = house.session(former)
    moved = {"UserName": "former", "NewUserName": "Secret", "NewPath": "/safe/"}
    assert house.aws_does("iam", "UpdateUser", **moved)[0] == 200
    unique_id = house.asks("/v1/permissions/Secret").body["entity_id"]
    arn = f"arn:aws:iam::{house.account_id}:user/safe/Secret"
    names = ["Secret", "secret", "SECRET", "user/secret", "user/safe/Secret", arn, "former", unique_id]
    return [*names, former.access_key, session_id, session.access_key]


@pytest.mark.parametrize("operation", [question.__name__ for question in ABOUT_CREDENTIALS])
def test_a_deny_holds_however_the_credential_is_called(
    house: InProcessServer, spellings: list[str], operation: str
) -> None:
    """Whoever is denied a user's credentials is refused by every name of them, in the words of the question, and it is
    recorded and nothing else. Whoever is allowed that user's alone is answered by every name, and of others, there or
    not, learns nothing."""
    denied = house.user("denied", ANYTHING, about(house, "user/safe/Secret"))
    allowed = house.user("allowed", about(house, "user/safe/Secret", "Allow"), KEYS_OF_ANYBODY)
    resource = f"arn:aws:muniment::{house.account_id}:credential"
    before = house.asks("/v1/credentials").position
    assert before is not None
    for position, spelling in enumerate(spellings, before + 1):
        told = ask(house, operation, spelling, denied, dry_run=False)
        assert told.error[0] == "AccessDenied", spelling
        assert f"on resource: {resource}/{spelling} with an explicit deny" in told.error[1]
        # The first call of a key is its first use, too.
        assert told.position == position + 1
    # Nothing of it is contained that could be released, and no rotation of its keys is under way.
    expected = 404 if operation in WHAT_IS_NOT_THERE else 200
    # A rotation is of a user as it is called now.
    answered = {expected, 404} if operation == "StartKeyRotation" else {expected}
    for spelling in spellings:
        assert ask(house, operation, spelling, allowed).status in answered, spelling
    for other in ("admin", "nobody", house.admin.access_key, "AKIA" + "A" * 16, "SESN" + "A" * 17):
        told = ask(house, operation, other, allowed)
        sentence = f"on resource: {resource}/{other} because no identity-based policy allows the muniment:{operation} "
        assert told.error[0] == "AccessDenied"
        assert sentence in told.error[1]
    assert ask(house, operation, "admin", denied, include_self=True).status == expected
    assert ask(house, operation, "nobody", denied).error[0] == "NoSuchEntity"


def test_a_deny_of_a_role_holds_for_its_sessions(house: InProcessServer) -> None:
    """By the session's id, key or ARN, the role's name, and what remains of it when it is gone: the unique id."""
    trust = {"Effect": "Allow", "Principal": {"AWS": house.account_id}, "Action": "sts:AssumeRole"}
    role = {"RoleName": "Deployer", "Path": "/ops/"}
    made = house.aws_does("iam", "CreateRole", **role, AssumeRolePolicyDocument=json.dumps({"Statement": trust}))
    assert made[0] == 200
    session, _ = assumes(house, house.admin, f"arn:aws:iam::{house.account_id}:role/ops/Deployer")
    (row,) = house.asks("/v1/sessions?limit=1000").body["sessions"]
    role_id = row["entity_id"]
    denied = house.user("denied", ANYTHING, about(house, "role/ops/Deployer"), about(house, role_id))
    spellings = ["deployer", "role/Deployer", row["session_id"], row["access_key_id"], row["principal_arn"], role_id]
    assert session.access_key == row["access_key_id"]
    for there in (True, False):
        for spelling in spellings:
            assert ask(house, "TraceCredential", spelling, denied).error[0] == "AccessDenied", (spelling, there)
        if there:
            assert house.aws_does("iam", "DeleteRole", RoleName="Deployer")[0] == 200


def test_of_the_past_it_is_whose_it_was(house: InProcessServer) -> None:
    """A name of then is whoever had it then, and judged by what that one is called now."""
    house.user("ann")
    then = house.asks("/v1/credentials").position
    assert house.aws_does("iam", "UpdateUser", UserName="ann", NewUserName="secret")[0] == 200
    house.user("ann")
    denied = house.user("denied", ANYTHING, about(house, "user/secret"))
    allowed = house.user("allowed", ANYTHING, about(house, "user/ann"))
    past = f"/v1/lineage/ann?as_of=p{then}"
    assert house.asks(past, keys=denied).error[0] == "AccessDenied"
    assert house.asks(past, keys=allowed).body["nodes"][0]["name"] == "ann"
    assert house.asks("/v1/lineage/ann", keys=denied).status == 200
    assert house.asks("/v1/lineage/ann", keys=allowed).error[0] == "AccessDenied"


def test_who_may_not_list_is_told_no_names(house: InProcessServer) -> None:
    """What there is that is called alike is told to those alone who may list all that there is; also with a refusal
    in the round."""
    house.user("secret")
    asking = house.user("asking", {**ANYTHING, "Action": "muniment:*"})
    for path in (
        "permissions/secre",
        "permissions/secre/held?since=p1",
        "trace/secre",
        "least-privilege/secre?since=p1",
    ):
        told, to_admin = house.asks(f"/v1/{path}", keys=asking), house.asks(f"/v1/{path}")
        assert told.error[0] == to_admin.error[0] == "NoSuchEntity", path
        assert "secret" not in told.error[1]
        assert to_admin.error[1].endswith(" The nearest is secret.")
    assert "The nearest is" not in ask(house, "Contain", "secre", asking).error[1]
    assert "The nearest is secret" in ask(house, "Contain", "secre", house.admin).error[1]


@pytest.mark.parametrize("named", ["secret", "SECRET", "nobody"])
def test_a_refusal_of_aws_tells_what_was_asked(house: InProcessServer, named: str) -> None:
    """Not how the name is really written, nor the path, nor whether there is such a user at all, nor whose a key is."""
    assert house.aws_does("iam", "CreateUser", UserName="Secret", Path="/safe/")[0] == 200
    powerless = house.user("powerless")
    for action, more in (("GetUser", {}), ("UpdateUser", {"NewUserName": "x"}), ("CreateAccessKey", {})):
        status, said = house.aws_does("iam", action, keys=powerless, UserName=named, **more)
        assert status == 403
        assert f"iam:{action} on resource: arn:aws:iam::{house.account_id}:user/{named} because" in said
    told = [
        house.aws_does("iam", "GetAccessKeyLastUsed", keys=powerless, AccessKeyId=key)[1].partition("<RequestId>")[0]
        for key in (house.admin.access_key, "AKIA" + "A" * 16)
    ]
    assert told[0] == told[1]


def test_assuming_a_role_takes_the_same_work_whether_there_is_such_an_account(
    house: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused, in an account and in none: the same rounds by the same thread, with the same statements in the same
    order and as many entries written."""
    house.ledger.committer.deliver_through(lambda answer: answer())
    other = NewAccount()
    open_account(house.ledger.committer, other)
    statements: list[tuple[str, object, int]] = []
    execute = psycopg.Cursor.execute

    def counted(cursor: psycopg.Cursor, query: str, *arguments: Any, **options: Any) -> psycopg.Cursor:
        if (thread := threading.current_thread().name) in {"muniment-rounds", "muniment-patience", "muniment-loading"}:
            given = arguments[0] if arguments else None
            accounts = given.get("accounts") if isinstance(given, dict) else None
            statements.append((thread, query, 0 if accounts is None else len(accounts.content)))
        return execute(cursor, query, *arguments, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    taken = []
    for account_id in (other.account_id, "999999999999") * 2:
        statements.clear()
        arn = f"arn:aws:iam::{account_id}:role/nobody"
        status, said = house.aws_does("sts", "AssumeRole", RoleArn=arn, RoleSessionName="any")
        assert (status, f"on resource: {arn} because no role trust policy" in said) == (403, True)
        taken.append(tuple(statements))
    assert len(taken[2]) > 2
    assert taken[2] == taken[3]
