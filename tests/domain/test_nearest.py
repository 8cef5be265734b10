"""What somebody who mistyped a value may have meant."""

import pytest

from domain.foundation.nearest import nearest

ARN = "arn:aws:iam::123456789012:user/"
KEY = "AKIAWLJ4PAX4HFMJ"


@pytest.mark.parametrize(
    ("given", "known", "found"),
    [
        ("alcie", "alice", True),
        ("user/depoly", "role/deploy", True),
        (f"{ARN}shop/bob", f"{ARN}bob", True),
        (f"{KEY}K2GI", f"{KEY}K2GJ", True),
        (f"{KEY}K2GI", f"{KEY}ZQ7E", False),
        (f"{ARN}zoe", f"{ARN}bob", False),
        ("alice", "admin", False),
        ("assumed-role/deploy/x", "assumed-role/deploy/build-417", False),
    ],
)
def test_what_is_not_near_is_not_named(given: str, known: str, found: bool) -> None:  # noqa: FBT001
    """What all ARNs, and all ids of an account, have in common makes none of them near another."""
    assert nearest(given, [known]) == (f" The nearest is {known}." if found else "")
