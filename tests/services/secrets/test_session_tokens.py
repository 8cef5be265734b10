"""Session tokens: who can open which, when, and that everything else is one and the same refusal."""

import base64
import os
import re
import zlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.foundation.errors import InvalidClientTokenId, PackedPolicyTooLarge
from domain.foundation.identifiers import SESSION_KEY, new_access_key_id
from services.secrets.master_key import MasterKey, MasterKeys
from services.secrets.session_tokens import (
    CLAIMS_BYTES_MAX,
    CLOCK_TOLERANCE,
    EPOCH,
    PREFIX,
    TOKEN_CHARACTERS_MAX,
    SessionTokens,
)

LONGEST_SESSION = timedelta(hours=36)
MOMENT = timedelta(microseconds=1)
EDGE = datetime(1970, 1, 1, tzinfo=UTC) + 10_000 * EPOCH
ACCOUNT, OTHER_ACCOUNT = "123456789012", "210987654321"


def bytes_of(number: int) -> bytes:
    return bytes([number]) * 32


def key_id_of(account_id: str, number: int = 0) -> str:
    return new_access_key_id(SESSION_KEY, account_id, lambda count: bytes([number]) * count)


KEY_ID = key_id_of(ACCOUNT)
OLD, NEW = MasterKey(bytes_of(0)), MasterKey(bytes_of(1))
TOKENS = SessionTokens(MasterKeys(NEW))
times = st.timedeltas(timedelta(0), timedelta(days=60_000)).map((EDGE - 800 * EPOCH).__add__)


def sealed(claims: bytes = b"claims", at: datetime = EDGE, tokens: SessionTokens = TOKENS) -> str:
    return tokens.seal(claims, account_id=ACCOUNT, access_key_id=KEY_ID, at=at)


def refuse(token: str, *, access_key_id: str = KEY_ID, at: datetime = EDGE, tokens: SessionTokens = TOKENS) -> None:
    with pytest.raises(InvalidClientTokenId) as caught:
        tokens.open(token, access_key_id=access_key_id, at=at)
    assert str(caught.value) == "The security token included in the request is invalid."


@settings(deadline=None)
@given(st.binary(max_size=2_500), times, st.timedeltas(timedelta(0), LONGEST_SESSION))
def test_round_trip_over_the_longest_session(claims: bytes, at: datetime, age: timedelta) -> None:
    """Any claims open at any moment of a session's life, however the epochs fall, and by a slow clock."""
    token = sealed(claims, at)
    assert len(token) <= TOKEN_CHARACTERS_MAX
    assert TOKENS.open(token, access_key_id=KEY_ID, at=at + age) == claims
    assert TOKENS.open(token, access_key_id=KEY_ID, at=at - CLOCK_TOLERANCE) == claims


@settings(deadline=None)
@given(st.binary(max_size=100), st.integers(min_value=0), st.integers(1, 127))
def test_altered_token_is_refused(claims: bytes, at: int, bits: int) -> None:
    """Any one character changed to any other: no two texts are the same token."""
    token = sealed(claims)
    at %= len(token)
    refuse(token[:at] + chr(ord(token[at]) ^ bits) + token[at + 1 :])


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.integers(min_value=0), st.integers(1, 255))
def test_altered_bytes_are_refused(claims: bytes, at: int, bits: int) -> None:
    """Any one byte of header, nonce, text or tag changed, in base64 that is well formed."""
    raw = bytearray(base64.urlsafe_b64decode(sealed(claims).removeprefix(PREFIX)))
    raw[at % len(raw)] ^= bits
    refuse(PREFIX + base64.urlsafe_b64encode(raw).decode())


@settings(deadline=None)
@given(st.integers(min_value=0))
def test_truncated_token_is_refused(length: int) -> None:
    """A token cut anywhere, to nothing included."""
    token = sealed(b"claims of some length")
    refuse(token[: length % len(token)])


@settings(deadline=None)
@given(
    st.one_of(
        st.text(),
        st.text().map(PREFIX.__add__),
        st.binary().map(lambda b: PREFIX + base64.urlsafe_b64encode(b).decode()),
    )
)
def test_foreign_text_is_refused(text: str) -> None:
    """Whatever a stranger sends, in any alphabet and behind our prefix too, ends in the one refusal."""
    refuse(text)


@pytest.mark.parametrize("spelling", ["{}=", "{}\n", " {}", "{}AAAA", "{}====", "{}\x00", "{}\ud800"])
def test_second_spelling_is_refused(spelling: str) -> None:
    """Padding, white space and appended digits, which lenient decoders skip, are no part of a token."""
    refuse(spelling.format(sealed()))


