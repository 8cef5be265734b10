"""Encoded authorization messages: they open for the account that they were sealed for, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.secrets.authorization_messages import PREFIX, AuthorizationMessages
from services.secrets.master_key import MasterKey, MasterKeys

ACCOUNT, OTHER = "123456789012", "210987654321"
ENCODED_MESSAGE_CHARACTERS_MAX = 10_240
"""Of STS's model."""
OLD, NEW = MasterKey(bytes(32)), MasterKey(bytes([1]) * 32)
MESSAGES = AuthorizationMessages(MasterKeys(OLD))
POSITIONS = st.integers(1, 2**56 - 1)
ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True)


@given(ACCOUNTS, POSITIONS)
def test_what_was_sealed_opens(account_id: str, position: int) -> None:
    """For its account, to its position, and STS takes it."""
    message = MESSAGES.seal(account_id, position)
    assert MESSAGES.open(message, account_id) == position
    assert message.startswith(PREFIX)
    assert len(message) < ENCODED_MESSAGE_CHARACTERS_MAX


@given(ACCOUNTS, ACCOUNTS, POSITIONS)
def test_another_account_opens_nothing(account_id: str, other: str, position: int) -> None:
    """A message is of one account alone."""
    if other != account_id:
        assert MESSAGES.open(MESSAGES.seal(account_id, position), other) is None


@given(POSITIONS, st.data())
def test_a_message_that_was_altered(position: int, data: st.DataObject) -> None:
    """Another character at any place, one too many and one too few: none opens."""
    message = MESSAGES.seal(ACCOUNT, position)
    place = data.draw(st.integers(0, len(message) - 1))
    character = data.draw(st.characters().filter(lambda other: other != message[place]))
    for altered in (message[:place] + character + message[place + 1 :], message + "A", message[:-1], message + "\n"):
        assert MESSAGES.open(altered, ACCOUNT) is None


@pytest.mark.parametrize("text", ["", PREFIX, PREFIX + "A" * 36, PREFIX + "=" * 36, PREFIX + "A" * 34 + "==", "é" * 52])
def test_what_is_no_message(text: str) -> None:
    """A text that nobody sealed is refused without an error."""
    assert MESSAGES.open(text, ACCOUNT) is None


def test_messages_outlive_a_rotation() -> None:
    """What was sealed under the key before opens while that key is provided, and not without it."""
    message = MESSAGES.seal(ACCOUNT, 7)
    rotated = AuthorizationMessages(MasterKeys(NEW, (OLD,)))
    assert rotated.open(message, ACCOUNT) == 7
    assert rotated.seal(ACCOUNT, 7) != message
    assert AuthorizationMessages(MasterKeys(NEW)).open(message, ACCOUNT) is None
