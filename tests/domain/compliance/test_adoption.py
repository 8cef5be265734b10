"""Which frameworks an account may adopt, and that what opens and closes is recorded once."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account, AccountClosed, evolve
from domain.compliance import adoption
from domain.compliance.adoption import (
    FRAMEWORKS_MAX,
    OWN_CRITERIA_MAX,
    adopt_framework,
    drop_framework,
    framework_of,
    own_criteria,
)
from domain.compliance.frameworks import built_in_frameworks, find_framework, framework
from domain.compliance.intervals import Violation, ViolationKey
from domain.compliance.recording import CONTROLS_NAMED_MAX, SeenTurns, ViolationTurn, turn_events
from domain.families.compliance_frameworks import (
    COMPLIANCE_FRAMEWORKS,
    ENDED_ADOPTIONS,
    ENDED_ADOPTIONS_MAX,
    OWN_ADOPTIONS_A_DAY_MAX,
    ComplianceFrameworkAdopted,
    ComplianceViolationClosed,
    ComplianceViolationEvent,
    ComplianceViolationOpened,
    ControlDefinition,
    ControlTest,
    FrameworkDefinition,
)
from domain.foundation.errors import LimitExceeded, NoSuchEntity, ValidationError
from domain.foundation.events import Change, Entry, Event
from tests.domain.accounts import AT, CAUSE, new_account
from tests.framework_steps import own_framework

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
ROOT_KEY = "root_access_key()"


def after(account: Account, events: Sequence[Event], at: object = AT) -> Account:
    for event in events:
        if isinstance(event, Change):
            entry = Entry(account.id, account.position + 1, f"{account.position}", at, CAUSE, event)  # type: ignore[arg-type]
            account = evolve(account, entry)
    return account


def adopting(account: Account, *definitions: FrameworkDefinition, at: object = AT) -> Account:
    for definition in definitions:
        account = after(account, adopt_framework(account, framework(definition), AT), at)
    return account


def test_a_version_says_one_thing() -> None:
    """The same again changes nothing; other controls need another version, and take the place of the former ones."""
    account = adopting(new_account(), own_framework("house", 3))
    assert adopt_framework(account, framework(own_framework("house", 3)), AT) == ()
    changed = own_framework("house", 80).model_copy(update={"version": "3"})
    with pytest.raises(ValidationError, match="give this one another version"):
        adopt_framework(account, framework(changed), AT)
    account = adopting(account, own_framework("house", 80))
    assert framework_of(account, "house").definition.version == "80"
    assert "access_key_age(days=80)" in {each.id for each in own_criteria(account[COMPLIANCE_FRAMEWORKS])}
    account = after(account, [drop_framework(account, "house")])
    for ask in (framework_of, drop_framework):
        with pytest.raises(NoSuchEntity):
            ask(account, "house")


def test_names_of_built_in_frameworks_mean_these() -> None:
    """Nobody says with one what passes; adopted, it has no controls in the event."""
    with pytest.raises(ValidationError, match="is the name of a built-in framework"):
        adopt_framework(new_account(), framework(own_framework("cis-5.0", 3)), AT)
    (event,) = adopt_framework(new_account(), find_framework("cis-5.0"), AT)
    assert event == ComplianceFrameworkAdopted(framework_name="cis-5.0", framework_version="5.0.0", definition=None)
    assert framework_of(after(new_account(), [event]), "cis-5.0") is built_in_frameworks()["cis-5.0"]


def test_how_much_is_looked_at_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    account = adopting(new_account(), *(own_framework(f"house{number}", 3) for number in range(FRAMEWORKS_MAX)))
    with pytest.raises(LimitExceeded, match="at most 10: drop one"):
        adopt_framework(account, framework(own_framework("further", 3)), AT)
    adopting(account, own_framework("house0", 80))
    tests = [ControlTest(check="access_key_age", parameters={"days": 200 + day}) for day in range(OWN_CRITERIA_MAX + 1)]
    control = ControlDefinition(id="1", title="t", tests=tuple(tests[:50]))
    other = ControlDefinition(id="2", title="t", tests=tuple(tests[50:-1]))
    definition = FrameworkDefinition(name="many", version="1", title="t", source="s", controls=(control, other))
    adopt_framework(new_account(), framework(definition), AT)
    third = ControlDefinition(id="3", title="t", tests=(tests[-1],))
    definition = definition.model_copy(update={"controls": (control, other, third)})
    with pytest.raises(LimitExceeded, match="101 checks that no built-in framework makes"):
        adopt_framework(new_account(), framework(definition), AT)
    monkeypatch.setattr(adoption, "WORK_MAX", new_account().position)
    with pytest.raises(LimitExceeded, match="2 new checks would be looked at over"):
        adopt_framework(new_account(), framework(own_framework("house", 3)), AT)


def test_how_often_all_of_the_past_is_looked_at_is_bounded() -> None:
    """Within a day; frameworks that come with the program, and those that are put back, cost nothing of the kind."""
    account = new_account()
    for number in range(OWN_ADOPTIONS_A_DAY_MAX):
        account = adopting(account, own_framework("house", 3 + number % 2), at=AT + number * SECOND)
    again = framework(own_framework("house", 3))
    with pytest.raises(LimitExceeded, match="20 times within a day"):
        adopt_framework(account, again, AT + DAY - SECOND)
    assert adopt_framework(account, again, AT + DAY)
    assert adopt_framework(account, find_framework("cis-5.0"), AT)


def test_a_check_that_is_gone_is_not_answered() -> None:
    """As an earlier program accepted it. Nothing passes, and nothing fails, by a check that is not here."""
    test = ControlTest(check="left_out", parameters={})
    control = ControlDefinition(id="1", title="t", tests=(test,))
    definition = FrameworkDefinition(name="old", version="1", title="t", source="s", controls=(control,))
    event = ComplianceFrameworkAdopted(framework_name="old", framework_version="1", definition=definition)
    account = after(new_account(), [event])
    (found,) = framework_of(account, "old").controls
    assert (found.criteria, found.definition.tests) == ((), ())
    assert "There is no check 'left_out'" in (found.definition.not_answered or "")
    assert own_criteria(account[COMPLIANCE_FRAMEWORKS]) == ()


def turn(number: int, at: object, *, closes: bool = False, criterion: str = ROOT_KEY) -> ViolationTurn:
    key = ViolationKey(criterion, f"{number}")
    root = Violation(key, "h", "root", number, AT, by_time=False, opened_by="root", ends_at=AT + DAY)
    return ViolationTurn(at, f"{number:020d} {criterion} {number} {closes}", closes, root)  # type: ignore[arg-type]


def told(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(type(each).__name__, each.subject_id) for each in events if isinstance(each, ComplianceViolationEvent)]


def test_what_a_turn_says() -> None:
    """The controls that the account had adopted by then, whichever framework they are of."""
    account = adopting(new_account(), own_framework("house", 3))
    account = after(account, adopt_framework(account, find_framework("cis-5.0"), AT), AT + 2 * SECOND)
    turns = [turn(1, AT + SECOND), turn(2, AT + 2 * SECOND), turn(2, AT + 3 * SECOND, closes=True)]
    turns.append(turn(3, AT + 3 * SECOND, criterion="user_without_mfa()"))
    opened, other, closed, _ = turn_events(account, SeenTurns(turns, None, 9, AT, AT + DAY), AT + DAY)
    assert isinstance(opened, ComplianceViolationOpened)
    assert (opened.controls, opened.severity, opened.criterion) == (("house/2",), "critical", ROOT_KEY)
    assert isinstance(other, ComplianceViolationOpened)
    assert other.controls == ("cis-5.0/1.3", "house/2")
    assert isinstance(closed, ComplianceViolationClosed)
    assert (closed.controls, closed.closed_at, closed.closed_position) == (other.controls, AT + DAY, None)
    many = tuple(
        ControlDefinition(id=f"{n}", title="t", tests=(ControlTest(check="root_access_key"),)) for n in range(30)
    )
    definition = FrameworkDefinition(name="many", version="1", title="t", source="s", controls=many)
    (named, _) = turn_events(adopting(new_account(), definition), SeenTurns(turns[:1], None, 9, AT, AT + DAY), AT + DAY)
    assert isinstance(named, ComplianceViolationOpened)
    assert len(named.controls) == CONTROLS_NAMED_MAX


def test_what_was_adopted_by_then_is_recorded_later() -> None:
    """Of a framework that is dropped, or has another version by now, too: nobody silences what he has just done."""
    account = adopting(new_account(), own_framework("house", 3))
    turns = [turn(1, AT + SECOND), turn(2, AT + 3 * SECOND)]
    seen = SeenTurns(turns, None, 9, AT, AT + DAY)
    empty = ControlDefinition(id="1", title="t", not_answered="Not any more.")
    other = own_framework("house", 3).model_copy(update={"version": "4", "controls": (empty,)})
    for changes in ([drop_framework(account, "house")], adopt_framework(account, framework(other), AT)):
        changed = after(account, changes, AT + 2 * SECOND)
        events = turn_events(changed, seen, AT + DAY)
        assert told(events) == [("ComplianceViolationOpened", "1")]
        assert after(changed, events)[ENDED_ADOPTIONS] == ()
        assert after(changed, turn_events(changed, SeenTurns(turns[:1], None, 9, AT, AT), AT + DAY))[ENDED_ADOPTIONS]
    for number in range(2 * ENDED_ADOPTIONS_MAX):
        account = after(account, [ComplianceFrameworkAdopted(framework_name="house", framework_version=f"{number}")])
    assert len(account[ENDED_ADOPTIONS]) == ENDED_ADOPTIONS_MAX


def test_a_framework_is_read_once() -> None:
    """A decision asks for all that are adopted, of 64 KiB each, and a round takes a few milliseconds."""
    account = adopting(new_account(), own_framework("house", 3))
    assert framework_of(account, "house") is framework_of(account, "house")
    assert framework_of(account, "house").criteria is framework_of(account, "house").criteria


def test_nothing_of_a_closed_account() -> None:
    account = adopting(new_account(), own_framework("house", 3))
    seen = SeenTurns([turn(1, AT)], None, 9, AT, AT + DAY)
    assert told(turn_events(account, seen, AT + DAY))
    assert turn_events(after(account, [AccountClosed()]), seen, AT + DAY) == []


@given(st.data())
def test_each_is_recorded_once_whatever_was_seen(data: st.DataObject) -> None:
    """Turns come at any times, many at one; each tick sees the ledger up to a change of its own, perhaps long past, in
    portions of which some are lost. Every turn is recorded once, in order, and none that may still not be so."""
    times = sorted(data.draw(st.lists(st.integers(0, 6), max_size=12)))
    changes = [turn(number, AT + time * SECOND) for number, time in enumerate(times, 2)]
    account, recorded = adopting(new_account(), own_framework("house", 3)), list[str]()
    first = account.position
    account = after(
        account, [ComplianceFrameworkAdopted(framework_name="n", framework_version="1", definition=None)] * 20
    )
    for moment in [*sorted(data.draw(st.lists(st.integers(0, 8), max_size=6))), 9]:
        at = AT + moment * SECOND
        made = sum(each.at <= at for each in changes)
        seen = made if moment == 9 else data.draw(st.integers(0, made))
        is_all = moment == 9 or (seen == made and data.draw(st.booleans()))
        position, seen_at = (10_000, at) if is_all else (first, changes[seen - 1].at if seen else AT)
        there = changes[:seen]
        size = data.draw(st.integers(1, 4))
        after_ = None
        for begins in range(0, len(there), size):
            portion = there[begins : begins + size]
            if data.draw(st.booleans()) or moment == 9:
                events = turn_events(account, SeenTurns(portion, after_, position, seen_at, at), at)
                recorded += [subject for _, subject in told(events)]
                account = after(account, events, at)
            after_ = portion[-1].place
    assert recorded == [each.violation.key.subject_id for each in changes]
