"""Refusals that were counted: what the history, explanations, replays and traces tell of them at once."""

import json
from typing import Any

import pytest
from botocore.credentials import Credentials as Keys

from services.ledger.growth import GrowthShares
from services.wire import refusal_counts
from tests.services.api.in_process_server import InProcessServer, signed_form

DENY = {"Effect": "Deny", "Action": "iam:GetUser", "Resource": "*"}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal_counts, "RECORDED_AT_ONCE_MAX", 2)


def refused(house: InProcessServer, keys: Keys, times: int, name: str = "ghost") -> list[str]:
    """The request ids of calls that are denied, all answered alike."""
    answers = [house.answer(signed_form("iam", "GetUser", keys, UserName=name), house.aws) for _ in range(times)]
    assert {answer.status for answer in answers} == {403}
    assert len({answer.body.replace(answer.request_id.encode(), b"") for answer in answers}) == 1
    return [answer.request_id for answer in answers]


def history(house: InProcessServer, query: str) -> list[dict[str, Any]]:
    found = house.asks(f"/v1/history?{query}")
    assert found.status == 200, found.body
    calls: list[dict[str, Any]] = found.body["calls"]
    return calls


def test_history_shows_the_counts(house: InProcessServer) -> None:
    """By everything that finds a call its count is found: how many more, from when to when. Whoever asks why one of
    them was denied is told that it was counted."""
    alice = house.user("alice", DENY)
    ids = refused(house, alice, 9)
    refused(house, alice, 1, "hidden")
    for query in (
        f"access_key_id={alice.access_key}",
        "principal=alice",
        "operation=GetUser&principal=alice",
        "error_code=AccessDenied",
        "source_address=192.0.2.7&error_code=AccessDenied",
        "on=ghost",
    ):
        (row,) = (call for call in history(house, query) if call["counted_from"])
        assert (row["error_code"], row["operation"], row["read_only"]) == ("AccessDenied", "GetUser", True)
        assert row["counted_from"] <= row["counted_to"] <= row["at"]
        assert row["request_id"] in ids
        assert sum(call["requests"] for call in history(house, "error_code=AccessDenied")) == 10
    # It was counted with the others, and is found all the same.
    assert [call["request_id"] for call in history(house, "on=hidden")] == [row["request_id"]]
    told = house.asks(f"/v1/decisions/{row['request_id']}")
    assert told.status == 404
    assert "counted" in told.error[1]


def test_a_replay_tells_what_it_does_not_know(house: InProcessServer) -> None:
    """What-if decides the calls that were recorded, and says of how many it does not have what they were decided from;
    so does a policy of least privilege."""
    alice = house.user("alice", DENY)
    refused(house, alice, 9)
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    body = json.dumps({"since": "p1", "policy": json.dumps(allow), "in_place_of_all_of": "alice"}).encode()
    part = house.asks("/v1/what-if", method="POST", body=body).body
    (group,) = (each for each in part["groups"] if each["principal_arn"].endswith("user/alice"))
    assert group["calls"] == 9
    assert group["now_allowed"] + part["undecidable"] == 9
    assert part["undecidable"] > 0
    assert "counted" in part["undecidable_because"]
    least = house.asks("/v1/least-privilege/alice?since=p1")
    assert (least.status, least.body["refused"]) == (200, 9), least.body


def test_a_trace_counts_them(house: InProcessServer) -> None:
    """The tallies of a credential are of all calls, and the count stands among them."""
    alice = house.user("alice", DENY)
    refused(house, alice, 9)
    (did,) = house.asks(f"/v1/trace/{alice.access_key}").body["did"]
    (operation,) = did["operations"]["rows"]
    assert operation["refused"] == 9
    last = did["calls"][-1]
    assert last["requests"] == 9 - (len(did["calls"]) - 1)
    assert "counted" in last["error_message"]


def test_an_account_has_its_share(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account whose callers have written their share is throttled, and what is refused is counted; what ends access
    goes on, and so does everything when time has passed."""
    now = [0.0]
    shares = GrowthShares(20_000, clock=lambda: now[0])
    monkeypatch.setattr(house.ledger, "shares", shares)
    monkeypatch.setattr(house.ledger.committer._rounds.mapper, "on_written", shares.charge)
    alice = house.user("alice")
    statuses = [house.aws_does("iam", "GetUser", UserName="alice")[0] for _ in range(40)]
    assert statuses == sorted(statuses)
    assert set(statuses) == {200, 400}
    gone = {"UserName": "alice", "AccessKeyId": alice.access_key}
    assert house.aws_does("iam", "UpdateAccessKey", **gone, Status="Active")[0] == 400
    assert house.aws_does("iam", "UpdateAccessKey", **gone, Status="Inactive")[0] == 200
    assert house.aws_does("iam", "DeleteAccessKey", **gone)[0] == 200
    now[0] = 3_600
    assert house.aws_does("iam", "GetUser", UserName="alice")[0] == 200
    throttled = history(house, "error_code=Throttling")
    assert [(call["operation"], call["requests"]) for call in throttled] == [
        ("GetUser", statuses.count(400)),
        ("UpdateAccessKey", 1),
    ]