def test_standard_base64_digits_are_refused() -> None:
    """+ and / stand for the same bits as - and _ in the other base64; in a token they stand for nothing."""
    token = next(token for token in iter(sealed, None) if re.search("[-_]", token.removeprefix(PREFIX)))
    refuse(PREFIX + token.removeprefix(PREFIX).replace("-", "+").replace("_", "/"))


def test_token_of_another_key_is_refused() -> None:
    """A stolen token is worth nothing with another key id of the same account, of another account, or of no account."""
    token = sealed()
    for stranger in (key_id_of(ACCOUNT, 2), key_id_of(OTHER_ACCOUNT), "AKIAIOSFODNN7EXAMPLE", "minio", "", "\ud800"):
        refuse(token, access_key_id=stranger)


def test_account_and_key_id_must_belong_together() -> None:
    """A token that could never be opened is not sealed: the caller's mistake is named."""
    with pytest.raises(ValueError, match=f"carries account {OTHER_ACCOUNT}; got {KEY_ID}"):
        TOKENS.seal(b"", account_id=OTHER_ACCOUNT, access_key_id=KEY_ID, at=EDGE)


def test_epochs_outlive_the_longest_session() -> None:
    """The rule that the constants must keep: a token sealed in an epoch's last moment lives on for one more epoch."""
    assert LONGEST_SESSION + CLOCK_TOLERANCE < EPOCH


def test_token_dies_with_the_epoch_after_its_own() -> None:
    """Two sealing keys are valid at a time: the last moment of the next epoch opens, the one after does not."""
    token = sealed(at=EDGE)
    assert TOKENS.open(token, access_key_id=KEY_ID, at=EDGE + 2 * EPOCH - MOMENT) == b"claims"
    refuse(token, at=EDGE + 2 * EPOCH)


def test_slow_clock_opens_a_token_of_the_next_epoch_for_five_minutes() -> None:
    """A process whose clock stands just before the edge opens what another sealed just behind it, but no later one."""
    token = sealed(at=EDGE)
    assert TOKENS.open(token, access_key_id=KEY_ID, at=EDGE - CLOCK_TOLERANCE) == b"claims"
    refuse(token, at=EDGE - CLOCK_TOLERANCE - MOMENT)


def test_epoch_of_the_header_cannot_be_moved() -> None:
    """An old token relabelled with a valid epoch does not open: each epoch has its own key."""
    raw = bytearray(base64.urlsafe_b64decode(sealed(at=EDGE - 2 * EPOCH).removeprefix(PREFIX)))
    raw[4:8] = (10_000).to_bytes(4)
    refuse(PREFIX + base64.urlsafe_b64encode(raw).decode())


@settings(deadline=None)
@given(times, st.integers(-14, 14))
def test_zone_of_the_time_does_not_matter(at: datetime, hours: int) -> None:
    """Epochs are counted in UTC whatever zone a time is written in."""
    token = sealed(at=at.astimezone(timezone(timedelta(hours=hours))))
    assert TOKENS.open(token, access_key_id=KEY_ID, at=at) == b"claims"


def test_time_without_a_zone_is_a_defect() -> None:
    """A naive time would mean the machine's own zone: it is refused, and not as the client's mistake."""
    with pytest.raises(TypeError, match="naive"):
        TOKENS.open(sealed(), access_key_id=KEY_ID, at=EDGE.replace(tzinfo=None))


def test_master_key_rotation() -> None:
    """The previous master key opens and never seals; without it, and in the old process, tokens are invalid."""
    before, after = SessionTokens(MasterKeys(OLD)), SessionTokens(MasterKeys(NEW, (OLD,)))
    old_token, new_token = sealed(tokens=before), sealed(tokens=after)
    assert after.open(old_token, access_key_id=KEY_ID, at=EDGE) == b"claims"
    assert TOKENS.open(new_token, access_key_id=KEY_ID, at=EDGE) == b"claims"
    refuse(old_token)
    refuse(new_token, tokens=before)


def test_a_former_master_key_opens_until_its_end() -> None:
    """Not at that moment nor later, although it is still there; one without an end opens."""
    token = sealed(tokens=SessionTokens(MasterKeys(OLD)))
    after = SessionTokens(MasterKeys(NEW, (OLD,), {OLD.key_id: EDGE + timedelta(hours=1)}))
    assert after.open(token, access_key_id=KEY_ID, at=EDGE + timedelta(minutes=59)) == b"claims"
    with pytest.raises(InvalidClientTokenId):
        after.open(token, access_key_id=KEY_ID, at=EDGE + timedelta(hours=1))


