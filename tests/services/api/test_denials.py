"""The message that a denied call's answer carries, and sts:DecodeAuthorizationMessage."""

import json
from html import unescape
from typing import Any

from botocore.credentials import Credentials as Keys

from services.wire.request_pipeline import AUTHORIZATION_MESSAGE_HEADER, Response
from tests.services.api.in_process_server import InProcessServer, signed, signed_form

DENY = {"Effect": "Deny", "Action": "iam:List*", "Resource": "*", "Sid": "NoLooking"}
DECODE = {"Effect": "Allow", "Action": "sts:DecodeAuthorizationMessage", "Resource": "*"}


def does(
    house: InProcessServer, keys: Keys, action: str = "ListUsers", service: str = "iam", **members: str
) -> Response:
    return house.answer(signed_form(service, action, keys, **members), house.aws)


def message_in(response: Response) -> str | None:
    carried = dict(response.headers).get(AUTHORIZATION_MESSAGE_HEADER)
    return None if carried is None else carried.decode()


def message_of(house: InProcessServer, keys: Keys) -> str:
    """Of a ListUsers that is denied."""
    message = message_in(does(house, keys))
    assert message is not None
    return message


def decoded(house: InProcessServer, message: str, keys: Keys | None = None) -> dict[str, Any]:
    status, answer = house.aws_does("sts", "DecodeAuthorizationMessage", keys=keys, EncodedMessage=message)
    assert status == 200, answer
    told: dict[str, Any] = json.loads(unescape(answer.partition("<DecodedMessage>")[2].partition("<")[0]))
    return told


def test_an_explicit_deny(house: InProcessServer) -> None:
    """The message of a denied call says what STS's does: that it was explicit, by which statement, who asked for what,
    and what the call had; and in which policy the statement stands."""
    alice = house.user("alice", DENY)
    told = decoded(house, message_of(house, alice))
    assert (told["allowed"], told["explicitDeny"], told["failures"]) == (False, True, {"items": []})
    (statement,) = told["matchedStatements"]["items"]
    user_id = told["context"]["principal"]["id"]
    policy = statement.pop("policy")
    assert (policy["id"], policy["versionId"], policy["statementIndex"]) == (f"{user_id}/inline", None, 0)
    assert statement == {
        "statementId": "NoLooking",
        "effect": "DENY",
        "principals": {"items": [{"value": user_id}]},
        "principalGroups": {"items": []},
        "actions": {"items": [{"value": "iam:List*"}]},
        "resources": {"items": [{"value": "*"}]},
        "conditions": {"items": []},
    }
    arn = f"arn:aws:iam::{house.account_id}:user/"
    context = told["context"]
    assert context["principal"] == {"id": user_id, "name": "alice", "arn": f"{arn}alice"}
    assert (context["action"], context["resource"]) == ("iam:ListUsers", arn)
    conditions = {
        item["key"]: [value["value"] for value in item["values"]["items"]] for item in context["conditions"]["items"]
    }
    assert conditions["aws:username"] == ["alice"]
    assert conditions["aws:sourceip"] == ["192.0.2.7"]


def test_it_says_how_it_was(house: InProcessServer) -> None:
    """A message is decoded from the policies of then, by whoever may, as often as they like."""
    alice = house.user("alice")
    message = message_of(house, alice)
    put = {"UserName": "alice", "PolicyName": "inline"}
    statements = [DECODE, DENY | {"Effect": "Allow"}]
    assert (
        house.aws_does(
            "iam", "PutUserPolicy", **put, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements})
        )[0]
        == 200
    )
    assert does(house, alice).status == 200
    told = decoded(house, message, keys=alice)
    assert (told["explicitDeny"], told["matchedStatements"]) == (False, {"items": []})
    assert decoded(house, message) == told


def test_who_may_not_decode(house: InProcessServer) -> None:
    """It takes the action, the call that was denied carries a message of its own, and the message is recorded
    nowhere."""
    alice = house.user("alice")
    message = message_of(house, alice)
    refused = does(house, alice, "DecodeAuthorizationMessage", "sts", EncodedMessage=message)
    assert refused.status == 403
    assert message_in(refused) not in {None, message}
    assert b"sts:DecodeAuthorizationMessage on resource: * because no identity-based policy" in refused.body
    decoded(house, message)
    history = house.asks("/v1/history?limit=1000")
    assert "DecodeAuthorizationMessage" in {call["operation"] for call in history.body["calls"]}
    assert message not in json.dumps(history.body)


def test_what_is_no_message_of_the_account(house: InProcessServer) -> None:
    """A text of one's own, another account's message, and one of a place where no call was denied are refused alike,
    and the refusal is recorded."""
    alice = house.user("alice")
    message_of(house, alice)
    denied = house.asks("/v1/history?error_code=AccessDenied").body["calls"][0]["position"]
    messages = house.ledger.denials
    for message in (
        "a text",
        messages.message("210987654321", denied),
        messages.message(house.account_id, 1),
        messages.message(house.account_id, 9_999),
    ):
        status, answer = house.aws_does("sts", "DecodeAuthorizationMessage", EncodedMessage=message)
        assert status == 400
        assert "<Code>InvalidAuthorizationMessageException</Code>" in answer
    refused = house.asks("/v1/history?error_code=InvalidAuthorizationMessageException").body["calls"]
    assert len(refused) == 4


def test_answers_without_a_message(house: InProcessServer) -> None:
    """What was allowed, and what was refused for other reasons than policies, has nothing to decode."""
    alice = house.user("alice")
    assert message_in(does(house, house.admin)) is None
    assert message_in(does(house, house.admin, "GetUser", UserName="nobody")) is None
    assert message_in(does(house, alice, "GetSessionToken", "sts", DurationSeconds="1")) is None


def test_the_native_api_and_the_header(house: InProcessServer) -> None:
    """A denied question carries the message too; over HTTP it is a header."""
    alice = house.user("alice")
    native = house.answer(signed("GET", "/v1/credentials", alice), house.native)
    message = message_in(native)
    assert message is not None
    told = decoded(house, message)
    assert told["context"]["action"] == "muniment:ListCredentials"
    headers = dict(house.over_http(signed_form("iam", "ListUsers", alice)).headers)
    assert decoded(house, headers[b"x-muniment-authorization-message"].decode())["context"]["action"] == "iam:ListUsers"
