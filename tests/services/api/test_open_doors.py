"""What a leaked key has opened for others: told, closed by --restore, and followed where somebody came in."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.credentials import Credentials as Keys

from domain.account import Account
from domain.facts import FactValue, facts, subjects
from domain.families.containment import CONTAINED_POLICY_NAME, CredentialContained
from services.accounts import NewAccount, open_account
from services.ledger import door_uses
from tests.services.api.in_process_server import InProcessServer, Reply
from tests.services.api.test_containment import organize
from tests.services.api.test_explaining import assumes

ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
NO_S3 = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
OF_RED = {**ANYTHING, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
STRANGER = "arn:aws:iam::999988887777:root"


def document(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def trusting(*arns: str) -> str:
    return document(*({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"} for arn in arns))


class Incident:
    """Eve, an administrator, has lost her key. Others work in the account."""

    def __init__(self, house: InProcessServer) -> None:
        self.house = house
        self.own_root = f"arn:aws:iam::{house.account_id}:root"
        self.deny_s3 = f"arn:aws:iam::{house.account_id}:policy/no-s3"
        self.eve = house.user("eve", ANYTHING)
        self.vic = house.user("vic", NO_S3)
        self.does("CreateRole", RoleName="ops", AssumeRolePolicyDocument=trusting(self.own_root))
        self.does("PutRolePolicy", RoleName="ops", PolicyName="may", PolicyDocument=document(ANYTHING))

    def does(self, operation: str, keys: Keys | None = None, **members: str) -> str:
        status, answer = self.house.aws_does("iam", operation, keys=keys, **members)
        assert status == 200, answer
        return answer

    def steals(self, operation: str, **members: str) -> None:
        """By the thief, in the words of ALTERATIONS."""
        known = {"NO_S3": self.deny_s3}
        meant = {name: known.get(value, value).replace("OWN", self.own_root) for name, value in members.items()}
        self.does(operation, keys=self.eve, **meant)

    def trusts(self, *arns: str, keys: Keys | None = None) -> None:
        """Role ops these, besides the account itself."""
        trust = trusting(self.own_root, *arns)
        self.does("UpdateAssumeRolePolicy", keys=keys, RoleName="ops", PolicyDocument=trust)

    def peopled(self) -> None:
        """With groups, policies, boundaries and tags that the thief is going to alter."""
        for name in ("bob", "carl", "dora"):
            self.does("CreateUser", UserName=name)
        for group, statement in (("readers", ANYTHING), ("barred", NO_S3)):
            self.does("CreateGroup", GroupName=group)
            self.does("PutGroupPolicy", GroupName=group, PolicyName="p", PolicyDocument=document(statement))
        self.does("AddUserToGroup", GroupName="barred", UserName="carl")
        self.does("CreatePolicy", PolicyName="no-s3", PolicyDocument=document(NO_S3))
        self.does("AttachUserPolicy", UserName="vic", PolicyArn=self.deny_s3)
        self.does("PutUserPermissionsBoundary", UserName="bob", PermissionsBoundary=self.deny_s3)
        self.does("PutUserPolicy", UserName="carl", PolicyName="of-red", PolicyDocument=document(OF_RED))
        tag = {"Tags.member.1.Key": "Team", "Tags.member.1.Value": "blue"}
        self.does("TagUser", UserName="carl", **tag)

    def contains(self, **parameters: object) -> Reply:
        body = json.dumps({"credential": self.eve.access_key, **parameters}).encode()
        told = self.house.asks("/v1/contain", method="POST", body=body)
        assert told.status == 200, told.body
        return told

    def alive(self, query: str = "") -> dict[str, Any]:
        told = self.house.asks(f"/v1/trace/{self.eve.access_key}/alive{query}")
        assert told.status == 200, told.body
        return told.body

    def account(self) -> Account:
        with self.house.ledger.readers.connection() as connection, connection.cursor() as cursor:
            found = self.house.ledger.past.at(cursor, self.house.account_id, 1 << 60)
        assert isinstance(found, Account)
        return found

    def says(self) -> dict[object, FactValue]:
        """Every fact of the account, but for keys and passwords, and what contains."""
        account = self.account()
        return {
            fact: value
            for subject in subjects(account)
            for fact, value in facts(account, subject).items()
            if fact.kind.name not in {"access key", "login profile", "policy version", "revocation"}
            and not fact.id.endswith(CONTAINED_POLICY_NAME)
        }


@pytest.fixture
def incident(house: InProcessServer) -> Incident:
    return Incident(house)


ALTERATIONS: dict[str, tuple[str, dict[str, str], str]] = {
    "trust of role ops": (
        "UpdateAssumeRolePolicy",
        {"RoleName": "ops", "PolicyDocument": trusting("OWN", STRANGER)},
        f"lets {STRANGER} assume it",
    ),
    "inline policy more of user vic": (
        "PutUserPolicy",
        {"UserName": "vic", "PolicyName": "more", "PolicyDocument": document(ANYTHING)},
        "allows * on *",
    ),
    "inline policy inline of user vic": (
        "DeleteUserPolicy",
        {"UserName": "vic", "PolicyName": "inline"},
        "no longer denies s3:* on *",
    ),
    f"{ADMINISTRATOR} on user vic": (
        "AttachUserPolicy",
        {"UserName": "vic", "PolicyArn": ADMINISTRATOR},
        "allows user vic * on *",
    ),
    "NO_S3 on user vic": (
        "DetachUserPolicy",
        {"UserName": "vic", "PolicyArn": "NO_S3"},
        "no longer denies user vic s3:* on *",
    ),
    "user carl in group readers": (
        "AddUserToGroup",
        {"UserName": "carl", "GroupName": "readers"},
        "allows user carl what group readers is allowed",
    ),
    "user carl in group barred": (
        "RemoveUserFromGroup",
        {"UserName": "carl", "GroupName": "barred"},
        "no longer denies user carl what group barred was denied",
    ),
    "boundary of user bob": (
        "DeleteUserPermissionsBoundary",
        {"UserName": "bob"},
        "no longer limits user bob to NO_S3",
    ),
    "default version of policy no-s3": (
        "CreatePolicyVersion",
        {"PolicyArn": "NO_S3", "PolicyDocument": document(ANYTHING), "SetAsDefault": "true"},
        "no longer denies s3:* on *",
    ),
    "tags of user carl": (
        "TagUser",
        {"UserName": "carl", "Tags.member.1.Key": "team", "Tags.member.1.Value": "red"},
        "gives user carl another tag team, and policies ask about that",
    ),
    "name of user dora": (
        "UpdateUser",
        {"UserName": "dora", "NewUserName": "dorothy", "NewPath": "/x/"},
        "is named by policies as /x/dorothy, not as /dora",
    ),
    "name of group barred": (
        "UpdateGroup",
        {"GroupName": "barred", "NewGroupName": "bared"},
        "is named by policies as /bared, not as /barred",
    ),
    "password of user vic": (
        "CreateLoginProfile",
        {"UserName": "vic", "Password": "Correct-horse-9"},
        "lets whoever knows the password sign in as vic",
    ),
}
"""What each is called when it is put back, what the thief calls, and what that opens."""


def test_every_door_is_told_and_put_back(incident: Incident) -> None:
    """Each kind of change that lets somebody in is an open door after the containment, in words. A dry run tells what
    stood before and stands now; then it is as it was, to the last fact. A password cannot be put back: it stays open,
    with the command that closes it."""
    incident.peopled()
    before = incident.says()
    for operation, members, _ in ALTERATIONS.values():
        incident.steals(operation, **members)
    contained = incident.contains()
    assert contained.body["remaining"] == []
    opened = {phrase for door in contained.body["open_doors"] for phrase in door["opens"]}
    expected = {phrase.replace("NO_S3", incident.deny_s3) for _, _, phrase in ALTERATIONS.values()}
    assert expected <= opened
    assert len(contained.body["open_doors"]) == len(ALTERATIONS)
    assert len(incident.alive()["open_doors"]) == len(ALTERATIONS)

    planned = incident.contains(restore=True, dry_run=True).body["restored"]
    assert incident.says() != before
    done = incident.contains(restore=True).body
    assert incident.says() == before
    assert [restored | {"refused": None} for restored in done["restored"]] == [
        restored | {"refused": None} for restored in planned
    ]
    titles = {restored["what"]: restored["refused"] for restored in done["restored"]}
    known_titles = {title.replace("NO_S3", incident.deny_s3) for title in ALTERATIONS}
    assert {title.replace("dorothy", "dora").replace("bared", "barred") for title in titles} == known_titles
    assert [title for title, refused in titles.items() if refused is not None] == ["password of user vic"]
    assert "delete-login-profile --user-name vic" in (titles["password of user vic"] or "")
    trust = next(restored for restored in planned if restored["what"] == "trust of role ops")
    assert (trust["before"], STRANGER in trust["after"]) == (trusting(incident.own_root), True)
    assert [door["node"]["kind"] for door in incident.alive()["open_doors"]] == ["password"]
    incident.does("DeleteLoginProfile", UserName="vic")
    assert incident.alive()["open_doors"] == []


def test_what_lets_nobody_in_is_no_door(incident: Incident) -> None:
    """The same trust in other white space, a policy that only denies, a tag that no policy asks about."""
    incident.does("CreatePolicy", PolicyName="no-s3", PolicyDocument=document(NO_S3))
    wider = json.dumps(json.loads(trusting(incident.own_root)), indent=3)
    incident.steals("UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=wider)
    incident.steals("AttachUserPolicy", UserName="vic", PolicyArn="NO_S3")
    incident.steals("TagUser", **{"UserName": "vic", "Tags.member.1.Key": "colour", "Tags.member.1.Value": "red"})
    assert incident.alive()["open_doors"] == []


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


def test_what_somebody_else_has_changed_since(incident: Incident) -> None:
    """A thief's statement in a trust policy that an administrator has written again is open, and is not put back over
    the administrator's head; it is shut when the statement is gone."""
    incident.trusts(STRANGER, keys=incident.eve)
    incident.trusts(STRANGER, f"arn:aws:iam::{incident.house.account_id}:user/vic")
    told = incident.contains(restore=True).body
    (restored,) = told["restored"]
    assert "somebody else has changed it since" in restored["refused"]
    assert len(told["open_doors"]) == 1
    incident.trusts()
    assert incident.alive()["open_doors"] == []


