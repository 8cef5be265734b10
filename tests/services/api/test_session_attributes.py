"""What a session was given: its source identity, its tags, its policies, and who got it of a root user."""

import json
import re

from botocore.credentials import Credentials as Keys

from services.accounts import NewAccount, open_account
from tests.services.api.in_process_server import InProcessServer
from tests.services.api.incident import ANYTHING
from tests.services.api.leaked_key import organize

TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"


def keys_of(answer: str) -> Keys:
    return Keys(
        *(
            re.findall(f"<{name}>(.*)</{name}>", answer)[0]
            for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
        )
    )


def test_source_identity_tags_and_policies(house: InProcessServer) -> None:
    """`sessions` tells them; history tells the source identity of calls, and finds them by it, with the one that asked
    for it; one that never was is an error."""
    boss = house.user("boss", ANYTHING)
    trust = {"Effect": "Allow", "Principal": {"AWS": house.account_id}}
    trust["Action"] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    assert house.aws_does("iam", "CreateRole", RoleName="ops", AssumeRolePolicyDocument=document)[0] == 200
    limit = json.dumps({"Version": "2012-10-17", "Statement": [ANYTHING]}, separators=(",", ":"))
    asked = {"RoleArn": f"arn:aws:iam::{house.account_id}:role/ops", "RoleSessionName": "one", "SourceIdentity": "Ann"}
    tagged = {"Tags.member.1.Key": "team", "Tags.member.1.Value": "blue", "TransitiveTagKeys.member.1": "team"}
    status, answer = house.aws_does("sts", "AssumeRole", keys=boss, Policy=limit, **asked, **tagged)
    assert status == 200, answer
    house.aws_does("sts", "GetCallerIdentity", keys=keys_of(answer))
    (session,) = house.asks("/v1/sessions").body["sessions"]
    assert (session["source_identity"], session["assumed_root"]) == ("Ann", False)
    assert session["tags"] == [{"key": "team", "value": "blue", "transitive": True}]
    assert session["policies"] == [{"document": limit, "policy_arn": None}]
    for _ in range(2):  # That it was looked for is found by nobody.
        found = house.asks("/v1/history?source_identity=ann").body["calls"]
        assert [(call["operation"], call["source_identity"]) for call in found] == [
            ("AssumeRole", "Ann"),
            ("GetCallerIdentity", "Ann"),
        ]
    assert house.asks("/v1/history?source_identity=amn").error[0] == "NoSuchEntity"


def test_sessions_of_root_that_somebody_got(house: InProcessServer) -> None:
    """The member's history says which principal of the management account acted as its root."""
    other = NewAccount()
    house.ledger.committer.deliver_through(lambda answer: answer())
    key = open_account(house.ledger.committer, other)
    theirs = Keys(key.access_key_id, other.secret.reveal())
    organize(house, other.account_id)
    boss = house.user("boss", ANYTHING)
    assert house.aws_does("iam", "EnableOrganizationsRootCredentialsManagement")[0] == 200
    members = {"TargetPrincipal": other.account_id, "TaskPolicyArn.arn": TASK}
    status, answer = house.aws_does("sts", "AssumeRoot", keys=boss, **members)
    assert status == 200, answer
    house.aws_does("iam", "GetAccountSummary", keys=keys_of(answer))
    boss_arn = f"arn:aws:iam::{house.account_id}:user/boss"
    (session,) = house.asks("/v1/sessions", keys=theirs).body["sessions"]
    assert (session["assumed_root"], session["minted_by_arn"]) == (True, boss_arn)
    (call,) = house.asks("/v1/history?operation=GetAccountSummary", keys=theirs).body["calls"]
    assert (call["principal_type"], call["root_assumed_by"]) == ("Root", boss_arn)
    own = house.asks("/v1/history?operation=ListSessions", keys=theirs).body["calls"]
    assert {call["root_assumed_by"] for call in own} == {None}
