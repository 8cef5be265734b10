"""What is refused when a policy is saved, and that the linter knows it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.foundation.errors import MalformedPolicyDocument
from domain.policy import POLICY_TYPES, FindingType, PolicyType, compiled, lint, parse_new
from tests.domain.policy.catalogue import CATALOGUE
from tests.fuzz.bounds import EXAMPLES
from tests.fuzz.inputs import DOCUMENTS

IAM_PATHS = 'IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, '
UNFIT_ACCOUNT = "The policy failed legacy parsing ("
UNFIT = {
    "arn:aws:iam:us-east-1:123456789012:role/a": (
        "IAM resource arn:aws:iam:us-east-1:123456789012:role/a cannot contain region information."
    ),
    "arn:aws:iam:*:123456789012:role/a": "cannot contain region information.",
    "arn:aws:iam:us-east-1": "cannot contain region information.",
    "arn:aws:s3:us-east-1::b": "Resource arn:aws:s3:us-east-1::b can not contain region information.",
    "arn:aws:s3:us-east-1:123456789012:b/*": "can not contain region information.",
    "arn:aws:s3:eu-*::b/*": "can not contain region information.",
    "arn:aws:route53:us-east-1::hostedzone/*": "can not contain region information.",
    "arn:aws:route53::123456789012:hostedzone/*": "cannot contain an account id.",
    "arn:azure:s3:::b": 'Partition "azure" is not valid for resource "arn:azure:s3:::b".',
    "arn:azure:s3": 'Partition "azure" is not valid for resource "arn:azure:s3:*:*:*".',
    "arn:aws-cn:s3:::b": 'Partition "aws-cn" is not valid for resource "arn:aws-cn:s3:::b". (Sta',
    "arn:*-cn:s3:::b": 'Partition "*-cn" is not valid for resource',
    "arn:aws:iam::123456789012:example/x": IAM_PATHS,
    "arn:aws:iam::*:example/*": IAM_PATHS,
    "arn:aws:iam::123456789012:user": IAM_PATHS,
    "arn:aws:iam::123456789012:User/a": IAM_PATHS,
    "arn:aws:iam::123456789012:": IAM_PATHS,
    "arn:aws:iam::123456789012:${aws:username}": IAM_PATHS,
    "arn:aws:iam::123456789012:root/a": IAM_PATHS,
    "arn:aws:iam::12345:role/a": UNFIT_ACCOUNT,
    "arn:aws:iam::1234-5678-9012:role/a": UNFIT_ACCOUNT,
    "arn:aws:iam::1234567890123": UNFIT_ACCOUNT,
    "arn:aws:iam::mine:role/a": UNFIT_ACCOUNT,
    "arn:aws:dynamodb:us-east-1:AIDAJQABLZS4A3QDU576Q:table/t": UNFIT_ACCOUNT,
    "arn:aws:sts::ACCOUNT_ID:federated-user/a": UNFIT_ACCOUNT,
    "arn:aws:s*:::b": "Resource vendor must be fully qualified and cannot contain regexes. (",
}
"""What IAM answers about a resource."""
FIT = [
    "*",
    "arn:aws:iam::123456789012:*",
    "arn:aws:iam::123456789012:role/a",
    "arn:aws:iam::*:root",
    "arn:aws:iam::aws:policy/job-function/*",
    "arn:aws:iam:*",
    "arn:aws:iam",
    "arn:*:iam::*:role/aws-service-role/*",
    "arn:aws*:s3:::b/${aws:username}",
    "arn:aws:s3:::b",
    "arn:aws:s3:*",
    "arn:aws:s3:*:*:b",
    "arn:aws:s3:eu-central-1:123456789012:accesspoint/a/object/*",
    "arn:aws:s3:eu-central-1:123456789012:*",
    "arn:aws:s3:us-east-1:123456789012:${aws:username}",
    "arn:aws:s3::123456789012:accesspoint/a.mrap",
    "arn:aws:route53:::hostedzone/Z1",
    "arn:aws:dynamodb:nowhere-7:123456789012:table/t",
    "arn:aws:nope:::x",
    "arn:aws:cloudformation:us-west-2:aws:transform/a",
]
"""What it saves, be it an error to Access Analyzer: Regions and services that there are not."""


def document(**elements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **elements}]})


def trusting(principal: dict[str, Any], action: object = "sts:AssumeRole") -> str:
    return document(Principal=principal, Action=action)


@pytest.mark.parametrize("element", ["Resource", "NotResource"])
@pytest.mark.parametrize(("resource", "sentence"), UNFIT.items())
def test_unfit_resources_are_refused(element: str, resource: str, sentence: str) -> None:
    """In IAM's words, with the place behind them."""
    text = document(Action="s3:*", **{element: ["*", resource]})
    with pytest.raises(MalformedPolicyDocument) as refused:
        parse_new(text, PolicyType.IDENTITY)
    assert f" (Statement[0].{element}" in refused.value.message
    assert sentence in refused.value.message


