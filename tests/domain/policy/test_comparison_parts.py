"""What the comparison of policies is made of: texts, values and principals that stand for all others."""

import sys
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy.comparison.budget import Budget, OutOfSteps
from domain.policy.comparison.regions import REGIONS
from domain.policy.comparison.texts import Folded, Pattern, find_text, foldings
from domain.policy.conditions import condition
from domain.policy.variables import Variable, substituted
from domain.policy.wildcards import Wildcard, matcher
from tests.domain.policy.generated import ADDRESSES, DATES, NUMBERS, OCTETS
from tests.domain.policy.test_naive import compared

STEPS = 1_000_000
SOMETHING: Pattern = (Wildcard.ANY,)
SHORT = ["".join(each) for length in range(5) for each in product("ab:", repeat=length)]
LETTERS = st.sampled_from(["a", "b", ":", "ab"])
WILDCARDS = st.sampled_from(list(Wildcard))
VARIABLES = st.sampled_from([Variable("k:u", "k:u", None), Variable("k:v", "k:v", None)])
FIXED = st.lists(LETTERS | WILDCARDS, max_size=4).map(tuple)
VARYING = st.lists(LETTERS | WILDCARDS | VARIABLES, max_size=4).map(tuple)


def fits(required: Sequence[Sequence[Pattern]], excluded: Sequence[Pattern], text: str, **values: str) -> bool:
    context = {f"k:{name}": (value,) for name, value in values.items()}

    def is_among(patterns: Sequence[Pattern]) -> bool:
        filled = (substituted(pattern, context) for pattern in patterns)  # type: ignore[arg-type]
        return any(matcher(pattern)(text) for pattern in filled if pattern is not None)

    return all(map(is_among, required)) and not is_among(excluded)


@compared
@given(st.lists(st.lists(FIXED, min_size=1, max_size=2), max_size=2), st.lists(FIXED, max_size=3))
def test_a_text_is_found_where_there_is_one(required: list[list[Pattern]], excluded: list[Pattern]) -> None:
    """It matches what it has to and nothing else; where none is found, no short text does."""
    found = find_text(SOMETHING, required, excluded, Budget(STEPS))
    if found is None:
        assert not any(fits(required, excluded, text) for text in SHORT)
    else:
        assert fits(required, excluded, found)


@compared
@given(st.lists(st.lists(VARYING, min_size=1, max_size=2), min_size=1, max_size=2), st.lists(VARYING, max_size=3))
def test_no_value_makes_a_text_of_none(required: list[list[Pattern]], excluded: list[Pattern]) -> None:
    """Where it is proved that there is no text whatever variables say, none of some values makes one."""
    if find_text(SOMETHING, required, excluded, Budget(STEPS), symbolic=True) is None:
        for first, second in product(["", "a", ":", "ab"], repeat=2):
            assert not any(fits(required, excluded, text, u=first, v=second) for text in SHORT)


@pytest.mark.parametrize("text", ["ss", "\u017fS", "ß", "ẞ"])
def test_folded_texts(text: str) -> None:
    """A character may fold to several."""
    folded: Pattern = (Folded("ss"),)
    assert find_text((text,), [[folded]], [], Budget(STEPS)) == text
    assert find_text((text,), [], [folded], Budget(STEPS)) is None
    assert find_text(("s",), [[folded]], [], Budget(STEPS)) is None


def test_no_character_of_unicode_folds_unseen() -> None:
    """To what a policy can say, whose characters end at U+00FF."""
    sayable = {chr(code).casefold() for code in range(0x100)} | {"ss"}
    for code in range(sys.maxunicode + 1):
        folded = chr(code).casefold()
        if folded in sayable or all(character in sayable for character in folded):
            assert chr(code) in foldings()[folded]


TYPES = {"Numeric": NUMBERS, "Date": DATES, "IpAddress": ADDRESSES, "Binary": OCTETS}
OPERATORS = {
    "Numeric": ["NumericEquals", "NumericLessThan", "NumericGreaterThanEquals"],
    "Date": ["DateEquals", "DateLessThan", "DateGreaterThanEquals"],
    "IpAddress": ["IpAddress", "NotIpAddress"],
    "Binary": ["BinaryEquals"],
}
OTHERS = {
    "Numeric": ["0", "1.5", "-1", "9" * 40, "-" + "9" * 40 + ".9", "2.4999", ""],
    "Date": ["2026-11-25", "1999", "0001", "9999-12-31T23:59:59.999999Z", "1795478400"],
    "IpAddress": ["0.0.0.1", "10.255.0.1", "255.255.255.255", "::", "2001:db8:ffff::", "fe80::1%eth0"],
    "Binary": ["", "AA==", "====", "Qm9iYg=="],
}


@pytest.mark.parametrize("type_", TYPES)
def test_regions_stand_for_all_values(type_: str) -> None:
    """Whatever a value makes of all operators and bounds, one of those that stand for all makes the same of them."""
    for bounds in (TYPES[type_][:-1], TYPES[type_][:1], TYPES[type_][1:3]):
        tests = [
            condition(operator, "a:b", (bound,), has_variables=False, denies=denies)
            for operator in OPERATORS[type_]
            for bound in bounds
            for denies in (True, False)
        ]
        known = {tuple(test.holds({"a:b": (value,)}) for test in tests) for value in REGIONS[type_](bounds)}
        for value in [*TYPES[type_], *OTHERS[type_]]:
            assert tuple(test.holds({"a:b": (value,)}) for test in tests) in known, value


def test_a_walk_is_bounded() -> None:
    """Before it is made: a long alphabet, a long pattern and many of them take as many steps."""
    wide: Pattern = (Wildcard.ANY, *(part for each in range(26) for part in (chr(97 + each), Wildcard.ANY)))
    with pytest.raises(OutOfSteps):
        find_text(SOMETHING, [[wide]], [(*wide, "z"), ("a", *wide)], Budget(2_000))
