"""Condition operators, one fact of the AWS documentation a row."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy.conditions import OPERATORS, Condition, condition, instant

NEW_YEAR = "2024-01-01T00:00:00Z"


def made(name: str, *wanted: str, denies: bool = False) -> Condition:
    return condition(name, "aws:Key", wanted, has_variables=True, denies=denies)


def holds(name: str, wanted: tuple[str, ...], *present: str) -> bool:
    return made(name, *wanted).holds({"aws:key": present} if present else {})


@pytest.mark.parametrize(
    ("name", "wanted", "present", "expected"),
    [
        ("StringEquals", ("Bob",), "Bob", True),
        ("StringEquals", ("Bob",), "bob", False),
        ("StringEquals", ("B*",), "Bob", False),
        ("StringEquals", ("Al", "Bob"), "Bob", True),
        ("StringNotEquals", ("Bob",), "bob", True),
        ("StringNotEquals", ("Al", "Bob"), "Bob", False),
        ("StringNotEquals", ("Al", "Bob"), "Eve", True),
        ("StringEqualsIgnoreCase", ("BOB",), "bob", True),
        ("StringEqualsIgnoreCase", ("BOB",), "bobby", False),
        ("StringNotEqualsIgnoreCase", ("BOB", "AL"), "bob", False),
        ("StringNotEqualsIgnoreCase", ("BOB", "AL"), "eve", True),
        ("StringLike", ("B*b", "x"), "Bob:Bab", True),
        ("StringLike", ("B?b",), "Bob", True),
        ("StringLike", ("b*",), "Bob", False),
        ("StringNotLike", ("A*", "B*"), "Bob", False),
        ("StringNotLike", ("A*", "B*"), "Eve", True),
        ("Bool", ("true",), "TRUE", True),
        ("Bool", ("True",), "true", True),
        ("Bool", ("true",), "false", False),
        ("Bool", ("true", "false"), "false", True),
        ("Bool", ("true", "false"), "perhaps", False),
        ("DateEquals", ("2024-01-01",), NEW_YEAR, True),
        ("DateEquals", ("2024",), NEW_YEAR, True),
        ("DateEquals", ("2024-01",), NEW_YEAR, True),
        ("DateEquals", ("2024-01-01T01:00+01:00",), NEW_YEAR, True),
        ("DateEquals", ("1704067200",), NEW_YEAR, True),
        ("DateEquals", ("2024-01-01",), "1704067200", True),
        ("DateEquals", ("2024-01-01",), "1704067201", False),
        ("DateEquals", ("2024-01-01",), "2024-01-01T00:00:00.001Z", False),
        ("DateEquals", ("2024-01-01",), "no date", False),
        ("DateNotEquals", ("2024", "2025"), "2025-01-01", False),
        ("DateNotEquals", ("2024", "2025"), "2026-01-01", True),
        ("DateNotEquals", ("2024",), "no date", False),
        ("DateLessThan", (NEW_YEAR,), "2023-12-31T23:59:59Z", True),
        ("DateLessThan", (NEW_YEAR,), NEW_YEAR, False),
        ("DateLessThanEquals", (NEW_YEAR,), NEW_YEAR, True),
        ("DateLessThanEquals", (NEW_YEAR,), "2024-01-01T00:00:01Z", False),
        ("DateGreaterThan", (NEW_YEAR,), "2024-01-01T00:00:01Z", True),
        ("DateGreaterThan", (NEW_YEAR,), NEW_YEAR, False),
        ("DateGreaterThanEquals", (NEW_YEAR,), NEW_YEAR, True),
        ("DateGreaterThanEquals", (NEW_YEAR,), "2023-12-31T23:59:59Z", False),
        ("DateGreaterThan", (NEW_YEAR,), "999999999999", False),
        ("Null", ("true",), "any", False),
        ("Null", ("false",), "any", True),
        ("Null", ("true", "false"), "any", True),
    ],
)
def test_a_present_key(name: str, wanted: tuple[str, ...], present: str, expected: bool) -> None:  # noqa: FBT001  a column
    """Values of one key are ORed, with a negated operator NORed; each family compares as its documentation says."""
    assert holds(name, wanted, present) is expected


EXAMPLES = {
    "Boo": ("true", "false"),
    "IpA": ("203.0.113.0/24", "203.0.113.9"),
    "Arn": ("arn:aws:iam::*:user/a", "arn:aws:iam::123456789012:user/a"),
}


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_a_missing_key(name: str) -> None:
    """A missing key makes a positive operator false, a negated one true, and any with IfExists true."""
    wanted, present = EXAMPLES.get(name.removeprefix("Not")[:3], ("2024", "2023" if "Less" in name else "2025"))
    assert holds(name, (wanted,)) is ("Not" in name)
    assert holds(f"{name}IfExists", (wanted,)) is True
    assert holds(f"{name}IfExists", (wanted,), present) == holds(name, (wanted,), present)


@given(st.sampled_from(["String{}Equals", "String{}EqualsIgnoreCase", "String{}Like", "Date{}Equals"]), st.data())
def test_negated_operators_negate(pattern: str, data: st.DataObject) -> None:
    """With a value that the operator can read, the negated operator holds exactly when the other does not."""
    years = st.integers(2020, 2023).map(str)
    wanted, present = tuple(data.draw(st.lists(years, min_size=1))), data.draw(years)
    assert holds(pattern.format(""), wanted, present) != holds(pattern.format("Not"), wanted, present)


def test_null_asks_for_absence() -> None:
    """`true` holds when the key is missing or has no value, `false` when it is there, with however many values."""
    assert holds("Null", ("true",))
    assert made("Null", "true").holds({"aws:key": ()})
    assert not holds("Null", ("false",))
    assert holds("Null", ("false",), "one", "two")
    assert not holds("Null", ("true",), "one", "two")


def test_several_values_without_a_set_operator_never_favour_the_caller() -> None:
    """Where AWS demands ForAllValues or ForAnyValue and it is missing, an Allow does not apply and a Deny does."""
    for name in ("StringEquals", "StringNotEquals", "StringEqualsIfExists"):
        assert not made(name, "a").holds({"aws:key": ("a", "b")})
        assert made(name, "a", denies=True).holds({"aws:key": ("a", "b")})


def test_keys_ignore_case() -> None:
    """`AWS:KEY` in a policy is `aws:key` in the request."""
    assert condition("Bool", "AWS:KEY", ("true",), has_variables=True, denies=False).holds({"aws:key": ("true",)})


@pytest.mark.parametrize(
    ("name", "key", "wanted", "reason"),
    [
        ("StringEqual", "aws:Key", "a", "Invalid Condition type : StringEqual. (expected Null, or one of StringEquals"),
        ("stringequals", "aws:Key", "a", "Invalid Condition type : stringequals"),
        ("NullIfExists", "aws:Key", "true", "Invalid Condition type : NullIfExists"),
        ("StringEqualsIfExistsIfExists", "aws:Key", "a", "Invalid Condition type"),
        ("ForAnyValue:ForAllValues:StringEquals", "aws:Key", "a", "Invalid Condition type : ForAnyValue:ForAllValues"),
        ("ForAnyValue:", "aws:Key", "a", "Invalid Condition type : ForAnyValue:"),
        ("NumericEquals", "aws:Key", "1e3", '"1e3" is not a number'),
        ("IpAddress", "aws:Key", "10.0.0.0/33", '"10.0.0.0/33" is not an address'),
        ("ArnLike", "aws:Key", "arn:aws:iam::user/a", '"arn:aws:iam::user/a" is not an ARN'),
        ("BinaryEquals", "aws:Key", "a", '"a" is not binary data'),
        (
            "StringEquals",
            "Key",
            "a",
            'must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. (expected a key such as aws:SourceIp, got "Key")',
        ),
        ("StringEquals", "aws:", "a", "must be prefaced by a vendor"),
        ("StringEquals", ":Key", "a", "must be prefaced by a vendor"),
        ("StringEquals", "a*s:Key", "a", "must be prefaced by a vendor"),
        ("StringLike", "aws:Key", "${aws:username", 'begins at "${aws:username" has no end'),
        ("StringNotEqualsIfExists", "aws:Key", "${}", '"" is no policy variable'),
        ("Bool", "aws:Key", "${aws:SecureTransport}", "is not a Boolean"),
        ("Bool", "aws:Key", "yes", '"yes" is not a Boolean: expected true or false'),
        ("Null", "aws:Key", "maybe", '"maybe" is not a Boolean'),
        ("DateEquals", "aws:Key", "${aws:CurrentTime}", "is not a date"),
        (
            "DateEquals",
            "aws:Key",
            "yesterday",
            '"yesterday" is not a date: expected a form such as 2020-01-31T23:59:59Z',
        ),
    ],
)
def test_what_the_language_does_not_have_is_refused(name: str, key: str, wanted: str, reason: str) -> None:
    """The reason names what was wrong."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        condition(name, key, (wanted,), has_variables=True, denies=False)


