"""The commands about frameworks of one's own, and about exemptions from their controls."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.services.cli.conftest import Desk

OWN = """
name = "house"
version = "1"
title = "House rules"
source = "https://wiki.example.com/iam"
controls = [
    { id = "H.1", title = "Users have teams", tests = [{ check = "user_untagged", parameters = { keys = ["team"] } }] },
    { id = "H.2", title = "Keys are handed over", not_answered = "Nothing here sees it." },
]
"""
HOUSE = ("--framework", "house")


def rows(desk: Desk, *words: str) -> list[Any]:
    return [*desk.rows(*words)]


@pytest.fixture
def file(desk: Desk, tmp_path: Path) -> Path:
    path = tmp_path / "house.toml"
    path.write_text(OWN)
    desk.muniment("compliance", "drop", "house")
    return path


def test_a_framework_of_ones_own(desk: Desk, file: Path) -> None:
    """Tried, adopted, shown as a file that says the same, reported by its name, and dropped."""
    desk.aws("iam", "create-user", "--user-name", "no-team")
    (tried,) = rows(desk, "compliance", "try", "--rules", str(file))
    assert [each["verdict"] for each in tried["controls"]] == ["fail", "not answered"]
    table = desk.muniment("compliance", "try", "--rules", str(file), "--against", "cis-5.0")
    assert table.status == 0, table.error
    assert re.search(r"^- +fail +H\.1 ", table.out, re.MULTILINE), table.out
    adopted = desk.muniment("compliance", "adopt", str(file))
    assert re.fullmatch(r"FRAMEWORK +VERSION +POSITION\nhouse +1 +p\d+\n", adopted.out), adopted
    shown = file.with_suffix(".json")
    shown.write_text(desk.muniment("compliance", "show", "house", "--output", "json").out)
    assert desk.muniment("compliance", "adopt", str(shown)).out.endswith("already so\n")
    assert 'user_untagged(keys=["team"])' in desk.muniment("compliance", "show", "house").out
    listed = {each["name"]: each for each in rows(desk, "compliance", "frameworks")}
    assert (listed["house"]["built_in"], listed["house"]["adopted_at"] is None) == (False, False)
    (report,) = rows(desk, "compliance", "report", *HOUSE)
    assert [each["verdict"] for each in report["controls"]] == ["fail", "not answered"]
    assert desk.muniment("compliance", "drop", "house").status == 0
    gone = desk.muniment("compliance", "report", *HOUSE)
    assert (gone.status, "There is no framework 'house'" in gone.error) == (1, True)


def test_exempt_in_every_output(desk: Desk, file: Path) -> None:
    """Who is exempt fails nothing, and stands in every output, with who granted it, why and until when."""
    assert desk.muniment("compliance", "adopt", str(file)).status == 0
    users = desk.aws("iam", "list-users")["Users"]
    said = ("--control", "house/H.1", "--until", "2036-01-01", "--reason", "SEC-7")
    exempt = [desk.muniment("exemption", "grant", each["UserName"], *said) for each in users]  # type: ignore[index]
    assert {each.status for each in exempt} == {0}, exempt
    written = {
        output: desk.muniment("compliance", "report", *HOUSE, "--output", output).out
        for output in ("table", "csv", "html", "oscal", "ocsf")
    }
    assert re.search(r"^H\.1 +exempt ", written["table"], re.MULTILINE), written["table"]
    assert re.search(rf"^H\.1,Users have teams,exempt,low,\d+,\d+,0,{len(users)},", written["csv"], re.MULTILINE)
    assert written["html"].count("SEC-7") == len(users)
    (result,) = json.loads(written["oscal"])["assessment-results"]["results"]
    (finding,) = result["findings"]
    assert finding["target"]["status"] == {"state": "not-satisfied", "reason": "exempt"}
    findings = [json.loads(line) for line in written["ocsf"].splitlines()]
    assert [each["status"] for each in findings if "resources" in each] == ["Suppressed"] * len(users)
    assert desk.muniment("compliance", "report", *HOUSE, "--exit-code").status == 0
    explained = desk.muniment("compliance", "explain", "H.1", *HOUSE).out
    assert explained.count("by user/admin: SEC-7") == len(users)
    ids = [each["exemption_id"] for each in of_house(desk)]
    assert {each["granted"]["by"].rpartition(":")[2] for each in of_house(desk)} == {"user/admin"}
    for each in ids:
        assert desk.muniment("exemption", "revoke", each).status == 0
    assert desk.muniment("compliance", "report", *HOUSE, "--exit-code").status == 1
    assert [each["exemption_id"] for each in of_house(desk)] == ids
    assert {each["ended_as"] for each in of_house(desk)} == {"revoked"}


def of_house(desk: Desk) -> list[Any]:
    """From its control, at any time. Other tests grant some, too."""
    found = rows(desk, "exemption", "list", "--from", "p1")
    return sorted((each for each in found if each["controls"] == ["house/H.1"]), key=lambda each: each["exemption_id"])
