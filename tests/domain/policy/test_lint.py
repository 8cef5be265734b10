"""What the linter says, by a catalogue of two services."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.policy.decode import TEXT_CHARACTERS_MAX
from domain.policy.document import POLICY_TYPES, PolicyType
from domain.policy.lint import FindingType, lint
from domain.policy.positions import Path, positions
from tests.domain.policy.catalogue import CATALOGUE
from tests.fuzz.bounds import EXAMPLES
from tests.fuzz.inputs import DOCUMENTS, TEXTS

STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
PASS_ROLE = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
ERROR, SECURITY, WARNING, SUGGESTION = FindingType

Found = list[tuple[FindingType, str, Path]]


def found(document: object, policy_type: PolicyType = PolicyType.IDENTITY) -> Found:
    text = document if isinstance(document, str) else json.dumps(document)
    return [(finding.type, finding.code, finding.path) for finding in lint(text, policy_type, CATALOGUE)]


def of(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def condition(operator: str, key: str, value: object, **more: Any) -> dict[str, Any]:
    return {**STATEMENT, "Condition": {operator: {key: value}, **more}}


def test_nothing_is_said_of_a_good_policy() -> None:
    """A statement that stands for itself, and several."""
    other = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b"}
    passing = {**PASS_ROLE, "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}
    assert found({"Version": "2012-10-17", "Statement": STATEMENT}) == []
    assert found(of(STATEMENT, other, passing)) == []


@pytest.mark.parametrize("text", ["", "{", '{"Version": }', "[" * 100_000, '{"a": "\n"}'])
def test_what_is_not_json(text: str) -> None:
    assert found(text) == [(ERROR, "JSON_SYNTAX_ERROR", ())]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([], (ERROR, "DATA_TYPE_MISMATCH", ())),
        ("{}" + " " * TEXT_CHARACTERS_MAX, (ERROR, "MALFORMED_POLICY_DOCUMENT", ())),
        ({"Version": "2012-10-17"}, (ERROR, "MISSING_STATEMENT", ())),
        ({"Statement": [STATEMENT]}, (WARNING, "MISSING_VERSION", ())),
        ({**of(STATEMENT), "Version": "2011"}, (ERROR, "INVALID_VERSION", ("Version",))),
        ({**of(STATEMENT), "Author": "me"}, (ERROR, "INVALID_POLICY_ELEMENT", ("Author",))),
        (
            {**of({**STATEMENT, "Resource": "arn:aws:s3:::b/${aws:username}"}), "Version": "2008-10-17"},
            (ERROR, "VARIABLE_UNSUPPORTED_IN_VERSION", ("Statement", 0, "Resource")),
        ),
        (of({**STATEMENT, "Sid": "x" * 7_000}), (WARNING, "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", ())),
        (of({"Action": "s3:*", "Resource": "*"}), (ERROR, "MISSING_EFFECT", ("Statement", 0))),
        (of({**STATEMENT, "Effect": "allow"}), (ERROR, "INVALID_EFFECT", ("Statement", 0, "Effect"))),
        (of({"Effect": "Allow", "Resource": "*"}), (ERROR, "MISSING_ACTION", ("Statement", 0))),
        (of({"Effect": "Allow", "Action": "s3:*"}), (ERROR, "MISSING_RESOURCE", ("Statement", 0))),
        (of({**STATEMENT, "Principal": "*"}), (ERROR, "UNSUPPORTED_PRINCIPAL", ("Statement", 0, "Principal"))),
        (
            of({**STATEMENT, "NotResource": "*"}),
            (ERROR, "UNSUPPORTED_ELEMENT_COMBINATION", ("Statement", 0, "NotResource")),
        ),
        (of({**STATEMENT, "Sid": ""}), (SUGGESTION, "EMPTY_SID_VALUE", ("Statement", 0, "Sid"))),
        (of({**STATEMENT, "Sid": "a b"}), (ERROR, "UNSUPPORTED_SID", ("Statement", 0, "Sid"))),
        (
            of({**STATEMENT, "Sid": "a"}, {**PASS_ROLE, "Sid": "a"}),
            (ERROR, "UNIQUE_SIDS_REQUIRED", ("Statement", 1, "Sid")),
        ),
        (of({**STATEMENT, "Condition": {}}), (SUGGESTION, "EMPTY_OBJECT_CONDITION", ("Statement", 0, "Condition"))),
        (of({**STATEMENT, "Action": []}), (SUGGESTION, "EMPTY_ARRAY_ACTION", ("Statement", 0, "Action"))),
        (of({**STATEMENT, "Action": 1}), (ERROR, "MALFORMED_POLICY_DOCUMENT", ("Statement", 0, "Action"))),
    ],
)
def test_the_form(document: object, expected: tuple[FindingType, str, Path]) -> None:
    assert expected in found(document)


def test_what_the_parser_alone_refuses_is_said_with_its_reason() -> None:
    """And where it is: here a name that appears twice, which decoding would have swallowed."""
    text = json.dumps(of(STATEMENT)).replace('"Effect"', '"Effect": "Deny", "Effect"')
    (finding,) = lint(text, PolicyType.IDENTITY, CATALOGUE)
    assert finding.type is ERROR
    assert "twice" in finding.message


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("nope:Get", "INVALID_SERVICE_IN_ACTION"),
        ("no*:Get", "INVALID_SERVICE_IN_ACTION"),
        ("s3:GetObjects", "INVALID_ACTION"),
        ("s3:Fetch*", "INVALID_ACTION"),
        ("GetObject", "INVALID_ACTION"),
        ("s3:${aws:username}", "VARIABLE_UNSUPPORTED_IN_ELEMENT"),
    ],
)
def test_actions_that_do_not_exist(action: str, code: str) -> None:
    """In a list, beside one that does, whatever its case."""
    statement = {**STATEMENT, "Action": ["S3:getobject", action]}
    assert found(of(statement)) == [(ERROR, code, ("Statement", 0, "Action", 1))]


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ("b/*", "INVALID_ARN_PREFIX"),
        ("arn:aws:s3", "MISSING_ARN_FIELD"),
        ("arn:azure:s3:::b/*", "INVALID_PARTITION"),
        ("arn:aws:S3:::b/*", "INVALID_ARN_SERVICE_CASE"),
        ("arn:aws:iam:nowhere::role/a", "INVALID_ARN_REGION"),
        ("arn:aws:iam:eu-west-1:123456789012:role/a", "ARN_REGION_NOT_ALLOWED"),
        ("arn:aws:iam::1234:role/a", "INVALID_ARN_ACCOUNT"),
        ("arn:aws:s3::123456789012:b/*", "ARN_ACCOUNT_NOT_ALLOWED"),
        ("arn:aws:s*:::b/*", "WILDCARD_IN_SERVICE_NAME"),
    ],
)
def test_resources_that_are_no_arns(resource: str, code: str) -> None:
    codes = {
        found for _, found, path in found(of({**STATEMENT, "Resource": [resource]})) if path[-2:] == ("Resource", 0)
    }
    assert code in codes


@pytest.mark.parametrize(
    ("actions", "resources", "misfits"),
    [
        (["s3:GetObject"], ["arn:aws:s3:::b"], [("Action", 0)]),
        (["s3:ListBucket"], ["arn:aws:s3:::b/*"], [("Action", 0)]),
        (["s3:ListAllMyBuckets"], ["arn:aws:s3:::b"], [("Action", 0)]),
        (["s3:GetObject"], ["arn:aws:s3:::b", "arn:aws:s3:::b/*"], [("Resource", 0)]),
        (["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::b", "arn:aws:s3:::b/*"], []),
        (["s3:*"], ["arn:aws:s3:::b"], []),
        (["s3:ListAllMyBuckets", "s3:GetObject"], ["*"], []),
        (["s3:GetObject"], ["arn:aws:s3:::*"], []),
        (["s3:GetObject"], ["arn:aws:s3:::${aws:username}"], []),
        (["iam:PassRole"], ["arn:aws:iam::123456789012:role/a"], []),
        (["iam:PassRole"], ["arn:aws:s3:::b/*"], [("Action", 0)]),
    ],
)
def test_resources_that_no_action_is_about(
    actions: list[str], resources: list[str], misfits: list[tuple[str, int]]
) -> None:
    """An action none of whose resource types is there never matches; nor does a resource that no action means."""
    said = found(of({**STATEMENT, "Action": actions, "Resource": resources}))
    paths = [path for _, code, path in said if code == "RESOURCE_TYPE_DOES_NOT_FIT"]
    assert paths == [("Statement", 0, *misfit) for misfit in misfits]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (PASS_ROLE, "PASS_ROLE_WITH_STAR_IN_RESOURCE"),
        ({**PASS_ROLE, "Resource": "arn:aws:iam::123456789012:role/*"}, "PASS_ROLE_WITH_STAR_IN_RESOURCE"),
        ({**PASS_ROLE, "Action": "iam:Pass*"}, "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE"),
        ({"Effect": "Allow", "Action": "iam:PassRole", "NotResource": "*"}, "PASS_ROLE_WITH_NOT_RESOURCE"),
        ({"Effect": "Allow", "Action": "iam:*", "NotResource": "*"}, "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE"),
        (
            {"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"},
            "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
        ),
        (
            {"Effect": "Allow", "NotAction": "s3:GetObject", "NotResource": "*"},
            "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE",
        ),
    ],
)
def test_roles_given_away(statement: dict[str, Any], code: str) -> None:
    """Each of AWS's checks of iam:PassRole; a denial gives nothing away."""
    said = [(type_, said) for type_, said, _ in found(of(statement)) if said.startswith("PASS_ROLE")]
    assert said == [(SECURITY, code)]
    assert all(type_ is not SECURITY for type_, _, _ in found(of({**statement, "Effect": "Deny"})))


