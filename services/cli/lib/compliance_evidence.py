"""What the outputs of a compliance report are made of: the report, all violations behind it, and the checks."""

import argparse
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property, lru_cache
from importlib.metadata import version

from domain.foundation.moments import NamedMoment
from domain.foundation.suggested_commands import suggested_command
from domain.read_models.compliance import ReportedCheck, ViolationInterval
from services.api.contract.compliance import ComplianceReport, GetComplianceReport, ListViolations, ShownViolation
from services.api.contract.compliance_frameworks import ListComplianceFrameworks
from services.cli.lib.client import ask, collect_pages
from services.cli.lib.output import exact_time
from services.cli.lib.terminal import Failure

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:muniment:compliance")


@dataclass(frozen=True)
class ComplianceEvidence:
    report: ComplianceReport
    shown: Sequence[ShownViolation]
    """All in the period, by criterion, the earliest first."""
    checks: Mapping[str, ReportedCheck]
    """By name."""
    since: str | None
    until: str
    """How the period was named, or with `until` alone the moment. A time does not name every position: several changes
    may have one."""

    @cached_property
    def _by_control(self) -> Mapping[tuple[str, bool], Sequence[ViolationInterval]]:
        """And whether they were exempt."""
        found = defaultdict[tuple[str, bool], list[ViolationInterval]](list)
        for each in self.shown:
            for control_id in each.controls:
                found[control_id, control_id in each.exempt].append(each.violation)
        return {key: sorted(violations, key=_begins) for key, violations in found.items()}

    def violations(self, control_id: str, *, exempt: bool = False) -> Sequence[ViolationInterval]:
        """The earliest first; those that were exempt all the time, or the others."""
        return self._by_control.get((control_id, exempt), ())

    def by_subject(self, control_id: str, *, exempt: bool = False) -> Mapping[str, Sequence[ViolationInterval]]:
        """By the subject's id, in the order of their first violations."""
        found = defaultdict[str, list[ViolationInterval]](list)
        for violation in self.violations(control_id, exempt=exempt):
            found[violation.subject_id].append(violation)
        return found

    def check(self, criterion: str) -> ReportedCheck | None:
        """None where the server does not tell of it any more."""
        return self.checks.get(criterion.partition("(")[0])

    @property
    def is_of_moment(self) -> bool:
        return self.report.since == self.report.until

    def begins_at(self, violation: ViolationInterval) -> datetime:
        """As far as it lies in the period; of a moment, whenever that was."""
        begins = violation.opened.at
        return begins if self.is_of_moment else max(begins, self.report.since.at)

    def command(self, name: str, *words: str) -> str:
        """`muniment compliance NAME` about the same framework and period."""
        of = ["muniment", "compliance", name, *words, "--framework", self.report.framework.name]
        when = ["--as-of", self.until] if self.since is None else ["--from", self.since, "--to", self.until]
        return suggested_command(*of, *when)

    def uuid(self, *of: object) -> str:
        """Equal for equal reports: an id of this account, framework and period, and of what is named besides."""
        return self.lasting_uuid(self._period, *of)

    @cached_property
    def _period(self) -> str:
        moments = (self.report.since, self.report.until)
        return " ".join(f"p{each.position} {exact_time(each.at)}" for each in moments)

    def lasting_uuid(self, *of: object) -> str:
        """One that the reports of other periods have, too."""
        framework = self.report.framework
        named = (self.report.account_id, framework.name, framework.version, *of)
        return _named_uuid("\n".join(map(str, named)))


@lru_cache(maxsize=1_000)
def _named_uuid(name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, name))


@cache
def own_version() -> str:
    return version("muniment")


def _begins(violation: ViolationInterval) -> tuple[datetime, int, str]:
    return violation.opened.at, violation.opened.position or 0, violation.criterion


def gather_evidence(args: argparse.Namespace, parameters: Mapping[str, str | None]) -> ComplianceEvidence:
    """Of what GetComplianceReport takes. Raises Failure where the answers do not agree."""
    report = ask(args, GetComplianceReport, parameters)
    until = _named_end(parameters["as_of"], report)
    pinned = {**parameters, "as_of": until}
    pages = list(collect_pages(args, ListViolations, pinned))
    if pages[0].until != report.until:
        # Something was recorded between the two, at the very time of the first.
        report = ask(args, GetComplianceReport, pinned)
    shown = [each for page in pages for each in page.violations]
    checks = {each.name: each for each in ask(args, ListComplianceFrameworks, {}).checks}
    evidence = ComplianceEvidence(report, shown, checks, parameters["since"], until)
    for control in report.controls:
        if len(evidence.violations(control.control_id)) != control.violations:
            raise Failure(
                f"The violations of control {control.control_id} were {control.violations:,} and then "
                f"{len(evidence.violations(control.control_id)):,}: nothing is written. Ask again."
            )
    return evidence


def _named_end(as_of: str | None, report: ComplianceReport) -> str:
    """The report's moment, for the questions that follow: now is another one by then."""
    if as_of is not None and NamedMoment.parse(as_of).position is not None:
        return as_of
    return exact_time(report.until.at)