@pytest.mark.parametrize("resource", FIT)
def test_fit_resources_are_saved(resource: str) -> None:
    """And the linter marks nothing in them as refused."""
    text = document(Action="s3:*", Resource=resource)
    assert parse_new(text, PolicyType.IDENTITY).text == text
    assert not any(finding.refused for finding in lint(text, PolicyType.IDENTITY, CATALOGUE))


def test_another_partition_has_its_own_arns() -> None:
    """What one account saves another one refuses."""
    chinese = document(Action="s3:*", Resource="arn:aws-cn:s3:::b")
    parse_new(chinese, PolicyType.IDENTITY, "aws-cn")
    with pytest.raises(MalformedPolicyDocument, match='Partition "aws" is not valid'):
        parse_new(document(Action="s3:*", Resource="arn:aws:s3:::b"), PolicyType.IDENTITY, "aws-cn")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (trusting({"AWS": "arn:aws-cn:iam::123456789012:root"}), '"AWS":"arn:aws-cn:iam::123456789012:root"'),
        (trusting({"AWS": "arn:azure:iam::123456789012:role/a"}), '"AWS":"arn:azure:iam::123456789012:role/a"'),
        (
            trusting({"Federated": "arn:aws-cn:iam::123456789012:saml-provider/a"}),
            'domain names or SAML metadata ARNs (Statement[0].Principal: got "arn:aws-cn:iam::',
        ),
        (trusting({"Federated": "nonsense"}), "Federated principals must be valid domain names or SAML metadata ARNs"),
        (trusting({"Federated": "arn:aws:iam::123456789012:saml-provider/a/b"}), "domain names or SAML metadata ARNs"),
        (trusting({"Federated": "idp.example.com"}), 'Invalid principal in policy: "FEDERATED":"idp.example.com"'),
        (trusting({"AWS": "123456789012"}, "sts:GetCallerIdentity"), "may only specify STS AssumeRole actions"),
        (trusting({"AWS": "123456789012"}, ["sts:AssumeRole", "iam:GetUser"]), "may only specify STS AssumeRole"),
    ],
)
def test_trust_in_what_cannot_be_is_refused(text: str, sentence: str) -> None:
    """Principals of another partition, actions that assume nothing."""
    with pytest.raises(MalformedPolicyDocument) as refused:
        parse_new(text, PolicyType.TRUST)
    assert sentence in refused.value.message


def test_trust_is_saved() -> None:
    """In services, whichever there are, and for whatever goes with assuming a role."""
    services = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn", "delivery.logs.amazonaws.com", "alexa-appkit.amazon.com"]
    services += ["states.eu-west-1.amazonaws.com", "nobody-knows.amazonaws.com"]
    for action in ("sts:AssumeRole", "sts:*", "STS:Assume*", "sts:TagSession", "sts:SetSourceIdentity"):
        parse_new(trusting({"Service": services, "AWS": "arn:aws:iam::123456789012:root"}, action), PolicyType.TRUST)


@pytest.mark.parametrize("resource", ["arn:aws:sqs", "arn:aws:s3:*", "arn:aws:s3:::"])
def test_a_session_policy_has_whole_arns(resource: str) -> None:
    """IAM completes an ARN of fewer than six parts in an identity-based policy, and STS does not."""
    text = document(Action="s3:*", Resource=resource)
    is_whole = resource.count(":") == 5
    assert verdicts(text, PolicyType.IDENTITY) == (False, False)
    assert verdicts(text, PolicyType.SESSION) == (not is_whole, not is_whole)


@pytest.mark.parametrize("resource", [resource for resource in UNFIT if "s*" not in resource])
def test_what_is_stored_is_still_read(resource: str) -> None:
    """A ledger may hold what would not be saved today."""
    policy = compiled(document(Action="s3:*", Resource=resource), PolicyType.IDENTITY)
    assert policy.statements[0].actions.match("s3:getobject", {})


IDENTITY = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
TRUST = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}


def when(operator: str, key: str, *values: object) -> dict[str, object]:
    return {"Condition": {operator: {key: list(values)}}}


