"""For how long a violation was exempt, against looking at every second."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.compliance.reports import Period
from domain.foundation.moments import Moment
from domain.read_models.compliance import ReportedExemption, ViolationBound, ViolationInterval
from tests.domain.accounts import AT

SECOND = timedelta(seconds=1)
SECONDS = st.integers(0, 8)


def bound(second: int) -> ViolationBound:
    return ViolationBound(position=second, at=AT + second * SECOND, by="ann")


def exemption(begins: int, until: int, ended: int | None) -> ReportedExemption:
    return ReportedExemption(
        exemption_id="X",
        owner_id="o",
        owner_name="o",
        kinds=(),
        controls=("house/1",),
        asked=("",),
        reason="r",
        granted=bound(begins),
        until=AT + until * SECOND,
        ended=None if ended is None else bound(ended),
        ended_as=None if ended is None else "revoked",
    )


def violation(begins: int, ends: int | None) -> ViolationInterval:
    return ViolationInterval(
        criterion="c",
        subject_id="s",
        holder_id="o",
        holder_name="o",
        opened=bound(begins),
        by_time=False,
        closed=None if ends is None else bound(ends),
    )


def stands(each: ReportedExemption, at: datetime) -> bool:
    return each.granted.at <= at < each.until and (each.ended is None or at < each.ended.at)


@given(
    st.lists(st.builds(exemption, SECONDS, SECONDS, st.none() | SECONDS), max_size=4),
    st.tuples(SECONDS, st.none() | SECONDS).filter(lambda drawn: drawn[1] is None or drawn[0] < drawn[1]),
    st.tuples(SECONDS, SECONDS).filter(lambda drawn: drawn[0] < drawn[1]),
)
def test_throughout(
    exemptions: Sequence[ReportedExemption], lasts: tuple[int, int | None], of: tuple[int, int]
) -> None:
    """Of a violation that lies in the period: exempt is what was so at each of its seconds there."""
    first, last = of
    found, period = violation(*lasts), Period(*(Moment(each, AT + each * SECOND) for each in of))
    begins, ends = max(lasts[0], first), last if lasts[1] is None else min(lasts[1], last)
    if begins > last or ends <= begins:
        return
    goes_on = lasts[1] is None or lasts[1] > last
    instants = [AT + second * SECOND for second in range(begins, ends + goes_on)]
    exempt = [any(stands(each, at) for each in exemptions) for at in instants]
    assert period.is_exempt(found, exemptions) == all(exempt)
    # The last instant takes no time.
    assert period.exposure(found, exemptions) == exempt[: ends - begins].count(False) * SECOND


@given(st.lists(st.builds(exemption, SECONDS, SECONDS, st.none() | SECONDS), max_size=4), SECONDS, SECONDS)
def test_at_a_moment(exemptions: Sequence[ReportedExemption], begins: int, asked: int) -> None:
    """What counts is whether one stands there; the time before that was not exempt is counted all the same."""
    moment = Moment(asked, AT + asked * SECOND)
    found, period = violation(min(begins, asked), None), Period(moment, moment)
    assert period.is_exempt(found, exemptions) == any(stands(each, moment.at) for each in exemptions)
    instants = [AT + second * SECOND for second in range(min(begins, asked), asked)]
    spent = sum(not any(stands(each, at) for each in exemptions) for at in instants)
    assert period.exposure(found, exemptions) == spent * SECOND
