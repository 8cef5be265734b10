"""Reports from signed bytes to the ledger and the tables, on a real database."""

import base64
import csv
import re
from typing import NoReturn

import pytest
from botocore.credentials import Credentials as Keys

from projections.queries.readable import ProjectionBehind
from tests.services.api.in_process_server import InProcessServer
from tests.services.endpoint import allow, document, trusting


def told(house: InProcessServer, action: str, *names: str, as_of: str | None = None, **members: str) -> list[str]:
    status, answer = house.aws_does("iam", action, as_of=as_of, **members)
    assert status == 200, answer
    return [re.findall(f"<{name}>([^<]*)</{name}>", answer)[-1] for name in names]


def last_accessed(house: InProcessServer, arn: str, service: str) -> list[tuple[str, ...]]:
    """When each entity last used the service, by its ARN, where it has."""
    (job_id,) = told(house, "GenerateServiceLastAccessedDetails", "JobId", Arn=arn)
    asked = {"JobId": job_id, "ServiceNamespace": service}
    _, answer = house.aws_does("iam", "GetServiceLastAccessedDetailsWithEntities", **asked)
    assert "<JobStatus>COMPLETED</JobStatus>" in answer
    return re.findall(r"<Arn>([^<]*)</Arn>.*?</EntityInfo><LastAuthenticated>([^<]*)<", answer)


def test_reports_tell_the_same(house: InProcessServer) -> None:
    """The credential report, GetAccessKeyLastUsed, GetRole and last accessed information tell of a key's and a role's
    last use the same; a refused call is one, too. A job of the past tells what it told then."""
    ann = house.user("ann", allow("iam:ListUsers"), allow("sts:AssumeRole"))
    account = house.account_id
    trust = trusting(f"arn:aws:iam::{account}:user/ann")
    role = {"RoleName": "ops", "AssumeRolePolicyDocument": document(trust)}
    (role_arn,) = told(house, "CreateRole", "Arn", **role)
    put = {"RoleName": "ops", "PolicyName": "may", "PolicyDocument": document(allow("iam:ListRoles"))}
    assert house.aws_does("iam", "PutRolePolicy", **put)[0] == 200
    assert house.aws_does("iam", "CreateGroup", keys=ann, GroupName="no")[0] == 403
    status, answer = house.aws_does("sts", "AssumeRole", keys=ann, RoleArn=role_arn, RoleSessionName="night")
    assert status == 200
    parts = (re.findall(f"<{name}>([^<]*)<", answer)[0] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    assert house.aws_does("iam", "ListRoles", keys=Keys(*parts))[0] == 200

    told(house, "GenerateCredentialReport", "State")
    (content,) = told(house, "GetCredentialReport", "Content")
    rows = {row["user"]: row for row in csv.DictReader(base64.b64decode(content).decode().split("\n"))}
    row = rows["ann"]
    used, service, region = told(
        house, "GetAccessKeyLastUsed", "LastUsedDate", "ServiceName", "Region", AccessKeyId=ann.access_key
    )
    assert row["access_key_1_last_used_date"] == used.replace("Z", "+00:00")
    assert (row["access_key_1_last_used_service"], row["access_key_1_last_used_region"]) == (service, region)
    ann_arn = row["arn"]
    assert last_accessed(house, ann_arn, service) == [(ann_arn, used)]
    (role_used,) = told(house, "GetRole", "LastUsedDate", RoleName="ops")
    assert last_accessed(house, role_arn, "iam") == [(role_arn, role_used)]
    (job_id,) = told(house, "GenerateServiceLastAccessedDetails", "JobId", Arn=ann_arn)
    then = f"p{house.asks('/v1/history?limit=1').position}"
    assert house.aws_does("iam", "DeleteUserPolicy", UserName="ann", PolicyName="inline")[0] == 200
    details = ("LastAuthenticatedEntity", "ServiceNamespace")
    assert told(house, "GetServiceLastAccessedDetails", *details, JobId=job_id, as_of=then) == [ann_arn, "sts"]
    assert told(house, "GetServiceLastAccessedDetails", *details, JobId=job_id) == [ann_arn, "sts"]


def test_a_scanner_has_a_credential_report_of_the_past(house: InProcessServer) -> None:
    """It asks for one, is told that it is complete, and reads what was so then; nobody had made one."""
    house.user("ann")
    (call,) = house.asks("/v1/history?operation=CreateUser&limit=1").body["calls"]
    house.user("bob")
    assert told(house, "GenerateCredentialReport", "State", as_of=call["at"].replace(":", "%3A")) == ["COMPLETE"]
    content, at = told(house, "GetCredentialReport", "Content", "GeneratedTime", as_of=call["at"].replace(":", "%3A"))
    rows = csv.DictReader(base64.b64decode(content).decode().split("\n"))
    assert [row["user"] for row in rows] == ["<root_account>", "admin", "ann"]
    assert at == call["at"][:19] + "Z"
    assert house.aws_does("iam", "GetCredentialReport")[0] == 410


def test_a_job_is_in_progress_while_tables_lag(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and nothing else: what is not known yet is not told as never used."""
    house.user("ann", allow("iam:ListUsers"))
    (job_id,) = told(
        house, "GenerateServiceLastAccessedDetails", "JobId", Arn=f"arn:aws:iam::{house.account_id}:user/ann"
    )

    def behind(*_arguments: object) -> NoReturn:
        raise ProjectionBehind

    with monkeypatch.context() as patched:
        patched.setattr("services.ledger.report_resolver.last_uses", behind)
        status, answer = house.aws_does("iam", "GetServiceLastAccessedDetails", JobId=job_id)
    assert (status, "<JobStatus>IN_PROGRESS</JobStatus>" in answer) == (200, True)
    assert "<ServicesLastAccessed></ServicesLastAccessed>" in answer
    assert "JobCompletionDate" not in answer
    assert told(house, "GetServiceLastAccessedDetails", "JobStatus", JobId=job_id) == ["COMPLETED"]
