"""The file that says what the organization is to be: a tree of units, accounts and policies, as one JSON object.

Policies are attached by their names. Ids that are left out are made from names, the same ones each time, so that
setting a file twice changes nothing. Where `scps` is left out AWS's FullAWSAccess is attached, as AWS does; what is
listed there is all that is attached. RCPFullAWSAccess is attached everywhere, as in AWS, whether it is listed or not.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.families.lifecycle_profiles import LifecycleProfile
from domain.families.organization import (
    FULL_AWS_ACCESS,
    RCP_FULL_AWS_ACCESS,
    ControlPolicy,
    NodeKind,
    Organization,
    OrganizationNode,
    OrganizationPolicy,
    PolicyKind,
)
from domain.foundation.errors import Refusal
from domain.rules.lifecycle_profiles import BUILT_IN_PROFILES, read_versioned_profile
from services.cli.lib.output import cut

CHARACTERS_MAX = 16 * 2**20
SHOWN_CHARACTERS_MAX = 80
"""Of a value that is wrong."""

NodeName = Annotated[str, Field(min_length=1, max_length=128)]
DescriptionText = Annotated[str, Field(max_length=512)]
"""As "CreateOrganizationalUnit" and "CreatePolicy" have them in the API Reference of AWS Organizations."""
NumberT = TypeVar("NumberT", int, float)


class InvalidFile(Exception):  # noqa: N818  said to a person
    """What the file says cannot be meant; the message names the place, what stands there and what was expected."""


class _Element(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Attached(_Element):
    scps: list[str] | None = None
    rcps: list[str] = []
    lifecycle_profile: str | dict[str, object] | None = None
    """The name of a built-in one, or all that it says."""


class _Account(_Attached):
    id: str
    name: NodeName | None = None


class _Unit(_Attached):
    id: str | None = None
    name: NodeName
    accounts: list[_Account] = []
    units: list["_Unit"] = []


class _Root(_Unit):
    name: NodeName = "Root"


class _Policy(_Element):
    type: PolicyKind
    id: str | None = None
    description: DescriptionText | None = None
    content: dict[str, object]


class _File(_Element):
    id: str | None = None
    management_account: str
    root: _Root
    policies: dict[NodeName, _Policy] = {}


def parse_organization(text: str) -> Organization:
    """The organization that the file describes, its ids and documents not yet checked. The management account stands
    in the root where the tree does not name it, as in AWS. Raises InvalidFile."""
    try:
        file = _File.model_validate(_decoded(text))
    except ValidationError as error:
        raise InvalidFile(" ".join(_error_sentences(error))) from error
    organization_id = file.id or "o-" + _digits(10, file.management_account)
    policies = [
        ControlPolicy(
            policy.type,
            OrganizationPolicy(
                policy.id or "p-" + _digits(8, organization_id, policy.type, name),
                name,
                # As the console does: without white space between the elements, which would count.
                json.dumps(policy.content, separators=(",", ":"), ensure_ascii=False),
            ),
            policy.description,
        )
        for name, policy in file.policies.items()
    ]
    for managed in (FULL_AWS_ACCESS, RCP_FULL_AWS_ACCESS):
        if managed.policy.name in file.policies:
            raise InvalidFile(f"policies.{managed.policy.name}: AWS maintains this policy; expected another name.")
        policies.append(managed)
    tree = _Tree(organization_id, {listed.policy.name: listed.policy.id for listed in policies})
    root = file.root
    if file.management_account not in _account_ids(root):
        root = root.model_copy(update={"accounts": [_Account(id=file.management_account), *root.accounts]})
    tree.grow(root, "root", root.id or "r-" + _digits(4, organization_id), None)
    return Organization(
        organization_id,
        file.management_account,
        tuple(tree.nodes),
        tuple(sorted(policies, key=lambda listed: listed.policy.id)),
    )


def _account_ids(part: _Unit) -> frozenset[str]:
    below = (_account_ids(unit) for unit in part.units)
    return frozenset(account.id for account in part.accounts).union(*below)


@dataclass(slots=True)
class _Tree:
    """Takes the nodes in, parents before their children."""

    organization_id: str
    policy_ids: Mapping[str, str]
    """By name."""
    nodes: list[OrganizationNode] = field(default_factory=list)

    def grow(self, part: _Unit, place: str, node_id: str, parent_id: str | None) -> None:
        self.add("unit" if parent_id else "root", part, place, node_id, parent_id)
        for number, account in enumerate(part.accounts):
            self.add("account", account, f"{place}.accounts[{number}]", account.id, node_id)
        for number, unit in enumerate(part.units):
            unit_id = unit.id or f"ou-{self.nodes[0].id[2:]}-" + _digits(8, self.organization_id, node_id, unit.name)
            self.grow(unit, f"{place}.units[{number}]", unit_id, node_id)

    def add(self, kind: NodeKind, part: _Unit | _Account, place: str, node_id: str, parent_id: str | None) -> None:
        scps = [FULL_AWS_ACCESS.policy.name] if part.scps is None else part.scps
        always = RCP_FULL_AWS_ACCESS.policy.name
        rcps = [always, *(name for name in part.rcps if name != always)]
        self.nodes.append(
            OrganizationNode(
                kind,
                node_id,
                part.name or node_id,
                self._ids(scps, f"{place}.scps"),
                self._ids(rcps, f"{place}.rcps"),
                parent_id,
                None if part.lifecycle_profile is None else _profile(part.lifecycle_profile, place),
            )
        )

    def _ids(self, names: Sequence[str], place: str) -> tuple[str, ...]:
        """In order of their own: the order of what is attached means nothing."""
        for name in names:
            if name not in self.policy_ids:
                known = ", ".join(sorted(self.policy_ids))
                raise InvalidFile(f"{place}: there is no policy {_shown(name)}; expected one of {known}.")
        return tuple(sorted(self.policy_ids[name] for name in names))


def _profile(given: str | dict[str, object], place: str) -> LifecycleProfile:
    where = f"{place}.lifecycle_profile"
    if isinstance(given, str):
        if given not in BUILT_IN_PROFILES:
            known = ", ".join(BUILT_IN_PROFILES)
            raise InvalidFile(f"{where}: there is no built-in profile {_shown(given)}; expected one of {known}.")
        return BUILT_IN_PROFILES[given]
    try:
        return read_versioned_profile(json.dumps(given))
    except Refusal as refusal:
        raise InvalidFile(f"{where}: {refusal.message}") from refusal


def organization_to_json(organization: Organization) -> dict[str, object]:
    """The object from which `parse_organization` makes the organization again."""
    names = {listed.policy.id: listed.policy.name for listed in organization.policies}
    maintained = {FULL_AWS_ACCESS.policy.id, RCP_FULL_AWS_ACCESS.policy.id}

    def part(node: OrganizationNode) -> dict[str, object]:
        below = [child for child in organization.nodes if child.parent_id == node.id]
        lists = {
            "scps": [names[policy_id] for policy_id in node.scps],
            "rcps": [names[policy_id] for policy_id in node.rcps if policy_id not in maintained],
            "accounts": [part(child) for child in below if child.kind == "account"],
            "units": [part(child) for child in below if child.kind == "unit"],
        }
        own: dict[str, object] = {"id": node.id, "name": node.name}
        if node.lifecycle_profile is not None:
            own["lifecycle_profile"] = profile_to_json(node.lifecycle_profile)
        return own | {name: listed for name, listed in lists.items() if listed}

    policies = {
        listed.policy.name: {
            "type": listed.type,
            "id": listed.policy.id,
            "description": listed.description,
            "content": json.loads(listed.policy.document),
        }
        for listed in organization.policies
        if listed.policy.id not in maintained
    }
    return {
        "id": organization.id,
        "management_account": organization.management_account_id,
        "root": part(organization.nodes[0]),
        "policies": policies,
    }


def profile_to_json(profile: LifecycleProfile) -> object:
    """Its name alone of a built-in one."""
    if BUILT_IN_PROFILES.get(profile.name) == profile:
        return profile.name
    return profile.model_dump(mode="json", exclude_defaults=True)


def _digits(count: int, *names: str) -> str:
    """Lower-case letters and digits that are the same for the same names, five bits each."""
    digest = hashlib.sha256(json.dumps(names).encode()).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:count]


def _decoded(text: str) -> object:
    if len(text) > CHARACTERS_MAX:
        raise InvalidFile(f"The file: expected at most {CHARACTERS_MAX} characters; got {len(text)}.")
    try:
        decoded: object = json.loads(
            text,
            object_pairs_hook=_members,
            parse_int=_as_written(int),
            parse_float=_as_written(float),
            parse_constant=_no_number,
        )
    except ValueError as error:
        raise InvalidFile(f"The file: expected JSON; {error}.") from error
    except RecursionError as error:
        raise InvalidFile("The file: expected JSON of some levels; it is nested far too deep.") from error
    return decoded


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise InvalidFile(f"The file: the name {_shown(name)} appears twice in one object; expected once.")
        members[name] = value
    return members


def _as_written(kind: Callable[[str], NumberT]) -> Callable[[str], NumberT]:
    """A policy's document is recorded as text: a number must not become another one on the way."""

    def read_number(text: str) -> NumberT:
        number = kind(text)
        if repr(number) != text:
            raise InvalidFile(f"The file: the number {_shown(text)} would not be kept as it is; write it as a string.")
        return number

    return read_number


def _no_number(name: str) -> NoReturn:
    raise InvalidFile(f"The file: {name} is no JSON value.")


def _error_sentences(error: ValidationError) -> Iterator[str]:
    """A sentence for each thing that is wrong."""
    for found in error.errors():
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in found["loc"]).lstrip(".")
        got = "" if found["type"] == "missing" else f"; got {_shown(found['input'])}"
        yield f"{place or 'The file'}: {found['msg']}{got}."


def _shown(value: object) -> str:
    return cut(json.dumps(value, ensure_ascii=False), SHOWN_CHARACTERS_MAX)
