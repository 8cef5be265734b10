"""Which trails there may be, and which key signs the digest of an hour."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account
from domain.families.trails import TRAIL_KEYS, TRAILS, NewTrailKeyFacts, Trail, TrailKey
from domain.foundation.errors import LimitExceeded, NoSuchEntity, ValidationError
from domain.foundation.secret import Secret
from domain.rules.trails import (
    HOUR,
    KEYS_MAX,
    TRAILS_MAX,
    begin_trail,
    create_trail_key,
    find_trail,
    hour_of,
    key_of_hour,
    keys_between,
    whole_hour,
)

ACCOUNT = Account("123456789012")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def with_trail(name: str = "main", bucket: str = "trail", prefix: str | None = None) -> Account:
    begun = begin_trail(ACCOUNT, name=name, bucket=bucket, prefix=prefix, begins_at=NOON)
    assert begun is not None
    return begun.fold(ACCOUNT, NOON)


def keys(*hours: float) -> list[TrailKey]:
    return [TrailKey(str(number), "", NOON + hour * HOUR) for number, hour in enumerate(hours)]


def test_a_trail_begins_once_and_stays_where_it_is() -> None:
    account = with_trail(prefix="logs")
    assert account[TRAILS]["main"] == Trail("main", "trail", "logs", NOON, NOON)
    later = NOON + HOUR
    for bucket, prefix in (("trail", "logs"), (None, None)):
        assert begin_trail(account, name="main", bucket=bucket, prefix=prefix, begins_at=later) is None
    for bucket, prefix in (("trail", None), ("other", "logs"), ("trail", "log")):
        with pytest.raises(ValidationError, match="is in s3://trail/logs, not in s3://"):
            begin_trail(account, name="main", bucket=bucket, prefix=prefix, begins_at=later)


def test_without_a_bucket_it_is_called_like_the_account() -> None:
    begun = begin_trail(ACCOUNT, name="main", bucket=None, prefix=None, begins_at=NOON)
    assert begun is not None
    assert (begun.bucket, begun.prefix) == ("aws-cloudtrail-logs-123456789012", None)


@pytest.mark.parametrize("name", ["ab", "a" * 129, "a b", "-ab", "ab-", "a..b", "a._b", "192.168.5.4", "a/b"])
def test_names_that_no_trail_has(name: str) -> None:
    with pytest.raises(ValidationError, match="A trail's name is"):
        begin_trail(ACCOUNT, name=name, bucket="trail", prefix=None, begins_at=NOON)


@pytest.mark.parametrize("bucket", ["ab", "a" * 64, "Trail", "a_b", "a..b", "-ab", "ab.", "10.0.0.1", "a/b", "a\n"])
def test_names_that_no_bucket_has(bucket: str) -> None:
    with pytest.raises(ValidationError, match="A bucket's name is"):
        begin_trail(ACCOUNT, name="main", bucket=bucket, prefix=None, begins_at=NOON)


@pytest.mark.parametrize("prefix", ["/a", "a/", "a//b", "a b", "a" * 201, "ä", "a\n", "..", "a/../b", "a/."])
def test_prefixes_that_are_refused(prefix: str) -> None:
    """What is signed has lines, and keys have parts: nothing is taken for another one."""
    with pytest.raises(ValidationError, match="A prefix is at most 200"):
        begin_trail(ACCOUNT, name="main", bucket="trail", prefix=prefix, begins_at=NOON)


def test_there_is_room_for_so_many() -> None:
    account = ACCOUNT
    for number in range(TRAILS_MAX):
        begun = begin_trail(account, name=f"trail{number}", bucket="trail", prefix=None, begins_at=NOON)
        assert begun is not None
        account = begun.fold(account, NOON)
    with pytest.raises(LimitExceeded):
        begin_trail(account, name="more", bucket="trail", prefix=None, begins_at=NOON)
    for number in range(KEYS_MAX):
        account = create_trail_key(account, made(number)).fold(account, NOON)
    assert [key.fingerprint for key in account[TRAIL_KEYS]] == [str(number) for number in range(KEYS_MAX)]
    with pytest.raises(LimitExceeded):
        create_trail_key(account, made(KEYS_MAX))


def made(number: int) -> NewTrailKeyFacts:
    return NewTrailKeyFacts(str(number), "", Secret("x"))


def test_a_trail_is_found_by_its_name() -> None:
    assert find_trail(with_trail(), "main").bucket == "trail"
    with pytest.raises(NoSuchEntity) as refused:
        find_trail(with_trail(), "mian")
    assert "main" in refused.value.suggestion


def test_the_key_of_an_hour() -> None:
    """The newest of those that there were when it was over; of hours before all keys, the first."""
    known = keys(0.5, 2, 2.5)
    assert [key_of_hour(known, NOON + hour * HOUR).fingerprint for hour in (-7, 0, 1, 2, 3, 9)] == list("000022")


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6), st.integers(-6, 6), st.integers(-6, 6))
def test_keys_of_a_span_are_those_of_its_hours(created: list[float], one: int, other: int) -> None:
    """And of one that comes later, nothing changes for hours that are over."""
    known, (first, last) = keys(*sorted(created)), sorted((one, other))
    start, end = (NOON + hour * HOUR for hour in (first, last))
    listed = {key.fingerprint for key, _ in keys_between(known, start, end)}
    assert listed >= {key_of_hour(known, NOON + hour * HOUR).fingerprint for hour in range(first, last + 1)}
    for number in range(1, len(known)):
        over = [hour for hour in range(-6, 7) if NOON + hour * HOUR <= known[number].created_at]
        for hour in over:
            assert key_of_hour(known[:number], NOON + hour * HOUR) == key_of_hour(known, NOON + hour * HOUR)


def test_hours_are_of_utc() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    assert hour_of(datetime(2026, 1, 31, 17, 59, tzinfo=india)) == NOON
    assert whole_hour(datetime(2026, 1, 31, 17, 30, tzinfo=india)) == NOON
    with pytest.raises(ValidationError, match=r"whole hours of UTC; got 2026-01-31T11:30:00Z"):
        whole_hour(datetime(2026, 1, 31, 17, tzinfo=india))
