"""A compliance report as OCSF Compliance Findings (https://schema.ocsf.io/1.5.0/classes/compliance_finding).

One of each control and each subject that violates it, one of each control that was passed, and one of each that is not
answered, whose status is neither pass nor fail. A finding has one `finding_info.uid` in the reports of all periods.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from domain.read_models.compliance import ControlResult, ViolationInterval
from services.cli.lib.compliance_evidence import ComplianceEvidence, own_version
from services.cli.lib.compliance_output import period_of
from services.cli.lib.output import exact_time

OCSF_VERSION = "1.5.0"
FINDINGS, COMPLIANCE_FINDING = 2, 2003
CREATE, CLOSE = (1, "Create"), (3, "Close")
NEW, SUPPRESSED, RESOLVED = (1, "New"), (3, "Suppressed"), (4, "Resolved")
PASS, FAIL, OTHER = (1, "Pass"), (3, "Fail"), (99, "Not answered")
SEVERITY_IDS = {"informational": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}

Ocsf = dict[str, object]


def render_ocsf(evidence: ComplianceEvidence) -> str:
    """A finding a line, in the order of the report's controls, in ASCII."""
    return "".join(json.dumps(finding) + "\n" for finding in _findings(evidence))


def _findings(evidence: ComplianceEvidence) -> Iterator[Ocsf]:
    for control in evidence.report.controls:
        match control.verdict:
            case "fail" | "exempt":
                for exempt in (False, True):
                    for subject_id, violations in evidence.by_subject(control.control_id, exempt=exempt).items():
                        yield _failed(evidence, control, subject_id, violations, exempt=exempt)
            case "pass":
                yield _of_control(evidence, control, PASS, None)
            case _:
                yield _of_control(evidence, control, OTHER, control.reason)


def _of_control(
    evidence: ComplianceEvidence, control: ControlResult, status: tuple[int, str], detail: str | None
) -> Ocsf:
    return {
        **_event(evidence, control, CREATE, "informational"),
        "message": f"{control.control_id} {control.title}: {status[1].lower()}, {period_of(evidence.report)}",
        "finding_info": _info(evidence, control),
        "compliance": _compliance(evidence, control, control.criteria, status, detail),
    }


def _failed(
    evidence: ComplianceEvidence,
    control: ControlResult,
    subject_id: str,
    violations: Sequence[ViolationInterval],
    *,
    exempt: bool,
) -> Ocsf:
    """Those of a subject that were exempt are a finding of their own."""
    last = violations[-1]
    ends = [each.closed.at for each in violations if each.closed is not None]
    is_over = len(ends) == len(violations)
    first_at = min(each.opened.at for each in violations)
    status_id, status = SUPPRESSED if exempt else RESOLVED if is_over else NEW
    of = (subject_id, "exempt") if exempt else (subject_id,)
    info = {
        **_info(evidence, control, *of),
        "first_seen_time": _milliseconds(first_at),
        "last_seen_time": _milliseconds(max(ends) if is_over else evidence.report.until.at),
    }
    criteria = tuple(dict.fromkeys(each.criterion for each in violations))
    remedies = [check.remediation for each in criteria if (check := evidence.check(each)) is not None]
    return {
        **_event(evidence, control, CLOSE if is_over else CREATE, control.severity, *of),
        "status_id": status_id,
        "status": status,
        "message": f"{control.control_id} {control.title}: violated by {subject_id} of {last.holder_name}",
        "start_time": _milliseconds(first_at),
        **({"end_time": _milliseconds(max(ends))} if is_over else {}),
        "finding_info": info,
        "compliance": _compliance(evidence, control, criteria, FAIL, None),
        **({"remediation": {"desc": " ".join(dict.fromkeys(remedies))}} if remedies else {}),
        "resources": [{"uid": subject_id, "owner": {"uid": last.holder_id, "name": last.holder_name}}],
        "evidences": [{"uid": _evidence_uid(evidence, each), "data": _evidence(each)} for each in violations],
    }


def _event(
    evidence: ComplianceEvidence,
    control: ControlResult,
    activity: tuple[int, str],
    severity: Literal["critical", "high", "medium", "low", "informational"],
    *of: str,
) -> Ocsf:
    """The attributes of all findings."""
    activity_id, activity_name = activity
    account_id = evidence.report.account_id
    return {
        "activity_id": activity_id,
        "activity_name": activity_name,
        "category_uid": FINDINGS,
        "category_name": "Findings",
        "class_uid": COMPLIANCE_FINDING,
        "class_name": "Compliance Finding",
        "type_uid": COMPLIANCE_FINDING * 100 + activity_id,
        "type_name": f"Compliance Finding: {activity_name}",
        "time": _milliseconds(evidence.report.until.at),
        "severity_id": SEVERITY_IDS[severity],
        "severity": severity.capitalize(),
        "metadata": {
            "version": OCSF_VERSION,
            "uid": evidence.uuid("event", control.control_id, *of),
            "product": {"name": "muniment", "vendor_name": "muniment", "version": own_version()},
            "profiles": ["cloud"],
        },
        # The account has the form of AWS's, and is none of AWS's.
        "cloud": {"provider": "muniment", "account": {"uid": account_id}},
    }


def _info(evidence: ComplianceEvidence, control: ControlResult, *of: str) -> Ocsf:
    return {
        "uid": evidence.lasting_uuid("finding", control.control_id, *of),
        "title": f"{control.control_id} {control.title}",
        "types": ["Compliance"],
    }


def _compliance(
    evidence: ComplianceEvidence,
    control: ControlResult,
    criteria: Sequence[str],
    status: tuple[int, str],
    detail: str | None,
) -> Ocsf:
    framework = evidence.report.framework
    standards = [f"{framework.title} {framework.version}"]
    status_id, words = status
    return {
        "standards": standards,
        "control": control.control_id,
        "requirements": [control.title],
        "status_id": status_id,
        "status": words,
        **({} if detail is None else {"status_detail": detail}),
        "checks": [
            {
                "uid": criterion,
                "standards": standards,
                "status_id": status_id,
                "status": words,
                **(
                    {}
                    if (check := evidence.check(criterion)) is None
                    else {"name": check.title, "desc": check.rationale, "version": str(check.version)}
                ),
            }
            for criterion in criteria
        ],
    }


def _evidence_uid(evidence: ComplianceEvidence, violation: ViolationInterval) -> str:
    """The positions of the ledger that the violation rests on."""
    closed = violation.closed
    positions = [violation.opened.position, None if closed is None else closed.position]
    return ":".join([evidence.report.account_id, *(f"p{each}" for each in positions if each is not None)])


def _evidence(violation: ViolationInterval) -> Ocsf:
    opened, closed = violation.opened, violation.closed
    return {
        "criterion": violation.criterion,
        "opened": {"position": opened.position, "at": exact_time(opened.at), "by": opened.by},
        "by_time": violation.by_time,
        "closed": None
        if closed is None
        else {"position": closed.position, "at": exact_time(closed.at), "by": closed.by},
    }


def _milliseconds(at: datetime) -> int:
    """Since 1970, as OCSF has times."""
    return int(at.timestamp() * 1_000)
