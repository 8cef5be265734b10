"""What a simulation is made of: the policies of the call, those of an account, and what is known of who calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.account import Account
from domain.authorization import identity_policies, layers_of, service_controls
from domain.call_context import ConditionValues, iso_time, organization_id, organization_paths
from domain.callers import Caller
from domain.calls import require_read
from domain.families.groups import GROUP
from domain.families.organization import ORGANIZATION_MEMBERSHIP
from domain.families.policies import MANAGED_POLICIES
from domain.families.tags import PRINCIPAL_TAG, tags_of
from domain.families.users import USER
from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.events import Principal
from domain.foundation.identifiers import account_of_arn
from domain.policy import (
    Layer,
    Layers,
    Policy,
    PolicyType,
    PrincipalName,
    RequestContext,
    RequestPrincipal,
    SourcedPolicy,
)
from domain.rules import simulation_inputs
from domain.rules.policy_holders import KINDS, Holder, HolderKind, holder_of
from domain.rules.simulation import Simulation, Target
from domain.rules.simulation_exclusions import Exclusion, apply_exclusions, excluded
from domain.rules.simulation_inputs import ContextEntry, SimulatedCaller, caller
from domain.rules.simulation_work import refuse_too_much

_KINDS: Mapping[str, HolderKind] = {kind.noun: kind for kind in KINDS}
_PRINCIPAL_TYPES = {"user": "User", "role": "AssumedRole"}
_NOBODY: frozenset[PrincipalName] = frozenset()


@dataclass(frozen=True, slots=True)
class SimulationParameters:
    """The parameters that both simulations have."""

    policies: Sequence[str]
    boundaries: Sequence[str]
    action_names: Sequence[str]
    resource_arns: Sequence[str]
    resource_policy: str | None
    resource_owner: str | None
    caller_arn: str | None
    entries: Sequence[ContextEntry]
    resource_handling_option: str | None

    @property
    def documents(self) -> list[str]:
        return [*self.policies, *self.boundaries, *([] if self.resource_policy is None else [self.resource_policy])]


@dataclass(frozen=True, slots=True)
class Source:
    """A user, group or role of the account."""

    kind: HolderKind
    holder: Holder
    caller: SimulatedCaller


def source(account: Account, arn: str) -> Source:
    """Raises NoSuchEntity, and InvalidInput for what is no ARN of a user, group or role."""
    try:
        found = caller(arn)
    except InvalidInput:
        raise InvalidInput(
            f"Invalid Entity Arn: {arn} does not clearly define entity type and name.",
            "PolicySourceArn: expected the ARN of an IAM user, group or role",
        ) from None
    holder = _KINDS[found.kind].named(account, found.name)
    if account.arn(holder.resource) != arn:
        raise NoSuchEntity(f"The {found.kind} with the ARN {arn} cannot be found.")
    return Source(_KINDS[found.kind], holder, found)


def _layers(account: Account, of: Source) -> Layers:
    """What limits and what grants: of a user with its groups, of a group or role its own."""
    if of.kind is GROUP:
        granting = (Layer.IDENTITY, tuple(identity_policies(account, of.holder.id)))
        return [*service_controls(account, of.holder.id), granting]
    principal = Principal(
        type="IAMUser" if of.kind is USER else "AssumedRole",
        principal_id=of.holder.id,
        arn=of.caller.arn,
        account_id=account.id,
    )
    return layers_of(account, Caller(principal, of.holder.id, ""))


def _principal(calling: SimulatedCaller, of: Source | None) -> RequestPrincipal:
    """By the names that a policy of a resource may have for the caller. A role calls in a session of which no more is
    known than the role; no policy can name a group."""
    names = {("AWS", calling.arn)}
    if of is not None and of.caller == calling:
        names.add(("AWS", of.holder.id))
    own = frozenset(names) if calling.kind == "user" else _NOBODY
    issuer = frozenset(names) if calling.kind == "role" else _NOBODY
    return RequestPrincipal(calling.arn, calling.account_id, own, issuer)


def _known(calling: SimulatedCaller | None, at: datetime) -> RequestContext:
    """The condition keys that the caller's ARN and the time of the call give."""
    epoch = str(int(at.timestamp()))
    keys: dict[str, ConditionValues] = {"aws:currenttime": (iso_time(at),), "aws:epochtime": (epoch,)}
    if calling is None:
        return keys
    keys["aws:principalaccount"] = (calling.account_id,)
    if calling.kind in _PRINCIPAL_TYPES:
        keys["aws:principalarn"] = (calling.arn,)
        keys["aws:principaltype"] = (_PRINCIPAL_TYPES[calling.kind],)
        keys["aws:principalisawsservice"] = keys["aws:viaawsservice"] = ("false",)
    if calling.kind == "user":
        keys["aws:username"] = (calling.name,)
    return keys


