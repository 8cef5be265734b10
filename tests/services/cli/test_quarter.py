"""The questions of an auditor about a quarter that was staged: each is one command, and its answer is the truth.

The tables say what is true of the story in tests/services/quarter.py. They were written from it, not computed.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.cli.entry_point import main
from tests.conftest import PROJECTED_TEMPLATE, copied
from tests.docs.pages import ROOT
from tests.services.cli.auditor import Auditor, auditing
from tests.services.quarter import FROM, START, TO, staged

DURING = ("--from", FROM, "--to", TO)
CIS = ("--framework", "cis-5.0")
Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def auditor(projected_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Auditor]:
    place = tmp_path_factory.mktemp("quarter")
    with (
        copied(projected_template, PROJECTED_TEMPLATE) as database,
        staged(database, place) as account,
        auditing(account, place) as auditor,
    ):
        yield auditor


def when(time: str | None) -> str | None:
    """As the story has it: month, day, hour and minute."""
    return None if time is None else f"{time[5:10]} {time[11:16]}"


def who(arn: str) -> str:
    return arn.rpartition(":")[2]


def bound(happened: dict[str, Any] | None) -> tuple[str | None, str, str] | None:
    """What opened or closed it: when, by which operation, and who called it; None: it was so at that end."""
    if happened is None:
        return None
    return when(happened["at"]), happened["operation"].partition(":")[2], who(happened["by"])


BY_VERSION_2 = ("08-20 10:00", "CreatePolicyVersion", "user/ada")
BY_VERSION_1 = ("08-22 10:00", "SetDefaultPolicyVersion", "user/ada")
RENAMED = ("09-08 09:00", "UpdateUser", "user/ada")
INTO_OPS = ("08-12 09:05", "AddUserToGroup", "user/ada")
ONBOARDING = "assumed-role/hr/onboarding"
OUT_OF_DEV = ("08-12 09:00", "RemoveUserFromGroup", "user/ada")
LOGS = ("07-28 09:00", "PutGroupPolicy", "user/ada")
REVIEWED, GIVEN_BACK = (
    ("09-25 10:00", "DecideAccessReview", "user/caroline"),
    ("09-28 09:00", "AddUserToGroup", "user/ada"),
)
STARTERS: list[Row] = [
    ("root", None, None),
    ("user/ada", None, None),
    ("user/bob", INTO_OPS, BY_VERSION_2),
    ("user/bob", BY_VERSION_1, None),
    ("user/carol", None, BY_VERSION_2),
    ("user/carol", BY_VERSION_1, RENAMED),
    ("user/caroline", RENAMED, None),
    ("user/frank", ("09-01 09:00", "AttachUserPolicy", "user/ada"), ("09-04 09:00", "DetachUserPolicy", "user/ada")),
    ("user/gina", ("08-10 09:00", "AddUserToGroup", ONBOARDING), BY_VERSION_2),
    ("user/gina", BY_VERSION_1, ("09-20 17:00", "RemoveUserFromGroup", "user/ada")),
]
"""Who could start instances."""


def test_who_could_do_what(auditor: Auditor) -> None:
    """Throughout the quarter, by whom it was opened and closed; and on a day of it."""
    told = auditor.asks("who-can", START, "*", *DURING)
    assert {each["principal"]["access"] for each in told} == {"allowed"}
    rows = [(who(each["principal"]["arn"]), bound(each["opened"]), bound(each["closed"])) for each in told]
    assert sorted(rows, key=repr) == sorted(STARTERS, key=repr)
    then = auditor.asks("who-can", START, "*", "--as-of", "2026-08-21")
    assert sorted(who(each["arn"]) for each in then) == ["root", "user/ada"]


BOB: list[Row] = [
    ("user/bob", "read", "dev", None, OUT_OF_DEV),
    ("user/bob", "logs", "dev", LOGS, OUT_OF_DEV),
    ("user/bob", "operate v1", "ops", INTO_OPS, BY_VERSION_2),
    ("user/bob", "operate v2", "ops", BY_VERSION_2, BY_VERSION_1),
    ("user/bob", "operate v1", "ops", BY_VERSION_1, None),
    ("user/bob", "deploy", None, ("08-15 10:00", "PutUserPolicy", "user/ada"),
        ("09-15 10:00", "DeleteUserPolicy", "user/ada")),
]  # fmt: skip
OTHERS: list[Row] = [
    ("user/ada", "AdministratorAccess v1", None, None, None),
    ("user/carol", "duties", None, None, None),
    ("user/carol", "operate v1", "ops", None, BY_VERSION_2),
    ("user/carol", "operate v2", "ops", BY_VERSION_2, BY_VERSION_1),
    ("user/carol", "operate v1", "ops", BY_VERSION_1, None),
    ("user/ci", "deploy", None, None, None),
    ("user/dan", "read", "dev", None, None),
    ("user/dan", "logs", "dev", LOGS, None),
    ("user/frank", "read", "dev", ("07-03 10:00", "AddUserToGroup", "user/ada"), REVIEWED),
    ("user/frank", "logs", "dev", LOGS, REVIEWED),
    ("user/frank", "read", "dev", GIVEN_BACK, None),
    ("user/frank", "logs", "dev", GIVEN_BACK, None),
    ("user/frank", "operate v1", None, ("09-01 09:00", "AttachUserPolicy", "user/ada"),
        ("09-04 09:00", "DetachUserPolicy", "user/ada")),
    ("user/gina", "operate v1", "ops", ("08-10 09:00", "AddUserToGroup", ONBOARDING), BY_VERSION_2),
    ("user/gina", "operate v2", "ops", BY_VERSION_2, BY_VERSION_1),
    ("user/gina", "operate v1", "ops", BY_VERSION_1, ("09-20 17:00", "RemoveUserFromGroup", "user/ada")),
    ("role/deployer", "release", None, None, None),
    ("role/hr", "people", None, None, None),
]  # fmt: skip
"""With the names of when each came to be so: Carol is Caroline since."""


def held(told: list[dict[str, Any]]) -> list[Row]:
    rows = []
    for each in told:
        name = each["source_id"].rpartition("/")[2]
        policy = name if each["version_id"] is None else f"{name} {each['version_id']}"
        rows.append(
            (f"{each['kind']}/{each['name']}", policy, each["through"], *map(bound, (each["opened"], each["closed"])))
        )
    return sorted(rows, key=repr)


def test_who_had_what_and_through_what(auditor: Auditor) -> None:
    """One principal, or everybody: each policy, in which version, through which group, from when to when."""
    of_all = auditor.asks("permissions", *DURING)
    assert held(of_all) == sorted(BOB + OTHERS, key=repr)
    people = [(each["kind"], each["name"]) for each in of_all]
    assert people == sorted(people)
    of_bob = auditor.asks("permissions", "bob", *DURING)
    # With those of the organization, which limit nobody here.
    assert [each["source_id"] for each in of_bob if each["layer"] == "scp"] == ["p-FullAWSAccess"] * 2
    assert held([each for each in of_bob if each["layer"] == "identity"]) == sorted(BOB, key=repr)
    then = auditor.asks("permissions", "bob", "--as-of", "2026-07-20")[0]
    ((policy, group),) = ((each["policy_name"], each["through"]["group_name"]) for each in then["policies"])
    assert (policy, group) == ("read", "dev")


ASSUMERS: list[Row] = [
    ("user/ada", None, None),
    ("user/bob", ("08-15 10:00", "PutUserPolicy", "user/ada"), ("09-15 10:00", "DeleteUserPolicy", "user/ada")),
    ("user/carol", None, RENAMED),
    ("user/caroline", RENAMED, None),
    ("user/ci", None, None),
]


def test_who_could_assume_a_role(auditor: Auditor) -> None:
    told = auditor.asks("can-assume", "deployer", *DURING)
    rows = [(who(each["principal"]["arn"]), bound(each["opened"]), bound(each["closed"])) for each in told]
    assert sorted(rows, key=repr) == sorted(ASSUMERS, key=repr)


OLD_KEYS: list[Row] = [
    # key, of, old since, by time or because of, until, what was done, by
    ("ada/1", "ada", "06-28 09:05", "time", "07-08 11:30", "iam:DeleteAccessKey", "deleted", "user/ada"),
    ("root/1", "root", "06-28 09:00", "time", "09-03 08:00", "iam:DeleteAccessKey", "deleted", "root"),
    ("bob/1", "bob", "07-09 08:00", "time", "07-16 09:00", "iam:UpdateAccessKey", "deactivated", "user/ada"),
    ("carol/1", "carol", "08-25 09:00", "user/ada", "09-10 09:00", "iam:DeleteAccessKey", "deleted", "user/ada"),
    ("ci/1", "ci", "08-30 06:00", "time", None, None, None, None),
    ("dan/1", "dan", "09-03 09:00", "time", None, None, None, None),
]
"""Frank's gets old with the next quarter; Carol's was inactive on the day on which it would have."""


def test_which_keys_were_old(auditor: Auditor) -> None:
    """Older than 90 days: from when to when, whose, and what was done."""
    rows = []
    for each in auditor.asks("compliance", "violations", *CIS, "--control", "1.13", *DURING):
        violation = each["violation"]
        opened, ended = violation["opened"], violation["closed"]
        rows.append((
            auditor.key(violation["subject_id"]), violation["holder_name"], when(opened["at"]),
            "time" if violation["by_time"] else who(opened["by"]),
            *((None, None, None, None) if ended is None else (
                when(ended["at"]), ended["operation"], ended["event"].rpartition(" ")[2].rstrip("."), who(ended["by"]),
            )),
        ))  # fmt: skip
    assert sorted(rows) == sorted(OLD_KEYS)


WITHOUT_MFA: list[Row] = [
    ("dan", "06-05 09:00", "07-12 11:00", "iam:EnableMFADevice"),
    ("dan", "08-03 09:00", "08-04 09:00", "iam:EnableMFADevice"),
    ("frank", "07-03 10:00", "07-05 12:00", "iam:EnableMFADevice"),
    ("hal", "08-05 09:00", "08-06 17:00", "iam:DeleteLoginProfile"),
]
"""With a password. Carol and Gina had a device before."""


def test_whether_mfa_was_on_throughout(auditor: Auditor) -> None:
    (told,) = auditor.asks("compliance", "explain", "1.9", *CIS, *DURING)
    assert told["control"]["verdict"] == "fail"
    (criterion,) = told["criteria"]
    rows = [
        (
            each["violation"]["holder_name"],
            when(each["opened"]["at"]),
            when(each["closed"]["at"]),
            each["closed"]["operation"],
        )
        for each in criterion["violations"]
    ]
    assert sorted(rows) == WITHOUT_MFA
    assert criterion["violating"] == []
    for always in ("carol", "gina"):
        (of_one,) = auditor.asks("compliance", "explain", "1.9", always, *CIS, *DURING)
        assert of_one["criteria"][0]["violations"] == []
    said = auditor.types("compliance", "explain", "1.9", "carol", *CIS, *DURING)
    assert "has MFA: FAIL, of everybody\n" in said
    assert "carol did not violate it." in said
    assert re.search(
        r"^  Users with a password have MFA\. .+\n  \d+ subjects at the end of the period, ", said, re.MULTILINE
    )
    now = auditor.types("compliance", "explain", "1.9", *CIS)
    assert re.search(r"^  \d+ subjects, \d+ of them in violation\.$", now, re.MULTILINE)


def test_an_answer_that_is_cut_says_so(auditor: Auditor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.api.handlers.compliance.EXPLAINED_MAX", 3)
    told = auditor.types("compliance", "explain", "1.9", *CIS, *DURING)
    assert told.count(" to 2026-") == 3 + 1
    assert "1 earlier ones are not told here: muniment compliance violations lists them." in told


USES_OF_ROOT: list[Row] = [
    ("07-21 13:00", "iam:GetAccountSummary", None, None),
    ("07-21 13:05", "sts:GetSessionToken", None, None),
    ("07-21 13:06", "sts:GetCallerIdentity", None, None),
    ("09-02 08:00", "sts:AssumeRole", "AccessDenied", None),
    ("09-03 08:00", "iam:DeleteAccessKey", None, None),
    ("09-15 11:01", "iam:GetAccountSummary", None, "user/boss"),
]


def test_every_use_of_root(auditor: Auditor) -> None:
    """Of its key, of sessions that it got, refused calls, and what the management account did as root."""
    rows = [
        (
            when(each["at"]),
            f"{each['service']}:{each['operation']}",
            each["error_code"],
            each["root_assumed_by"] and who(each["root_assumed_by"]),
        )
        for each in auditor.asks("history", "--principal", "root", *DURING)
    ]
    assert rows == USES_OF_ROOT


EXEMPTIONS: list[Row] = [
    # of (root by its account), from what, granted, by, until, ended
    ("436602865144", "access_key", "09-01 10:00", "user/carol", "12-31 00:00", None),
    ("bob", "access_key", "07-10 09:00", "user/ada", "07-20 00:00", ("revoked", "07-16 09:10", "user/ada")),
    ("ci", "access_key", "06-15 10:00", "user/ada", "07-31 00:00", ("expired", "07-31 00:00", None)),
    ("dan", "cis-5.0/1.13", "09-10 10:00", "user/ada", "12-31 00:00", None),
]
ASKED_FOR: list[Row] = [
    ("07-10 09:00", "user/ada", "bob", None),
    ("09-01 10:00", "user/carol", "root", None),
    ("09-05 12:00", "user/frank", "frank", "AccessDenied"),
    ("09-10 10:00", "user/ada", "dan", None),
]


def test_every_exemption_and_who_granted_it(auditor: Auditor) -> None:
    """All that stood at any time of the quarter, and what was asked for in it, in vain too."""
    rows = []
    for each in auditor.asks("exemption", "list", *DURING):
        granted, ended = each["granted"], each["ended"]
        of_what = ", ".join([*each["kinds"], *each["controls"]])
        end = None if ended is None else (each["ended_as"], when(ended["at"]), ended["by"] and who(ended["by"]))
        rows.append((each["owner_name"], of_what, when(granted["at"]), who(granted["by"]), when(each["until"]), end))
    assert sorted(rows) == EXEMPTIONS
    asked = [
        (when(each["at"]), who(each["principal_arn"]), each["parameters"]["who"], each["error_code"])
        for each in auditor.asks("history", "--operation", "GrantExemption", *DURING)
    ]
    assert asked == ASKED_FOR


PEOPLE: list[Row] = [
    ("07-03 10:00", "joined", "User frank was created with path /.", "iam:CreateUser", "user/ada"),
    ("07-03 10:00", "moved", "User frank was added to group dev.", "iam:AddUserToGroup", "user/ada"),
    ("08-05 09:00", "joined", "User hal was created with path /.", "iam:CreateUser", "user/ada"),
    ("08-06 17:00", "left", "User hal was deleted.", "iam:DeleteUser", "user/ada"),
    ("08-10 09:00", "joined", "User gina was created with path /.", "iam:CreateUser", ONBOARDING),
    ("08-10 09:00", "moved", "User gina was added to group ops.", "iam:AddUserToGroup", ONBOARDING),
    ("08-12 09:00", "moved", "User bob was removed from group dev.", "iam:RemoveUserFromGroup", "user/ada"),
    ("08-12 09:05", "moved", "User bob was added to group ops.", "iam:AddUserToGroup", "user/ada"),
    ("08-15 10:00", "moved", "Inline policy deploy of user bob was written.", "iam:PutUserPolicy", "user/ada"),
    ("09-01 09:00", "moved", "Policy OPERATE was attached to user frank.", "iam:AttachUserPolicy", "user/ada"),
    ("09-04 09:00", "moved", "Policy OPERATE was detached from user frank.", "iam:DetachUserPolicy", "user/ada"),
    ("09-08 09:00", "moved", "User carol is now caroline with path /.", "iam:UpdateUser", "user/ada"),
    ("09-15 10:00", "moved", "Inline policy deploy of user bob was deleted.", "iam:DeleteUserPolicy", "user/ada"),
    ("09-20 17:00", "moved", "User gina was removed from group ops.", "iam:RemoveUserFromGroup", "user/ada"),
    ("09-20 17:00", "left", "User gina was deleted.", "iam:DeleteUser", "user/ada"),
    ("09-25 10:00", "moved", "User frank was removed from group dev.", "muniment:DecideAccessReview", "user/caroline"),
    ("09-28 09:00", "moved", "User frank was added to group dev.", "iam:AddUserToGroup", "user/ada"),
]


def test_who_joined_moved_and_left(auditor: Auditor) -> None:
    """Also Hal, who came and went within the quarter, and what was undone."""
    operate = auditor.account.arn("policy/operate")
    rows = [
        (
            when(each["at"]),
            each["movement"],
            each["event"].replace(operate, "OPERATE"),
            each["operation"],
            who(each["by"]),
        )
        for each in auditor.asks("diff", FROM, TO, "--people")
    ]
    assert rows == PEOPLE


@pytest.mark.parametrize(
    "words",
    [("permissions", *DURING), ("diff", FROM, TO, "--people"), ("compliance", "violations", *CIS, *DURING)],
    ids=lambda words: words[0],
)
def test_an_answer_in_pages_is_the_same(
    auditor: Auditor, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = auditor.asks(*words)
    assert len(whole) > 10
    monkeypatch.setattr("services.cli.lib.client.ROWS_MAX", 3)
    monkeypatch.setattr("services.ledger.historical_states.CHANGES_A_SELECT", 2)
    assert auditor.asks(*words) == whole


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("permissions",), "Expected a PRINCIPAL, or --from"),
        (("permissions", "--to", TO), "--to ends what --from begins"),
        (("diff", FROM, TO, "--people", "--all"), "give one or the other"),
    ],
)
def test_words_that_ask_nothing(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_what_was_reviewed(auditor: Auditor) -> None:
    """At the end of the quarter: 16 lines, of which two were decided; one that was revoked was given back."""
    (told,) = auditor.asks("review", "report", "q3", "--as-of", f"{TO}T23:59:59Z")
    assert told["lines_verified"]
    assert (told["review"]["line_count"], told["counts"]) == (16, {"undecided": 14, "kept": 1, "revoked returned": 1})
    decided = {
        each["what"]: (
            each["principal_name"],
            each["decision"],
            each["reason"],
            *(each[name] and (when(each[name]["at"]), who(each[name]["by"])) for name in ("decided", "went", "came")),
        )
        for each in told["rows"]
        if each["decision"] is not None
    }
    by_caroline = ("09-25 10:00", "user/caroline")
    assert decided == {
        "membership of group ops": ("bob", "keep", "on call", by_caroline, None, None),
        "membership of group dev": (
            "frank", "revoke", "has left the team", by_caroline, by_caroline, ("09-28 09:00", "user/ada"),
        ),
    }  # fmt: skip
    assert (when(told["review"]["started_at"]), when(told["review"]["closed_at"])) == ("09-24 09:00", "09-29 16:00")


PAGE = ROOT / "docs" / "how-to" / "answer-an-auditor.md"


def test_each_command_of_the_page(auditor: Auditor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands there, in the order of the page, about this quarter."""
    monkeypatch.chdir(tmp_path)
    typed = re.findall(r"^\$ muniment (?!verify)(.*)", PAGE.read_text(), re.MULTILINE)
    assert len(typed) >= 12
    for line in typed:
        words, _, file = line.partition(" > ")
        for name, value in {"$FROM": FROM, "$TO": TO, "$END": f"{TO}T23:59:59Z"}.items():
            words = words.replace(name, value)
        told = auditor.types(*shlex.split(words))
        assert told, line
        if file:
            (tmp_path / file).write_text(told)
