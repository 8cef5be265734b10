"""Prowler's verdicts beside ours: what agrees, what differs and is listed, and what nobody has accounted for."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.acceptance.mapping import ALL, Counterpart, Difference, Moment, Resource, Unseen
from tests.acceptance.prowler import Finding

Verdict = Literal["PASS", "FAIL", "nothing"]
"""`nothing` of what Prowler does not mention."""


@dataclass(frozen=True)
class Compared:
    """Of one resource, at one moment."""

    check: str
    resource: str
    moment: Moment
    theirs: Verdict
    ours: Verdict
    said: str
    """Prowler's sentence."""

    @property
    def agrees(self) -> bool:
        return self.theirs == self.ours


@dataclass(frozen=True)
class Ours:
    """What we found at a moment."""

    violating: Mapping[str, Collection[str]]
    """The ARNs of holders, by the id of Prowler's check."""
    resources: Mapping[str, Resource]
    """Those that there were, by ARN."""


def compare(
    moment: Moment, counterparts: Mapping[str, Counterpart], findings: Iterable[Finding], ours: Ours
) -> Iterator[Compared]:
    """Of each check that both have, each resource that either has said something of."""
    theirs: dict[str, dict[str, Finding]] = {check: {} for check in counterparts}
    for finding in findings:
        counterpart = counterparts.get(finding.check)
        if counterpart is None:
            continue
        resource = ALL if counterpart.says_one_thing else finding.resource
        known = theirs[finding.check].setdefault(resource, finding)
        if finding.status == "FAIL" and known.status != "FAIL":
            theirs[finding.check][resource] = finding  # One that fails decides, as of several keys of a user.
    for check, counterpart in counterparts.items():
        found, failing = theirs[check], ours.violating.get(check, ())
        about = {arn for arn in failing if counterpart.about(ours.resources.get(arn, Resource(arn)))}
        if counterpart.says_one_thing:
            about = {ALL} if about else set()
        for resource in sorted(found.keys() | about):
            said = found[resource].said if resource in found else "Prowler does not mention it."
            mine: Verdict = "FAIL" if resource in about else "PASS"
            yield Compared(check, resource, moment, _verdict(found.get(resource)), mine, said)


def _verdict(finding: Finding | None) -> Verdict:
    if finding is None:
        return "nothing"
    assert finding.status in {"PASS", "FAIL"}, f"{finding.check} says {finding.status}: {finding.said}"
    return "FAIL" if finding.status == "FAIL" else "PASS"


@dataclass
class Outcome:
    """What became of all comparisons."""

    agreed: Counter[tuple[str, Moment, Verdict]] = field(default_factory=Counter)
    """How many, by check, moment and verdict."""
    listed: list[tuple[Compared, str]] = field(default_factory=list)
    """With the reason."""
    unlisted: list[Compared] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    """Listed, and not so."""
    never: list[tuple[str, str]] = field(default_factory=list)
    """Checks, and a verdict that nothing in the account brought about."""

    @property
    def is_accounted_for(self) -> bool:
        return not (self.unlisted or self.outdated or self.never)


def judge(
    compared: Iterable[Compared], checks: Iterable[str], differences: Sequence[Difference], unseen: Sequence[Unseen]
) -> Outcome:
    outcome = Outcome()
    found = set[tuple[int, Moment]]()
    for each in compared:
        if each.agrees:
            outcome.agreed[each.check, each.moment, each.theirs] += 1
            continue
        listed = (i for i, one in enumerate(differences) if one.is_of(each.check, each.resource, each.moment))
        if (i := next(listed, None)) is None:
            outcome.unlisted.append(each)
        else:
            found.add((i, each.moment))
            outcome.listed.append((each, differences[i].reason))
    for i, difference in enumerate(differences):
        outcome.outdated += [
            f"{difference.check} of {difference.resource}, {moment}"
            for moment in difference.moments
            if (i, moment) not in found
        ]
    seen = {(check, verdict) for check, _, verdict in outcome.agreed}
    excused = {(each.check, each.verdict) for each in unseen}
    outcome.outdated += [f"{check} is never found to {verdict}" for check, verdict in sorted(seen & excused)]
    every = {(check, verdict) for check in checks for verdict in ("PASS", "FAIL")}
    outcome.never = sorted(every - seen - excused)
    return outcome
