"""Why a request was refused: in the words that AWS uses, and statement by statement."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.policy.document import Effect, Statement
from domain.policy.evaluate import Decision, Layer, Layers, Request, Result, naming_of

_POLICY: Mapping[Layer, tuple[str, str]] = {
    Layer.TRUST: ("role trust policy", "the role trust policy"),
    Layer.IDENTITY: ("identity-based policy", "an identity-based policy"),
    Layer.SESSION: ("session policy", "a session policy"),
}


def reason(decision: Decision, request: Request) -> str:
    """The tail of AWS's sentence "User: … is not authorized to perform: … on resource: … ".
    (IAM User Guide, "Troubleshoot access denied error messages".) Raises ValueError when the request was allowed.
    """
    kind, one = _POLICY[decision.layer]
    if decision.result is Result.EXPLICITLY_DENIED:
        return f"with an explicit deny in {one}"
    if decision.result is Result.IMPLICITLY_DENIED:
        return f"because no {kind} allows the {request.action} action"
    raise ValueError(f"An allowed request has no reason for its refusal: {request.action} on {request.resource}.")


@dataclass(frozen=True, slots=True)
class Mismatch:
    element: str
    """Principal, Resource, NotResource, or a condition such as `StringEquals aws:username`."""
    had: tuple[str, ...]
    """What the request has there: nothing for an anonymous principal or a missing condition key."""
    wanted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    layer: Layer
    source_id: str
    statement_index: int
    sid: str | None
    effect: Effect
    mismatch: Mismatch | None
    """The first element that does not match; None when the statement applies."""


def explain(layers: Layers, request: Request) -> tuple[Explanation, ...]:
    """Every statement about the action of the request, in the order of the layers given."""
    action = request.action.lower()
    return tuple(
        Explanation(
            layer,
            sourced.source_id,
            statement.index,
            statement.sid,
            statement.effect,
            next(_mismatches(statement, request), None),
        )
        for layer, policies in layers
        for sourced in policies
        for statement in sourced.policy.about(action)
    )


def _mismatches(statement: Statement, request: Request) -> Iterator[Mismatch]:
    principals, principal, resources = statement.principals, request.principal, statement.resources
    if principals is not None and not naming_of(principals, principal):
        yield Mismatch("Principal", (principal.arn,) if principal else (), principals.texts)
    if resources is not None and not resources.match(request.resource):
        yield Mismatch("NotResource" if resources.negated else "Resource", (request.resource,), resources.texts)
    for condition in statement.conditions:
        if not condition.holds(request.context):
            had = request.context.get(condition.context_key, ())
            yield Mismatch(f"{condition.operator} {condition.key}", had, condition.wanted)
