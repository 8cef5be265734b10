"""May this request be made? Policies of several kinds, in layers, and the rules by which the layers combine.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from typing import NamedTuple

from domain.policy.conditions import Context
from domain.policy.document import Effect, Policy, PrincipalName, Principals, Statement


@dataclass(frozen=True, slots=True)
class RequestPrincipal:
    """Who asks, by all the names that a Principal element may have for them."""

    arn: str
    account_id: str | None
    """None for an AWS service and for a person whom an identity provider vouches for: they belong to no account."""
    names: frozenset[PrincipalName]
    """Of the principal itself: ARN and unique id of a user, ARN of a session, a service, an identity provider."""
    issuer_names: frozenset[PrincipalName] = frozenset()
    """In a session: ARN and unique id of the role, or of the federating user, that it acts for."""


@dataclass(frozen=True, slots=True)
class Request:
    action: str
    """Such as iam:GetUser."""
    resource: str
    """An ARN, or `*` where the action is about no single resource."""
    principal: RequestPrincipal | None
    """None is an anonymous caller."""
    context: Context


@dataclass(frozen=True, slots=True)
class SourcedPolicy:
    policy: Policy
    source_id: str
    """The ARN of a managed policy, otherwise the unique id of its entity, with the name of an inline policy; the
    account's id for what its password policy grants."""
    source_type: str
    """managed, inline, trust, session or password policy."""
    version_id: str | None


class Layer(StrEnum):
    """In the order in which AWS looks for the layer that does not allow."""

    TRUST = "trust"
    IDENTITY = "identity"
    SESSION = "session"


_IN_ORDER = tuple(Layer)


class Result(Enum):
    ALLOWED = "allowed"
    IMPLICITLY_DENIED = "implicitly denied"
    EXPLICITLY_DENIED = "explicitly denied"


class MatchedStatement(NamedTuple):
    """Enough to find the statement again, in whatever has become of its policy since."""

    source_id: str
    source_type: str
    version_id: str | None
    sha256: str
    statement_index: int
    sid: str | None
    effect: Effect


@dataclass(frozen=True, slots=True)
class Decision:
    result: Result
    layer: Layer
    """Which denied, did not allow, or granted."""
    matched: tuple[MatchedStatement, ...]
    """Every statement that applied to the request, allowing or denying, in the order of the layers given."""


class Naming(IntEnum):
    """How a Principal element names who asks; the more directly, the greater."""

    NOT = 0
    ACCOUNT = 1
    ISSUER = 2
    EVERYONE = 3
    PRINCIPAL = 4


_NO_LAYER: frozenset[Layer] = frozenset()
_ALL_OF_THE_PRINCIPAL = frozenset({Layer.IDENTITY, Layer.SESSION})
_RELEASED_WITHIN_ACCOUNT: Mapping[Naming, frozenset[Layer]] = {
    Naming.ACCOUNT: _NO_LAYER,
    Naming.ISSUER: frozenset({Layer.IDENTITY}),
    Naming.EVERYONE: _ALL_OF_THE_PRINCIPAL,
    Naming.PRINCIPAL: _ALL_OF_THE_PRINCIPAL,
}

Layers = Sequence[tuple[Layer, Sequence[SourcedPolicy]]]


def evaluate(layers: Layers, request: Request) -> Decision:
    """Layers may come in any order. SESSION and TRUST count if given, with policies or without; IDENTITY always does.

    The root user, whom AWS allows everything in its account that no service control policy denies, is the caller's
    affair: nothing is attached to it.
    """
    action = request.action.lower()
    matched: list[MatchedStatement] = []
    allowing: dict[Layer, Naming] = {}
    denying: set[Layer] = set()
    present = {Layer.IDENTITY}
    for layer, policies in layers:
        present.add(layer)
        for sourced in policies:
            for statement in sourced.policy.about(action):
                if not (naming := _applies(statement, request)):
                    continue
                matched.append(_matched(sourced, statement))
                if statement.effect is Effect.DENY:
                    denying.add(layer)
                elif naming > allowing.get(layer, Naming.NOT):
                    allowing[layer] = naming
    if denying:
        first = next(layer for layer in _IN_ORDER if layer in denying)
        return Decision(Result.EXPLICITLY_DENIED, first, tuple(matched))
    return Decision(*_combine(present, allowing, request), tuple(matched))


def _combine(present: set[Layer], allowing: Mapping[Layer, Naming], request: Request) -> tuple[Result, Layer]:
    """Nothing denies: do those layers allow that have to, and which one grants?

    The principal's own policies have to, and each further layer that is present. A policy of the resource, which a
    trust policy is, may release layers on the principal's side; it must allow in any case, other than most policies
    of resources, within the account too.
    """
    released = _released(allowing[Layer.TRUST], request) if Layer.TRUST in allowing else _NO_LAYER
    for layer in _IN_ORDER:
        if layer in present and layer not in allowing and layer not in released:
            return Result.IMPLICITLY_DENIED, layer
    return Result.ALLOWED, Layer.TRUST if Layer.IDENTITY in released else Layer.IDENTITY


def _released(naming: Naming, request: Request) -> frozenset[Layer]:
    """The layers that need not allow because the resource's policy names the principal as it does.

    Across accounts none: both sides must allow. Within an account, naming it delegates to its policies and grants
    nothing; naming the role or user behind a session is still limited by the session's policies; naming the principal
    itself, or everyone, is not ("IAM JSON policy elements: Principal"; "Policy evaluation for requests within a single
    account"). Who belongs to no account has no policies, and must be named: `*` opens a role to no identity provider.
    """
    principal = request.principal
    if principal is None:
        return _NO_LAYER
    if principal.account_id is None:
        return _ALL_OF_THE_PRINCIPAL if naming is Naming.PRINCIPAL else _NO_LAYER
    if principal.account_id != _account_of(request.resource):
        return _NO_LAYER
    return _RELEASED_WITHIN_ACCOUNT[naming]


def _account_of(resource: str) -> str | None:
    parts = resource.split(":", 5)
    return parts[4] if len(parts) == 6 else None  # noqa: PLR2004  an ARN has six parts


def _applies(statement: Statement, request: Request) -> Naming:
    """How the statement names the principal when all of it matches, NOT when something does not."""
    if statement.resources is not None and not statement.resources.match(request.resource):
        return Naming.NOT
    for condition in statement.conditions:
        if not condition.holds(request.context):
            return Naming.NOT
    if statement.principals is None:
        # The policy is attached to who asks.
        return Naming.PRINCIPAL
    return naming_of(statement.principals, request.principal)


def naming_of(principals: Principals, principal: RequestPrincipal | None) -> Naming:
    if principal is not None and not principals.names.isdisjoint(principal.names):
        return Naming.PRINCIPAL
    if principals.everyone:
        return Naming.EVERYONE
    if principal is None:
        return Naming.NOT
    if not principals.names.isdisjoint(principal.issuer_names):
        return Naming.ISSUER
    return Naming.ACCOUNT if principal.account_id in principals.account_ids else Naming.NOT


def _matched(sourced: SourcedPolicy, statement: Statement) -> MatchedStatement:
    return MatchedStatement(
        sourced.source_id,
        sourced.source_type,
        sourced.version_id,
        sourced.policy.sha256,
        statement.index,
        statement.sid,
        statement.effect,
    )
