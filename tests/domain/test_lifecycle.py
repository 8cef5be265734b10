"""What is due when: each thing once and at its true time, whenever and however often somebody looks."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account, AccountClosed
from domain.families.access_keys import AccessKeyActivated, AccessKeyCreated, AccessKeyDeactivated, AccessKeyDeleted
from domain.families.credential_use import CredentialUsed
from domain.families.lifecycle_profiles import CredentialRules, LifecycleProfile, LifecycleProfileSet
from domain.families.notices import (
    CredentialExpired,
    CredentialIdle,
    LastUsed,
    Notice,
    RotationDue,
    RotationOverdue,
    RotationWarned,
)
from domain.families.passwords import LoginProfileCreated, PasswordChanged, PasswordPolicyDeleted, PasswordPolicyUpdated
from domain.families.sessions import EXPIRIES_RECORDED, SessionExpired, SessionExpiriesRecorded, SessionRevoked
from domain.foundation.events import Change, Event
from domain.queries.protected_credentials import protection
from domain.rules.lifecycle import LifecycleCandidates, due_events
from domain.rules.session_expiries import ExpiredSession, Expiries
from tests.domain.accounts import AT, after, new_account, with_users

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
KEY = {"access_key_id": "AKIA1", "user_id": "AIDAann", "user_name": "ann"}
USED = CredentialUsed(credential="access_key", credential_id="AKIA1", service="sts", region="eu-west-1")
ALL = LifecycleCandidates(["AIDAann"])
KEY_RULES = CredentialRules(max_age_days=90, warn_before_days=(14,), overdue_after_days=14, max_idle_days=45)
KEYS_ALONE = LifecycleProfileSet(profile=LifecycleProfile(name="keys", version=1, rules={"access_key": KEY_RULES}))
DAYS: dict[type[Event], int] = {RotationWarned: 76, RotationDue: 90, RotationOverdue: 104, CredentialIdle: 45}


def due(account: Account, candidates: LifecycleCandidates, at: datetime) -> list[Event]:
    return due_events(account, candidates, at, protection).events


def ann() -> Account:
    """With a key of the time AT."""
    return after(with_users(new_account(), "ann"), KEYS_ALONE, AccessKeyCreated(**KEY))


def ticked(account: Account, at: datetime, candidates: LifecycleCandidates = ALL) -> tuple[Account, list[Event]]:
    events = due(account, candidates, at)
    return after(account, *(event for event in events if isinstance(event, Change)), at=at), events


def told(events: Sequence[Event]) -> list[tuple[object, float]]:
    """Which notices, and how many days after AT they were due."""
    return [(type(event), (event.due_at - AT) / DAY) for event in events if isinstance(event, Notice)]


def test_a_key_grows_old() -> None:
    """The profile's days, each notice at its very moment, not a microsecond before, and then nothing more."""
    account = after(ann(), USED, at=AT + 60 * DAY)
    for event, days in ((RotationWarned, 76), (RotationDue, 90), (RotationOverdue, 104), (CredentialIdle, 60 + 45)):
        account, early = ticked(account, AT + days * DAY - timedelta(microseconds=1))
        assert early == []
        account, events = ticked(account, AT + days * DAY)
        assert told(events) == [(event, days)]
    account, late = ticked(account, AT + 5_000 * DAY)
    assert late == []


def test_what_a_notice_says() -> None:
    """The credential and its owner, the rule by name, version and number, and the facts that it follows from."""
    used_at = AT + 50 * DAY
    account = after(ann(), USED, at=used_at)
    warned, idle = (due(account, ALL, AT + 95 * DAY + SECOND)[0], due(account, ALL, AT + 95 * DAY + SECOND)[-1])
    assert isinstance(warned, RotationWarned)
    assert isinstance(idle, CredentialIdle)
    for notice in (warned, idle):
        assert (notice.credential_id, notice.owner_id, notice.owner_name) == ("AKIA1", "AIDAann", "ann")
        assert (notice.rule.profile, notice.rule.version) == ("keys", 1)
        assert notice.evidence.created_at == AT
        assert notice.evidence.last_used == LastUsed(at=used_at, service="sts", region="eu-west-1")
    assert (warned.rule.name, warned.due_at, warned.rotation_due_at) == (
        "access_key_rotation_warned", AT + 76 * DAY, AT + 90 * DAY,
    )  # fmt: skip
    assert (idle.rule.name, idle.rule.days, idle.due_at) == ("access_key_idle", 45, used_at + 45 * DAY)


def test_down_for_a_week() -> None:
    """Whoever comes late finds everything that was due meanwhile, once, with the times at which it became so."""
    account, _ = ticked(ann(), AT + 75 * DAY)
    account, events = ticked(account, AT + 82 * DAY)
    assert told(events) == [(RotationWarned, 76)]
    account, events = ticked(account, AT + 365 * DAY)
    assert told(events) == [(RotationDue, 90), (RotationOverdue, 104)]


