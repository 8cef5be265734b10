"""Where the values of a policy stand in its text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy.decode import NESTING_LEVELS_MAX
from domain.policy.positions import Path, Position, Span, positions
from tests.fuzz.inputs import DOCUMENTS, TEXTS

TEXT = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Action": ["iam:Get*", "iam:\\"\\u004c*"], "Condition": {}}
  ]
}
"""


def test_lines_count_from_one_and_columns_from_zero() -> None:
    """As Access Analyzer's Position has them."""
    assert positions(TEXT).span_of(("Version",)) == Span(Position(2, 13, 15), Position(2, 25, 27))
    assert positions(TEXT).span_of(()).start == Position(1, 0, 0)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("Statement", 0, "Action", 0), '"iam:Get*"'),
        (("Statement", 0, "Action", 1), '"iam:\\"\\u004c*"'),
        (("Statement", 0, "Condition"), "{}"),
        (("Statement", 0, "Action"), '["iam:Get*", "iam:\\"\\u004c*"]'),
    ],
)
def test_a_span_is_that_of_the_value(path: Path, value: str) -> None:
    """Quotation marks, brackets and escapes included."""
    span = positions(TEXT).span_of(path)
    assert TEXT[span.start.offset : span.end.offset] == value


def test_statements_are_found_in_both_forms() -> None:
    """A list of statements, and a single one that stands for itself."""
    assert positions(TEXT).statement(0) == ("Statement", 0)
    alone = '{"Version":"2012-10-17","Statement":{"Effect":"Allow"}}'
    assert positions(alone).span_of(positions(alone).statement(0)).start.offset == 36


def test_what_is_not_there_is_not_found() -> None:
    found = positions(TEXT)
    assert ("Statement", 1) not in found
    with pytest.raises(LookupError):
        found.span_of(("Statement", 1))


def test_of_two_members_of_one_name_the_last_is_meant() -> None:
    assert positions('{"a": 1, "a": 2}').span_of(("a",)).start.offset == 14


@pytest.mark.parametrize("text", ["", "{", "]", '{"a": }', "[" * 100_000, "[" * (NESTING_LEVELS_MAX + 1)])
def test_of_a_text_that_is_no_policy_only_the_whole_is_known(text: str) -> None:
    """However deep it pretends to be."""
    span = positions(text).span_of(())
    assert (span.start.offset, span.end.offset) == (0, len(text))


def _values(value: object, path: Path = ()) -> list[tuple[Path, object]]:
    inner: list[tuple[Path, object]] = []
    match value:
        case dict():
            inner = [found for name, item in value.items() for found in _values(item, (*path, name))]
        case list():
            inner = [found for index, item in enumerate(value) for found in _values(item, (*path, index))]
    return [(path, value), *inner]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON, indent=st.none() | st.integers(0, 3), escaped=st.booleans())
def test_every_value_is_found_where_it_stands(value: object, indent: int | None, escaped: bool) -> None:  # noqa: FBT001
    """What stands in a span decodes to the value of its path; line and column lead to the same character."""
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    found = positions(text)
    values = _values(value)
    if max(len(path) for path, _ in values) > NESTING_LEVELS_MAX - 1:
        return
    for path, expected in values:
        span = found.span_of(path)
        assert json.loads(text[span.start.offset : span.end.offset]) == expected
        before = text[: span.start.offset]
        assert span.start.line == before.count("\n") + 1
        assert span.start.column == len(before.rpartition("\n")[2])


@given(text=TEXTS | DOCUMENTS)
def test_no_text_is_too_strange(text: str) -> None:
    assert () in positions(text)
