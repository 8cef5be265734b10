"""docs/reference/compliance-checks.md, from the checks and the frameworks that come with the program."""

import json

from domain.compliance.check import CheckCriterion, ComplianceCheck, checks
from domain.compliance.frameworks import Control, Framework, built_in_frameworks, load_checks

_HEAD = """\
# Compliance checks and frameworks

A check says of each of its subjects since when it is violated. A framework is a list of controls; a control is passed
if all its checks are. What no check looks at is **not answered**, and never counts as passed.

This page is generated: `{command}`.

## Checks ({count})

Parameters stand with their defaults. `version` is raised when a check finds something else than before.

| check | about | what holds, why, and what to do otherwise |
|---|---|---|
{rows}
## Frameworks ({frameworks})

A framework's texts are its publisher's; the titles here are our own words.
"""
_FRAMEWORK = """
### {title} ({version}): `{name}`

<{source}>. {answered} of {count} controls are answered.

| control | what it asks | looked at by |
|---|---|---|
{rows}"""


def compliance_page(command: str) -> str:
    load_checks()
    frameworks = built_in_frameworks().values()
    rows = "".join(map(_check_row, checks()))
    head = _HEAD.format(command=command, count=len(checks()), rows=rows, frameworks=len(frameworks))
    return head + "".join(map(_framework_section, frameworks))


def _check_row(check: ComplianceCheck) -> str:
    name = CheckCriterion.of(check.name, {}).id
    remedy = check.remediation.rstrip(".")
    said = f"{check.title}. {check.rationale} {_code(remedy)}."
    return f"| `{name}` version {check.version} | {', '.join(check.of)}; {check.severity} | {said} |\n"


def _code(remedy: str) -> str:
    return f"`{remedy}`" if remedy.startswith(("aws ", "muniment ")) and ", " not in remedy else remedy


def _framework_section(framework: Framework) -> str:
    definition = framework.definition
    return _FRAMEWORK.format(
        title=definition.title,
        version=definition.version,
        name=definition.name,
        source=definition.source,
        answered=sum(bool(control.criteria) for control in framework.controls),
        count=len(framework.controls),
        rows="".join(map(_control_row, framework.controls)),
    )


def _control_row(control: Control) -> str:
    definition = control.definition
    return f"| `{control.id}` | {definition.title} | {_answer(control)} |\n"


def _answer(control: Control) -> str:
    definition = control.definition
    if definition.not_answered is not None:
        return f"Not answered. {definition.not_answered}"
    looked_at = ", ".join(f"`{_short(criterion)}`" for criterion in control.criteria)
    renamed = ", ".join(f"`{theirs}` is `{ours}`" for theirs, ours in definition.config_parameters.items())
    more = [f"Not looked at: {definition.partly}" if definition.partly else "", f"{renamed}." if renamed else ""]
    return ". ".join(filter(None, [looked_at, " ".join(filter(None, more))]))


def _short(criterion: CheckCriterion) -> str:
    """With the parameters that differ from the defaults."""
    defaults = criterion.check.parameters({})
    given = [f"{name}={json.dumps(value)}" for name, value in criterion.parameters if value != defaults[name]]
    return f"{criterion.check.name}({', '.join(given)})" if given else criterion.check.name
