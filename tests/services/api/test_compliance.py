"""Whether controls held, asked over the wire, at moments and throughout periods."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest

from services.ledger.database import Database, connect
from tests.services.api.in_process_server import InProcessServer, opened
from tests.services.api.test_credential_lifecycle import DAY, Clock, post

CIS = "framework=cis-5.0"
KEY_AGE = "access_key_age(days=90)"


def report(house: InProcessServer, query: str = "") -> dict[str, dict[str, Any]]:
    answer = house.asks(f"/v1/compliance/report?{CIS}{query}")
    assert answer.status == 200, answer.error
    return {control["control_id"]: control for control in answer.body["controls"]}


def violations(house: InProcessServer, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    marker = ""
    while True:
        page = house.asks(f"/v1/compliance/violations?{CIS}&limit=1{query}{marker}").body
        found += page["violations"]
        if page["marker"] is None:
            return found
        marker = f"&marker={page['marker']}"


def test_controls_over_a_year(database: Database, tmp_path: Path) -> None:
    """What time does to a key and what calls do to a password, at moments and throughout: a control that holds at
    both ends of a period has failed if it did not hold between them. Nobody has to come by."""
    clock = Clock()
    with patch("botocore.auth.get_current_datetime", side_effect=clock), opened(database, tmp_path, clock) as house:
        began = clock.now
        key = house.user("ann").access_key
        clock.now = began + 10 * DAY
        password = {"UserName": "ann", "Password": "correct-Horse-7-battery"}
        assert house.aws_does("iam", "CreateLoginProfile", **password)[0] == 200
        clock.now = began + 20 * DAY
        assert house.aws_does("iam", "DeleteLoginProfile", UserName="ann")[0] == 200
        clock.now = began + 100 * DAY
        assert house.aws_does("iam", "DeleteAccessKey", UserName="ann", AccessKeyId=key)[0] == 200
        clock.now = began + 110 * DAY

        now = report(house)
        assert (now["1.9"]["verdict"], now["1.7"]["verdict"], now["2.1.1"]["verdict"]) == (
            "pass",
            "fail",
            "not answered",
        )
        assert now["2.1.1"]["reason"]
        throughout = report(house, f"&since={quote(began.isoformat())}")
        assert (throughout["1.9"]["verdict"], throughout["1.9"]["violations"]) == ("fail", 1)
        assert throughout["1.9"]["exposure"] == [{"unit": "days", "amount": 10.0}]
        listed = [each["controls"][0] for each in violations(house, f"&since={quote(began.isoformat())}")]
        assert len({*listed}) > 1
        assert listed == sorted(listed, key=[*now].index)
        of_ann = [each["violation"] for each in violations(house, f"&since={quote(began.isoformat())}&subject=ann")]
        (aged,) = (each for each in of_ann if each["criterion"] == KEY_AGE)
        assert (aged["subject_id"], aged["by_time"]) == (key, True)
        assert aged["opened"]["at"] == (began + 90 * DAY).isoformat().replace("+00:00", "Z")
        assert aged["closed"]["by"].endswith(":user/admin")
        between = f"&since={quote((began + 21 * DAY).isoformat())}&as_of={quote((began + 80 * DAY).isoformat())}"
        assert report(house, between)["1.9"]["verdict"] == "pass"
        for days, verdict in ((89, "pass"), (90, "fail"), (99, "fail")):
            then = report(house, f"&as_of={quote((began + timedelta(days=days, seconds=1)).isoformat())}")
            assert then["1.13"]["verdict"] == verdict, days
        position = aged["closed"]["position"]
        of_key = f"&subject={key}&control=1.13"
        assert violations(house, f"{of_key}&as_of=p{position - 1}")
        gone = house.asks(f"/v1/compliance/violations?{CIS}{of_key}&as_of=p{position}")
        assert gone.error[0] == "NoSuchEntity"


def test_the_events_behind_a_verdict(house: InProcessServer) -> None:
    """Each violation with the sentence of the change that began it and of the one that ended it."""
    house.user("ann")
    house.aws_does("iam", "CreateLoginProfile", UserName="ann", Password="correct-Horse-7-battery")
    house.aws_does("iam", "DeleteLoginProfile", UserName="ann")
    explained = house.asks(f"/v1/compliance/controls/1.9?{CIS}&subject=ann&since=1h").body
    assert explained["control"]["verdict"] == "fail"
    (criterion,) = explained["criteria"]
    ((violation),) = criterion["violations"]
    assert violation["opened"]["operation"] == "iam:CreateLoginProfile"
    assert violation["closed"]["event"] == "The password of user ann was deleted."
    house.aws_does("iam", "CreateUser", UserName="bob")
    assert not house.asks(f"/v1/compliance/controls/1.9?{CIS}&subject=bob&since=1h").body["criteria"][0]["violations"]
    for named in ("user/ann", f"arn:aws:iam::{house.account_id}:user/ann", violation["violation"]["holder_id"]):
        assert len(violations(house, f"&since=1h&control=1.9&subject={quote(named, safe='')}")) == 1
    nobody = house.asks(f"/v1/compliance/violations?{CIS}&since=1h&subject=an").error
    assert nobody[0] == "NoSuchEntity"
    assert "The nearest is ann" in nobody[1]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("report?framework=cis-6", "There is no framework 'cis-6', but "),
        ("controls/9.9?framework=cis-5.0", "The framework cis-5.0 has no control '9.9'."),
        ("violations?framework=cis-5.0&control=9.9", "The framework cis-5.0 has no control '9.9'."),
        ("report?framework=cis-5.0&since=p3&as_of=p2", "The period ends before it begins"),
        ("violations?framework=cis-5.0&marker=x", "The marker is not one"),
    ],
)
def test_what_is_not_there_is_refused(house: InProcessServer, asked: str, said: str) -> None:
    assert said in house.asks(f"/v1/compliance/{asked}").error[1]


def test_tables_that_disagree_tell_no_verdict(house: InProcessServer, database: Database) -> None:
    """A violation that somebody has taken out of the tables is no pass."""
    house.aws_does("iam", "CreateUser", UserName="ann")
    assert report(house)["1.7"]["verdict"] == "fail"
    with connect(database, "projector") as connection:
        connection.execute("delete from views.violations where criterion like 'weak_password_policy(%%length=14%%'")
    refused = house.asks(f"/v1/compliance/report?{CIS}")
    assert refused.status == 503
    assert "do not agree on weak_password_policy(" in refused.error[1]


RULES = """
name = "cis-5.0"
version = "ours"
title = "Ours"
source = "a file"

