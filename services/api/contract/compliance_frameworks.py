"""Compliance frameworks: which there are, and which the account has adopted."""

from datetime import datetime

from domain.families.compliance_frameworks import FrameworkDefinition
from domain.read_models.compliance import ReportedCheck, ReportedFramework
from services.api.contract.compliance import RulesText
from services.api.contract.question import Answer, HistoricalQuestion, Question, Text


class ListedFramework(ReportedFramework):
    controls: int
    answered: int
    """Of these."""
    built_in: bool
    adopted_at: datetime | None
    """Since when what opens and closes is recorded; null where the account has not adopted it."""


class FrameworkList(Answer):
    frameworks: tuple[ListedFramework, ...]
    checks: tuple[ReportedCheck, ...]


class ListComplianceFrameworks(HistoricalQuestion[FrameworkList]):
    """The frameworks that there are, built-in ones and the account's own, and the checks."""

    path = "/v1/compliance/frameworks"
    resource = "compliance"


class ShownFramework(Answer):
    account_id: str
    framework: FrameworkDefinition
    built_in: bool
    adopted_at: datetime | None


class ShowComplianceFramework(HistoricalQuestion[ShownFramework]):
    """A framework, with its controls and what they look at: what AdoptComplianceFramework takes as JSON."""

    path = "/v1/compliance/frameworks/{name}"
    resource = "compliance"

    name: Text


class FrameworkEffect(Answer):
    """Of a change, or of none where it was so already."""

    account_id: str
    name: str
    version: str
    position: int | None
    """From which it holds; null where nothing has changed."""


class AdoptComplianceFramework(Question[FrameworkEffect]):
    """Has the violations of a framework's controls recorded from here on, as they open and close, and told to
    notification targets. One of the account's own is looked at from the account's beginning, and reports know it by its
    name; another one of that name is its next version."""

    method = "POST"
    path = "/v1/compliance/frameworks"
    resource = "compliance"
    read_only = False

    framework: RulesText
    """The name of a built-in one, or one's own as TOML or JSON."""


class DropComplianceFramework(Question[FrameworkEffect]):
    """Ends that; reports about moments before know it still."""

    method = "POST"
    path = "/v1/compliance/frameworks/{name}/drop"
    resource = "compliance"
    read_only = False

    name: Text
