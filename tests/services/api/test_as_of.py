"""The endpoint under /as-of/, from signed bytes to the ledger, on a real database."""

import re

import pytest

from tests.services.api.in_process_server import InProcessServer, signed_form


def listed(answer: str) -> list[str]:
    return re.findall(r"<UserName>([^<]*)</UserName>", answer)


def test_a_position_and_a_time(house: InProcessServer) -> None:
    """By position and by time the same past answers; a moment that has not come and a text that is none are refused
    in the protocol's own shape, and every look stands in the history with its moment."""
    house.user("ann")
    page = house.asks("/v1/history?operation=CreateUser&limit=1000").body["calls"]
    position, at = page[-1]["position"], page[-1]["at"]
    assert house.aws_does("iam", "DeleteUser", UserName="ann")[0] == 409, "She has a key."
    house.user("eva")
    now, then = house.aws_does("iam", "ListUsers"), house.aws_does("iam", "ListUsers", as_of=f"p{position}")
    assert (listed(now[1]), listed(then[1])) == (["admin", "ann", "eva"], ["admin", "ann"])
    assert house.aws_does("iam", "ListUsers", as_of=at.replace(":", "%3A"))[1].count("<member>") == 2
    for moment, told in (
        ("p999999", "Position 999999 has not come yet"),
        ("2999-01-01T00:00:00Z", "has not come yet"),
        ("yesterday", "A moment is now, an age such as"),
        ("p1", ""),
    ):
        status, answer = house.aws_does("iam", "ListUsers", as_of=moment)
        assert (status, "<Code>ValidationError</Code>" in answer, told in answer) == (
            (200, False, True) if moment == "p1" else (400, True, True)
        )
    looks = [
        call["parameters"]["as_of"]
        for call in house.asks("/v1/history?operation=ListUsers&limit=1000").body["calls"]
        if "as_of" in call["parameters"]
    ]
    assert looks == [f"p{position}", at, "p999999", "2999-01-01T00:00:00Z", "yesterday", "p1"]


def test_before_the_account_there_is_nothing(house: InProcessServer) -> None:
    """An account that did not exist yet has no answer, not an empty one."""
    status, answer = house.aws_does("iam", "ListUsers", as_of="2001-01-01T00:00:00Z")
    assert (status, f"The account {house.account_id} did not exist yet" in answer) == (400, True)
    assert "It began at 2" in answer


def test_installation_and_messages_of_then(house: InProcessServer) -> None:
    """What needs another ledger, or facts of another kind besides the past, gets them."""
    key_id = house.user("ann").access_key
    position = house.asks("/v1/history?limit=1").position
    status, answer = house.aws_does("sts", "GetAccessKeyInfo", as_of=f"p{position}", AccessKeyId=key_id)
    assert (status, house.account_id in answer) == (200, True)
    status, answer = house.aws_does("sts", "DecodeAuthorizationMessage", as_of=f"p{position}", EncodedMessage="x")
    assert (status, "InvalidAuthorizationMessageException" in answer) == (400, True)


def test_a_look_is_explained(house: InProcessServer) -> None:
    """The decisions of a look into the past are made again from the ledger, on the resource as it was."""
    house.user("ann")
    position = house.asks("/v1/history?limit=1").position
    response = house.answer(signed_form("iam", "GetUser", house.admin, f"p{position}", UserName="ann"), house.aws)
    assert response.status == 200
    decisions = house.asks(f"/v1/decisions/{response.request_id}").body["decisions"]
    assert [(decision["action"], decision["agrees"]) for decision in decisions] == [
        ("muniment:TimeTravel", True),
        ("iam:GetUser", True),
    ]


@pytest.mark.parametrize("written", [("CreateUser", "bob"), ("DeleteUser", "ann")])
def test_a_write_is_refused(house: InProcessServer, written: tuple[str, str]) -> None:
    """With a clear error, on record, and nothing is changed."""
    house.user("ann")
    action, name = written
    status, answer = house.aws_does("iam", action, as_of="p1", UserName=name)
    assert status == 400
    assert f"iam:{action} changes state" in answer
    assert listed(house.aws_does("iam", "ListUsers")[1]) == ["admin", "ann"]


def test_a_moment_that_no_table_takes(house: InProcessServer) -> None:
    """Whoever has any key may name U+0000 as the moment: the refusal is recorded, and every table goes on from it."""
    nobody = house.user("nobody")
    assert house.aws_does("iam", "ListUsers", keys=nobody, as_of="%00")[0] == 403
    (call,) = house.asks("/v1/history?operation=ListUsers").body["calls"]
    assert call["parameters"] == {"as_of": "\\u0000"}
