"""What `muniment compliance report` and `violations` print."""

import csv
import io
import json
import re
from argparse import Namespace
from collections.abc import Sequence

import pytest

from domain.foundation.moments import Moment
from services.api.contract.compliance import ComplianceReport, GetComplianceReport, ShownViolation, ViolationsPage
from services.api.contract.compliance_frameworks import FrameworkList
from services.api.contract.question import Answer
from services.cli.lib import compliance_evidence
from services.cli.lib.compliance_evidence import ComplianceEvidence, gather_evidence
from services.cli.lib.compliance_html import LANES_MAX, ROWS_MAX, render_compliance, section_of, share
from services.cli.lib.compliance_output import (
    CONTROLS_EXPORTED,
    VIOLATIONS_EXPORTED,
    control_columns,
    violation_columns,
)
from services.cli.lib.output import Csv, Table
from services.cli.lib.terminal import Failure
from tests.services.cli.compliance_example import ACCOUNT, AT, CONTROL_ROWS, MFA, control, evidence, violation
from tests.services.cli.conftest import Desk

NARROW = """\
CONTROL  VERDICT       SEVERITY  IN VIOLATION  VIOLATIONS  EXPOSURE
    TITLE
1.4      pass          high      0 of 4        0           -
    The root user has MFA
1.9      fail          high      1 of 4        3           11.5 days
    Every user with a console password has MFA
1.13     fail          medium    0 of 4        1           5.0 key-days
    Access keys are rotated every 90 days or sooner
2.1.1    not answered  high      -             -           -
    S3 buckets refuse requests without TLS
CONTROLS  SUBJECT               OF   FROM                  BY
    TO                    ENDED BY    POSITIONS
1.13      AKIAYNGJBXFMZWNXNHBK  ann  2026-05-29T12:00:00Z  time
    2026-06-06T12:00:00Z  user/admin  p12, p13
1.9       AIDABOB               bob  2026-06-11T12:00:00Z  user/admin
    2026-06-12T00:00:00Z  user/admin  p20, p21
1.9       AIDABOB               bob  2026-06-21T12:00:00Z  user/admin
    -                     -           p30
1.9       AIDACAT               <b>  2026-06-22T12:00:00Z  user/admin
    2026-06-23T12:00:00Z  time        p31
"""
BROAD = """\
CONTROL  VERDICT       SEVERITY  IN VIOLATION  VIOLATIONS  EXPOSURE      TITLE
1.4      pass          high      0 of 4        0           -             The root user has MFA
1.9      fail          high      1 of 4        3           11.5 days     Every user with a console password has MFA
1.13     fail          medium    0 of 4        1           5.0 key-days  Access keys are rotated every 90 days or sooner
2.1.1    not answered  high      -             -           -             S3 buckets refuse requests without TLS
CONTROLS  SUBJECT               OF   FROM                  BY          TO                    ENDED BY    POSITIONS
1.13      AKIAYNGJBXFMZWNXNHBK  ann  2026-05-29T12:00:00Z  time        2026-06-06T12:00:00Z  user/admin  p12, p13
1.9       AIDABOB               bob  2026-06-11T12:00:00Z  user/admin  2026-06-12T00:00:00Z  user/admin  p20, p21
1.9       AIDABOB               bob  2026-06-21T12:00:00Z  user/admin  -                     -           p30
1.9       AIDACAT               <b>  2026-06-22T12:00:00Z  user/admin  2026-06-23T12:00:00Z  time        p31
"""


@pytest.mark.parametrize(("width", "expected"), [(80, NARROW), (120, BROAD)])
def test_the_tables_of_controls_and_violations(width: int, expected: str) -> None:
    """On a terminal of that width no id is cut, and nothing is counted of a control that was not looked at."""
    out = io.StringIO()
    Table([column for column in control_columns(CONTROL_ROWS) if not column.wide], out, width).show(CONTROL_ROWS)
    columns = [column for column in violation_columns(ACCOUNT) if not column.wide]
    Table(columns, out, width).show(evidence().shown)
    assert out.getvalue() == expected


