"""Rotations of access keys, and reports of leaked ones, asked of a server with signed requests."""

import json
from typing import Any

import pytest
from botocore.credentials import Credentials as Keys

from domain.foundation.errors import OperationNotPermittedException
from services.api.contract.key_rotations import StartKeyRotation
from services.api.handlers import leak_reports as responding
from services.cli.lib.local import LocalClient
from tests.services.api.in_process_server import InProcessServer, Reply
from tests.services.api.leaked_key import Story
from tests.services.api.test_secret_scanning import ledger_text

OWN = "arn:aws:iam::*:user/${aws:username}"
ITSELF = (
    {"Effect": "Allow", "Action": "iam:*AccessKey*", "Resource": OWN},
    {
        "Effect": "Allow",
        "Action": "muniment:*KeyRotation",
        "Resource": "arn:aws:muniment::*:credential/user/${aws:username}",
    },
    {
        "Effect": "Allow",
        "Action": "muniment:RecordKeyHandover",
        "Resource": "arn:aws:muniment::*:credential/user/${aws:username}",
    },
)


def asks(house: InProcessServer, path: str, keys: Keys | None = None, **parameters: object) -> Reply:
    body = json.dumps({"credential": "ann", **parameters}).encode()
    return house.asks(f"/v1/{path}", keys=keys, method="POST", body=body)


def step(house: InProcessServer, path: str, keys: Keys | None = None, **parameters: object) -> dict[str, Any]:
    told = asks(house, path, keys, **parameters)
    assert told.status == 200, told.body
    return told.body


def started(house: InProcessServer, keys: Keys | None = None, **parameters: object) -> Keys:
    told = step(house, "key-rotations/start", keys, **parameters)
    return Keys(told["rotation"]["new_access_key_id"], told["secret_access_key"])


def calls_as(house: InProcessServer, keys: Keys) -> int:
    return house.aws_does("sts", "GetCallerIdentity", keys=keys)[0]


def test_a_user_rotates_its_own_key(house: InProcessServer) -> None:
    """From the first call to the last; each key signs as long as it is the one, the secret stands in one answer alone,
    and of the old key nothing is left, not even sealed."""
    old = house.user("ann", *ITSELF)
    new = started(house, old, observe_days=0)
    again = step(house, "key-rotations/start", old)
    assert (again["secret_access_key"], again["rotation"]["new_access_key_id"]) == (None, new.access_key)
    told = step(house, "key-rotations/handover", old, new_access_key_id=new.access_key, to="profile")
    assert told["rotation"]["stage"] == "handed over"
    assert step(house, "key-rotations/advance", old)["done"] == []
    assert house.asks("/v1/key-rotations").body["rotations"] == [step(house, "key-rotations/advance", old)["rotation"]]
    assert calls_as(house, new) == 200
    told = step(house, "key-rotations/advance", old)
    assert told["done"][1] == f"Access key {old.access_key} of ann was deactivated."
    assert calls_as(house, old) == 403
    told = step(house, "key-rotations/advance", new)
    assert (told["rotation"]["stage"], told["done"][0]) == (
        "finished",
        f"Access key {old.access_key} of ann was deleted.",
    )
    assert (calls_as(house, new), house.asks("/v1/key-rotations").body["rotations"]) == (200, [])
    assert new.secret_key not in ledger_text(house)
    with house.ledger.writers.connection() as connection:
        kept = connection.execute("select access_key_id from secrets.access_key_secrets").fetchall()
    assert {new.access_key, house.admin.access_key} == {key_id for (key_id,) in kept}


@pytest.mark.parametrize("action", ["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"])
def test_who_may_not_do_it_may_not_have_it_done(house: InProcessServer, action: str) -> None:
    """All that a rotation does is asked for at its beginning; and each step where it is taken, too."""
    house.user("ann")
    everything = {"Effect": "Allow", "Action": ["muniment:*", "iam:*"], "Resource": "*"}
    forbidden = {"Effect": "Deny", "Action": action, "Resource": f"arn:aws:iam::{house.account_id}:user/ann"}
    other = house.user("ben", everything, forbidden)
    told = asks(house, "key-rotations/start", other)
    assert (told.status, told.error[0]) == (403, "AccessDenied")
    assert f"not authorized to perform: {action} on resource" in told.error[1]
    new = started(house, observe_days=0)
    if action != "iam:CreateAccessKey":
        stopping = asks(house, "key-rotations/stop", other)
        assert (stopping.status == 403) == (action == "iam:DeleteAccessKey")
        if stopping.status == 200:
            new = started(house, observe_days=0)
        step(house, "key-rotations/handover", new_access_key_id=new.access_key, to="file")
        calls_as(house, new)
        if action == "iam:DeleteAccessKey":
            assert asks(house, "key-rotations/advance", other).status == 200
        assert asks(house, "key-rotations/advance", other).status == 403


