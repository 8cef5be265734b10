"""Who can, who can assume, and what somebody can do, asked of a server: now and then."""

import json
from urllib.parse import quote

import pytest

from services.accounts import NewAccount, open_account
from tests.services.api.in_process_server import InProcessServer, Reply
from tests.services.api.leaked_key import organize

ALLOW = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
GET_USER = "?action=iam%3AGetUser&on=%2A"


def names(house: InProcessServer, query: str) -> list[tuple[str, str]]:
    found = house.asks(f"/v1/who-can{query}")
    assert found.status == 200, found.body
    return [(row["arn"].split(":", 5)[-1], row["access"]) for row in found.body["principals"]]


def test_who_can_now_and_then(house: InProcessServer) -> None:
    """Root, the administrator and whoever has the permission; of a past moment who had it then, with the reason."""
    house.user("alice", ALLOW)
    before = house.asks("/v1/credentials").position
    house.user("bob", ALLOW, {**ALLOW, "Effect": "Deny", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}})
    assert names(house, GET_USER) == [
        ("root", "allowed"),
        ("user/admin", "allowed"),
        ("user/alice", "allowed"),
        ("user/bob", "conditional"),
    ]
    assert names(house, f"{GET_USER}&as_of=p{before}") == [
        ("root", "allowed"),
        ("user/admin", "allowed"),
        ("user/alice", "allowed"),
    ]
    bob = house.asks(f"/v1/who-can{GET_USER}").body["principals"][-1]
    assert bob["reason"] == "allowed by inline policy inline of user/bob, statement 0"
    ((depends),) = bob["depends_on"]
    assert (depends["statement"]["index"], depends["conditions"]) == (1, ["IpAddress aws:SourceIp"])


def test_pages_of_principals(house: InProcessServer) -> None:
    """Pages put together are everybody once, those who cannot with AWS's words for why."""
    house.user("alice")
    query, rows = f"{GET_USER}&everybody=true&limit=1", []
    marker = ""
    while marker is not None:
        page = house.asks(f"/v1/who-can{query}{marker and f'&marker={marker}'}").body
        rows += page["principals"]
        marker = page["marker"]
    assert [row["arn"].split(":", 5)[-1] for row in rows] == ["root", "user/admin", "user/alice"]
    assert rows[-1]["reason"] == "because no identity-based policy allows the iam:GetUser action"


