"""The Condition element: its operators, and what they make of the values that a request brings.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from domain.policy.match import Patterns, Test, wildcard

Context = Mapping[str, tuple[str, ...]]
"""Condition keys, lower-cased, with their values in this request. No values is the same as no key."""

_KEY = re.compile(r"[^:*?\s]+:.+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_W3C_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?)?", re.ASCII)
_EPOCH_SECONDS = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key. All conditions of a statement must hold."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    context_key: str
    test: Test
    """Whether the one value that the request has for the key satisfies the operator."""
    if_missing: bool
    if_several: bool

    def holds(self, context: Context) -> bool:
        present = context.get(self.context_key)
        if not present:
            return self.if_missing
        if len(present) == 1:
            return self.test(present[0])
        return self.if_several


class Operator(NamedTuple):
    test_of: Callable[[tuple[str, ...]], Test]
    """From the values in the policy, which are ORed (NORed by a negated operator), to a test of the request's value.
    Raises ValueError when one of them is not of the operator's type."""
    if_missing: bool = False
    """What holds when the request does not have the key: a negated operator does."""
    substitutes_variables: bool = True


def instant(text: str) -> datetime:
    """A date in a W3C form of ISO 8601 (https://www.w3.org/TR/NOTE-datetime) or in seconds since 1970, as four
    digits a year. Raises ValueError."""
    try:
        if _W3C_DATE.fullmatch(text):
            moment = datetime.fromisoformat(text + "-01-01"[len(text) - 4 :])
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if _EPOCH_SECONDS.fullmatch(text):
            return _EPOCH + timedelta(seconds=int(text))
    except (ValueError, OverflowError):
        pass
    raise ValueError(f'"{text}" is not a date: expected a form such as 2020-01-31T23:59:59Z, or seconds since 1970')


def _one_of(normal: Callable[[str], str], *, negated: bool = False) -> Callable[[tuple[str, ...]], Test]:
    def test_of(wanted: tuple[str, ...]) -> Test:
        texts = frozenset(normal(text) for text in wanted)
        return lambda present: (normal(present) in texts) != negated

    return test_of


def _like(*, negated: bool = False) -> Callable[[tuple[str, ...]], Test]:
    return lambda wanted: Patterns(wanted, negated, tuple(wildcard(text) for text in wanted)).match


def _booleans(wanted: tuple[str, ...]) -> Test:
    for text in wanted:
        if text.lower() not in {"true", "false"}:
            raise ValueError(f'"{text}" is not a Boolean: expected true or false')
    return _one_of(str.lower)(wanted)


def _date(compare: Callable[[datetime, datetime], bool], *, negated: bool = False) -> Callable[[tuple[str, ...]], Test]:
    def test_of(wanted: tuple[str, ...]) -> Test:
        moments = tuple(instant(text) for text in wanted)

        def test(present: str) -> bool:
            try:
                moment = instant(present)
            except ValueError:
                # What is no date matches nothing; that it differs from every date would be a guess.
                return False
            return any(compare(moment, other) for other in moments) != negated

        return test

    return test_of


OPERATORS: Mapping[str, Operator] = {
    "StringEquals": Operator(_one_of(str)),
    "StringNotEquals": Operator(_one_of(str, negated=True), if_missing=True),
    "StringEqualsIgnoreCase": Operator(_one_of(str.casefold)),
    "StringNotEqualsIgnoreCase": Operator(_one_of(str.casefold, negated=True), if_missing=True),
    "StringLike": Operator(_like()),
    "StringNotLike": Operator(_like(negated=True), if_missing=True),
    "Bool": Operator(_booleans),
    "DateEquals": Operator(_date(operator.eq), substitutes_variables=False),
    "DateNotEquals": Operator(_date(operator.eq, negated=True), if_missing=True, substitutes_variables=False),
    "DateLessThan": Operator(_date(operator.lt), substitutes_variables=False),
    "DateLessThanEquals": Operator(_date(operator.le), substitutes_variables=False),
    "DateGreaterThan": Operator(_date(operator.gt), substitutes_variables=False),
    "DateGreaterThanEquals": Operator(_date(operator.ge), substitutes_variables=False),
}


def condition(name: str, key: str, wanted: tuple[str, ...], *, has_variables: bool, denies: bool) -> Condition:
    """An operator as it is spelt in a policy, ready to be asked.

    `has_variables`: the policy's version has policy variables. `denies`: the statement does. Raises ValueError, with
    a sentence that names what is wrong, for anything that this form of the language does not have.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.; "
            f'got "{key}", expected a key such as aws:SourceIp'
        )
    if name == "Null":
        is_wanted = _booleans(wanted)
        if_missing, if_present = is_wanted("true"), is_wanted("false")
        return Condition(name, key, wanted, key.lower(), lambda _: if_present, if_missing, if_present)
    known = OPERATORS.get(name.removesuffix("IfExists"))
    if known is None:
        raise ValueError(
            f"Invalid Condition type : {name}; expected Null, or one of {', '.join(OPERATORS)}, also with IfExists"
        )
    if has_variables and known.substitutes_variables and any("${" in text for text in wanted):
        raise ValueError("policy variables are not supported yet")
    # AWS asks for a set operator (ForAllValues, ForAnyValue) wherever a key has several values and does not say what
    # holds without one, so neither side gets the benefit of the doubt: nothing is allowed, and what is denied stays so.
    if_missing = known.if_missing or name.endswith("IfExists")
    return Condition(name, key, wanted, key.lower(), known.test_of(wanted), if_missing, if_several=denies)
