"""AWS's credential report and our checks read the same account: what the one shows, the other finds."""

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings

from domain.account import Account
from domain.compliance.check import CheckCriterion, holders
from domain.compliance.frameworks import load_checks
from domain.families.access_keys import ACCESS_KEYS
from domain.families.users import USERS
from domain.foundation.events import Entry
from domain.queries.credential_report import ROOT, credential_report
from tests.histories import folded, histories
from tests.people import people

load_checks()
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LATER = (timedelta(), 45 * DAY - SECOND, 45 * DAY, 90 * DAY - SECOND, 90 * DAY)
"""Looked at so long after each entry, if nothing happens meanwhile."""


class Shown(NamedTuple):
    """An access key as the report shows it: without its id, but in the order of ListAccessKeys."""

    id: str
    active: bool
    rotated: datetime
    used: datetime | None

    def is_old(self, at: datetime, days: int) -> bool:
        return self.active and at - self.rotated >= days * DAY

    def is_unused(self, at: datetime, days: int) -> bool:
        return self.active and at - (self.used or self.rotated) >= days * DAY


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(first=[people]))
def test_the_report_shows_what_the_checks_find(ledger: list[Entry]) -> None:
    """At every position and as time goes on, of everybody. Where they differ it is by the report's own words: a key
    was last rotated when its status was last changed, and to the checks it is as old as it is."""
    for entry in ledger:
        account = folded(ledger[: entry.position])
        if not account.is_open:
            continue
        rows = {row["user"]: row for row in csv.DictReader(credential_report(account).decode().split("\n"))}
        assert rows.keys() == {ROOT, *(user.name for user in account[USERS])}
        for later in LATER:
            # The report has whole seconds: at the end of one it has come to what is found within it.
            at = entry.at.replace(microsecond=999_999) + later
            for user in account[USERS]:
                _compare_user(account, user.id, rows[user.name], at)
            _compare_root(account, rows[ROOT], at)


def _compare_user(account: Account, user_id: str, row: dict[str, str], at: datetime) -> None:
    found, keys = _found(account, user_id, at), list(_keys(account, user_id, row))
    for key in keys:
        was_changed = key.rotated > account[ACCESS_KEYS].by_id[key.id].created_at.replace(microsecond=0)
        is_old, is_unused = (key.id in found[check] for check in ("access_key_age", "access_key_unused"))
        assert is_old == key.is_old(at, 90) or (is_old and was_changed)
        assert is_unused == key.is_unused(at, 45) or (is_unused and was_changed and key.used is None)
    has_password, has_mfa = row["password_enabled"] == "true", row["mfa_active"] == "true"
    assert bool(found["password_without_mfa"]) == (has_password and not has_mfa)
    assert bool(found["user_without_mfa"]) == (not has_mfa)
    never_used = {key.id for key in keys if key.active and key.used is None}
    assert found["unused_key_beside_password"] == (never_used if has_password else set())
    assert bool(found["several_active_access_keys"]) == (sum(key.active for key in keys) > 1)
    changed = datetime.fromisoformat(row["password_last_changed"]) if has_password else at
    assert bool(found["password_age"]) == (at - changed >= 90 * DAY)
    # Keys that are deleted by now were used, too.
    assert not (found["user_unused"] and any(at - key.used < 90 * DAY for key in keys if key.used is not None))


def _compare_root(account: Account, row: dict[str, str], at: datetime) -> None:
    found, keys = _found(account, account.id, at), list(_keys(account, account.id, row))
    assert found["root_access_key"] == {key.id for key in keys}
    for key in keys:
        was_changed = key.rotated > account[ACCESS_KEYS].by_id[key.id].created_at.replace(microsecond=0)
        is_old = key.id in found["access_key_age"]
        assert is_old == key.is_old(at, 90) or (is_old and was_changed)
    assert bool(found["root_without_mfa"]) == (row["password_enabled"] == "true" and row["mfa_active"] == "false")
    assert found["root_used"] or all(at - key.used >= 90 * DAY for key in keys if key.used is not None)


def _keys(account: Account, owner_id: str, row: dict[str, str]) -> Iterator[Shown]:
    for number, key in enumerate(account[ACCESS_KEYS].of(owner_id), 1):
        said = {each: row[f"access_key_{number}_{each}"] for each in ("active", "last_rotated", "last_used_date")}
        used = None if said["last_used_date"] == "N/A" else datetime.fromisoformat(said["last_used_date"])
        yield Shown(key.id, said["active"] == "true", datetime.fromisoformat(said["last_rotated"]), used)


CRITERIA = [
    CheckCriterion.of(name, {})
    for name in (
        *("access_key_age", "access_key_unused", "unused_key_beside_password", "several_active_access_keys"),
        *("password_without_mfa", "user_without_mfa", "password_age", "user_unused"),
        *("root_access_key", "root_without_mfa", "root_used"),
    )
]


def _found(account: Account, owner_id: str, at: datetime) -> dict[str, set[str]]:
    """The subjects of the owner that violate each check."""
    return {
        each.check.name: {
            finding.subject_id
            for noun in each.check.of
            if owner_id in holders(account, noun)
            for finding in each.test(account, owner_id)
            if finding.is_violated(at)
        }
        for each in CRITERIA
    }
