"""ValidatePolicy, as boto3 has it."""

import json
from hashlib import sha256
from typing import Any

import pytest

from domain.foundation.errors import AccessDenied, ValidationError
from domain.policy import PolicyType
from domain.policy.decode import TEXT_CHARACTERS_MAX
from domain.policy.lint import Finding, FindingType
from domain.policy.positions import Path
from services.access_analyzer import validation
from services.wire.pagination import encode_token
from tests.services.endpoint import Endpoint, allow, document, trusting

POLICY = '{\n "Version": "2012-10-17",\n "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}]\n}'
LINK = "https://docs.aws.amazon.com/x"


@pytest.fixture
def linted(monkeypatch: pytest.MonkeyPatch) -> list[PolicyType]:
    """Five findings in any document, and the types as which documents were looked at."""
    types: list[PolicyType] = []
    paths: list[Path] = [(), ("Statement", 0), ("Statement", 0, "Action", 0), ("Statement", 0, "Effect"), ("Version",)]

    def lint(_text: str, kind: PolicyType, _catalogue: object, _partition: str) -> tuple[Finding, ...]:
        types.append(kind)
        return tuple(
            Finding(FindingType.WARNING, f"CODE_{number}", f"Finding {number}.", path, LINK, refused=False)
            for number, path in enumerate(paths)
        )

    monkeypatch.setattr(validation, "lint", lint)
    return types


def validated(endpoint: Endpoint, **members: object) -> dict[str, Any]:
    asked = {"policyDocument": POLICY, "policyType": "IDENTITY_POLICY", **members}
    return endpoint.call(endpoint.root, "ValidatePolicy", **asked)


def test_a_finding_says_where(linted: list[PolicyType]) -> None:
    """By its path and by its span, lines from 1, columns and offsets from 0."""
    answer = validated(Endpoint())
    assert "nextToken" not in answer
    assert answer["findings"][2] == {
        "findingType": "WARNING",
        "issueCode": "CODE_2",
        "findingDetails": "Finding 2.",
        "learnMoreLink": LINK,
        "locations": [
            {
                "path": [{"value": "Statement"}, {"index": 0}, {"value": "Action"}, {"index": 0}],
                "span": {
                    "start": {"line": 3, "column": 46, "offset": POLICY.index('"s3:*"')},
                    "end": {"line": 3, "column": 52, "offset": POLICY.index('"s3:*"') + 6},
                },
            }
        ],
    }
    whole = answer["findings"][0]["locations"][0]
    assert whole["path"] == []
    assert (whole["span"]["start"]["offset"], whole["span"]["end"]["offset"]) == (0, len(POLICY))
    assert linted == [PolicyType.IDENTITY]


def test_pages(linted: list[PolicyType]) -> None:
    """Each finding once, in the order of the linter, whatever the size of a page."""
    endpoint = Endpoint()
    codes: list[str] = []
    token: dict[str, object] = {}
    for expected in (2, 2, 1):
        answer = validated(endpoint, maxResults=2, **token)
        assert len(answer["findings"]) == expected
        codes += [finding["issueCode"] for finding in answer["findings"]]
        token = {"nextToken": answer.get("nextToken")}
    assert token == {"nextToken": None}
    assert codes == [f"CODE_{number}" for number in range(5)]
    assert len(validated(endpoint, maxResults=1_000_000)["findings"]) == len(linted) + 1


@pytest.mark.usefixtures("linted")
def test_tokens_of_something_else() -> None:
    """A token goes on in its own document, and with its own type, only; what is none is named."""
    endpoint = Endpoint()
    token = validated(endpoint, maxResults=2)["nextToken"]
    others = ({"policyDocument": POLICY + " "}, {"policyType": "RESOURCE_POLICY"} | TRUST, {"nextToken": "x"})
    for other in others:
        with pytest.raises(ValidationError, match="'nextToken' failed to satisfy constraint"):
            validated(endpoint, **{"nextToken": token, **other})
    forged = encode_token(sha256(f"identity {POLICY}".encode()).hexdigest(), "-1")
    with pytest.raises(ValidationError, match="'nextToken' failed to satisfy constraint"):
        validated(endpoint, nextToken=forged)


TRUST = {"validatePolicyResourceType": "AWS::IAM::AssumeRolePolicyDocument"}


def test_a_trust_policy_is_a_resource_policy_of_its_own_grammar(linted: list[PolicyType]) -> None:
    """By the type of the resource; of other policies there is none."""
    endpoint = Endpoint()
    validated(endpoint, policyType="RESOURCE_POLICY", **TRUST)
    assert linted == [PolicyType.TRUST]
    with pytest.raises(ValidationError, match="'validatePolicyResourceType' failed to satisfy constraint"):
        validated(endpoint, **TRUST)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"maxResults": 0}, "Value at 'maxResults' failed to satisfy constraint"),
        ({"policyDocument": " " * (TEXT_CHARACTERS_MAX + 1)}, "at 'policyDocument' failed to satisfy constraint"),
        ({"policyType": "POLICY"}, "Value 'POLICY' at 'policyType' failed to satisfy constraint"),
        ({"locale": "XX"}, "Value 'XX' at 'locale' failed to satisfy constraint"),
        ({"policyDocument": "\0"}, "'policy_document' failed to satisfy constraint"),
    ],
)
def test_what_is_refused(members: dict[str, object], told: str) -> None:
    """What the model does not allow, and what would be without end."""
    with pytest.raises(ValidationError, match=told):
        validated(Endpoint(), **members)


def test_documents_as_they_are() -> None:
    """Sound ones have no errors; that one is malformed is found, whatever it is. Any language is taken."""
    endpoint = Endpoint()
    sound = validated(endpoint, policyDocument=document(allow("s3:GetObject", "arn:aws:s3:::bucket/*")), locale="JA")
    assert [finding for finding in sound["findings"] if finding["findingType"] == "ERROR"] == []
    for malformed in ("", "{", "[]", "\ud83d\ude00", '{"Statement": []}', document(trusting("123456789012"))):
        found = validated(endpoint, policyDocument=malformed)["findings"]
        assert "ERROR" in {finding["findingType"] for finding in found}, malformed


def test_it_takes_a_permission_and_is_recorded() -> None:
    """access-analyzer:ValidatePolicy on *; the document that was asked about stands in the ledger."""
    endpoint = Endpoint()
    may = endpoint.user("may", allow("access-analyzer:ValidatePolicy"))
    answer = endpoint.call(may, "ValidatePolicy", policyDocument="{", policyType="IDENTITY_POLICY", maxResults=3)
    assert answer["findings"]
    assert endpoint.record.read_only
    assert endpoint.record.parameters == {"policy_document": "{", "policy_type": "IDENTITY_POLICY", "max_results": 3}
    (decision,) = endpoint.record.decisions
    assert (decision.action, decision.resources) == ("access-analyzer:ValidatePolicy", ("*",))
    may_not = endpoint.user("may-not", allow("iam:*"))
    with pytest.raises(AccessDenied, match="access-analyzer:ValidatePolicy"):
        endpoint.call(may_not, "ValidatePolicy", policyDocument="{", policyType="IDENTITY_POLICY")
    assert json.loads(json.dumps(endpoint.record.parameters))["policy_document"] == "{"
