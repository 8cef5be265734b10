"""Forecasts: what a profile would do equals what the scheduler then does."""

import json
from datetime import datetime, timedelta
from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account
from domain.families.access_keys import AccessKeyCreated
from domain.families.credential_use import CredentialUsed
from domain.families.exemptions import ExemptionGranted
from domain.families.lifecycle_profiles import LifecycleProfile, LifecycleProfileSet
from domain.families.notices import Notice, PolicyActionWithheld
from domain.families.passwords import LoginProfileCreated, PasswordPolicyUpdated
from domain.families.policies import PolicyAttached
from domain.foundation.errors import LimitExceeded
from domain.queries import lifecycle_forecast
from domain.queries.credential_lives import credential_holders
from domain.queries.lifecycle_forecast import compare_profiles, forecast
from domain.queries.protected_credentials import protection
from domain.rules.lifecycle import LifecycleCandidates, due_events, next_wake
from domain.rules.lifecycle_profiles import BUILT_IN_PROFILES, profile_in_force, read_profile
from tests.domain.accounts import ACCOUNT, ADMINISTRATOR_ACCESS, AT, after, new_account, with_role, with_users

DAY = timedelta(days=1)
USED = {"credential": "access_key", "service": "sts", "region": "eu-west-1"}


def team(rules: object) -> LifecycleProfile:
    return read_profile(json.dumps({"name": "team", "rules": rules}))


def key(name: str, user: str) -> AccessKeyCreated:
    return AccessKeyCreated(access_key_id=f"AKIA{name}", user_id=f"AIDA{user}", user_name=user)


def admin(user: str) -> PolicyAttached:
    named = {"entity": "user", "entity_id": f"AIDA{user}", "entity_name": user}
    return PolicyAttached.model_validate({**named, "policy_arn": ADMINISTRATOR_ACCESS, "policy_id": "ANPA"})


def ticked(account: Account, profile: LifecycleProfile, at: datetime, until: datetime) -> list[tuple[str, ...]]:
    """What a scheduler records that comes by when it is woken, as it wakes itself."""
    account, found = after(account, LifecycleProfileSet(profile=profile), at=at), []
    waking = [(at, holder) for holder in sorted(credential_holders(account))]
    while waking:
        now, holder = heappop(waking)
        due = due_events(account, LifecycleCandidates(subjects=(holder,)), now, protection)
        account = due.account
        found += [_told(event, now) for event in due.events if isinstance(event, Notice)]
        following = next_wake(account, holder, now)
        if following is not None and following <= until:
            heappush(waking, (following, holder))
    return sorted(found)


def _told(event: Notice, at: datetime) -> tuple[str, ...]:
    protects = event.protects if isinstance(event, PolicyActionWithheld) else ""
    return at.isoformat(), event.credential_id, event.key, event.due_at.isoformat(), event.rule.name, protects


DEADLINES = st.sampled_from([
    {"action": "record"}, {"action": "deactivate"}, {"action": "deactivate", "delete_after_days": 4},
])  # fmt: skip
KEY_RULES = st.fixed_dictionaries({
    "max_age_days": st.integers(8, 20), "warn_before_days": st.sampled_from([[], [3], [7, 1]]),
    "overdue_after_days": st.integers(0, 3), "overlap_days": st.integers(1, 9), "max_idle_days": st.integers(3, 12),
    "when_overdue": DEADLINES, "when_idle": DEADLINES,
})  # fmt: skip
PROFILES = st.builds(
    lambda rules, password: team({"access_key": rules, "user": {"max_idle_days": 9}, **password}),
    KEY_RULES,
    st.sampled_from([{}, {"password": {"max_age_days": 6}}]),
)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """Two users with keys, passwords, uses and exemptions, either perhaps an administrator, and root."""
    account = with_role(with_users(new_account(), "ann", "bob"), "ci")
    if draw(st.booleans()):
        account = after(account, PasswordPolicyUpdated.model_validate(POLICY))
    for user in ("ann", "bob"):
        if draw(st.booleans()):
            account = after(account, admin(user))
        if draw(st.booleans()):
            password = {"user_id": f"AIDA{user}", "user_name": user, "password_id": f"AIPW{user}"}
            account = after(account, LoginProfileCreated(**password, reset_required=False))
        for number in range(draw(st.integers(0, 2))):
            at = AT + draw(st.integers(0, 4)) * DAY
            account = after(account, key(f"{user}{number}", user), at=at)
            if draw(st.booleans()):
                used = CredentialUsed(credential_id=f"AKIA{user}{number}", **USED)
                account = after(account, used, at=at + draw(st.integers(0, 3)) * DAY)
        if draw(st.booleans()):
            until = AT + draw(st.integers(8, 30)) * DAY
            exempt = {"exemption_id": f"EXMP{user}", "owner_id": f"AIDA{user}", "owner_name": user}
            account = after(account, ExemptionGranted(**exempt, kinds=("access_key",), reason="r", until=until))
    if draw(st.booleans()):
        root = AccessKeyCreated(access_key_id="AKIAroot", user_id=ACCOUNT, user_name=ACCOUNT)
        account = after(account, root)
    return account