def test_a_version_that_somebody_else_puts_in_force(incident: Incident) -> None:
    """A thief's version of a policy lets nobody in while it is not the default one; it does when an administrator, who
    has not read it, makes it that."""
    incident.does("CreatePolicy", PolicyName="no-s3", PolicyDocument=document(NO_S3))
    incident.does("AttachUserPolicy", UserName="vic", PolicyArn=incident.deny_s3)
    incident.steals("CreatePolicyVersion", PolicyArn="NO_S3", PolicyDocument=document(ANYTHING))
    assert incident.alive()["open_doors"] == []
    incident.does("SetDefaultPolicyVersion", PolicyArn=incident.deny_s3, VersionId="v2")
    (door,) = incident.alive()["open_doors"]
    assert door["opens"] == ["allows * on *", "no longer denies s3:* on *"]
    incident.does("SetDefaultPolicyVersion", PolicyArn=incident.deny_s3, VersionId="v1")
    assert incident.alive()["open_doors"] == []


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


def test_a_deny_whose_carrier_is_deleted(incident: Incident) -> None:
    """Detached or left, and then deleted, or another one put in its place: what it denied is denied no more, which
    stays an open door; nothing else is put back in its stead. A boundary, too."""
    incident.peopled()
    incident.does("CreatePolicy", PolicyName="limit", PolicyDocument=document(NO_S3))
    limit = f"arn:aws:iam::{incident.house.account_id}:policy/limit"
    incident.does("PutUserPermissionsBoundary", UserName="carl", PermissionsBoundary=limit)
    incident.steals("DetachUserPolicy", UserName="vic", PolicyArn="NO_S3")
    incident.steals("DeleteUserPermissionsBoundary", UserName="bob")
    incident.steals("DeletePolicy", PolicyArn="NO_S3")
    incident.steals("CreatePolicy", PolicyName="no-s3", PolicyDocument=document(ANYTHING))
    incident.steals("RemoveUserFromGroup", UserName="carl", GroupName="barred")
    incident.steals("DeleteGroupPolicy", GroupName="barred", PolicyName="p")
    incident.steals("DeleteGroup", GroupName="barred")
    incident.steals("DeleteUserPermissionsBoundary", UserName="carl")
    incident.does("DeletePolicy", PolicyArn=limit)
    told = incident.contains(restore=True).body
    assert {restored["what"]: restored["refused"] is None for restored in told["restored"]} == {
        f"{incident.deny_s3} on user vic": False,
        "boundary of user bob": False,
        "boundary of user carl": False,
        "user carl in group barred": False,
    }
    assert {door["node"]["name"] for door in told["open_doors"]} >= {"vic", "bob", "carl"}


