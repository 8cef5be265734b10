"""A compliance report as OSCAL assessment results (NIST, "OSCAL Assessment Results Model", 1.2).

What OSCAL has no word for are properties in the namespace PROPERTIES. A control that is not answered is excluded from
the reviewed controls, with its reason, and has no finding: OSCAL knows satisfied and not satisfied only.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from domain.read_models.compliance import ControlResult, ControlVerdict, ViolationBound, ViolationInterval
from services.cli.lib.compliance_evidence import ComplianceEvidence, own_version
from services.cli.lib.compliance_output import period_of, title_of
from services.cli.lib.output import exact_time
from services.cli.lib.terminal import visible

OSCAL_VERSION = "1.2.1"
PROPERTIES = "urn:muniment:compliance"
TOOL, PLATFORM, PLAN, LEDGER = "tool", "platform", "plan", "ledger"
"""What the document defines beside controls: its UUIDs are made of these words."""

Oscal = dict[str, object]


def render_oscal(evidence: ComplianceEvidence) -> str:
    """JSON in ASCII, with the same bytes for the same report: it has no time but the report's."""
    return json.dumps({"assessment-results": _assessment_results(evidence)}) + "\n"


def _assessment_results(evidence: ComplianceEvidence) -> Oscal:
    report = evidence.report
    tokens = control_tokens([control.control_id for control in report.controls])
    answered = [control for control in report.controls if control.verdict != "not answered"]
    objectives = [_objective(tokens[each.control_id], each) for each in answered]
    return {
        "uuid": evidence.uuid(),
        "metadata": {
            "title": _line(title_of(report)),
            "last-modified": exact_time(report.until.at),
            "version": f"p{report.until.position}",
            "oscal-version": OSCAL_VERSION,
            **_published_at(report.framework.source),
        },
        "import-ap": {"href": f"#{evidence.uuid(PLAN)}", "remarks": "There is no assessment plan as a document."},
        **({"local-definitions": {"objectives-and-methods": objectives}} if objectives else {}),
        "results": [_result(evidence, answered, tokens)],
        "back-matter": {"resources": _resources(evidence)},
    }


def _published_at(source: str) -> Oscal:
    """A framework of the account's own may say anything, and whoever shows the document makes a link of it."""
    if re.fullmatch(r"https?://[!-~]+", source):
        return {"links": [{"href": source, "rel": "reference"}]}
    return {"remarks": f"Published at: {_line(source)}"}


def control_tokens(control_ids: Sequence[str]) -> Mapping[str, str]:
    """What OSCAL takes for ids of controls, which begin with a letter: NIST writes AC-2(1) as ac-2.1; what begins with
    a number has `control-` before it. Each is another one."""
    tokens: dict[str, str] = {}
    for control_id in control_ids:
        token = re.sub(r"[^a-z0-9._-]", "", control_id.lower().replace("(", "."))
        if not token[0].isalpha():
            token = f"control-{token}"
        while token in tokens.values():
            token += "_"
        tokens[control_id] = token
    return tokens


def _result(evidence: ComplianceEvidence, answered: Sequence[ControlResult], tokens: Mapping[str, str]) -> Oscal:
    report = evidence.report
    violations = [each.violation for each in evidence.shown]
    subjects = {each.subject_id: each for each in reversed(violations)}
    items = [_inventory_item(evidence, each) for each in reversed(subjects.values())]
    observations = [_observation(evidence, each) for each in violations]
    findings = [_finding(evidence, each, tokens[each.control_id]) for each in answered]
    return {
        "uuid": evidence.uuid("result"),
        "title": _line(title_of(report)),
        "description": f"Whether each control held {period_of(report)}, and each violation.",
        "start": exact_time(report.since.at),
        "end": exact_time(report.until.at),
        "props": [
            _property("from-position", str(report.since.position)),
            _property("to-position", str(report.until.position)),
        ],
        "local-definitions": {**({"inventory-items": items} if items else {}), "assessment-assets": _assets(evidence)},
        "reviewed-controls": {"control-selections": [_selection(report.controls, tokens)]},
        **({"observations": observations} if observations else {}),
        **({"findings": findings} if findings else {}),
    }


def _selection(controls: Sequence[ControlResult], tokens: Mapping[str, str]) -> Oscal:
    answered = [{"control-id": tokens[each.control_id]} for each in controls if each.verdict != "not answered"]
    left = [each for each in controls if each.verdict == "not answered"]
    excluded: Oscal = {}
    if left:
        excluded = {
            "props": [
                _property("not-answered", _line(each.control_id), remarks=visible(each.reason or "")) for each in left
            ],
            "exclude-controls": [{"control-id": tokens[each.control_id]} for each in left],
            "remarks": "What is excluded is not answered here, and no result of this assessment: see the properties.",
        }
    return {**({"include-controls": answered} if answered else {"include-all": {}}), **excluded}


_STATES: Mapping[ControlVerdict, Mapping[str, str]] = {
    "pass": {"state": "satisfied", "reason": "pass"},
    "fail": {"state": "not-satisfied", "reason": "fail"},
    "exempt": {"state": "not-satisfied", "reason": "exempt"},
}


