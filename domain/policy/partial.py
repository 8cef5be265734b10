"""Decisions when not everything about a request is known: certain, impossible, or depending on what (docs/adr/0018)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from domain.policy.document import Effect, Policy, Statement, StatementsByAction
from domain.policy.evaluate import Decision, Layer, Layers, Request, Result, SourcedPolicy, applies, evaluate
from domain.policy.principals import RequestPrincipal, possible_sessions

KnownKeys = Callable[[str], bool]
"""Whether the request's context says all there is to say about a lower-cased condition key: a value, or that there is
none."""


class Possibility(Enum):
    CERTAIN = "allowed"
    """Whatever the rest of the request is like."""
    CONDITIONAL = "conditional"
    """For some requests, not for others."""
    IMPOSSIBLE = "denied"


@dataclass(frozen=True, slots=True)
class Residual:
    """A statement that may or may not apply."""

    layer: Layer
    sourced: SourcedPolicy
    statement: Statement
    unmet: tuple[str, ...]
    """The conditions that decide it, such as `IpAddress aws:SourceIp`, Resource where a variable does, and Principal
    with the sessions that it names where the session's name does."""


@dataclass(frozen=True, slots=True)
class PartialDecision:
    possibility: Possibility
    decision: Decision
    """At best: with each open statement applying just if it allows."""
    depends_on: tuple[Residual, ...]


def evaluate_partial(layers: Layers, request: Request, knows: KnownKeys) -> PartialDecision:
    """At best each statement that nobody can tell about applies if it allows and not if it denies, at worst the other
    way round. Where both come out alike, so does every request in between: an allow more never takes access away, a
    deny less neither. What is too costly with the values that are known is so with any others."""
    weighed = evaluate(layers, request)
    if weighed.result is Result.TOO_COSTLY:
        return PartialDecision(Possibility.IMPOSSIBLE, weighed, ())
    best = evaluate(_Assumption(knows, request.principal, favoured=Effect.ALLOW).layers(layers), request, None)
    if best.result is not Result.ALLOWED:
        return PartialDecision(Possibility.IMPOSSIBLE, best, ())
    worst = evaluate(_Assumption(knows, request.principal, favoured=Effect.DENY).layers(layers), request, None)
    if worst.result is Result.ALLOWED:
        return PartialDecision(Possibility.CERTAIN, worst, ())
    return PartialDecision(Possibility.CONDITIONAL, best, tuple(_residuals(layers, request, knows)))


def _residuals(layers: Layers, request: Request, knows: KnownKeys) -> Iterator[Residual]:
    for layer, policies in layers:
        for sourced in policies:
            for statement in sourced.policy.about[request.action.lower()]:
                unmet = (*_unknown(statement, knows), *_sessions(statement, request.principal))
                widest = _without_unknown(_named(statement, request.principal, widely=True), knows)
                if unmet and applies(widest, request, layers):
                    yield Residual(layer, sourced, statement, unmet)


def _unknown(statement: Statement, knows: KnownKeys) -> Iterator[str]:
    """The elements that ask for what is not known."""
    resources = statement.resources
    if resources is not None and not all(knows(variable.context_key) for variable in resources.variables):
        yield statement.resource_element
    for condition in statement.conditions:
        keys = (condition.context_key, *(variable.context_key for variable in condition.variables))
        if not all(map(knows, keys)):
            yield condition.name


def _sessions(statement: Statement, principal: RequestPrincipal | None) -> Iterator[str]:
    if statement.principals is not None and (names := possible_sessions(statement.principals, principal)):
        yield f"{'NotPrincipal' if statement.principals.negated else 'Principal'} {', '.join(names)}"


def _named(statement: Statement, principal: RequestPrincipal | None, *, widely: bool) -> Statement:
    """As if the session were one that it names or excepts, or were none of these: whichever it applies to, if `widely`,
    and else the other."""
    principals = statement.principals
    if principals is None or principals.negated is widely or not any(_sessions(statement, principal)):
        return statement
    assert principal is not None
    return replace(statement, principals=replace(principals, names=principals.names | principal.names))


def _without_unknown(statement: Statement, knows: KnownKeys) -> Statement:
    unknown = set(_unknown(statement, knows))
    conditions = tuple(condition for condition in statement.conditions if condition.name not in unknown)
    fits = None if statement.resource_element in unknown else statement.fits
    return replace(statement, conditions=conditions, fits=fits)


@dataclass(frozen=True, slots=True)
class _Assumption:
    """That open statements of the favoured effect apply, and no others."""

    knows: KnownKeys
    principal: RequestPrincipal | None
    favoured: Effect

    def layers(self, layers: Layers) -> Layers:
        return [
            (layer, [replace(sourced, policy=self._assumed(sourced.policy)) for sourced in policies])
            for layer, policies in layers
        ]

    def _assumed(self, policy: Policy) -> Policy:
        statements = tuple(self._statements(policy))
        return replace(policy, statements=statements, about=StatementsByAction(statements))

    def _statements(self, policy: Policy) -> Iterator[Statement]:
        for statement in policy.statements:
            is_favoured = statement.effect is self.favoured
            named = _named(statement, self.principal, widely=is_favoured)
            if not any(_unknown(statement, self.knows)):
                yield named
            elif is_favoured:
                yield _without_unknown(named, self.knows)
