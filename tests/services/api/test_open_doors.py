"""What a leaked key has opened for others: told, and closed by --restore."""

import json

from domain.families.mfa_devices import MFA_DEVICES
from domain.families.saml_providers import SAML_PROVIDERS
from domain.queries.restored_settings import SETTING_ROWS
from tests.saml import private_key, saml_metadata
from tests.services.api.incident import ADMINISTRATOR, ANYTHING, NO_S3, STRANGER, Incident, document, trusting

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
    "name of server certificate shop": (
        "UpdateServerCertificate",
        {"ServerCertificateName": "shop", "NewServerCertificateName": "old-shop"},
        "is named by policies as /old-shop, not as /shop",
    ),
    "OIDC provider gone.example.com": (
        "CreateOpenIDConnectProvider",
        {"Url": "https://gone.example.com"},
        "lets whom it vouches for assume role web-gone",
    ),
    "OIDC provider token.example.com": (
        "AddClientIDToOpenIDConnectProvider",
        {"OpenIDConnectProviderArn": "TOKEN", "ClientID": "theirs"},
        "lets holders of tokens for client id theirs assume role web-token",
    ),
    "SAML provider okta": (
        "UpdateSAMLProvider",
        {"SAMLProviderArn": "OKTA", "SAMLMetadataDocument": saml_metadata("theirs")},
        "lets whom https://theirs.example.com vouches for, by keys that were not trusted before, assume role signed-on",
    ),
    "password policy of the account": (
        "UpdateAccountPasswordPolicy",
        {"AllowUsersToChangePassword": "true"},
        "lets every user change the own password",
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

    plan = incident.contains(restore=True, dry_run=True).body
    planned = plan["restored"]
    assert not {node["kind"] for node in plan["standing"]} & SETTING_ROWS.keys()
    assert incident.says() != before
    done = incident.contains(restore=True).body
    assert incident.says() == before
    assert [restored | {"refused": None} for restored in done["restored"]] == [
        restored | {"refused": None} for restored in planned
    ]
    titles = {restored["what"]: restored["refused"] for restored in done["restored"]}
    known_titles = {title.replace("NO_S3", incident.deny_s3) for title in ALTERATIONS}
    assert {
        title.replace("dorothy", "dora").replace("bared", "barred").replace("old-shop", "shop") for title in titles
    } == known_titles
    assert [title for title, refused in titles.items() if refused is not None] == ["password of user vic"]
    assert "delete-login-profile --user-name vic" in (titles["password of user vic"] or "")
    trust = next(restored for restored in planned if restored["what"] == "trust of role ops")
    assert (trust["before"], STRANGER in trust["after"]) == (trusting(incident.own_root), True)
    assert [door["node"]["kind"] for door in incident.alive()["open_doors"]] == ["password"]
    incident.does("DeleteLoginProfile", UserName="vic")
    assert incident.alive()["open_doors"] == []


def test_an_mfa_device_of_the_thief(incident: Incident) -> None:
    """On somebody's user it is a door until it is deactivated; one that the thief has deactivated is told, and only
    whoever holds it can enable it again."""
    own = incident.enables("own", None)
    incident.steals("DeactivateMFADevice", UserName="vic", SerialNumber=own)
    evil = incident.enables("evil", incident.eve)
    (door,) = incident.alive()["open_doors"]
    assert (door["node"]["kind"], door["node"]["subject_id"]) == ("mfa_enabled", evil)
    told = {restored["what"]: restored["refused"] for restored in incident.contains(restore=True).body["restored"]}
    assert told.pop(f"MFA device {evil} of user vic") is None
    (refused,) = told.values()
    assert "whoever holds the device has to enable it again" in refused
    assert incident.alive()["open_doors"] == []
    assert not incident.account()[MFA_DEVICES].owned


def test_an_mfa_device_in_the_place_of_another(incident: Incident) -> None:
    """With the name of the one that was there: it is deactivated, and that the former one is gone is told."""
    own = incident.enables("own", None)
    incident.steals("DeactivateMFADevice", UserName="vic", SerialNumber=own)
    incident.steals("DeleteVirtualMFADevice", SerialNumber=own)
    incident.enables("own", incident.eve)
    (told,) = incident.contains(restore=True).body["restored"]
    assert "user vic needs a new one; what is in its place is deactivated" in told["refused"]
    assert not incident.account()[MFA_DEVICES].owned
    assert incident.alive()["open_doors"] == []


def test_private_keys_of_a_saml_provider(incident: Incident) -> None:
    """One that the thief has added is a door while it stands, whatever trusts the provider, and is destroyed by the
    containment; one of before that the thief has destroyed is named. What others have added stays. So too where the
    thief made the provider."""
    arn = f"arn:aws:iam::{incident.house.account_id}:saml-provider/{{}}".format
    named, key = {"SAMLProviderArn": arn("okta")}, {"AddPrivateKey": private_key()}
    metadata = {"SAMLMetadataDocument": saml_metadata()}
    incident.does("CreateSAMLProvider", Name="okta", **metadata, **key)
    (first,) = incident.saml_keys("okta")
    incident.steals("UpdateSAMLProvider", **named, **key, RemovePrivateKey=first)
    (second,) = incident.saml_keys("okta")
    incident.does("UpdateSAMLProvider", **named, **key)
    incident.steals("CreateSAMLProvider", Name="own", **metadata, **key)
    incident.steals("UpdateSAMLProvider", SAMLProviderArn=arn("own"), SAMLMetadataDocument=saml_metadata("b"))
    (own,) = incident.saml_keys("own")

    doors = {door["node"]["subject_id"]: door for door in incident.contains().body["open_doors"]}
    assert doors.keys() == {second, own}
    assert doors[second]["opens"] == ["lets whoever holds it read assertions that are encrypted for it"]
    tree = incident.house.asks(f"/v1/lineage/{incident.eve.access_key}").body["nodes"]
    assert [node["state"] for node in tree if node["subject_id"] == second] == ["active"]
    told = {each["what"]: each["refused"] for each in incident.contains(restore=True).body["restored"]}
    refused = told.pop(f"private key {first} of SAML provider okta")
    assert "it was destroyed when it was removed; add it again" in refused
    assert told == dict.fromkeys(
        (f"private key {second} of SAML provider okta", f"private key {own} of SAML provider own", "SAML provider own")
    )
    (third,) = incident.saml_keys("okta")
    assert third not in {first, second}
    assert arn("own") not in incident.account()[SAML_PROVIDERS]
    assert incident.alive()["open_doors"] == []
    with incident.house.ledger.writers.connection() as connection:
        sealed = connection.execute("select key_id from secrets.saml_private_keys").fetchall()
    assert sealed == [(third,)]


def test_what_lets_nobody_in_is_no_door(incident: Incident) -> None:
    """The same trust in other white space, a policy that only denies, a tag that no policy asks about."""
    incident.does("CreatePolicy", PolicyName="no-s3", PolicyDocument=document(NO_S3))
    wider = json.dumps(json.loads(trusting(incident.own_root)), indent=3)
    incident.steals("UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=wider)
    incident.steals("AttachUserPolicy", UserName="vic", PolicyArn="NO_S3")
    incident.steals("TagUser", **{"UserName": "vic", "Tags.member.1.Key": "colour", "Tags.member.1.Value": "red"})
    assert incident.alive()["open_doors"] == []


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


def test_a_group_is_not_shut_by_who_is_in_it(incident: Incident) -> None:
    """A decoy of the thief's in somebody else's group shuts nothing: the next member gets what the group was given."""
    incident.does("CreateGroup", GroupName="devs")
    incident.steals("AttachGroupPolicy", GroupName="devs", PolicyArn=ADMINISTRATOR)
    incident.steals("CreateUser", UserName="decoy")
    incident.steals("AddUserToGroup", UserName="decoy", GroupName="devs")
    doors = incident.contains().body["open_doors"]
    assert [door["opens"] for door in doors] == [["allows group devs * on *"]]


def test_names_that_go_back_and_forth(incident: Incident) -> None:
    """The thief's own user has no former name; one that was renamed and renamed back is as it was."""
    incident.peopled()
    incident.steals("CreateUser", UserName="mine")
    for name, new in (("mine", "ours"), ("ours", "mine"), ("dora", "nora"), ("nora", "dora")):
        incident.steals("UpdateUser", UserName=name, NewUserName=new)
    incident.steals("UpdateUser", UserName="mine", NewUserName="yours")
    told = incident.contains(restore=True).body
    assert (told["restored"], told["open_doors"], incident.alive()["open_doors"]) == ([], [], [])


def test_a_boundary_that_somebody_else_has_decided(incident: Incident) -> None:
    """What bounds a user is one policy: an administrator who sets another one has shut the door."""
    incident.peopled()
    incident.does("CreatePolicy", PolicyName="stricter", PolicyDocument=document(NO_S3))
    stricter = f"arn:aws:iam::{incident.house.account_id}:policy/stricter"
    incident.steals("PutUserPermissionsBoundary", UserName="bob", PermissionsBoundary=ADMINISTRATOR)
    assert [door["opens"] for door in incident.alive()["open_doors"]] == [
        [f"no longer limits user bob to {incident.deny_s3}"]
    ]
    incident.does("PutUserPermissionsBoundary", UserName="bob", PermissionsBoundary=stricter)
    assert incident.alive()["open_doors"] == []


def test_a_boundary_of_the_time_between(incident: Incident) -> None:
    """Set by somebody else after the thief had begun with it, then taken away and deleted by the thief."""
    incident.peopled()
    incident.steals("DeleteUserPermissionsBoundary", UserName="bob")
    incident.does("CreatePolicy", PolicyName="later", PolicyDocument=document(NO_S3))
    later = f"arn:aws:iam::{incident.house.account_id}:policy/later"
    incident.does("PutUserPermissionsBoundary", UserName="bob", PermissionsBoundary=later)
    incident.steals("DeleteUserPermissionsBoundary", UserName="bob")
    incident.steals("DeletePolicy", PolicyArn=later)
    (door,) = incident.alive()["open_doors"]
    assert door["opens"] == [f"no longer limits user bob to {later}"]