def test_token_looks_as_promised() -> None:
    """Secret scanners find it by its prefix, headers and URLs carry it unescaped, and it never repeats."""
    tokens = {sealed(os.urandom(n)) for n in range(50)} | {sealed(b"same") for _ in range(50)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"muniment_sts_v1_[A-Za-z0-9_-]{52,4080}", token) for token in tokens)


def test_claims_are_compressed() -> None:
    """A session policy, which repeats itself, takes less room than it says."""
    policy = b'{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"},' * 26
    assert len(policy) > 2_000
    assert len(sealed(policy)) < 300


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, TOKEN_CHARACTERS_MAX))
def test_smallest_size_is_kept(claims: bytes, characters: int) -> None:
    """MinimumSessionTokenSize gives a token of at least that size, the largest included, with the same claims."""
    token = TOKENS.seal(claims, account_id=ACCOUNT, access_key_id=KEY_ID, at=EDGE, characters_min=characters)
    assert characters <= len(token) < max(characters, len(sealed(claims))) + 4
    assert TOKENS.open(token, access_key_id=KEY_ID, at=EDGE) == claims


def test_limit_is_the_same_on_both_sides() -> None:
    """The longest token that is sealed opens; one byte of claims more is refused as AWS refuses it, with the share."""
    noise = os.urandom(4_000)
    longest = next(n for n in range(3_100, 0, -1) if _fits(noise[:n]))
    token = sealed(noise[:longest])
    assert len(token) == TOKEN_CHARACTERS_MAX
    assert TOKENS.open(token, access_key_id=KEY_ID, at=EDGE) == noise[:longest]
    with pytest.raises(PackedPolicyTooLarge, match=r"consumes 101% of allotted space"):
        sealed(noise[: longest + 1])
    stream = zlib.compress(b"claims", wbits=-15)
    assert TOKENS.open(_forged(stream.ljust(3_024, b"\0")), access_key_id=KEY_ID, at=EDGE) == b"claims"
    refuse(_forged(stream.ljust(3_025, b"\0")))


def _fits(claims: bytes) -> bool:
    try:
        sealed(claims)
    except PackedPolicyTooLarge:
        return False
    return True


def test_compression_hides_no_bomb() -> None:
    """Claims that compress well are bounded before compression too, in the same way when sealing and when opening."""
    assert TOKENS.open(sealed(bytes(CLAIMS_BYTES_MAX)), access_key_id=KEY_ID, at=EDGE) == bytes(CLAIMS_BYTES_MAX)
    with pytest.raises(PackedPolicyTooLarge):
        sealed(bytes(CLAIMS_BYTES_MAX + 1))
    for content in (zlib.compress(bytes(CLAIMS_BYTES_MAX + 1), wbits=-15), zlib.compress(bytes(2_000_000), wbits=-15)):
        refuse(_forged(content))


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff" * 10, b"\x00" * 6, b"\x01\x09\x00\xf6\xffclaims"],
    ids=["nothing", "no such kind of block", "wrong length check", "ends within a block"],
)
def test_authentic_nonsense_is_refused(content: bytes) -> None:
    """Even with the right key, what is no complete deflate stream is an invalid token, not an exception of zlib's."""
    refuse(_forged(content))


def _forged(content: bytes) -> str:
    """A token of the right key around any content, made from the documented layout."""
    header = bytes.fromhex(NEW.key_id) + (10_000).to_bytes(4)
    cipher = NEW.cipher(b"muniment session tokens v1" + header[4:])
    text = cipher.encrypt(bytes(12), content + bytes(-len(content) % 3), header + ACCOUNT.encode() + KEY_ID.encode())
    return PREFIX + base64.urlsafe_b64encode(header + bytes(12) + text).decode()


def test_layout_is_the_documented_one() -> None:
    """A token put together by hand from the module's description opens: the format cannot drift unnoticed."""
    assert TOKENS.open(_forged(zlib.compress(b"by hand", wbits=-15)), access_key_id=KEY_ID, at=EDGE) == b"by hand"


def test_strangers_headers_derive_no_keys() -> None:
    """Headers made up by a stranger make us derive the keys that are valid now, once, and no others."""
    tokens = SessionTokens(MasterKeys(NEW))
    for key_id in (NEW.key_id, OLD.key_id, "ffffffff"):
        for epoch in (0, *range(9_980, 10_020), 2**32 - 1):
            header = bytes.fromhex(key_id) + epoch.to_bytes(4)
            refuse(PREFIX + base64.urlsafe_b64encode(header + bytes(31)).decode(), tokens=tokens)
    assert tokens._cipher.cache_info().currsize == 2