def _finding(evidence: ComplianceEvidence, control: ControlResult, token: str) -> Oscal:
    state = _STATES[control.verdict]
    partly = {} if control.partly is None else {"remarks": f"Not looked at: {visible(control.partly)}"}
    observed = chain(*(evidence.violations(control.control_id, exempt=exempt) for exempt in (False, True)))
    related = [{"observation-uuid": _observation_uuid(evidence, each)} for each in observed]
    return {
        "uuid": evidence.uuid("finding", control.control_id),
        "title": _line(f"{control.control_id} {control.title}"),
        "description": (
            f"{control.violations:,} violations in the period, {control.exempt:,} others exempt; at its end "
            f"{control.violating:,} of {control.subjects:,} subjects are in violation."
        ),
        "props": [
            _property("control", control.control_id),
            _property("severity", control.severity),
            *(_property(f"exposure-{each.unit}", f"{each.amount:g}") for each in control.exposure),
        ],
        "origins": [_origin(evidence)],
        "target": {"type": "objective-id", "target-id": f"{token}_obj", "status": {**state, **partly}},
        **({"related-observations": related} if related else {}),
    }


def _objective(token: str, control: ControlResult) -> Oscal:
    prose = "\n\n".join([visible(control.title), *(f"`{visible(each)}`" for each in control.criteria)])
    return {"control-id": token, "parts": [{"id": f"{token}_obj", "name": "assessment-objective", "prose": prose}]}


def _observation(evidence: ComplianceEvidence, violation: ViolationInterval) -> Oscal:
    ends = violation.closed
    lasted = f"from {exact_time(violation.opened.at)} " + (f"to {exact_time(ends.at)}" if ends else "on, without end")
    check = evidence.check(violation.criterion)
    return {
        "uuid": _observation_uuid(evidence, violation),
        "title": _line(violation.criterion),
        "description": f"{_subject(violation)} violated {visible(violation.criterion)} {lasted}.",
        "props": [
            _property("criterion", violation.criterion),
            *([] if check is None else [_property("check-version", str(check.version))]),
            _property("violated-from", exact_time(violation.opened.at)),
            *([] if ends is None else [_property("violated-to", exact_time(ends.at))]),
        ],
        "methods": ["EXAMINE"],
        "types": ["finding"],
        "origins": [_origin(evidence)],
        "subjects": [
            {
                "subject-uuid": _subject_uuid(evidence, violation),
                "type": "inventory-item",
                "title": _line(_subject(violation)),
            }
        ],
        "relevant-evidence": [*_evidence(evidence, violation)],
        "collected": exact_time(violation.opened.at if ends is None else ends.at),
    }


def _evidence(evidence: ComplianceEvidence, violation: ViolationInterval) -> Iterator[Oscal]:
    began = "which it rests on until time began it" if violation.by_time else "which began it"
    yield _change(evidence, violation.opened, began, is_dated=not violation.by_time)
    if violation.closed is not None and violation.closed.position is not None:
        yield _change(evidence, violation.closed, "which ended it", is_dated=True)


def _change(evidence: ComplianceEvidence, bound: ViolationBound, what: str, *, is_dated: bool) -> Oscal:
    when = f" at {exact_time(bound.at)}" if is_dated else ""
    by = visible(bound.by or "")
    return {
        "href": f"#{evidence.uuid(LEDGER)}",
        "description": f"The change at position {bound.position} of the ledger, {what}{when}: by {by}.",
        "props": [_property("position", str(bound.position))],
    }


def _observation_uuid(evidence: ComplianceEvidence, violation: ViolationInterval) -> str:
    opened = violation.opened
    return evidence.uuid("observation", violation.criterion, violation.subject_id, opened.position, opened.at)


def _subject_uuid(evidence: ComplianceEvidence, violation: ViolationInterval) -> str:
    return evidence.lasting_uuid("subject", violation.subject_id)


def _inventory_item(evidence: ComplianceEvidence, violation: ViolationInterval) -> Oscal:
    return {
        "uuid": _subject_uuid(evidence, violation),
        "description": _subject(violation),
        "props": [
            {"name": "asset-id", "value": visible(violation.subject_id)},
            _property("holder-id", violation.holder_id),
            _property("holder-name", violation.holder_name),
        ],
    }


def _subject(violation: ViolationInterval) -> str:
    if violation.subject_id == violation.holder_id:
        return visible(f"{violation.holder_name} ({violation.subject_id})")
    return visible(f"{violation.subject_id} of {violation.holder_name}")


def _assets(evidence: ComplianceEvidence) -> Oscal:
    tool: Oscal = {
        "uuid": evidence.uuid(TOOL),
        "type": "software",
        "title": "muniment",
        "description": "Keeps every change of the account as an event, and evaluates the controls at each.",
        "props": [{"name": "version", "value": own_version()}],
        "status": {"state": "operational"},
    }
    platform = {
        "uuid": evidence.uuid(PLATFORM),
        "title": "muniment",
        "uses-components": [{"component-uuid": evidence.uuid(TOOL)}],
    }
    return {"components": [tool], "assessment-platforms": [platform]}


def _origin(evidence: ComplianceEvidence) -> Oscal:
    return {"actors": [{"type": "tool", "actor-uuid": evidence.uuid(TOOL)}]}


def _resources(evidence: ComplianceEvidence) -> list[Oscal]:
    return [
        {
            "uuid": evidence.uuid(PLAN),
            "title": "No assessment plan",
            "description": (
                "Nobody has written a plan for this assessment: the framework's controls are evaluated at every change "
                "of the account."
            ),
        },
        {
            "uuid": evidence.uuid(LEDGER),
            "title": f"The ledger of account {evidence.report.account_id}",
            "description": (
                "Every change of the account, in order; evidence names positions in it. `muniment history --from pN "
                "--to pN` shows the call at position N, `muniment verify` checks the ledger."
            ),
        },
    ]


def _property(name: str, value: str, **more: str) -> Oscal:
    return {"name": name, "ns": PROPERTIES, "value": _line(value), **more}


def _line(text: str) -> str:
    """One line with nothing around it, as OSCAL's titles and values are."""
    return visible(text).strip() or "-"
