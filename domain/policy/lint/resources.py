"""Lints what a statement says of resources: that they are ARNs, and that its actions can be about them."""

import re
from collections.abc import Iterator

from domain.policy.catalogue import ActionCatalogue, ResourceType, Service
from domain.policy.document import PolicyType
from domain.policy.lint.actions import matched
from domain.policy.lint.findings import Finding, error, refusal, suggestion, warning
from domain.policy.lint.parsed import ListedText, ParsedStatement
from domain.policy.pattern_relations import arn_overlap, covers, is_everything, overlap, redundant
from domain.policy.saving import Unfit, unfit_resource
from domain.policy.wildcards import ARN_PARTS, arn_parts

_REGION = re.compile("[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")


def resource_findings(
    statement: ParsedStatement, policy_type: PolicyType, catalogue: ActionCatalogue, partition: str
) -> Iterator[Finding]:
    for element in ("Resource", "NotResource"):
        for item in statement.listed(element):
            if not is_everything(item.text):
                unfit = unfit_resource(item.text, policy_type, partition)
                yield from _arn_findings(item, unfit, catalogue)


def redundant_resources(statement: ParsedStatement) -> Iterator[Finding]:
    for element in ("Resource", "NotResource"):
        items = statement.listed(element)
        for index, wide in redundant([item.text for item in items], arns=True):
            message = f"{items[index].text} names nothing that {items[wide].text} does not name."
            yield suggestion("REDUNDANT_RESOURCE", message, items[index].path)


def _arn_findings(item: ListedText, unfit: Unfit | None, catalogue: ActionCatalogue) -> Iterator[Finding]:
    parts = arn_parts(item.text)
    if not overlap(parts[0], "arn"):
        yield refusal("INVALID_ARN_PREFIX", f"{item.text} does not begin with arn:.", item.path)
        return
    if unfit is not None:
        yield refusal(unfit.code, unfit.reason, item.path)
    if len(parts) < ARN_PARTS:
        if not item.text.endswith("*") and (unfit is None or unfit.code != "MISSING_ARN_FIELD"):
            message = f"{item.text} is no arn:partition:service:region:account:resource."
            yield error("MISSING_ARN_FIELD", message, item.path)
        return
    _, _, service, region, account, _ = parts
    if service != service.lower():
        yield refusal("INVALID_ARN_SERVICE_CASE", f"The service {service} is written in lower case.", item.path)
    if _is_pattern(service):
        message = f"The service {service} can be one that is not meant, today or tomorrow."
        yield suggestion("WILDCARD_IN_SERVICE_NAME", message, item.path)
    if not _is_pattern(region) and region and not _REGION.fullmatch(region):
        yield error("INVALID_ARN_REGION", f"{region} is no Region.", item.path)
    known = catalogue.service(service) if service in catalogue.services else None
    if known is not None and unfit is None:
        yield from _needless_part_findings(item, known, region, account)


def _needless_part_findings(item: ListedText, service: Service, region: str, account: str) -> Iterator[Finding]:
    """A Region or account where no resource of the service has one."""
    formats = [arn_parts(resource.arn) for resource in service.resource_types.values()]
    arns = [parts for parts in formats if len(parts) == ARN_PARTS and parts[2] == service.prefix]
    if not arns:
        return
    if region.strip("*") and not any(parts[3] for parts in arns):
        yield error("ARN_REGION_NOT_ALLOWED", f"ARNs of {service.prefix} have no Region; got {region}.", item.path)
    if account.strip("*") and not any(parts[4] for parts in arns):
        yield error("ARN_ACCOUNT_NOT_ALLOWED", f"ARNs of {service.prefix} have no account; got {account}.", item.path)


def mismatched_actions(statement: ParsedStatement, catalogue: ActionCatalogue) -> Iterator[Finding]:
    """An action none of whose resource types is listed never matches; nor does a resource that no action is about."""
    resources = [item for item in statement.listed("Resource") if "${" not in item.text.split("/")[0]]
    if not resources or len(resources) < len(statement.listed("Resource")):
        return
    if any(is_everything(item.text) for item in resources):
        return
    meant: set[str] = set()
    everything_is_known, all_fit = True, True
    types_met: dict[str, dict[str, set[str]]] = {}
    for item in statement.listed("Action"):
        found = matched(item, catalogue)
        if found is None or not found[1]:
            everything_is_known = False
            continue
        service, actions = found
        if service.prefix not in types_met:
            types_met[service.prefix] = {resource.text: _types_met(resource.text, service) for resource in resources}
        about = {name.lower() for action in actions for name in action.resource_types}
        fitting = {text for text, names in types_met[service.prefix].items() if names & about}
        meant |= fitting
        if not fitting:
            all_fit = False
            expected = " or ".join(sorted(about)) or "*"
            message = f"{item.text} is about {expected}, which no Resource of this statement is: it never matches."
            yield warning("RESOURCE_TYPE_DOES_NOT_FIT", message, item.path)
    if everything_is_known and all_fit and "Action" in statement.elements:
        for resource in resources:
            if resource.text not in meant:
                message = f"No action of this statement is about a resource such as {resource.text}."
                yield warning("RESOURCE_TYPE_DOES_NOT_FIT", message, resource.path)


def _types_met(resource: str, service: Service) -> set[str]:
    """The names of the resource types that a pattern can mean.

    `arn:aws:s3:::a/*` has the form of a bucket too, for a format does not say that a bucket's name has no slash. So
    where a type with more slashes in its format covers all that the pattern means, one with fewer is not meant.
    """
    met = [(name, type_) for name, type_ in service.resource_types.items() if _can_be(type_.arn, resource)]
    return {name for name, type_ in met if not any(_narrower(other, type_, resource) for _, other in met)}


def _can_be(form: str, resource: str) -> bool:
    services = [arn.split(":", 3)[2:3] for arn in (form, resource)]
    # Nearly all forms are of another service, which is seen at once.
    is_plain = not any(_is_pattern(service) for part in services for service in part)
    return (not is_plain or services[0] == services[1]) and arn_overlap(form, resource)


def _narrower(other: ResourceType, type_: ResourceType, resource: str) -> bool:
    return other.arn.count("/") > type_.arn.count("/") and covers(type_.arn, other.arn) and covers(other.arn, resource)


def _is_pattern(part: str) -> bool:
    return "*" in part or "?" in part or "${" in part
