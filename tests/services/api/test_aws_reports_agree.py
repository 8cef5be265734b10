"""AWS's own doors to the same facts agree with each other and with our reports, at each past moment of a quarter."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import botocore.parsers
import botocore.session
import pytest
from botocore.model import ServiceModel

from domain.families.credential_use import USE_WINDOW
from tests.conftest import PROJECTED_TEMPLATE, copied
from tests.services.quarter import REPORTED, Quarter, moment, staged

DAY = timedelta(days=1)
FRAMEWORK = "framework=cis-5.0"
ROOT = "<root_account>"


@pytest.fixture(scope="module")
def account(projected_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarter]:
    with (
        copied(projected_template, PROJECTED_TEMPLATE) as database,
        staged(database, tmp_path_factory.mktemp("quarter")) as account,
    ):
        yield account


@cache
def iam() -> ServiceModel:
    return botocore.session.Session().get_service_model("iam")


@dataclass
class Past:
    """One moment, at which reports were made."""

    account: Quarter
    when: str
    at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.at = moment(self.when)
        self.position = self.account.reported[self.when]

    def tells(self, operation: str, **members: str) -> dict[str, Any]:
        """As a client reads it; nothing where there is no such entity."""
        status, answer = self.account.house.aws_does(
            "iam", operation, keys=self.account.keys["ada"], as_of=f"p{self.position}", **members
        )
        if status == 404:
            return {}
        assert status == 200, answer
        parsed: dict[str, Any] = botocore.parsers.create_parser("query").parse(
            {"body": answer.encode(), "headers": {}, "status_code": 200}, iam().operation_model(operation).output_shape
        )
        return parsed

    def asks(self, path: str) -> dict[str, Any]:
        query = "&" if "?" in path else "?"
        told = self.account.house.asks(f"{path}{query}as_of=p{self.position}", keys=self.account.keys["ada"])
        assert told.status == 200, told.body
        return told.body

    def rows(self) -> dict[str, dict[str, str]]:
        content = self.tells("GetCredentialReport")["Content"].decode()
        return {row["user"]: row for row in csv.DictReader(content.split("\n"))}

    def violating(self, control: str) -> set[str]:
        """Of users and root by name, of access keys by id."""
        told = self.asks(f"/v1/compliance/violations?{FRAMEWORK}&control={control}")
        assert told["marker"] is None
        return {
            each["subject_id"] if each["subject_id"].startswith("AKIA") else each["holder_name"]
            for each in (shown["violation"] for shown in told["violations"])
        }

    def keys(self, user: str) -> list[dict[str, Any]]:
        """The oldest first, with their last uses; root's are told by our own question alone."""
        if user == ROOT:
            return [{**each, "used": None} for each in self._own("root")]
        listed: list[dict[str, Any]] = self.tells("ListAccessKeys", UserName=user)["AccessKeyMetadata"]
        for key in listed:
            key["used"] = self.tells("GetAccessKeyLastUsed", AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
        own = self._own(user)
        assert [{name: key[name] for name in ("AccessKeyId", "Status", "CreateDate")} for key in listed] == own
        return listed

    def _own(self, user: str) -> list[dict[str, Any]]:
        told = self.asks(f"/v1/credentials?kind=access_key&user={user}&limit=1000")["credentials"]
        return [
            {
                "AccessKeyId": each["access_key_id"],
                "Status": each["status"],
                "CreateDate": datetime.fromisoformat(each["created"]["at"]).replace(microsecond=0),
            }
            for each in told
        ]


@pytest.fixture(params=REPORTED)
def past(account: Quarter, request: pytest.FixtureRequest) -> Past:
    return Past(account, request.param)


def test_the_credential_report_and_the_single_operations(past: Past) -> None:
    """Of every user, and nobody else: passwords, MFA, keys with their status, age and last use."""
    rows = past.rows()
    users = {user["UserName"]: user for user in past.tells("ListUsers")["Users"]}
    assert rows.keys() == {ROOT, *users}
    for name, user in users.items():
        row = rows[name]
        assert (row["arn"], datetime.fromisoformat(row["user_creation_time"])) == (user["Arn"], user["CreateDate"])
        login = past.tells("GetLoginProfile", UserName=name)
        assert (row["password_enabled"] == "true") == bool(login)
        if login:
            assert datetime.fromisoformat(row["password_last_changed"]) >= login["LoginProfile"]["CreateDate"]
        assert (row["mfa_active"] == "true") == bool(past.tells("ListMFADevices", UserName=name)["MFADevices"])
        keys = past.keys(name)
        assert [row[f"access_key_{number}_active"] for number in (1, 2)] == [
            *("true" if key["Status"] == "Active" else "false" for key in keys),
            *["false"] * (2 - len(keys)),
        ]
        for number, key in enumerate(keys, 1):
            said = {each: row[f"access_key_{number}_{each}"] for each in COLUMNS}
            assert datetime.fromisoformat(said["last_rotated"]) >= key["CreateDate"]
            used = key["used"].get("LastUsedDate")
            assert said["last_used_date"] == ("N/A" if used is None else used.isoformat())
            assert [said["last_used_region"], said["last_used_service"]] == [
                key["used"][each] for each in ("Region", "ServiceName")
            ]
    summary = past.tells("GetAccountSummary")["SummaryMap"]
    assert summary["Users"] == len(users)
    assert summary["AccountMFAEnabled"] == (rows[ROOT]["mfa_active"] == "true")
    assert summary["AccountAccessKeysPresent"] == len(past.keys(ROOT))


COLUMNS = ("last_rotated", "last_used_date", "last_used_region", "last_used_service")
TOUCHED = {"carol/1"}
"""Keys whose status has been changed: the report says when, and not since when there have been such keys."""


def test_the_credential_report_and_the_controls(past: Past) -> None:
    """What the report shows is in violation, and conversely. Carol's key was activated again: to the report it is new
    since, as AWS has it, and to the control as old as it is."""
    rows = past.rows()
    touched = {past.account.keys[name].access_key for name in TOUCHED}
    old, unused, never_used, of_root = set(), set(), set(), set()
    for name, row in rows.items():
        for number, key in enumerate(past.keys(name), 1):
            said = {each: row[f"access_key_{number}_{each}"] for each in COLUMNS}
            rotated = datetime.fromisoformat(said["last_rotated"])
            never = said["last_used_date"] == "N/A"
            used = rotated if never else datetime.fromisoformat(said["last_used_date"])
            if name == ROOT:
                of_root.add(key["AccessKeyId"])
            if key["Status"] != "Active":
                continue
            age = past.at - (key["CreateDate"] if key["AccessKeyId"] in touched else rotated)
            old |= {key["AccessKeyId"]} if age >= 90 * DAY else set()
            if name != ROOT:
                unused |= {key["AccessKeyId"]} if past.at - used >= 45 * DAY else set()
                never_used |= {key["AccessKeyId"]} if never and row["password_enabled"] == "true" else set()
    assert past.violating("1.13") == old
    assert past.violating("1.11") == unused
    assert past.violating("1.10") == never_used
    assert past.violating("1.3") == of_root
    console = {name for name, row in rows.items() if row["password_enabled"] == "true" and name != ROOT}
    assert past.violating("1.9") == {name for name in console if rows[name]["mfa_active"] == "false"}


def test_last_accessed_information_and_last_uses(past: Past) -> None:
    """A job tells of each service that a user may use when that was last used: never before a key's last use for it,
    for which a quarter of an hour has its first use alone, and of no more than was used."""
    rows = past.rows()
    for user in past.tells("ListUsers")["Users"]:
        name = user["UserName"]
        told = past.tells("GetServiceLastAccessedDetails", JobId=past.account.ids[f"{past.when} {name}"])
        assert told["JobStatus"] == "COMPLETED"
        last = {each["ServiceNamespace"]: each.get("LastAuthenticated") for each in told["ServicesLastAccessed"]}
        by_service: dict[str, datetime] = {}
        for number in (1, 2):
            used, service = (rows[name][f"access_key_{number}_last_used_{each}"] for each in ("date", "service"))
            if used != "N/A":
                at = datetime.fromisoformat(used)
                by_service[service] = max(by_service.get(service, at), at)
        for service, at in by_service.items():
            if service in last:
                accessed = last[service]
                assert accessed is not None, (name, service)
                assert accessed >= at
        newest = max((each for each in last.values() if each is not None), default=None)
        if newest is not None:
            assert newest < max(by_service.values()) + USE_WINDOW
        entities = {
            each["LastAuthenticatedEntity"] for each in told["ServicesLastAccessed"] if "LastAuthenticated" in each
        }
        assert entities <= {user["Arn"]}
