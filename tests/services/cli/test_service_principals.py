"""The command `service-principal`, beside a server that runs."""

import json

from tests.clients.server import run
from tests.services.cli.conftest import Desk


def test_from_registration_to_the_end(desk: Desk) -> None:
    """With the key that is printed, a stock client assumes the role that trusts the service; when the service is
    deregistered the server, which has used the key, does not honour it any more. Each act stands in the ledger."""
    place = ("--data", str(desk.server.data))
    registered = desk.muniment("service-principal", "register", "night.example.com", *place)
    key = json.loads(registered.out)
    (listed,) = desk.rows("service-principal", "list", *place)
    assert (listed["name"], listed["access_key_id"]) == ("night.example.com", key["AccessKeyId"])
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "night.example.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = desk.aws("iam", "create-role", "--role-name", "of-night", "--assume-role-policy-document", document)["Role"]
    profile = {
        **desk.server.profile,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    assume = ["aws", "sts", "assume-role", "--role-arn", role["Arn"], "--role-session-name", "n1"]
    assumed = run(assume, profile)
    assert assumed.status == 0, assumed.error
    assert desk.muniment("verify", *place).status == 0
    session = json.loads(assumed.out)["Credentials"]["AccessKeyId"]
    ended = desk.muniment("service-principal", "deregister", "night.example.com", *place)
    assert (ended.status, "Sessions of it that live on: 1." in ended.error) == (0, True)
    assert f"muniment contain {session}" in ended.error
    assert desk.muniment("verify", *place).status == 0
    assert "InvalidClientTokenId" in run(assume, profile).error
    assert desk.rows("service-principal", "list", *place) == []
    (called,) = desk.rows("history", "--principal", "night.example.com")
    assert (called["operation"], called["principal_type"]) == ("AssumeRole", "AWSService")
