"""Profiles: which rules are in force, whom they concern, what they do, and what keeps them from doing it."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account, AccountClosed
from domain.credential_kinds import credentials_of
from domain.families.access_keys import (
    ACCESS_KEYS,
    AccessKeyActivated,
    AccessKeyCreated,
    AccessKeyDeactivated,
    AccessKeyDeleted,
    AccessKeyStatus,
)
from domain.families.credential_use import CredentialUsed
from domain.families.exemptions import ExemptionExpired, ExemptionGranted, exemptions_of
from domain.families.lifecycle_profiles import LifecycleProfileSet
from domain.families.notices import (
    NOTICES,
    CredentialDeactivatedByPolicy,
    CredentialDeletedByPolicy,
    CredentialExpired,
    CredentialIdle,
    ExpiryWarned,
    Notice,
    PolicyActionWithheld,
    RotationCompleted,
    RotationDue,
    RotationOverdue,
    RotationOverlapExceeded,
    RotationWarned,
)
from domain.families.passwords import LoginProfileCreated, LoginProfileDeleted
from domain.families.server_certificates import ServerCertificateUploaded
from domain.families.user_credentials import (
    ServiceSpecificCredentialCreated,
    ServiceSpecificCredentialReset,
    SigningCertificateUploaded,
    UserCredentialDeleted,
)
from domain.foundation.events import Change, Event
from domain.foundation.secret import SecretId, SecretKind
from domain.queries.protected_credentials import protection
from domain.rules import access_keys
from domain.rules.lifecycle import WORK_A_CALL_MAX, DueEvents, LifecycleCandidates, due_events, next_wake
from domain.rules.lifecycle_profiles import read_profile, set_profile
from tests.domain.accounts import AT, after, new_account, with_role, with_users
from tests.domain.test_lifecycle import policy

DAY = timedelta(days=1)
ANN = "AIDAann"
USED = {"credential": "access_key", "service": "sts", "region": "eu-west-1"}


def key(name: str, user: str = "ann") -> AccessKeyCreated:
    return AccessKeyCreated(access_key_id=f"AKIA{name}", user_id=f"AIDA{user}", user_name=user)


def profile(rules: object, **more: object) -> LifecycleProfileSet:
    return LifecycleProfileSet(profile=read_profile(json.dumps({"name": "team", "rules": rules, **more})))


def due(account: Account, at: datetime, *subjects: str) -> DueEvents:
    return due_events(account, LifecycleCandidates(subjects or (ANN,)), at, protection)


def recorded(account: Account, at: datetime, *subjects: str) -> tuple[Account, list[Event]]:
    found = due(account, at, *subjects)
    return after(account, *(event for event in found.events if isinstance(event, Change)), at=at), found.events


def told(events: Sequence[Event]) -> list[tuple[object, float]]:
    return [(type(event), (event.due_at - AT) / DAY) for event in events if isinstance(event, Notice)]


def withheld(found: DueEvents) -> list[str]:
    return [event.protects for event in found.events if isinstance(event, PolicyActionWithheld)]


def ann(rules: object, *events: Change, **more: object) -> Account:
    return after(with_users(new_account(), "ann"), profile(rules, **more), *events)


DEACTIVATING = {
    "access_key": {
        "max_age_days": 90,
        "overlap_days": 7,
        "when_overdue": {"action": "deactivate", "delete_after_days": 30},
    }
}


def test_every_warning_is_told_once() -> None:
    """However many there are, and in whatever order the profile has them."""
    account = ann({"access_key": {"max_age_days": 90, "warn_before_days": [3, 14, 1]}}, key("1"))
    account, events = recorded(account, AT + 80 * DAY)
    assert told(events) == [(RotationWarned, 76)]
    account, events = recorded(account, AT + 400 * DAY)
    assert told(events) == [(RotationWarned, 87), (RotationWarned, 89), (RotationDue, 90), (RotationOverdue, 90)]
    assert due(account, AT + 500 * DAY).events == []


def test_idle_users_and_roles() -> None:
    """A user is used by its keys, those of the past too; a role by being assumed; never used counts from creation."""
    rules = {"user": {"max_idle_days": 45}, "role": {"max_idle_days": 45}}
    account = with_role(ann(rules, key("1")), "worker")
    used = after(account, CredentialUsed(credential_id="AKIA1", **USED), at=AT + 10 * DAY)
    gone = after(used, AccessKeyDeleted(access_key_id="AKIA1", user_id=ANN, user_name="ann"), at=AT + 11 * DAY)
    for each in (used, gone):
        assert told(due(each, AT + 60 * DAY).events) == [(CredentialIdle, 55)]
    found = due(account, AT + 60 * DAY, ANN, "AROAworker").events
    assert told(found) == [(CredentialIdle, 45)] * 2
    assert [event.describe() for event in found if isinstance(event, CredentialIdle)] == [
        "User ann used no access key for 45 days.", "Role worker was not used for 45 days.",
    ]  # fmt: skip


def test_what_ends_by_itself() -> None:
    """Is told before by the profile, and at its end whatever the profile says."""
    ends = AT + 100 * DAY
    certificate = ServerCertificateUploaded(
        server_certificate_id="ASCA1", server_certificate_name="web", path="/", expires_at=ends, fingerprint="f",
        body_sha256="0" * 64, secret_id="s",
    )  # fmt: skip
    account = ann({"server_certificate": {"warn_before_days": [30, 7]}}, certificate)
    _, events = recorded(account, ends, "ASCA1")
    assert told(events) == [(ExpiryWarned, 70), (ExpiryWarned, 93), (CredentialExpired, 100)]
    _, events = recorded(ann({}, certificate), ends, "ASCA1")
    assert told(events) == [(CredentialExpired, 100)]


def test_another_password_of_a_service_begins_anew() -> None:
    """The age of a service-specific credential counts from its last reset."""
    named = {"credential_id": "ACCA1", "user_id": ANN, "user_name": "ann"}
    created = ServiceSpecificCredentialCreated(**named, service_name="s", service_user_name="n", secret_id="1")
    account = ann({"service_specific_credential": {"max_age_days": 90}}, created)
    account = after(account, ServiceSpecificCredentialReset(**named, secret_id="2"), at=AT + 50 * DAY)
    assert told(due(account, AT + 139 * DAY).events) == []
    assert told(due(account, AT + 140 * DAY).events) == [(RotationDue, 140), (RotationOverdue, 140)]


def test_overdue_is_deactivated_and_deleted() -> None:
    """Where another key works: the deactivation with its rule before it, and after the observation the deletion, with
    the secret."""
    account = after(ann(DEACTIVATING, key("1")), key("2"), at=AT + 85 * DAY)
    account, events = recorded(account, AT + 90 * DAY)
    assert [type(event) for event in events] == [
        RotationDue, RotationOverdue, CredentialDeactivatedByPolicy, RotationCompleted, AccessKeyDeactivated,
    ]  # fmt: skip
    assert account[ACCESS_KEYS].by_id["AKIA1"].status == "Inactive"
    assert next_wake(account, ANN, AT + 90 * DAY) == AT + 120 * DAY
    account, events = recorded(account, AT + 119 * DAY)
    assert events == []
    found = due(account, AT + 121 * DAY)
    assert [type(event) for event in found.events] == [CredentialDeletedByPolicy, AccessKeyDeleted]
    assert found.destroyed_secrets == [SecretId(SecretKind.ACCESS_KEY, "AKIA1")]


def test_a_person_has_the_last_word() -> None:
    """What somebody has activated again, or deactivated himself, is neither deactivated again for the same reason nor
    deleted."""
    named = {"access_key_id": "AKIA1", "user_id": ANN, "user_name": "ann"}
    account = after(ann(DEACTIVATING, key("1")), key("2"), at=AT + 89 * DAY)
    account, _ = recorded(account, AT + 90 * DAY)
    account = after(account, AccessKeyActivated(**named), at=AT + 91 * DAY)
    account, events = recorded(account, AT + 96 * DAY)
    assert told(events) == [(RotationOverlapExceeded, 96), (CredentialDeactivatedByPolicy, 96)]
    account = after(account, AccessKeyActivated(**named), at=AT + 97 * DAY)
    account = after(account, AccessKeyDeactivated(**named), at=AT + 98 * DAY)
    assert due(account, AT + 178 * DAY).events == []


def test_a_call_is_bounded() -> None:
    """Of many of whom much is due, the first are looked at, and it is told who they are; the others go on from there,
    to the same in all."""
    names = [f"user{number}" for number in range(80)]
    rules = {"access_key": {"max_age_days": 90, "warn_before_days": [1, 2, 3, 4, 5]}}
    account = after(with_users(new_account(), *names), profile(rules), *(key(name, name) for name in names))
    left, events = [f"AIDA{name}" for name in names], 0
    while left:
        found = due_events(account, LifecycleCandidates(left), AT + 90 * DAY, protection)
        assert 0 < len(found.events) < WORK_A_CALL_MAX / 10 + 7
        assert found.looked_at == left[: len(found.looked_at)]
        left, events = left[len(found.looked_at) :], events + len(found.events)
    assert events == 80 * 7
    closed = after(account, AccountClosed())
    assert due_events(closed, LifecycleCandidates(names), AT + DAY, protection).looked_at == names


def test_an_exemption_ends_by_itself() -> None:
    """Until then nothing is told; afterwards everything, with its true due time; and its end is told itself."""
    granted = ExemptionGranted(
        exemption_id="X1", owner_id=ANN, owner_name="ann", kinds=("access_key",), reason="moving", until=AT + 120 * DAY
    )
    account = ann({"access_key": {"max_age_days": 90}, "user": {"max_idle_days": 100}}, key("1"), granted)
    account, events = recorded(account, AT + 119 * DAY)
    assert told(events) == [(CredentialIdle, 100)]
    assert next_wake(account, ANN, AT + 119 * DAY) == AT + 120 * DAY
    account, events = recorded(account, AT + 121 * DAY)
    assert isinstance(events[0], ExemptionExpired)
    assert events[0].due_at == AT + 120 * DAY
    assert told(events) == [(RotationDue, 90), (RotationOverdue, 90)]
    assert not exemptions_of(account, ANN)
    assert due(account, AT + 122 * DAY).events == []


def test_a_rotation_is_complete() -> None:
    """When the older of two keys is deactivated or deleted, and not when the younger one is, or one alone."""
    account = after(ann({}, key("1")), key("2"), at=AT + DAY)

    def kinds(access_key_id: str) -> list[type]:
        named = {"user_id": ANN, "access_key_id": access_key_id}
        deactivated = access_keys.update_access_key(account, status="Inactive", **named)
        assert [type(each) for each in deactivated][:-1] == [type(each) for each in deleted(account, named)][:-1]
        return [type(each) for each in deactivated]

    def deleted(of: Account, named: dict[str, str]) -> Sequence[Event]:
        return access_keys.delete_access_key(of, **named)

    assert kinds("AKIA1") == [RotationCompleted, AccessKeyDeactivated]
    assert kinds("AKIA2") == [AccessKeyDeactivated]
    inactive = after(
        account, *access_keys.update_access_key(account, user_id=ANN, access_key_id="AKIA1", status="Inactive")
    )
    assert len(deleted(inactive, {"user_id": ANN, "access_key_id": "AKIA1"})) == 1


def test_what_is_deleted_does_not_expire() -> None:
    """Where nobody looked until both were due, the deletion comes first, and the rest of the account goes on."""
    named = {"credential_id": "ACCA1", "user_id": ANN, "user_name": "ann"}
    certificate = SigningCertificateUploaded(**named, fingerprint="f", body_sha256="0" * 64, expires_at=AT + 100 * DAY)
    rules = {"signing_certificate": {"max_age_days": 60, "when_overdue": DEACTIVATING["access_key"]["when_overdue"]}}
    account, _ = recorded(ann(rules, key("1"), certificate), AT + 61 * DAY)
    account, events = recorded(account, AT + 110 * DAY)
    assert [type(event) for event in events] == [CredentialDeletedByPolicy, UserCredentialDeleted]


def test_a_rule_that_is_back_repeats_nothing() -> None:
    """What it has told of a credential is known, whatever other rules have told in between; so is what another version
    with as many days has told."""
    account = ann({"access_key": {"max_age_days": 90}}, key("1"))
    seen = []
    for version, days in enumerate((90, 60, 90, 60, 90)):
        rules = {"access_key": {"max_age_days": days}, "mfa_device": {"max_age_days": 1 + version}}
        account, events = recorded(after(account, profile(rules)), AT + (100 + version) * DAY)
        seen += told(events)
    assert seen == [(RotationDue, 90), (RotationOverdue, 90), (RotationDue, 60), (RotationOverdue, 60)]
    password = LoginProfileCreated(user_id=ANN, user_name="ann", password_id="AIPW1", reset_required=False)
    account, seen = ann({"password": {"max_age_days": 3_000, "warn_before_days": [7]}}, password), []
    for number, days in enumerate((90, 60, 90, 60)):
        account, events = recorded(after(account, policy(days)), AT + (100 + number) * DAY)
        seen += told(events)
    assert seen == [(ExpiryWarned, 83), (CredentialExpired, 90), (ExpiryWarned, 53), (CredentialExpired, 60)]


def test_older_ledgers_tell_a_thing_twice() -> None:
    """They did when a former password policy was back, and are read all the same."""
    password = LoginProfileCreated(user_id=ANN, user_name="ann", password_id="AIPW1", reset_required=False)
    account, (expired,) = recorded(ann({}, password, policy(90)), AT + 90 * DAY)
    assert isinstance(expired, CredentialExpired)
    assert after(account, expired)[NOTICES] == account[NOTICES]


STEPS = st.sampled_from(
    [
        "use 1",
        "use 2",
        "second key",
        "deactivate 1",
        "activate 1",
        "delete 2",
        "password",
        "exempt",
        "tag",
        "tighten",
        "relax",
    ]
)


@given(st.lists(st.tuples(STEPS, st.integers(0, 30)), max_size=12))
def test_nobody_is_woken_too_late(steps: list[tuple[str, int]]) -> None:
    """Whoever looks again only when something has changed that is not a use, or when it was said to, records the same
    events at the same times as whoever looks every hour or so."""
    patient = eager = ann(DEACTIVATING | {"user": {"max_idle_days": 20}}, key("1"))
    at, wake = AT, next_wake(patient, ANN, AT)
    seen: list[list[tuple[datetime, Event]]] = [[], []]

    def look(until: datetime) -> None:
        nonlocal at, patient, eager, wake
        while at < until:
            at += DAY / 4
            eager, events = recorded(eager, at)
            seen[1] += [(at, event) for event in events]
            if wake is not None and wake <= at:
                patient, events = recorded(patient, at)
                seen[0] += [(at, event) for event in events]
                wake = next_wake(patient, ANN, at)

    for step, days in [*steps, ("relax", 0)]:
        look(at + days * DAY)
        changes = _step(patient, step, at)
        patient, eager = after(patient, *changes, at=at), after(eager, *changes, at=at)
        if not step.startswith("use"):
            wake = at
    look(at + 150 * DAY)
    assert seen[0] == seen[1]
    assert patient == eager


def _step(account: Account, step: str, at: datetime) -> Sequence[Change]:  # noqa: PLR0911  one case a step
    name, _, number = step.partition(" ")
    keys = account[ACCESS_KEYS].by_id
    named = {"user_id": ANN, "access_key_id": f"AKIA{number}"}
    has = f"AKIA{number}" in keys
    match name:
        case "use":
            return [CredentialUsed(credential_id=f"AKIA{number}", **USED)] if has else []
        case "second":
            return [] if "AKIA2" in keys else [key("2")]
        case "deactivate" | "activate":
            status: AccessKeyStatus = "Active" if name == "activate" else "Inactive"
            return access_keys.update_access_key(account, status=status, **named) if has else []
        case "delete":
            return access_keys.delete_access_key(account, **named) if has else []
        case "password":
            password = {"user_id": ANN, "user_name": "ann"}
            if any(held.kind == "password" for held in credentials_of(account, ANN)):
                return [LoginProfileDeleted(**password)]
            return [LoginProfileCreated(**password, password_id="AIPW1", reset_required=False)]
        case "exempt":
            granted = {"exemption_id": f"X{len(exemptions_of(account, ANN))}", "owner_id": ANN, "owner_name": "ann"}
            return [ExemptionGranted(**granted, kinds=(), reason="r", until=at + 25 * DAY)]
        case _:
            rules = {"access_key": {"max_age_days": 30 if name == "tighten" else 120, "max_idle_days": 15}}
            return set_profile(account, profile(rules).profile)