POLICY = {
    "minimum_password_length": 8, "require_symbols": False, "require_numbers": False,
    "require_uppercase_characters": False, "require_lowercase_characters": False,
    "allow_users_to_change_password": True, "max_password_age": 14, "password_reuse_prevention": None,
    "hard_expiry": False,
}  # fmt: skip


@given(accounts(), PROFILES, PROFILES, st.integers(7, 20))
def test_a_forecast_is_what_comes(
    account: Account, in_force: LifecycleProfile, proposed: LifecycleProfile, days: int
) -> None:
    """Of the profile in force and of another in its place, the scheduler records just what was foretold, and then."""
    began = after(account, LifecycleProfileSet(profile=in_force), at=AT)
    at, until = AT + days * DAY, AT + (days + 40) * DAY
    found = forecast(began, in_force, AT, at)
    assert sorted(_told(event, each.at) for event, each in found) == ticked(began, in_force, AT, at)
    newer = proposed.model_copy(update={"version": 2})
    found = forecast(account, newer, at, until)
    assert sorted(_told(event, each.at) for event, each in found) == ticked(account, newer, at, until)


def test_two_administrators_do_not_both_go() -> None:
    """What is withheld follows from what the profile has done before: the second of the two keys stays."""
    account = after(
        with_users(new_account(), "ann", "bob"), admin("ann"), admin("bob"), key("1", "ann"), key("2", "bob")
    )
    for user in ("ann", "bob"):
        password = {"user_id": f"AIDA{user}", "user_name": user, "password_id": f"AIPW{user}"}
        account = after(account, LoginProfileCreated(**password, reset_required=False))
    rules = {"access_key": {"max_age_days": 30, "when_overdue": {"action": "deactivate"}}}
    rows = compare_profiles(account, team(rules), AT, AT + 60 * DAY)
    acts = [(row.credential_id, row.what, row.proposed.protects) for row in rows if row.proposed is not None]
    assert [each for each in acts if each[1] in {"deactivated", "withheld"}] == [
        ("AKIA1", "deactivated", None),
        ("AKIA2", "withheld", "last administrator"),
    ]


def test_what_makes_a_difference() -> None:
    """What either profile alone tells, what both tell at another time, and what is the same; past ones at once."""
    account = after(with_users(new_account(), "ann"), key("1", "ann"))
    same = compare_profiles(account, profile_in_force(account).profile, AT, AT + 400 * DAY)
    assert {row.change for row in same} == {"none"}
    rules = {"access_key": {"max_age_days": 90, "max_idle_days": 30}}
    rows = compare_profiles(account, team(rules), AT + 40 * DAY, AT + 120 * DAY)
    assert {(row.what, row.change) for row in rows} == {
        ("idle", "moved"), ("rotation_warned", "dropped"), ("rotation_due", "none"), ("rotation_overdue", "moved"),
    } | {("idle", "dropped")}  # fmt: skip
    idle = next(row for row in rows if row.change == "moved" and row.what == "idle")
    assert idle.proposed is not None
    assert (idle.proposed.at, idle.proposed.due_at) == (AT + 40 * DAY, AT + 30 * DAY)


def test_a_forecast_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of holders and of notices: one more is refused, none is left out."""
    account = after(with_users(new_account(), "ann"), key("1", "ann"))
    default = BUILT_IN_PROFILES["default"]
    monkeypatch.setattr(lifecycle_forecast, "HOLDERS_MAX", 2)
    count = len(list(forecast(account, default, AT, AT + 400 * DAY)))
    monkeypatch.setattr(lifecycle_forecast, "EVENTS_MAX", count)
    assert len(list(forecast(account, default, AT, AT + 400 * DAY))) == count
    monkeypatch.setattr(lifecycle_forecast, "EVENTS_MAX", count - 1)
    with pytest.raises(LimitExceeded, match="shorter time"):
        list(forecast(account, default, AT, AT + 400 * DAY))
    monkeypatch.setattr(lifecycle_forecast, "HOLDERS_MAX", 1)
    with pytest.raises(LimitExceeded, match="at most 1 users"):
        list(forecast(account, default, AT, AT + DAY))
