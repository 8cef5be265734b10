"""Why a request was decided as it was: in the words that AWS uses, and statement by statement."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.policy.document import Effect, Statement
from domain.policy.evaluate import Decision, Layer, Layers, Request, Result, SourcedPolicy, evaluate, has_boundary
from domain.policy.prices import BUDGET_STEPS
from domain.policy.principals import naming_of
from domain.policy.variables import Variable

_POLICY: Mapping[Layer, tuple[str, str]] = {
    Layer.RCP: ("resource control policy", "a resource control policy"),
    Layer.SCP: ("service control policy", "a service control policy"),
    Layer.RESOURCE: ("resource-based policy", "a resource-based policy"),
    Layer.TRUST: ("role trust policy", "the role trust policy"),
    Layer.IDENTITY: ("identity-based policy", "an identity-based policy"),
    Layer.BOUNDARY: ("permissions boundary", "a permissions boundary"),
    Layer.SESSION: ("session policy", "a session policy"),
}


_OF_CALLER = frozenset({Layer.IDENTITY, Layer.BOUNDARY, Layer.SESSION})


def reason(decision: Decision, action: str) -> str:
    """The tail of AWS's sentence "User: … is not authorized to perform: … on resource: … ".
    (IAM User Guide, "Troubleshoot access denied error messages".) Raises ValueError when the request was allowed.
    """
    kind, one = _POLICY[decision.layer]
    if decision.result is Result.EXPLICITLY_DENIED:
        return f"with an explicit deny in {one}"
    if decision.result is Result.IMPLICITLY_DENIED:
        return f"because no {kind} allows the {action} action"
    if decision.excess is not None:
        excess = decision.excess
        # Of policies that others keep, callers learn no name.
        named = f" {excess.costliest.source_id}" if decision.layer in _OF_CALLER else ""
        return (
            f"because the policies take {excess.steps} steps to evaluate with values as long as these; expected at "
            f"most {excess.budget}. {one[0].upper()}{one[1:]}{named} takes {excess.costliest_steps} of them: give it "
            "fewer or simpler patterns"
        )
    raise ValueError(f"An allowed request has no reason for its refusal: {action}.")


def policy_kind(layer: Layer) -> str:
    """What AWS calls the policies of the layer."""
    return _POLICY[layer][0]


@dataclass(frozen=True, slots=True)
class Mismatch:
    element: str
    """Principal, NotPrincipal, Resource, NotResource, or a condition such as `StringEquals aws:username`."""
    had: tuple[str, ...]
    """What the call had there: nothing where it does not have the condition key."""
    wanted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatementVerdict:
    """What one statement about the action made of the request."""

    layer: Layer
    level: int
    """Which of the layers given, from 0: of SCP and RCP there may be several."""
    sourced: SourcedPolicy
    statement: Statement
    mismatch: Mismatch | None
    """The first element that does not match; None when the statement applies."""

    @property
    def allows(self) -> bool:
        return self.mismatch is None and self.statement.effect is Effect.ALLOW


@dataclass(frozen=True, slots=True)
class Explanation:
    decision: Decision
    verdicts: tuple[StatementVerdict, ...]
    """Of every statement about the action of the request, in the order of the layers given; of what was too costly,
    none."""
    missing_keys: tuple[str, ...]
    """Condition keys, as the policies spell them, that statements about this action and resource ask for and the
    request does not have."""


def explain(layers: Layers, request: Request, budget: int | None = BUDGET_STEPS) -> Explanation:
    """Decides anew, with all that an explanation needs. Of what is too costly no statement is looked at."""
    decision = evaluate(layers, request, budget)
    if decision.result is Result.TOO_COSTLY:
        return Explanation(decision, (), ())
    verdicts = tuple(_verdicts(layers, request))
    missing: dict[str, str] = {}
    for verdict in verdicts:
        if verdict.mismatch is None or verdict.mismatch.element != verdict.statement.resource_element:
            for key, context_key in statement_context_keys(verdict.statement):
                if not request.context.get(context_key):
                    missing.setdefault(context_key, key)
    return Explanation(decision, verdicts, tuple(missing.values()))


def statement_context_keys(statement: Statement) -> Iterator[tuple[str, str]]:
    """The condition keys that a statement asks for, variables included: as spelt, and as a context has them."""
    variables: list[Variable] = list(statement.resources.variables) if statement.resources else []
    for condition in statement.conditions:
        yield condition.key, condition.context_key
        variables.extend(condition.variables)
    for variable in variables:
        yield variable.key, variable.context_key


def _verdicts(layers: Layers, request: Request) -> Iterator[StatementVerdict]:
    action = request.action.lower()
    bounded = has_boundary(layers)
    for level, (layer, policies) in enumerate(layers):
        for sourced in policies:
            for statement in sourced.policy.about[action]:
                yield StatementVerdict(
                    layer, level, sourced, statement, next(_mismatches(statement, request, bounded=bounded), None)
                )


def _mismatches(statement: Statement, request: Request, *, bounded: bool) -> Iterator[Mismatch]:
    principals, principal, resources = statement.principals, request.principal, statement.resources
    if principals is not None and not naming_of(principals, principal, bounded=bounded):
        element = "NotPrincipal" if principals.negated else "Principal"
        yield Mismatch(element, (principal.arn,) if principal else (), principals.texts)
    if resources is not None and not resources.match(request.resource, request.context):
        yield Mismatch(statement.resource_element, (request.resource,), resources.texts)
    for condition in statement.conditions:
        if not condition.holds(request.context):
            yield Mismatch(condition.name, request.context.get(condition.context_key) or (), condition.wanted)