def test_never_used_counts_from_creation() -> None:
    """And the evidence says so."""
    (idle,) = due(ann(), ALL, AT + 45 * DAY)
    assert isinstance(idle, CredentialIdle)
    assert (idle.due_at, idle.evidence.last_used) == (AT + 45 * DAY, None)


def test_inactive_keys_are_not_due() -> None:
    """An inactive key is in no danger. Active again, it is judged by its true age. A deleted one is nobody's affair."""
    account = after(ann(), AccessKeyDeactivated(**KEY), at=AT + DAY)
    assert due(account, ALL, AT + 200 * DAY) == []
    active = after(account, AccessKeyActivated(**KEY), at=AT + 80 * DAY)
    assert told(due(active, ALL, AT + 80 * DAY)) == [(CredentialIdle, 45), (RotationWarned, 76)]
    assert due(after(active, AccessKeyDeleted(**KEY)), ALL, AT + 200 * DAY) == []


def test_idle_again_is_told_again() -> None:
    """A use ends the idleness; the next idleness is another one, told once."""
    account, events = ticked(ann(), AT + 45 * DAY)
    assert told(events) == [(CredentialIdle, 45)]
    account = after(account, USED, at=AT + 50 * DAY)
    account, events = ticked(account, AT + 94 * DAY)
    assert CredentialIdle not in dict(told(events))
    account, events = ticked(account, AT + 95 * DAY)
    assert told(events) == [(CredentialIdle, 95)]
    account, events = ticked(account, AT + 96 * DAY)
    assert told(events) == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["tick", "tick", "tick twice", "use", "deactivate", "activate"]),
        st.sampled_from([timedelta(), SECOND, DAY, 14 * DAY, 31 * DAY, 45 * DAY]),
    ),
    max_size=25,
)


@given(STEPS)
def test_any_interleaving(steps: list[tuple[str, timedelta]]) -> None:
    """However ticks, uses and changes of status follow one another: no notice is given twice, each is given at the
    first tick that could see it, none early, and each tells its true due time."""
    account, at = ann(), AT
    used, active = AT, True
    seen: set[tuple[type[Event], datetime]] = set()
    for step, pause in [*steps, ("activate", 200 * DAY), ("tick", SECOND)]:
        at += pause
        if step == "use":
            account, used = after(account, USED, at=at), at
        elif step in ("activate", "deactivate"):
            active = step == "activate"
            account = after(account, (AccessKeyActivated if active else AccessKeyDeactivated)(**KEY), at=at)
        else:
            since = {event: used if event is CredentialIdle else AT for event in DAYS}
            dues = {(event, since[event] + days * DAY) for event, days in DAYS.items()} if active else set()
            expected = {(event, due_at) for event, due_at in dues if due_at <= at} - seen
            account, events = ticked(account, at)
            given_now: list[tuple[type[Event], datetime]] = [
                (type(event), event.due_at) for event in events if isinstance(event, Notice)
            ]
            assert len(given_now) == len(set(given_now))
            assert set(given_now) == expected
            seen |= expected
            if step == "tick twice":
                assert due(account, ALL, at) == []
    assert {event for event, _ in seen} >= {RotationWarned, RotationDue, RotationOverdue, CredentialIdle}


def policy(days: int | None) -> PasswordPolicyUpdated:
    return PasswordPolicyUpdated(
        minimum_password_length=14,
        require_symbols=False,
        require_numbers=False,
        require_uppercase_characters=False,
        require_lowercase_characters=False,
        allow_users_to_change_password=True,
        max_password_age=days,
        hard_expiry=False,
    )


def test_nothing_grows_old_in_a_closed_account() -> None:
    """Its keys are dead; of its sessions those expired that ended before."""
    account = after(ann(), AccountClosed(), at=AT + DAY)
    assert due(account, ALL, AT + 200 * DAY) == []
    both = expiring(session(1, AT + SECOND), session(2, AT + 2 * DAY), seen=AT + 3 * DAY)
    assert ended(due(account, both, AT + 3 * DAY)) == ["SESN1"]


