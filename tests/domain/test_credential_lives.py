"""Where credentials stand in their lives."""

from datetime import datetime, timedelta

import pytest

from domain.account import Account, AccountClosed
from domain.families.access_keys import AccessKeyActivated, AccessKeyCreated
from domain.families.exemptions import ExemptionGranted
from domain.families.leak_reports import CredentialReportedLeaked
from domain.families.lifecycle_profiles import LifecycleProfileSet
from domain.families.passwords import LoginProfileCreated
from domain.families.server_certificates import ServerCertificateUploaded
from domain.foundation.errors import NoSuchEntity, ValidationError
from domain.queries.credential_lives import held_credentials, lifecycle_of
from domain.queries.named import credential_holder
from domain.queries.protected_credentials import protection
from domain.read_models.credentials import CredentialLifecycle
from domain.rules.lifecycle import LifecycleCandidates, due_events
from domain.rules.lifecycle_profiles import BUILT_IN_PROFILES, read_profile
from tests.domain.accounts import ACCOUNT, AT, after, new_account, user_arn, with_role, with_users

DAY = timedelta(days=1)
KEY = AccessKeyCreated(access_key_id="AKIA1", user_id="AIDAann", user_name="ann")
PASSWORD = LoginProfileCreated(user_id="AIDAann", user_name="ann", password_id="AIPW1", reset_required=False)


def lives(account: Account, days: int) -> dict[str, CredentialLifecycle]:
    return {held.kind: lifecycle_of(account, held, AT + days * DAY) for held in held_credentials(account)}


def stands(life: CredentialLifecycle) -> list[tuple[str, int]]:
    return [(step.what, (step.at - AT).days) for step in life.stands]


def uploaded(name: str, expires_at: datetime) -> ServerCertificateUploaded:
    return ServerCertificateUploaded(
        server_certificate_id=f"ASCA{name}", server_certificate_name=name, path="/", expires_at=expires_at,
        fingerprint="f", body_sha256="0" * 64, secret_id="s",
    )  # fmt: skip


def test_a_key_through_its_life() -> None:
    """A later notice takes the place of those that it makes plain; whoever has to act by when, and what comes next."""
    account = after(with_users(new_account(), "ann"), KEY)
    by_day = {days: lives(account, days)["access_key"] for days in (0, 80, 95, 105)}
    assert [stands(life) for life in by_day.values()] == [
        [],
        [("idle", 45), ("rotation_warned", 76)],
        [("idle", 45), ("rotation_due", 90)],
        [("idle", 45), ("rotation_overdue", 104)],
    ]
    assert [life.next and life.next.what for life in by_day.values()] == [
        "idle", "rotation_due", "rotation_overdue", None,
    ]  # fmt: skip
    due = {(life.due.what, life.due.rule, life.due.version) for life in by_day.values() if life.due is not None}
    assert due == {("rotation_due", "access_key_rotation_due", BUILT_IN_PROFILES["default"].version)}


def test_what_a_profile_does() -> None:
    """The action comes before the notice of the same time; it is withheld of what is protected; and what somebody has
    activated again is not to be deactivated for the same reason."""
    rules = '{"name": "team", "rules": {"access_key": {"max_age_days": 30, "when_overdue": {"action": "deactivate"}}}}'
    account = after(with_users(new_account(), "ann"), LifecycleProfileSet(profile=read_profile(rules)), KEY)
    alone = lives(account, 29)["access_key"]
    assert alone.next is not None
    assert (alone.next.what, alone.next.action, alone.next.protects) == (
        "withheld", "deactivate", "last working credential",
    )  # fmt: skip
    assert ("withheld", 30) in stands(lives(account, 31)["access_key"])
    account = after(account, PASSWORD)
    assert ("deactivated", 30) in stands(lives(account, 31)["access_key"])
    account = due_events(account, LifecycleCandidates(["AIDAann"]), AT + 31 * DAY, protection).account
    assert (lives(account, 32)["access_key"].active, stands(lives(account, 32)["access_key"])) == (False, [])
    again = AccessKeyActivated(access_key_id="AKIA1", user_id="AIDAann", user_name="ann")
    account = after(account, again, at=AT + 33 * DAY)
    assert stands(lives(account, 34)["access_key"]) == [("rotation_overdue", 30)]