def test_what_is_exempt_has_a_column_where_something_is() -> None:
    """Without it, what is in violation would be more than what there is of violations."""
    excused = control("1.13", "exempt", violating=1, exempt=1)
    assert "EXEMPT" not in [column.title for column in control_columns(CONTROL_ROWS)]
    out = io.StringIO()
    Table([column for column in control_columns([excused]) if not column.wide], out, None).show([excused])
    heading, row = out.getvalue().splitlines()
    assert re.split("  +", heading)[3:7] == ["IN VIOLATION", "VIOLATIONS", "EXPOSURE", "EXEMPT"]
    assert re.split("  +", row)[3:7] == ["1 of 4", "0", "-", "1"]


def test_spreadsheets_of_controls_and_violations() -> None:
    """A control, or a violation, a line, with exact times; what is not answered has no numbers."""
    out = io.StringIO()
    Csv(CONTROLS_EXPORTED, out).show(CONTROL_ROWS)
    controls = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [(each["verdict"], each["violations"], each["key_days"]) for each in controls] == [
        ("pass", "0", ""), ("fail", "3", ""), ("fail", "1", "5"), ("not answered", "", ""),
    ]  # fmt: skip
    out = io.StringIO()
    Csv(VIOLATIONS_EXPORTED, out).show(evidence().shown)
    first, *_, last = csv.DictReader(io.StringIO(out.getvalue()))
    assert (first["from"], first["by_time"], first["to_position"]) == ("2026-05-29T12:00:00.000000Z", "yes", "13")
    assert (last["by_time"], last["to"], last["to_position"], last["closed_by"]) == (
        "no", "2026-06-23T12:00:00.000000Z", "", "",
    )  # fmt: skip


def test_the_page_of_a_report() -> None:
    """Each verdict, violation and reason is in it; no text of it becomes markup; of one moment, too."""
    page = render_compliance(evidence())
    assert "2 of 3 answered controls failed; 1 not answered here" in page
    assert re.findall(r"pass: \d|fail: \d|not answered: \d", page)[:3] == ["pass: 1", "fail: 2", "not answered: 1"]
    assert len(re.findall('class="life o[nv]', page)) == 4 + 2 * 2  # and the legends of two controls
    assert 'href="#control-1.9"' in page
    assert 'id="control-1.9"' in page
    for text in ("p20, p21", "No S3 here.", "Hardware MFA.", "&lt;b&gt;", "muniment verify"):
        assert text in page, text
    assert "<b>" not in page
    assert "<script" not in page
    assert "as of 2026-06-01" in render_compliance(evidence(until=Moment(10, AT)))


def test_a_page_is_bounded() -> None:
    """With 20,000 violations of 400 controls that all failed it stays below 4 MB, and says how many it leaves out."""
    many = [
        ShownViolation(
            violation=violation(MFA, f"AIDA{n}", f"user{n}", n, 1 + n / 2_000), controls=(f"1.{n % 400}",), exempt=()
        )
        for n in range(20_000)
    ]
    rows = [control(f"1.{n}", "fail", criteria=(MFA,), violations=50) for n in range(400)]
    page = render_compliance(ComplianceEvidence(evidence(controls=rows).report, many, {}, "p10", "p40"))
    assert len(page) < 4_000_000, len(page)
    assert page.count('data-title="Positions"') == 400 * 10
    assert page.count("45 more subjects are not drawn.") == 400
    assert page.count("40 more violations are not listed") == 400
    assert (share(ROWS_MAX, (10, 100), 1), share(LANES_MAX, (5, 50), 1)) == (100, 50)


@pytest.mark.parametrize(
    ("control_id", "section"),
    [("1.4", "1"), ("2.1.1", "2"), ("A.5.15", "A.5"), ("CC6.1", "CC6"), ("AC-2(1)", "AC"), ("IAM.1", "IAM"), ("x", "")],
)
def test_sections_of_frameworks(control_id: str, section: str) -> None:
    assert section_of(control_id) == section


