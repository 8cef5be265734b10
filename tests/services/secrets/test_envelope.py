"""Data keys and the boxes under them: what opens, and that nothing else does."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.foundation.secret import Secret
from services.secrets.envelope import Envelope, InvalidSeal, WrappedDataKey
from services.secrets.master_key import MasterKey, MasterKeys

ACCOUNT, ALICE, BOB = "123456789012", "AIDAALICE", "AIDABOB"
PURPOSE, NAME = "access-key-secret", "AKIAEXAMPLE"
OLD, NEW = MasterKey(bytes(32)), MasterKey(bytes([1]) * 32)
ENVELOPE = Envelope(MasterKeys(NEW))

texts = st.text(st.characters(exclude_categories=["Cs"]))
flips = st.tuples(st.integers(min_value=0), st.integers(1, 255))


def flipped(box: bytes, flip: tuple[int, int]) -> bytes:
    """The box with one byte changed, wherever the number points."""
    at, bits = flip[0] % len(box), flip[1]
    return box[:at] + bytes([box[at] ^ bits]) + box[at + 1 :]


@settings(deadline=None)
@given(texts, texts, texts, texts, texts)
def test_round_trip(account_id: str, principal_id: str, purpose: str, name: str, text: str) -> None:
    """What was sealed opens again, whatever the secret and the names, also after the data key was wrapped anew."""
    data_key = Envelope(MasterKeys(OLD)).new_data_key(account_id, principal_id)
    sealed = Envelope(MasterKeys(OLD)).seal(data_key, Secret(text), purpose=purpose, name=name)
    rewrapped = Envelope(MasterKeys(NEW, (OLD,))).rewrap(data_key)
    assert rewrapped.master_key_id == NEW.key_id
    assert ENVELOPE.open(rewrapped, sealed, purpose=purpose, name=name).reveal() == text


def test_nothing_repeats() -> None:
    """The same secret sealed twice, and two data keys of one principal, share no ciphertext: every nonce is new."""
    data_key = ENVELOPE.new_data_key(ACCOUNT, ALICE)
    boxes = [ENVELOPE.seal(data_key, Secret("same"), purpose=PURPOSE, name=NAME) for _ in range(2)]
    assert boxes[0][1:13] != boxes[1][1:13]
    assert boxes[0][13:] != boxes[1][13:]
    assert ENVELOPE.new_data_key(ACCOUNT, ALICE).wrapped != data_key.wrapped


@settings(deadline=None)
@given(flips)
def test_altered_box_is_refused(flip: tuple[int, int]) -> None:
    """One changed byte anywhere, format, nonce, text or tag, and the box stays shut."""
    data_key = ENVELOPE.new_data_key(ACCOUNT, ALICE)
    sealed = ENVELOPE.seal(data_key, Secret("secret"), purpose=PURPOSE, name=NAME)
    with pytest.raises(InvalidSeal, match=f"the {PURPOSE} {NAME} of principal {ALICE} in account {ACCOUNT}"):
        ENVELOPE.open(data_key, flipped(sealed, flip), purpose=PURPOSE, name=NAME)


@settings(deadline=None)
@given(flips)
def test_altered_data_key_is_refused(flip: tuple[int, int]) -> None:
    """One changed byte of a wrapped data key, and nothing is sealed, opened or rewrapped with it."""
    data_key = ENVELOPE.new_data_key(ACCOUNT, ALICE)
    sealed = ENVELOPE.seal(data_key, Secret("secret"), purpose=PURPOSE, name=NAME)
    altered = replace(data_key, wrapped=flipped(data_key.wrapped, flip))
    expected = f"the data key of principal {ALICE} in account {ACCOUNT}"
    with pytest.raises(InvalidSeal, match=expected):
        ENVELOPE.open(altered, sealed, purpose=PURPOSE, name=NAME)
    with pytest.raises(InvalidSeal, match=expected):
        ENVELOPE.seal(altered, Secret("secret"), purpose=PURPOSE, name=NAME)
    with pytest.raises(InvalidSeal, match=expected):
        ENVELOPE.rewrap(altered)


@settings(deadline=None)
@given(st.integers(0, 60))
def test_truncated_box_is_refused(length: int) -> None:
    """A box cut anywhere, to nothing included, is refused with our error and no other."""
    data_key = ENVELOPE.new_data_key(ACCOUNT, ALICE)
    sealed = ENVELOPE.seal(data_key, Secret("s" * 40), purpose=PURPOSE, name=NAME)
    assert length < len(sealed)
    with pytest.raises(InvalidSeal):
        ENVELOPE.open(data_key, sealed[:length], purpose=PURPOSE, name=NAME)


@settings(deadline=None)
@given(texts, texts, texts, texts)
def test_boxes_of_two_principals_cannot_be_exchanged(
    account: str, principal: str, account2: str, principal2: str
) -> None:
    """Neither a box nor a data key opens in another principal's row, however the ids of the two run together."""
    assume((account, principal) != (account2, principal2))
    one, other = ENVELOPE.new_data_key(account, principal), ENVELOPE.new_data_key(account2, principal2)
    sealed = ENVELOPE.seal(one, Secret("secret"), purpose=PURPOSE, name=NAME)
    moved = WrappedDataKey(account2, principal2, one.master_key_id, one.wrapped)
    for data_key in (other, moved):
        with pytest.raises(InvalidSeal):
            ENVELOPE.open(data_key, sealed, purpose=PURPOSE, name=NAME)


