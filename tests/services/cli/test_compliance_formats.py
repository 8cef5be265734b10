"""What OSCAL and OCSF have of a compliance report."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.foundation.moments import Moment
from services.cli.lib.compliance_evidence import ComplianceEvidence
from services.cli.lib.compliance_ocsf import render_ocsf
from services.cli.lib.compliance_oscal import control_tokens, render_oscal
from tests.clients.prepared import BIN
from tests.services.cli.compliance_example import ACCOUNT, AT, CONTROL_ROWS, DAY, evidence


def test_oscal_tells_what_was_found_and_what_was_not_looked_at() -> None:
    """A finding for each control that is answered, with its violations and the positions behind them; none for one that
    is not, which is excluded with its reason. Equal reports have equal bytes; another period has other ids."""
    text = render_oscal(evidence())
    assert text == render_oscal(evidence())
    results = json.loads(text)["assessment-results"]
    (result,) = results["results"]
    (selection,) = result["reviewed-controls"]["control-selections"]
    assert selection["exclude-controls"] == [{"control-id": "control-2.1.1"}]
    assert selection["props"][0]["remarks"] == "No S3 here."
    targets = [(each["target"]["target-id"], each["target"]["status"]) for each in result["findings"]]
    assert targets == [
        ("control-1.4_obj", {"state": "satisfied", "reason": "pass", "remarks": "Not looked at: Hardware MFA."}),
        ("control-1.9_obj", {"state": "not-satisfied", "reason": "fail"}),
        ("control-1.13_obj", {"state": "not-satisfied", "reason": "fail"}),
    ]
    observed = {each["uuid"]: each for each in result["observations"]}
    related = [each["observation-uuid"] for each in result["findings"][1]["related-observations"]]
    positions = [
        [prop["value"] for found in observed[each]["relevant-evidence"] for prop in found["props"]] for each in related
    ]
    assert positions == [["20", "21"], ["30"], ["31"]]
    subjects = {each["subject-uuid"] for found in observed.values() for each in found["subjects"]}
    assert subjects == {each["uuid"] for each in result["local-definitions"]["inventory-items"]}
    later = json.loads(render_oscal(evidence(until=Moment(41, AT + 31 * DAY))))["assessment-results"]
    assert later["uuid"] != results["uuid"]
    assert later["results"][0]["findings"][0]["uuid"] not in text


def test_only_addresses_are_links() -> None:
    found = evidence()
    for source, is_link in ((found.report.framework.source, True), ("javascript:alert(1)", False), ("p. 3", False)):
        framework = found.report.framework.model_copy(update={"source": source})
        changed = replace(found, report=found.report.model_copy(update={"framework": framework}))
        metadata = json.loads(render_oscal(changed))["assessment-results"]["metadata"]
        assert [each["href"] for each in metadata.get("links", ())] == [source] * is_link
        assert metadata.get("remarks") == (None if is_link else f"Published at: {source}")


def test_ids_of_controls_in_oscal() -> None:
    """NIST's form for NIST's; letters first; never two alike."""
    assert list(control_tokens(["AC-2(1)", "AC-2.1", "1.4", "A.5.15", "IAM.1"]).values()) == [
        "ac-2.1", "ac-2.1_", "control-1.4", "a.5.15", "iam.1",
    ]  # fmt: skip


@pytest.fixture
def trestle() -> str:
    found = shutil.which("trestle", path=f"{BIN}:{os.environ['PATH']}")
    if found is None:
        pytest.skip("trestle is not here: requirements-dev.lock has it")
    return found


NOTHING_ANSWERED = (CONTROL_ROWS[3],)


def test_oscal_as_others_read_it(trestle: str, tmp_path: Path) -> None:
    """compliance-trestle takes the documents for valid: with findings, and without any."""
    (tmp_path / ".trestle").mkdir()
    documents = {
        "found": evidence(),
        "nothing": ComplianceEvidence(evidence(controls=NOTHING_ANSWERED).report, (), {}, None, "p40"),
    }
    for name, each in documents.items():
        place = tmp_path / "assessment-results" / name
        place.mkdir(parents=True)
        (place / "assessment-results.json").write_text(render_oscal(each))
    validated = subprocess.run(
        [trestle, "validate", "--all", "--trestle-root", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (validated.returncode, validated.stdout.count("VALID: Model")) == (0, 2), validated.stderr


OCSF_REQUIRED: dict[str, type] = {
    "activity_id": int, "category_uid": int, "class_uid": int, "type_uid": int, "time": int, "severity_id": int,
    "metadata": dict, "finding_info": dict, "compliance": dict, "cloud": dict,
}  # fmt: skip
"""Of a Compliance Finding with the profile cloud (OCSF 1.5.0)."""
OCSF_OPTIONAL: dict[str, type] = {
    "activity_name": str, "category_name": str, "class_name": str, "type_name": str, "severity": str, "message": str,
    "status": str, "status_id": int, "start_time": int, "end_time": int, "remediation": dict, "resources": list,
    "evidences": list,
}  # fmt: skip
OCSF_KNOWN = {
    "metadata": {"version", "uid", "product", "profiles"},
    "finding_info": {"uid", "title", "types", "first_seen_time", "last_seen_time"},
    "compliance": {"standards", "control", "requirements", "status", "status_id", "status_detail", "checks"},
    "cloud": {"provider", "account"},
    "remediation": {"desc"},
    "resources": {"uid", "owner"},
    "evidences": {"uid", "data"},
}
"""Of what those have in them."""


def ocsf_faults(finding: dict[str, Any]) -> Iterator[str]:
    """What OCSF would not take."""
    types = OCSF_REQUIRED | OCSF_OPTIONAL
    yield from (f"{name} is missing" for name in OCSF_REQUIRED.keys() - finding.keys())
    for name, value in finding.items():
        if name not in types or type(value) is not types[name]:
            yield f"{name} is unknown or of another type"
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict) and part.keys() - OCSF_KNOWN[name]:
                yield f"{name} has more than OCSF knows"
    if finding["type_uid"] != finding["class_uid"] * 100 + finding["activity_id"]:
        yield "type_uid does not follow from class and activity"
    product, compliance = finding["metadata"]["product"], finding["compliance"]
    if not {"name", "vendor_name"} <= product.keys() or "version" not in finding["metadata"]:
        yield "metadata do not say what has made it"
    if "uid" not in finding["finding_info"] or not compliance["standards"]:
        yield "it is not said which finding of which standard it is"
    known = {"uid", "name", "desc", "version", "standards", "status", "status_id"}
    yield from ("a check has more" for each in compliance["checks"] if each.keys() - known)


def test_ocsf_findings() -> None:
    """One of each violating subject of a control, whatever the number of its violations; one of a control that was
    passed; one that says neither of one that is not answered. The next period has them as other events."""
    findings = [json.loads(line) for line in render_ocsf(evidence()).splitlines()]
    assert [fault for each in findings for fault in ocsf_faults(each)] == []
    told = [(each["compliance"]["control"], each["compliance"]["status"], each.get("status")) for each in findings]
    assert told == [
        ("1.4", "Pass", None), ("1.9", "Fail", "New"), ("1.9", "Fail", "Resolved"), ("1.13", "Fail", "Resolved"),
        ("2.1.1", "Not answered", None),
    ]  # fmt: skip
    bob = findings[1]
    assert [each["uid"] for each in bob["evidences"]] == [f"{ACCOUNT}:p20:p21", f"{ACCOUNT}:p30"]
    assert (bob["severity_id"], bob["start_time"]) == (4, int((AT + 10 * DAY).timestamp() * 1_000))
    assert findings[4]["compliance"]["status_detail"] == "No S3 here."
    later = [json.loads(line) for line in render_ocsf(evidence(until=Moment(41, AT + 31 * DAY))).splitlines()]
    for before, after in zip(findings, later, strict=True):
        assert before["finding_info"]["uid"] == after["finding_info"]["uid"]
        assert before["metadata"]["uid"] != after["metadata"]["uid"]