CIS = ("--framework", "cis-5.0")


def test_each_output_by_command(desk: Desk) -> None:
    """All outputs are about the same: the violations that the report counts, with the same bytes each time of the same
    moment. The exit code tells of failed controls only if it is asked to."""
    desk.aws("iam", "create-user", "--user-name", "audited")
    desk.aws("iam", "create-login-profile", "--user-name", "audited", "--password", "correct-Horse-7-battery")
    (report,) = desk.rows("compliance", "report", *CIS)
    until = report["until"]
    assert isinstance(until, dict)
    asked = (*CIS, "--as-of", f"p{until['position']}")
    written = {
        output: desk.muniment("compliance", "report", *asked, "--output", output)
        for output in ("csv", "html", "oscal", "ocsf")
    }
    assert {each.status for each in written.values()} == {0}, written
    assert written["oscal"].out == desk.muniment("compliance", "report", *asked, "--output", "oscal").out
    listed = list(csv.DictReader(io.StringIO(desk.muniment("compliance", "violations", *asked, "--output", "csv").out)))
    (control,) = (each for each in csv.DictReader(io.StringIO(written["csv"].out)) if each["control"] == "1.9")
    of_control = [each["subject_id"] for each in listed if "1.9" in each["controls"].split("; ")]
    assert control["violations"] == str(len(of_control))
    findings = [json.loads(line) for line in written["ocsf"].out.splitlines()]
    assert {each["resources"][0]["uid"] for each in findings if each["compliance"]["control"] == "1.9"} == {*of_control}
    (result,) = json.loads(written["oscal"].out)["assessment-results"]["results"]
    assert len(result["observations"]) == len(listed)
    assert "audited" in written["html"].out
    failed = desk.muniment("compliance", "report", *asked, "--exit-code")
    assert (failed.status, "controls failed." in failed.error) == (1, True)
    for words, said in (
        (("report", *CIS, "--output", "pdf"), "expected table, json, csv, html, oscal, ocsf"),
        (("violations", *CIS, "--output", "oscal"), "expected table, json, csv"),
    ):
        refused = desk.muniment("compliance", *words)
        assert (refused.status, said in refused.error) == (2, True), refused.error


def answering(
    monkeypatch: pytest.MonkeyPatch, reports: list[ComplianceReport], shown: Sequence[ShownViolation]
) -> None:
    """The reports one after the other, and these violations as of the last one."""
    last = reports[-1]
    page = ViolationsPage(
        account_id=ACCOUNT, limit=1, marker=None, clipped_to=None, since=last.since, until=last.until,
        violations=tuple(shown),
    )  # fmt: skip
    nothing = FrameworkList(frameworks=(), checks=())
    asked = iter(reports)

    def ask(_args: Namespace, question: type, _parameters: object) -> Answer:
        return next(asked) if question is GetComplianceReport else nothing

    monkeypatch.setattr(compliance_evidence, "ask", ask)
    monkeypatch.setattr(compliance_evidence, "collect_pages", lambda *_: [page])


NOW: dict[str, str | None] = {"since": "p10", "as_of": None}


def test_answers_that_do_not_agree_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A violation fewer than the report counted, and nothing is written."""
    answering(monkeypatch, [evidence().report], evidence().shown[:-1])
    with pytest.raises(Failure, match=r"violations of control 1\.9 were 3 and then 2"):
        gather_evidence(Namespace(), NOW)


def test_all_answers_are_as_of_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was recorded after the first answer, at its time, is in the report, too; commands name the period as it was
    named, for a time does not name every position."""
    last = evidence().report
    answering(monkeypatch, [evidence(until=Moment(39, last.until.at)).report, last], evidence().shown)
    gathered = gather_evidence(Namespace(), NOW)
    assert gathered.report.until.position == 40
    assert gathered.command("explain", "1.9") == (
        "muniment compliance explain 1.9 --framework cis-5.0 --from p10 --to 2026-07-01T12:00:00.000000Z"
    )
