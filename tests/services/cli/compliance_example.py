"""A compliance report of a month, with violations that began and ended in every way."""

from datetime import UTC, datetime, timedelta

from domain.compliance.check import ComplianceCheck, checks
from domain.compliance.frameworks import load_checks
from domain.foundation.moments import Moment
from domain.read_models.compliance import ControlResult, Exposure, ReportedCheck, ReportedFramework, ViolationInterval
from services.api.contract.compliance import ComplianceReport, ShownViolation
from services.cli.lib.compliance_evidence import ComplianceEvidence

ACCOUNT = "123456789012"
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/admin"
FRAMEWORK = ReportedFramework(name="cis-5.0", version="5.0.0", title="CIS", source="https://example.com/cis")
KEY_AGE, MFA = "access_key_age(days=90)", "password_without_mfa()"


def violation(
    criterion: str, subject_id: str, name: str, position: int, days: float, until: float | None = None, **more: object
) -> ViolationInterval:
    """From and until so many days after AT; `closed_position` 0 is by time."""
    closed_position = more.pop("closed_position", position + 1)
    closed = None
    if until is not None:
        by = ADMIN if closed_position else None
        closed = {"position": closed_position or None, "at": AT + until * DAY, "by": by}
    return ViolationInterval.model_validate({
        "criterion": criterion, "subject_id": subject_id, "holder_id": subject_id, "holder_name": name,
        "opened": {"position": position, "at": AT + days * DAY, "by": ADMIN}, "by_time": False, "closed": closed,
        **more,
    })  # fmt: skip


KEY = "AKIAYNGJBXFMZWNXNHBK"
VIOLATIONS = (
    violation(KEY_AGE, KEY, "ann", 12, -3, 5, holder_id="AIDAANN", by_time=True),
    violation(MFA, "AIDABOB", "bob", 20, 10, 10.5),
    violation(MFA, "AIDABOB", "bob", 30, 20),
    violation(MFA, "AIDACAT", "<b>", 31, 21, 22, closed_position=0),
)


def control(control_id: str, verdict: str, title: str = "Keys are rotated", **more: object) -> ControlResult:
    return ControlResult.model_validate({
        "control_id": control_id, "title": title, "verdict": verdict, "severity": "high", "reason": None,
        "partly": None, "criteria": (), "subjects": 4, "violating": 0, "violations": 0, "exempt": 0,
        "first_violated_at": None,
        "exposure": (), **more,
    })  # fmt: skip


CONTROL_ROWS = (
    control("1.4", "pass", "The root user has MFA", criteria=("root_without_mfa()",), partly="Hardware MFA."),
    control(
        "1.9", "fail", "Every user with a console password has MFA", criteria=(MFA,), violating=1, violations=3,
        first_violated_at=AT + 10 * DAY, exposure=(Exposure(unit="days", amount=11.5),),
    ),
    control(
        "1.13", "fail", "Access keys are rotated every 90 days or sooner", criteria=(KEY_AGE,), violations=1,
        severity="medium", first_violated_at=AT - 3 * DAY, exposure=(Exposure(unit="key-days", amount=5),),
    ),
    control("2.1.1", "not answered", "S3 buckets refuse requests without TLS", reason="No S3 here."),
)  # fmt: skip


def evidence(**more: object) -> ComplianceEvidence:
    """Of a month after AT, by default."""
    report = ComplianceReport.model_validate({
        "account_id": ACCOUNT, "framework": FRAMEWORK, "since": Moment(10, AT), "clipped_to": None,
        "until": Moment(40, AT + 30 * DAY), "controls": CONTROL_ROWS, "exemptions": (), **more,
    })  # fmt: skip
    control_of = {KEY_AGE: ("1.13",), MFA: ("1.9",)}
    shown = [ShownViolation(violation=each, controls=control_of[each.criterion], exempt=()) for each in VIOLATIONS]
    load_checks()
    known = {each.name: told_check(each) for each in checks()}
    return ComplianceEvidence(report, shown, known, "p10", "2026-07-01T12:00:00Z")


def told_check(check: ComplianceCheck) -> ReportedCheck:
    names = ReportedCheck.model_fields.keys() - {"parameters"}
    return ReportedCheck.model_validate({name: getattr(check, name) for name in names} | {"parameters": {}})