@settings(deadline=None)
@given(texts, texts, texts, texts)
def test_boxes_of_one_principal_cannot_be_exchanged(purpose: str, name: str, purpose2: str, name2: str) -> None:
    """A box of the first key does not open as that of the second, nor one kind of secret as another."""
    assume((purpose, name) != (purpose2, name2))
    data_key = ENVELOPE.new_data_key(ACCOUNT, ALICE)
    sealed = ENVELOPE.seal(data_key, Secret("secret"), purpose=purpose, name=name)
    with pytest.raises(InvalidSeal):
        ENVELOPE.open(data_key, sealed, purpose=purpose2, name=name2)


def test_data_key_of_an_absent_master_key_is_named() -> None:
    """After a rotation without its previous key the operator reads which key is missing and where it belongs."""
    data_key = Envelope(MasterKeys(OLD)).new_data_key(ACCOUNT, ALICE)
    with pytest.raises(
        InvalidSeal, match=rf"master key {OLD.key_id}, and known are {NEW.key_id}\. .*MASTER_KEY_PREVIOUS"
    ):
        ENVELOPE.rewrap(data_key)


def test_data_key_relabelled_with_another_master_key_is_refused() -> None:
    """The row's master key id selects the key and is bound itself: it cannot be altered either."""
    both = Envelope(MasterKeys(NEW, (OLD,)))
    data_key = both.new_data_key(ACCOUNT, ALICE)
    with pytest.raises(InvalidSeal):
        both.rewrap(replace(data_key, master_key_id=OLD.key_id))


def test_format_is_the_first_byte() -> None:
    """A box of a future format is refused with its number, not misread."""
    data_key = ENVELOPE.new_data_key(ACCOUNT, ALICE)
    sealed = ENVELOPE.seal(data_key, Secret("secret"), purpose=PURPOSE, name=NAME)
    assert sealed[0] == data_key.wrapped[0] == 1
    with pytest.raises(InvalidSeal, match=r"expected format 01 .* got format 02"):
        ENVELOPE.open(data_key, b"\x02" + sealed[1:], purpose=PURPOSE, name=NAME)


def test_pinned_bytes_open() -> None:
    """A row written by the first release opens for ever."""
    data_key = WrappedDataKey(
        ACCOUNT,
        ALICE,
        NEW.key_id,
        bytes.fromhex(
            "01419ec21cde5f1ecadf10f32d4db557aa4b2a34e1e4c510b115db49bf323dd28e78b3f9f22c2f8f50a4ce6320e14ba4912afb1901f6d9dd0f9bff3a90"
        ),
    )
    sealed = bytes.fromhex(
        "010ea3bbbab1f217c454eab5b9ae0f19f958a857ccc1bae26bd42e7a074ed4a069e33d32be314e97b0c742e4ade4c1e769e5"
    )
    assert ENVELOPE.open(data_key, sealed, purpose=PURPOSE, name=NAME).reveal() == "wJalrXUtnFEMI/K7MDENG"


def test_errors_carry_no_contents() -> None:
    """A broken seal tells whose box it was and nothing of what is in it, not even through its cause."""
    data_key = ENVELOPE.new_data_key(ACCOUNT, ALICE)
    sealed = ENVELOPE.seal(data_key, Secret("wJalrXUtnFEMI"), purpose=PURPOSE, name=NAME)
    with pytest.raises(InvalidSeal) as caught:
        ENVELOPE.open(ENVELOPE.new_data_key(ACCOUNT, BOB), sealed, purpose=PURPOSE, name=NAME)
    assert BOB in str(caught.value)
    assert "wJalrXUtnFEMI" not in str(caught.value)
    assert sealed.hex() not in str(caught.value)
    assert caught.value.__suppress_context__
