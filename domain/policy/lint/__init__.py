"""Says what is wrong, dangerous or pointless in a policy, in the manner of IAM Access Analyzer's policy validation.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from domain.foundation.errors import MalformedPolicyDocument
from domain.foundation.identifiers import PARTITION
from domain.policy.catalogue import ActionCatalogue
from domain.policy.decode import TEXT_CHARACTERS_MAX, Json, policy_size
from domain.policy.document import PolicyType
from domain.policy.lint.actions import action_findings, redundant_actions
from domain.policy.lint.conditions import condition_findings, unsupported_keys
from domain.policy.lint.contradictions import contradictions, pointless_statements
from domain.policy.lint.escalation import escalation_findings
from domain.policy.lint.findings import Finding, FindingType, refusal
from domain.policy.lint.grammar import document_findings
from domain.policy.lint.parsed import ParsedStatement, decoded, statements
from domain.policy.lint.principals import service_principal_findings
from domain.policy.lint.resources import mismatched_actions, redundant_resources, resource_findings
from domain.policy.positions import Path, positions
from domain.policy.saving import parse_new

__all__ = ["Finding", "FindingType", "lint"]

CHECKED_CHARACTERS_MAX = 32_768
"""Without white space. Of a longer document, longer than KMS takes a key's, only the form is checked."""
ELABORATE_ACTIONS_MAX = 200
"""With wildcards elsewhere than at the end, each of which is tried on every action of its service: 5 ms for EC2's. Of
a document with more only the form is checked."""
COMPARED_TEXTS_MAX = 400
"""Actions, resources and values of conditions. Where there are more, they are not held against one another, which is
quadratic."""

_PLACE = re.compile(r"Statement\[(?P<index>\d{1,6})\](?P<names>(?:\.[A-Za-z]+)*)")


def lint(
    text: str, policy_type: PolicyType, catalogue: ActionCatalogue, partition: str = PARTITION
) -> tuple[Finding, ...]:
    """In the order of the document, for an account of this partition. Raises nothing, whatever the text.

    What is refused when it is written is an ERROR: where no check has one of its own, with the parser's reason.
    """
    if len(text) > TEXT_CHARACTERS_MAX:
        message = f"A policy has at most {TEXT_CHARACTERS_MAX:,} characters; this has {len(text):,}."
        return (refusal("MALFORMED_POLICY_DOCUMENT", message, ()),)
    try:
        document = decoded(text)
    except json.JSONDecodeError as failure:
        message = f"This is not JSON: {failure.msg} at line {failure.lineno}, column {failure.colno}."
        return (refusal("JSON_SYNTAX_ERROR", message, ()),)
    except RecursionError:
        return (refusal("JSON_SYNTAX_ERROR", "This is nested deeper than any policy.", ()),)
    found = list(_findings(text, document, policy_type, catalogue, partition))
    if not any(finding.refused for finding in found):
        found += _refusal(text, policy_type, partition)
    places = positions(text)
    located = [replace(finding, path=places.nearest(finding.path)) for finding in found]
    return tuple(sorted(located, key=lambda finding: places.span_of(finding.path).start.offset))


def _findings(
    text: str, document: Json, policy_type: PolicyType, catalogue: ActionCatalogue, partition: str
) -> Iterator[Finding]:
    if not isinstance(document, dict):
        yield refusal("DATA_TYPE_MISMATCH", "A policy is a JSON object.", ())
        return
    yield from document_findings(text, document, policy_type)
    read = list(statements(document))
    actions = [action for statement in read for name in ("Action", "NotAction") for action in statement.texts(name)]
    elaborate = sum("*" in action[:-1] or "?" in action for action in actions)
    if policy_size(text) > CHECKED_CHARACTERS_MAX or elaborate > ELABORATE_ACTIONS_MAX:
        return
    for statement in read:
        yield from action_findings(statement, policy_type, catalogue)
        yield from resource_findings(statement, policy_type, catalogue, partition)
        yield from service_principal_findings(statement)
        yield from condition_findings(statement, catalogue)
    yield from escalation_findings(read, policy_type)
    if sum(_texts(statement) for statement in read) <= COMPARED_TEXTS_MAX:
        for statement in read:
            yield from mismatched_actions(statement, catalogue)
            yield from unsupported_keys(statement, catalogue)
            yield from redundant_actions(statement)
            yield from redundant_resources(statement)
            yield from contradictions(statement)
        yield from pointless_statements(read)


def _texts(statement: ParsedStatement) -> int:
    """At least one, for statements are compared too."""
    listed = sum(len(statement.texts(name)) for name in ("Action", "NotAction", "Resource", "NotResource"))
    return 1 + listed + sum(1 + len(condition.values) for condition in statement.conditions())


def _refusal(text: str, policy_type: PolicyType, partition: str) -> Iterator[Finding]:
    try:
        parse_new(text, policy_type, partition)
    except MalformedPolicyDocument as refused:
        yield refusal("MALFORMED_POLICY_DOCUMENT", refused.message, _place(refused.detail))


def _place(detail: str) -> Path:
    """The path of what a refusal is about. Its detail begins with it, such as `Statement[0].Condition: …`."""
    found = _PLACE.match(detail)
    return ("Statement", int(found["index"]), *found["names"].split(".")[1:]) if found else ()