def test_of_two_keys_one_is_withheld() -> None:
    """Both are overdue: the scheduler deactivates the older one alone, and so it is told before."""
    rules = '{"name": "team", "rules": {"access_key": {"max_age_days": 30, "when_overdue": {"action": "deactivate"}}}}'
    account = after(with_users(new_account(), "ann"), LifecycleProfileSet(profile=read_profile(rules)), KEY)
    account = after(account, KEY.model_copy(update={"access_key_id": "AKIA2"}), at=AT + DAY)
    for days in (20, 40):
        older, younger = (
            next(step for step in (life.next, *life.stands) if step is not None and step.action is not None)
            for held in held_credentials(account)
            if held.kind == "access_key"
            for life in [lifecycle_of(account, held, AT + days * DAY)]
        )
        assert (older.what, younger.what, younger.protects) == ("deactivated", "withheld", "last working credential")


def test_every_kind_and_what_is_exempt() -> None:
    """Certificates, roles and users are there too; an exemption is told until it ends, an expiry all the same; in a
    closed account time stands still."""
    exempt = ExemptionGranted(
        exemption_id="EXMP1", owner_id="ASCAweb", owner_name="web", kinds=(), reason="r", until=AT + 20 * DAY
    )
    account = with_role(after(with_users(new_account(), "ann"), KEY, PASSWORD, uploaded("web", AT + 9 * DAY)), "ci")
    account = after(account, exempt)
    found = lives(account, 10)
    assert sorted(found) == ["access_key", "password", "role", "server_certificate", "user"]
    assert [kind for kind, life in found.items() if life.use_recorded] == ["access_key", "role", "user"]
    assert stands(found["server_certificate"]) == [("expired", 9)]
    assert found["server_certificate"].exempt_until == AT + 20 * DAY
    assert lives(account, 20)["server_certificate"].exempt_until is None
    closed = after(account, AccountClosed(), at=AT + 8 * DAY)
    assert stands(lives(closed, 400)["access_key"]) == []


def test_what_an_exemption_keeps_back() -> None:
    """Comes at its end, so that nobody who asks what is due by then misses it; an end comes in its own time."""
    exempt = {"exemption_id": "EXMP1", "kinds": (), "reason": "r", "until": AT + 100 * DAY}
    account = after(with_users(new_account(), "ann"), KEY, uploaded("web", AT + 50 * DAY))
    for owner_id, name in (("AIDAann", "ann"), ("ASCAweb", "web")):
        account = after(account, ExemptionGranted(**exempt, owner_id=owner_id, owner_name=name))
    for days, due in ((10, 100), (95, 100), (101, 90)):
        life = lives(account, days)["access_key"]
        assert life.due is not None
        assert (life.due.what, (life.due.at - AT).days) == ("rotation_due", due)
    kept_back, ends = (lives(account, 40)[kind].next for kind in ("access_key", "server_certificate"))
    assert kept_back is not None
    assert ends is not None
    assert [(kept_back.what, kept_back.at), (ends.what, ends.at)] == [
        ("rotation_due", AT + 100 * DAY), ("expired", AT + 50 * DAY),
    ]  # fmt: skip


def test_a_key_that_has_leaked() -> None:
    """Is told apart, with the time of the first report, whatever else becomes of it."""
    key = {"credential_id": "AKIA1", "owner_id": "AIDAann", "owner_name": "ann", "reporter": "operator"}
    made = AccessKeyCreated(access_key_id="AKIA1", user_id="AIDAann", user_name="ann")
    account = after(with_users(new_account(), "ann"), made)
    assert lives(account, 1)["access_key"].reported_leaked_at is None
    for day in (2, 3):
        account = after(account, CredentialReportedLeaked(**key, url=f"https://example.com/{day}"), at=AT + day * DAY)
    assert lives(account, 4)["access_key"].reported_leaked_at == AT + 2 * DAY


def test_whose_credentials_are_meant() -> None:
    """By name, kind and name, ARN or id; root; of two of one name it has to be said which; the nearest is named."""
    account = with_role(after(with_users(new_account(), "ann", "ci"), uploaded("web", AT + DAY)), "ci")
    for name in ("ann", "user/ann", user_arn("ann"), "AIDAann"):
        assert credential_holder(account, name) == "AIDAann"
    for name in ("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"):
        assert credential_holder(account, name) == ACCOUNT
    for name in ("web", "server-certificate/web", "ASCAweb"):
        assert credential_holder(account, name) == "ASCAweb"
    assert credential_holder(account, "role/ci") == "AROAci"
    with pytest.raises(ValidationError, match="say which, role/ci or user/ci"):
        credential_holder(account, "ci")
    with pytest.raises(NoSuchEntity, match="is called anne") as refused:
        credential_holder(account, "anne")
    assert refused.value.suggestion == " The nearest is ann."