def test_service_linked_roles_given_away() -> None:
    """A general warning, as in AWS's reference."""
    statement = {**PASS_ROLE, "Action": "iam:CreateServiceLinkedRole"}
    assert found(of(statement)) == [(WARNING, "CREATE_SLR_WITH_STAR_IN_RESOURCE", ("Statement", 0, "Resource"))]


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"NotPrincipal": {"AWS": "123456789012"}}, (SECURITY, "ALLOW_WITH_NOT_PRINCIPAL", ("NotPrincipal",))),
        ({"Principal": "123456789012"}, (ERROR, "INVALID_PRINCIPAL_FORMAT", ("Principal",))),
        ({"Principal": {"User": "a"}}, (ERROR, "INVALID_PRINCIPAL_KEY", ("Principal", "User"))),
        ({"Principal": {}}, (SUGGESTION, "EMPTY_OBJECT_PRINCIPAL", ("Principal",))),
        ({"Principal": {"AWS": []}}, (SUGGESTION, "EMPTY_ARRAY_PRINCIPAL", ("Principal", "AWS"))),
        (
            {"Principal": {"AWS": ["arn:aws:iam::123456789012:user/*"]}},
            (ERROR, "UNSUPPORTED_WILDCARD_IN_PRINCIPAL", ("Principal", "AWS", 0)),
        ),
        ({"Principal": {"AWS": "AROAJ234567"}}, (WARNING, "INVALID_ROLE_REFERENCE", ("Principal", "AWS"))),
        ({}, (ERROR, "MISSING_PRINCIPAL", ())),
    ],
)
def test_principals(principal: dict[str, Any], expected: tuple[FindingType, str, Path]) -> None:
    """Of a trust policy."""
    type_, code, path = expected
    statement = {"Effect": "Allow", "Action": "iam:PassRole", **principal}
    assert (type_, code, ("Statement", 0, *path)) in found(of(statement), PolicyType.TRUST)


