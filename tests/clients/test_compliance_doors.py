"""`aws configservice`, `aws securityhub` and boto3's clients, unmodified."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.clients.raw_http import administrator
from tests.clients.server import Server, run

RULE = "mfa-enabled-for-iam-console-access"


def test_a_violation_through_both_doors(server: Server) -> None:
    """The command line reads rules, compliance and findings; boto3 pages through them, of now and of then, and has
    classes for the errors."""

    def aws(*command: str) -> Any:
        answer = run(["aws", *command], server.profile)
        assert answer.status == 0, answer.error
        return answer.json

    keys = administrator(server)
    session = boto3.Session(keys.access_key, keys.secret_key, region_name="us-east-1")
    iam = session.client("iam", endpoint_url=server.endpoint)
    user = iam.create_user(UserName="door")["User"]
    iam.create_login_profile(UserName="door", Password="correct-Horse-7-battery")
    rules = aws("configservice", "describe-config-rules", "--config-rule-names", RULE)["ConfigRules"]
    assert [rule["Source"]["SourceIdentifier"] for rule in rules] == ["MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS"]
    (told,) = aws("configservice", "describe-compliance-by-config-rule", "--config-rule-names", RULE)[
        "ComplianceByConfigRules"
    ]
    assert told["Compliance"]["ComplianceType"] == "NON_COMPLIANT"
    config = session.client("config", endpoint_url=server.endpoint)

    def failing(client: Any) -> set[str]:
        asked = {"ConfigRuleName": RULE, "ComplianceTypes": ["NON_COMPLIANT"], "PaginationConfig": {"PageSize": 1}}
        pages = client.get_paginator("get_compliance_details_by_config_rule").paginate(**asked)
        results = [each for page in pages for each in page["EvaluationResults"]]
        return {each["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"] for each in results}

    assert user["UserId"] in failing(config)
    equal = "[{{Value={},Comparison=EQUALS}}]".format
    filters = f"ResourceAwsIamUserUserName={equal('door')},ComplianceStatus={equal('FAILED')}"
    ordered = "Field=UpdatedAt,SortOrder=desc"
    found = aws("securityhub", "get-findings", "--filters", filters, "--sort-criteria", ordered)["Findings"]
    assert "IAM.5" in {each["Compliance"]["SecurityControlId"] for each in found}
    assert {each["Resources"][0]["Id"] for each in found} == {user["Arn"]}
    hub = session.client("securityhub", endpoint_url=server.endpoint)
    pages = hub.get_paginator("get_findings").paginate(PaginationConfig={"PageSize": 10})
    assert {each["Id"] for each in found} <= {each["Id"] for page in pages for each in page["Findings"]}
    then = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    iam.delete_login_profile(UserName="door")
    iam.delete_user(UserName="door")
    assert user["UserId"] not in failing(config)
    assert user["UserId"] in failing(session.client("config", endpoint_url=f"{server.endpoint}/as-of/{then}"))
    with pytest.raises(config.exceptions.NoSuchConfigRuleException):
        config.describe_config_rules(ConfigRuleNames=["nope"])
    with pytest.raises(hub.exceptions.InvalidInputException):
        hub.get_findings(Filters={"MalwareName": [{"Value": "x", "Comparison": "EQUALS"}]})
    with pytest.raises(ClientError, match="UnknownOperationException"):
        hub.list_members()
