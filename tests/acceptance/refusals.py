"""Calls that Prowler makes and that are refused, and other complaints in its log, each with its reason."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.acceptance.mapping import Moment
from tests.acceptance.prowler import Complaint


class Refused(NamedTuple):
    """A call, as our history or Prowler's log has it."""

    moment: Moment
    operation: str
    code: str


@dataclass(frozen=True)
class ExpectedRefusal:
    operation: str
    codes: frozenset[str]
    """That of the history, and that of the wire where it is another."""
    moments: tuple[Moment, ...]
    reason: str

    def is_of(self, call: Refused) -> bool:
        return self.operation == call.operation and call.code in self.codes and call.moment in self.moments


@dataclass(frozen=True)
class ExpectedComplaint:
    pattern: str
    reason: str


def _refused(operation: str, codes: str, moments: str, reason: str) -> ExpectedRefusal:
    """Codes and moments are separated by spaces."""
    return ExpectedRefusal(operation, frozenset(codes.split()), tuple(moments.split()), reason)


_NOT_THERE = "there is none at that moment, and AWS answers so"
REFUSALS = (
    _refused("DescribeAccount", "AWSOrganizationsNotInUseException", "early", _NOT_THERE),
    _refused("DescribeOrganization", "AWSOrganizationsNotInUseException", "early", _NOT_THERE),
    _refused("GetAccountPasswordPolicy", "NoSuchEntity", "early", _NOT_THERE),
    _refused("GetAlternateContact", "ResourceNotFoundException", "early yesterday", _NOT_THERE),
    _refused("GetContactInformation", "ResourceNotFoundException", "early", _NOT_THERE),
    _refused("GetLoginProfile", "NoSuchEntity", "early yesterday now", _NOT_THERE),
    _refused("ListOrganizationsFeatures", "OrganizationNotFoundException", "early", _NOT_THERE),
    _refused(
        "ListFindings",
        "ValidationError ValidationException",
        "yesterday now",
        "AWS has ListFindingsV2 for analyzers of unused access",
    ),
    _refused(
        "GenerateServiceLastAccessedDetails",
        "ValidationError",
        "early yesterday",
        "it makes a job, and nothing is made in the past; no check that both have asks for one",
    ),
)
COMPLAINTS = (
    ExpectedComplaint(
        r"Invalid action pattern '[a-z]+:\w+': Service '[a-z]+' not found",
        "Prowler's list of dangerous actions names a service that its catalogue of actions does not have any more",
    ),
)


@dataclass
class Refusals:
    listed: list[tuple[Refused, str]] = field(default_factory=list)
    """With the reason."""
    complaints: list[tuple[str, str]] = field(default_factory=list)
    """With the reason."""
    unlisted: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    """Listed, and not so."""


def judge_refusals(refused: Iterable[Refused], complaints: Iterable[tuple[Moment, Complaint]]) -> Refusals:
    every, others = set(refused), set[tuple[Moment, str]]()
    for moment, complaint in complaints:
        if complaint.call is None:
            others.add((moment, complaint.text))
        else:
            code, operation = complaint.call
            every.add(Refused(moment, operation, code))
    found, used = Refusals(), set[object]()
    for call in sorted(every):
        expected = next((each for each in REFUSALS if each.is_of(call)), None)
        if expected is None:
            found.unlisted.append(f"{call.moment}: {call.operation} was refused: {call.code}")
        else:
            used.add((expected, call.moment))
            found.listed.append((call, expected.reason))
    for moment, text in sorted(others):
        known = next((each for each in COMPLAINTS if re.search(each.pattern, text)), None)
        if known is None:
            found.unlisted.append(f"{moment}: Prowler says: {text}")
        else:
            used.add(known)
            found.complaints.append((text, known.reason))
    expected_calls = ((each, moment) for each in REFUSALS for moment in each.moments)
    found.outdated = [
        *(f"{each.operation} is refused, {moment}" for each, moment in expected_calls if (each, moment) not in used),
        *(each.pattern for each in COMPLAINTS if each not in used),
    ]
    return found
