"""Rotations of access keys: which step may be taken in which state."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account, AccountChange
from domain.families.access_keys import (
    ACCESS_KEYS,
    AccessKeyCreated,
    AccessKeyDeactivated,
    AccessKeyDeleted,
    AccessKeyStatus,
)
from domain.families.credential_use import LAST_USES, CredentialUsed, is_news
from domain.families.exemptions import ExemptionGranted
from domain.families.key_rotations import (
    KEY_ROTATIONS,
    KeyRotationFinished,
    KeyRotationHandedOver,
    KeyRotationObserved,
    KeyRotationStarted,
    KeyRotationStopped,
)
from domain.families.leak_reports import CredentialReportedLeaked
from domain.families.notices import RotationCompleted
from domain.foundation.errors import NoSuchEntity, OperationNotPermittedException, Refusal
from domain.queries.keys_to_rotate import keys_to_rotate
from domain.rules import key_rotations
from domain.rules.access_keys import delete_access_key, update_access_key
from tests.domain.accounts import AT, after, new_account, with_users

ANN = "AIDAann"
DAY = timedelta(days=1)


def with_key(account: Account, key_id: str, at: datetime = AT) -> Account:
    return after(account, AccessKeyCreated(access_key_id=key_id, user_id=ANN, user_name="ann"), at=at)


def one_key() -> Account:
    return with_key(with_users(new_account(), "ann"), "AKIAold", AT - DAY)


def start(account: Account, new: str = "AKIAnew", **given: object) -> Sequence[AccountChange]:
    fields = {"old_access_key_id": None, "replaces": None, "observe_days": 7, **given}
    return key_rotations.start(account, user_id=ANN, new_access_key_id=new, **fields)  # type: ignore[arg-type]


def used(account: Account, key_id: str, at: datetime) -> Account:
    event = CredentialUsed(credential="access_key", credential_id=key_id, service="iam", region="us-east-1")
    return after(account, event, at=at)


def started() -> Account:
    return after(one_key(), *start(one_key()))


def handed_over(at: datetime = AT) -> Account:
    account = started()
    events = key_rotations.hand_over(account, user_id=ANN, new_access_key_id="AKIAnew", to="file")
    return after(account, *events, at=at)


def observing(at: datetime = AT) -> Account:
    account = used(handed_over(at), "AKIAnew", at)
    return after(account, *advance(account, at), at=at)


def advance(account: Account, at: datetime = AT, **given: bool) -> Sequence[AccountChange]:
    return key_rotations.advance(account, user_id=ANN, at=at, **given)


def kinds(events: Sequence[AccountChange]) -> list[type[AccountChange]]:
    return [type(event) for event in events]


def test_a_rotation_from_beginning_to_end() -> None:
    """Each step when its time has come and not before; with nothing between, asking again changes nothing."""
    account = started()
    assert kinds(start(one_key())) == [AccessKeyCreated, KeyRotationStarted]
    assert start(account, "AKIAthird") == ()
    assert advance(account) == ()
    account = handed_over()
    assert key_rotations.hand_over(account, user_id=ANN, new_access_key_id="AKIAnew", to="command") == ()
    assert advance(account) == ()
    account = used(account, "AKIAnew", AT + DAY)
    steps = advance(account, AT + DAY)
    assert kinds(steps) == [RotationCompleted, AccessKeyDeactivated, KeyRotationObserved]
    account = after(account, *steps, at=AT + DAY)
    assert [key.status for key in account[ACCESS_KEYS].of(ANN)] == ["Inactive", "Active"]
    almost, end = AT + 8 * DAY - timedelta(microseconds=1), AT + 8 * DAY
    assert key_rotations.wait_of(account, account[KEY_ROTATIONS][ANN]).until == end
    assert advance(account, almost) == ()
    steps = advance(account, end)
    assert kinds(steps) == [AccessKeyDeleted, KeyRotationFinished]
    account = after(account, *steps, at=end)
    assert [key.id for key in account[ACCESS_KEYS].of(ANN)] == ["AKIAnew"]
    assert ANN not in account[KEY_ROTATIONS]
    with pytest.raises(NoSuchEntity, match="No rotation of ann is under way"):
        advance(account)


def test_a_use_before_the_handover_does_not_count() -> None:
    """Whoever hands the key over may have tried it: that is not whoever is to use it."""
    tried = used(started(), "AKIAnew", AT)
    events = key_rotations.hand_over(tried, user_id=ANN, new_access_key_id="AKIAnew", to="command")
    account = after(tried, *events, at=AT + timedelta(seconds=1))
    assert advance(account, AT + DAY) == ()
    assert kinds(advance(used(account, "AKIAnew", AT + DAY), AT + DAY)) == [
        RotationCompleted,
        AccessKeyDeactivated,
        KeyRotationObserved,
    ]


def test_a_leaked_key_waits_for_nothing_but_the_handover() -> None:
    """Forced, the old key is deactivated unseen, and deleted no sooner for that."""
    assert advance(started(), force=True) == ()
    steps = advance(handed_over(), force=True)
    assert kinds(steps) == [RotationCompleted, AccessKeyDeactivated, KeyRotationObserved]
    account = after(handed_over(), *steps)
    assert account[KEY_ROTATIONS][ANN].forced
    assert advance(account, AT + 6 * DAY, force=True) == ()
    assert kinds(advance(account, AT + 7 * DAY)) == [AccessKeyDeleted, KeyRotationFinished]


def test_a_lost_secret_is_replaced() -> None:
    """The key of which nobody has the secret makes room for another; one that has signed, or was handed over, or is not
    of the rotation, does not."""
    steps = start(started(), "AKIAthird", replaces="AKIAnew")
    assert kinds(steps) == [AccessKeyDeleted, AccessKeyCreated, KeyRotationStarted]
    account = after(started(), *steps)
    assert [key.id for key in account[ACCESS_KEYS].of(ANN)] == ["AKIAold", "AKIAthird"]
    with pytest.raises(OperationNotPermittedException, match="no more to AKIAnew"):
        key_rotations.hand_over(account, user_id=ANN, new_access_key_id="AKIAnew", to="file")
    for taken in (used(started(), "AKIAnew", AT), handed_over(), account):
        with pytest.raises(OperationNotPermittedException, match="AKIAnew is not given up"):
            start(taken, "AKIAfourth", replaces="AKIAnew")
    with pytest.raises(OperationNotPermittedException, match="No rotation of ann has made AKIAold"):
        start(one_key(), replaces="AKIAold")


def test_of_two_keys_the_user_says_which_is_the_old_one() -> None:
    """Without that nothing is guessed; with it no key is made, and the other one has to be seen in use from then on."""
    account = used(with_key(one_key(), "AKIAother"), "AKIAother", AT)
    with pytest.raises(OperationNotPermittedException, match=r"two access keys already.*--old KEY"):
        start(account)
    with pytest.raises(NoSuchEntity, match="AKIAgone"):
        start(account, old_access_key_id="AKIAgone")
    steps = start(account, old_access_key_id="AKIAold")
    assert kinds(steps) == [KeyRotationStarted, KeyRotationHandedOver]
    account = after(account, *steps, at=AT + DAY)
    assert advance(account, AT + DAY) == ()
    with pytest.raises(OperationNotPermittedException, match="under way from AKIAold to AKIAother, not from AKIAother"):
        start(account, old_access_key_id="AKIAother")
    assert advance(used(account, "AKIAother", AT + DAY), AT + DAY)


def test_who_has_no_key_has_nothing_to_rotate() -> None:
    with pytest.raises(NoSuchEntity, match="aws iam create-access-key --user-name ann"):
        start(with_users(new_account(), "ann"))


def by_hand(account: Account, key_id: str, doing: str, at: datetime = AT) -> Account:
    if doing == "delete":
        return after(account, *delete_access_key(account, user_id=ANN, access_key_id=key_id), at=at)
    status: AccessKeyStatus = "Active" if doing == "activate" else "Inactive"
    events = update_access_key(account, user_id=ANN, access_key_id=key_id, status=status)
    return after(account, *events, at=at)


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (by_hand(observing(), "AKIAold", "activate", AT + DAY), "the old key AKIAold was activated again"),
        (
            by_hand(by_hand(observing(), "AKIAold", "activate", AT + DAY), "AKIAold", "deactivate", AT + 2 * DAY),
            "the old key AKIAold was activated again",
        ),
        (by_hand(handed_over(), "AKIAnew", "delete"), "the new key AKIAnew is deleted"),
        (by_hand(observing(), "AKIAnew", "delete"), "the new key AKIAnew is deleted"),
        (by_hand(used(handed_over(), "AKIAnew", AT), "AKIAnew", "deactivate"), "the new key AKIAnew was deactivated"),
        (by_hand(observing(), "AKIAnew", "deactivate"), "the new key AKIAnew was deactivated"),
    ],
)
def test_what_somebody_does_by_hand_stops_it(account: Account, reason: str) -> None:
    """Nothing is deactivated or deleted against what people have done since: the rotation says so and ends."""
    steps = advance(account, AT + 30 * DAY)
    assert kinds(steps) == [KeyRotationStopped]
    assert isinstance(steps[0], KeyRotationStopped)
    assert steps[0].reason == reason
    assert ANN not in after(account, *steps, at=AT + 30 * DAY)[KEY_ROTATIONS]


def test_a_new_key_that_has_leaked_replaces_nothing() -> None:
    """Whoever forces the rotation of a leaked key is told so, and no key is deactivated for one that works no more."""
    leaked = CredentialReportedLeaked(credential_id="AKIAnew", owner_id=ANN, owner_name="ann", reporter="operator")
    for account in (handed_over(), observing()):
        for spoilt in (after(account, leaked), by_hand(account, "AKIAnew", "deactivate")):
            assert kinds(advance(spoilt, force=True)) == [KeyRotationStopped]
    assert kinds(advance(used(after(handed_over(), leaked), "AKIAnew", AT)))[-1] == KeyRotationObserved


def test_an_old_key_that_is_gone_is_the_end() -> None:
    """Whoever deleted it did what was left to do. Before the handover there is still something to hand over."""
    for account in (handed_over(), observing()):
        assert kinds(advance(by_hand(account, "AKIAold", "delete"))) == [KeyRotationFinished]
    assert advance(by_hand(started(), "AKIAold", "delete")) == ()


def test_an_old_key_that_is_inactive_already_is_only_observed() -> None:
    account = used(by_hand(handed_over(), "AKIAold", "deactivate"), "AKIAnew", AT)
    assert kinds(advance(account)) == [KeyRotationObserved]


def test_a_new_key_that_was_deleted_before_the_handover_is_made_anew() -> None:
    steps = start(by_hand(started(), "AKIAnew", "delete"), "AKIAthird")
    assert kinds(steps) == [AccessKeyCreated, KeyRotationStarted]


def test_stopping() -> None:
    """Takes back a key that nobody has; what somebody has stays."""
    assert kinds(key_rotations.stop(started(), user_id=ANN, reason=None)) == [AccessKeyDeleted, KeyRotationStopped]
    for account in (used(started(), "AKIAnew", AT), handed_over(), observing()):
        steps = key_rotations.stop(account, user_id=ANN, reason="not now")
        assert [event.describe() for event in steps] == [
            "The rotation of access key AKIAold of ann was stopped: not now."
        ]


def test_what_is_due_needs_no_scheduler() -> None:
    """A key is due by its age and the rules, also while nobody records that; an exempt one is not."""
    told = keys_to_rotate(one_key(), AT + 91 * DAY)
    assert [(each.key.id, each.notice) for each in told] == [("AKIAold", "due")]
    granted = {"exemption_id": "X1", "owner_id": ANN, "owner_name": "ann", "kinds": (), "reason": "moving"}
    exempt = after(one_key(), ExemptionGranted.model_validate({**granted, "until": AT + 92 * DAY}))
    assert list(keys_to_rotate(exempt, AT + 91 * DAY)) == []
    assert [each.notice for each in keys_to_rotate(exempt, AT + 105 * DAY)] == ["overdue"]


def test_keys_that_are_due() -> None:
    """Older than so many days; of a rotation that is under way the old one alone, however old, inactive or not."""
    young = with_key(with_users(one_key(), "ben"), "AKIAother", AT + 9 * DAY)

    def found(account: Account, **given: object) -> list[str]:
        told = keys_to_rotate(account, AT + 10 * DAY, **given)  # type: ignore[arg-type]
        return [each.key.id for each in told]

    assert found(young) == []
    assert found(young, older_than_days=5) == ["AKIAold"]
    assert found(young, older_than_days=0) == ["AKIAold", "AKIAother"]
    assert found(by_hand(young, "AKIAold", "deactivate"), older_than_days=0) == ["AKIAother"]
    assert found(young, older_than_days=0, path_prefix="/ci/") == []
    assert found(young, older_than_days=0, tag=("team", None)) == []
    assert found(observing()) == ["AKIAold"]


def done(account: Account, what: str, at: datetime, number: int) -> tuple[Account, Sequence[AccountChange]]:
    """The account with what is done to it by hand, or else the events of a question. Raises refusals."""
    rotation = account[KEY_ROTATIONS].get(ANN)
    old = "AKIAold" if rotation is None else rotation.old_access_key_id
    new = "AKIAnone" if rotation is None else rotation.new_access_key_id
    match what.split():
        case ["start", *replacing]:
            return account, start(account, f"AKIA{number}", replaces=new if replacing else None)
        case ["hand-over"]:
            return account, key_rotations.hand_over(account, user_id=ANN, new_access_key_id=new, to="file")
        case ["advance", *forced]:
            return account, advance(account, at, force=bool(forced))
        case ["stop"]:
            return account, key_rotations.stop(account, user_id=ANN, reason=None)
        case [verb, which]:
            key_id = old if which == "old" else new
            if verb != "use":
                return by_hand(account, key_id, verb, at), ()
            key = account[ACCESS_KEYS].by_id.get(key_id)
            can = key is not None and key.status == "Active" and is_news(account[LAST_USES], key_id, at)
            return used(account, key_id, at) if can else account, ()
    raise AssertionError(what)


DOINGS = (
    *("start", "start replacing", "hand-over", "advance", "advance forced", "stop", "use new", "use old"),
    *("delete old", "delete new", "activate old", "deactivate old", "deactivate new"),
)
PAUSES = (timedelta(), timedelta(minutes=20), 3 * DAY)


@given(st.lists(st.tuples(st.sampled_from(DOINGS), st.sampled_from(PAUSES)), max_size=30))
def test_whatever_happens(doings: list[tuple[str, timedelta]]) -> None:
    """By whatever calls, in whatever order: a rotation deactivates the old key only if it is forced, or the new one
    signed after its handover; it deletes it only when it was inactive for all the observation, and no other key that
    has ever signed; there are never more than two."""
    account, at = one_key(), AT
    for number, (what, pause) in enumerate(doings):
        at += pause
        rotation = account[KEY_ROTATIONS].get(ANN)
        try:
            account, events = done(account, what, at, number)
        except Refusal:
            continue
        for event in events:
            if isinstance(event, AccessKeyDeactivated):
                assert rotation is not None
                assert event.access_key_id == rotation.old_access_key_id
                assert rotation.handed_over_at is not None
                seen = account[LAST_USES].get(rotation.new_access_key_id)
                assert what == "advance forced" or (seen is not None and seen.at >= rotation.handed_over_at)
            if isinstance(event, AccessKeyDeleted) and rotation is not None:
                key = account[ACCESS_KEYS].by_id[event.access_key_id]
                if key.id == rotation.old_access_key_id:
                    assert (key.status, key.changed_at <= at - 7 * DAY) == ("Inactive", True)
                else:
                    assert key.id not in account[LAST_USES]
        account = after(account, *events, at=at)
        assert len(account[ACCESS_KEYS].of(ANN)) <= 2
