"""Findings of Security Hub's controls, in the AWS Security Finding Format (ASFF).

There is one of each control and resource as it is, and of each time before at which the resource failed one that is
archived, for as long as Security Hub keeps these
(https://docs.aws.amazon.com/securityhub/latest/userguide/controls-findings-create-update.html).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from domain.account import Account
from domain.calls import Call
from domain.families.resource_compliance import (
    ACCOUNT,
    AcceptedRisk,
    ComplianceFacts,
    ControlCompliance,
    ResourceCompliance,
    ViolatedSpan,
)
from services.security_hub.hub import STANDARD_PATH, HubControl, own_arn, region, shared_arn, timestamp

SCHEMA_VERSION = "2018-10-08"
TYPE = "Software and Configuration Checks/Industry and Regulatory Standards"
PRODUCT, COMPANY = "Security Hub CSPM", "AWS"
ARCHIVED_FOR = timedelta(days=90)
FAILED, NOT_AVAILABLE, PASSED, WARNING = "FAILED", "NOT_AVAILABLE", "PASSED", "WARNING"
ASSOCIATED = f"standards/{STANDARD_PATH}"
NO_RESOURCES = ("CONFIG_EVALUATIONS_EMPTY", "There is nothing in the account that the control asks about.")
NOT_ANSWERED, PARTLY_ANSWERED = "NOT_ANSWERED", "PARTLY_ANSWERED"
"""AWS has no codes for what cannot be looked at here."""
TITLE_CHARACTERS_MAX, DESCRIPTION_CHARACTERS_MAX, TEXT_CHARACTERS_MAX = 256, 1_024, 512
FIELD_CHARACTERS_MAX = 2_048
NORMALIZED = {"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}
_TYPES = {
    ACCOUNT: "AwsAccount",
    "group": "AwsIamGroup",
    "policy": "AwsIamPolicy",
    "role": "AwsIamRole",
    "user": "AwsIamUser",
}
"""By noun. What ASFF has no type for is Other."""
_NAMES = {"group": "GroupName", "policy": "PolicyName", "role": "RoleName", "user": "UserName"}
Reason = tuple[str, str]
FindingParts = dict[str, object]


class ControlFinding(NamedTuple):
    control: HubControl
    resource: ResourceCompliance | None
    """None: the account, of which the control asks nothing."""
    status: str
    since: datetime
    until: datetime | None = None
    """Of one that is archived."""
    span: ViolatedSpan | None = None
    """Of one that failed."""
    reason: Reason | None = None

    @property
    def key(self) -> str:
        """As a UUID. A new result has another one, and an archived one keeps its own."""
        about = "" if self.resource is None else self.resource.holder_id
        position = "" if self.span is None else self.span.position
        said = f"{self.control.control.id} {about} {self.since.isoformat()} {position}"
        digits = sha256(said.encode()).hexdigest()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))

    @property
    def severity(self) -> str:
        return self.control.control.severity.upper() if self.status == FAILED else "INFORMATIONAL"

    @property
    def accepted(self) -> AcceptedRisk | None:
        return None if self.span is None else self.span.accepted

    @property
    def workflow(self) -> str:
        """Suppressed is what somebody has accepted."""
        if self.status == PASSED:
            return "RESOLVED"
        return "NEW" if self.accepted is None else "SUPPRESSED"

    @property
    def record_state(self) -> str:
        return "ACTIVE" if self.until is None else "ARCHIVED"

    @property
    def resource_type(self) -> str:
        return _TYPES[ACCOUNT] if self.resource is None else _TYPES.get(self.resource.noun, "Other")

    @property
    def title(self) -> str:
        return self.control.control.definition.title[:TITLE_CHARACTERS_MAX]

    @property
    def description(self) -> str:
        checks = [criterion.check for criterion in self.control.control.criteria]
        said = " ".join(dict.fromkeys(check.rationale for check in checks))
        return (said or self.title)[:DESCRIPTION_CHARACTERS_MAX]

    @property
    def recommendation(self) -> str | None:
        checks = [criterion.check for criterion in self.control.control.criteria]
        return "; ".join(dict.fromkeys(check.remediation for check in checks))[:TEXT_CHARACTERS_MAX] or None

    @property
    def generator_id(self) -> str:
        return f"security-control/{self.control.control.id}"


def control_findings(
    controls: Iterable[HubControl], facts: ComplianceFacts, account: Account
) -> Iterator[ControlFinding]:
    archived_since = facts.wanted.at - ARCHIVED_FOR
    for control, found in zip(controls, facts.controls, strict=True):
        for resource in found.resources:
            for span in resource.spans:
                if span.until is None or span.until > archived_since:
                    yield ControlFinding(control, resource, FAILED, span.since, span.until, span)
            if resource.is_looked_at and not resource.is_violating:
                yield _as_it_is(control, found, resource)
        if not any(resource.is_looked_at for resource in found.resources):
            yield _of_account(control, found, account)


def _as_it_is(control: HubControl, found: ControlCompliance, resource: ResourceCompliance) -> ControlFinding:
    assert resource.since is not None
    partly = control.control.definition.partly
    if partly is None:
        return ControlFinding(control, resource, PASSED, resource.since)
    return ControlFinding(control, resource, WARNING, resource.since, reason=(PARTLY_ANSWERED, found.reason or partly))


def _of_account(control: HubControl, found: ControlCompliance, account: Account) -> ControlFinding:
    """Security Hub passes a control that has no resources at the account."""
    ends = [span.until for resource in found.resources for span in resource.spans if span.until is not None]
    assert account.created_at is not None
    since = max(ends, default=account.created_at)
    if found.verdict == "pass":
        return ControlFinding(control, None, PASSED, since, reason=NO_RESOURCES)
    return ControlFinding(control, None, NOT_AVAILABLE, since, reason=(NOT_ANSWERED, found.reason or ""))


class Renderer(NamedTuple):
    """What findings say of where they are asked for."""

    account: Account
    call: Call
    at: datetime
    """As of when they are found."""

    def finding_id(self, finding: ControlFinding) -> str:
        return own_arn(self.account, self.call, f"{finding.generator_id}/finding/{finding.key}")

    @property
    def product_arn(self) -> str:
        return shared_arn(self.account, self.call, "product/aws/securityhub")

    def resource_id(self, finding: ControlFinding) -> str:
        if finding.resource is None or finding.resource.noun == ACCOUNT:
            return f"AWS::::Account:{self.account.id}"
        return finding.resource.arn

    def last_observed_at(self, finding: ControlFinding) -> datetime:
        return finding.until or self.at

    def members(self, finding: ControlFinding) -> FindingParts:
        created, updated = timestamp(finding.since), timestamp(finding.until or finding.since)
        severity = {"Label": finding.severity, "Original": finding.severity}
        text = finding.recommendation
        url = f"https://docs.aws.amazon.com/console/securityhub/{finding.control.control.id}/remediation"
        recommendation = {"Url": url} if text is None else {"Text": text, "Url": url}
        members: FindingParts = {
            "SchemaVersion": SCHEMA_VERSION,
            "Id": self.finding_id(finding),
            "ProductArn": self.product_arn,
            "ProductName": PRODUCT,
            "CompanyName": COMPANY,
            "Region": region(self.call),
            "GeneratorId": finding.generator_id,
            "AwsAccountId": self.account.id,
            "Types": [TYPE],
            "FirstObservedAt": created,
            "LastObservedAt": timestamp(self.last_observed_at(finding)),
            "CreatedAt": created,
            "UpdatedAt": updated,
            "Severity": {**severity, "Normalized": NORMALIZED[finding.severity]},
            "Title": finding.title,
            "Description": finding.description,
            "Remediation": {"Recommendation": recommendation},
            "ProductFields": self._product_fields(finding),
            "Resources": [self._resource(finding)],
            "Compliance": self._compliance(finding),
            "Workflow": {"Status": finding.workflow},
            "RecordState": finding.record_state,
            "FindingProviderFields": {"Severity": severity, "Types": [TYPE]},
        }
        if (accepted := finding.accepted) is not None:
            note = {"Text": accepted.reason[:TEXT_CHARACTERS_MAX], "UpdatedBy": accepted.by}
            members["Note"] = {**note, "UpdatedAt": timestamp(accepted.at)}
        return members

    def _product_fields(self, finding: ControlFinding) -> dict[str, str]:
        """With the evidence: the change behind it."""
        fields = {
            "aws/securityhub/ProductName": PRODUCT,
            "aws/securityhub/CompanyName": COMPANY,
            "aws/securityhub/FindingId": f"{self.product_arn}/{self.finding_id(finding)}",
        }
        if (span := finding.span) is not None:
            fields |= {
                "muniment/Position": str(span.position),
                "muniment/By": span.by[:FIELD_CHARACTERS_MAX],
                "muniment/Subjects": ", ".join(span.subjects)[:FIELD_CHARACTERS_MAX],
            }
        return fields

    def _resource(self, finding: ControlFinding) -> FindingParts:
        members: FindingParts = {
            "Type": finding.resource_type,
            "Id": self.resource_id(finding),
            "Partition": self.account.partition,
            "Region": region(self.call),
        }
        if finding.resource is None or finding.resource.noun == ACCOUNT:
            return members
        details = {_NAMES.get(finding.resource.noun, "Name"): finding.resource.name}
        return members | {"Details": {finding.resource_type: details}}

    def _compliance(self, finding: ControlFinding) -> FindingParts:
        members: FindingParts = {"Status": finding.status, "SecurityControlId": finding.control.control.id}
        if finding.control.is_of_standard:
            members["AssociatedStandards"] = [{"StandardsId": ASSOCIATED}]
        if finding.reason is not None:
            code, description = finding.reason
            members["StatusReasons"] = [{"ReasonCode": code, "Description": description}]
        return members
