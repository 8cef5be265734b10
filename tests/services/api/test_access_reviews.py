"""Access reviews as a server answers them: started, decided under the reviewer's own permissions, proved and closed."""

import json
from typing import Any

import pytest
from botocore.credentials import Credentials as Keys

from services.api.handlers import access_review_rows
from tests.services.api.in_process_server import InProcessServer, Reply

ALLOW = {"Effect": "Allow", "Resource": "*"}
REVIEWER = {**ALLOW, "Action": ["muniment:*AccessReview*"]}


def posts(house: InProcessServer, path: str, keys: Keys | None = None, **body: object) -> Reply:
    return house.asks(f"/v1/access-reviews{path}", keys=keys, method="POST", body=json.dumps(body).encode())


def lines(house: InProcessServer, query: str = "") -> dict[str, dict[str, Any]]:
    answer = house.asks(f"/v1/access-reviews/q4?limit=1000{query}")
    assert answer.status == 200, answer.body
    return {f"{row['what']} of {row['principal_name']}": row for row in answer.body["rows"]}


def decide(house: InProcessServer, keys: Keys | None, *rows: tuple[str, str], **more: object) -> Reply:
    decisions = [{"line_id": line_id, "decision": decision, "reason": "q4"} for line_id, decision in rows]
    return posts(house, "/q4/decisions", keys, decisions=decisions, **more)


def test_a_review_from_its_start_to_its_report(house: InProcessServer) -> None:
    """A revocation needs the operation's own permission besides, is carried out in the same call and proved by its
    position; what comes back, is new or is gone is told with who did it; as of a moment before, it is as it was."""
    carol = house.user("carol", REVIEWER)
    house.user("dave", {**ALLOW, "Action": "s3:*"})
    assert house.aws_does("iam", "CreateLoginProfile", UserName="dave", Password="pa55-Word!")[0] == 200
    started = posts(house, "", name="q4", principals="users", due="2999-01-01", reviewers=["carol"])
    assert started.status == 200, started.body
    assert started.body["review"]["reviewers"] == ["carol"]
    there = lines(house)
    key = next(each for title, each in there.items() if title.startswith("access key") and title.endswith("carol"))
    policy, password, own = (
        there[title] for title in ("inline policy inline of dave", "password of dave", "inline policy inline of carol")
    )
    assert key["last_used_at"] is None
    assert (policy["now"], policy["decision"], policy["version"]) == ("same", None, policy["version_at_start"])

    assert decide(house, None, (policy["line_id"], "keep")).error[0] == "AccessDenied"
    refused = decide(house, carol, (policy["line_id"], "revoke"), (own["line_id"], "keep"), dry_run=True)
    assert [row["outcome"] for row in refused.body["lines"]] == ["refused", "refused"]
    assert "not authorized to perform: iam:DeleteUserPolicy" in refused.body["lines"][0]["reason"]
    assert "his own" in refused.body["lines"][1]["reason"]
    code, message = decide(house, carol, (password["line_id"], "keep"), (own["line_id"], "keep")).error
    assert (code, message.endswith("Nothing was decided.")) == ("OperationNotPermittedException", True)

    put = {"UserName": "carol", "PolicyName": "more"}
    document = json.dumps({"Version": "2012-10-17", "Statement": {**ALLOW, "Action": ["iam:*", "sts:*"]}})
    assert house.aws_does("iam", "PutUserPolicy", **put, PolicyDocument=document)[0] == 200
    rows = ((policy["line_id"], "revoke"), (password["line_id"], "revoke"), (key["line_id"], "revoke"))
    assert "signed with" in decide(house, carol, *rows).error[1]
    decided = decide(house, carol, *rows[:2])
    assert [row["outcome"] for row in decided.body["lines"]] == ["decided", "decided"]
    again = decide(house, carol, *rows[:2])
    assert ([row["outcome"] for row in again.body["lines"]], again.body["position"]) == (["already"] * 2, None)
    assert "NoSuchEntity" in house.aws_does("iam", "GetLoginProfile", UserName="dave")[1]
    put = {"UserName": "dave", "PolicyName": "inline"}
    assert house.aws_does("iam", "PutUserPolicy", **put, PolicyDocument=document)[0] == 200

    found = lines(house)
    by = f"arn:aws:iam::{house.account_id}:user/carol"
    back, gone = found["inline policy inline of dave"], found["password of dave"]
    position = decided.body["position"]
    assert (gone["now"], gone["decided"]["by"], gone["reason"]) == ("gone", by, "q4")
    assert [gone[each]["position"] for each in ("decided", "went")] == [position, position + 2]
    assert (back["now"], back["went"]["position"], back["came"]["by"].rpartition("/")[2]) == (
        "returned",
        position + 1,
        "admin",
    )
    assert (found["inline policy more of carol"]["now"], found["inline policy more of carol"]["version_at_start"]) == (
        "new",
        None,
    )
    then = lines(house, f"&as_of=p{position - 1}")
    assert then["password of dave"]["decision"] is None

    _closes(house, carol, by, rows[0])


