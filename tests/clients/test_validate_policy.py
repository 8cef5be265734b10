"""`aws accessanalyzer validate-policy` and boto3's, unmodified."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.clients.raw_http import administrator, exchanged, form, raw, signed
from tests.clients.server import Server, run

ONCE = Config(retries={"max_attempts": 0}, region_name="eu-central-1")


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of whoever runs the tests reaches boto3."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def client(server: Server, service: str, key: tuple[str, str] | None = None) -> Any:
    administrators = administrator(server)
    session = boto3.Session(*(key or (administrators.access_key, administrators.secret_key)))
    return session.client(service, endpoint_url=server.endpoint, config=ONCE)


def test_the_command_line(server: Server, tmp_path: Path) -> None:
    """A malformed document in a file: findings that say where, and no failure."""
    policy = tmp_path / "p.json"
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Grant"}}))
    command = ["aws", "accessanalyzer", "validate-policy", "--policy-document", f"file://{policy}"]
    answer = run([*command, "--policy-type", "IDENTITY_POLICY"], server.profile)
    assert answer.status == 0, answer.error
    findings: Any = answer.json["findings"]
    assert "ERROR" in {finding["findingType"] for finding in findings}
    assert findings[0]["locations"][0]["span"]["start"]["line"] == 1


def test_errors_that_boto3_has_classes_for(server: Server) -> None:
    """Who may not is denied, a wrong secret does not sign, what the model does not allow and what the server does not
    have is named: in the protocol's words, with its statuses."""
    iam = client(server, "iam")
    iam.create_user(UserName="validating")
    key = iam.create_access_key(UserName="validating")["AccessKey"]
    asked = {"policyDocument": "{", "policyType": "IDENTITY_POLICY"}
    theirs = client(server, "accessanalyzer", (key["AccessKeyId"], key["SecretAccessKey"]))
    with pytest.raises(theirs.exceptions.AccessDeniedException, match="access-analyzer:ValidatePolicy") as denied:
        theirs.validate_policy(**asked)
    assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert denied.value.response["ResponseMetadata"]["RequestId"]
    ours = client(server, "accessanalyzer")
    with pytest.raises(ours.exceptions.ValidationException, match="'maxResults'") as invalid:
        ours.validate_policy(**asked, maxResults=0)
    assert invalid.value.response["reason"] == "fieldValidationFailed"
    with pytest.raises(ClientError, match=r"UnknownOperationException.*ListPolicyGenerations"):
        ours.list_policy_generations()
    impostor = client(server, "accessanalyzer", (key["AccessKeyId"], "x" * 40))
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        impostor.validate_policy(**asked)
    nobody = client(server, "accessanalyzer", ("AKIAQNZGKIQY56JQ7WML", "x" * 40))
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        nobody.validate_policy(**asked)


def test_a_path_is_for_its_own_services(server: Server, source: str) -> None:
    """A request that is signed for IAM is refused there, in the words of those who are answered there."""
    body, target = form("ListUsers"), "/policy/validation"
    reply = exchanged(server, raw(signed(server, body, target=target), body, target=target), source=source)
    assert reply.status == 403
    assert reply.headers["x-amzn-errortype"] == "InvalidSignatureException"
    assert "access-analyzer" in json.loads(reply.body)["message"]
