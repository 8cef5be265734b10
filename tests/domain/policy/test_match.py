"""Wildcards, against the slowest matcher that is obviously right."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy.elements import action_patterns, resource_patterns
from domain.policy.wildcards import wildcard
from tests.domain.policy.policies import arn_wildcard

PATTERNS = st.text("ab*?:", max_size=9)
TEXTS = st.text("ab*:", max_size=9)


@cache
def naive(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return naive(pattern[1:], text) or (bool(text) and naive(pattern, text[1:]))
    return bool(text) and pattern[0] in {"?", text[0]} and naive(pattern[1:], text[1:])


def naive_by_parts(pattern: list[str], text: list[str]) -> bool:
    """Each part on its own; a part that ends with a star may also take further parts of the text with it."""
    if not pattern or not text:
        return pattern == text
    taken = len(text) - len(pattern) + 1 if pattern[0].endswith("*") else 1
    return any(
        part_fits(pattern[0], text[:count]) and naive_by_parts(pattern[1:], text[count:])
        for count in range(1, taken + 1)
    )


def part_fits(pattern: str, parts: list[str]) -> bool:
    """The part of the text in which the pattern's last star begins is matched by what stands before that star."""
    if len(parts) == 1:
        return naive(pattern, parts[0])
    return naive(pattern.rstrip("*") + "*", parts[0])


@given(PATTERNS, TEXTS)
def test_wildcard_is_the_naive_recursive_match(pattern: str, text: str) -> None:
    """Every pattern matches exactly the texts that trying all possibilities finds."""
    assert wildcard(pattern)(text) == naive(pattern, text)


@given(st.lists(st.text("ab*?", max_size=4), min_size=6, max_size=6), st.lists(st.text("ab", max_size=3), min_size=6))
def test_arn_wildcard_is_the_naive_match_part_by_part(pattern: list[str], text: list[str]) -> None:
    """No wildcard of the first five parts matches a colon, other than a star that ends its part."""
    *parts, resource = pattern
    expected = any(
        naive_by_parts(parts, text[:count]) and naive(resource, ":".join(text[count:])) for count in range(5, len(text))
    )
    assert arn_wildcard(":".join(pattern))(":".join(text)) == expected


@given(PATTERNS, TEXTS)
def test_arn_wildcard_never_matches_more_than_wildcard(pattern: str, text: str) -> None:
    """Part by part is a restriction."""
    assert wildcard(pattern)(text) or not arn_wildcard(pattern)(text)


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        ("arn:aws:iam::123456789012:user/*", "arn:aws:iam::123456789012:user/team/Bob", True),
        ("arn:aws:iam::123456789012:user/*", "arn:aws:iam::123456789012:group/Bob", False),
        ("arn:aws:iam::*:user/Bob", "arn:aws:iam::123456789012:user/Bob", True),
        ("arn:aws:iam::1*2:user/Bob", "arn:aws:iam::123456789012:user/Bob", True),
        ("arn:aws:s3:a*b::key", "arn:aws:s3:a:b:key", False),
        ("arn:aws:s3:a?b::key", "arn:aws:s3:a:b:key", False),
        ("arn:aws:s3:a*:key", "arn:aws:s3:a:b:key", True),
        ("arn:aws:s3:*", "arn:aws:s3:::bucket/a:b", True),
        ("arn:aws:sns:::a*c", "arn:aws:sns:::a:b:c", True),
        ("arn:aws:sns:::a?c", "arn:aws:sns:::a:c", True),
        ("arn:aws:iam::123456789012:user/Bob", "arn:aws:iam::123456789012:user/bob", False),
        ("*", "*", True),
        ("arn:aws:iam::123456789012:user/*", "*", False),
    ],
)
def test_arn_wildcard(pattern: str, arn: str, matches: bool) -> None:  # noqa: FBT001  a column of the table
    """The rules of "Using wildcards in resource ARNs", one a row."""
    assert arn_wildcard(pattern)(arn) is matches


def test_many_stars_do_not_multiply() -> None:
    """A pattern that takes a backtracking matcher some 10^30 steps is answered (and a repeated prefix likewise)."""
    assert not wildcard("a*" * 100 + "b?c")("a" * 2_000 + "bc")
    assert wildcard("*" + "a" * 1_000 + "?b")("a" * 2_000 + "bb")


def test_actions_ignore_case_and_resources_do_not() -> None:
    """An Action in any case matches a lower-cased action; NotAction and NotResource match what nothing listed does."""
    assert action_patterns(("IAM:get*",), negated=False).match("iam:getuser", {})
    assert not action_patterns(("IAM:get*",), negated=True).match("iam:getuser", {})
    assert action_patterns(("iam:get*", "iam:list*"), negated=True).match("iam:putuserpolicy", {})
    assert not resource_patterns(("arn:aws:s3:::A",), negated=False, has_variables=True, denies=False).match(
        "arn:aws:s3:::a", {}
    )
    assert resource_patterns(("arn:aws:s3:::A",), negated=True, has_variables=True, denies=False).match(
        "arn:aws:s3:::a", {}
    )
