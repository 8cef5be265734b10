"""Moments: how they are written, and where they lie in a ledger."""

import bisect
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.foundation.errors import ValidationError
from domain.foundation.moments import AsOf, Moment, NamedMoment
from projections.engine.apply import apply_batch
from projections.engine.definition import load_projections
from projections.queries.ledger_positions import position_at, resolve_in_projection
from projections.queries.readable import ProjectionBehind
from tests.projections.conftest import Project
from tests.projections.ledger import BEGINNING, NOW, SECOND, Ledger
from tests.projections.use_events import CALLED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p1", AsOf(NOW, position=1)),
        ("p420", AsOf(NOW, position=420)),
        ("2025-01-01T00:00:00Z", AsOf(NOW, at=BEGINNING)),
        ("2025-01-01t00:00:00z", AsOf(NOW, at=BEGINNING)),
        ("2025-01-01 01:30:00.25+01:30", AsOf(NOW, at=BEGINNING + timedelta(seconds=0.25))),
        ("2025-01-01T00:00:00", AsOf(NOW, at=BEGINNING)),
        ("2025-01-01 00:00", AsOf(NOW, at=BEGINNING)),
        ("2025-01-01", AsOf(NOW, at=BEGINNING)),
        (NOW.isoformat(), AsOf(NOW, at=NOW)),
        ("now", AsOf(NOW)),
        ("90s", AsOf(NOW, at=NOW - timedelta(seconds=90))),
        ("30m", AsOf(NOW, at=NOW - timedelta(minutes=30))),
        ("1h", AsOf(NOW, at=NOW - timedelta(hours=1))),
        ("7d", AsOf(NOW, at=NOW - timedelta(days=7))),
        ("2w", AsOf(NOW, at=NOW - timedelta(days=14))),
        ("999999w", AsOf(NOW, at=datetime.min.replace(tzinfo=UTC))),
    ],
)
def test_moments_are_read(text: str, expected: AsOf) -> None:
    """Positions, RFC 3339 times, dates, ages and now itself; what has no offset is of UTC, and a date its beginning."""
    assert NamedMoment.parse(text).as_of(NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-01-01", AsOf(NOW, at=BEGINNING + timedelta(days=1, microseconds=-1))),
        (NOW.date().isoformat(), AsOf(NOW)),
        ("2025-01-01T00:00:00", AsOf(NOW, at=BEGINNING)),
        ("1h", AsOf(NOW, at=NOW - timedelta(hours=1))),
        ("p4", AsOf(NOW, position=4)),
    ],
)
def test_a_date_ends_a_span_with_its_whole_day(text: str, expected: AsOf) -> None:
    """As far as it has come; other moments end it where they are."""
    assert NamedMoment.parse(text).as_of_end(NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "p", "p0", "p-1", "p01", "42", "P42", "p" + "9" * 19, "Now", "-1h", "1.5h", "1y", "h", "1000000d"),
        *("2025-02-30T00:00:00Z", "2025-01-01T24:00:00Z ", "2025-01-01T00:00:00+99:00", "0001-01-01T00:00:00+23:00"),
        *("2025-02-30", "2025-01-01T00", "20250101", "2025-W01-1"),
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    """The refusal says what was given and how a moment is written."""
    with pytest.raises(
        ValidationError, match=r"A moment is now, an age such as .*UTC if it has no offset.* p42; got '"
    ):
        NamedMoment.parse(text).as_of(NOW)


def test_the_future_is_refused(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """A time after now, and a position that the ledger does not have yet, have no answer."""
    with pytest.raises(ValidationError, match=r"^\S+:01Z has not come yet; it is \S+:00Z\.$"):
        NamedMoment.parse((NOW + SECOND).isoformat()).as_of(NOW)
    ledger = Ledger(writer)
    project(ledger.account_id)
    with pytest.raises(ValidationError, match=r"Position 2 has not come yet.* is at 1"):
        resolve_in_projection(reader, "trail", ledger.account_id, AsOf(NOW, position=2))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=12))
def test_a_time_is_the_last_position_at_or_before_it(
    writer: psycopg.Connection, reader: psycopg.Cursor, rounds: list[tuple[int, int]]
) -> None:
    """For rounds of several events, some at the same time, every time around them gives the position that a search in
    the list of times gives."""
    ledger = Ledger(writer)
    for seconds, events in rounds:
        ledger.append(*[CALLED] * events, at=ledger.at + SECOND * seconds)
    times = ledger.times[1:]
    for at in {moment + SECOND / 2 * half for moment in times for half in (-1, 0, 1)}:
        assert position_at(reader, ledger.account_id, at) == bisect.bisect_right(times, at)


def test_nothing_is_at_position_zero(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """Before its first event an account is empty, and so is one that does not exist."""
    ledger = Ledger(writer)
    project(ledger.account_id)
    before = AsOf(NOW, at=BEGINNING - SECOND)
    assert resolve_in_projection(reader, "trail", ledger.account_id, before) == Moment(0, BEGINNING - SECOND)
    assert resolve_in_projection(reader, "trail", "999999999999", AsOf(NOW)) == Moment(0, NOW)


def test_what_is_not_projected_is_not_answered(
    writer: psycopg.Connection, reader: psycopg.Cursor, projector: psycopg.Connection
) -> None:
    """A projection that lags refuses the moments that it has not reached, and says so; the newest that it knows it
    answers as of its own position."""
    ledger = Ledger(writer)
    ledger.append(CALLED)
    ledger.append(CALLED)
    (trail,) = (projection for projection in load_projections() if projection.name == "trail")
    apply_batch(projector, trail, ledger.account_id, 2)
    assert resolve_in_projection(reader, "trail", ledger.account_id, AsOf(NOW)) == Moment(2, NOW)
    assert resolve_in_projection(reader, "trail", ledger.account_id, AsOf(NOW, at=ledger.times[2])).position == 2
    for as_of in (AsOf(NOW, position=3), AsOf(NOW, at=ledger.at)):
        with pytest.raises(ProjectionBehind, match="known up to position 2; asked for was 3"):
            resolve_in_projection(reader, "trail", ledger.account_id, as_of)


def test_the_newest_state_is_not_before_its_ledger(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project
) -> None:
    """A caller whose clock is a little behind the ledger's time still sees the last event, at that event's time."""
    ledger = Ledger(writer)
    project(ledger.account_id)
    early = datetime(2024, 1, 1, tzinfo=UTC)
    assert resolve_in_projection(reader, "trail", ledger.account_id, AsOf(early)) == Moment(1, ledger.at)
