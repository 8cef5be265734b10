"""What was so between two moments, and what changed, asked of a server."""

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

from domain.foundation.events import Cause, Operator, Principal
from services.accounts import NewAccount, open_account
from services.api.handlers import access_between, diff
from tests.services.api.in_process_server import InProcessServer
from tests.services.api.leaked_key import organize

ALLOW = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
GET_USER = "/v1/who-could?action=iam%3AGetUser&on=%2A"
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}


def now(house: InProcessServer) -> int:
    """The position of a call that changes nothing."""
    position = house.asks("/v1/sessions").position
    assert position is not None
    return position


def of(rows: Sequence[dict[str, Any]], name: str) -> list[tuple[str | None, str | None, str]]:
    """What opened and closed the intervals of a principal, and what they say."""
    return [
        (
            row["opened"] and row["opened"]["operation"],
            row["closed"] and row["closed"]["operation"],
            row["principal"]["access"],
        )
        for row in rows
        if row["principal"]["arn"].endswith(name)
    ]


def does(house: InProcessServer, action: str, **members: str) -> None:
    status, answer = house.aws_does("iam", action, **members)
    assert status == 200, answer


def test_who_could(house: InProcessServer) -> None:
    """A user's access begins with the call that gave it and ends with the call that took it, by whom; what was so all
    the time has neither end. Those who could not are told when asked for."""
    since = now(house)
    house.user("alice", ALLOW)
    does(house, "DeleteUserPolicy", UserName="alice", PolicyName="inline")
    until = now(house)
    found = house.asks(f"{GET_USER}&since=p{since}&until=p{until}").body
    assert of(found["intervals"], "root") == [(None, None, "allowed")]
    (alices,) = [row for row in found["intervals"] if row["principal"]["arn"].endswith("alice")]
    assert alices["opened"]["event"] == "Inline policy inline of user alice was written."
    assert alices["closed"]["by"] == f"arn:aws:iam::{house.account_id}:user/admin"
    assert alices["closed"]["position"] > alices["opened"]["position"] > since
    assert (found["since"]["position"], found["until"]["position"], found["stopped_at"]) == (since, until, None)
    everybody = house.asks(f"{GET_USER}&since=p{since}&until=p{until}&everybody=true").body["intervals"]
    assert of(everybody, "alice") == [
        ("iam:CreateUser", "iam:PutUserPolicy", "denied"),
        ("iam:PutUserPolicy", "iam:DeleteUserPolicy", "allowed"),
        ("iam:DeleteUserPolicy", None, "denied"),
    ]


def test_pages_end_where_the_first_did(house: InProcessServer) -> None:
    """Pages put together are the whole answer, of a span up to now too, although the calls that turn them go on."""
    house.user("alice", ALLOW)
    first = house.asks(f"{GET_USER}&since=p1&limit=1").body
    whole = house.asks(f"{GET_USER}&since=p1&until=p{first['until']['position']}").body["intervals"]
    rows, page = first["intervals"], first
    while page["marker"] is not None:
        house.user(f"later-{len(rows)}", ALLOW)
        page = house.asks(f"{GET_USER}&since=p1&limit=1&marker={page['marker']}").body
        assert page["until"] == first["until"]
        rows += page["intervals"]
    assert len(rows) > 2
    assert rows == whole


