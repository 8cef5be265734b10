"""Stock tools that read IAM, pointed at a moment of the past: nothing about them changes but the endpoint."""

from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config

from tests.clients.raw_http import administrator
from tests.clients.server import Server, run

DETAILS = ["aws", "iam", "get-account-authorization-details"]


def details(server: Server, moment: str | None = None) -> Any:
    where = [] if moment is None else ["--endpoint-url", f"{server.endpoint}/as-of/{moment}/"]
    answer = run([*DETAILS, *where], server.profile)
    assert answer.status == 0, answer.error
    return answer.json


def test_the_whole_account_as_it_was(server: Server) -> None:
    """`aws iam get-account-authorization-details`, page after page, gives at a past time what it gave then, to the
    last member, whatever has happened since; boto3 and a service at a path of its own look back in the same way."""
    key = administrator(server)
    session = boto3.Session(key.access_key, key.secret_key, region_name="eu-central-1")
    iam = session.client("iam", endpoint_url=server.endpoint)
    iam.create_user(UserName="once-upon-a-time", Path="/past/")
    before, moment = details(server), datetime.now(UTC).isoformat().replace("+00:00", "Z")
    iam.delete_user(UserName="once-upon-a-time")
    for number in range(3):
        iam.create_user(UserName=f"since-{number}", Path="/past/")
    after = details(server)
    assert details(server, moment) == before != after
    plain = Config(retries={"total_max_attempts": 1})
    then = f"{server.endpoint}/as-of/{moment}"
    past = session.client("iam", endpoint_url=then, config=plain)
    pages = past.get_paginator("list_users").paginate(PathPrefix="/past/", PaginationConfig={"PageSize": 1})
    assert [user["UserName"] for page in pages for user in page["Users"]] == ["once-upon-a-time"]
    analyzer = session.client("accessanalyzer", endpoint_url=then, config=plain)
    assert analyzer.validate_policy(policyDocument="{}", policyType="IDENTITY_POLICY")["findings"]
