"""The catalogue of the installed package, and linting by it."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from domain.policy import PolicyType
from domain.policy.catalogue import GLOBAL_CONDITION_KEYS
from domain.policy.lint import CHECKED_CHARACTERS_MAX, lint
from domain.policy.lint.escalation import ESCALATIONS, STARTING
from domain.policy.pattern_relations import overlap
from services.api.action_catalogue import CATALOGUE, InstalledCatalogue
from services.cli import main


def codes(*statements: Mapping[str, object]) -> list[str]:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return [finding.code for finding in lint(text, PolicyType.IDENTITY, CATALOGUE)]


def test_it_says_what_it_is() -> None:
    """The version and the digest are the same each time they are worked out."""
    again = InstalledCatalogue()
    assert (again.digest, again.version) == (CATALOGUE.digest, CATALOGUE.version)
    assert re.fullmatch("[0-9a-f]{64}", CATALOGUE.digest)
    assert CATALOGUE.count_actions() > 10_000


def test_every_action_has_a_name() -> None:
    """All of the package and the native ones, by service, written as in a policy."""
    actions = CATALOGUE.actions
    assert actions.keys() == CATALOGUE.services
    assert sum(map(len, actions.values())) - len(actions["muniment"]) == CATALOGUE.count_actions()
    assert "s3:GetObject" in actions["s3"]
    assert "muniment:TimeTravel" in actions["muniment"]


def test_a_service_is_known() -> None:
    """Actions, resource types and condition keys, with patterns where something varies."""
    s3 = CATALOGUE.service("s3")
    assert s3 is not None
    get_object = s3.actions["getobject"]
    assert (get_object.name, get_object.access_level) == ("GetObject", "Read")
    assert s3.resource_types["object"].arn == "arn:*:s3:::*/*"
    assert s3.condition_keys["s3:existingobjecttag/*"] == "String"
    assert s3.has(get_object, "s3:existingobjecttag/team")
    assert not s3.has(get_object, "s3:prefix")


@pytest.mark.parametrize("prefix", ["nope", "../services", "S3", ""])
def test_no_other_file_is_a_service(prefix: str) -> None:
    assert CATALOGUE.service(prefix) is None


def test_native_actions_are_known_too() -> None:
    """Policies name those of /v1."""
    statement = {"Effect": "Allow", "Action": ["muniment:ListSessions", "muniment:TimeTravel"], "Resource": "*"}
    assert codes(statement) == []
    assert codes({**statement, "Action": "muniment:Nope"}) == ["INVALID_ACTION"]


def test_policies_of_every_day() -> None:
    """A good one, and the mistakes that people make."""
    bucket, objects = "arn:aws:s3:::example", "arn:aws:s3:::example/*"
    reads = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": objects}
    assert codes(reads, {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket}) == []
    assert codes({**reads, "Resource": bucket}) == ["RESOURCE_TYPE_DOES_NOT_FIT"]
    assert codes({**reads, "Action": "s3:ListObjects"}) == ["INVALID_ACTION"]
    invokes = "arn:aws:lambda:eu-west-1:123456789012:function:f:live"
    assert codes({"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": invokes}) == []
    assert "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE" in codes({"Effect": "Allow", "Action": "*", "Resource": "*"})


GLOBAL_KEYS = """
PrincipalArn PrincipalAccount PrincipalOrgPaths PrincipalOrgID PrincipalTag/* PrincipalIsAWSService
PrincipalServiceName PrincipalServiceNamesList PrincipalType userid username
AssumedRoot FederatedProvider TokenIssueTime SignInSessionArn MultiFactorAuthAge MultiFactorAuthPresent
ChatbotSourceArn Ec2InstanceSourceVpc Ec2InstanceSourcePrivateIPv4 SourceIdentity
SourceIp SourceVpc SourceVpcArn SourceVpce VpceAccount VpceOrgID VpceOrgPaths VpcSourceIp
ResourceAccount ResourceOrgID ResourceOrgPaths ResourceTag/*
CalledVia CalledViaFirst CalledViaLast CalledViaAWSMCP ViaAWSService ViaAWSMCPService CurrentTime EpochTime referer
RequestedRegion RequestTag/* TagKeys SecureTransport SourceAccount SourceArn SourceOrgID SourceOrgPaths UserAgent
IsMcpServiceAction"""
CROSS_SERVICE_KEYS = """
ec2:RoleDelivery ec2:SourceInstanceArn glue:RoleAssumedBy glue:CredentialIssuingService codebuild:BuildArn
codebuild:ProjectArn lambda:SourceFunctionArn ssm:SourceInstanceArn identitystore:UserId"""
"""The table of the page "AWS global condition context keys", property by property, as of September 2026."""
KEYS_A_DOCUMENT = 200


def test_every_condition_key_of_the_reference_is_known() -> None:
    """Those of the table of global keys, and each that any page of the Service Authorization Reference declares or has
    beside an action or a resource type, iam's and sts's among them. What varies in a key is filled in, and the linter
    is asked about a policy that has it."""
    global_keys = {f"aws:{name}".lower() for name in GLOBAL_KEYS.split()}
    keys = global_keys | set(CROSS_SERVICE_KEYS.lower().split())
    for service in filter(None, map(CATALOGUE.service, CATALOGUE.services)):
        keys |= service.condition_keys.keys()
        keys = keys.union(*(action.condition_keys for action in service.actions.values()))
        keys = keys.union(*(resource.condition_keys for resource in service.resource_types.values()))
    assert {"iam:passedtoservice", "sts:externalid", "saml:aud", "kms:encryptioncontext:*"} <= keys
    written = sorted(key.replace("*", "x") for key in keys)
    unknown = []
    for begin in range(0, len(written), KEYS_A_DOCUMENT):
        condition = {"Null": dict.fromkeys(written[begin : begin + KEYS_A_DOCUMENT], "false")}
        statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
        text = json.dumps({"Version": "2012-10-17", "Statement": statement})
        assert len(text) < CHECKED_CHARACTERS_MAX
        unknown += [finding.message for finding in lint(text, PolicyType.IDENTITY, CATALOGUE) if "KEY" in finding.code]
    assert unknown == []
    assert global_keys == GLOBAL_CONDITION_KEYS.keys()


def test_the_ways_to_more_permissions_are_actions() -> None:
    """Of the reference, about resources of the type that is told; PassRole is the last."""
    for way in ESCALATIONS:
        prefix, _, name = way.action.partition(":")
        service = CATALOGUE.service(prefix)
        assert service is not None
        types = service.types_of(service.actions[name.lower()])
        assert any(overlap(resource.arn.split(":", 5)[5], way.about) for resource in types), way
    assert ESCALATIONS[-1].action == "iam:PassRole"
    assert {action for names in CATALOGUE.actions.values() for action in names}.issuperset(STARTING)


@pytest.fixture
def policy(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("lint") / "policy.json"
    path.write_text(
        '{"Version": "2012-10-17",\n "Statement": {"Effect": "Allow",\n  "Action": "iam:PassRole", "Resource": "*"}}'
    )
    return str(path)


def test_the_command_shows_findings(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table and as JSON lines, with the place as editors count; a security warning is exit code 1."""
    assert main(["policy", "lint", policy]) == 1
    title, line = capsys.readouterr().out.splitlines()
    assert title.split() == ["TYPE", "REFUSED", "CODE", "LINE:COLUMN", "MESSAGE"]
    assert line.split()[:4] == ["SECURITY_WARNING", "-", "PASS_ROLE_WITH_STAR_IN_RESOURCE", "3:41"]
    assert main(["policy", "lint", policy, "--output", "json"]) == 1
    row = json.loads(capsys.readouterr().out)
    assert (row["line"], row["column"], row["path"]) == (3, 41, ["Statement", "Resource"])


def test_the_command_says_what_is_refused(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the errors those for which the policy cannot be saved, in an account of the partition."""
    text = Path(policy).read_text().replace('"*"', '["arn:aws:iam:us-east-1::role/x", "arn:aws:iam:nowhere*"]')
    Path(policy).write_text(text.replace("iam:PassRole", "iam:PassRoles"))
    found = []
    for partition in ("aws", "aws-cn"):
        assert main(["policy", "lint", policy, "--partition", partition, "--output", "json"]) == 1
        found.append({(row["code"], row["refused"]) for row in map(json.loads, capsys.readouterr().out.splitlines())})
    assert found == [
        {("INVALID_ACTION", False), ("ARN_REGION_NOT_ALLOWED", True)},
        {("INVALID_ACTION", False), ("INVALID_PARTITION", True)},
    ]


def test_a_file_that_is_not_there(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No fault of the policy's: exit code 2."""
    assert main(["policy", "lint", policy + ".missing"]) == 2
    assert "No such file" in capsys.readouterr().err


def test_the_command_reads_standard_input_and_no_server() -> None:
    """A warning is exit code 0."""
    text = '{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}}'
    program = [sys.executable, "-c", "import sys; from services.cli import main; sys.exit(main())"]
    answer = subprocess.run(
        [*program, "policy", "lint", "-", "--output", "json"], input=text, capture_output=True, text=True, check=False
    )
    assert (answer.returncode, json.loads(answer.stdout)["code"]) == (0, "MISSING_VERSION"), answer.stderr


def test_the_command_says_when_there_is_nothing_to_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"Version": "2012-10-17", "Statement": statement}))
    assert main(["policy", "lint", str(path)]) == 0
    assert capsys.readouterr() == ("", "muniment: Nothing was found.\n")