def test_who_could_assume_from_elsewhere(house: InProcessServer) -> None:
    """The role's account and the others that it ever trusted are followed together, while the role was there; but none
    that is not looked after from the role's own."""
    opening, stranger = NewAccount(), NewAccount()
    for each in (opening, stranger):
        open_account(house.ledger.committer, each)
    organize(house, opening.account_id)
    since = now(house)
    own = json.dumps({"Statement": {**TRUST, "Principal": {"AWS": house.account_id}}})
    does(house, "CreateRole", RoleName="ops", AssumeRolePolicyDocument=own)
    does(house, "UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=json.dumps({"Statement": TRUST}))
    does(house, "DeleteRole", RoleName="ops")
    told = house.asks(f"/v1/could-assume/ops?since=p{since}&everybody=true").body
    rows = told["intervals"]
    assert told["unseen"] == ["*"]
    assert not any(stranger.account_id in row["principal"]["arn"] for row in rows)
    assert of(rows, f"{opening.account_id}:user/admin") == [("iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "allowed")]
    assert of(rows, f"{house.account_id}:user/admin")[0][0] == "iam:CreateRole"
    assert house.asks("/v1/could-assume/none?since=p1").error[0] == "NoSuchEntity"


def test_what_was_held(house: InProcessServer) -> None:
    """Each policy with its text, through which group, from when to when."""
    since = now(house)
    does(house, "CreateGroup", GroupName="all")
    house.user("alice", ALLOW)
    does(house, "AddUserToGroup", GroupName="all", UserName="alice")
    policy = json.dumps({"Version": "2012-10-17", "Statement": ALLOW})
    does(house, "PutGroupPolicy", GroupName="all", PolicyName="own", PolicyDocument=policy)
    does(house, "RemoveUserFromGroup", GroupName="all", UserName="alice")
    rows = house.asks(f"/v1/permissions/alice/held?since=p{since}").body["intervals"]
    told = [(row["through"], row["opened"]["operation"], row["closed"] and row["closed"]["operation"]) for row in rows]
    assert told == [(None, "iam:PutUserPolicy", None), ("all", "iam:PutGroupPolicy", "iam:RemoveUserFromGroup")]
    assert rows[1]["document"] == policy
    assert house.asks("/v1/permissions/nobody/held?since=p1").error[0] == "NoSuchEntity"


def test_whoever_was_called_so_in_the_span(house: InProcessServer) -> None:
    """A user that was renamed and deleted, and one that came under its name, are found by the names of then, by ARN and
    id; two of one name are told with both ids; and of now it is said when they were deleted."""
    house.user("bob", ALLOW)
    first = house.asks("/v1/permissions/bob")
    does(house, "UpdateUser", UserName="bob", NewUserName="alice")
    does(house, "DeleteUserPolicy", UserName="alice", PolicyName="inline")
    (key,) = house.asks("/v1/credentials").body["credentials"][-1:]
    does(house, "DeleteAccessKey", UserName="alice", AccessKeyId=key["access_key_id"])
    does(house, "DeleteUser", UserName="alice")
    gone = now(house)
    bob, arn = first.body["entity_id"], first.body["arn"]
    for form in ("bob", "user/BOB", arn, bob.lower()):
        named = quote(form, safe="")
        assert house.asks(f"/v1/permissions/{named}?as_of=p{first.position}").body["entity_id"] == bob
        assert house.asks(f"/v1/least-privilege/{named}?since=p1").body["entity_id"] == bob
        assert len(house.asks(f"/v1/permissions/{named}/held?since=p1").body["intervals"]) == 1
        assert house.asks(f"/v1/who-could?action=GetUser&on={named}&since=p1").status == 200
        policy = json.dumps({"Version": "2012-10-17", "Statement": ALLOW})
        body = json.dumps({"policy": policy, "attach_to": form, "since": "p1"}).encode()
        assert house.asks("/v1/what-if", method="POST", body=body).status == 200
    for question, option in (
        ("permissions/alice", "as-of"),
        ("who-can?action=GetUser&on=alice", "as-of"),
        (f"permissions/bob/held?since=p{gone}", "to"),
        (f"least-privilege/alice?since=p{gone}", "to"),
    ):
        code, said = house.asks(f"/v1/{question}").error
        assert code == "NoSuchEntity"
        assert re.search(rf"\({bob}\) was deleted at .*: ask with --{option} p", said)
    house.user("bob")
    again = house.asks("/v1/permissions/bob").body["entity_id"]
    code, said = house.asks("/v1/least-privilege/bob?since=p1").error
    assert (code, bob in said, again in said) == ("InvalidInput", True, True)
    called = house.asks("/v1/permissions/bob/held?since=p1").body["called"]
    assert [each["entity_id"] for each in called] == [bob, again]
    assert "has been called alice since" in house.asks(f"/v1/permissions/bob?as_of=p{gone - 8}").error[1]


def test_what_differs(house: InProcessServer) -> None:
    """Net differences with the changes that made them, the last first, documents with their digest; what was undone is
    counted; and every change by itself when that is asked for."""
    since = now(house)
    house.user("alice", ALLOW)
    deny = json.dumps({"Version": "2012-10-17", "Statement": {**ALLOW, "Effect": "Deny"}})
    does(house, "PutUserPolicy", UserName="alice", PolicyName="inline", PolicyDocument=deny)
    does(house, "CreateUser", UserName="bob")
    does(house, "DeleteUser", UserName="bob")
    until = now(house)
    found = house.asks(f"/v1/diff?since=p{since}&until=p{until}").body
    (written,) = [row for row in found["differences"] if row["kind"] == "inline policy"]
    assert written["sentence"] == "Inline policy inline of user alice was written."
    assert [event["operation"] for event in written["events"]] == ["iam:PutUserPolicy", "iam:PutUserPolicy"]
    assert written["events"][0]["position"] > written["events"][1]["position"]
    assert (written["before"], written["after"]["document"]["text"]) == (None, deny)
    assert [event["change"] for event in written["events"]] == ["changed", "added"]
    (altered,) = written["events"][0]["statements"]
    assert (altered["before"]["elements"]["Effect"], altered["after"]["elements"]["Effect"]) == (["Allow"], ["Deny"])
    assert altered["sentence"] == "statement 0 changed (Effect was Allow and is Deny)"
    assert altered["sentence"] in written["events"][0]["sentence"]
    (whole,) = written["statements"]
    assert (whole["before"], whole["after"]) == (None, altered["after"])
    assert found["undone"] == 1
    changes = house.asks(f"/v1/changes?since=p{since}&until=p{until}").body["changes"]
    assert [change["event"] for change in changes if "bob" in change["event"]] == [
        "User bob was created with path /.",
        "User bob was deleted.",
    ]
    assert changes[-1]["fields"]["user_name"] == "bob"
    assert house.asks(f"/v1/diff?since=p{until}&until=p{until}").body["differences"] == []
    everything = house.asks(f"/v1/diff?since=p1&until=p{until}").body["differences"]
    places = [(row["events"][0]["position"], row["kind"], row["id"]) for row in everything]
    assert places == sorted(places)


def test_pages_of_differences(house: InProcessServer) -> None:
    """Put together they are the whole answer once, of changes too."""
    house.user("alice", ALLOW)
    until = now(house)
    for path, name in (("/v1/diff", "differences"), ("/v1/changes", "changes")):
        query = f"{path}?since=p1&until=p{until}"
        rows: list[object] = []
        page = house.asks(f"{query}&limit=2").body
        while True:
            rows += page[name]
            if page["marker"] is None:
                break
            page = house.asks(f"{query}&limit=2&marker={page['marker']}").body
        assert len(rows) > 2
        assert rows == house.asks(query).body[name]


def test_a_span_that_is_none(house: InProcessServer) -> None:
    """The end before the beginning, and what has not come yet, are refused; a moment that is none too."""
    until = now(house)
    for query, told in (
        (f"since=p{until}&until=p1", "ends before it begins"),
        ("since=p1&until=2999-01-01T00%3A00%3A00Z", "has not come yet"),
        ("since=p1&until=tomorrow", "A moment is now, an age such as"),
        ("since=p1&until=p999999", "Position 999999 has not come yet"),
    ):
        code, message = house.asks(f"/v1/diff?{query}").error
        assert code == "ValidationError"
        assert told in message


def test_asking_about_a_span_takes_time_travel(house: InProcessServer) -> None:
    """The action alone is about now."""
    bob = house.user("bob", {"Effect": "Allow", "Action": "muniment:Diff", "Resource": "*"})
    code, message = house.asks("/v1/diff?since=p1", keys=bob).error
    assert code == "AccessDenied"
    assert "muniment:TimeTravel" in message


def test_where_the_work_stops(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was too much is said, and asked for again from there it goes on to the end: nothing is lost between."""
    since = now(house)
    for name in ("alice", "bob", "carol"):
        house.user(name, ALLOW)
    until = now(house)
    query = f"{GET_USER}&until=p{until}"
    whole = house.asks(f"{query}&since=p{since}").body["intervals"]
    monkeypatch.setattr(access_between, "WORK_MAX", 6)
    found, beginning = [], f"p{since}"
    while True:
        part = house.asks(f"{query}&since={quote(beginning)}").body
        found += [row for row in part["intervals"] if row["opened"] is not None]
        if part["stopped_at"] is None:
            break
        assert part["stopped_at"]["position"] < until
        beginning = part["stopped_at"]["at"]
    assert [row["opened"] for row in found] == [row["opened"] for row in whole if row["opened"] is not None]
    monkeypatch.setattr(diff, "WORK_MAX", 1)
    first = house.asks(f"/v1/diff?since=p{since}&until=p{until}").body
    assert [row["sentence"] for row in first["differences"]] == ["User alice was created."]
    assert first["stopped_at"]["position"] == first["differences"][0]["events"][0]["position"]


def test_actors_are_called_alike(house: InProcessServer) -> None:
    """Who did something is told here as the tables tell it."""
    principal = Principal(type="Root", principal_id="i", arn="arn:aws:iam::123456789012:root", account_id="i")
    cause = Cause(origin="scheduler", request_id="r", shared_id="r", service="iam", operation="Any")
    operator = cause.model_copy(update={"origin": "operator", "operator": Operator(user="eve", host="vm")})
    with house.ledger.readers.connection() as connection:
        for each in (cause, operator, cause.model_copy(update={"principal": principal})):
            entry = json.dumps({"cause": each.model_dump(mode="json", exclude_none=True)})
            found = connection.execute("select views.actor(%s::jsonb)", (entry,)).fetchone()
            assert found == (each.actor,)
