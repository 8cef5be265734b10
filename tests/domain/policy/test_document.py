"""The grammar: what is accepted, what is refused, and with which words."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.foundation.errors import MalformedPolicyDocument
from domain.policy.decode import TEXT_CHARACTERS_MAX
from domain.policy.document import POLICY_TYPES, Policy, PolicyType, parse

ALLOW = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "123456789012"}}


def document(*statements: object, **elements: object) -> str:
    return json.dumps({"Version": "2012-10-17", **elements, "Statement": list(statements)})


def identity(**changes: object) -> str:
    """One statement, with elements changed, or left out where the change is None."""
    return document({name: value for name, value in (ALLOW | changes).items() if value is not None})


def trust(**changes: object) -> str:
    return document({name: value for name, value in (TRUST | changes).items() if value is not None})


def where(operator: str, key: str, value: object) -> str:
    return identity(Condition={operator: {key: value}})


def principal(kind: str, *names: str) -> str:
    return trust(Principal={kind: list(names)})


ACCEPTED_IDENTITY = {
    "id": document(ALLOW, Id="Any text, with spaces"),
    "statement-object": json.dumps({"Version": "2012-10-17", "Statement": ALLOW}),
    "statement-list": document(ALLOW, ALLOW),
    "no-version": json.dumps({"Statement": ALLOW}),
    "version-2008": document(ALLOW, Version="2008-10-17"),
    "white-space": f" \t\r\n{document(ALLOW)}\n",
    "deny": identity(Effect="Deny"),
    "sid": identity(Sid="Allow1"),
    "sid-empty-twice": document(ALLOW | {"Sid": ""}, ALLOW | {"Sid": ""}),
    "action-star": identity(Action="*"),
    "action-list": identity(Action=["iam:Get*", "iam:List?ser", "execute-api:Invoke"]),
    "not-action": identity(Action=None, NotAction="iam:*"),
    "resource-list": identity(Resource=["arn:aws:iam::123456789012:user/*", "arn:aws:s3:::bucket/key:1"]),
    "not-resource": identity(Resource=None, NotResource="arn:aws-cn:iam::*:role/x"),
    "resource-partition-wildcard": identity(Resource="arn:*:s3:::bucket"),
    "resource-short-with-star": identity(Resource=["arn:aws:sqs:*", "arn:aws:sqs:us-east-1:*"]),
    "resource-whole-account": identity(Resource="arn:aws:iam::123456789012:*"),
    "resource-other-product": identity(Resource="arn:minio:memory:::agents/alpha"),
    "variable-in-2008": document(ALLOW | {"Resource": "arn:aws:s3:::${aws:username}"}, Version="2008-10-17"),
    "condition-empty": identity(Condition={}),
    "condition-operator-empty": identity(Condition={"Bool": {}}),
    "condition-boolean": where("Bool", "aws:SecureTransport", value=True),
    "condition-number": where("DateLessThan", "aws:CurrentTime", 1704067200),
    "condition-list": where("StringEquals", "aws:PrincipalTag/a b:c", ["x", ""]),
    "condition-federated-key": where("StringEquals", "oidc.example.com/id/A1:sub", "x"),
    "escape-in-range": '{"Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:s3:::\\u00e9"}}',
}
ACCEPTED_TRUST = {
    "account": trust(),
    "id": document(TRUST, Id="Any text, with spaces"),
    "everyone": trust(Principal="*"),
    "everyone-in-aws": principal("AWS", "*"),
    "root": principal("AWS", "arn:aws:iam::123456789012:root"),
    "user": principal("AWS", "arn:aws:iam::123456789012:user/team/Bob"),
    "role": principal("AWS", "arn:aws-us-gov:iam::123456789012:role/Admin"),
    "role-session": principal("AWS", "arn:aws:sts::123456789012:assumed-role/Admin/bob@example.com"),
    "federated-user": principal("AWS", "arn:aws:sts::123456789012:federated-user/Bob"),
    "unique-ids": principal("AWS", "AIDAJQABLZS4A3QDU576Q", "AROAJQABLZS4A3QDU576Q"),
    "services": principal("Service", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "ec2.amazonaws.com.cn"),
    "saml": principal("Federated", "arn:aws:iam::123456789012:saml-provider/ADFS"),
    "oidc": principal("Federated", "arn:aws:iam::123456789012:oidc-provider/token.example.com/path"),
    "built-in-provider": principal("Federated", "accounts.google.com"),
    "kinds-together": trust(Principal={"AWS": "123456789012", "Service": "ec2.amazonaws.com"}),
    "sts-actions": trust(Action=["sts:AssumeRole", "STS:TagSession", "sts:*"]),
}

REFUSED_IDENTITY = {
    "empty": ("", "invalid Json"),
    "no-json": ("{", "invalid Json"),
    "after-the-end": (document(ALLOW) + "{}", "This policy contains invalid Json (The policy: Extra data"),
    "trailing-comma": ('{"Statement":[],}', "invalid Json"),
    "nan": ('{"Version":NaN}', "NaN is no JSON value"),
    "infinity": ('{"Version":-Infinity}', "-Infinity is no JSON value"),
    "name-characters": ('{"\\u4e2d":1}', "expected characters up to U+00FF, got U+4E2D"),
    "name-of-a-key-characters": (
        identity(Condition={"StringEquals": {"aws:\u4e2d": "x"}}),
        "Condition.StringEquals: expected characters up to U+00FF, got U+4E2D",
    ),
    "name-twice": ('{"Statement":[],"Statement":[]}', 'the name "Statement" appears twice'),
    "name-twice-deep": (
        '{"Statement":{"Condition":{"Bool":{"aws:a":"true","aws:a":"false"}}}}',
        'the name "aws:a" appears twice',
    ),
    "list": ("[]", "Syntax errors in policy. (The policy: expected an object"),
    "character": (document(ALLOW).replace("GetUser", "Get\u0100"), "expected characters up to U+00FF, got U+0100"),
    "control-character": (document(ALLOW).replace(" ", "\x0b", 1), "got U+000B"),
    "byte-order-mark": ("\ufeff" + document(ALLOW), "got U+FEFF at 0"),
    "escaped-character": (
        identity(Resource="arn:aws:s3:::\u4e2d"),
        "Syntax errors in policy. (Statement[0].Resource: expected characters",
    ),
    "escaped-surrogate": ('{"\\ud800":1}', "got U+D800"),
    "escaped-zero": (identity(Sid="\0"), "got U+0000"),
    "version": (document(ALLOW, Version="2012-10-18"), "expected 2008-10-17 or 2012-10-17, got 2012-10-18"),
    "version-number": (document(ALLOW, Version=2012), "Syntax errors in policy. (Version: expected a string"),
    "element-unknown": (
        document(ALLOW, Comment="x"),
        "Syntax errors in policy. (The policy: expected only Version, Id, Statement, got Comment)",
    ),
    "element-case": (
        json.dumps({"statement": ALLOW}),
        "The policy failed legacy parsing (The policy: expected only Ver",
    ),
    "no-statement": (json.dumps({"Version": "2012-10-17"}), "Syntax errors in policy. (Statement: expected at least"),
    "statement-list-empty": (document(), "Syntax errors in policy. (Statement: expected at least one statement"),
    "statement-text": (document(ALLOW, "x"), "Syntax errors in policy. (Statement[1]: expected an object"),
    "statement-element": (
        identity(action="iam:GetUser"),
        "The policy failed legacy parsing (Statement[0]: expected only",
    ),
    "principal": (identity(Principal="*"), "Policy document should not specify a principal. (Statement[0]: "),
    "not-principal": (identity(NotPrincipal="*"), "Policy document should not specify a principal. ("),
    "sid-characters": (
        identity(Sid="a b"),
        'satisfies the regular expression [0-9A-Za-z]* (Statement[0].Sid: got "a b")',
    ),
    "sid-number": (identity(Sid=1), "Syntax errors in policy. (Statement[0].Sid: expected a string"),
    "sid-twice": (
        document(ALLOW | {"Sid": "a"}, ALLOW | {"Sid": "a"}),
        "in a single policy must be unique. (Statement: a is given twice)",
    ),
    "effect-missing": (identity(Effect=None), "Syntax errors in policy. (Statement[0].Effect: expected Allow or Deny"),
    "effect-case": (
        identity(Effect="allow"),
        'The policy failed legacy parsing (Statement[0].Effect: expected Allow or Deny, got "allow")',
    ),
    "effect-list": (
        identity(Effect=["Allow"]),
        "Syntax errors in policy. (Statement[0].Effect: expected Allow or Deny",
    ),
    "action-missing": (
        identity(Action=None),
        "Policy statement must contain actions. (Statement[0]: expected either Acti",
    ),
    "action-and-not-action": (
        identity(NotAction="iam:*"),
        "Syntax errors in policy. (Statement[0]: expected either Action or Not",
    ),
    "action-list-empty": (identity(Action=[]), "Policy statement must contain actions. (Statement[0].Action: "),
    "action-without-vendor": (
        identity(Action="GetUser"),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. (S",
    ),
    "action-vendor-wildcard": (identity(Action="*:GetUser"), 'such as iam:Get*, got "*:GetUser"'),
    "action-without-name": (identity(Action="iam:"), 'got "iam:"'),
    "action-with-space": (identity(Action="iam:GetUser "), 'got "iam:GetUser "'),
    "action-of-two-colons": (identity(Action="iam:Get:User"), "Actions/Condition can contain only one colon. ("),
    "action-number": (
        identity(Action=["iam:GetUser", 5]),
        "Syntax errors in policy. (Statement[0].Action: expected a string, got a n",
    ),
    "action-type": (
        identity(Action=5),
        "Syntax errors in policy. (Statement[0].Action: expected a string or a list of strings, got a number)",
    ),
    "action-nested": (identity(Action=[["iam:GetUser"]]), "Syntax errors in policy. (Statement[0].Action: "),
    "resource-missing": (
        identity(Resource=None),
        "Policy statement must contain resources. (Statement[0]: expected either R",
    ),
    "resource-and-not": (
        identity(NotResource="*"),
        "Syntax errors in policy. (Statement[0]: expected either Resource or NotR",
    ),
    "resource-list-empty": (identity(Resource=[]), "Policy statement must contain resources. (Statement[0].Resource: "),
    "not-resource-empty": (
        identity(Resource=None, NotResource=[]),
        "Policy statement must contain resources. (Statement[0].NotResource: ",
    ),
    "resource-no-arn": (
        identity(Resource="bucket"),
        'Resource bucket must be in ARN format or "*". (Statement[0].Resource)',
    ),
    # White space does not count towards a policy's size, but what has to be prepared is as long as it is.
    "resource-of-white-space": (identity(Resource=f"arn:aws:s3:::{' ' * 120_000}*x"), "at most 10240 characters, got"),
    "resource-two-stars": (identity(Resource="**"), "must be in ARN format"),
    "resource-without-service": (identity(Resource="arn:aws::::x"), "must be in ARN format"),
    "resource-service-wildcard": (
        identity(Resource="arn:aws:s*:::x"),
        "Resource vendor must be fully qualified and cannot contain regexes. (Statement[0].Resource: got ",
    ),
    "resource-type-wildcard": (
        identity(Resource="arn:aws:iam::123456789012:u*"),
        "The policy failed legacy parsing (Statement[0].Resource: ",
    ),
    "resource-type-star": (identity(Resource="arn:aws:iam::*:*/Bob"), "is expected, such as user/*"),
    "resource-variable": (identity(Resource="arn:aws:s3::${aws:PrincipalAccount}:x"), "the last part of an ARN only"),
    "not-resource-variable": (identity(Resource=None, NotResource="arn:aws:s3:::${aws:username"), "has no end"),
    "condition-list": (identity(Condition=[]), "Syntax errors in policy. (Statement[0].Condition: expected an object"),
    "condition-keys-text": (
        identity(Condition={"Bool": "x"}),
        "Syntax errors in policy. (Statement[0].Condition.Bool: expected an object",
    ),
    "condition-operator": (
        where("Boole", "aws:a", "x"),
        "Invalid Condition type : Boole. (Statement[0].Condition.Boole: expected Null, or",
    ),
    "condition-key": (where("Bool", "a", "true"), "ec2, etc. (Statement[0].Condition.Bool: expected a key"),
    "condition-values-empty": (
        where("StringLike", "aws:a", []),
        "Syntax errors in policy. (Statement[0].Condition.StringLike.aws:a: expected at",
    ),
    "condition-value-null": (
        where("StringLike", "aws:a", None),
        "(Statement[0].Condition.StringLike.aws:a: expected a string, got null)",
    ),
    "condition-value-object": (
        where("StringLike", "aws:a", {"b": "c"}),
        "StringLike.aws:a: expected a string, got an object)",
    ),
    "condition-variable": (
        where("StringLike", "aws:a", "${aws:b, x}"),
        "Syntax errors in policy. (Statement[0].Condition.StringLike: the default of a policy variable is in",
    ),
}
REFUSED_TRUST = {
    # Were a slash part of a role's name, ten thousand of them could be parted in fifty million ways.
    "role-of-slashes": (principal("AWS", "arn:aws:sts::123456789012:assumed-role///x"), "Invalid principal in policy"),
    "no-principal": (trust(Principal=None), "Missing required field Principal (Statement[0]: expected either"),
    "not-principal": (trust(Principal=None, NotPrincipal="*"), "Has prohibited field NotPrincipal"),
    "resource": (trust(Resource="*"), "Has prohibited field Resource (Statement[0]: expected only"),
    "not-resource": (trust(NotResource="*"), "Has prohibited field NotResource (Statement[0]: expected only"),
    "action-of-another-service": (trust(Action="s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole"),
    "action-star": (
        trust(Action="*"),
        'AssumeRole policy may only specify STS AssumeRole actions. (Statement[0].Action: got "*")',
    ),
    "principal-text": (
        trust(Principal="123456789012"),
        "Syntax errors in policy. (Statement[0].Principal: expected an",
    ),
    "principal-object-empty": (
        trust(Principal={}),
        "Missing required field Principal (Statement[0].Principal: expected at least one principal)",
    ),
    "principal-list-empty": (
        principal("AWS"),
        "Syntax errors in policy. (Statement[0].Principal.AWS: expected at least",
    ),
    "principal-kind": (
        principal("CanonicalUser", "79a5"),
        "Has prohibited field CanonicalUser (Statement[0].Principal: expected only",
    ),
    "principal-kind-case": (
        principal("aws", "123456789012"),
        "The policy failed legacy parsing (Statement[0].Principal: expected only AWS",
    ),
    "account-short": (
        principal("AWS", "12345678901"),
        'Invalid principal in policy: "AWS":"12345678901" (Statement[0].Principal)',
    ),
    "root-with-more": (principal("AWS", "arn:aws:iam::123456789012:root/x"), "Invalid principal in policy"),
    "group": (principal("AWS", "arn:aws:iam::123456789012:group/Admins"), "Invalid principal in policy"),
    "user-wildcard": (principal("AWS", "arn:aws:iam::123456789012:user/*"), "Invalid principal in policy"),
    "session-wildcard": (principal("AWS", "arn:aws:sts::123456789012:assumed-role/a/?"), "Invalid principal in policy"),
    "session-without-name": (principal("AWS", "arn:aws:sts::123456789012:assumed-role/a"), "Invalid principal"),
    "user-variable": (principal("AWS", "arn:aws:iam::${aws:x}:user/a"), "Invalid principal in policy"),
    "unique-id-of-a-group": (principal("AWS", "AGPAJQABLZS4A3QDU576Q"), "Invalid principal in policy"),
    "service-star": (principal("Service", "*"), 'Invalid principal in policy: "SERVICE":"*"'),
    "service-no-domain": (principal("Service", "ec2"), 'Invalid principal in policy: "SERVICE":"ec2"'),
    "federated-star": (principal("Federated", "*"), 'SAML metadata ARNs (Statement[0].Principal: got "*")'),
    "federated-unknown": (principal("Federated", "idp.example.com"), "Invalid principal in policy"),
}


@pytest.mark.parametrize("rule", ACCEPTED_IDENTITY)
def test_accepted_in_identity_and_session_policies(rule: str) -> None:
    """Session policies have the grammar of identity policies."""
    for policy_type in (PolicyType.IDENTITY, PolicyType.SESSION):
        assert parse(ACCEPTED_IDENTITY[rule], policy_type).statements


@pytest.mark.parametrize("rule", ACCEPTED_TRUST)
def test_accepted_in_trust_policies(rule: str) -> None:
    """Every kind of principal has its forms."""
    assert parse(ACCEPTED_TRUST[rule], PolicyType.TRUST).statements[0].principals


@pytest.mark.parametrize("rule", REFUSED_IDENTITY)
def test_refused_in_identity_and_session_policies(rule: str) -> None:
    """IAM's sentence comes first, then the place and the reason."""
    text, reason = REFUSED_IDENTITY[rule]
    for policy_type in (PolicyType.IDENTITY, PolicyType.SESSION):
        with pytest.raises(MalformedPolicyDocument, match=re.escape(reason)):
            parse(text, policy_type)


