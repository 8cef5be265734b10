"""The tree of a lineage, and containment, as processes against a running server."""

import json
import re

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.services.cli.conftest import Desk
from tests.services.cli.test_commands import user_with_key

MAY = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def test_a_leaked_key_is_seen_and_contained(desk: Desk) -> None:
    """Its session and the user that it made are drawn below it; a dry run changes nothing; contained, nothing of it is
    alive, the position is told, and what is left for a person to judge."""
    key = user_with_key(desk, "leaky")
    desk.aws("iam", "put-user-policy", "--user-name", "leaky", "--policy-name", "may", "--policy-document", MAY)
    theirs = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    iam, sts = (theirs.client(service, endpoint_url=desk.server.endpoint) for service in ("iam", "sts"))
    sts.get_session_token()
    iam.create_user(UserName="brood")
    iam.put_user_policy(UserName="brood", PolicyName="p", PolicyDocument=MAY)
    desk.aws("iam", "create-group", "--group-name", "crew")
    iam.add_user_to_group(GroupName="crew", UserName="brood")
    shown = desk.muniment("sessions", "--tree", key["AccessKeyId"])
    assert shown.status == 0, shown.error
    first, *below, opened = shown.out.splitlines()
    assert first.startswith(f"access key {key['AccessKeyId']} of leaky  [active]  ")
    assert [(line[:3], line[3:].split()[0]) for line in below] == [
        ("├─ ", "session"),
        ("├─ ", "user"),
        ("├─ ", "inline"),
        ("└─ ", "brood"),
    ]
    assert re.match(r"└─ brood put into group crew \(AGPA[A-Z0-9]{17}\)  \[active\]", below[-1])
    assert opened.startswith("Open door: inline policy p of brood: allows * on *")
    planned = desk.muniment("contain", key["AccessKeyId"], "--dry-run")
    assert (planned.status, planned.error.endswith("muniment: Nothing was changed.\n")) == (0, True)
    title, *rows = [re.split(" {2,}", line) for line in planned.out.splitlines()]
    assert title == ["ACCOUNT", "CONTAINMENT", "ID", "NAME"]
    whom = [cells for _account, *cells in rows[:3]]
    assert [(how, name) for how, _id, name in whom] == [
        ("would deny", "user/brood"), ("would deactivate", "leaky"), ("would revoke", "user/leaky"),
    ]  # fmt: skip
    assert whom[1][1] == key["AccessKeyId"]
    contained = desk.muniment("contain", key["AccessKeyId"], "--reason", "found on a disk")
    assert contained.status == 0, contained.error
    account_id, _, verdict = contained.out.splitlines()[-1].partition(": ")
    assert account_id == contained.out.splitlines()[1].split()[0]
    assert re.fullmatch(r"CONTAINED from p[0-9]+ on\.", verdict)
    assert [line.split()[1:] for line in contained.out.splitlines()[1:4]] == [
        [did, each, name] for did, (_, each, name) in zip(("denied", "deactivated", "revoked"), whom, strict=True)
    ]
    assert (
        "Not contained: user/leaky. It existed before its credential in this lineage. To contain it too: "
        in contained.error
    )
    assert "Left as it is: inline policy p of brood  [active]" in contained.error
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()
    (tree,) = desk.rows("sessions", "--tree", key["AccessKeyId"])
    nodes = tree["nodes"]
    assert isinstance(nodes, list)
    assert [node["state"] for node in nodes] == ["inactive", "revoked", "contained", "active", "active"]


def test_what_is_not_understood(desk: Desk) -> None:
    """A credential that there is not is named, with what was expected."""
    refused = desk.muniment("contain", "nobody")
    assert (refused.status, refused.out) == (1, "")
    assert refused.error.startswith("muniment: NoSuchEntity: ")
    assert "expected an access key id" in refused.error
