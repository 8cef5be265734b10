"""`aws accessanalyzer` and boto3's client with analyzers, unmodified."""

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.clients.raw_http import administrator
from tests.clients.server import Server, run

TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": "sts:AssumeRole"},
}


def test_findings_from_first_to_last(server: Server) -> None:
    """The command line makes an analyzer and lists what it finds; boto3 archives it, waits for no scan, pages through
    unused access, and removes tags in the query string."""

    def aws(*command: str) -> Any:
        answer = run(["aws", "accessanalyzer", *command], server.profile)
        assert answer.status == 0, answer.error
        return answer.json if answer.out.strip() else None

    keys = administrator(server)
    session = boto3.Session(keys.access_key, keys.secret_key, region_name="us-east-1")
    client = session.client("accessanalyzer", endpoint_url=server.endpoint, config=Config(retries={"max_attempts": 0}))
    iam = session.client("iam", endpoint_url=server.endpoint)
    role = iam.create_role(RoleName="partner", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    arn = aws("create-analyzer", "--analyzer-name", "outside", "--type", "ACCOUNT", "--tags", "team=ops,stage=live")[
        "arn"
    ]
    of_role = {"resource": {"eq": [role]}}
    (found,) = aws("list-findings", "--analyzer-arn", arn, "--filter", json.dumps(of_role))["findings"]
    assert (found["principal"], found["status"]) == ({"AWS": "210987654321"}, "ACTIVE")
    client.update_findings(analyzerArn=arn, ids=[found["id"]], status="ARCHIVED")
    client.start_resource_scan(analyzerArn=arn, resourceArn=role)
    (found,) = client.list_findings_v2(analyzerArn=arn, filter=of_role)["findings"]
    assert (found["findingType"], found["status"]) == ("ExternalAccess", "ARCHIVED")
    for key in ("team", "stage"):
        client.untag_resource(resourceArn=arn, tagKeys=[key, "none"] if key == "team" else [key])
    assert aws("list-tags-for-resource", "--resource-arn", arn) == {"tags": {}}
    unused = client.create_analyzer(analyzerName="unused", type="ACCOUNT_UNUSED_ACCESS")["arn"]
    pages = client.get_paginator("list_findings_v2").paginate(analyzerArn=unused, PaginationConfig={"PageSize": 1})
    assert not any(page["findings"] for page in pages)
    for name in ("outside", "unused"):
        client.delete_analyzer(analyzerName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException) as missing:
        client.get_analyzer(analyzerName="outside")
    assert (missing.value.response["resourceId"], missing.value.response["resourceType"]) == (arn, "Analyzer")
    iam.delete_role(RoleName="partner")