def _known_of_source(account: Account, of: Source, calling: SimulatedCaller) -> RequestContext:
    """What the account knows besides, of its own caller. Of another than the source no tags and no unique id are told:
    that one may simulate the source's policies says nothing about others."""
    keys: dict[str, ConditionValues | None] = {}
    if calling.account_id == account.id:
        keys["aws:principalorgid"] = organization_id(account)
        keys["aws:principalorgpaths"] = organization_paths(account)
    if calling == of.caller:
        keys |= {f"{PRINCIPAL_TAG}{key}": (tag.value,) for key, tag in tags_of(account, of.holder.id).items()}
        if of.kind is USER:
            keys["aws:userid"] = (of.holder.id,)
    return {key: values for key, values in keys.items() if values is not None}


def _known_of_owner(account: Account) -> RequestContext:
    """What resources of the account have besides."""
    keys = {"aws:resourceorgid": organization_id(account), "aws:resourceorgpaths": organization_paths(account)}
    return {key: values for key, values in keys.items() if values is not None}


def source_policy_id(account: Account, sourced: SourcedPolicy) -> str:
    """A managed policy goes by its name; an inline one by what holds it too, as in user_ann_reading, for its name is
    another's as well. So IAM answers; the API Reference says "identifier"."""
    match sourced.source_type:
        case "managed" | "boundary":
            return account[MANAGED_POLICIES][sourced.source_id].name
        case "inline":
            holder_id, _, name = sourced.source_id.partition("/")
            kind, holder = holder_of(account, holder_id)
            return f"{kind.noun}_{holder.name}_{name}"
        case _:
            return sourced.source_id


def _with_inputs(layers: Layers, asked: SimulationParameters, actions: Sequence[str]) -> Layers:
    """With the documents of the call: those that grant besides, a boundary in place of the attached one, and the policy
    that each resource is taken to have."""
    granting = simulation_inputs.policies(asked.policies, "PolicyInputList", PolicyType.IDENTITY)
    bounding = simulation_inputs.boundaries(asked.boundaries)
    complete: list[tuple[Layer, Sequence[SourcedPolicy]]] = [
        (layer, (*policies, *granting) if layer is Layer.IDENTITY else policies)
        for layer, policies in layers
        if layer is not Layer.BOUNDARY or not bounding
    ]
    if bounding:
        complete.append((Layer.BOUNDARY, bounding))
    if asked.resource_policy is not None:
        owners = simulation_inputs.resource_policy(asked.resource_policy, actions)
        layer = Layer.TRUST if owners.policy.type is PolicyType.TRUST else Layer.RESOURCE
        complete.append((layer, (owners,)))
    return complete