def test_names_that_others_have_by_now(incident: Incident) -> None:
    """No rename of the thief's, in whatever order with others', keeps the containment from ending the key; a name is
    put back where it is free, and never over somebody else's decision."""
    incident.peopled()
    incident.steals("UpdateUser", UserName="dora", NewUserName="dorothy")
    incident.does("CreateUser", UserName="dora")
    incident.steals("UpdateUser", UserName="bob", NewUserName="robert")
    incident.does("UpdateUser", UserName="robert", NewUserName="rob")
    told = incident.contains(restore=True).body
    assert incident.house.aws_does("sts", "GetCallerIdentity", keys=incident.eve)[0] == 403
    assert [restored["refused"] for restored in told["restored"]] == ["User with name dora already exists."]
    assert [door["node"]["name"] for door in told["open_doors"]] == ["dora"]


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


def test_what_others_do_moves_the_ground(incident: Incident) -> None:
    """A thief's statement stands in a list that somebody else has added to; what an administrator had written in
    between is what is put back; what one has ended and given again for a good reason is nobody's door."""
    incident.trusts(STRANGER, keys=incident.eve)
    incident.trusts(f"arn:aws:iam::{incident.house.account_id}:user/vic")
    incident.trusts(f"arn:aws:iam::{incident.house.account_id}:user/vic", STRANGER, keys=incident.eve)
    grant = {"UserName": "vic", "PolicyArn": ADMINISTRATOR}
    incident.does("AttachUserPolicy", keys=incident.eve, **grant)
    incident.does("DetachUserPolicy", **grant)
    incident.does("AttachUserPolicy", **grant)
    incident.does("CreateUser", keys=incident.vic, UserName="innocent")
    told = incident.contains(restore=True).body
    assert [restored["what"] for restored in told["restored"]] == ["trust of role ops"]
    assert told["open_doors"] == []
    assert incident.alive()["alive"] == []
    assert incident.house.aws_does("iam", "ListUsers", keys=incident.vic)[0] == 200
    served = incident.does("GetRole", RoleName="ops")
    assert ("user%2Fvic" in served, "999988887777" in served) == (True, False)


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


def test_a_group_is_not_shut_by_who_is_in_it(incident: Incident) -> None:
    """A decoy of the thief's in somebody else's group shuts nothing: the next member gets what the group was given."""
    incident.does("CreateGroup", GroupName="devs")
    incident.steals("AttachGroupPolicy", GroupName="devs", PolicyArn=ADMINISTRATOR)
    incident.steals("CreateUser", UserName="decoy")
    incident.steals("AddUserToGroup", UserName="decoy", GroupName="devs")
    doors = incident.contains().body["open_doors"]
    assert [door["opens"] for door in doors] == [["allows group devs * on *"]]
