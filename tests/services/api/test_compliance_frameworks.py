"""Frameworks of an account's own, what is recorded of those that it has adopted, and exemptions from controls."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest

from domain.compliance.check import CheckCriterion
from services.ledger.database import Database
from tests.services.api.in_process_server import InProcessServer, Reply, opened
from tests.services.api.test_credential_lifecycle import DAY, Clock, post

HOUSE = """
name = "house"
version = "1"
title = "House rules"
source = "https://wiki.example.com/iam"

[[controls]]
id = "H.1"
title = "Access keys are at most 7 days old"
tests = [{ check = "access_key_age", parameters = { days = 7 } }]

[[controls]]
id = "H.2"
title = "Keys are handed over in person"
not_answered = "Nothing here sees it."
"""


def asked(house: InProcessServer, path: str, query: str = "") -> Reply:
    answer = house.asks(f"/v1/compliance/{path}?framework=house{query}")
    assert answer.status == 200, answer.error
    return answer


def verdicts(house: InProcessServer, query: str = "") -> dict[str, str]:
    return {each["control_id"]: each["verdict"] for each in asked(house, "report", query).body["controls"]}


def ticked(house: InProcessServer) -> None:
    house.ledger.committer.deliver_through(lambda answer: answer())  # The loop of the last question is closed.
    done = house.ledger.scheduler.tick()
    house.ledger.scheduler.resign()
    assert done is not None
    assert (done.failed, done.error) == (0, None)


def recorded(house: InProcessServer) -> list[dict[str, Any]]:
    """The events of violations, in the order of the ledger."""
    house.asks("/v1/compliance/report?framework=cis-5.0")  # The tables have read all then.
    ticked(house)
    changes = house.asks("/v1/changes?since=p1&limit=1000").body["changes"]
    return [each for each in changes if "violation" in each["event"] and "recorded" not in each["event"]]


def test_a_framework_of_ones_own(database: Database, tmp_path: Path) -> None:
    """From its adoption on reports know it, about times before it as well; what opens and closes from then on is
    recorded once. Dropped, it is known as of moments before that."""
    clock = Clock()
    with patch("botocore.auth.get_current_datetime", side_effect=clock), opened(database, tmp_path, clock) as house:
        began = clock.now
        key = house.user("ann").access_key
        clock.now = began + 9 * DAY
        house.aws_does("iam", "DeleteAccessKey", UserName="ann", AccessKeyId=key)
        other = house.user("bob").access_key
        clock.now += DAY
        assert house.asks("/v1/compliance/report?framework=house").error[0] == "NoSuchEntity"
        adopted = post(house, "compliance/frameworks", framework=HOUSE)
        assert adopted.status == 200, adopted.error
        again = post(house, "compliance/frameworks", framework=HOUSE).body
        assert (again["position"], again["version"]) == (None, "1")
        shown = house.asks("/v1/compliance/frameworks/house").body
        assert (shown["built_in"], shown["adopted_at"]) == (False, clock.now.isoformat().replace("+00:00", "Z"))
        assert post(house, "compliance/frameworks", framework=json.dumps(shown["framework"])).body["position"] is None

        since = f"&since={quote(began.isoformat())}"
        assert verdicts(house, since) == {"H.1": "fail", "H.2": "not answered"}
        of_ann = [each["violation"] for each in asked(house, "violations", f"{since}&subject=ann").body["violations"]]
        assert [(each["subject_id"], each["opened"]["at"]) for each in of_ann] == [
            (key, (began + 7 * DAY).isoformat().replace("+00:00", "Z"))
        ]
        # The administrator's key, from the beginning of the account, violates it since before the adoption.
        assert recorded(house) == []
        clock.now = began + 17 * DAY
        (opened_event,) = recorded(house)
        assert "A violation opened: " in opened_event["event"]
        assert f"{other} of bob" in opened_event["event"]
        assert "house/H.1" in opened_event["event"]
        assert recorded(house) == [opened_event]
        house.aws_does("iam", "UpdateAccessKey", UserName="bob", AccessKeyId=other, Status="Inactive")
        _, closed = recorded(house)
        assert "A violation closed: " in closed["event"]
        turned = asked(house, "violations", f"&since=p{adopted.body['position']}&turned=true").body["violations"]
        assert [each["violation"]["subject_id"] for each in turned] == [other]

        dropped = house.asks("/v1/compliance/frameworks/house/drop", method="POST")
        assert dropped.status == 200, dropped.error
        assert house.asks("/v1/compliance/report?framework=house").error[0] == "NoSuchEntity"
        assert verdicts(house, f"&as_of=p{dropped.body['position'] - 1}")["H.1"] == "fail"
        house.aws_does("iam", "UpdateAccessKey", UserName="bob", AccessKeyId=other, Status="Active")
        assert len(recorded(house)) == 2


def test_one_that_comes_with_the_program(house: InProcessServer) -> None:
    """Adopted by its name, what violates it is recorded with its controls and those of the others."""
    assert post(house, "compliance/frameworks", framework="cis-5.0").body["version"] == "5.0.0"
    assert post(house, "compliance/frameworks", framework="cis-9").error[0] == "NoSuchEntity"
    listed = house.asks("/v1/compliance/frameworks").body["frameworks"]
    assert [each["name"] for each in listed if each["adopted_at"]] == ["cis-5.0"]
    password = {"UserName": "ann", "Password": "correct-Horse-7-battery"}
    house.user("ann")
    assert house.aws_does("iam", "CreateLoginProfile", **password)[0] == 200
    assert any("cis-5.0/1.9" in each["event"] for each in recorded(house))


@pytest.mark.parametrize(
    ("framework", "code", "said"),
    [
        (HOUSE.replace('"house"', '"cis-5.0"'), "ValidationError", "cis-5.0 is the name of a built-in framework"),
        (HOUSE.replace("access_key_age", "key_age"), "ValidationError", "There is no check 'key_age'"),
        ('{"name": "house"}', "ValidationError", "The framework is no framework: version: Field required"),
        ("[" * 60_000, "ValidationError", "The framework is no TOML"),
    ],
)
def test_what_cannot_be_adopted(house: InProcessServer, framework: str, code: str, said: str) -> None:
    refused = post(house, "compliance/frameworks", framework=framework)
    assert refused.error[0] == code
    assert said in refused.error[1]


def test_exempt_from_a_control(database: Database, tmp_path: Path) -> None:
    """While it stands, and for as long as it stood throughout a period, nothing fails by whoever is exempt; time that
    was not exempt counts. Reports say who granted it and why, and lists of a period have what ended."""
    clock = Clock()
    with patch("botocore.auth.get_current_datetime", side_effect=clock), opened(database, tmp_path, clock) as house:
        began = clock.now
        house.user("ann")
        post(house, "compliance/frameworks", framework=HOUSE)
        until = (began + 20 * DAY).isoformat()
        of_control = {"until": until, "reason": "SEC-1", "controls": ["house/H.1"]}
        granted = [post(house, "exemptions", who=who, **of_control).body["exemption"] for who in ("ann", "admin")]
        assert granted[0]["controls"] == ["house/H.1"]
        clock.now = began + 10 * DAY
        report = asked(house, "report").body
        assert [each["verdict"] for each in report["controls"]] == ["exempt", "not answered"]
        assert (report["controls"][0]["exempt"], report["controls"][0]["violations"]) == (2, 0)
        assert {each["exemption_id"] for each in report["exemptions"]} == {each["exemption_id"] for each in granted}
        assert all(each["granted"]["by"].endswith(":user/admin") for each in report["exemptions"])
        shown = asked(house, "violations").body["violations"]
        assert [each["exempt"] for each in shown] == [["H.1"], ["H.1"]]
        assert asked(house, "controls/H.1").body["exemptions"] == report["exemptions"]
        assert house.asks(f"/v1/exemptions/{granted[0]['exemption_id']}/revoke", method="POST").status == 200
        assert verdicts(house)["H.1"] == "fail"
        throughout = f"&since={quote((began + 8 * DAY).isoformat())}"
        assert verdicts(house, throughout)["H.1"] == "fail"
        exempt = f"{throughout}&as_of={quote((began + 9 * DAY).isoformat())}"
        assert verdicts(house, exempt)["H.1"] == "exempt"
        clock.now = began + 21 * DAY
        (control, _) = asked(house, "report", throughout).body["controls"]
        assert (control["verdict"], control["violations"], control["exempt"]) == ("fail", 2, 0)
        # 11 days of ann, and one of the other.
        assert control["exposure"] == [{"unit": "key-days", "amount": 12.0}]
        ticked(house)
        now = house.asks("/v1/exemptions").body["exemptions"]
        assert now == []
        ended = house.asks(f"/v1/exemptions?since={quote(began.isoformat())}").body["exemptions"]
        assert sorted((each["owner_name"], each["ended_as"]) for each in ended) == sorted(
            [("ann", "revoked"), ("admin", "expired")]
        )


def test_exempt_from_what_a_control_asked_then(house: InProcessServer) -> None:
    """Not from something else that another version of the framework asks by the same id, about no time of a period."""
    house.user("ann")
    zero = HOUSE.replace("days = 7", "days = 0")
    post(house, "compliance/frameworks", framework=zero)
    until = (house.ledger.clock() + timedelta(days=1)).isoformat()
    for who in ("ann", "admin"):
        assert post(house, "exemptions", who=who, until=until, reason="r", controls=["house/H.1"]).status == 200
    assert verdicts(house)["H.1"] == "exempt"
    other = '{ check = "user_untagged" }, { check = "access_key_age", parameters = { days = 0 } }'
    changed = zero.replace('{ check = "access_key_age", parameters = { days = 0 } }', other)
    for framework, verdict in ((zero, "exempt"), (changed, "fail"), (zero.replace("days old", "days"), "exempt")):
        version = str(len(house.asks("/v1/changes?since=p1&limit=1000").body["changes"]))
        post(house, "compliance/frameworks", framework=framework.replace('version = "1"', f'version = "{version}"'))
        assert verdicts(house)["H.1"] == verdict
        assert bool(asked(house, "report").body["exemptions"]) == (verdict == "exempt")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"who": "ann", "controls": ["cis-5.0/9.9"]}, "The framework cis-5.0 has no control '9.9'"),
        ({"who": "ann", "controls": ["house/1"]}, "There is no framework 'house'"),
        ({"who": "nobody", "controls": ["cis-5.0/1.13"]}, "is called nobody"),
        ({"who": "ann", "controls": ["cis-5.0/1.13"], "kinds": ["password"]}, "give one or the other"),
        ({"who": "ann", "controls": ["cis-5.0"]}, "controls"),
    ],
)
def test_exemptions_that_cannot_be(house: InProcessServer, members: dict[str, Any], said: str) -> None:
    house.user("ann")
    until = (house.ledger.clock() + timedelta(days=1)).isoformat()
    refused = post(house, "exemptions", until=until, reason="r", **members)
    assert refused.status in {400, 404}
    assert said in refused.error[1]


def test_whoever_may_be_exempt(house: InProcessServer) -> None:
    """Whatever can violate a control: a group and a policy, too, and root."""
    assert house.aws_does("iam", "CreateGroup", GroupName="team")[0] == 200
    until = (house.ledger.clock() + timedelta(days=1)).isoformat()
    for who in ("group/team", "root", house.account_id):
        exempt = post(house, "exemptions", who=who, until=until, reason="r", controls=["cis-5.0/1.4"])
        assert exempt.status == 200, exempt.error


def test_a_check_that_fails_holds_up_nothing_else(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leaked key is traced and contained, and its history is told, whatever some check is at fault in."""
    monkeypatch.setattr(CheckCriterion, "violations", lambda *_arguments: 1 / 0)
    key = house.user("ann").access_key
    assert house.asks("/v1/compliance/report?framework=cis-5.0").status == 503
    assert house.asks("/v1/exemptions").status == 503
    for path in ("compliance/frameworks", "changes?since=p1", f"trace/{key}"):
        assert house.asks(f"/v1/{path}").status == 200
    contained = post(house, "contain", credential=key)
    assert contained.status == 200, contained.error
