"""Lifecycle profiles, exemptions and where each credential stands, asked over the wire."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest
from botocore.credentials import Credentials as Keys

from services.ledger.database import Database
from tests.services.api.in_process_server import InProcessServer, Reply, opened
from tests.services.api.incident import Incident

DAY = timedelta(days=1)
TEAM: dict[str, Any] = {"name": "team", "rules": {"access_key": {"max_age_days": 30, "warn_before_days": [7]}}}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def __call__(self, **asked: bool) -> datetime:
        """As botocore asks, and as the server does."""
        return self.now.replace(tzinfo=None) if asked.get("remove_tzinfo") else self.now


def post(house: InProcessServer, path: str, *, keys: Keys | None = None, **members: Any) -> Reply:
    return house.asks(f"/v1/{path}", keys=keys, method="POST", body=json.dumps(members).encode())


def rows(house: InProcessServer, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    asked = f"/v1/credentials?limit=2{query and '&'}{query}"
    marker = ""
    while True:
        page = house.asks(f"{asked}{marker}").body
        found += page["credentials"]
        if page["marker"] is None:
            return found
        marker = f"&marker={page['marker']}"


def stood(row: dict[str, Any]) -> list[str]:
    return [step["what"] for step in row["lifecycle"]["stands"]]


def test_profiles_and_their_versions(house: InProcessServer) -> None:
    """Set, shown and removed: each set of rules has its version, which says from which position it holds; what was in
    force at a moment is shown as of it, and every version that the account has had by its name."""
    begun = house.asks("/v1/lifecycle-profile").body
    assert (begun["profile"]["name"], begun["source"], begun["in_force"]) == ("default", "built-in", True)
    first = post(house, "lifecycle-profile/set", profile=json.dumps(TEAM)).body
    again = post(house, "lifecycle-profile/set", profile=json.dumps(TEAM)).body
    other = {**TEAM, "rules": {"access_key": {"max_age_days": 60}}}
    second = post(house, "lifecycle-profile/set", profile=json.dumps(other)).body
    assert [each["in_force"]["version"] for each in (first, again, second)] == [1, 1, 2]
    assert again["position"] is None
    assert first["source"] == house.account_id
    then = house.asks(f"/v1/lifecycle-profile?as_of=p{first['position']}").body["profile"]
    before = house.asks(f"/v1/lifecycle-profile?as_of=p{first['position'] - 1}").body["profile"]
    assert (then["version"], before["name"]) == (1, "default")
    named = {
        name: house.asks(f"/v1/lifecycle-profile?name={quote(name)}").body for name in ("team", "team@1", "cis-5.0")
    }
    assert [each["in_force"] for each in named.values()] == [True, False, False]
    assert named["team@1"]["profile"]["rules"] == then["rules"]
    unknown = house.asks("/v1/lifecycle-profile?name=team%403")
    assert unknown.error[0] == "NoSuchEntity"
    removed = post(house, "lifecycle-profile/remove").body
    assert (removed["in_force"]["name"], removed["source"]) == ("default", "built-in")
    assert post(house, "lifecycle-profile/remove").error[0] == "NoSuchEntity"
    built_in = post(house, "lifecycle-profile/set", profile="pci-4.0").body
    assert built_in["in_force"]["version"] == 1
    refused = post(house, "lifecycle-profile/set", profile="pci-4")
    assert "The nearest is pci-4.0." in refused.error[1]
    (shown,) = house.asks("/v1/history?operation=RemoveLifecycleProfile&limit=1").body["calls"]
    assert shown["error_code"] is None


def test_a_dry_run_has_pages_and_changes_nothing(house: InProcessServer) -> None:
    """The pages together are the whole, as of the first; whoever may not ask is refused."""
    keys = house.user("ann")
    whole = post(house, "lifecycle-profile/forecast", profile=json.dumps(TEAM), days=120).body
    assert (whole["proposed"], whole["in_force"], whole["marker"]) == ("team version 1", "default version 2", None)
    pages = [post(house, "lifecycle-profile/forecast", profile=json.dumps(TEAM), days=120, limit=3).body]
    while marker := pages[-1]["marker"]:
        page = {"days": 120, "limit": 3, "marker": marker}
        pages.append(post(house, "lifecycle-profile/forecast", profile=json.dumps(TEAM), **page).body)
    parts = [(row["credential_id"], row["what"], row["change"]) for page in pages for row in page["rows"]]
    assert parts == [(row["credential_id"], row["what"], row["change"]) for row in whole["rows"]]
    assert len({page["at"] for page in pages}) == 1
    assert (keys.access_key, "rotation_warned", "moved") not in parts
    assert (keys.access_key, "idle", "dropped") in parts
    assert house.asks("/v1/lifecycle-profile").body["profile"]["name"] == "default"
    body = json.dumps({"profile": "cis-5.0"}).encode()
    assert house.asks("/v1/lifecycle-profile/forecast", method="POST", body=body, keys=keys).status == 403
    assert house.asks("/v1/lifecycle-profile/set", method="POST", body=body, keys=keys).status == 403


def test_exemptions(house: InProcessServer) -> None:
    """Granted to whom a name means, listed until they end or are revoked, and found in the history by their id."""
    house.user("ann")
    granted = post(house, "exemptions", who="user/ann", until="2999-01-01", reason="r", kinds=["access_key"])
    assert "at most 3650 days" in granted.error[1]
    until = (datetime.now(UTC) + DAY).isoformat()
    granted = post(house, "exemptions", who="ann", until=until, reason="moving", kinds=["access_key"])
    root = post(house, "exemptions", who="root", until=until, reason="break glass").body["exemption"]
    exemption = granted.body["exemption"]
    assert (exemption["owner_name"], root["owner_id"]) == ("ann", house.account_id)
    listed = house.asks("/v1/exemptions").body["exemptions"]
    assert {each["exemption_id"] for each in listed} == {exemption["exemption_id"], root["exemption_id"]}
    (key,) = rows(house, "user=ann&kind=access_key")
    assert key["lifecycle"]["exempt_until"] is not None
    revoked = post(house, f"exemptions/{exemption['exemption_id'].lower()}/revoke").body
    assert revoked["position"] > granted.body["position"]
    (key,) = rows(house, "user=ann&kind=access_key")
    assert key["lifecycle"]["exempt_until"] is None
    then = house.asks(f"/v1/exemptions?as_of=p{granted.body['position']}").body["exemptions"]
    (told,) = then
    assert [told["granted"][each] for each in ("position", "at")] == [granted.body["position"], exemption["granted_at"]]
    assert (told["exemption_id"], told["reason"], told["ended"]) == (exemption["exemption_id"], "moving", None)
    ended = house.asks("/v1/exemptions?since=p1").body["exemptions"]
    assert [(each["ended_as"], each["ended"]["position"]) for each in ended if each["ended"]] == [
        ("revoked", revoked["position"])
    ]
    calls = house.asks(f"/v1/history?on={exemption['exemption_id']}").body["calls"]
    assert [call["operation"] for call in calls] == ["GrantExemption", "RevokeExemption"]
    again = post(house, f"exemptions/{exemption['exemption_id']}/revoke")
    assert again.error[0] == "NoSuchEntity"
    unknown = post(house, "exemptions", who="anne", until=until, reason="r").error
    assert unknown[0] == "NoSuchEntity"
    assert unknown[1].endswith("is called anne. The nearest is ann.")


def test_where_each_credential_stands(database: Database, tmp_path: Path) -> None:
    """Every kind is listed once, over any pages, as time has made it, whether or not a scheduler came by; filters name
    it; as of a moment it is as it was then."""
    clock = Clock()
    with patch("botocore.auth.get_current_datetime", side_effect=clock), opened(database, tmp_path, clock) as house:
        ann = house.user("ann")
        trust = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}'
        assert house.aws_does("iam", "CreateRole", RoleName="ci", AssumeRolePolicyDocument=trust)[0] == 200
        password = {"UserName": "ann", "Password": "correct-Horse-7-battery"}
        assert house.aws_does("iam", "CreateLoginProfile", **password)[0] == 200
        began = clock.now
        kinds = ["user", "access_key", "user", "access_key", "role", "password"]
        assert sorted(row["kind"] for row in rows(house)) == sorted(kinds)
        clock.now = began + 80 * DAY
        house.aws_does("sts", "GetCallerIdentity")
        (key,) = rows(house, "user=ann&kind=access_key")
        assert (key["access_key_id"], key["age_days"], stood(key)) == (ann.access_key, 80, ["idle", "rotation_warned"])
        assert key["lifecycle"]["next"]["what"] == "rotation_due"
        assert key["lifecycle"]["due"]["rule"] == "access_key_rotation_due"
        assert not rows(house, "overdue=true")
        assert not rows(house, "due_within=9d")
        assert {row["kind"] for row in rows(house, "due_within=11d")} == {"access_key"}
        clock.now = began + 105 * DAY
        late = rows(house, "overdue=true")
        assert ann.access_key in {row["access_key_id"] for row in late}
        assert {step["profile"] for row in late for step in row["lifecycle"]["stands"]} == {"default"}
        assert ("role", "ci") in {(row["kind"], row.get("name")) for row in rows(house, "idle=true")}
        earlier = (began + 80 * DAY + timedelta(minutes=1)).isoformat()
        (then,) = rows(house, f"user=ann&kind=access_key&as_of={quote(earlier)}")
        assert stood(then) == ["idle", "rotation_warned"]
        post(house, "lifecycle-profile/set", profile="nist-800-63b")
        assert not rows(house, "overdue=true")


def test_what_a_thief_weakens_is_told_and_put_back(incident: Incident) -> None:
    """The rules that a leaked key has set, the exemption that it granted and the one that it revoked are its lineage's;
    afterwards the profile is in force in the version that it was, and the exemption that stood stands again."""
    house, until = incident.house, (datetime.now(UTC) + DAY).isoformat()
    post(house, "lifecycle-profile/set", profile=json.dumps(TEAM))
    own = post(house, "exemptions", who="vic", until=until, reason="moving").body["exemption"]
    other = json.dumps({**TEAM, "rules": {}})
    assert post(house, "lifecycle-profile/set", keys=incident.eve, profile=other).status == 200
    evil = post(house, "exemptions", keys=incident.eve, who="eve", until=until, reason="x").body["exemption"]
    assert post(house, f"exemptions/{own['exemption_id']}/revoke", keys=incident.eve).status == 200
    told = {each["what"]: each["refused"] for each in incident.contains(restore=True).body["restored"]}
    assert told == {
        "lifecycle profile of the account": None,
        f"exemption {evil['exemption_id']} of user eve": None,
        f"exemption {own['exemption_id']} of user vic": None,
    }
    in_force = house.asks("/v1/lifecycle-profile").body["profile"]
    assert (in_force["version"], in_force["rules"].keys()) == (1, TEAM["rules"].keys())
    listed = house.asks("/v1/exemptions").body["exemptions"]
    names = ("exemption_id", "owner_id", "kinds", "reason", "until")
    assert [[each[name] for name in names] for each in listed] == [[own[name] for name in names]]
    third = json.dumps({**TEAM, "rules": {"user": {"max_idle_days": 1}}})
    assert post(house, "lifecycle-profile/set", profile=third).body["in_force"]["version"] == 3
    assert incident.contains(restore=True).body["restored"] == []


def test_a_target_that_a_thief_added_hears_nothing_more(incident: Incident) -> None:
    """It is told as an open door and removed with its secret; what the thief has removed has to be added again, for its
    secret is gone, and says so."""
    house = incident.house
    for name, keys in (("own", None), ("evil", incident.eve)):
        url = f"https://{name}.example.com/"
        added = post(house, f"notification-targets/{name}", keys=keys, kind="webhook", destination=url)
        assert added.status == 200, added.body
    assert post(house, "notification-targets/own/remove", keys=incident.eve).status == 200
    (door,) = incident.alive()["open_doors"]
    assert door["opens"] == ["tells webhook https://evil.example.com/ what happens in the account"]
    told = {each["what"]: each["refused"] for each in incident.contains(restore=True).body["restored"]}
    assert told.keys() == {"notification target evil", "notification target own"}
    assert told["notification target evil"] is None
    assert "muniment notify add own" in told["notification target own"]
    assert house.asks("/v1/notification-targets").body["targets"] == []
    assert incident.alive()["open_doors"] == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("kind=acess_key", "There is no kind of credential acess_key. The nearest is access_key."),
        ("due_within=14", "Expected a span such as 12h, 14d or 2w"),
        ("due_within=9999d", "at most 3650 days"),
        ("user=anne", "is called anne."),
    ],
)
def test_filters_that_cannot_match(house: InProcessServer, query: str, said: str) -> None:
    """Are refused, and say what was expected."""
    assert said in house.asks(f"/v1/credentials?{query}").error[1]
