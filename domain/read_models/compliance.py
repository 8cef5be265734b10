"""Violations of controls, and how the controls of a framework came out."""

from datetime import datetime
from typing import Literal

from domain.read_models.read_model import ReadModel

ControlVerdict = Literal["pass", "fail", "exempt", "not answered"]
"""Exempt: all that violates it was exempt from it for as long as it did."""


class ViolationBound(ReadModel):
    """The change that a violation, or an exemption, began or ended with, or rests on."""

    position: int | None
    """Null where time alone ended it."""
    at: datetime
    by: str | None
    """The ARN of the principal, `operator user@host`, or the origin of the event; null where time alone ended it."""
    operation: str | None = None
    """Of a violation that is listed: what was called, such as iam:DeleteAccessKey; null where nobody called."""
    event: str | None = None
    """Of one that is listed: what the change did, in an English sentence; null where time alone ended it."""


class ViolationInterval(ReadModel):
    """Somebody did not satisfy a criterion, from one moment to another."""

    criterion: str
    """The check, with its parameters."""
    subject_id: str
    """An access key id, a unique id, an ARN, or the account's id."""
    holder_id: str
    """Whose it is: the id of a user, a role, a group, a policy, or the account's."""
    holder_name: str
    """As it was called when the violation began."""
    opened: ViolationBound
    by_time: bool
    """Whether it began by time alone, later than the change at `opened.position`."""
    closed: ViolationBound | None
    """Null while it goes on."""


class Exposure(ReadModel):
    unit: Literal["key-days", "privilege-days", "days"]
    amount: float
    """Summed over all violations, as far as they lie in the period and were not exempt; of a moment, from their
    beginning on."""


class ControlResult(ReadModel):
    control_id: str
    title: str
    severity: Literal["critical", "high", "medium", "low", "informational"]
    verdict: ControlVerdict
    reason: str | None
    """Why it is not answered: what cannot be looked at here, or what is not, where nothing violates the rest."""
    partly: str | None
    """What of the control is not looked at."""
    criteria: tuple[str, ...]
    subjects: int
    """Looked at, at the end."""
    violating: int
    """Of these, at the end."""
    violations: int
    """Intervals that lie in the period, or contain the moment, and were not exempt all the time."""
    exempt: int
    """Intervals that were."""
    first_violated_at: datetime | None
    exposure: tuple[Exposure, ...]


class ReportedFramework(ReadModel):
    name: str
    version: str
    title: str
    source: str


class ReportedCheck(ReadModel):
    name: str
    version: int
    title: str
    severity: Literal["critical", "high", "medium", "low", "informational"]
    rationale: str
    remediation: str
    parameters: dict[str, int | str | bool | tuple[str, ...]]
    """With their defaults."""


class ReportedExemption(ReadModel):
    exemption_id: str
    owner_id: str
    owner_name: str
    kinds: tuple[str, ...]
    """Of the owner's credentials, from the lifecycle profile's rules; none: all, where there are no controls."""
    controls: tuple[str, ...]
    """FRAMEWORK/CONTROL."""
    asked: tuple[str, ...]
    """Of each of these a digest of what it looked at when the exemption was granted."""
    reason: str
    granted: ViolationBound
    until: datetime
    """When it was to end by itself."""
    ended: ViolationBound | None
    """Null while it stands. What has expired ended at `until`, without a change."""
    ended_as: Literal["revoked", "expired", "replaced", "owner gone"] | None

    def is_from(self, control: str, asked: str) -> bool:
        """Whether it is from this control, FRAMEWORK/CONTROL, and not from another one that had its id."""
        return (control, asked) in zip(self.controls, self.asked, strict=False)

    @property
    def ends_at(self) -> datetime:
        return self.until if self.ended is None else min(self.until, self.ended.at)
