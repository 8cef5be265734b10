"""AWS's own doors to compliance, over the wire and from tables: they say what the reports say."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from projections.queries.compliance import results_of_resources
from services.ledger import report_resolver
from services.ledger.database import Database, connect
from tests.services.api.in_process_server import InProcessServer, signed
from tests.services.api.test_credential_lifecycle import post
from tests.services.endpoint import PROTOCOLS

CONFIG = "StarlingDoveService"


def config(house: InProcessServer, operation: str, **members: object) -> tuple[int, Any]:
    headers = {"x-amz-target": f"{CONFIG}.{operation}"}
    request = signed("POST", "/", house.admin, json.dumps(members).encode(), "config", headers=headers)
    response = house.answer(request, PROTOCOLS["config"])
    return response.status, json.loads(response.body)


def findings(house: InProcessServer, **members: object) -> tuple[int, Any]:
    body = json.dumps({"MaxResults": 100, **members}).encode()
    response = house.answer(signed("POST", "/findings", house.admin, body, "securityhub"), PROTOCOLS["securityhub"])
    return response.status, json.loads(response.body)


def report(house: InProcessServer, framework: str) -> dict[str, dict[str, Any]]:
    answer = house.asks(f"/v1/compliance/report?framework={framework}")
    return {control["control_id"]: control for control in answer.body["controls"]}


def scene(house: InProcessServer) -> None:
    for name in ("ann", "bob"):
        house.aws_does("iam", "CreateUser", UserName=name)
        house.aws_does("iam", "CreateLoginProfile", UserName=name, Password="correct-Horse-7-battery")
    house.aws_does("iam", "CreateUser", UserName="gone", Path="/a/")
    house.aws_does("iam", "DeleteUser", UserName="gone")


def test_the_doors_agree_with_the_report(house: InProcessServer) -> None:
    """Rule by rule and control by control: failed where the report says so, and passed nowhere else."""
    scene(house)
    status, answer = config(house, "DescribeComplianceByConfigRule")
    assert status == 200, answer
    said = {each["ConfigRuleName"]: each["Compliance"] for each in answer["ComplianceByConfigRules"]}
    reported = report(house, "aws-config")
    assert said.keys() == reported.keys()
    for name, control in reported.items():
        compliance = said[name]["ComplianceType"]
        assert (compliance == "NON_COMPLIANT") == (control["verdict"] == "fail"), name
        assert compliance != "COMPLIANT" or control["verdict"] == "pass", name
    status, answer = findings(house, Filters={"RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}]})
    assert status == 200, answer
    statuses: dict[str, set[str]] = {}
    for each in answer["Findings"]:
        compliance = each["Compliance"]
        statuses.setdefault(compliance["SecurityControlId"], set()).add(compliance["Status"])
    controls = report(house, "fsbp") | report(house, "security-hub")
    for name, found in statuses.items():
        assert ("FAILED" in found) == (controls[name]["verdict"] == "fail"), name
        assert found != {"PASSED"} or controls[name]["verdict"] == "pass", name


def test_what_somebody_is_exempt_from(house: InProcessServer) -> None:
    """It fails nothing and passes nothing, through either door; both say why, as the report does. When it ends, it
    fails."""
    scene(house)
    controls = ["aws-config/mfa-enabled-for-iam-console-access", "security-hub/IAM.5"]
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    granted = [
        post(house, "exemptions", who=who, until=until, reason="has a guard", controls=controls).body["exemption"]
        for who in ("ann", "bob")
    ]
    asked, of_control = (
        {"ConfigRuleName": "mfa-enabled-for-iam-console-access"},
        {"Value": "IAM.5", "Comparison": "EQUALS"},
    )

    def told() -> tuple[str, list[str], list[str]]:
        _, rule = config(house, "DescribeComplianceByConfigRule", ConfigRuleNames=list(asked.values()))
        _, results = config(house, "GetComplianceDetailsByConfigRule", **asked)
        _, hub = findings(house, Filters={"ComplianceSecurityControlId": [of_control]})
        assert {each["Compliance"]["Status"] for each in hub["Findings"]} == {"FAILED"}
        assert len(results["EvaluationResults"]) == len(hub["Findings"]) == 2
        for each in results["EvaluationResults"]:
            assert ("has a guard" in each["Annotation"]) == (each["ComplianceType"] == "NOT_APPLICABLE")
        for each in hub["Findings"]:
            assert ("Note" in each) == (each["Workflow"]["Status"] == "SUPPRESSED")
        return (
            rule["ComplianceByConfigRules"][0]["Compliance"]["ComplianceType"],
            sorted(each["ComplianceType"] for each in results["EvaluationResults"]),
            sorted(each["Workflow"]["Status"] for each in hub["Findings"]),
        )

    assert told() == ("INSUFFICIENT_DATA", ["NOT_APPLICABLE"] * 2, ["SUPPRESSED"] * 2)
    assert report(house, "aws-config")["mfa-enabled-for-iam-console-access"]["verdict"] == "exempt"
    assert house.asks(f"/v1/exemptions/{granted[0]['exemption_id']}/revoke", method="POST").status == 200
    assert told() == ("NON_COMPLIANT", ["NON_COMPLIANT", "NOT_APPLICABLE"], ["NEW", "SUPPRESSED"])


def test_what_was_found_is_told_until_something_changes(house: InProcessServer) -> None:
    """Page by page it is found once; after a call that changes anything, anew."""
    scene(house)

    def failing(limit: int) -> int:
        asked = {"ConfigRuleName": "iam-user-group-membership-check", "ComplianceTypes": ["NON_COMPLIANT"]}
        _, answer = config(house, "GetComplianceDetailsByConfigRule", Limit=limit, **asked)
        return len(answer["EvaluationResults"])

    with patch.object(report_resolver, "results_of_resources", wraps=results_of_resources) as finding:
        assert (failing(1), failing(100), finding.call_count) == (1, 2, 1)
        house.aws_does("iam", "CreateUser", UserName="eve")
        assert (failing(100), finding.call_count) == (3, 2)


def test_who_is_gone_has_the_last_arn(house: InProcessServer) -> None:
    """Of the tables that know it."""
    scene(house)
    named = {"ResourceAwsIamUserUserName": [{"Value": "gone", "Comparison": "EQUALS"}]}
    _, answer = findings(house, Filters=named)
    (arn,) = {each["Resources"][0]["Id"] for each in answer["Findings"]}
    assert arn == f"arn:aws:iam::{house.account_id}:user/a/gone"
    assert {each["RecordState"] for each in answer["Findings"]} == {"ARCHIVED"}


def test_tables_that_disagree_tell_nothing(house: InProcessServer, database: Database) -> None:
    """A violation that somebody has taken out of the tables is no compliance, through no door."""
    scene(house)
    assert report(house, "aws-config"), "The tables have come so far."
    with connect(database, "projector") as connection:
        connection.execute("delete from views.violations where criterion = 'password_without_mfa()'")
    for status, answer in (config(house, "DescribeComplianceByConfigRule"), findings(house)):
        assert status == 503
        assert "do not agree on password_without_mfa()" in answer["message"]
    status, answer = config(house, "GetComplianceDetailsByConfigRule", ConfigRuleName="root-account-mfa-enabled")
    assert status == 200, "What does not rest on it is told."


@pytest.mark.parametrize("number", ["1", True, 10**400, {}])
def test_numbers_are_numbers(house: InProcessServer, number: object) -> None:
    """That fit into a double."""
    status, answer = findings(house, Filters={"SeverityNormalized": [{"Gte": number}]})
    assert (status, answer["__type"]) == (400, "InvalidInputException")
    assert "Member must be a number" in answer["message"]


def test_other_operations_are_named(house: InProcessServer) -> None:
    status, answer = config(house, "PutConfigRule", ConfigRule={"Source": {"Owner": "AWS"}})
    assert (status, answer["__type"]) == (404, "UnknownOperationException")
    assert "nothing else of AWS Config" in answer["message"]
