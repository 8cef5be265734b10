"""Why a call was allowed or denied: made again from the ledger, as the native API tells it."""

import json
from typing import Any

import psycopg
import pytest
from botocore.credentials import Credentials as Keys

from services.accounts import NewAccount, open_account
from services.ledger import reevaluation
from services.ledger.database import Database, connect
from tests.services.api.in_process_server import InProcessServer, signed_form

LIST = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Sid": "Look"}
AT_NIGHT = {
    "Effect": "Deny",
    "Action": "iam:List*",
    "Resource": "*",
    "Condition": {"StringEquals": {"aws:UserAgent": "night"}, "Null": {"aws:SourceIdentity": "false"}},
}


def calls(house: InProcessServer, keys: Keys, action: str = "ListUsers", service: str = "iam", **members: str) -> str:
    """The request id of a call."""
    return house.answer(signed_form(service, action, keys, **members), house.aws).request_id


def explained(house: InProcessServer, request_id: str) -> dict[str, Any]:
    told = house.asks(f"/v1/decisions/{request_id}")
    assert told.status == 200, told.body
    return told.body


def test_an_allowed_call(house: InProcessServer) -> None:
    """What decided, which statements applied, the first element of the others that did not match, and the condition
    keys that policies asked for."""
    alice = house.user("alice", LIST, AT_NIGHT)
    request_id = calls(house, alice)
    told = explained(house, request_id)
    arn = f"arn:aws:iam::{house.account_id}:user/"
    assert (told["request_id"], told["operation"], told["error_code"]) == (request_id, "ListUsers", None)
    assert told["principal_arn"] == f"{arn}alice"
    (decision,) = told["decisions"]
    assert (decision["action"], decision["resource"]) == ("iam:ListUsers", arn)
    assert decision["agrees"]
    assert (decision["recorded_result"], decision["result"], decision["layer"]) == ("allowed", "allowed", "identity")
    looking, denying = decision["statements"]
    assert (looking["sid"], looking["effect"], looking["applies"], looking["mismatch"]) == ("Look", "Allow", True, None)
    assert decision["verdict"] == "allowed by the identity-based policy inline of user/alice statement 0 (Look)"
    assert (denying["index"], denying["applies"]) == (1, False)
    assert denying["mismatch"] == {"element": "StringEquals aws:UserAgent", "had": [], "wanted": ["night"]}
    assert (decision["context"], decision["missing_keys"]) == ({}, ["aws:UserAgent", "aws:SourceIdentity"])


def test_a_denied_call_of_before_a_change(house: InProcessServer) -> None:
    """The explanation is of the policies as they were when the call was made, whatever they say now."""
    alice = house.user("alice", {**LIST, "Effect": "Deny"})
    request_id = calls(house, alice)
    assert house.aws_does("iam", "DeleteUserPolicy", UserName="alice", PolicyName="inline")[0] == 200
    (decision,) = explained(house, request_id)["decisions"]
    assert decision["verdict"] == "denied with an explicit deny in an identity-based policy"
    (now,) = explained(house, calls(house, alice))["decisions"]
    assert now["verdict"] == "denied because no identity-based policy allows the iam:ListUsers action"
    assert (decision["agrees"], now["agrees"], now["statements"]) == (True, True, [])


