"""Policies and requests out of few words, so that they meet, and every element and operator of the language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from domain.policy import Layer, PolicyType, Request, RequestPrincipal
from tests.domain.policy.naive import Document
from tests.domain.policy.policies import ACCOUNT, BOB, EC2, NIGHT_WORKER, OTHER_ACCOUNT, SESSION, STRANGER, USER, WORKER

Levels = list[tuple[Layer, list[Document]]]
Statement = dict[str, Any]

POLICY_TYPES = {
    Layer.RCP: PolicyType.RCP,
    Layer.SCP: PolicyType.SCP,
    Layer.RESOURCE: PolicyType.RESOURCE,
    Layer.TRUST: PolicyType.TRUST,
    Layer.IDENTITY: PolicyType.IDENTITY,
    Layer.BOUNDARY: PolicyType.BOUNDARY,
    Layer.SESSION: PolicyType.SESSION,
}

# Who asks

FEDERATED_USER = f"arn:aws:sts::{ACCOUNT}:federated-user/Bob"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:saml-provider/Idp"
BOB_FEDERATED = RequestPrincipal(FEDERATED_USER, ACCOUNT, frozenset({("AWS", FEDERATED_USER)}), BOB.names)
OF_PROVIDER = RequestPrincipal("Idp:somebody", None, frozenset({("Federated", PROVIDER)}))
CALLERS = [BOB, BOB, NIGHT_WORKER, NIGHT_WORKER, BOB_FEDERATED, BOB_FEDERATED, STRANGER, EC2, OF_PROVIDER, None]

PRINCIPALS: list[dict[str, Any] | str] = [
    "*",
    {"AWS": "*"},
    {"AWS": USER},
    {"AWS": "AIDAJQABLZS4A3QDU576Q"},
    {"AWS": [SESSION, FEDERATED_USER]},
    {"AWS": [WORKER]},
    {"AWS": "AROAJQABLZS4A3QDU576Q"},
    {"AWS": [ACCOUNT]},
    {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{OTHER_ACCOUNT}:root"]},
    {"AWS": [ACCOUNT, USER]},
    {"AWS": [ACCOUNT, WORKER]},
    {"AWS": [ACCOUNT, WORKER, SESSION]},
    {"AWS": [WORKER, SESSION]},
    {"AWS": [OTHER_ACCOUNT], "Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]},
    {"Service": "ec2.amazonaws.com"},
    {"Federated": PROVIDER, "AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:user/Eve"},
]
NAMED = [names for names in PRINCIPALS if names not in ("*", {"AWS": "*"})]
"""NotPrincipal excepts somebody, not everybody."""

# What is asked

ACTIONS = ["iam:GetUser", "s3:GetObject", "s3:PutObject", "sts:AssumeRole"]
ACTION_PATTERNS = ["*", "*", "iam:*", "IAM:getuser", "s3:*Object", "S3:?etObject", "s3:PutObject", "sts:AssumeRole"]
RCP_ACTION_PATTERNS = ["s3:*", "S3:?etObject", "sts:AssumeRole"]
TRUST_ACTION_PATTERNS = ["sts:*", "sts:AssumeRole", "STS:assume*", "sts:TagSession"]
RESOURCES = [
    "*",
    USER,
    f"arn:aws:iam::{OTHER_ACCOUNT}:user/Bob",
    "arn:aws:s3:::box/Bob",
    "arn:aws:s3:::box/b*b",
    "arn:aws:s3:::box/x:Bob",
    f"arn:aws:sqs:eu-1:{ACCOUNT}:box",
    f"arn:aws:sqs:eu-1:{ACCOUNT}:box:Bob",
]
RESOURCE_PATTERNS = [
    "*",
    "*",
    *RESOURCES[1:],
    "arn:aws:s3:::box/*",
    "arn:aws:s3:::b?x/?*b",
    "arn:aws:s3:::*:Bob",
    "arn:aws:s3:*",
    "arn:aws:s3:::box/${aws:username}",
    "arn:aws:s3:::box/${AWS:username}*",
    "arn:aws:s3:::box/${aws:username, 'Bob'}",
    "arn:aws:s3:::box/${aws:PrincipalTag/team, 'b*'}",
    "arn:aws:s3:::${aws:PrincipalTag/team}/Bob",
    "arn:aws:s3:::box/b${*}b",
    "arn:aws:s3:::box/${?}${$}*",
    f"arn:aws:iam::{ACCOUNT}:user/${{aws:TagKeys}}",
    "arn:aws:iam::*:user/Bob",
    "arn:aws:iam::1?3456789012:user/*",
    f"arn:aws:sqs:*:{ACCOUNT}:box",
    "arn:aws:sqs:eu-?:*:B?b",
    "arn:aws:sqs:*:Bob",
    "arn:a?s:sqs:eu*1:*:*box",
]

# Under which conditions

STRINGS = ["Bob", "bob", "box", "b*b", "", "${aws:username}"]
STRING_PATTERNS = [
    *STRINGS,
    "B*",
    "?o?",
    "*",
    "${aws:username, 'Bob'}",
    "${aws:PrincipalTag/team, 'b*'}",
    "b${*}b",
    "${aws:TagKeys}",
    "${AWS:UserName}*",
]
NUMBERS = ["1", "1.0", "2", "-3", "2.50", "two"]
DATES = [
    "2026-11-24",
    "2026-11-24T00:00:00Z",
    "2026-11-24T01:30:00+01:30",
    "2026-11",
    "1795478400",
    "1795478401",
    "soon",
]
ADDRESSES = ["10.0.0.1", "10.0.0.1/32", "10.1.0.0/16", "10.1.2.3", "2001:db8::1", "2001:db8::/32", "here"]
ARNS = [
    "arn:aws:s3:::box/Bob",
    USER,
    f"arn:aws:sqs:eu-1:{ACCOUNT}:box:Bob",
    f"arn:aws:sqs:eu-1:x:{ACCOUNT}:box:Bob",
    "arn:aws:s3:::box/b*b",
    "box",
]
ARN_PATTERNS = [
    *ARNS[:-1],
    "arn:aws:*:*:*:*",
    "arn:aws:sqs:*:box:Bob",
    f"arn:aws:sqs:*:{ACCOUNT}:box*",
    "arn:*:s3:::b?x/*",
    "arn:aws:s3:::box/${aws:username}",
    "arn:aws:s3:::box/${aws:PrincipalTag/team, 'Bob'}",
    "arn:aws:iam::*:user/${aws:username}*",
]
OCTETS = ["Qm9i", "Ym9i", "Qm8=", "Bob"]
BOOLEANS = ["true", "false", "True", "FALSE"]


@dataclass(frozen=True)
class Family:
    operators: tuple[str, ...]
    key: str
    wanted: list[str]
    given: list[str]


_ORDER = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
STRING_OPERATORS = tuple(
    f"String{name}" for name in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
)
FAMILIES = [
    Family(STRING_OPERATORS, "aws:username", STRING_PATTERNS, STRINGS),
    Family(STRING_OPERATORS, "aws:TagKeys", STRING_PATTERNS, STRINGS),
    Family(STRING_OPERATORS, "aws:PrincipalTag/team", STRING_PATTERNS, STRINGS),
    Family(tuple(f"Numeric{name}" for name in _ORDER), "aws:MultiFactorAuthAge", NUMBERS[:-1], NUMBERS),
    Family(tuple(f"Date{name}" for name in _ORDER), "aws:CurrentTime", DATES[:-1], DATES),
    Family(("Bool",), "aws:SecureTransport", BOOLEANS, [*BOOLEANS, "1"]),
    Family(("BinaryEquals",), "test:Octets", OCTETS[:-1], OCTETS),
    Family(("IpAddress", "NotIpAddress"), "aws:SourceIp", ADDRESSES[:-1], ADDRESSES),
    Family(("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"), "aws:SourceArn", ARN_PATTERNS, ARNS),
]
OPERATORS = sorted({operator for family in FAMILIES for operator in family.operators})
KEYS = sorted({family.key for family in FAMILIES})


def few(items: list[str], most: int = 2) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(items), min_size=1, max_size=most)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, dict[str, list[str]]]:
    block: dict[str, dict[str, list[str]]] = {}
    for family in draw(st.lists(st.sampled_from(FAMILIES), max_size=2)):
        if draw(st.integers(0, 9)) == 0:
            name = draw(st.sampled_from(["Null", "ForAllValues:Null", "ForAnyValue:Null"]))
            wanted = draw(few(BOOLEANS))
        else:
            prefix = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]))
            suffix = draw(st.sampled_from(["", "", "IfExists"]))
            name = prefix + draw(st.sampled_from(family.operators)) + suffix
            wanted = draw(few(family.wanted))
        key = draw(st.sampled_from([family.key] * 8 + [family.key.upper()] * 4 + KEYS))
        block.setdefault(name, {}).setdefault(key, wanted)
    return block


@st.composite
def statements(draw: st.DrawFn, layer: Layer) -> Statement:
    is_rcp = layer is Layer.RCP
    statement: Statement = {
        "Effect": draw(st.sampled_from(["Deny"] if is_rcp else ["Allow", "Allow", "Allow", "Deny"]))
    }
    actions = {Layer.TRUST: TRUST_ACTION_PATTERNS, Layer.RCP: RCP_ACTION_PATTERNS}.get(layer, ACTION_PATTERNS)
    element = draw(st.sampled_from(["Action"] if is_rcp else ["Action", "Action", "Action", "NotAction"]))
    statement[element] = draw(few(actions))
    if layer is not Layer.TRUST:
        element = draw(st.sampled_from(["Resource", "Resource", "Resource", "NotResource"]))
        statement[element] = draw(few(RESOURCE_PATTERNS))
    if is_rcp:
        statement["Principal"] = "*"
    elif layer is Layer.TRUST:
        statement["Principal"] = draw(st.sampled_from(PRINCIPALS))
    elif layer is Layer.RESOURCE:
        excepting = statement["Effect"] == "Deny" and draw(st.booleans())
        statement["NotPrincipal" if excepting else "Principal"] = draw(
            st.sampled_from(NAMED if excepting else PRINCIPALS)
        )
    if block := draw(conditions()):
        statement["Condition"] = block
    return statement


ALLOWS_ALL: Mapping[Layer, Statement] = {
    Layer.RCP: {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
    Layer.SCP: {"Effect": "Allow", "Action": "*", "Resource": "*"},
    Layer.BOUNDARY: {"Effect": "Allow", "Action": "*", "Resource": "*"},
    Layer.SESSION: {"Effect": "Allow", "Action": "*", "Resource": "*"},
    Layer.IDENTITY: {"Effect": "Allow", "Action": "*", "Resource": "*"},
}


@st.composite
def documents(draw: st.DrawFn, layer: Layer) -> Document:
    listed: list[Statement] = []
    if layer in ALLOWS_ALL and draw(st.booleans()):
        listed.append(ALLOWS_ALL[layer])
    if not listed or draw(st.booleans()):
        listed += draw(st.lists(statements(layer), min_size=1, max_size=2))
    if layer in {Layer.SCP, Layer.RCP}:
        return {"Version": "2012-10-17", "Statement": listed}
    version = draw(st.sampled_from(["2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17", None]))
    return {"Statement": listed} | ({"Version": version} if version else {})


@st.composite
def levels(draw: st.DrawFn, *, is_trust: bool) -> Levels:
    """What applies to a request: any of the layers, those of an organization up to twice."""
    of_resource = Layer.TRUST if is_trust else Layer.RESOURCE
    chosen = draw(st.lists(st.sampled_from([Layer.SCP, Layer.RCP]), max_size=2))
    chosen += draw(st.lists(st.sampled_from([Layer.BOUNDARY, Layer.SESSION]), max_size=2, unique=True))
    chosen += draw(st.sampled_from([[of_resource], [of_resource, Layer.IDENTITY], [Layer.IDENTITY]]))
    return [
        (layer, draw(st.lists(documents(layer), min_size=layer is not Layer.IDENTITY, max_size=2))) for layer in chosen
    ]


CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        family.key.lower(): st.lists(st.sampled_from(family.given), max_size=2).map(tuple)
        | st.sampled_from(family.given).map(lambda value: (value,))
        for family in FAMILIES
    },
)


@st.composite
def requests(draw: st.DrawFn, *, is_trust: bool) -> Request:
    return Request(
        "sts:AssumeRole" if is_trust else draw(st.sampled_from(ACTIONS)),
        WORKER if is_trust else draw(st.sampled_from(RESOURCES)),
        draw(st.sampled_from(CALLERS)),
        draw(CONTEXTS),
        draw(st.sampled_from([None, None, ACCOUNT, OTHER_ACCOUNT])),
    )


@dataclass(frozen=True)
class DecisionExample:
    """Policies, and several requests that they decide on."""

    levels: Levels
    requests: list[Request]


@st.composite
def questions(draw: st.DrawFn) -> DecisionExample:
    is_trust = draw(st.sampled_from([False, False, False, True]))
    asked = st.lists(requests(is_trust=is_trust), min_size=6, max_size=8)
    return DecisionExample(draw(levels(is_trust=is_trust)), draw(asked))
