"""The whole story at a desk: a key leaks and makes a session, a user and a key, is traced, contained and cleaned up
after, and nothing of it is alive; with the commands as they are shown, in a shell."""

import configparser
import json
import subprocess
from typing import Any

import boto3
import pytest

from services.cli.entry_point import EXIT_OK, EXIT_REFUSED
from tests.clients.prepared import BIN, ROOT
from tests.clients.server import Server
from tests.services.cli.conftest import Desk

ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"


def client(desk: Desk, service: str, credentials: dict[str, str]) -> Any:
    """boto3 in this process: starting the aws command takes longer than all that is done here."""
    return boto3.client(
        service,
        endpoint_url=desk.server.endpoint,
        region_name="eu-central-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
    )


def administrator(server: Server) -> dict[str, str]:
    profile = configparser.ConfigParser(interpolation=None)
    profile.read(server.data / "aws-profile")
    section = profile["profile muniment"]
    return {"AccessKeyId": section["aws_access_key_id"], "SecretAccessKey": section["aws_secret_access_key"]}


@pytest.fixture
def leaked(desk: Desk) -> str:
    """The id of the key."""
    iam = client(desk, "iam", administrator(desk.server))
    owner = iam.create_user(UserName="leaking")["User"]
    iam.attach_user_policy(UserName="leaking", PolicyArn=ADMINISTRATOR_ACCESS)
    key = iam.create_access_key(UserName="leaking")["AccessKey"]
    iam = client(desk, "iam", key)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": owner["Arn"]}}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = iam.create_role(RoleName="shadow", AssumeRolePolicyDocument=document)["Role"]
    iam.attach_role_policy(RoleName="shadow", PolicyArn=ADMINISTRATOR_ACCESS)
    session = client(desk, "sts", key).assume_role(RoleArn=role["Arn"], RoleSessionName="night")["Credentials"]
    iam = client(desk, "iam", session)
    iam.create_user(UserName="--backup")
    made = iam.create_access_key(UserName="--backup")["AccessKey"]
    client(desk, "sts", made).get_caller_identity()
    return str(key["AccessKeyId"])


def test_from_the_leak_to_the_end(desk: Desk, leaked: str) -> None:
    """Each command of the report, run by a shell as it stands there, succeeds in its turn; before them --still-alive
    exits with 1, after them with 0 and an empty output."""
    told = desk.muniment("trace", leaked)
    assert told.status == EXIT_OK, told.error
    alive = desk.muniment("trace", leaked, "--still-alive")
    assert (alive.status, "user --backup" in alive.out) == (EXIT_REFUSED, True)
    commands = [line.strip() for line in told.out.splitlines() if line.startswith(("  muniment contain", "  aws iam"))]
    assert len(commands) == 8
    shell = ["sh", "-ec", "\n".join(commands)]
    environment = {
        **desk.server.profile,
        "PATH": f"{BIN}:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == EXIT_OK, done.stderr
    after = desk.muniment("trace", leaked, "--still-alive")
    assert (after.status, after.out) == (EXIT_OK, ""), after.error
    iam = client(desk, "iam", administrator(desk.server))
    assert "--backup" not in {user["UserName"] for user in iam.list_users()["Users"]}
    assert "shadow" not in {role["RoleName"] for role in iam.list_roles()["Roles"]}
