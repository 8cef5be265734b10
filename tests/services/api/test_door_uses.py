"""Who came in by what a leaked key has opened: followed, ended with its lineage, told apart from what came before."""

from datetime import UTC, datetime

import pytest
from botocore.credentials import Credentials as Keys

from domain.families.containment import CONTAINED_POLICY_NAME, CredentialContained
from services.accounts import NewAccount, open_account
from services.ledger import door_uses
from tests.services.api.in_process_server import InProcessServer
from tests.services.api.incident import ADMINISTRATOR, ANYTHING, Incident, document
from tests.services.api.leaked_key import organize
from tests.services.api.test_explaining import assumes


def test_whoever_came_in_by_a_door_descends_from_it(incident: Incident) -> None:
    """Vic's own key is his, and what he did with his own rights too; what he could do only because the thief gave him a
    policy is the lineage's, with what that made. Contained once more, its credentials end."""
    house = incident.house
    groups = document({"Effect": "Allow", "Action": "iam:CreateGroup", "Resource": "*"})
    incident.does("PutUserPolicy", UserName="vic", PolicyName="own", PolicyDocument=groups)
    incident.does("AttachUserPolicy", keys=incident.eve, UserName="vic", PolicyArn=ADMINISTRATOR)
    incident.does("CreateGroup", keys=incident.vic, GroupName="by-right")
    incident.does("CreateUser", keys=incident.vic, UserName="backdoor")
    answer = incident.does("CreateAccessKey", keys=incident.vic, UserName="backdoor")
    names = ("AccessKeyId", "SecretAccessKey")
    backdoor = Keys(*(answer.partition(f"<{name}>")[2].partition("<")[0] for name in names))
    incident.does("AttachUserPolicy", keys=incident.vic, UserName="backdoor", PolicyArn=ADMINISTRATOR)
    incident.does("CreateUser", keys=backdoor, UserName="grandchild")
    nodes = {node["name"]: node for node in house.asks(f"/v1/lineage/{incident.eve.access_key}").body["nodes"]}
    assert {"backdoor", "grandchild"} <= nodes.keys()
    assert "by-right" not in nodes
    incident.contains(restore=True)
    assert house.aws_does("sts", "GetCallerIdentity", keys=backdoor)[0] == 403
    assert house.aws_does("sts", "GetCallerIdentity", keys=incident.vic)[0] == 200
    still = incident.alive()
    assert (still["alive"], still["open_doors"]) == ([], [])


def test_another_account_comes_in_by_a_trust_policy(house: InProcessServer) -> None:
    """Its session is of the lineage, is revoked with it, and the door is named until it is closed."""
    incident = Incident(house)
    other = NewAccount()
    house.ledger.committer.deliver_through(lambda answer: answer())
    key = open_account(house.ledger.committer, other)
    theirs = Keys(key.access_key_id, other.secret.reveal())
    organize(house, other.account_id)
    outside = f"arn:aws:iam::{other.account_id}:root"
    incident.trusts(outside, keys=incident.eve)
    session, _ = assumes(house, theirs, f"arn:aws:iam::{house.account_id}:role/ops")
    still = incident.alive()
    assert [node["kind"] for node in still["alive"]] == ["access_key", "session"]
    assert [door["opens"] for door in still["open_doors"]] == [[f"lets {outside} assume it"]]
    told = incident.contains()
    assert house.aws_does("sts", "GetCallerIdentity", keys=session)[0] == 403
    assert (told.body["remaining"], len(told.body["open_doors"])) == ([], 1)
    incident.contains(restore=True)
    assert incident.alive()["open_doors"] == []
    again = {"RoleArn": f"arn:aws:iam::{house.account_id}:role/ops", "RoleSessionName": "again"}
    assert house.aws_does("sts", "AssumeRole", keys=theirs, **again)[0] == 403


