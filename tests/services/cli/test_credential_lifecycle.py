"""What the commands about credentials, profiles and exemptions print."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.foundation.moments import EventRef
from domain.read_models.credentials import (
    AccessKeyCredential,
    AgeingEntity,
    Credential,
    CredentialLifecycle,
    LifecycleStep,
    PasswordCredential,
)
from services.cli.lib.credential_output import CREDENTIALS, EXPORTED
from services.cli.lib.credentials_html import ROWS_MAX, age_bars, render_credentials
from services.cli.lib.organization_file import InvalidFile, organization_to_json, parse_organization
from services.cli.lib.output import Csv, Table
from tests.services.cli.conftest import Desk

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def step(what: str, days: int, **more: object) -> LifecycleStep:
    fields = {"profile": "team", "version": 3, "rule": f"access_key_{what}", "days": 90, **more}
    return LifecycleStep(what=what, at=AT + days * DAY, **fields)  # type: ignore[arg-type]


def life(*stands: LifecycleStep, coming: LifecycleStep | None = None, **more: object) -> CredentialLifecycle:
    fields = {"owner_id": "AIDA1", "owner_name": "ann", "active": True, "use_recorded": True, "last_used_at": None}
    fields |= {"due": None, "exempt_until": None, "credential_id": "1", **more}
    return CredentialLifecycle(stands=stands, next=coming, **fields)  # type: ignore[arg-type]


MADE = EventRef(7, AT - 120 * DAY, "user/admin")
ROWS: list[Credential] = [
    AccessKeyCredential(
        "AKIAYNGJBXFMZWNXNHBK", "AIDA1", "ann", MADE, 120, "Active", MADE, None,
        lifecycle=life(step("idle", -75), step("rotation_overdue", -16), last_used_at=AT - 100 * DAY),
    ),
    PasswordCredential(
        "AIDA1", "ann", MADE, MADE, 120, False, None, False, False,  # noqa: FBT003
        lifecycle=life(use_recorded=False, exempt_until=AT + 30 * DAY),
    ),
    AgeingEntity("AROA1", "ci", AT - DAY, 1, None, False, "role", life(coming=step("idle", 89))),  # noqa: FBT003
    AccessKeyCredential(
        "AKIAYNGJBXFMSA5MHZNI", "1", None, MADE, 120, "Active", MADE, None,
        lifecycle=life(step("withheld", -3, protects="root", action="deactivate", override="machines")),
    ),
]  # fmt: skip


NARROW = """\
CREDENTIAL            OWNER  STATUS  AGE DAYS  LAST USED
    STANDS                                           NEXT             RULE
AKIAYNGJBXFMZWNXNHBK  ann    Active  120       2026-02-21
    idle since 2026-03-18, overdue since 2026-05-16  -                team 3
password              ann    Active  120       not recorded
    exempt until 2026-07-01                          -                -
role                  ci     -       1         never
    -                                                2026-08-29 idle  team 3
AKIAYNGJBXFMSA5MHZNI  root   Active  120       never
    withheld (root) since 2026-05-29                 -                team 3
"""
BROAD = """\
CREDENTIAL            OWNER  STATUS  AGE DAYS  LAST USED             STANDS                              NEXT
    RULE
AKIAYNGJBXFMZWNXNHBK  ann    Active  120       2026-02-21T12:00:00Z  idle since 2026-03-18, overdue      -
                                                                       since 2026-05-16
    team 3 access_key_rotation_overdue 90
password              ann    Active  120       not recorded          exempt until 2026-07-01             -
    -
role                  ci     -       1         never                 -                                   2026-08-29 idle
    team 3 access_key_idle 90
AKIAYNGJBXFMSA5MHZNI  root   Active  120       never                 withheld (root) since 2026-05-29    -
    team 3 access_key_withheld 90 (machines)
