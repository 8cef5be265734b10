"""The instants at which time alone changes what a statement says."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy import MalformedPolicyDocument, PolicyType, TimeBoundaries, compiled, time_boundaries
from domain.policy.document import Statement

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPERATORS = [
    f"{kind}{compared}{exists}"
    for kind in ("Date", "Numeric")
    for compared in (
        "Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals",
    )
    for exists in ("", "IfExists")
]  # fmt: skip


def statement(condition: object, resource: str = "*") -> Statement:
    text = json.dumps({
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": resource, "Condition": condition},
    })  # fmt: skip
    (only,) = compiled(text, PolicyType.IDENTITY).statements
    return only


def holds(of: Statement, at: datetime) -> bool:
    context = {"aws:currenttime": (at.strftime("%Y-%m-%dT%H:%M:%SZ"),), "aws:epochtime": (str(int(at.timestamp())),)}
    return all(condition.holds(context) for condition in of.conditions)


@given(
    st.sampled_from([*OPERATORS, "StringEquals", "StringNotLike", "ForAllValues:DateLessThan", "Null"]),
    st.sampled_from(["aws:CurrentTime", "AWS:epochtime"]),
    st.sampled_from([
        "2026-03-01T12:00:03Z", "2026-03-01T12:00:03.5Z", "2026-03-01T14:00:05+02:00", "2026", "true",
        "1772366403", "1772366404.25",
    ]),
)  # fmt: skip
def test_nothing_turns_but_at_the_instants(operator: str, key: str, wanted: str) -> None:
    """Every operator, on both keys: where a statement says something else than a moment before, an instant lies."""
    try:
        of = statement({operator: {key: wanted}})
    except MalformedPolicyDocument:
        return
    found = time_boundaries(of)
    assert found.complete
    moments = [AT + timedelta(milliseconds=250 * number) for number in range(40)]
    turned = {later for earlier, later in pairwise(moments) if holds(of, earlier) != holds(of, later)}
    assert turned <= found.instants


@pytest.mark.parametrize(
    ("condition", "resource"),
    [
        ({"StringLike": {"aws:CurrentTime": "2026-*"}}, "*"),
        ({"StringEquals": {"aws:PrincipalTag/hour": "${aws:CurrentTime}"}}, "*"),
        ({"StringEquals": {"aws:CurrentTime": "${aws:PrincipalTag/hour}"}}, "*"),
        ({}, "arn:aws:iam::123456789012:user/${aws:EpochTime}"),
    ],
)
def test_what_cannot_be_followed_is_said(condition: object, resource: str) -> None:
    """Patterns and variables may turn with every second."""
    assert not time_boundaries(statement(condition, resource)).complete


def test_what_is_not_about_time_never_turns() -> None:
    """Other keys do not change while nothing happens."""
    of = statement({"DateLessThan": {"aws:TokenIssueTime": "2026-03-01T00:00:00Z"}})
    assert time_boundaries(of) == TimeBoundaries()


def test_a_time_that_no_calendar_has_is_no_instant() -> None:
    """A number of seconds beyond the last year is never reached."""
    assert time_boundaries(statement({"NumericLessThan": {"aws:EpochTime": "9" * 40}})) == TimeBoundaries()