def custom_simulation(
    account_id: str, at: datetime, asked: SimulationParameters, levels: Sequence[Sequence[str]]
) -> Simulation:
    """SimulateCustomPolicy. `levels`: service control policies from the root of an organization down to the account;
    none where no organization is simulated. Raises InvalidInput."""
    simulation_inputs.refuse_too_much_text([*asked.documents, *(text for level in levels for text in level)])
    if asked.resource_policy is not None and asked.caller_arn is None:
        raise InvalidInput("CallerArn: expected one beside the ResourcePolicy, whose Principal it is judged by.")
    calling = None if asked.caller_arn is None else caller(asked.caller_arn)
    granting: Layers = [*simulation_inputs.service_controls(levels), (Layer.IDENTITY, ())]
    principal = RequestPrincipal("", account_id, _NOBODY) if calling is None else _principal(calling, None)
    return _simulation(asked, granting, calling, principal, _known(calling, at), {}, in_organization=bool(levels))


def principal_simulation(
    account: Account, at: datetime, asked: SimulationParameters, source_arn: str, exclusions: Sequence[Exclusion]
) -> Simulation:
    """SimulatePrincipalPolicy: the policies of the source, as if CallerArn had them. Raises NoSuchEntity and
    InvalidInput."""
    simulation_inputs.refuse_too_much_text(asked.documents)
    of = source(account, source_arn)
    calling = of.caller if asked.caller_arn is None else caller(asked.caller_arn)
    return _simulation(
        asked,
        apply_exclusions(_layers(account, of), excluded(account, exclusions)),
        calling,
        _principal(calling, of),
        {**_known(calling, at), **_known_of_source(account, of, calling)},
        {account.id: _known_of_owner(account)},
        in_organization=account[ORGANIZATION_MEMBERSHIP] is not None,
    )


def _simulation(
    asked: SimulationParameters,
    layers: Layers,
    calling: SimulatedCaller | None,
    principal: RequestPrincipal,
    known: RequestContext,
    known_of_owners: Mapping[str, RequestContext],
    *,
    in_organization: bool,
) -> Simulation:
    actions = simulation_inputs.actions(asked.action_names)
    arns = simulation_inputs.resources(asked.resource_arns)
    if asked.resource_handling_option is not None:
        simulation_inputs.refuse_incomplete(asked.resource_handling_option, arns)
    stated_owner = None if asked.resource_owner is None else simulation_inputs.owner(asked.resource_owner)
    entries = simulation_inputs.context(asked.entries)
    targets = []
    for arn in arns:
        owner_id = account_of_arn(arn) or stated_owner or (calling.account_id if calling else None)
        owned = {} if owner_id is None else {"aws:resourceaccount": (owner_id,), **known_of_owners.get(owner_id, {})}
        # Where nobody is said to call, whoever owns the resource does: no account is crossed.
        asking = principal if calling or owner_id is None else replace(principal, account_id=owner_id)
        # Nothing is looked up about a resource. As long as neither its policy nor its owner is stated ("ResourceOwner":
        # required where there is a policy), its side is left out.
        has_side = asked.resource_policy is not None or owner_id == stated_owner
        targets.append(Target(arn, owner_id if has_side else asking.account_id, asking, {**known, **owned, **entries}))
    simulation = Simulation(actions, tuple(targets), _with_inputs(layers, asked, actions), in_organization)
    require_read(simulation.layers)
    refuse_too_much(simulation)
    return simulation


def policies_of(account: Account, source_arn: str, documents: Sequence[str]) -> list[Policy]:
    """What grants to a user, group or role, and further documents. Raises NoSuchEntity and InvalidInput."""
    of = source(account, source_arn)
    stored = tuple(identity_policies(account, of.holder.id))
    require_read([(Layer.IDENTITY, stored)])
    return [*(sourced.policy for sourced in stored), *policies_in(documents)]


def policies_in(documents: Sequence[str]) -> list[Policy]:
    """Raises InvalidInput."""
    simulation_inputs.refuse_too_much_text(documents)
    return [sourced.policy for sourced in simulation_inputs.policies(documents, "PolicyInputList", PolicyType.IDENTITY)]
