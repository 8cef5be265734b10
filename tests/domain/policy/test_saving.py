"""What is refused when a policy is saved, and that the linter knows it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.foundation.errors import MalformedPolicyDocument
from domain.policy import POLICY_TYPES, PolicyType, compiled, lint, parse_new
from tests.domain.policy.catalogue import CATALOGUE
from tests.fuzz.bounds import EXAMPLES
from tests.fuzz.inputs import DOCUMENTS, TEXTS

IAM_PATHS = 'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, '
UNFIT_ACCOUNT = "The policy failed legacy parsing; "
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
    "arn:aws-cn:s3:::b": 'Partition "aws-cn" is not valid for resource "arn:aws-cn:s3:::b".',
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
    "arn:aws:s*:::b": "Resource vendor must be fully qualified and cannot contain regexes",
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
    """In IAM's words, behind the place."""
    text = document(Action="s3:*", **{element: ["*", resource]})
    with pytest.raises(MalformedPolicyDocument) as refused:
        parse_new(text, PolicyType.IDENTITY)
    assert refused.value.message.startswith(f"Statement[0].{element}: ")
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
            '"FEDERATED":"arn:aws-cn:iam::123456789012:saml-provider/a"',
        ),
        (trusting({"Service": ["ec2.amazonaws.com", "ec2.example.com"]}), '"SERVICE":"ec2.example.com"'),
        (trusting({"Service": "amazonaws.com"}), '"SERVICE":"amazonaws.com"'),
        (trusting({"AWS": "123456789012"}, "sts:GetCallerIdentity"), "may only specify STS AssumeRole actions"),
        (trusting({"AWS": "123456789012"}, ["sts:AssumeRole", "iam:GetUser"]), "may only specify STS AssumeRole"),
    ],
)
def test_trust_in_what_cannot_be_is_refused(text: str, sentence: str) -> None:
    """Principals of another partition, services that are none of AWS's, actions that assume nothing."""
    with pytest.raises(MalformedPolicyDocument) as refused:
        parse_new(text, PolicyType.TRUST)
    assert sentence in refused.value.message


def test_trust_is_saved() -> None:
    """In services of each suffix, and for whatever goes with assuming a role."""
    services = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn", "delivery.logs.amazonaws.com", "alexa-appkit.amazon.com"]
    for action in ("sts:AssumeRole", "sts:*", "STS:Assume*", "sts:TagSession", "sts:SetSourceIdentity"):
        parse_new(trusting({"Service": services, "AWS": "arn:aws:iam::123456789012:root"}, action), PolicyType.TRUST)


@pytest.mark.parametrize("resource", [resource for resource in UNFIT if "s*" not in resource])
def test_what_is_stored_is_still_read(resource: str) -> None:
    """A ledger may hold what would not be saved today."""
    policy = compiled(document(Action="s3:*", Resource=resource), PolicyType.IDENTITY)
    assert policy.statements[0].actions.match("s3:getobject", {})


_WORDS = ["aws", "aws-cn", "azure", "iam", "s3", "S3", "us-east-1", "*", "", "12345", "123456789012", "role/a", "x/y"]
_ARNS = st.lists(st.sampled_from(_WORDS), max_size=6).map(lambda parts: ":".join(["arn", *parts]))
_PRINCIPALS = st.dictionaries(
    st.sampled_from(["AWS", "Service", "Federated", "x"]),
    st.sampled_from(["*", "a*", "123456789012", "ec2.amazonaws.com", "ec2.b", "arn:aws-cn:iam::123456789012:root"]),
)
_CONDITIONS = st.dictionaries(
    st.sampled_from(["Null", "NullIfExists", "StringEquals", "DateEquals", "ForAnyValue:Bool", ":Bool", "x:Bool", "y"]),
    st.dictionaries(
        st.sampled_from(["aws:username", "iam:x", "nope:y", "aws:no", ":", "x"]), st.sampled_from(["a", "${aws:a}", []])
    ),
)
_STATEMENTS: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.sampled_from(["s3:GetObject", "nope:X", "s3:Nope", "sts:AssumeRole", "sts:X", "Nope", "s3:${a}"]),
    },
    optional={
        "Sid": st.sampled_from(["", "a", "a b"]) | TEXTS,
        "Resource": _ARNS | st.sampled_from([*UNFIT, *FIT]) | st.just([]),
        "NotResource": _ARNS,
        "Principal": _PRINCIPALS | st.sampled_from(["*", "x"]),
        "Condition": _CONDITIONS,
        "Effects": st.just("Allow"),
    },
)
_POLICIES = st.fixed_dictionaries(
    {"Statement": st.lists(_STATEMENTS, max_size=2)},
    optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17", "2011", None]), "Id": st.just("x")},
).map(json.dumps)


@settings(max_examples=3 * EXAMPLES)
@given(text=_POLICIES | DOCUMENTS, policy_type=st.sampled_from(list(POLICY_TYPES.values())))
def test_the_linter_knows_what_is_refused(text: str, policy_type: PolicyType) -> None:
    """Of every document it says by an error whether it would be saved."""
    try:
        parse_new(text, policy_type)
        is_refused = False
    except MalformedPolicyDocument:
        is_refused = True
    marked = [finding for finding in lint(text, policy_type, CATALOGUE) if finding.refused]
    assert bool(marked) == is_refused
    assert {finding.type.value for finding in marked} <= {"ERROR"}
