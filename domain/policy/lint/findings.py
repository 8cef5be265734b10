"""What the linter says, under the issue codes of IAM Access Analyzer's policy validation where it has one."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from domain.policy.positions import Path

_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_CHECKS = f"{_GUIDE}access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks"
_OWN_CODES = {
    "MALFORMED_POLICY_DOCUMENT": "reference_policies_grammar.html",
    "POLICY_SIZE_EXCEEDS_QUOTA": "reference_iam-quotas.html",
    "ALLOW_WITH_NOT_ACTION": "reference_policies_elements_notaction.html",
    "UNKNOWN_SERVICE_PRINCIPAL": "reference_policies_elements_principal.html",
    "RESOURCE_TYPE_DOES_NOT_FIT": "reference_policies_elements_resource.html",
    "UNKNOWN_SERVICE_IN_CONDITION_KEY": "reference_policies_condition-keys.html",
    "UNSUPPORTED_CONDITION_KEY_FOR_ACTION": "reference_policies_condition-keys.html",
    "FULL_ADMINISTRATOR": "best-practices.html",
    "PRIVILEGE_ESCALATION": "best-practices.html",
    "FORALLVALUES_WITHOUT_NULL_CHECK": "reference_policies_condition-single-vs-multi-valued-context-keys.html",
    "CONDITION_NEVER_MATCHES": "reference_policies_elements_condition.html",
    "STATEMENT_NEVER_TAKES_EFFECT": "reference_policies_evaluation-logic.html",
}
"""What Access Analyzer has no check for, with the page of the IAM User Guide that tells why it is said."""


class FindingType(StrEnum):
    """How bad it is, in the words of Access Analyzer's ValidatePolicyFinding."""

    ERROR = "ERROR"
    """A part of the policy does not work."""
    SECURITY_WARNING = "SECURITY_WARNING"
    """It allows more than one would wish."""
    WARNING = "WARNING"
    """It may not do what was meant."""
    SUGGESTION = "SUGGESTION"
    """It could be said better."""


_SECTIONS = {
    FindingType.ERROR: "error",
    FindingType.SECURITY_WARNING: "security-warning",
    FindingType.WARNING: "general-warning",
    FindingType.SUGGESTION: "suggestion",
}


@dataclass(frozen=True, slots=True)
class Finding:
    type: FindingType
    code: str
    message: str
    path: Path
    """A value that the document has; () is the document."""
    learn_more: str
    refused: bool
    """Whether the document is refused as malformed for it when it is written. AWS saves many an error."""


def _finding(type_: FindingType, code: str, message: str, path: Path, *, refused: bool = False) -> Finding:
    """With a link to AWS's page about it. The anchors of that page are made from the codes."""
    page = _OWN_CODES.get(code)
    link = f"{_GUIDE}{page}" if page else f"{_CHECKS}-{_SECTIONS[type_]}-{code.lower().replace('_', '-')}"
    return Finding(type_, code, message, path, link, refused)


error = partial(_finding, FindingType.ERROR)
refusal = partial(_finding, FindingType.ERROR, refused=True)
security_warning = partial(_finding, FindingType.SECURITY_WARNING)
warning = partial(_finding, FindingType.WARNING)
suggestion = partial(_finding, FindingType.SUGGESTION)
