"""Pages and their markers."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.foundation.errors import ValidationError
from services.wire import pagination
from services.wire.pagination import MARKER_CHARACTERS_MAX, page_request
from tests.services.wire.shape_values import SERVICES, botocore_model


def users(names: set[str] | list[str], marker: object = None, max_items: int | None = None) -> dict[str, object]:
    assert marker is None or isinstance(marker, str)
    pages, named = page_request("Users", marker, max_items), {*names}
    how: dict[str, Any] = {"key": str, "render": lambda name: {"UserName": name}}
    page = pages.of(names, **how)
    others = {f"{name}x" for name in names}
    assert pages.of_sorted(sorted(named | others), **how, fits=named.__contains__) == page
    return page


def names_on(answer: dict[str, object]) -> list[str]:
    listed = answer["Users"]
    assert isinstance(listed, list)
    return [user["UserName"] for user in listed]


NAMES = st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=30)


@given(NAMES, st.integers(1, 10))
def test_pages_together_are_the_list(names: set[str], size: int) -> None:
    """Following the markers gives every item once, in the order of the keys; only the last page has no marker."""
    seen, marker = [], None
    for page_number in range(1, len(names) // size + 2):
        answer = users(names, marker, size)
        seen += names_on(answer)
        marker = answer.get("Marker")
        assert answer["IsTruncated"] is (marker is not None) is (len(names) > page_number * size)
        if marker is None:
            break
    assert seen == sorted(names)


@given(NAMES, NAMES, NAMES, st.integers(1, 5))
def test_items_that_come_and_go_between_pages(stay: set[str], go: set[str], come: set[str], size: int) -> None:
    """What is there throughout is listed exactly once, even when the item that the marker names is gone."""
    first = users(stay | go, None, size)
    if "Marker" not in first:
        return
    rest = names_on(users(stay | come, first["Marker"], 1_000))
    seen = names_on(first) + rest
    assert [name for name in seen if name in stay] == sorted(stay)


def test_sizes() -> None:
    """A hundred unless asked otherwise, and a page that holds exactly all is the last."""
    many = [f"{number:04}" for number in range(2_000)]
    assert names_on(users(many)) == many[:100]
    assert names_on(users(many, max_items=1_000)) == many[:1_000]
    assert users(many[:100]) == {"Users": [{"UserName": name} for name in many[:100]], "IsTruncated": False}
    for size in (0, 1_001, -1):
        with pytest.raises(ValidationError, match=f"between 1 and 1000; got {size}"):
            page_request("Users", None, size)


def test_only_the_page_is_rendered() -> None:
    """Rendering is the dear part of a list, and is done for what is answered only."""
    rendered: list[int] = []
    page_request("Users", None, 3).of(range(50), key="{:02}".format, render=rendered.append)
    assert rendered == [0, 1, 2]


def marker_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "marker",
    [
        "",
        "alice",
        "é",
        "\x00",
        "====",
        marker_of("alice"),
        marker_of("2 Users alice"),
        marker_of("1 Groups alice"),
        marker_of("1 Users"),
        marker_of("1 Users alice").rstrip("="),
        marker_of("1 Users alice") + "\n",
        base64.urlsafe_b64encode(b"1 Users \xff").decode(),
        "MSBVc2VycyBhbGl=",  # "1 Users ali" with a bit set that says nothing
    ],
)
def test_markers_that_we_did_not_make(marker: str) -> None:
    """A marker of another list, of another version, or in another spelling is refused."""
    with pytest.raises(ValidationError, match=r"^Invalid Marker\.$"):
        page_request("Users", marker, None)


@given(st.text(max_size=40))
def test_any_text_is_a_marker_or_refused(marker: str) -> None:
    """No marker leads to any exception but a refusal."""
    try:
        page_request("Users", marker, None)
    except ValidationError as refused:
        assert refused.message == "Invalid Marker."  # noqa: PT017  other exceptions must fail the test as they are


def test_a_marker_fits_where_clients_send_it() -> None:
    """The longest name gives a marker that the model lets a client send back; a longer key is a defect."""
    assert botocore_model("iam").shape_for("markerType").metadata["max"] == MARKER_CHARACTERS_MAX
    marker = users(["a" * 128, "b"], max_items=1)["Marker"]
    assert isinstance(marker, str)
    assert SERVICES["iam"].operation("ListUsers").parse({"Marker": marker}) == {"marker": marker}
    with pytest.raises(ValueError, match="A key of Users is too long for a marker"):
        users(["a" * 640, "b"], max_items=1)


def test_a_page_of_long_items_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page ends behind so much text, whatever number of items was asked for, and the next one goes on; an item that
    is longer by itself has one of its own."""
    monkeypatch.setattr(pagination, "PAGE_CHARACTERS_MAX", 1_000)
    items = {f"{number:02}": [{"Document": "d" * (5_000 if number == 3 else 300)}] for number in range(10)}
    seen, pages = list[str](), 0
    marker: str | None = None
    while pages == 0 or marker is not None:
        page = page_request("Roles", marker, 1_000).of(
            items, key=str, render=lambda name: {"of": name, "all": items[name]}
        )
        listed = page["Roles"]
        assert isinstance(listed, list)
        assert 1 <= len(listed) <= 4
        seen += [each["of"] for each in listed]
        following = page.get("Marker")
        assert following is None or isinstance(following, str)
        pages, marker = pages + 1, following
    assert seen == sorted(items)
