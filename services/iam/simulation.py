"""IAM's operations that simulate policies, and that say which condition keys a simulation needs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Required, TypedDict, Unpack

from domain.account import Account
from domain.calls import Call, Outcome
from domain.policy import Layer, Match, Result
from domain.rules import simulation_sources
from domain.rules.simulation import (
    SimulatedDecision,
    Simulation,
    SimulationPosition,
    StatementPositions,
    context_keys,
    simulate_action,
)
from domain.rules.simulation_exclusions import Exclusion
from domain.rules.simulation_inputs import ContextEntry
from domain.rules.simulation_sources import SimulationParameters
from domain.rules.simulation_work import actions_that_fit
from services.iam import resources
from services.wire.operations import answers, any_resource
from services.wire.pagination import PageRequest, page_request

SimulationMembers = dict[str, object]

_WORDS = {
    Result.ALLOWED: "allowed",
    Result.IMPLICITLY_DENIED: "implicitDeny",
    Result.TOO_COSTLY: "implicitDeny",
    Result.EXPLICITLY_DENIED: "explicitDeny",
}
"""PolicyEvaluationDecisionType has no word for what is too costly: nothing allows it, and no statement denies it."""
_POLICY_TYPES = {
    Layer.IDENTITY: "IAM Policy",
    Layer.RESOURCE: "Resource Policy",
    Layer.TRUST: "Resource Policy",
    Layer.BOUNDARY: "Permissions Boundary Policy",
}
"""SourcePolicyType, and keys of EvalDecisionDetails. The service model has other words for SourcePolicyType (user,
user-managed, none and so on); IAM answers these, and clients show them."""


class _SharedParameters(TypedDict, total=False):
    """What both simulations take alike."""

    permissions_boundary_policy_input_list: Sequence[str]
    action_names: Required[Sequence[str]]
    resource_arns: Sequence[str]
    resource_policy: str
    resource_owner: str
    caller_arn: str
    context_entries: Sequence[Mapping[str, Any]]
    resource_handling_option: str
    max_items: int
    marker: str


_SHARED = " ".join(["policy_input_list", *_SharedParameters.__annotations__])


@answers("SimulateCustomPolicy", on=any_resource, records=f"{_SHARED} ordered_organization_policy_input_list")
def simulate_custom_policy(
    account: Account,
    call: Call,
    *,
    policy_input_list: Sequence[str],
    ordered_organization_policy_input_list: Sequence[Mapping[str, Sequence[str]]] = (),
    **shared: Unpack[_SharedParameters],
) -> Outcome:
    pages, asked = _pages(shared), _asked(policy_input_list, shared)
    levels = [level.get("service_control_policy_input_list", ()) for level in ordered_organization_policy_input_list]
    return _outcome(simulation_sources.custom_simulation(account.id, call.at, asked, levels), pages)


@answers(
    "SimulatePrincipalPolicy", on=resources.policy_source, records=f"policy_source_arn {_SHARED} policy_exclusion_list"
)
def simulate_principal_policy(
    account: Account,
    call: Call,
    *,
    policy_source_arn: str,
    policy_input_list: Sequence[str] = (),
    policy_exclusion_list: Sequence[Mapping[str, Any]] = (),
    **shared: Unpack[_SharedParameters],
) -> Outcome:
    pages, asked = _pages(shared), _asked(policy_input_list, shared)
    exclusions = [_exclusion(given) for given in policy_exclusion_list]
    return _outcome(
        simulation_sources.principal_simulation(account, call.at, asked, policy_source_arn, exclusions), pages
    )


def _pages(shared: _SharedParameters) -> PageRequest:
    return page_request("EvaluationResults", shared.get("marker"), shared.get("max_items"))


def _asked(policies: Sequence[str], shared: _SharedParameters) -> SimulationParameters:
    return SimulationParameters(
        policies,
        shared.get("permissions_boundary_policy_input_list", ()),
        shared["action_names"],
        shared.get("resource_arns", ()),
        shared.get("resource_policy"),
        shared.get("resource_owner"),
        shared.get("caller_arn"),
        _entries(shared.get("context_entries", ())),
        shared.get("resource_handling_option"),
    )


def _entries(given: Sequence[Mapping[str, Any]]) -> list[ContextEntry]:
    return [
        ContextEntry(
            entry.get("context_key_name"), entry.get("context_key_type"), tuple(entry.get("context_key_values", ()))
        )
        for entry in given
    ]


def _exclusion(given: Mapping[str, Any]) -> Exclusion:
    inline = given.get("inline_policy_identifier")
    return Exclusion(
        given.get("policy_type"),
        given.get("policy_arn"),
        None if inline is None else (inline["policy_name"], inline["attachment_type"], inline["attachment_name"]),
    )


def _outcome(simulation: Simulation, pages: PageRequest) -> Outcome:
    """Everything that can be refused has been; the work itself is done when the answer is written."""

    def answer(account: Account) -> SimulationMembers:
        shown_before = sum(1 for position in range(len(simulation.actions)) if _key(position) <= (pages.after or ""))
        page = replace(pages, size=actions_that_fit(simulation, shown_before, pages.size))
        places = StatementPositions()
        return page.of(
            range(len(simulation.actions)),
            key=_key,
            render=lambda position: _result(account, simulation, simulation.actions[position], places),
        )

    return Outcome(answer)


def _key(position: int) -> str:
    return f"{position:06d}"


def _result(account: Account, simulation: Simulation, action: str, places: StatementPositions) -> SimulationMembers:
    """EvalResourceName is the resource, if there is one. The result of several names none: the API Reference has
    a template of their ARNs there, or `*` where none is known, and here none is."""
    found = simulate_action(simulation, action)
    members: SimulationMembers = {
        "EvalActionName": action,
        "EvalResourceName": simulation.targets[0].arn if len(simulation.targets) == 1 else "*",
        "EvalDecision": _WORDS[found.overall.decision],
        **_judgement(account, found.overall, places),
        **_details(found.overall.by_policy_type),
    }
    if found.overall.allowed_by_organization is not None:
        members["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": found.overall.allowed_by_organization}
    if found.by_resource:
        members["ResourceSpecificResults"] = [
            {
                "EvalResourceName": arn,
                "EvalResourceDecision": _WORDS[judgement.decision],
                **_judgement(account, judgement, places),
                # Of one resource they are there "only for cross-account simulations" ("ResourceSpecificResult").
                **_details(judgement.by_policy_type or None),
            }
            for arn, judgement in found.by_resource
        ]
    return members


def _judgement(account: Account, judgement: SimulatedDecision, places: StatementPositions) -> SimulationMembers:
    """What results have in common, of an action and of one resource."""
    members: SimulationMembers = {
        "MatchedStatements": [_statement(account, match, places) for match in judgement.matched],
        "MissingContextValues": list(judgement.missing),
    }
    if judgement.allowed_by_boundary is not None:
        members["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": judgement.allowed_by_boundary}
    return members


def _details(by_policy_type: Mapping[Layer, Result] | None) -> SimulationMembers:
    if by_policy_type is None:
        return {}
    return {"EvalDecisionDetails": {_POLICY_TYPES[layer]: _WORDS[result] for layer, result in by_policy_type.items()}}


def _statement(account: Account, match: Match, places: StatementPositions) -> SimulationMembers:
    start, end = places.of(match.sourced, match.statement)
    return {
        "SourcePolicyId": simulation_sources.source_policy_id(account, match.sourced),
        "SourcePolicyType": _POLICY_TYPES[match.layer],
        "StartPosition": _point(start),
        "EndPosition": _point(end),
    }


def _point(point: SimulationPosition) -> SimulationMembers:
    return {"Line": point.line, "Column": point.column}


@answers("GetContextKeysForCustomPolicy", on=any_resource, records="policy_input_list")
def get_context_keys_for_custom_policy(_account: Account, _call: Call, *, policy_input_list: Sequence[str]) -> Outcome:
    policies = simulation_sources.policies_in(policy_input_list)
    return Outcome(lambda _after: {"ContextKeyNames": list(context_keys(policies))})


@answers("GetContextKeysForPrincipalPolicy", on=resources.policy_source, records="policy_source_arn policy_input_list")
def get_context_keys_for_principal_policy(
    account: Account, _call: Call, *, policy_source_arn: str, policy_input_list: Sequence[str] = ()
) -> Outcome:
    policies = simulation_sources.policies_of(account, policy_source_arn, policy_input_list)
    return Outcome(lambda _after: {"ContextKeyNames": list(context_keys(policies))})