@pytest.mark.parametrize("service", ["nobody-knows", "s4.eu-west-1", "s3", "delivery.logs", "ecs-tasks"])
def test_services_that_may_not_be(service: str) -> None:
    """A service that is not one of AWS's may be one of the operator's: a warning."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": [f"{service}.amazonaws.com"]}}
    said = [(type_, path) for type_, code, path in found(of(statement), PolicyType.TRUST) if "PRINCIPAL" in code]
    is_known = service in {"s3", "delivery.logs", "ecs-tasks"}
    assert said == ([] if is_known else [(WARNING, ("Statement", 0, "Principal", "Service", 0))])


@pytest.mark.parametrize(
    ("statement", "type_", "code"),
    [
        (condition("StringIs", "aws:username", "a"), ERROR, "INVALID_CONDITION_OPERATOR"),
        (condition("ForSome:StringEquals", "aws:username", "a"), ERROR, "INVALID_CONDITION_OPERATOR"),
        (condition("NullIfExists", "aws:username", "true"), ERROR, "NULL_WITH_IF_EXISTS"),
        (condition("ForAllValues:Null", "aws:TagKeys", "true"), SUGGESTION, "NULL_WITH_QUALIFIER"),
        (condition("StringEquals", "username", "a"), ERROR, "INVALID_CONDITION_KEY_FORMAT"),
        (condition("StringEquals", "aws:user", "a"), ERROR, "INVALID_GLOBAL_CONDITION_KEY"),
        (condition("StringEquals", "aws:RequestTag", "a"), ERROR, "MISSING_TAG_KEY_IN_CONDITION"),
        (condition("StringEquals", "s3:suffix", "a"), ERROR, "INVALID_SERVICE_CONDITION_KEY"),
        (condition("StringEquals", "nope:key", "a"), WARNING, "UNKNOWN_SERVICE_IN_CONDITION_KEY"),
        (condition("StringEquals", "s3:prefix", "a"), WARNING, "UNSUPPORTED_CONDITION_KEY_FOR_ACTION"),
        (condition("NumericEquals", "aws:username", "1"), WARNING, "TYPE_MISMATCH"),
        (condition("Bool", "aws:SecureTransport", ["true", "false"]), ERROR, "INVALID_CONDITION_MULTIPLE_BOOLEAN"),
        (condition("StringEquals", "aws:TagKeys", "a"), ERROR, "MISSING_QUALIFIER"),
        (condition("ForAllValues:StringEquals", "aws:TagKeys", "a"), WARNING, "FORALLVALUES_WITHOUT_NULL_CHECK"),
        (condition("ForAllValues:StringEquals", "aws:username", "a"), SECURITY, "FORALLVALUES_WITH_SINGLE_VALUED_KEY"),
        (condition("StringEquals", "aws:username", []), SUGGESTION, "EMPTY_ARRAY_CONDITION"),
        (condition("StringEqualsIfExists", "aws:username", []), SUGGESTION, "EMPTY_ARRAY_CONDITION_IFEXISTS"),
        (condition("DateEquals", "aws:CurrentTime", "${aws:username}"), ERROR, "INVALID_VARIABLE_FOR_OPERATOR"),
        (condition("Bool", "aws:SecureTransport", "yes"), WARNING, "TYPE_MISMATCH_BOOLEAN"),
        (condition("NumericLessThan", "aws:MultiFactorAuthAge", "1h"), WARNING, "TYPE_MISMATCH_NUMBER"),
        (condition("NumericLessThan", "aws:MultiFactorAuthAge", "inf"), WARNING, "TYPE_MISMATCH_NUMBER"),
        (condition("DateLessThan", "aws:CurrentTime", "soon"), WARNING, "TYPE_MISMATCH_DATE"),
        (condition("DateLessThan", "aws:CurrentTime", 1700000000), WARNING, "INVALID_DATE_VALUE"),
        (condition("IpAddress", "aws:SourceIp", "10.0.0.300"), WARNING, "TYPE_MISMATCH_IP_RANGE"),
        (condition("IpAddress", "aws:SourceIp", "203.0.113.1/24"), SUGGESTION, "IMPROVE_IP_RANGE"),
        (condition("BinaryEquals", "s3:versionid", "%"), WARNING, "TYPE_MISMATCH_STRING"),
        (condition("StringEquals", "aws:username", "a*"), WARNING, "WILDCARD_WITHOUT_LIKE_OPERATOR"),
        (
            condition("StringEquals", "aws:ResourceTag/a", "b"),
            SUGGESTION,
            "ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
        ),
        (
            {**condition("StringEquals", "aws:ResourceTag/a", "b"), "Effect": "Deny"},
            SECURITY,
            "DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
        ),
        (
            {**STATEMENT, "Condition": {"StringEquals": {"aws:username": "a", "aws:UserName": "b"}}},
            ERROR,
            "DUPLICATE_KEYS_WITH_DIFFERENT_CASE",
        ),
    ],
)
def test_conditions(statement: dict[str, Any], type_: FindingType, code: str) -> None:
    assert (type_, code) in [(found_type, said) for found_type, said, _ in found(of(statement))]


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {"aws:username": ["a", "b"]}, "StringLike": {"aws:Username": "c*"}},
        {"StringEquals": {"aws:username": "a"}, "StringNotEquals": {"aws:username": ["a", "b"]}},
        {"StringLike": {"aws:username": "ab*"}, "StringNotLike": {"aws:username": "a*"}},
        {"StringEquals": {"aws:username": "a"}, "Null": {"aws:username": "true"}},
        {"NumericLessThan": {"aws:MultiFactorAuthAge": 5}, "NumericGreaterThanEquals": {"aws:MultiFactorAuthAge": 5}},
        {
            "DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"},
            "DateGreaterThan": {"aws:CurrentTime": "2021-01-01T00:00:00Z"},
        },
    ],
)
def test_conditions_that_exclude_one_another(conditions: dict[str, Any]) -> None:
    """The second of the two is named."""
    said = [code for _, code, _ in found(of({**STATEMENT, "Condition": conditions}))]
    assert "CONDITION_NEVER_MATCHES" in said


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {"aws:username": ["a", "b"]}, "StringLike": {"aws:Username": "b*"}},
        {"StringEqualsIfExists": {"aws:username": "a"}, "StringNotEquals": {"aws:username": "a"}},
        {"StringNotEquals": {"aws:username": "a"}, "Null": {"aws:username": "true"}},
        {"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}, "ForAllValues:StringNotEquals": {"aws:TagKeys": "a"}},
        {"StringEquals": {"aws:username": "a"}, "StringLike": {"aws:username": "${aws:userid}"}},
        {
            "NumericLessThanEquals": {"aws:MultiFactorAuthAge": 5},
            "NumericGreaterThanEquals": {"aws:MultiFactorAuthAge": 5},
        },
    ],
)
def test_conditions_that_can_hold_together(conditions: dict[str, Any]) -> None:
    said = [code for _, code, _ in found(of({**STATEMENT, "Condition": conditions}))]
    assert "CONDITION_NEVER_MATCHES" not in said


def test_redundant_actions_and_resources() -> None:
    """What another pattern of the same list covers, the example of AWS's reference among them."""
    statement = {
        "Effect": "Allow",
        "Action": ["s3:Get*", "s3:getobject", "s3:*Object"],
        "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::b/a/*"],
    }
    assert found(of(statement)) == [
        (SUGGESTION, "REDUNDANT_ACTION", ("Statement", 0, "Action", 1)),
        (SUGGESTION, "REDUNDANT_RESOURCE", ("Statement", 0, "Resource", 1)),
    ]


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({**STATEMENT, "Action": "s3:*Object"}, "REDUNDANT_STATEMENT"),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::*"}, "REDUNDANT_STATEMENT"),
        ({**STATEMENT, "Effect": "Deny", "Resource": "*"}, "STATEMENT_NEVER_TAKES_EFFECT"),
        ({**STATEMENT, "Effect": "Deny", "Resource": "arn:aws:s3:::b/a/*"}, None),
        ({**STATEMENT, "Effect": "Deny", "Condition": {"StringEquals": {"aws:username": "a"}}}, None),
        ({"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "arn:aws:s3:::*"}, None),
    ],
)
def test_statements_that_another_decides(other: dict[str, Any], code: str | None) -> None:
    """One of the same effect says it all, or a denial takes it all; less than all is not said."""
    said = [found for _, found, path in found(of(STATEMENT, other)) if path == ("Statement", 0)]
    assert said == ([code] if code else [])


