"""What the comparison of two policies says is so: no request shows otherwise, and each one that it names does."""

import copy
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.policy import Layer, Policy, PolicyType, Request, Result, compiled, parse
from domain.policy.comparison import Comparison, access_granted, new_access
from tests.domain.policy.generated import (
    ACTION_PATTERNS,
    ALLOWS_ALL,
    FAMILIES,
    POLICY_TYPES,
    RESOURCE_PATTERNS,
    Statement,
    conditions,
    documents,
    few,
    requests,
    statements,
)
from tests.domain.policy.naive import Document, decide
from tests.domain.policy.naive_texts import Piece, Step, matches
from tests.domain.policy.policies import ACCOUNT, OTHER_ACCOUNT, USER, allow, deny
from tests.domain.policy.test_naive import EXAMPLES

COMPARED = [Layer.IDENTITY, Layer.IDENTITY, Layer.RESOURCE, Layer.TRUST]
EVERYTHING: Document = {"Version": "2012-10-17", "Statement": [ALLOWS_ALL[Layer.IDENTITY]]}
UNDECIDED_PERCENT_MAX = 5
checked = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def policy(document: Document, layer: Layer) -> Policy:
    return compiled(json.dumps(document), POLICY_TYPES[layer])


@st.composite
def changed(draw: st.DrawFn, document: Document, layer: Layer) -> Document:
    """The same with a statement more or less, under more conditions or fewer, or about less."""
    found: dict[str, Any] = copy.deepcopy(dict(document))
    listed: list[Statement] = found["Statement"]
    statement = draw(st.sampled_from(listed))
    match draw(st.sampled_from(["add", "drop", "narrow", "widen", "shorten", "version"])):
        case "add":
            listed.append(draw(statements(layer)))
        case "drop" if len(listed) > 1:
            listed.remove(statement)
        case "narrow":
            statement["Condition"] = {**draw(conditions()), **statement.get("Condition", {})}
        case "widen":
            statement.pop("Condition", None)
        case "shorten":
            for element in {"Action", "Resource"} & statement.keys():
                statement[element] = statement[element][:1]
        case _:
            found["Version"] = draw(st.sampled_from(["2012-10-17", "2008-10-17"]))
    return found


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Layer, Document, Document]:
    """A policy before and after a change, or two that know nothing of one another."""
    layer = draw(st.sampled_from(COMPARED))
    one = draw(documents(layer))
    of_one = changed(one, layer)
    new, existing = draw(st.permutations([one, draw(of_one | of_one | documents(layer))]))
    return layer, new, existing


@st.composite
def requests_about(draw: st.DrawFn, layer: Layer, told: object) -> Request:
    """With values for the condition keys that policies name, of those that they want too."""
    request = draw(requests(is_trust=layer is Layer.TRUST))
    text = json.dumps(told).lower()
    context = {
        family.key.lower(): (draw(st.sampled_from([*family.given, *(one for one in family.wanted if "$" not in one)])),)
        for family in FAMILIES
        if family.key.lower() in text and draw(st.booleans())
    }
    return request._replace(context={**request.context, **context})


def shows_access(layer: Layer, document: Document, request: Request) -> list[bool]:
    """Whether the policy lets it through by itself: where nothing else is asked, and where what else is asked
    consents."""
    beside: list[list[tuple[Layer, Sequence[Document]]]]
    beside = [[], [(Layer.BOUNDARY, [EVERYTHING])], [(Layer.SESSION, [])]]
    if layer is Layer.IDENTITY:
        beside = beside[:1]
    elif request.principal is not None and request.resource_account not in (None, request.principal.account_id):
        # The caller's own account has to consent, too.
        beside = [[(Layer.IDENTITY, [EVERYTHING]), *others] for others in beside[:2]]
    return [decide([(layer, [document]), *others], request) is Result.ALLOWED for others in beside]


def assert_confirmed(found: Comparison, new: Policy, existing: Policy | None = None) -> None:
    """The evaluator says so of each request that is named."""
    for grant in found.grants:
        assert grant.allowed_by(new)
        assert existing is None or not grant.allowed_by(existing)


@checked
@given(pairs(), st.data())
def test_nothing_new_passes(pair: tuple[Layer, Document, Document], data: st.DataObject) -> None:
    """No request shows access that was not there, for what passes; each that is named does."""
    layer, new, existing = pair
    found = new_access(policy(new, layer), policy(existing, layer))
    assert_confirmed(found, policy(new, layer), policy(existing, layer))
    for request in data.draw(st.lists(requests_about(layer, pair[1:]), min_size=8, max_size=8)) if found.passes else ():
        before, after = shows_access(layer, existing, request), shows_access(layer, new, request)
        assert all(was or not is_ for was, is_ in zip(before, after, strict=True)), request


