"""Lints what a statement says of actions: that they exist, and that no dangerous ones are given away."""

from collections.abc import Iterator

from domain.policy.catalogue import ActionCatalogue, CatalogueAction, Service
from domain.policy.document import PolicyType
from domain.policy.lint.findings import Finding, error, refusal, security_warning, suggestion, warning
from domain.policy.lint.parsed import ListedText, ParsedStatement
from domain.policy.pattern_relations import covers, is_everything, redundant
from domain.policy.wildcards import ARN_PARTS, arn_parts, wildcard

_SENSITIVE = (
    # An action, the beginning of its codes, all roles that it can be about, and the keys that bound it.
    ("iam:PassRole", "PASS_ROLE", "role/*", ("iam:PassedToService", "iam:AssociatedResourceArn")),
    ("iam:CreateServiceLinkedRole", "CREATE_SLR", "role/aws-service-role/*", ("iam:AWSServiceName",)),
)


def matched(item: ListedText, catalogue: ActionCatalogue) -> tuple[Service, tuple[CatalogueAction, ...]] | None:
    """The actions of one service that a text of Action means. None where it does not name just one that exists."""
    prefix, colon, name = item.text.lower().partition(":")
    service = catalogue.service(prefix) if colon and prefix in catalogue.services else None
    return (service, service.matching(name)) if service is not None else None


def action_findings(
    statement: ParsedStatement, policy_type: PolicyType, catalogue: ActionCatalogue
) -> Iterator[Finding]:
    for element in ("Action", "NotAction"):
        for item in statement.listed(element):
            yield from _one(item, catalogue)
    if statement.allows and policy_type.grants:
        yield from _given_away(statement)


def redundant_actions(statement: ParsedStatement) -> Iterator[Finding]:
    for element in ("Action", "NotAction"):
        items = statement.listed(element)
        for index, wide in redundant([item.text.lower() for item in items], arns=False):
            message = f"{items[index].text} says nothing that {items[wide].text} does not say."
            yield suggestion("REDUNDANT_ACTION", message, items[index].path)


def _one(item: ListedText, catalogue: ActionCatalogue) -> Iterator[Finding]:
    prefix, colon, name = item.text.partition(":")
    if "${" in item.text:
        message = "Variables are for Resource and Condition; an action is written out."
        yield refusal("VARIABLE_UNSUPPORTED_IN_ELEMENT", message, item.path)
    elif is_everything(item.text):
        return
    elif not colon:
        message = f"{item.text} names no service; an action is written like iam:GetUser."
        yield refusal("INVALID_ACTION", message, item.path)
    elif "*" in prefix or "?" in prefix:
        yield refusal("INVALID_SERVICE_IN_ACTION", f"A service is written out; {prefix} has wildcards.", item.path)
    elif (found := matched(item, catalogue)) is None:
        yield error("INVALID_SERVICE_IN_ACTION", f"There is no service {prefix}.", item.path)
    elif not found[1]:
        is_pattern = "*" in name or "?" in name
        message = f"{prefix} has no action {'like ' if is_pattern else ''}{name}."
        yield error("INVALID_ACTION", message, item.path)


def _given_away(statement: ParsedStatement) -> Iterator[Finding]:
    """AWS's checks "Pass role with …" and "Create SLR with …"."""
    for action, code, every, bounding in _SENSITIVE:
        through = _granted_through(statement, action.lower())
        if through is None:
            continue
        suffix, granting = through
        warn = security_warning if code == "PASS_ROLE" else warning
        if "NotResource" in statement.elements:
            message = f"{granting.text} allows {action} on all that NotResource does not list."
            joined = f"{code}_WITH_{suffix}_AND_NOT_RESOURCE" if suffix else f"{code}_WITH_NOT_RESOURCE"
            yield warn(joined, message, statement.at("NotResource"))
            continue
        keys = {key.lower() for key in bounding}
        if any(condition.key in keys for condition in statement.conditions()):
            continue
        for resource in statement.listed("Resource"):
            if _is_every(resource.text, every):
                message = f"{granting.text} with {resource.text} allows {action} on all roles"
                bound = f"list those that are meant, or add a condition on {' or '.join(bounding)}"
                yield warn(f"{code}_WITH_{_WITH_STAR[suffix]}", f"{message}; {bound}.", resource.path)


_WITH_STAR = {
    "": "STAR_IN_RESOURCE",
    "STAR_IN_ACTION": "STAR_IN_ACTION_AND_RESOURCE",
    "NOT_ACTION": "STAR_IN_RESOURCE_AND_NOT_ACTION",
}


def _granted_through(statement: ParsedStatement, action: str) -> tuple[str, ListedText] | None:
    """How the statement comes to mean the action: by its name, by a wildcard, or by not excepting it."""
    if "NotAction" in statement.elements:
        if any(wildcard(text.lower())(action) for text in statement.texts("NotAction")):
            return None
        return "NOT_ACTION", ListedText(statement.at("NotAction"), "NotAction")
    for item in statement.listed("Action"):
        if wildcard(item.text.lower())(action):
            return ("" if item.text.lower() == action else "STAR_IN_ACTION"), item
    return None


def _is_every(resource: str, every: str) -> bool:
    """Whether a pattern means all roles, of an account at least."""
    parts = arn_parts(resource)
    last = parts[-1]
    return covers(last, every) if len(parts) == ARN_PARTS else last.endswith("*")
