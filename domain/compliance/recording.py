"""What opens and closes of the frameworks that an account has adopted: recorded once, whenever somebody comes by."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from domain.account import Account
from domain.compliance.adoption import adopted_frameworks
from domain.compliance.check import CheckCriterion
from domain.compliance.intervals import Violation
from domain.families.compliance_frameworks import (
    COMPLIANCE_FRAMEWORKS,
    ENDED_ADOPTIONS,
    VIOLATIONS_RECORDED,
    AdoptedFramework,
    ComplianceViolationClosed,
    ComplianceViolationOpened,
    ComplianceViolationsRecorded,
    RecordedViolations,
)
from domain.foundation.events import Event

CONTROLS_NAMED_MAX = 20


class ViolationTurn(NamedTuple):
    """A violation opens or closes."""

    at: datetime
    key: str
    """By which those of one time are in order."""
    closes: bool
    violation: Violation

    @property
    def place(self) -> tuple[datetime, str]:
        return self.at, self.key


@dataclass(frozen=True, slots=True)
class SeenTurns:
    """All of an account that were seen behind `after` and no later than the last of these, in order."""

    turns: Sequence[ViolationTurn]
    after: tuple[datetime, str] | None
    """None: behind what is recorded."""
    position: int
    """Up to which the account's changes were seen, and the time of that."""
    seen_at: datetime
    until: datetime
    """When they were looked for: none of these is later."""


def turn_events(account: Account, seen: SeenTurns, at: datetime) -> list[Event]:
    """An event for each turn of a framework's violations while it was adopted, and a mark that says how far that is
    recorded now. None of a closed account.

    The mark must not pass what is missing here. All that comes is at the time of the last change that was seen, or
    later: what is earlier is final. Where nothing was changed since, so is all up to now.
    """
    mark = account[VIOLATIONS_RECORDED]
    recorded = None if mark is None else (mark.up_to, mark.key)
    if not account.is_open or (seen.after is not None and (recorded is None or recorded < seen.after)):
        return []
    is_all_seen = account.position <= seen.position
    final = [each for each in seen.turns if (each.at <= min(at, seen.until) if is_all_seen else each.at < seen.seen_at)]
    new = [each for each in final if recorded is None or recorded < each.place]
    if not new:
        return []
    adopted = _Adopted(account)
    events = [event for turn in new for event in adopted.events(turn)]
    last = RecordedViolations(up_to=new[-1].at, key=new[-1].key)
    return [*events, ComplianceViolationsRecorded(recorded=last)]


class _AdoptedControl(NamedTuple):
    name: str
    """FRAMEWORK/CONTROL."""
    since: datetime
    until: datetime


class _Adopted:
    """Frameworks that the account has adopted, or had until lately."""

    def __init__(self, account: Account) -> None:
        self._criteria = dict[str, CheckCriterion]()
        self._controls = defaultdict[str, list[_AdoptedControl]](list)
        """By criterion."""
        self._take(account[COMPLIANCE_FRAMEWORKS].values(), datetime.max.replace(tzinfo=UTC))
        for ended in account[ENDED_ADOPTIONS]:
            self._take([ended.adopted], ended.ended_at)

    def _take(self, adopted: Iterable[AdoptedFramework], until: datetime) -> None:
        for each, framework in adopted_frameworks(adopted):
            for control in framework.controls:
                for criterion in control.criteria:
                    self._criteria[criterion.id] = criterion
                    named = _AdoptedControl(f"{framework.name}/{control.id}", each.adopted_at, until)
                    self._controls[criterion.id].append(named)

    def events(self, turn: ViolationTurn) -> Iterator[Event]:
        violation = turn.violation
        criterion_id = violation.key.criterion_id
        found = self._controls.get(criterion_id, ())
        controls = list(dict.fromkeys(each.name for each in found if each.since <= turn.at <= each.until))
        if not controls:
            return
        check = self._criteria[criterion_id].check
        said = {
            "controls": tuple(controls[:CONTROLS_NAMED_MAX]),
            "criterion": criterion_id,
            "title": check.title,
            "severity": check.severity,
            "subject_id": violation.key.subject_id,
            "owner_id": violation.holder_id,
            "owner_name": violation.holder_name,
            "opened_at": violation.from_at,
            "opened_position": violation.from_position,
            "by_time": violation.by_time,
        }
        if turn.closes:
            said |= {"closed_at": violation.ends_at, "closed_position": violation.to_position}
            yield ComplianceViolationClosed.model_validate(said)
        else:
            yield ComplianceViolationOpened.model_validate(said)
