"""Compliance frameworks that an account has adopted: its own, or those that come with the program (docs/adr/0064).

An account that has adopted a framework has its violations recorded, as they open and close."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from immutables import Map
from pydantic import Field

from domain.account import Account, AffectsNobody, Bookkeeping, Component, OfAccount, forget_key
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.foundation.events import Value
from domain.foundation.moments import format_rfc3339
from domain.foundation.personal import Personal
from domain.lineage_kinds import LineageKind, Parts, Setting, SettingDelta

Severity = Literal["critical", "high", "medium", "low", "informational"]
ParameterValue = int | str | bool | tuple[str, ...]


class ControlTest(Value):
    check: str
    parameters: dict[str, ParameterValue] = Field(default_factory=dict)


class ControlDefinition(Value):
    """Either it has tests, all of which have to be passed, or it says why it is not answered."""

    id: str
    title: str
    severity: Severity | None = None
    """None: that of its checks."""
    tests: tuple[ControlTest, ...] = ()
    not_answered: str | None = None
    """Why."""
    partly: str | None = None
    """What of the control the tests do not look at."""
    config_rule: str | None = None
    """AWS Config's identifier of a managed rule, where the control is one."""
    config_parameters: dict[str, str] = Field(default_factory=dict)
    """What AWS Config calls the parameters of the only test: its names, with the test's own."""


class FrameworkDefinition(Value):
    """As a file has it, which `domain.compliance.frameworks` has read: what is in a ledger is not refused any more."""

    name: str
    version: str
    title: str
    source: str
    """Where its text is published."""
    controls: tuple[ControlDefinition, ...]

    def __hash__(self) -> int:
        """Parameters have none."""
        return hash((self.name, self.version))


@dataclass(frozen=True, slots=True)
class AdoptedFramework:
    name: str
    version: str
    definition: FrameworkDefinition | None
    """None: the one of this name and version that comes with the program."""
    adopted_at: datetime


AdoptedFrameworks = Map[str, AdoptedFramework]
COMPLIANCE_FRAMEWORKS = Component[AdoptedFrameworks]("compliance_frameworks", Map())
"""By name."""


@dataclass(frozen=True, slots=True)
class EndedAdoption:
    adopted: AdoptedFramework
    ended_at: datetime


ENDED_ADOPTIONS_MAX = 20
ENDED_ADOPTIONS = Component[tuple[EndedAdoption, ...]]("ended_adoptions", ())
"""The newest of those that ended lately: what opened or closed before they did may not be recorded yet."""


OWN_ADOPTIONS_A_DAY_MAX = 20
OWN_ADOPTIONS = Component[tuple[datetime, ...]]("own_framework_adoptions", ())
"""When the last ones of the account's own were adopted."""


class RecordedViolations(Value):
    """What opens and closes has an order: by its time, and of one time by its key."""

    up_to: datetime
    key: str = ""


VIOLATIONS_RECORDED = Component[RecordedViolations | None]("violations_recorded", None)
"""Up to there all was recorded that opened or closed of the adopted frameworks."""


def _parts(account: Account, _account_id: str, name: str) -> Parts:
    adopted = account[COMPLIANCE_FRAMEWORKS].get(name)
    if adopted is None:
        return {}
    said = "" if adopted.definition is None else adopted.definition.model_dump_json()
    return {"version": adopted.version, "definition": said}


def _without(delta: SettingDelta, parts: Parts) -> Account:
    frameworks, name = delta.account[COMPLIANCE_FRAMEWORKS], delta.subject_id
    if not parts:
        return delta.account.put(COMPLIANCE_FRAMEWORKS, forget_key(frameworks, name))
    accounts = (delta.account, delta.lost, delta.former)
    adopted_at = next(found.adopted_at for each in accounts if (found := each[COMPLIANCE_FRAMEWORKS].get(name)))
    definition = FrameworkDefinition.model_validate_json(parts["definition"]) if parts["definition"] else None
    adopted = AdoptedFramework(name, parts["version"], definition, adopted_at)
    return delta.account.put(COMPLIANCE_FRAMEWORKS, frameworks.set(name, adopted))


LineageKind(
    "compliance_framework",
    "compliance framework {name}",
    setting=Setting(_parts, _without, openings=lambda _delta: iter(()), is_keyed=True),
)
"""It lets nobody in; what it does may be told no more."""
FRAMEWORK_FACT = FactKind("compliance framework", "was adopted", "was dropped")


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    if subject == account.id:
        for adopted in account[COMPLIANCE_FRAMEWORKS].values():
            said = {"version": adopted.version}
            if adopted.definition is not None:
                said |= {each.id: each.model_dump_json(exclude={"id"}) for each in adopted.definition.controls}
            yield Fact(FRAMEWORK_FACT, adopted.name), FactValue(adopted.name, said)


