"""What `make acceptance` would overlook if its own accounts were wrong. It needs no Prowler."""

import json
from collections.abc import Iterable

from domain.compliance.frameworks import read_framework
from tests.acceptance.comparison import Ours, Outcome, compare, judge
from tests.acceptance.mapping import (
    ALL,
    COUNTERPARTS,
    DIFFERENCES,
    UNSEEN,
    WITHOUT_COUNTERPART,
    Difference,
    Resource,
    Unseen,
    framework,
)
from tests.acceptance.prowler import Complaint, Finding
from tests.acceptance.refusals import COMPLAINTS, REFUSALS, Refused, judge_refusals

KEYS, ROOT_KEY, PASSWORDS = "iam_rotate_access_key_90_days", "iam_no_root_access_key", "iam_password_policy_symbol"
ANN, BOB, EVE = (f"arn:aws:iam::123456789012:user/{name}" for name in ("ann", "bob", "eve"))


def found(check: str, resource: str, status: str) -> Finding:
    return Finding(check, resource, "us-east-1", status, status)


def judged(
    findings: Iterable[Finding],
    violating: dict[str, set[str]],
    differences: tuple[Difference, ...] = (),
    unseen: tuple[Unseen, ...] = (),
) -> Outcome:
    checks = {check: COUNTERPARTS[check] for check in {finding.check for finding in findings} | violating.keys()}
    ours = Ours(violating, {arn: Resource(arn) for arn in (ANN, BOB, EVE)})
    return judge(compare("now", checks, findings, ours), checks, differences, unseen)


def test_every_check_stands_once_and_its_control_is_understood() -> None:
    assert not COUNTERPARTS.keys() & WITHOUT_COUNTERPART.keys()
    controls = read_framework(json.dumps(framework()), "mapping.py").controls
    assert [control.definition.title for control in controls] == list(COUNTERPARTS)
    assert {each.check for each in (*DIFFERENCES, *UNSEEN)} <= COUNTERPARTS.keys()


def test_verdicts_of_each_resource_are_compared() -> None:
    """Of several findings of one, that which fails decides; what only we find differs. Other kinds of things than
    Prowler looks at are left out."""
    findings = [found(KEYS, ANN, "FAIL"), found(KEYS, ANN, "PASS"), found(KEYS, BOB, "PASS")]
    outcome = judged(findings, {KEYS: {ANN}})
    assert outcome.agreed == {(KEYS, "now", "FAIL"): 1, (KEYS, "now", "PASS"): 1}
    assert outcome.is_accounted_for
    outcome = judged(findings, {KEYS: {BOB, EVE}})
    assert [(each.resource, each.theirs, each.ours) for each in outcome.unlisted] == [
        (ANN, "FAIL", "PASS"),
        (BOB, "PASS", "FAIL"),
        (EVE, "nothing", "FAIL"),
    ]
    groups = "iam_group_administrator_access_policy"
    assert not judged([], {groups: {ANN}}).unlisted


def test_what_says_one_thing_is_compared_as_one() -> None:
    outcome = judged([found(PASSWORDS, "one", "PASS"), found(PASSWORDS, "two", "FAIL")], {})
    assert [(each.resource, each.theirs, each.ours) for each in outcome.unlisted] == [(ALL, "FAIL", "PASS")]


def test_a_difference_is_listed_for_as_long_as_it_is_there() -> None:
    findings = [found(KEYS, ANN, "FAIL"), found(KEYS, BOB, "PASS"), found(KEYS, EVE, "FAIL")]
    listed = Difference(KEYS, "user/ann", ["now"], "its own clock")
    outcome = judged(findings, {KEYS: {EVE}}, (listed,))
    assert outcome.is_accounted_for
    assert [reason for _, reason in outcome.listed] == ["its own clock"]
    for other in (Difference(KEYS, "user/bob", ["now"], "?"), Difference(KEYS, "user/ann", ["early"], "?")):
        outcome = judged(findings, {KEYS: {EVE}}, (listed, other))
        assert not outcome.is_accounted_for
        assert len(outcome.outdated) == 1


def test_a_check_has_to_be_seen_both_ways() -> None:
    outcome = judged([found(ROOT_KEY, ANN, "FAIL")], {ROOT_KEY: {ANN}})
    assert outcome.never == [(ROOT_KEY, "PASS")]
    assert judged(
        [found(ROOT_KEY, ANN, "FAIL")], {ROOT_KEY: {ANN}}, (), (Unseen(ROOT_KEY, "PASS", "?"),)
    ).is_accounted_for
    seen = judged([found(ROOT_KEY, ANN, "FAIL")], {ROOT_KEY: {ANN}}, (), (Unseen(ROOT_KEY, "FAIL", "?"),))
    assert len(seen.outdated) == 1


def test_refusals_and_complaints_are_listed_for_as_long_as_they_are_there() -> None:
    """Those of our history and those of Prowler's log."""
    expected = [
        Refused(moment, each.operation, code) for each in REFUSALS for moment in each.moments for code in each.codes
    ]
    own = [("now", Complaint("any", "Invalid action pattern 'a:B': Service 'a' not found"))]
    assert len(COMPLAINTS) == len(own)
    judged = judge_refusals(expected, own)
    assert (judged.unlisted, judged.outdated) == ([], [])
    called = "An error occurred (AccessDenied) when calling the ListUsers operation: no"
    strange = [("now", Complaint("iam", called)), ("now", Complaint("iam", "Something else"))]
    judged = judge_refusals(expected[1:], own + strange)
    assert judged.unlisted == ["now: ListUsers was refused: AccessDenied", "now: Prowler says: Something else"]
    assert len(judged.outdated) == 1
    assert judge_refusals(expected, []).outdated == [COMPLAINTS[0].pattern]