def test_variables_are_literal_text_where_the_version_has_none() -> None:
    """With Version 2008-10-17 `${aws:username}` is text that matches only itself."""
    literal = condition("StringEquals", "aws:Key", ("${aws:username}",), has_variables=False, denies=False)
    assert literal.holds({"aws:key": ("${aws:username}",), "aws:username": ("Bob",)})
    assert not literal.holds({"aws:key": ("Bob",), "aws:username": ("Bob",)})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-1-1",
        "2024-13-01",
        "2024-02-30",
        "0000-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01 00:00:00Z",
        "2024-01-01T24:01:00Z",
        "2024-01-01T00:00:00+99:00",
        "2024-W01-1",
        "-1",
        "1.5",
        "99999999999999999999",
        "999999999999",
        "२०२४",
    ],
)
def test_no_date(text: str) -> None:
    """Only the W3C's forms and whole seconds since 1970 are dates; years that no date can have are none."""
    with pytest.raises(ValueError, match="is not a date"):
        instant(text)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001  made aware below
def test_a_date_reads_the_same_in_both_forms(moment: datetime) -> None:
    """ISO 8601 and epoch seconds of one moment are one moment, unless four digits say a year."""
    moment = moment.replace(tzinfo=UTC, microsecond=0)
    assert instant(moment.strftime("%Y-%m-%dT%H:%M:%SZ")) == moment
    seconds = str(int(moment.timestamp()))
    assert len(seconds) == 4 or instant(seconds) == moment