class ComplianceFrameworkAdopted(AffectsNobody, OfAccount, topic="account.compliance_framework.adopted.v1"):
    """In the place of the one of this name, if there is one."""

    framework_name: str
    framework_version: str
    definition: FrameworkDefinition | None = None
    """None of one that comes with the program."""
    sentence = "The compliance framework {framework_name} {framework_version} was adopted."

    def fold(self, account: Account, at: datetime) -> Account:
        adopted = AdoptedFramework(self.framework_name, self.framework_version, self.definition, at)
        frameworks = account[COMPLIANCE_FRAMEWORKS]
        if self.framework_name in frameworks:
            account = _ended(account, self.framework_name, at)
        if self.definition is not None:
            account = account.put(OWN_ADOPTIONS, (*account[OWN_ADOPTIONS], at)[-OWN_ADOPTIONS_A_DAY_MAX:])
        return account.put(COMPLIANCE_FRAMEWORKS, frameworks.set(self.framework_name, adopted))


class ComplianceFrameworkDropped(AffectsNobody, OfAccount, topic="account.compliance_framework.dropped.v1"):
    framework_name: str
    sentence = "The compliance framework {framework_name} was dropped."

    def fold(self, account: Account, at: datetime) -> Account:
        """Raises LookupError where it was not adopted."""
        return _ended(account, self.framework_name, at)


def _ended(account: Account, name: str, at: datetime) -> Account:
    """Raises LookupError."""
    adopted = account[COMPLIANCE_FRAMEWORKS]
    ended = (*account[ENDED_ADOPTIONS], EndedAdoption(adopted[name], at))[-ENDED_ADOPTIONS_MAX:]
    return account.put(COMPLIANCE_FRAMEWORKS, adopted.delete(name)).put(ENDED_ADOPTIONS, ended)


class ComplianceViolationEvent(Bookkeeping):
    """Of a framework that the account has adopted; recorded later than it was so."""

    controls: tuple[str, ...]
    """FRAMEWORK/CONTROL, of those that the account had adopted by then."""
    criterion: str
    """The check and its parameters."""
    title: str
    """The check's."""
    severity: Severity
    """The check's."""
    subject_id: str
    """An access key id, a unique id, an ARN, or the account's id."""
    owner_id: str
    """Of the holder: a user, a role, a group, a policy, or the account."""
    owner_name: Personal[str]
    opened_at: datetime
    opened_position: int
    """Of the change that it rests on."""
    by_time: bool
    """Whether it has opened later than that change."""

    def fold(self, account: Account, at: datetime) -> Account:
        return account

    @property
    def what(self) -> str:
        whose = self.owner_name if self.subject_id == self.owner_id else f"{self.subject_id} of {self.owner_name}"
        return f"{whose} ({self.title}: {', '.join(self.controls)})"


class ComplianceViolationOpened(ComplianceViolationEvent, topic="account.compliance_violation.opened.v1"):
    def describe(self) -> str:
        return f"A violation opened: {self.what}."


class ComplianceViolationClosed(ComplianceViolationEvent, topic="account.compliance_violation.closed.v1"):
    closed_at: datetime
    closed_position: int | None = None
    """Of the change that has ended it; None where time did."""

    def describe(self) -> str:
        return f"A violation closed: {self.what}."


class ComplianceViolationsRecorded(Bookkeeping, topic="account.compliance_violations.recorded.v1"):
    """Of all that opened or closed up to there, it has been recorded. The account keeps no list of violations: this
    mark is what makes each recorded once."""

    recorded: RecordedViolations

    def fold(self, account: Account, at: datetime) -> Account:
        former = account[VIOLATIONS_RECORDED]
        if former is not None and (self.recorded.up_to, self.recorded.key) <= (former.up_to, former.key):
            raise LookupError(f"Violations were recorded up to {former}; {self.recorded} is no later.")
        ended = tuple(each for each in account[ENDED_ADOPTIONS] if each.ended_at >= self.recorded.up_to)
        return account.put(VIOLATIONS_RECORDED, self.recorded).put(ENDED_ADOPTIONS, ended)

    def describe(self) -> str:
        return f"What opened and closed up to {format_rfc3339(self.recorded.up_to)} was recorded."