def is_among(patterns: Sequence[str], text: str) -> bool:
    return any(matches([Step(Piece(each, is_written=True)) for each in pattern], text) for pattern in patterns)


@checked
@given(
    documents(Layer.IDENTITY),
    st.just([]) | few(ACTION_PATTERNS),
    st.just([]) | few([each for each in RESOURCE_PATTERNS if "$" not in each and "*:" not in each and "*" not in each]),
    st.data(),
)
def test_nothing_granted_passes(
    document: Document, actions: list[str], resources: list[str], data: st.DataObject
) -> None:
    """Nor does one that the policy allows, among the actions and resources that are asked about."""
    found = access_granted(policy(document, Layer.IDENTITY), actions, resources)
    assert_confirmed(found, policy(document, Layer.IDENTITY))
    asked = [each.lower() for each in actions] or ["*"]
    for grant in found.grants:
        assert is_among(asked, grant.request.action)
        assert is_among(resources or ["*"], grant.request.resource)
    if found.passes:
        for request in data.draw(st.lists(requests_about(Layer.IDENTITY, document), min_size=8, max_size=8)):
            if is_among(asked, request.action.lower()) and is_among(resources or ["*"], request.resource):
                assert not any(shows_access(Layer.IDENTITY, document, request)), request


def test_nearly_all_is_decided() -> None:
    """Of what is generated, the same in each run, and both ways often."""
    told: Counter[str] = Counter()

    @settings(
        derandomize=True,
        max_examples=200,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(pairs())
    def compare(pair: tuple[Layer, Document, Document]) -> None:
        layer, new, existing = pair
        found = new_access(policy(new, layer), policy(existing, layer))
        told["passes" if found.passes else "shown" if found.grants else "undecided"] += 1

    compare()
    assert told["undecided"] * 100 <= UNDECIDED_PERCENT_MAX * told.total()
    assert min(told["passes"], told["shown"]) * 5 > told.total()


# Cases

HOME = "arn:aws:s3:::home/${aws:username}/*"


def under(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {"Condition": {operator: {key: list(values)}}}


def identity(*listed: dict[str, Any], version: str = "2012-10-17") -> Policy:
    return parse(json.dumps({"Version": version, "Statement": listed}), PolicyType.IDENTITY)


def resource(*listed: dict[str, Any], **principal: Any) -> Policy:
    return parse(
        json.dumps({"Version": "2012-10-17", "Statement": [{**principal, **each} for each in listed]}),
        PolicyType.RESOURCE,
    )


NOT_IAM = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
OFFICE = under("IpAddress", "aws:SourceIp", "10.0.0.0/8")
ELSEWHERE = under("NotIpAddress", "aws:SourceIp", "10.0.0.0/8")
PASSING: dict[str, tuple[list[Statement], list[Statement]]] = {
    "the case of actions": ([allow("S3:GETOBJECT")], [allow("s3:GetObject")]),
    "a question mark in a star": ([allow("s3:?et*")], [allow("s3:*et*")]),
    "two patterns in two": ([allow("s3:a*"), allow("s3:?b")], [allow("s3:?b"), allow("s3:a*")]),
    "several that cover one together": ([allow("s3:Get?*")], [allow("s3:*t"), allow("s3:Get*")]),
    "a part of an ARN": ([allow("s3:*", "arn:aws:s3:::b/a*")], [allow("s3:*", "arn:aws:s3:::?/*")]),
    "an ARN that is completed": ([allow("sqs:*", "arn:aws:sqs:eu-1:123456789012:x")], [allow("sqs:*", "arn:aws:sqs")]),
    "NotAction and a deny": ([NOT_IAM], [allow(), deny("iam:*")]),
    "a deny and NotAction": ([allow(), deny("iam:*")], [NOT_IAM]),
    "NotResource and a deny": (
        [{"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/*"}],
        [allow("s3:*"), deny("*", "arn:aws:s3:::b/*")],
    ),
    "a wider deny": ([allow(), deny("iam:*")], [allow(), deny("iam:Create*")]),
    "denies that overlap": ([allow(), deny("s3:*"), deny("iam:*")], [allow(), deny("s3:Get*"), deny("iam:Get*")]),
    "an address in a network": ([allow(**under("IpAddress", "aws:SourceIp", "10.1.0.0/16"))], [allow(**OFFICE)]),
    "a deny elsewhere": ([allow(**under("Null", "aws:SourceIp", "false")), deny(**ELSEWHERE)], [allow(**OFFICE)]),
    "a number below": (
        [allow(**under("NumericLessThan", "a:b", "5"))],
        [allow(**under("NumericLessThanEquals", "a:b", "5.0"))],
    ),
    "a day within": (
        [allow(**under("DateEquals", "aws:CurrentTime", "2026-11-24"))],
        [allow(**under("DateLessThan", "aws:CurrentTime", "2026-11-24T00:00:01Z"))],
    ),
    "a condition more": (
        [allow(Condition={**OFFICE["Condition"], "Bool": {"aws:SecureTransport": "true"}})],
        [allow(**OFFICE)],
    ),
    "whatever the case": (
        [allow(**under("StringEquals", "a:b", "Straße"))],
        [allow(**under("StringEqualsIgnoreCase", "a:b", "STRASSE"))],
    ),
    "a Boolean and a text": (
        [allow(**under("StringEquals", "a:b", "true"))],
        [allow(**under("Bool", "a:b", "true"))],
    ),
    "an ARN and a text": (
        [allow(**under("ArnLike", "a:b", "arn:aws:s3:::b/*"))],
        [allow(**under("StringLike", "a:b", "arn:aws:s3:::*"))],
    ),
    "one of the values and any of them": (
        [allow(**under("ForAllValues:StringEquals", "aws:TagKeys", "a"), Sid="x")],
        [allow(**under("ForAllValues:StringEquals", "aws:TagKeys", "a", "b"))],
    ),
    "the same variable": ([allow("s3:Get*", HOME)], [allow("s3:*", HOME), allow("s3:*", "arn:aws:s3:::x/*")]),
    "a variable in a star": ([allow("s3:*", HOME)], [allow("s3:*", "arn:aws:s3:::home/*")]),
    "further below a variable": ([allow("s3:*", HOME[:-1] + "a")], [allow("s3:*", HOME)]),
    "nothing": ([allow("iam:*"), deny("iam:*")], [allow("s3:GetObject")]),
    "a condition that never holds": (
        [allow(Condition={"StringEquals": {"a:b": "x"}, "StringNotEquals": {"a:b": "x"}})],
        [allow("s3:GetObject")],
    ),
}  # fmt: skip
SHOWN: dict[str, tuple[list[Statement], list[Statement]]] = {
    "an action more": ([allow("s3:*")], [allow("s3:Get*"), allow("s3:Put*")]),
    "a star and a question mark": ([allow("s3:a*")], [allow("s3:a?*")]),
    "past a colon": ([allow("sqs:*", "arn:aws:sqs:*:b")], [allow("sqs:*", "arn:aws:sqs:??:*:b")]),
    "a deny less": ([allow(), deny("iam:Create*")], [allow(), deny("iam:*")]),
    "a deny dropped": ([allow("s3:*")], [allow("s3:*"), deny("s3:Delete*", "arn:aws:s3:::b/*")]),
    "a deny under a condition": ([allow(), deny("iam:*", **OFFICE)], [allow(), deny("iam:*")]),
    "NotAction": ([NOT_IAM], [allow("s3:*"), allow("ec2:*")]),
    "a condition dropped": ([allow("s3:*")], [allow("s3:*", **OFFICE)]),
    "a condition that may be missing": (
        [allow(**under("StringEqualsIfExists", "a:b", "x"))],
        [allow(**under("StringEquals", "a:b", "x"))],
    ),
    "no values at all": (
        [allow(**under("ForAllValues:StringEquals", "aws:TagKeys", "a"))],
        [allow(**under("ForAnyValue:StringEquals", "aws:TagKeys", "a"))],
    ),
    "several values": (
        [allow(**under("ForAnyValue:StringEquals", "aws:TagKeys", "a"))],
        [allow(**under("StringEquals", "aws:TagKeys", "a"))],
    ),
    "a network more": ([allow(**OFFICE)], [allow(**under("IpAddress", "aws:SourceIp", "10.0.0.0/9"))]),
    "another user's": ([allow("s3:*", "arn:aws:s3:::home/*")], [allow("s3:*", HOME)]),
    "a variable, once": ([allow("s3:*", HOME)], [allow("s3:*", "arn:aws:s3:::home/?*/b*")]),
    "another variable": ([allow("s3:*", HOME)], [allow("s3:*", HOME.replace("username", "userid"))]),
}


@pytest.mark.parametrize("case", PASSING)
def test_what_is_no_new_access(case: str) -> None:
    """Each is narrower, however it says so."""
    new, existing = (identity(*listed) for listed in PASSING[case])
    assert new_access(new, existing).passes, case


@pytest.mark.parametrize("case", SHOWN)
def test_what_is_new_access(case: str) -> None:
    """Each is wider, by a request that both the naive and the other evaluator let through only now."""
    new, existing = (identity(*listed) for listed in SHOWN[case])
    found = new_access(new, existing)
    assert found.grants
    assert_confirmed(found, new, existing)
    for grant in found.grants:
        results = [decide([(Layer.IDENTITY, [json.loads(each.text)])], grant.request) for each in (new, existing)]
        assert (results[0] is Result.ALLOWED, results[1] is Result.ALLOWED) == (True, False)


def test_variables_of_the_first_version_are_texts() -> None:
    """The same document, read as either version, is not the same."""
    found = new_access(identity(allow("s3:*", HOME)), identity(allow("s3:*", HOME), version="2008-10-17"))
    assert [each.statement.index for each in found.grants] == [0]


def test_who_is_named_matters() -> None:
    """A user in its account is new only for what naming the account left to its policies; whoever is not named, and
    nobody when all are."""
    account, user, stranger = (
        {"Principal": {"AWS": each}} for each in (ACCOUNT, USER, USER.replace(ACCOUNT, OTHER_ACCOUNT))
    )
    everybody = {"Principal": "*"}
    read = allow("s3:GetObject")
    assert new_access(resource(read, **user), resource(read, **everybody)).passes
    assert new_access(resource(read, **account), resource(read, **everybody)).passes
    (direct,) = new_access(resource(read, **user), resource(read, **account)).grants
    assert direct.request.principal is not None
    assert (direct.request.principal.arn, direct.request.resource_account) == (USER, ACCOUNT)
    (foreign,) = new_access(resource(read, **stranger), resource(read, **account)).grants
    assert foreign.request.principal is not None
    assert foreign.request.principal.account_id == OTHER_ACCOUNT
    excepted = {**deny("s3:*"), "NotPrincipal": {"AWS": [ACCOUNT, USER]}}
    (others,) = new_access(resource({**read, **everybody}), resource({**read, **everybody}, excepted)).grants
    assert others.request.principal is None or others.request.principal.arn != USER
    assert new_access(resource({**read, **everybody}, excepted), resource({**read, **everybody})).passes
    # No NotPrincipal spares who has a permissions boundary.
    (bounded,) = new_access(resource({**read, **user}), resource({**read, **user}, excepted)).grants
    assert [layer for layer, _ in bounded.others] == [Layer.BOUNDARY, Layer.IDENTITY]


def test_what_cannot_be_told_is_said() -> None:
    """One key that is a number and a text: no number that fits is found, and that there is none is not proved."""
    mixed: dict[str, Any] = {"Condition": {"StringLike": {"a:b": "1*"}, "NumericLessThan": {"a:b": "-5"}}}
    found = new_access(identity(allow("s3:*", Sid="a", **mixed)), identity(allow("iam:*")))
    assert (found.passes, found.grants) == (False, ())
    assert "values of different types" in found.undecided[0].reason
    # Nor is it told by a statement that fails to apply like one before.
    again = [allow("s3:*", **OFFICE), allow("s3:*", "arn:aws:s3:::*", **OFFICE), allow("s3:*", Sid="b", **OFFICE)]
    assert not new_access(identity(allow("s3:*", "arn:aws:s3:::*", **mixed)), identity(*again)).passes


def test_a_value_may_lead_anywhere() -> None:
    """Somebody's name may begin as what is denied to all."""
    home, denied = allow("s3:*", HOME), deny("s3:*", "arn:aws:s3:::home/b*")
    assert not new_access(identity(home), identity(home, denied)).passes


def test_work_is_bounded() -> None:
    """By counted steps: with fewer than it takes, it cannot be told; what was found before stands."""
    denies = [deny(f"s3:*{chr(97 + each % 26)}*{chr(97 + each // 26)}*") for each in range(200)]
    new = identity(allow("ec2:*"), allow("s3:*", **OFFICE), *denies)
    existing = identity(allow("s3:*"), *denies)
    found = new_access(new, existing, steps=20_000)
    assert [each.statement.index for each in found.grants] == [0]
    assert [each.statement.index for each in found.undecided] == [1]
    assert "steps" in found.undecided[0].reason
    none = new_access(new, existing, steps=1)
    assert (none.passes, len(none.undecided)) == (False, 2)
    people = [f"arn:aws:iam::{ACCOUNT}:user/u{each}" for each in range(3_000)]
    ids = ["AIDA" + f"{each:012}" for each in range(200)]
    many = resource(allow(), Principal={"AWS": [*people, *ids]})
    assert not new_access(many, resource(allow(), Principal={"AWS": people})).passes
