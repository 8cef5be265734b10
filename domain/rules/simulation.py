"""Simulations: what policies would decide about actions, by the same evaluation as real calls are decided.

The rules of results are those of the IAM API Reference, "EvaluationResult" and "ResourceSpecificResult": one result an
action with the most restrictive decision over all resources, and one for each resource. Service control policies take
part in the decision and are not among the matched statements and missing keys; resource control policies take no part.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.policy import (
    Decision,
    Effect,
    Layer,
    Layers,
    Match,
    Policy,
    Positions,
    Request,
    RequestContext,
    RequestPrincipal,
    Result,
    SourcedPolicy,
    Statement,
    evaluate,
    explain,
    positions,
    statement_context_keys,
)
from domain.policy.evaluate import OWNERS


@dataclass(frozen=True, slots=True)
class Target:
    """A resource as the simulation takes it."""

    arn: str
    """Or `*`."""
    owner_id: str | None
    """The account whose side has a say beside the caller's; None where neither is known."""
    principal: RequestPrincipal
    context: RequestContext


@dataclass(frozen=True, slots=True)
class Simulation:
    """All that is simulated, read and checked: nothing in it is refused any more."""

    actions: tuple[str, ...]
    targets: tuple[Target, ...]
    layers: Layers
    in_organization: bool
    """Whether service control policies have a say at all, be it that they limit nothing."""

    @property
    def about_everything(self) -> bool:
        """Whether no resource was named."""
        return [target.arn for target in self.targets] == ["*"]

    @property
    def arn_characters_max(self) -> int:
        return max(len(target.arn) for target in self.targets)


@dataclass(frozen=True, slots=True)
class SimulatedDecision:
    """Of an action on one resource, or on all of them together."""

    decision: Result
    matched: tuple[Match, ...]
    """The statements that made the decision."""
    missing: tuple[str, ...]
    """Condition keys, as the policies spell them, that have no value."""
    by_policy_type: Mapping[Layer, Result] | None
    """Where two accounts have a say; empty where there is one and resources were named, None where none was or where
    an organization has ended it."""
    allowed_by_organization: bool | None
    """None of an account that is in none."""
    allowed_by_boundary: bool | None
    """None of a principal that has none."""


@dataclass(frozen=True, slots=True)
class SimulatedAction:
    action: str
    overall: SimulatedDecision
    by_resource: tuple[tuple[str, SimulatedDecision], ...]
    """By the resources' ARNs; none where no resource was named."""


def simulate_action(simulation: Simulation, action: str) -> SimulatedAction:
    by_resource = tuple((each.arn, _simulate_on(simulation, action, each)) for each in simulation.targets)
    overall = _most_restrictive([judgement for _, judgement in by_resource])
    return SimulatedAction(action, overall, () if simulation.about_everything else by_resource)


def _simulate_on(simulation: Simulation, action: str, of: Target) -> SimulatedDecision:
    request = Request(action, of.arn, of.principal, of.context, of.owner_id)
    # Of service control policies nothing is shown but whether they allow.
    visible = [(layer, policies) for layer, policies in simulation.layers if layer is not Layer.SCP]
    explained = explain(visible, request)
    hidden = len(visible) < len(simulation.layers)
    decision = evaluate(simulation.layers, request) if hidden else explained.decision
    if decision.result is Result.TOO_COSTLY:
        # Nothing was compared: what each side says is not known.
        return SimulatedDecision(decision.result, (), (), None, None, None)
    allowed_by_organization = None
    if simulation.in_organization:
        levels = [level for level, (layer, _) in enumerate(simulation.layers) if layer is Layer.SCP]
        allowed_by_organization = all(_of_levels(decision, {level}) is Result.ALLOWED for level in levels)
    return SimulatedDecision(
        decision.result,
        tuple(_deciding(decision)),
        explained.missing_keys,
        None if allowed_by_organization is False else _by_policy_type(simulation, decision, of),
        allowed_by_organization,
        _allowed_by_boundary(simulation, decision),
    )


def _deciding(decision: Decision) -> Iterable[Match]:
    """A deny hides every allow. A boundary's statements deny but never grant, and nothing makes an implicit deny."""
    if decision.result is Result.EXPLICITLY_DENIED:
        return [m for m in decision.matched if m.statement.effect is Effect.DENY and m.layer is not Layer.SCP]
    if decision.result is Result.ALLOWED:
        granting = {Layer.IDENTITY, *OWNERS}
        return [match for match in decision.matched if match.layer in granting]
    return []