def _closes(house: InProcessServer, carol: Keys, by: str, row: tuple[str, str]) -> None:
    """With what is undecided only where that is said; what it has come to is told for ever, and nothing is decided."""
    assert posts(house, "/q4/close").error[0] == "ValidationError"
    assert posts(house, "/q4/close", incomplete=True).body["review"]["closed_position"] is not None
    assert decide(house, carol, row).error[1].startswith("Access review q4 was closed")
    report = house.asks("/v1/access-reviews/q4").body
    assert (report["lines_verified"], report["traced"]) == (True, True)
    assert report["counts"]["revoked"] == report["counts"]["revoked returned"] == report["counts"]["new"] == 1
    assert [(each["by"], each["revoked"]) for each in report["tallies"]] == [(by, 2)]
    (listed,) = house.asks("/v1/access-reviews").body["reviews"]
    assert (listed["revoked"], listed["overdue"]) == (2, False)


def test_pages_of_a_review_are_of_one_moment(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is decided between two pages is on neither; put together they are the whole. Beyond so many changes it is
    said that they were not gone through, and nothing is told of where a line came."""
    monkeypatch.setattr(access_review_rows, "CHANGES_MAX", 1)
    for name in ("ann", "bob"):
        house.user(name)
    assert posts(house, "", name="q4").status == 200
    whole = house.asks("/v1/access-reviews/q4").body["rows"]
    first = house.asks("/v1/access-reviews/q4?limit=2").body
    assert (
        decide(house, None, *((row["line_id"], "keep") for row in whole if row["principal_name"] == "bob")).status
        == 200
    )
    rows, marker = list(first["rows"]), first["marker"]
    while marker is not None:
        page = house.asks(f"/v1/access-reviews/q4?limit=2&marker={marker}").body
        rows, marker = [*rows, *page["rows"]], page["marker"]
    assert rows == whole
    house.user("eve")
    page = house.asks("/v1/access-reviews/q4").body
    (new,) = (row for row in page["rows"] if row["now"] == "new")
    assert (page["traced"], new["principal_name"], new["came"]) == (False, "eve", None)


def test_the_lines_are_those_at_the_start(house: InProcessServer) -> None:
    """A line of another review, or of what came later, is refused; a scope without lines and a name that is taken start
    nothing."""
    house.user("ann", {**ALLOW, "Action": "s3:*"})
    assert posts(house, "", name="q4", users=["ann"]).status == 200
    assert posts(house, "", name="q4").error[0] == "EntityAlreadyExists"
    assert posts(house, "", name="other").status == 200
    assert posts(house, "", name="none", path_prefix="/none/").error[0] == "ValidationError"
    assert posts(house, "", name="who", users=["nobody"]).error[0] == "NoSuchEntity"
    foreign = house.asks("/v1/access-reviews/other").body["rows"][0]["line_id"]
    assert "no line of this review" in decide(house, None, (foreign, "keep")).error[1]
    assert house.asks("/v1/access-reviews/none").error[0] == "NoSuchEntity"


def test_a_role_is_no_other_reviewer(house: InProcessServer) -> None:
    """In a session of a role, and in one that was asked for with that, nobody keeps what is of whoever has assumed
    it."""
    bob = house.user("bob", {**ALLOW, "Action": "sts:AssumeRole"})
    house.user("ann", {**ALLOW, "Action": "s3:*"})
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": house.account_id}}
    grant = {**ALLOW, "Action": ["muniment:DecideAccessReview", "sts:AssumeRole"]}
    trusting, granting = (json.dumps({"Version": "2012-10-17", "Statement": each}) for each in (trust, grant))
    for name in ("first", "second"):
        role = {"RoleName": name}
        assert house.aws_does("iam", "CreateRole", **role, AssumeRolePolicyDocument=trusting)[0] == 200
        assert house.aws_does("iam", "PutRolePolicy", **role, PolicyName="p", PolicyDocument=granting)[0] == 200
    assert posts(house, "", name="q4", principals="users").status == 200
    there = lines(house)
    own, other = (there[f"inline policy inline of {name}"]["line_id"] for name in ("bob", "ann"))
    keys = bob
    for name in ("first", "second"):
        arn = f"arn:aws:iam::{house.account_id}:role/{name}"
        status, answer = house.aws_does("sts", "AssumeRole", keys=keys, RoleArn=arn, RoleSessionName="review")
        assert status == 200, answer
        parts = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        keys = Keys(*(answer.partition(f"<{part}>")[2].partition(f"</{part}>")[0] for part in parts))
        assert "Nobody keeps what is his own:" in decide(house, keys, (own, "keep")).error[1]
        assert decide(house, keys, (other, "keep")).status == 200
