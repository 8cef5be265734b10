"""How patterns stand to one another, against the matcher that decides requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy.pattern_relations import arn_covers, arn_overlap, covers, overlap, redundant
from domain.policy.wildcards import wildcard
from tests.domain.policy.policies import arn_wildcard

PATTERNS = st.text("ab*?", max_size=6)
TEXTS = st.text("ab", max_size=8)
ARN_PATTERNS = st.lists(st.text("a*?", max_size=3), min_size=1, max_size=7).map(":".join)
ARNS = st.lists(st.text("ab", max_size=3), min_size=1, max_size=8).map(":".join)


@pytest.mark.parametrize(
    ("wide", "narrow"), [("*", "iam:Get*"), ("iam:*", "iam:?et*"), ("*?", "?*"), ("a*c", "a*b*c"), ("**", "*")]
)
def test_covers(wide: str, narrow: str) -> None:
    assert covers(wide, narrow)


@pytest.mark.parametrize(
    ("wide", "narrow"), [("iam:Get*", "iam:*"), ("?", "*"), ("a*b", "ab*"), ("iam:Get*", "iam:*Report")]
)
def test_does_not_cover(wide: str, narrow: str) -> None:
    assert not covers(wide, narrow)


@given(wide=PATTERNS, narrow=PATTERNS, text=TEXTS)
def test_what_is_covered_is_matched(wide: str, narrow: str, text: str) -> None:
    """Every text that the narrow pattern matches is matched by one that covers it."""
    if covers(wide, narrow) and wildcard(narrow)(text):
        assert wildcard(wide)(text)


@given(pattern=PATTERNS, text=TEXTS)
def test_a_pattern_covers_the_texts_that_it_matches(pattern: str, text: str) -> None:
    """And a text without wildcards is covered by, and overlaps, just the patterns that match it."""
    assert covers(pattern, text) == overlap(pattern, text) == wildcard(pattern)(text)


@given(one=PATTERNS, other=PATTERNS, text=TEXTS)
def test_patterns_that_match_one_text_overlap(one: str, other: str, text: str) -> None:
    assert overlap(one, other) == overlap(other, one)
    if wildcard(one)(text) and wildcard(other)(text):
        assert overlap(one, other)


@given(wide=ARN_PATTERNS, narrow=ARN_PATTERNS, arn=ARNS)
def test_what_an_arn_covers_is_matched(wide: str, narrow: str, arn: str) -> None:
    """Part by part, as the Resource element is matched, in which a last star may run past colons."""
    if arn_covers(wide, narrow) and arn_wildcard(narrow)(arn):
        assert arn_wildcard(wide)(arn)


@given(form=st.lists(st.sampled_from(["a", "*", ""]), min_size=6, max_size=6), pattern=ARN_PATTERNS, data=st.data())
def test_an_arn_that_a_pattern_matches_overlaps_its_form(form: list[str], pattern: str, data: st.DataObject) -> None:
    """The form's stars stand for what has no colon, but in the last part."""
    inner = st.text("ab", max_size=2)
    parts = [part.replace("*", data.draw(inner)) for part in form[:-1]]
    last = form[-1].replace("*", data.draw(st.text("ab:", max_size=3)))
    if arn_wildcard(pattern)(":".join([*parts, last])):
        assert arn_overlap(":".join(form), pattern)


def test_an_arn_with_a_variable_is_covered_by_everything_and_itself_alone() -> None:
    """What the variable's value will be is not known."""
    mine = "arn:aws:s3:::home/${aws:username}/*"
    assert arn_covers("*", mine)
    assert arn_covers(mine, mine)
    assert not arn_covers("arn:aws:s3:::home/$*", mine)


def test_of_two_that_say_the_same_the_first_stays() -> None:
    assert redundant(["iam:get*", "iam:getuser", "s3:*", "iam:get**"], arns=False) == [(1, 0), (3, 0)]
