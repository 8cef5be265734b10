"""Ids that people and programs read: accounts, entities, access keys, ARNs."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.families.groups import GROUP
from domain.families.policies import POLICY
from domain.families.roles import ROLE
from domain.families.users import USER
from domain.foundation.identifiers import (
    ACCESS_KEY,
    SESSION_KEY,
    account_of_access_key_id,
    arn,
    new_access_key_id,
    new_account_id,
    new_unique_id,
)

ACCOUNT_IDS = st.integers(0, 10**12 - 1).map("{:012d}".format)


@given(st.sampled_from([ACCESS_KEY, SESSION_KEY]), ACCOUNT_IDS, st.binary(min_size=5, max_size=5))
def test_a_key_id_carries_its_account(prefix: str, account_id: str, drawn: bytes) -> None:
    """Whatever is drawn, the account is read back from the key id, which has the shape that IAM's model allows."""
    key_id = new_access_key_id(prefix, account_id, lambda _count: drawn)
    assert account_of_access_key_id(key_id) == account_id
    assert re.fullmatch(r"A[KS]IA[A-Z2-7]{16}", key_id)


@given(ACCOUNT_IDS, st.binary(min_size=5, max_size=5))
def test_a_key_id_is_read_as_aws_reads_it(account_id: str, drawn: bytes) -> None:
    """The published decoding of AWS's key ids (six bytes, masked with 0x7fffffffff80, shifted by 7) finds it too."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    number = 0
    for character in new_access_key_id(ACCESS_KEY, account_id, lambda _count: drawn)[4:]:
        number = number * 32 + digits.index(character)
    first_six_bytes = number >> 32
    assert (first_six_bytes & 0x7FFFFFFFFF80) >> 7 == int(account_id)


def test_a_key_id_that_aws_made() -> None:
    """The account of a published key id of AWS is read right, its leading zero included."""
    assert account_of_access_key_id("ASIAQNZGKIQY56JQ7WML") == "029608264753"


@given(ACCOUNT_IDS, st.binary(min_size=5, max_size=5), st.binary(min_size=5, max_size=5))
def test_key_ids_differ_with_what_is_drawn(account_id: str, one: bytes, other: bytes) -> None:
    """Two draws give two key ids of one account, as far as the 39 bits differ that there is room for."""
    first = new_access_key_id(ACCESS_KEY, account_id, lambda _count: one)
    second = new_access_key_id(ACCESS_KEY, account_id, lambda _count: other)
    assert (first == second) is (int.from_bytes(one) >> 1 == int.from_bytes(other) >> 1)


@pytest.mark.parametrize(
    "foreign",
    [
        "AKIAIOSFODNN7EXAMPLE",  # the older shape, which carries no account
        "AKIAI44QH8DHBEXAMPLE",  # not base 32 at all
        "",
        "AKIA",
        "akiaqnzgkiqy56jq7wml",
        "ASIAQNZGKIQY56JQ7WM",
        "ASIAQNZGKIQY56JQ7WMLA",
        "ASIAQNZGKIQY56JQ7WML\n",
        "ASIAQNZGKIQY56JQ7WM=",
        "AKIA7777777777777777",  # says an account of thirteen digits
        "test",
    ],
)
def test_foreign_key_ids_carry_no_account(foreign: str) -> None:
    """Other shapes, which a migration may bring, are answered with None and not with a guess."""
    assert account_of_access_key_id(foreign) is None


@given(st.text())
def test_any_text_is_no_error(text: str) -> None:
    """What a stranger claims as a key id gives twelve digits or None, never an exception."""
    account_id = account_of_access_key_id(text)
    assert account_id is None or re.fullmatch("[0-9]{12}", account_id)


@pytest.mark.parametrize("prefix", [kind.id_prefix for kind in (USER, GROUP, ROLE, POLICY)])
@given(st.randoms(use_true_random=False))
def test_unique_ids_have_the_shape_of_aws(prefix: str, drawn: random.Random) -> None:
    """The prefix of the kind and 17 digits, such as AIDACKCEVSQ6C2EXAMPLE (21 characters)."""
    assert re.fullmatch(prefix + "[A-Z2-7]{17}", new_unique_id(prefix, drawn.randbytes))


@given(st.binary(min_size=8, max_size=8))
def test_new_account_ids(drawn: bytes) -> None:
    """Twelve digits, of which the first is not zero."""
    assert re.fullmatch(r"[1-9][0-9]{11}", new_account_id(lambda _count: drawn))


def test_arns_name_the_partition() -> None:
    """IAM's ARNs have an empty region, and the partition of the account."""
    assert arn("aws-cn", "iam", "123456789012", "user/ann") == "arn:aws-cn:iam::123456789012:user/ann"
