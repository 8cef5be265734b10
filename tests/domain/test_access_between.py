"""Intervals of access: what they say of each moment is what is answered about that moment."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from domain.access import Access, can_assume, who_can
from domain.access_between import CouldAssume, Inquiry, Told, Who, WhoCould, access_between, alike, role_called
from domain.events import Change, Entry
from domain.held_between import Holding, Text, held, held_between
from domain.intervals import Interval, intervals
from tests.histories import ACCOUNT, folded, histories

COMMON = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
RESOURCES = st.sampled_from(["*", f"arn:aws:iam::{ACCOUNT}:user/ann", f"arn:aws:iam::{ACCOUNT}:role/ops"])
ACTIONS = st.sampled_from(["iam:DeleteUser", "iam:ChangePassword", "sts:AssumeRole"])
WORK_MAX = 1_000_000


def contains(interval: Interval[Who, Told] | Interval[Holding, Text], moment: Entry) -> bool:
    """Whether the account was within it right after the entry."""

    def has_come(end: object) -> bool:
        if isinstance(end, Entry):
            return end.position <= moment.position
        return end is None or end <= moment.at  # type: ignore[operator]

    return has_come(interval.opened) and not (interval.closed is not None and has_come(interval.closed))


def changes(ledger: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in ledger if isinstance(entry.event, Change)]


def span(data: DataObject, ledger: Sequence[Entry]) -> tuple[int, int]:
    """The positions of its first and last moment."""
    first, last = sorted(data.draw(st.tuples(*[st.integers(1, len(ledger))] * 2)))
    return first, last


def asked(inquiry: Inquiry, ledger: Sequence[Entry], first: int, last: int) -> list[Interval[Who, Told]]:
    steps = access_between(
        inquiry,
        {ACCOUNT: folded(ledger[:first])},
        ledger[first - 1].at,
        changes(ledger[first:last]),
        ledger[last - 1].at,
    )
    return list(intervals(steps, WORK_MAX, alike).intervals)


def expect_neighbours(found: Sequence[Interval[Who, Told]] | Sequence[Interval[Holding, Text]]) -> None:
    """Those of a key follow one another and share nothing; what follows at once says something else."""
    for earlier, later in pairwise(found):
        if earlier.key == later.key:
            assert earlier.closed is not None
            assert later.opened is not None
            if earlier.closed == later.opened:
                assert earlier.value != later.value


def expect(found: Sequence[Interval[Who, Told]], moment: Entry, answers: Iterable[Access]) -> None:
    told = {interval.key[1]: interval.value for interval in found if contains(interval, moment)}
    expected = {access.entity_id: Told(access, complete=True) for access in answers}
    assert told.keys() == expected.keys()
    assert all(alike(told[entity_id], expected[entity_id]) for entity_id in told)


@COMMON
@given(histories(), ACTIONS, RESOURCES, st.data())
def test_who_could_is_who_can_at_every_position(
    ledger: list[Entry], action: str, resource: str, data: DataObject
) -> None:
    """Whatever has happened and whatever time has done: the intervals that contain a position say what is answered as
    of the position, and no two of a principal's overlap."""
    first, last = span(data, ledger)
    found = asked(WhoCould(ACCOUNT, action, resource), ledger, first, last)
    expect_neighbours(found)
    for moment in ledger[first - 1 : last]:
        account = folded(ledger[: moment.position])
        expect(found, moment, who_can(account, action, resource, moment.at))


@COMMON
@given(histories(), st.sampled_from(["ops", f"arn:aws:iam::{ACCOUNT}:role/ann"]), st.data())
def test_could_assume_is_can_assume_at_every_position(ledger: list[Entry], name: str, data: DataObject) -> None:
    """The same of a role, which may come and go within the span."""
    first, last = span(data, ledger)
    found = asked(CouldAssume(ACCOUNT, name), ledger, first, last)
    expect_neighbours(found)
    for moment in ledger[first - 1 : last]:
        account = folded(ledger[: moment.position])
        role = role_called(account, name)
        expect(found, moment, () if role is None else can_assume(account, role, [], moment.at))


@COMMON
@given(histories(), st.sampled_from(["ann", "BOB", "ops"]), st.data())
def test_what_was_held_is_what_is_held_at_every_position(ledger: list[Entry], name: str, data: DataObject) -> None:
    """The policies of whoever had a name, through renames and through its groups."""
    first, last = span(data, ledger)
    steps = held_between(folded(ledger[:first]), ledger[first - 1].at, changes(ledger[first:last]), name)
    found = intervals(steps, WORK_MAX).intervals
    expect_neighbours(found)
    for moment in ledger[first - 1 : last]:
        told = {interval.key: interval.value for interval in found if contains(interval, moment)}
        assert told == held(folded(ledger[: moment.position]), name)