def test_another_question_needs_its_own_permission(house: InProcessServer) -> None:
    """Whoever may do all that a rotation does with IAM may not rotate for that."""
    house.user("ann")
    other = house.user("ben", {"Effect": "Allow", "Action": "iam:*", "Resource": "*"})
    for path in ("start", "advance", "stop"):
        assert asks(house, f"key-rotations/{path}", other).status == 403


def test_a_lost_secret(house: InProcessServer) -> None:
    """The key is given up and made again, and nothing that it could have signed with is left; the one that was handed
    over by another run is not recorded."""
    house.user("ann")
    lost = started(house)
    new = started(house, replaces=lost.access_key)
    assert new.access_key != lost.access_key
    assert calls_as(house, lost) == 403
    told = asks(house, "key-rotations/handover", new_access_key_id=lost.access_key, to="file")
    assert told.error[0] == "OperationNotPermittedException"
    assert len(step(house, "key-rotations/stop")["done"]) == 2
    assert calls_as(house, new) == 403


def test_whom_nobody_rotates(house: InProcessServer) -> None:
    """Root, who is no user; who is not there; and nobody for the operator, who has no master key."""
    assert asks(house, "key-rotations/start", credential="root").error[0] == "OperationNotPermittedException"
    assert asks(house, "key-rotations/start", credential="nobody").error[0] == "NoSuchEntity"
    house.user("ann")
    house.ledger.committer.deliver_through(lambda answer: answer())  # without an event loop, as in a command
    with pytest.raises(OperationNotPermittedException, match="not with --local"):
        LocalClient(house.ledger, house.account_id).ask(StartKeyRotation(credential="ann"))


def reports(house: InProcessServer, *key_ids: str, keys: Keys | None = None, **more: str) -> list[dict[str, Any]]:
    body = json.dumps({"access_key_ids": key_ids, **more}).encode()
    told = house.asks("/v1/leaked-keys", keys=keys, method="POST", body=body)
    assert told.status == 200, told.body
    found: list[dict[str, Any]] = told.body["keys"]
    return found


def test_a_leaked_key_is_reported(story: Story) -> None:
    """Whose it is, what it has made, and what to do; twice is two reports. A key of an account that whoever reports
    does not manage is as unknown as one that nobody knows, until it does."""
    house = story.house
    url = "https://user:pass@example.com/a/b?token=x#y"
    (told,) = reports(house, story.leaked.access_key, source="commit", url=url)
    assert (told["known"], told["status"], told["response"], told["reports"]) == (True, "Active", "record", 1)
    assert told["owner"] == f"arn:aws:iam::{house.account_id}:user/ann"
    assert told["descendants"] >= told["alive"] > 0
    assert f"muniment contain {story.leaked.access_key}" in told["next_commands"]
    assert "token=x" not in ledger_text(house)
    assert "user:pass" not in ledger_text(house)
    assert reports(house, story.leaked.access_key)[0]["reports"] == 2
    theirs, nobodys = reports(house, story.mallory.access_key, "AKIAIOSFODNN7EXAMPLE")
    assert theirs == nobodys | {"access_key_id": story.mallory.access_key}
    story.organized()
    (theirs,) = reports(house, story.mallory.access_key)
    assert (theirs["known"], theirs["account_id"]) == (True, story.other.account_id)


def test_what_the_account_wants_done(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Containment ends the lineage wherever it has come to, by one report; with another there is nothing left to do."""
    monkeypatch.setattr(responding, "on_compromise", lambda _account, _owner: "contain")
    story.organized()
    assert story.honoured() == [True] * 5
    (told,) = reports(story.house, story.leaked.access_key)
    assert (told["status"], told["not_done"], told["alive"]) == ("Inactive", None, 0)
    assert story.honoured() == [False] * 5
    (told,) = reports(story.house, story.leaked.access_key)
    assert [sentence.split(" was ")[1][:8] for sentence in told["done"]] == ["reported"]


@pytest.mark.parametrize("response", ["deactivate", "contain"])
def test_what_no_report_does(house: InProcessServer, monkeypatch: pytest.MonkeyPatch, response: str) -> None:
    """The last administrator's key and root's stay; that is told."""
    monkeypatch.setattr(responding, "on_compromise", lambda _account, _owner: response)
    (told,) = reports(house, house.admin.access_key)
    assert (told["status"], told["reports"]) == ("Active", 1)
    assert "the last administrator" in told["not_done"] or "cut off the caller" in told["not_done"]


def test_a_secret_in_the_place_of_a_key_is_not_repeated(house: InProcessServer) -> None:
    """People mistake the two: neither the answer nor the ledger has it."""
    secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYxx"
    told = house.asks("/v1/leaked-keys", method="POST", body=json.dumps({"access_key_ids": [secret]}).encode())
    assert (told.status, told.error[0]) == (400, "ValidationError")
    assert secret not in json.dumps(told.body)
    assert secret not in ledger_text(house)
