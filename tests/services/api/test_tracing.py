"""The story of a leaked key, asked of the native API after it has happened through the AWS one."""

import json
import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import pytest
from botocore.credentials import Credentials as Keys

from domain import lineage_kinds
from services.api.contract.tracing import Trace, TraceCredential
from services.cli.lib import trace_phrases as words
from services.cli.lib.trace_html import render_trace
from tests.services.api.in_process_server import InProcessServer
from tests.services.api.leaked_key import Story

ALLOW = {"Effect": "Allow", "Resource": "*"}
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"


def trusting(name: str, house: InProcessServer) -> str:
    principal = "*" if name == "*" else f"arn:aws:iam::{house.account_id}:user/{name}"
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def policy(action: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{**ALLOW, "Action": action}]})


def member(document: str, name: str) -> str:
    return document.partition(f"<{name}>")[2].partition(f"</{name}>")[0]


@dataclass(frozen=True)
class Leak:
    """What somebody did who had found a key."""

    key: Keys
    session: Keys
    made_key: str


def does(house: InProcessServer, keys: Keys, service: str, operation: str, **members: str) -> str:
    status, answer = house.aws_does(service, operation, keys=keys, **members)
    assert status == 200, answer
    return answer


@pytest.fixture
def leak(house: InProcessServer) -> Leak:
    """The key may do all of IAM and STS, and read S3. With it a role's session is made, and in that a user with a key
    and a policy; the role's trust, the key's own policy and a membership are changed, a policy is created, and one call
    is refused."""
    key, admin = house.user("deployer", {**ALLOW, "Action": ["iam:*", "sts:*", "s3:Get*"]}), house.admin
    does(house, admin, "iam", "CreateRole", RoleName="ops", AssumeRolePolicyDocument=trusting("deployer", house))
    does(house, admin, "iam", "PutRolePolicy", RoleName="ops", PolicyName="all", PolicyDocument=policy("iam:*"))
    does(house, admin, "iam", "CreateGroup", GroupName="limited")
    does(house, admin, "iam", "AddUserToGroup", GroupName="limited", UserName="deployer")
    answer = does(
        house, key, "sts", "AssumeRole", RoleArn=f"arn:aws:iam::{house.account_id}:role/ops", RoleSessionName="build"
    )
    session = Keys(*(member(answer, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
    does(house, session, "iam", "CreateUser", UserName="--backup")
    does(house, session, "iam", "AttachUserPolicy", UserName="--backup", PolicyArn=ADMINISTRATOR_ACCESS)
    made_key = member(does(house, session, "iam", "CreateAccessKey", UserName="--backup"), "AccessKeyId")
    for name in ("admin", "*"):
        opened = trusting(name, house)
        does(house, session, "iam", "UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=opened)
    does(house, key, "iam", "RemoveUserFromGroup", GroupName="limited", UserName="deployer")
    does(house, key, "iam", "PutUserPolicy", UserName="deployer", PolicyName="inline", PolicyDocument=policy("*"))
    created = does(house, key, "iam", "CreatePolicy", PolicyName="door", PolicyDocument=policy("*"))
    door = member(created, "Arn")
    does(house, key, "iam", "CreatePolicyVersion", PolicyArn=door, PolicyDocument=policy("s3:*"), SetAsDefault="true")
    does(house, key, "iam", "AttachRolePolicy", RoleName="ops", PolicyArn=door)
    does(house, key, "iam", "CreateLoginProfile", UserName="deployer", Password="Correct-horse-1")
    assert house.aws_does("iam", "GetUser", keys=session, UserName="nobody")[0] == 404
    return Leak(key, session, made_key)


def traced(house: InProcessServer, credential: str, query: str = "") -> dict[str, Any]:
    found = house.asks(f"/v1/trace/{quote(credential, safe='')}{query}")
    assert found.status == 200, found.body
    return found.body


def obeys(house: InProcessServer, command: str) -> None:
    """As the aws command would."""
    words = iter(shlex.split(command)[1:])
    service, operation, members = next(words), next(words), {}
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        members[camel(name)] = value if equals else "true" if name == "set-as-default" else next(words)
    does(house, house.admin, service, camel(operation), **members)


def camel(words: str) -> str:
    return "".join(word.capitalize() for word in words.split("-"))


def contains(house: InProcessServer, key: Keys, **more: object) -> None:
    asked = {"credential": key.access_key, **more}
    contained = house.asks("/v1/contain", method="POST", body=json.dumps(asked).encode())
    assert contained.body["remaining"] == []


def test_the_story_of_a_key(house: InProcessServer, leak: Leak) -> None:
    """Whose it is, when it was used, by whom what was born of it, and every call of it and of its descendants."""
    story = traced(house, leak.key.access_key)
    assert story["seed"]["subject_id"] == leak.key.access_key
    owner = story["owner"]
    assert (owner["kind"], owner["arn_now"]) == ("user", f"arn:aws:iam::{house.account_id}:user/deployer")
    assert owner["created"]["by"] == f"arn:aws:iam::{house.account_id}:user/admin"
    assert story["first_use"]["operation"] == "AssumeRole"
    assert story["last_use"]["operation"] == "CreateLoginProfile"
    (did,) = story["did"]
    operations = [call["operation"] for call in did["calls"]]
    assert operations[:4] == ["AssumeRole", "CreateUser", "AttachUserPolicy", "CreateAccessKey"]
    assert (operations[-1], did["calls"][-1]["error_code"]) == ("GetUser", "NoSuchEntity")
    assert (did["looked_at"], did["calls_left"], did["stopped_position"]) == (13, 0, None)
    (address,) = did["addresses"]["rows"]
    assert (address["text"], address["answered"], address["refused"]) == ("192.0.2.7", 12, 1)
    born = [(node["depth"], node["kind"]) for node in story["descent"]["nodes"]]
    assert (0, "access_key") in born
    assert {(1, "session"), (1, "policy"), (2, "user"), (2, "access_key"), (2, "trust_policy")} <= set(born)
    assert {node["kind"] for node in story["descent"]["alive"]} == {"access_key", "session", "user"}


def test_what_it_could_have_done_and_did_not(house: InProcessServer, leak: Leak) -> None:
    """Under the permissions of its time, the wide ones that it gave itself as well, and those of its descendants; less
    what it and they were allowed. Actions of services that are not answered here are counted."""
    could = traced(house, leak.key.access_key)["could_have"]
    actions = {unused["action"] for unused in could["actions"]}
    assert {"iam:DeleteUser", "sts:GetFederationToken", "muniment:TraceCredential"} <= actions
    assert not {"iam:CreateUser", "iam:GetUser", "sts:AssumeRole"} & actions
    services = {unused["service"]: unused for unused in could["services"]}
    assert services["s3"]["granted_by"] == ["s3:Get*", "*", "s3:*"]
    assert services["ec2"]["granted_by"] == ["*"]
    assert [(each["credential"]["kind"], each["permissions"]) for each in could["whose"]] == [
        ("access_key", 2),
        ("session", 2),
        ("access_key", 1),
    ]
    assert could["whose"][0]["credential"]["subject_id"] == leak.key.access_key
    assert could["left"] == 0


def test_a_role_that_it_assumed_could_have_done_more(house: InProcessServer) -> None:
    """A key that may do next to nothing has all within reach that its session's role has; a second session of it is not
    told apart, one that a policy limits is."""
    key = house.user("reader", {**ALLOW, "Action": ["sts:AssumeRole", "iam:GetUser"]})
    trust = trusting("reader", house)
    does(house, house.admin, "iam", "CreateRole", RoleName="ops", AssumeRolePolicyDocument=trust)
    does(house, house.admin, "iam", "PutRolePolicy", RoleName="ops", PolicyName="all", PolicyDocument=policy("iam:*"))
    role = {"RoleArn": f"arn:aws:iam::{house.account_id}:role/ops", "RoleSessionName": "build"}
    alone = traced(house, key.access_key)["could_have"]
    assert {unused["action"] for unused in alone["actions"]} == {"iam:GetUser", "sts:AssumeRole"}
    for limits in ({}, {}, {"Policy": policy("iam:List*")}):
        does(house, key, "sts", "AssumeRole", **role, **limits)
    could = traced(house, key.access_key)["could_have"]
    assert [len(each["same"]) for each in could["whose"]] == [0, 1, 0]
    actions = {unused["action"] for unused in could["actions"]}
    assert {"iam:GetUser", "iam:CreateUser"} <= actions
    assert "sts:AssumeRole" not in actions


def test_the_commands_undo_it(house: InProcessServer, leak: Leak) -> None:
    """Containment comes first; then each command is one that succeeds in its turn, and at the end nothing is left to be
    done and everything is as it was before."""
    containment = traced(house, leak.key.access_key)["containment"]
    assert containment["contain"] == f"muniment contain --restore {leak.key.access_key}"
    contains(house, leak.key, restore=True)
    (undone,) = containment["accounts"]
    for command in undone["commands"]:
        obeys(house, command)
    # The leaked key itself goes last, and what --restore has done is not done again.
    assert undone["commands"][-1].endswith(
        f"delete-access-key --user-name deployer --access-key-id {leak.key.access_key}"
    )
    assert not [command for command in undone["commands"] if "trust" in command or "assume-role-policy" in command]
    after = traced(house, leak.key.access_key)
    assert after["containment"] == {"contain": None, "accounts": []}
    assert after["descent"]["alive"] == []
    trust = does(house, house.admin, "iam", "GetRole", RoleName="ops")
    assert json.loads(unquote(member(trust, "AssumeRolePolicyDocument"))) == json.loads(trusting("deployer", house))
    inline = does(house, house.admin, "iam", "GetUserPolicy", UserName="deployer", PolicyName="inline")
    assert "s3:Get*" in unquote(member(inline, "PolicyDocument"))
    assert "<GroupName>limited<" in does(house, house.admin, "iam", "ListGroupsForUser", UserName="deployer")
    for operation, members in (
        ("GetUser", {"UserName": "--backup"}),
        ("GetPolicy", {"PolicyArn": f"arn:aws:iam::{house.account_id}:policy/door"}),
        ("GetLoginProfile", {"UserName": "deployer"}),
    ):
        assert house.aws_does("iam", operation, **members)[0] == 404


def test_what_was_there_before_is_put_back(house: InProcessServer) -> None:
    """What limits and what grants: a boundary, an attachment, an inline policy that was deleted, the default version
    of a policy, even one that is gone, and a key that was asleep; what was changed to and fro is left alone."""
    admin, key = house.admin, house.user("deployer", {**ALLOW, "Action": "iam:*"})
    asleep = house.user("sleeper", {**ALLOW, "Action": "s3:*"})
    arns = [member(does(house, admin, "iam", "CreatePolicy", PolicyName=name, PolicyDocument=policy(action)), "Arn")
            for name, action in (("limits", "s3:Get*"), ("grants", "s3:Put*"))]  # fmt: skip
    limits, grants = arns
    asleep_key = {"UserName": "sleeper", "AccessKeyId": asleep.access_key}
    sleeper = {"UserName": "sleeper"}
    does(house, admin, "iam", "UpdateAccessKey", **asleep_key, Status="Inactive")
    does(house, admin, "iam", "PutUserPermissionsBoundary", **sleeper, PermissionsBoundary=limits)
    does(house, admin, "iam", "AttachUserPolicy", **sleeper, PolicyArn=limits)
    before = house.asks("/v1/permissions/sleeper").body
    does(house, key, "iam", "UpdateAccessKey", **asleep_key, Status="Active")
    does(house, key, "iam", "DeleteUserPermissionsBoundary", **sleeper)
    does(house, key, "iam", "DetachUserPolicy", **sleeper, PolicyArn=limits)
    does(house, key, "iam", "DeleteUserPolicy", **sleeper, PolicyName="inline")
    does(house, key, "iam", "AttachUserPolicy", **sleeper, PolicyArn=grants)
    does(house, key, "iam", "DetachUserPolicy", **sleeper, PolicyArn=grants)
    for arn in arns:
        wide = {"PolicyArn": arn, "PolicyDocument": policy("*"), "SetAsDefault": "true"}
        does(house, key, "iam", "CreatePolicyVersion", **wide)
    does(house, key, "iam", "DeletePolicyVersion", PolicyArn=grants, VersionId="v1")
    (undone,) = traced(house, key.access_key)["containment"]["accounts"]
    contains(house, key, restore=True)
    for command in undone["commands"]:
        obeys(house, command)
    assert traced(house, key.access_key)["containment"]["accounts"] == []
    after = house.asks("/v1/permissions/sleeper").body
    told = [[[grant["action"] for grant in layer["allows"]] for layer in held["can"]] for held in (before, after)]
    assert told[0] == told[1]
    rows = house.asks("/v1/credentials").body["credentials"]
    keys = {row["access_key_id"]: row for row in rows if "access_key_id" in row}
    assert keys[asleep.access_key]["status"] == "Inactive"
    for arn, version in ((limits, "v1"), (grants, "v3")):
        versions = does(house, admin, "iam", "ListPolicyVersions", PolicyArn=arn)
        assert (versions.count("<VersionId>"), member(versions, "VersionId")) == (1, version)


def test_still_alive(house: InProcessServer, leak: Leak) -> None:
    """Before containment what lets somebody in, after it nothing; and as of before, what it was."""
    before = house.asks(f"/v1/trace/{leak.key.access_key}/alive")
    assert {node["kind"] for node in before.body["alive"]} == {"access_key", "session", "user"}
    contains(house, leak.key)
    assert house.asks(f"/v1/trace/{leak.key.access_key}/alive").body["alive"] == []
    then = house.asks(f"/v1/trace/{leak.key.access_key}/alive?as_of=p{before.position}")
    assert then.body["alive"] == before.body["alive"]


def test_a_kind_that_no_family_has_registered(
    house: InProcessServer, leak: Leak, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and counts as something that lets somebody in: nobody knows better."""
    path = f"/v1/trace/{quote(leak.key.access_key)}"
    registered = TraceCredential.read(json.dumps(house.asks(path).body).encode()).descent
    monkeypatch.delitem(lineage_kinds._kinds, "trust_policy")
    descent = TraceCredential.read(json.dumps(house.asks(path).body).encode()).descent
    assert len(descent.nodes) == len(registered.nodes)
    (unknown,) = set(descent.alive) - set(registered.alive)
    assert words.node_label(unknown) == f"trust_policy {unknown.subject_id} of ops"


def test_a_credential_that_is_not_honoured_any_more(house: InProcessServer, leak: Leak) -> None:
    """Calls with a dead key and a revoked session are of the story. Nobody called by them, so they have no principal;
    whoever asks over HTTP understands that, and is told that the last use was refused."""
    contains(house, leak.key)
    for keys in (leak.session, leak.key):
        assert house.aws_does("iam", "ListUsers", keys=keys)[0] == 403
    told = house.asks(f"/v1/trace/{leak.key.access_key}")
    story = TraceCredential.read(json.dumps(told.body).encode())
    refused = [call for call in story.did[0].calls if call.principal_arn is None]
    assert {words.credential(call) for call in refused} == {
        node.subject_id
        for node in story.descent.nodes
        if node.access_key_id in {leak.key.access_key, leak.session.access_key}
    }
    assert story.last_use == refused[-1]
    assert f"refused: {story.last_use.error_code}" in dict(words.trace_fields(story))["Last use"]
    assert "refused" not in dict(words.trace_fields(story))["First use"]


def test_before_the_leak(house: InProcessServer, leak: Leak) -> None:
    """As of the first call nothing was born yet, and the key was used once."""
    story = traced(house, leak.key.access_key)
    then = traced(house, leak.key.access_key, f"?as_of=p{story['seed']['position']}")
    assert (then["first_use"], then["did"][0]["calls"], len(then["descent"]["nodes"])) == (None, [], 1)
    assert "iam:CreateUser" in {unused["action"] for unused in then["could_have"]["actions"]}


def test_a_session_and_a_principal(house: InProcessServer, leak: Leak) -> None:
    """A session's story begins with the session and is about its role; a user's is about all its keys."""
    session_id = next(
        node["subject_id"]
        for node in traced(house, leak.key.access_key)["descent"]["alive"]
        if node["kind"] == "session"
    )
    session = traced(house, session_id)
    assert session["owner"]["arn_then"] == f"arn:aws:iam::{house.account_id}:role/ops"
    assert session["first_use"]["operation"] == "CreateUser"
    # What its role was attached by somebody else counts as well.
    assert session["could_have"]["whose"][0]["permissions"] == 2
    user = traced(house, "deployer")
    assert (user["seed"]["kind"], user["first_use"]["operation"]) == ("user", "AssumeRole")
    # The key is not the user's own work.
    assert not any(leak.key.access_key in command for command in user["containment"]["accounts"][0]["commands"])


def test_what_is_gone_has_its_story(house: InProcessServer, leak: Leak) -> None:
    """Of a deleted user's key it is told whose it was, what that was called, and that it is gone; a renamed one has
    another ARN now than then."""
    does(house, house.admin, "iam", "UpdateUser", UserName="deployer", NewUserName="renamed")
    owner = traced(house, leak.key.access_key)["owner"]
    assert owner["arn_then"].endswith(":user/deployer")
    assert owner["arn_now"].endswith(":user/renamed")
    made = {"UserName": "--backup"}
    does(house, house.admin, "iam", "DetachUserPolicy", **made, PolicyArn=ADMINISTRATOR_ACCESS)
    does(house, house.admin, "iam", "DeleteAccessKey", **made, AccessKeyId=leak.made_key)
    does(house, house.admin, "iam", "DeleteUser", **made)
    gone = traced(house, leak.made_key)
    assert (gone["owner"]["arn_now"], gone["seed"]["state"]) == (None, "deleted")
    assert gone["owner"]["arn_then"].endswith(":user/--backup")
    assert gone["owner"]["ended"]["by"].endswith(":user/admin")
    assert gone["containment"] == {"contain": None, "accounts": []}
    # A name that nobody has any more is that of who had it, who has a story still.
    for name, entity_id in (("--backup", gone["owner"]["entity_id"]), ("user/deployer", owner["entity_id"])):
        assert traced(house, name)["seed"]["subject_id"] == entity_id
    # It was never used: what it could have done is told of the time that it was there.
    assert "iam:CreateUser" not in {
        unused["action"] for unused in traced(house, leak.key.access_key)["could_have"]["actions"]
    }
    assert "iam:CreateUser" in {unused["action"] for unused in gone["could_have"]["actions"]}


def test_root_has_a_story(house: InProcessServer) -> None:
    """By the account's id or its ARN, also where it has no key."""
    for name in (house.account_id, f"arn:aws:iam::{house.account_id}:root"):
        story = traced(house, name)
        assert (story["seed"]["kind"], story["owner"]["kind"]) == ("root", "root")
        assert story["first_use"] is None
        assert "iam:CreateUser" in {unused["action"] for unused in story["could_have"]["actions"]}


def test_more_calls_than_are_told(house: InProcessServer, leak: Leak) -> None:
    """So many as were asked for, how many more there are, and the commands that tell them."""
    did = traced(house, leak.key.access_key, "?calls=2")["did"][0]
    assert (len(did["calls"]), did["calls_left"], did["looked_at"]) == (2, 11, 13)
    assert f"muniment history --access-key-id {leak.key.access_key}" in did["histories"]
    assert len(did["histories"]) == 3


def test_into_another_account(story: Story) -> None:
    """The calls of each account's credentials are told from its own ledger, and what is left to undo by the account
    whose credentials it takes. What was born elsewhere counts among what is alive."""
    story.organized()
    found = traced(story.house, story.leaked.access_key)
    home, other = story.house.account_id, story.other.account_id
    assert [did["account_id"] for did in found["did"]] == [home, other]
    made = [[call["operation"] for call in did["calls"]] for did in found["did"]]
    assert made[0] == ["AssumeRole", "AssumeRole"]
    assert made[1][:2] == ["CreateUser", "CreateAccessKey"]
    assert made[1][-1] == "AssumeRole"
    assert {node["account_id"] for node in found["descent"]["alive"]} == {home, other}
    own, undone = found["containment"]["accounts"]
    assert (own["account_id"], undone["account_id"]) == (home, other)
    assert [command.split()[2] for command in own["commands"]] == ["delete-access-key"]
    assert undone["commands"][-1] == "aws iam delete-user --user-name mallory"
    assert f"with credentials of {other}" in render_trace(Trace.model_validate(found))


def test_an_account_that_is_not_seen_into(story: Story) -> None:
    """Where nobody may look, it is said why, and nobody is told that nothing is alive."""
    found = traced(story.house, story.leaked.access_key)
    assert [did["account_id"] for did in found["did"]] == [story.house.account_id]
    (way,) = story.house.asks(f"/v1/trace/{story.leaked.access_key}/alive").body["unfollowed"]
    assert (way["account_id"], way["kind"]) == (story.other.account_id, "session")
    assert "not in an organization managed by" in way["reason"]


def test_what_is_no_credential(house: InProcessServer) -> None:
    assert house.asks("/v1/trace/AKIANOBODY").error[0] == "NoSuchEntity"


def test_calls_of_nobody_any_more(house: InProcessServer) -> None:
    """A key that is contained goes on being tried: those calls have no principal, and stand in the story."""
    leaked = house.user("ann", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    body = json.dumps({"credential": leaked.access_key}).encode()
    assert house.asks("/v1/contain", method="POST", body=body).status == 200
    assert house.aws_does("iam", "ListUsers", keys=leaked)[0] == 403
    told = house.asks(f"/v1/trace/{leaked.access_key}")
    read = TraceCredential.read(json.dumps(told.body).encode())
    assert read.last_use is not None
    assert (read.last_use.error_code, read.last_use.principal_arn) == ("InvalidClientTokenId", None)
    assert "ListUsers" in render_trace(read)