def test_who_can_assume(house: InProcessServer) -> None:
    """By the role's name; a role that there is not is told."""
    trusting = {"Effect": "Allow", "Principal": {"AWS": house.account_id}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Statement": trusting})
    assert house.aws_does("iam", "CreateRole", RoleName="ops", AssumeRolePolicyDocument=trust)[0] == 200
    house.user("alice")
    found = house.asks("/v1/can-assume/ops").body["principals"]
    assert [row["arn"].split(":", 5)[-1] for row in found] == ["user/admin"]
    assert house.asks("/v1/can-assume/none").error[0] == "NoSuchEntity"


@pytest.mark.parametrize("path", ["who-can?", "who-could?since=p1&"])
@pytest.mark.parametrize(
    ("action", "on", "code", "said"),
    [
        ("iam:CreatUser", "*", "InvalidInput", "; the nearest are iam:CreateUser, "),
        ("IAM:createuse", "*", "InvalidInput", "; the nearest are iam:CreateUser, "),
        ("muniment:Dif", "*", "InvalidInput", "; the nearest are muniment:Diff."),
        ("sts:Qqqq", "*", "InvalidInput", "none of sts has a similar name"),
        ("CreatUser", "*", "InvalidInput", "; the nearest are iam:CreateUser, "),
        ("iam:Create*", "*", "ValidationError", "service:Action, such as iam:CreateUser"),
        ("iam:CreateUser", "admi", "NoSuchEntity", "No user, group, role or policy was called admi at position"),
        ("iam:CreateUser", "arn:aws:iam", "ValidationError", "A resource is an ARN"),
    ],
)
def test_what_nobody_can_mean(house: InProcessServer, path: str, action: str, on: str, code: str, said: str) -> None:
    """An action that the catalogue does not have is refused with those that may be meant, and a text that is no action
    or resource with how one is written: that administrators may do everything would answer nothing."""
    refused = house.asks(f"/v1/{path}action={quote(action)}&on={quote(on)}").error
    assert refused[0] == code
    assert said in refused[1]


def test_actions_of_unknown_services_and_in_any_case(house: InProcessServer) -> None:
    """An installation may have services of its own, and the case of an action never counts."""
    for action in ("warehouse:Open", "IAM:getuser"):
        assert ("user/admin", "allowed") in names(house, f"?action={quote(action)}&on=%2A")


def test_what_no_policy_is_asked_for(house: InProcessServer) -> None:
    """Everybody can, and no statement is the reason: at a moment and over time."""
    for path in ("who-can?", "who-could?since=p1&"):
        answer = house.asks(f"/v1/{path}action=sts%3AGetSessionToken&on=%2A").body
        told = [row.get("principal", row) for row in answer.get("intervals") or answer["principals"]]
        assert [(row["arn"].split(":", 5)[-1], row["access"]) for row in told] == [
            ("root", "allowed"),
            ("user/admin", "allowed"),
        ]
        assert {row["reason"] for row in told} == {"allowed to everybody: no policy is asked"}
        assert [row["statements"] for row in told] == [[], []]


@pytest.mark.parametrize("action", ["AssumeRole", "TagSession", "setsourceidentity"])
def test_who_can_assume_a_role_of_another_account_is_asked_there(house: InProcessServer, action: str) -> None:
    """Its trust policy is not in this account's ledger."""
    query = f"action=sts%3A{action}&on=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fops"
    code, message = house.asks(f"/v1/who-can?{query}").error
    assert (code, "the account 210987654321: ask there" in message) == ("InvalidInput", True)


def test_a_role_that_trusts_everybody(house: InProcessServer) -> None:
    """The administrators of every account may assume it, for their policies allow it too. Of an account that is not
    looked after from the role's own, nothing is told but that it is so."""
    opening, stranger = NewAccount(), NewAccount()
    for each in (opening, stranger):
        open_account(house.ledger.committer, each)
    organize(house, opening.account_id)
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    trust = json.dumps({"Statement": everybody})
    assert house.aws_does("iam", "CreateRole", RoleName="open", AssumeRolePolicyDocument=trust)[0] == 200
    told = house.asks("/v1/can-assume/open?everybody=true").body
    found = told["principals"]
    assert told["unseen"] == ["*"]
    admins = [f"arn:aws:iam::{account_id}:user/admin" for account_id in (house.account_id, opening.account_id)]
    assert [row["arn"] for row in found if row["arn"].endswith("user/admin")] == admins


def test_accounts_that_are_not_examined(house: InProcessServer) -> None:
    """Accounts outside of the view of whoever asks, and those that are not here, are told with whom the trust policy
    admits there: that nobody is listed is no all-clear. So of a role by its id, and of trust that came in the span."""
    stranger, outside = NewAccount(), "999988887777"
    open_account(house.ledger.committer, stranger)
    named = [f"arn:aws:iam::{stranger.account_id}:root", outside]
    trust = {"Effect": "Allow", "Principal": {"AWS": house.account_id}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Statement": trust})
    assert house.aws_does("iam", "CreateRole", RoleName="ajar", AssumeRolePolicyDocument=document)[0] == 200
    since = house.asks("/v1/sessions").position
    document = json.dumps({"Statement": {**trust, "Principal": {"AWS": named}}})
    assert house.aws_does("iam", "UpdateAssumeRolePolicy", RoleName="ajar", PolicyDocument=document)[0] == 200
    role_id = house.asks("/v1/permissions/ajar").body["entity_id"]
    for path in ("can-assume/ajar", f"could-assume/{role_id}?since=p{since}"):
        told = house.asks(f"/v1/{path}").body
        assert sorted(told["unseen"]) == sorted([stranger.account_id, outside])
        assert sorted(told["admitted"]) == sorted(named)


def test_a_resource_that_never_was(house: InProcessServer) -> None:
    """Of the account's own it is said, with the nearest; what an action is to create, patterns, and what belongs to
    other accounts and services, are asked about as they are."""
    own = f"arn:aws:iam::{house.account_id}"

    def asked(action: str, on: str) -> Reply:
        return house.asks(f"/v1/who-can?action={quote(action)}&on={quote(on, safe='')}")

    for action, on, said in (
        ("GetUser", "user/nope", "was called user/nope at position"),
        ("GetUser", "user/nope", "nor ever."),
        ("GetUser", f"{own}:user/admim", f"The nearest is {own}:user/admin."),
        ("GetUser", f"{own}:usr/admin", "must either be"),
        ("GetPolicy", "policy/AdministratorAcces", "The nearest is policy/AdministratorAccess."),
    ):
        assert said in asked(action, on).error[1]
    for action, on in (
        ("GetUser", f"{own}:user/ADMIN"),
        ("CreateUser", "user/nope"),
        ("GetPolicy", "policy/IAMFullAccess"),
        ("GetUser", "user/*"),
        ("GetUser", "arn:aws:iam::210987654321:user/nope"),
        ("s3:GetObject", "arn:aws:s3:::shop/nope"),
    ):
        assert asked(action, on).status == 200


def test_what_a_user_can_do(house: InProcessServer) -> None:
    """The permissions of a principal tell every statement that decides, layer by layer."""
    house.user("alice", {**ALLOW, "Condition": {"Bool": {"aws:SecureTransport": "true"}}})
    ((layer),) = house.asks("/v1/permissions/alice").body["can"]
    (granted,) = layer["allows"]
    assert (layer["layer"], layer["denies"]) == ("identity", [])
    assert (granted["action"], granted["on"]) == (["iam:GetUser"], ["*"])
    assert granted["conditions"] == {"Bool": {"aws:SecureTransport": ["true"]}}