def _by_policy_type(simulation: Simulation, decision: Decision, of: Target) -> Mapping[Layer, Result] | None:
    if of.owner_id in {None, of.principal.account_id}:
        return None if simulation.about_everything else {}
    found: dict[Layer, Result] = {
        Layer.RESOURCE if layer in OWNERS else layer: _of_levels(decision, {level})
        for level, (layer, _) in enumerate(simulation.layers)
        if layer is not Layer.SCP
    }
    # Another account's resource is closed to strangers as long as no policy of its own opens it.
    found.setdefault(Layer.RESOURCE, Result.IMPLICITLY_DENIED)
    return found


def _allowed_by_boundary(simulation: Simulation, decision: Decision) -> bool | None:
    levels = {level for level, (layer, _) in enumerate(simulation.layers) if layer is Layer.BOUNDARY}
    return _of_levels(decision, levels) is Result.ALLOWED if levels else None


def _of_levels(decision: Decision, levels: set[int]) -> Result:
    """What these layers would decide if they were alone."""
    effects = {match.statement.effect for match in decision.matched if match.level in levels}
    if Effect.DENY in effects:
        return Result.EXPLICITLY_DENIED
    return Result.ALLOWED if effects else Result.IMPLICITLY_DENIED


_SEVERITY = (Result.ALLOWED, Result.IMPLICITLY_DENIED, Result.TOO_COSTLY, Result.EXPLICITLY_DENIED)


def _most_restrictive(judgements: Sequence[SimulatedDecision]) -> SimulatedDecision:
    """The most restrictive of each."""
    decision = max((judgement.decision for judgement in judgements), key=_SEVERITY.index)
    matched = {
        (match.level, match.sourced.source_id, match.statement.index): match
        for judgement in judgements
        if judgement.decision is decision
        for match in judgement.matched
    }
    missing = {key.lower(): key for judgement in reversed(judgements) for key in reversed(judgement.missing)}
    details = [judgement.by_policy_type for judgement in judgements if judgement.by_policy_type is not None]
    by_policy_type = {
        layer: max((each[layer] for each in details if layer in each), key=_SEVERITY.index)
        for layer in dict.fromkeys(layer for each in details for layer in each)
    }
    return SimulatedDecision(
        decision,
        tuple(matched.values()),
        tuple(reversed(missing.values())),
        by_policy_type if details else None,
        _all_allow([judgement.allowed_by_organization for judgement in judgements]),
        _all_allow([judgement.allowed_by_boundary for judgement in judgements]),
    )


def _all_allow(allowed: Sequence[bool | None]) -> bool | None:
    return None if None in allowed else all(allowed)


def context_keys(policies: Iterable[Policy]) -> tuple[str, ...]:
    """Those that the statements ask for, each once, as it is spelt where it comes first."""
    found: dict[str, str] = {}
    for policy in policies:
        for statement in policy.statements:
            for key, context_key in statement_context_keys(statement):
                found.setdefault(context_key, key)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class SimulationPosition:
    """As IAM counts: lines and columns from 1."""

    line: int
    column: int


class StatementPositions:
    """Where statements stand in the texts of their policies; a text is read when first asked about."""

    def __init__(self) -> None:
        self._of: dict[str, Positions] = {}

    def of(self, sourced: SourcedPolicy, statement: Statement) -> tuple[SimulationPosition, SimulationPosition]:
        """From where a reader of the text stands who is about to read the statement: behind the bracket that opens the
        list, or the brace of the only statement, or behind the statement before. To behind its end.

        So the examples of the AWS CLI have it (`simulate-custom-policy`: column 38 for a statement whose brace is the
        37th character; `simulate-principal-policy`: line 3, where the list opens, for one that begins on line 4).
        """
        text = sourced.policy.text
        found = self._of.get(text)
        if found is None:
            found = self._of[text] = positions(text)
        end = found.span_of(found.statement(statement.index)).end
        if statement.index:
            before = found.span_of(found.statement(statement.index - 1)).end
            return SimulationPosition(before.line, before.column + 1), SimulationPosition(end.line, end.column + 1)
        opening = found.span_of(("Statement",)).start
        return SimulationPosition(opening.line, opening.column + 2), SimulationPosition(end.line, end.column + 1)