@pytest.mark.parametrize("rule", REFUSED_TRUST)
def test_refused_in_trust_policies(rule: str) -> None:
    """The refusal names the place and the reason."""
    text, reason = REFUSED_TRUST[rule]
    with pytest.raises(MalformedPolicyDocument, match=re.escape(reason)):
        parse(text, PolicyType.TRUST)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 20_000,
        "x" * 10_000_000,
        '{"a":"' + '\\"' * 60_000,
        '"' * 100_000,
        "1" * 100_000,
        '{"Statement":"' + "[" * 100_000 + '"}',
        "{" + ",".join(f'"k{number}":0' for number in range(10_000)) + ',"k9999":0}',
    ],
    ids=["nested-lists", "nested-objects", "long", "escapes", "quotes", "digits", "brackets-in-a-string", "names"],
)
def test_bombs_are_refused(text: str) -> None:
    """What is made to exhaust a parser is refused as any other malformed document is."""
    with pytest.raises(MalformedPolicyDocument):
        parse(text, PolicyType.IDENTITY)


def test_the_longest_text_is_accepted_and_one_character_more_is_not() -> None:
    """The bound on the text is exact, and counts white space."""
    text = document(ALLOW).ljust(TEXT_CHARACTERS_MAX)
    assert parse(text, PolicyType.IDENTITY)
    with pytest.raises(MalformedPolicyDocument, match="expected at most 131072 characters, got 131073"):
        parse(text + " ", PolicyType.IDENTITY)


@given(st.text(), st.sampled_from(list(POLICY_TYPES.values())))
def test_any_text_is_parsed_or_refused(text: str, policy_type: PolicyType) -> None:
    """No text raises anything but the refusal."""
    try:
        assert isinstance(parse(text, policy_type), Policy)
    except MalformedPolicyDocument as refusal:
        assert refusal.sentence  # noqa: PT017  a text that is not refused is as good


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["*", "Allow", "iam:*", "aws:a", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Version", "Statement", "Effect", "Action", "Resource", "Principal", "Condition", "AWS"]),
            inner,
            max_size=4,
        )
    ),
)


@given(VALUES, st.sampled_from(list(POLICY_TYPES.values())))
def test_any_json_is_parsed_or_refused(value: object, policy_type: PolicyType) -> None:
    """No shape of JSON raises anything but the refusal, wherever in the grammar it stands."""
    for text in (json.dumps(value), document(value), document(ALLOW | {"Condition": value})):
        try:
            assert isinstance(parse(text, policy_type), Policy)
        except MalformedPolicyDocument as refusal:
            assert refusal.sentence  # noqa: PT017  a text that is not refused is as good