SAVED: list[dict[str, object]] = [
    {"Action": "nope:Get"},
    {"Action": ["s3:Nope", "s3:Fetch*"]},
    {"Resource": "arn:aws:iam"},
    {"Resource": "arn:aws:dynamodb:nowhere:123456789012:table/t"},
    {"Resource": "arn:aws:s3::123456789012:b"},
    {"Effect": "Deny", **when("StringEquals", "aws:No", "a")},
    when("StringEquals", "s3:no", "a"),
    when("StringEquals", "aws:TagKeys", "a"),
    when("StringEquals", "aws:RequestTag", "a"),
    when("StringEquals", "aws:ARN", "a"),
    when("Bool", "aws:SecureTransport", "true", "false"),
    {"Condition": {"StringEquals": {"aws:username": "a", "aws:UserName": "b"}}},
]
"""What Access Analyzer calls an error and IAM saves."""
REFUSED: list[dict[str, object]] = [
    {"Sid": "a b"},
    {"Sid": 5},
    {"Effect": "allow"},
    {"Effects": "Allow"},
    {"Action": "GetObject"},
    {"Action": "s*:GetObject"},
    {"Action": "s3:${aws:username}"},
    {"Action": []},
    {"Action": "**"},
    {"NotAction": "s3:PutObject"},
    {"Resource": "b"},
    {"Resource": ["arn:aws:S3:::b"]},
    {"Resource": "arn:aws:s3:::${aws:username"},
    {"Resource": "arn:aws:s3:::${x}"},
    {"Resource": []},
    *[dict[str, object](Resource=resource) for resource in UNFIT],
    {"Principal": "*"},
    {"NotPrincipal": {"AWS": "*"}},
    when("StringEqual", "aws:username", "a"),
    when("ForAll:StringEquals", "aws:username", "a"),
    when(":StringEquals", "aws:username", "a"),
    when("NullIfExists", "aws:username", "true"),
    when("StringEquals", "username", "a"),
    when("StringEquals", ":", "a"),
    when("StringEquals", "aws:username"),
    when("NumericEquals", "s3:max-keys", "${aws:username}"),
    when("NumericEquals", "s3:max-keys", "many"),
    when("DateEquals", "aws:CurrentTime", "today"),
    when("IpAddress", "aws:SourceIp", "here"),
    when("ArnLike", "aws:PrincipalArn", "ann"),
    {"Condition": []},
]


def verdicts(text: str, policy_type: PolicyType) -> tuple[bool, bool]:
    """Whether it is refused, and whether the linter says so."""
    marked = [finding for finding in lint(text, policy_type, CATALOGUE) if finding.refused]
    assert all(finding.type is FindingType.ERROR for finding in marked)
    try:
        parse_new(text, policy_type)
    except MalformedPolicyDocument:
        return True, bool(marked)
    return False, bool(marked)


@pytest.mark.parametrize("elements", SAVED, ids=str)
def test_errors_that_are_saved(elements: dict[str, object]) -> None:
    """They are errors, and not marked as refused."""
    text = document(**{**IDENTITY, **elements})
    assert FindingType.ERROR in {finding.type for finding in lint(text, PolicyType.IDENTITY, CATALOGUE)}
    assert verdicts(text, PolicyType.IDENTITY) == (False, False)


@pytest.mark.parametrize("elements", REFUSED, ids=str)
def test_the_linter_knows_what_is_refused(elements: dict[str, object]) -> None:
    """By itself, and beside an error that is saved."""
    text = document(**{**IDENTITY, **elements})
    beside = json.dumps({"Version": "2012-10-17", "Statement": [{**IDENTITY, **SAVED[0]}, {**IDENTITY, **elements}]})
    assert verdicts(text, PolicyType.IDENTITY) == verdicts(beside, PolicyType.IDENTITY) == (True, True)


_PRINCIPALS = st.dictionaries(
    st.sampled_from(["AWS", "Service", "Federated", "x"]),
    st.sampled_from(["*", "a*", "123456789012", "ec2.amazonaws.com", "ec2.b", "arn:aws-cn:iam::123456789012:root"]),
)
_CHANGED: st.SearchStrategy[dict[str, object]] = (
    st.sampled_from([*SAVED, *REFUSED])
    | st.sampled_from(["sts:X", "sts:*", "iam:GetUser", "sts:TagSession"]).map(
        lambda action: dict[str, object](Action=action)
    )
    | _PRINCIPALS.map(lambda principals: dict[str, object](Principal=principals))
)
_STATEMENTS = st.builds(
    lambda statement, changes: {name: value for each in [statement, *changes] for name, value in each.items()},
    st.sampled_from([IDENTITY, TRUST, {**IDENTITY, "Principal": "*", "Effect": "Deny"}]),
    st.lists(_CHANGED, max_size=2),
)
_POLICIES = st.fixed_dictionaries(
    {"Statement": st.lists(_STATEMENTS, min_size=1, max_size=2)},
    optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17", "2011"]), "Id": st.sampled_from(["x", 5])},
).map(json.dumps)


@settings(max_examples=2 * EXAMPLES)
@given(text=_POLICIES | DOCUMENTS, policy_type=st.sampled_from(list(POLICY_TYPES.values())))
def test_the_linter_and_the_parser_agree(text: str, policy_type: PolicyType) -> None:
    """Of every document, and every type of policy."""
    is_refused, is_said = verdicts(text, policy_type)
    assert is_refused == is_said