def test_since_the_compromise(incident: Incident) -> None:
    """What eve had made herself is listed apart and left; what came after is the lineage. The moment is recorded."""
    incident.does("CreateUser", keys=incident.eve, UserName="colleague")
    since = datetime.now(UTC).isoformat()
    incident.does("CreateUser", keys=incident.eve, UserName="backdoor")
    told = incident.contains(compromised_since=since).body
    denied = {name for account in told["accounts"] for name in account["names"].values()}
    assert "user/backdoor" in denied
    assert "user/colleague" not in denied
    assert [node["name"] for node in told["left"]] == ["colleague"]
    assert told["compromised_since"] is not None
    with incident.house.ledger.readers.connection() as connection:
        select = "select convert_from(state, 'UTF8')::jsonb -> 'event' from ledger.changes where topic = %s"
        ((event,),) = connection.execute(select, (CredentialContained.topic,)).fetchall()
    assert datetime.fromisoformat(event["compromised_since"]) == datetime.fromisoformat(since)


def test_calls_that_were_not_examined_are_told(incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the bound nobody has looked: that is no all-clear."""
    monkeypatch.setattr(door_uses, "CALLS_MAX", 0)
    incident.does("AttachUserPolicy", keys=incident.eve, UserName="vic", PolicyArn=ADMINISTRATOR)
    incident.does("CreateUser", keys=incident.vic, UserName="backdoor")
    assert incident.alive()["unexamined_calls"] == 1


def test_an_activated_key_is_followed_while_it_is_the_thief_s(incident: Incident) -> None:
    """What it signs from its activation on descends from it; what its owner had signed before does not."""
    old = incident.house.user("old", ANYTHING)
    key = {"UserName": "old", "AccessKeyId": old.access_key}
    incident.does("CreateUser", keys=old, UserName="before")
    incident.does("UpdateAccessKey", **key, Status="Inactive")
    incident.does("UpdateAccessKey", keys=incident.eve, **key, Status="Active")
    incident.does("CreateUser", keys=old, UserName="after")
    names = {node["name"] for node in incident.alive()["alive"]}
    assert "after" in names
    assert "before" not in names
    assert incident.contains().body["remaining"] == []


def test_a_former_name_is_told_with_that_of_now(incident: Incident) -> None:
    """Somebody else may have it by now: whom a containment is about must not be mistaken."""
    incident.does("CreateUser", keys=incident.eve, UserName="backdoor")
    incident.does("UpdateUser", UserName="backdoor", NewUserName="renamed")
    incident.does("CreateUser", UserName="backdoor")
    told = incident.contains().body
    names = [name for account in told["accounts"] for name in account["names"].values()]
    assert "user/backdoor, now renamed" in names
    assert (
        incident.house.aws_does("iam", "GetUserPolicy", UserName="backdoor", PolicyName=CONTAINED_POLICY_NAME)[0] == 404
    )


def test_whoever_came_by_a_name_or_a_boundary(incident: Incident) -> None:
    """Calls are decided as if things had their former names, and the boundary that they had: who may make keys below
    /dev, or change whom a boundary bounds, has used the thief's doing."""
    incident.peopled()
    below_dev = {"Effect": "Allow", "Action": "iam:CreateAccessKey", "Resource": "arn:aws:iam::*:user/dev/*"}
    of_bounded = {
        "Effect": "Allow",
        "Action": "iam:AttachUserPolicy",
        "Resource": "*",
        "Condition": {"StringEquals": {"iam:PermissionsBoundary": incident.deny_s3}},
    }
    helper = incident.house.user("helper", below_dev, of_bounded)
    incident.steals("UpdateUser", UserName="dora", NewPath="/dev/")
    incident.does("CreateAccessKey", keys=helper, UserName="dora")
    incident.steals("PutUserPermissionsBoundary", UserName="carl", PermissionsBoundary="NO_S3")
    incident.does("AttachUserPolicy", keys=helper, UserName="carl", PolicyArn=ADMINISTRATOR)
    nodes = incident.house.asks(f"/v1/lineage/{incident.eve.access_key}").body["nodes"]
    found = {(node["kind"], node["name"]) for node in nodes}
    assert {("access_key", "dora"), ("attachment", "carl")} <= found


def test_a_boundary_that_is_asked_for_is_the_caller_s(incident: Incident) -> None:
    """Who may create users only with a boundary does so by right, whatever a thief has altered. Who may change only
    users without one has used that the thief took one away."""
    incident.peopled()
    bounded = {"StringEquals": {"iam:PermissionsBoundary": incident.deny_s3}}
    creates = {"Effect": "Allow", "Action": "iam:CreateUser", "Resource": "*", "Condition": bounded}
    attaches = {"Effect": "Allow", "Action": "iam:AttachUserPolicy", "Resource": "*"}
    helper = incident.house.user("helper", creates, attaches, {**attaches, "Effect": "Deny", "Condition": bounded})
    incident.steals("DeleteUserPermissionsBoundary", UserName="bob")
    incident.does("CreateUser", keys=helper, UserName="junior", PermissionsBoundary=incident.deny_s3)
    incident.does("AttachUserPolicy", keys=helper, UserName="bob", PolicyArn=ADMINISTRATOR)
    nodes = incident.house.asks(f"/v1/lineage/{incident.eve.access_key}").body["nodes"]
    assert [(node["kind"], node["name"]) for node in nodes[1:]] == [("boundary_removed", "bob"), ("attachment", "bob")]


def test_one_lineage_inside_another(incident: Incident) -> None:
    """What the containment of an inner one puts back is still the outer one's work."""
    incident.does("CreateUser", keys=incident.eve, UserName="mal")
    incident.does("AttachUserPolicy", keys=incident.eve, UserName="mal", PolicyArn=ADMINISTRATOR)
    answer = incident.does("CreateAccessKey", keys=incident.eve, UserName="mal")
    names = ("AccessKeyId", "SecretAccessKey")
    mal = Keys(*(answer.partition(f"<{name}>")[2].partition("<")[0] for name in names))
    incident.does("AttachUserPolicy", keys=incident.eve, UserName="vic", PolicyArn=ADMINISTRATOR)
    incident.does("DetachUserPolicy", keys=mal, UserName="vic", PolicyArn=ADMINISTRATOR)
    incident.contains(credential=mal.access_key, restore=True)
    assert incident.house.aws_does("iam", "ListUsers", keys=incident.vic)[0] == 200
    assert [door["opens"] for door in incident.contains().body["open_doors"]] == [["allows user vic * on *"]]
    incident.contains(restore=True)
    assert incident.house.aws_does("iam", "ListUsers", keys=incident.vic)[0] == 403


def test_an_organizations_feature_of_the_thief(house: InProcessServer) -> None:
    """What lets others have sessions of members' root users is a door; such a session is of the lineage, told with the
    feature as its parent; put back, the feature is off, as is what else the thief had set, of a role and of root."""
    incident = Incident(house)
    other = NewAccount()
    house.ledger.committer.deliver_through(lambda answer: answer())
    open_account(house.ledger.committer, other)
    organize(house, other.account_id)
    boss = house.user("boss", ANYTHING)
    before = incident.says()
    unlocking = {
        "TargetPrincipal": other.account_id,
        "TaskPolicyArn.arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy",
    }
    assert house.aws_does("sts", "AssumeRoot", keys=boss, **unlocking)[0] == 403
    incident.steals("EnableOrganizationsRootSessions")
    incident.steals("UpdateRole", RoleName="ops", MaxSessionDuration="36000", Description="longer")
    assert house.aws_does("sts", "AssumeRoot", keys=boss, **unlocking)[0] == 200
    nodes = house.asks(f"/v1/lineage/{incident.eve.access_key}").body["nodes"]
    position = {node["kind"]: node["position"] for node in nodes}
    (session,) = (node for node in nodes if node["kind"] == "session")
    assert (session["account_id"], session["parent"]["position"]) == (
        other.account_id,
        position["organizations_feature"],
    )
    (door,) = incident.contains().body["open_doors"]
    assert door["opens"] == [
        f"lets principals of {house.account_id} assume root of member accounts, for tasks of RootSessions"
    ]
    told = incident.contains(restore=True).body
    assert {restored["what"]: (restored["before"], restored["after"]) for restored in told["restored"]} == {
        "organizations feature RootSessions": (None, "enabled in o-exampleorgid"),
        "description and longest session of role ops": (
            "sessions of at most 3600 seconds",
            "sessions of at most 36000 seconds, described as longer",
        ),
    }
    assert (incident.alive()["open_doors"], incident.says()) == ([], before)
    assert house.aws_does("sts", "AssumeRoot", keys=boss, **unlocking)[0] == 403
