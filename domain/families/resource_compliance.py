"""How each resource stands to controls: long to find out, and of tables."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

ACCOUNT = "account"
"""The noun of the account itself, with its root user; those of others are the kinds of entities."""


@dataclass(frozen=True, slots=True)
class AcceptedRisk:
    """An exemption from a control."""

    reason: str
    at: datetime
    """When it was granted, by whom, and until when."""
    by: str
    until: datetime


@dataclass(frozen=True, slots=True)
class ViolatedSpan:
    """Throughout it a resource violated a control, be it with one of its subjects after another."""

    subjects: tuple[str, ...]
    since: datetime
    position: int
    """Of the change that it rests on."""
    by: str
    """Who has made the change."""
    until: datetime | None
    """None while it goes on."""
    accepted: AcceptedRisk | None
    """Where it is exempt; of one that is over, where it was all the time. The newest exemption of several."""


@dataclass(frozen=True, slots=True)
class ResourceCompliance:
    noun: str
    holder_id: str
    """By which violations know it, as long as there are any."""
    id: str
    """The unique id, the ARN of what has none or is gone, or the account's."""
    arn: str
    """Of one that is gone the last, and of a server certificate its id in its place."""
    name: str
    made_at: datetime | None
    """None of one that is gone."""
    is_looked_at: bool
    """Whether it has anything that the control asks about, at the moment."""
    spans: tuple[ViolatedSpan, ...]
    """Oldest first."""

    @property
    def is_violating(self) -> bool:
        return bool(self.spans) and self.spans[-1].until is None

    @property
    def is_failing(self) -> bool:
        """Whether it is violating, and is not exempt."""
        return self.is_violating and self.spans[-1].accepted is None

    @property
    def since(self) -> datetime | None:
        """When it came to be as it is: since the last violation began or ended, or it was made."""
        if not self.spans:
            return self.made_at
        return self.spans[-1].until or self.spans[-1].since


@dataclass(frozen=True, slots=True)
class ControlCompliance:
    verdict: Literal["pass", "fail", "exempt", "not answered"]
    reason: str | None
    """Why it is not answered."""
    resources: tuple[ResourceCompliance, ...]


ControlName = tuple[str, str]
"""The framework, and the control's id in it."""


@dataclass(frozen=True, slots=True)
class ComplianceQuery:
    account_id: str
    position: int
    """Of the account's last change."""
    at: datetime
    controls: tuple[ControlName, ...]


HELD_FOR = timedelta(minutes=1)
"""So long what was found out may be told."""


@dataclass(frozen=True, slots=True)
class ComplianceFacts:
    wanted: ComplianceQuery
    controls: tuple[ControlCompliance, ...]
    """In the order in which they were asked for."""

    def cover(self, wanted: ComplianceQuery) -> bool:
        mine = self.wanted
        return (mine.account_id, mine.controls) == (
            wanted.account_id,
            wanted.controls,
        ) and mine.at <= wanted.at < mine.at + HELD_FOR