@pytest.mark.parametrize("size", [1, 2, 256])
def test_a_call_of_a_session(house: InProcessServer, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """What was recorded when the session was issued is found by its time, among other events of that moment, read in
    steps of any size."""
    monkeypatch.setattr(reevaluation, "EVENTS_A_SELECT", size)
    alice = house.user("alice", {**LIST, "Action": "sts:AssumeRole"})
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": house.account_id}}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    assert house.aws_does("iam", "CreateRole", RoleName="ops", AssumeRolePolicyDocument=document)[0] == 200
    session = json.dumps({"Version": "2012-10-17", "Statement": LIST})
    keys, _ = assumes(house, alice, f"arn:aws:iam::{house.account_id}:role/ops", Policy=session)
    told = explained(house, calls(house, keys))
    assert told["error_code"] == "AccessDenied"
    (decision,) = told["decisions"]
    assert decision["agrees"]
    assert [statement["layer"] for statement in decision["statements"]] == ["session"]


def assumes(house: InProcessServer, keys: Keys, role_arn: str, **more: str) -> tuple[Keys, str]:
    """A session's keys, and the request id of the call that it came from."""
    members = {"RoleArn": role_arn, "RoleSessionName": "night", **more}
    response = house.answer(signed_form("sts", "AssumeRole", keys, **members), house.aws)
    assert response.status == 200, response.body
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    answer = response.body.decode()
    return Keys(*(answer.partition(f"<{name}>")[2].partition("<")[0] for name in names)), response.request_id


def test_calls_of_two_accounts(house: InProcessServer) -> None:
    """A role of another account, and from its session back into the first: each call is explained in both ledgers,
    from what both were, and the session is found in the ledger of the account that issued it."""
    opening = NewAccount()
    key = open_account(house.ledger.committer, opening)
    theirs = Keys(key.access_key_id, opening.secret.reveal())
    anybody = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": anybody | {"Principal": {"AWS": "*"}}})
    may = json.dumps({"Version": "2012-10-17", "Statement": anybody | {"Resource": "*"}})
    for keys, name in ((theirs, "there"), (house.admin, "back")):
        assert house.aws_does("iam", "CreateRole", keys=keys, RoleName=name, AssumeRolePolicyDocument=trust)[0] == 200
        put = {"RoleName": name, "PolicyName": "may", "PolicyDocument": may}
        assert house.aws_does("iam", "PutRolePolicy", keys=keys, **put)[0] == 200
    alice = house.user("alice", anybody | {"Resource": "*"})
    away, there = assumes(house, alice, f"arn:aws:iam::{opening.account_id}:role/there")
    _, back = assumes(house, away, f"arn:aws:iam::{house.account_id}:role/back")
    for request_id, owner_id in ((there, opening.account_id), (back, house.account_id)):
        for asking in (house.admin, theirs):
            told = house.asks(f"/v1/decisions/{request_id}", keys=asking)
            assert told.status == 200, told.body
            (decision,) = told.body["decisions"]
            assert decision["agrees"]
            assert decision["positions"].keys() == {house.account_id, opening.account_id}
            of = {statement["layer"]: statement["account_id"] for statement in decision["statements"]}
            assert of["trust"] == owner_id
            assert of["identity"] != owner_id


def test_no_policy_was_asked(house: InProcessServer) -> None:
    """A call that needs no permission has no decision, and says so by having none."""
    told = explained(house, calls(house, house.user("alice"), "GetCallerIdentity", "sts"))
    assert (told["operation"], told["decisions"]) == ("GetCallerIdentity", [])


def test_an_unknown_request(house: InProcessServer) -> None:
    """What no call of this account was answered with is said to be unknown, the id among it."""
    told = house.asks("/v1/decisions/4711")
    assert told.status == 404
    assert told.error[0] == "NoSuchEntity"
    assert f"The ledger of account {house.account_id} has no call with the request id 4711" in told.error[1]


@pytest.mark.damages_ledgers
def test_a_record_that_was_tampered_with(house: InProcessServer, database: Database) -> None:
    """A decision that comes out otherwise than the ledger says is shown to disagree, with both."""
    alice = house.user("alice", LIST)
    request_id = calls(house, alice)
    explained(house, request_id)
    with connect(database, "owner") as owner, owner.transaction():
        tamper(owner)
    told = explained(house, request_id)
    (decision,) = told["decisions"]
    assert not decision["agrees"]
    assert (decision["recorded_result"], decision["result"]) == ("explicitly denied", "allowed")
    assert decision["recorded_evaluator"] == decision["evaluator"]


@pytest.mark.damages_ledgers
def test_a_ledger_that_lacks_what_was_decided_from(house: InProcessServer, database: Database) -> None:
    """Where the change is gone that the decision was made after, nothing is explained from what is left."""
    request_id = calls(house, house.user("alice", LIST))
    assert explained(house, request_id)["decisions"][0]["agrees"]
    with connect(database, "owner") as owner, owner.transaction():
        owner.execute("set local session_replication_role = replica")
        owner.execute(
            "delete from ledger.changes where topic = 'iam.credential.used.v1' or position >="
            " (select max(position) from ledger.changes where topic = 'iam.access_key.created.v1')"
        )
    told = house.asks(f"/v1/decisions/{request_id}")
    assert told.status == 500
    assert "cannot be re-evaluated: The decision was made when the last change" in told.error[1]


def tamper(owner: psycopg.Connection) -> None:
    """Turns what is recorded of the last ListUsers, as somebody could who owns the database."""
    owner.execute("set local session_replication_role = replica")
    owner.execute(
        "update ledger.uses set state = convert_to(replace(convert_from(state, 'UTF8'), '\"result\":\"allowed\"',"
        " '\"result\":\"explicitly denied\"'), 'UTF8') where convert_from(state, 'UTF8') like '%%ListUsers%%'"
    )


def test_a_decision_that_was_not_kept(house: InProcessServer) -> None:
    """Of a call with more tags than are kept the decision is told as it was recorded, with the reason why it is not
    made again; it neither agrees nor disagrees."""
    alice = house.user("alice", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    tags = {f"Tags.member.{number}.Key": f"k{number}" for number in range(1, 51)}
    tags |= {f"Tags.member.{number}.Value": "v" * 250 for number in range(1, 51)}
    told = explained(house, calls(house, alice, "TagUser", UserName="alice", **tags))
    (decision,) = told["decisions"]
    assert (decision["agrees"], decision["result"], decision["recorded_result"]) == (None, "allowed", "allowed")
    assert decision["verdict"].startswith("not kept: ")
    assert decision["statements"] == []
