"""What a simulation is told: names, ARNs, documents and condition values, checked before anything is simulated.

Whatever is wrong with them is InvalidInput. Where AWS names no limit there is one here: the service model bounds
neither the number of documents, actions and resources nor the length of a value.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from domain.foundation.errors import InvalidInput, MalformedPolicyDocument
from domain.foundation.identifiers import ACCOUNT_ID
from domain.policy import Layer, Policy, PolicyType, RequestContext, SourcedPolicy, parse
from domain.policy.conditions import CONDITION_KEY, binary, boolean, instant, number
from domain.policy.decode import decoded
from domain.policy.wildcards import arn_parts

ACTIONS_MAX = 1_000
RESOURCES_MAX = 1_000
DOCUMENTS_CHARACTERS_MAX = 40_960
"""Of all documents of a call together, white space included: four times the largest policy. They are read in the
round."""
CONTEXT_CHARACTERS_MAX = 131_072
"""Of all condition values of a call together."""

_ACTION = re.compile("[A-Za-z0-9-]+:[A-Za-z0-9_-]+")
_ASSUMING = re.compile("sts:assumerole.*", re.IGNORECASE)
_RESOURCE = re.compile(r"\*|arn:[^:]*:[^:]+:[^:]*:[^:]*:.+", re.DOTALL)
_CALLER = re.compile(r"arn:[a-z-]+:iam::(?P<account>[0-9]{12}):(?P<kind>user|group|role)/(?:[!-~]*/)?(?P<name>[^/\s]+)")
_ACCOUNT_ARN = re.compile("arn:[a-z-]+:iam::(?P<account>[0-9]{12}):root")

INPUT, RESOURCE = "input", "resource"
"""Types of sources besides those of policies that an account holds: a document of the call, and its ResourcePolicy."""


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """As the client sent it."""

    name: str | None
    type: str | None
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SimulatedCaller:
    """Of whom no more is known than an ARN says."""

    arn: str
    account_id: str
    kind: str
    """user, group or role."""
    name: str


def actions(names: Sequence[str]) -> tuple[str, ...]:
    if not 1 <= len(names) <= ACTIONS_MAX:
        raise InvalidInput(f"ActionNames: expected 1 to {ACTIONS_MAX} names, got {len(names)}.")
    for position, name in enumerate(names, start=1):
        if not _ACTION.fullmatch(name):
            raise InvalidInput(
                f"ActionNames.{position}: expected a service and an operation without wildcards, such as "
                f'iam:CreateUser, got "{name}".'
            )
    return tuple(names)


def resources(arns: Sequence[str]) -> tuple[str, ...]:
    """None of them is all of them: `*`."""
    if len(arns) > RESOURCES_MAX:
        raise InvalidInput(f"ResourceArns: expected at most {RESOURCES_MAX} ARNs, got {len(arns)}.")
    for position, arn in enumerate(arns, start=1):
        if not _RESOURCE.fullmatch(arn):
            raise InvalidInput(
                f"ResourceNames are not in a valid ARN format: {arn}.",
                f'ResourceArns.{position}: expected an ARN or "*"',
            )
    return tuple(arns) or ("*",)


def caller(arn: str) -> SimulatedCaller:
    found = _CALLER.fullmatch(arn)
    if not found:
        raise InvalidInput(
            f"CallerArn: expected the ARN of an IAM user, group or role, not of an assumed role, a federated user or "
            f"a service; got {arn}."
        )
    return SimulatedCaller(arn, found["account"], found["kind"], found["name"])


def owner(text: str) -> str:
    """The account that ResourceOwner names: by the ARN of its root, as SimulateCustomPolicy documents it, or by number,
    as SimulatePrincipalPolicy does. Both take both."""
    if ACCOUNT_ID.fullmatch(text):
        return text
    found = _ACCOUNT_ARN.fullmatch(text)
    if not found:
        raise InvalidInput(
            f"'{text}' is not a valid as a Resource Owner.",
            "expected twelve digits, or an ARN such as arn:aws:iam::123456789012:root",
        )
    return found["account"]


def refuse_too_much_text(documents: Sequence[str]) -> None:
    """Before any of them is parsed."""
    characters = sum(map(len, documents))
    if characters > DOCUMENTS_CHARACTERS_MAX:
        raise InvalidInput(
            f"The policies of a simulation may have {DOCUMENTS_CHARACTERS_MAX} characters together; got {characters}."
        )


def policies(documents: Sequence[str], name: str, policy_type: PolicyType) -> tuple[SourcedPolicy, ...]:
    """Called by their places in the parameter, as results name them: PolicyInputList.1."""
    return tuple(
        SourcedPolicy(_parsed(document, f"{name}.{position}", policy_type), f"{name}.{position}", INPUT, None)
        for position, document in enumerate(documents, start=1)
    )


def service_controls(levels: Sequence[Sequence[str]]) -> list[tuple[Layer, Sequence[SourcedPolicy]]]:
    """From the root of an organization down to the account."""
    name = "OrderedOrganizationPolicyInputList"
    return [
        (Layer.SCP, policies(level, f"{name}.{position}.ServiceControlPolicyInputList", PolicyType.SCP))
        for position, level in enumerate(levels, start=1)
    ]


def boundaries(documents: Sequence[str]) -> tuple[SourcedPolicy, ...]:
    if len(documents) > 1:
        raise InvalidInput(f"PermissionsBoundaryPolicyInputList: expected one policy at most, got {len(documents)}.")
    return policies(documents, "PermissionsBoundaryPolicyInputList", PolicyType.BOUNDARY)


def resource_policy(document: str, action_names: Sequence[str]) -> SourcedPolicy:
    """A document without resources is the trust policy of a role, if the simulation is about assuming one."""
    assuming = all(_ASSUMING.fullmatch(action) for action in action_names)
    policy_type = PolicyType.TRUST if assuming and not _has_resources(document) else PolicyType.RESOURCE
    return SourcedPolicy(_parsed(document, "ResourcePolicy", policy_type), "ResourcePolicy", RESOURCE, None)


def _has_resources(document: str) -> bool:
    """False of what is no policy: parsing says what is wrong with it."""
    try:
        read = decoded(document)
    except MalformedPolicyDocument:
        return False
    statements = read.get("Statement") if isinstance(read, dict) else None
    listed = statements if isinstance(statements, list) else [statements]
    return any(isinstance(each, dict) and ("Resource" in each or "NotResource" in each) for each in listed)


def _parsed(document: str, where: str, policy_type: PolicyType) -> Policy:
    try:
        return parse(document, policy_type)
    except MalformedPolicyDocument as malformed:
        raise InvalidInput(malformed.sentence, f"{where}: {malformed.detail}") from None


def context(entries: Sequence[ContextEntry]) -> RequestContext:
    """The condition keys given, lower-cased. A list without values says that the key is absent."""
    given: dict[str, tuple[str, ...]] = {}
    characters = sum(len(value) for entry in entries for value in entry.values)
    if characters > CONTEXT_CHARACTERS_MAX:
        raise InvalidInput(
            f"ContextEntries: expected at most {CONTEXT_CHARACTERS_MAX} characters in all, got {characters}."
        )
    for position, entry in enumerate(entries, start=1):
        where = f"ContextEntries.{position}"
        name = entry.name or ""
        if not CONDITION_KEY.fullmatch(name):
            raise InvalidInput(f'{where}: expected a ContextKeyName such as aws:SourceIp, got "{name}".')
        if name.lower() in given:
            raise InvalidInput(f"{where}: the context key {name} is given twice; keys know no case.")
        given[name.lower()] = _values(entry, where)
    return given


def _values(entry: ContextEntry, where: str) -> tuple[str, ...]:
    named = entry.type or ""
    read = _READERS.get(named.removesuffix("List"))
    if read is None:
        raise InvalidInput(
            f'{where}: expected a ContextKeyType of {", ".join(_READERS)}, also with List behind it; got "{named}".'
        )
    if not named.endswith("List") and len(entry.values) != 1:
        raise InvalidInput(
            f"{where}: {entry.name} of type {named} has one value, got {len(entry.values)}; expected {named}List for "
            f"any other number."
        )
    for value in entry.values:
        try:
            read(value)
        except ValueError as unfit:
            raise InvalidInput(f"{where}: {entry.name} of type {named}: {unfit}.") from None
    return entry.values


_READERS: Mapping[str, Callable[[str], object]] = {
    "string": str,
    "numeric": number,
    "boolean": boolean,
    "ip": ipaddress.ip_address,
    "binary": binary,
    "date": instant,
}
"""The types of values; each raises ValueError of what is not of its type."""


_INSTANCE = ("instance", "image", "security-group", "network-interface")
_HANDLING: Mapping[str, tuple[str, ...]] = {
    "EC2-VPC-InstanceStore": _INSTANCE,
    "EC2-VPC-InstanceStore-Subnet": (*_INSTANCE, "subnet"),
    "EC2-VPC-EBS": (*_INSTANCE, "volume"),
    "EC2-VPC-EBS-Subnet": (*_INSTANCE, "subnet", "volume"),
}
"""Which resources of EC2 a scenario has to name (IAM API Reference, SimulateCustomPolicy, "ResourceHandlingOption")."""


def refuse_incomplete(option: str, arns: Sequence[str]) -> None:
    """The option asks for no more than that the resources of its scenario are there."""
    needed = _HANDLING.get(option)
    if needed is None:
        raise InvalidInput(f'ResourceHandlingOption: expected {", ".join(_HANDLING)}; got "{option}".')
    lacking = [kind for kind in needed if not any(_is_of_ec2(arn, kind) for arn in arns)]
    if lacking:
        raise InvalidInput(
            f"ResourceHandlingOption {option}: ResourceArns lack a resource of EC2: {', '.join(lacking)}."
        )


def _is_of_ec2(arn: str, kind: str) -> bool:
    parts = arn_parts(arn)
    return arn != "*" and parts[2] == "ec2" and parts[5].startswith(f"{kind}/")