"""


@pytest.mark.parametrize(("width", "expected"), [(80, NARROW), (120, BROAD)])
def test_the_table_of_credentials(width: int, expected: str) -> None:
    """On a terminal of that width no id is cut, and a finding names its profile and version."""
    out = io.StringIO()
    Table([column for column in CREDENTIALS if not column.wide], out, width).show(ROWS)
    assert out.getvalue() == expected


def test_a_spreadsheet_of_credentials() -> None:
    """A line each under the titles, with the rule whole."""
    out = io.StringIO()
    Csv(EXPORTED, out).show(ROWS)
    lines = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [line["kind"] for line in lines] == ["access_key", "password", "role", "access_key"]
    assert [line["last_used"] for line in lines] == ["2026-02-21T12:00:00Z", "not recorded", "never", "never"]
    assert lines[3]["rule"] == "team 3 access_key_withheld 90 (machines)"
    assert lines[2]["next"] == "2026-08-29 idle"


def test_the_page_of_credentials() -> None:
    """Each is counted in the bar of its age, by how it stands; no text of it becomes markup; what is too much to list
    is said."""
    evil = AgeingEntity("AROA2", "<b>", AT, 30, None, False, "role", life(step("rotation_warned", -1)))  # noqa: FBT003
    page = render_credentials("123456789012", "As of now.", [*ROWS, evil])
    assert [(label, dict(counts)) for label, counts in age_bars([*ROWS, evil]) if counts] == [
        ("0 to 29 days", {"calm": 1}), ("30 to 59 days", {"soon": 1}), ("90 to 179 days", {"late": 1, "calm": 2}),
    ]  # fmt: skip
    assert page.count("<rect") == 4 + 3
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "1 credential of 5: overdue, idle or expired" in page
    many = render_credentials("123456789012", "As of now.", ROWS[2:3] * (ROWS_MAX + 2))
    assert "2 more are not listed" in many


ORGANIZATION = {
    "management_account": "123456789012",
    "root": {
        "lifecycle_profile": "cis-5.0",
        "units": [
            {"name": "team", "lifecycle_profile": {"name": "t", "version": 2, "rules": {"user": {"max_idle_days": 9}}}}
        ],
    },
}


def test_profiles_in_the_organizations_file() -> None:
    """A built-in one by its name, any other whole and with its version: what is written reads as what was read."""
    read = parse_organization(json.dumps(ORGANIZATION))
    assert [str(node.lifecycle_profile) for node in read.nodes] == ["cis-5.0 version 1", "None", "t version 2"]
    assert parse_organization(json.dumps(organization_to_json(read))) == read
    for given, said in (
        ("cis", 'there is no built-in profile "cis"; expected one of default, cis-5.0'),
        ({"name": "t", "rules": {}}, "version: expected a number beside its name"),
        ({"name": "t", "version": 1, "rules": {"role": {"max_age_days": 3}}}, "there is no such rule for a role"),
    ):
        root = {**ORGANIZATION["root"], "lifecycle_profile": given}  # type: ignore[dict-item]
        with pytest.raises(InvalidFile, match=f"^root.lifecycle_profile: .*{said}"):
            parse_organization(json.dumps({**ORGANIZATION, "root": root}))


def test_profiles_and_exemptions_by_command(desk: Desk, tmp_path: Path) -> None:
    """A profile that is shown is a file that is set; what it would change is shown before; what cannot be meant is told
    before anybody is asked."""
    file = tmp_path / "team.json"
    shown = desk.muniment("profile", "show", "cis-5.0", "--output", "json").out
    file.write_text(json.dumps({**json.loads(shown), "name": "team", "rules": {"user": {"max_idle_days": 3}}}))
    (name,) = {"lifecyclist"}
    desk.aws("iam", "create-user", "--user-name", name)
    differs = desk.muniment("profile", "diff", str(file), "default").out.splitlines()
    assert "user.max_idle_days" in [line.split()[0] for line in differs]
    (row,) = [
        row
        for row in desk.rows("profile", "dry-run", str(file), "--days", "5")
        if row["owner_name"] == name and row["kind"] == "user"
    ]
    assert (row["what"], row["change"], row["in_force"]) == ("idle", "added", None)
    assert desk.muniment("profile", "set", str(file)).out.splitlines()[1].startswith("team version 1")
    assert "It was in force already." in desk.muniment("profile", "set", str(file)).error
    assert json.loads(desk.muniment("profile", "show", "--output", "json").out) == json.loads(file.read_text())
    granted = desk.rows("exemption", "grant", name, "--until", "2030-01-01", "--reason", "test", "--kind", "user")[0]
    (held,) = desk.rows("credentials", "--user", name)
    assert held["lifecycle"]["exempt_until"] == "2030-01-01T00:00:00Z"  # type: ignore[index]
    exemption = granted["exemption"]
    assert isinstance(exemption, dict)
    listed = desk.muniment("exemption", "list").out
    assert exemption["exemption_id"] in listed
    assert desk.muniment("exemption", "revoke", exemption["exemption_id"]).status == 0
    assert desk.muniment("profile", "remove").status == 0
    for words, said in (
        (("profile", "set", "cis"), "Cannot read cis"),
        (("profile", "remove", "--unit", "r-abcd"), "--unit takes --local"),
        (("credentials", "--kind", "acces-key"), "The nearest is access_key."),
        (("credentials", "--due-within", "soon"), "Expected a span such as 12h"),
    ):
        answer = desk.muniment(*words)
        assert (answer.status, said in answer.error) == (2, True), answer.error