[[controls]]
id = "1.13"
title = "Keys are younger than a week"
tests = [{ check = "access_key_age", parameters = { days = 7 } }]

[[controls]]
id = "1.9"
title = "MFA"
tests = [{ check = "password_without_mfa" }]
"""


def tried(house: InProcessServer, **members: str) -> dict[str, Any]:
    answer = post(house, "compliance/trial", **members)
    assert answer.status == 200, answer.error
    return answer.body


def test_rules_are_tried_on_history(database: Database, tmp_path: Path) -> None:
    """What rules that nobody has adopted would have found, beside what the built-in framework of the same name has;
    a framework that says the same finds the same; a lifecycle profile is tried too. Nothing is kept."""
    clock = Clock()
    with patch("botocore.auth.get_current_datetime", side_effect=clock), opened(database, tmp_path, clock) as house:
        began = clock.now
        key = house.user("ann").access_key
        clock.now = began + 30 * DAY
        house.aws_does("iam", "DeleteAccessKey", UserName="ann", AccessKeyId=key)
        since = began.isoformat()
        trial = tried(house, rules=RULES, since=since)
        verdicts = [{each["control_id"]: each["verdict"] for each in trial[name]} for name in ("controls", "against")]
        assert (verdicts[0]["1.13"], verdicts[1]["1.13"]) == ("fail", "pass")
        (violation,) = (each["violation"] for each in trial["violations"] if each["violation"]["subject_id"] == key)
        assert violation["opened"]["at"] == (began + 7 * DAY).isoformat().replace("+00:00", "Z")
        same = tried(house, rules=RULES.replace("days = 7", "days = 90"), since=since)
        kept = {each["control_id"]: each for each in same["against"]}
        assert [{**each, "title": kept[each["control_id"]]["title"]} for each in same["controls"]] == [
            kept[each["control_id"]] for each in same["controls"]
        ]
        profile = {"name": "team", "rules": {"access_key": {"max_age_days": 7, "max_idle_days": 10}}}
        by_profile = tried(house, rules=json.dumps(profile), since=since)
        found = {each["violation"]["criterion"] for each in by_profile["violations"] if key in str(each)}
        assert found == {f'profile.{what}(kind="access_key")' for what in ("rotation_due", "rotation_overdue", "idle")}
        assert by_profile["against"] is None


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("name = ", "The framework is no TOML"),
        (RULES.replace("access_key_age", "key_age"), "Control 1.13 of cis-5.0: There is no check 'key_age'"),
        (RULES.replace("days = 7", 'days = "7"'), "(days) do not fit: days: Input should be a valid integer"),
        (RULES.replace("days = 7", "day = 7"), "day: Extra inputs are not permitted"),
        (RULES.replace('id = "1.9"', 'id = "1.13"'), "more than one control is called 1.13"),
        (RULES + 'not_answered = "never"', "a control has either tests or not_answered"),
    ],
)
def test_rules_that_do_not_fit_are_refused(house: InProcessServer, rules: str, said: str) -> None:
    assert said in post(house, "compliance/trial", rules=rules).error[1]


def test_what_was_looked_at_in_part_is_not_passed(house: InProcessServer) -> None:
    """The checks of 1.11 see no use of passwords: nothing violates the rest, and it is not answered."""
    control = report(house)["1.11"]
    assert (control["verdict"], control["violations"]) == ("not answered", 0)
    assert control["reason"] == f"Nothing violates the part that is looked at. {control['partly']}"


def test_a_trial_is_bounded(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """By criteria, and by what reading all changes with them would take."""
    monkeypatch.setattr("services.api.handlers.compliance.TRIAL_WORK_MAX", 3)
    assert "more than 1 changes" in post(house, "compliance/trial", rules=RULES).error[1]
    monkeypatch.setattr("services.api.handlers.compliance.TRIAL_CRITERIA_MAX", 1)
    assert "expected at most 1" in post(house, "compliance/trial", rules=RULES).error[1]