def test_passwords_expire_by_the_accounts_policy() -> None:
    """Without a policy never; with one once for each password; and again when another policy sets another end."""
    made = LoginProfileCreated(user_id="AIDAann", user_name="ann", password_id="AIPW1", reset_required=False)
    account = after(with_users(new_account(), "ann"), KEYS_ALONE, made)
    assert due(account, ALL, AT + 1_000 * DAY) == []
    assert due(after(account, policy(None)), ALL, AT + 1_000 * DAY) == []
    account = after(account, policy(90))
    assert due(account, ALL, AT + 90 * DAY - SECOND) == []
    account, events = ticked(account, AT + 97 * DAY)
    assert told(events) == [(CredentialExpired, 90)]
    (event,) = events
    assert isinstance(event, CredentialExpired)
    assert (event.rule.name, event.rule.days, event.credential_id) == ("password_expiry", 90, "AIDAann")
    assert due(account, ALL, AT + 98 * DAY) == []
    assert due(after(account, PasswordPolicyDeleted()), ALL, AT + 98 * DAY) == []
    assert told(due(after(account, policy(95)), ALL, AT + 98 * DAY)) == [(CredentialExpired, 95)]
    changed = PasswordChanged(user_id="AIDAann", user_name="ann", password_id="AIPW2")
    account = after(account, changed, at=AT + 98 * DAY)
    account, events = ticked(account, AT + 188 * DAY)
    assert told(events) == [(CredentialExpired, 188)]


def session(number: int, expires_at: datetime) -> ExpiredSession:
    return ExpiredSession(f"SESN{number}", f"ASIA{number}", f"arn:aws:sts::1:assumed-role/r/{number}", expires_at)


def expiring(*sessions: ExpiredSession, seen: datetime, after_: datetime | None = None) -> LifecycleCandidates:
    return LifecycleCandidates(expiries=Expiries(sessions, after_, seen))


def ended(events: Sequence[Event]) -> list[str]:
    return [event.session_id for event in events if isinstance(event, SessionExpired)]


def test_sessions_expire_at_their_time() -> None:
    """A use for each, with its true time, and one change for all of them; the second time, nothing."""
    account, one, two = new_account(), session(1, AT + SECOND), session(2, AT + 3 * SECOND)
    at = AT + 7 * DAY
    account, events = ticked(account, at, expiring(one, two, seen=at))
    assert [type(event) for event in events] == [SessionExpired, SessionExpired, SessionExpiriesRecorded]
    assert [event.expired_at for event in events if isinstance(event, SessionExpired)] == [AT + SECOND, AT + 3 * SECOND]
    assert account[EXPIRIES_RECORDED] == AT + 3 * SECOND
    assert due(account, expiring(one, two, seen=at), at) == []


def test_revoked_sessions_do_not_expire() -> None:
    """One that was revoked before its time was over; one that was revoked afterwards had expired."""
    account = after(new_account(), SessionRevoked(session_id="SESN1"), at=AT + SECOND)
    account = after(account, SessionRevoked(session_id="SESN2"), at=AT + 3 * SECOND)
    at = AT + 5 * SECOND
    both = expiring(session(1, AT + 2 * SECOND), session(2, AT + 2 * SECOND), seen=at)
    assert ended(due(account, both, at)) == ["SESN2"]
    assert due(account, expiring(session(1, AT + 2 * SECOND), seen=at), at) == []


def test_the_mark_passes_nothing_that_was_not_seen() -> None:
    """What expires later than the tables were read to is left for the next time, though it is over; and a portion
    whose predecessor is not recorded is left too."""
    at = AT + DAY
    sessions = session(1, AT + SECOND), session(2, AT + 2 * SECOND)
    account, events = ticked(new_account(), at, expiring(*sessions, seen=AT + SECOND))
    assert (ended(events), account[EXPIRIES_RECORDED]) == (["SESN1"], AT + SECOND)
    second = expiring(sessions[1], seen=at, after_=AT + SECOND)
    assert due(new_account(), second, at) == []
    assert ended(due(account, second, at)) == ["SESN2"]


@given(st.data())
def test_expiries_are_recorded_once_whatever_was_seen(data: st.DataObject) -> None:
    """Sessions are issued and ticks made in any order; each tick sees the ledger up to some moment of its own, perhaps
    long past, perhaps earlier than the one before. Every session that is over is recorded once, none early."""
    lifetimes = st.sampled_from([900, 901, 3_600, 43_200])
    issues = data.draw(st.lists(st.tuples(st.integers(0, 20_000), lifetimes), max_size=12))
    sessions = [
        (AT + start * SECOND, session(number, AT + (start + lasts) * SECOND))
        for number, (start, lasts) in enumerate(issues)
    ]
    account, recorded = new_account(), []
    moments = sorted(data.draw(st.lists(st.integers(0, 70_000), max_size=10)))
    for moment in [*moments, 100_000]:
        at = AT + moment * SECOND
        lag = 0 if moment == 100_000 else data.draw(st.sampled_from([0, 1, 899, 5_000, 60_000]))
        seen = at - lag * SECOND
        over = sorted(
            (s for issued_at, s in sessions if issued_at < seen and s.expires_at <= at), key=lambda s: s.expires_at
        )
        account, events = ticked(account, at, expiring(*over, seen=seen))
        assert all(event.expired_at <= at for event in events if isinstance(event, SessionExpired))
        recorded += ended(events)
    assert sorted(recorded) == sorted(s.session_id for _, s in sessions)