def test_of_two_equal_statements_one_stays() -> None:
    assert found(of(STATEMENT, STATEMENT)) == [(SUGGESTION, "REDUNDANT_STATEMENT", ("Statement", 0))]


def test_where_to_learn_more() -> None:
    """AWS's page about the check, or about what it rests on."""
    (known, *_) = lint(json.dumps(of(PASS_ROLE)), PolicyType.IDENTITY, CATALOGUE)
    assert known.learn_more.endswith(
        "access-analyzer-reference-policy-checks.html"
        "#access-analyzer-reference-policy-checks-security-warning-pass-role-with-star-in-resource"
    )


_KEYS = st.sampled_from(["aws:username", "s3:prefix", "aws:TagKeys", "aws:CurrentTime", ":", "x"]) | TEXTS
_OPERATORS = st.sampled_from(["Null", "StringEquals", "NumericLessThan", "DateEquals", "Bool", "IpAddress"]) | TEXTS
_VALUES = st.sampled_from(["a", "true", "1", "1e400", "2020", "10.0.0.0/8", "s3:*", "arn:aws:s3:::b", "Allow"]) | TEXTS
_LISTS = _VALUES | st.lists(_VALUES, max_size=3) | st.integers() | st.none() | st.booleans()
_STATEMENTS = st.fixed_dictionaries(
    {"Condition": st.dictionaries(_OPERATORS, st.dictionaries(_KEYS, _LISTS, max_size=3) | _LISTS, max_size=3)},
    optional={
        name: _LISTS | st.dictionaries(st.sampled_from(["AWS", "x"]), _LISTS)
        for name in ("Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Sid", "Effect")
    },
)
_POLICIES = st.lists(_STATEMENTS, max_size=3).map(lambda statements: json.dumps(of(*statements)))


@settings(max_examples=EXAMPLES)
@given(text=TEXTS | DOCUMENTS | _POLICIES, policy_type=st.sampled_from(list(POLICY_TYPES.values())))
def test_no_text_is_too_strange(text: str, policy_type: PolicyType) -> None:
    """Every text is linted, and every finding is about a value that it has."""
    places = positions(text)
    assert all(finding.path in places for finding in lint(text, policy_type, CATALOGUE))
