"""May this request be made? Policies of several kinds, in layers, and the rules by which the layers combine.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from operator import itemgetter
from typing import NamedTuple

from domain.policy.document import Effect, Policy, Statement
from domain.policy.prices import BUDGET_STEPS, price_of
from domain.policy.principals import Naming, RequestPrincipal, naming_of
from domain.policy.variables import RequestContext
from domain.policy.wildcards import ARN_PARTS, arn_parts


class Request(NamedTuple):
    action: str
    """Such as iam:GetUser."""
    resource: str
    """An ARN, or `*` where the action is about no single resource."""
    principal: RequestPrincipal | None
    """None is an anonymous caller."""
    context: RequestContext
    resource_account: str | None = None
    """Who owns the resource; None: the account in its ARN or, where there is none in it, that of the principal."""


@dataclass(frozen=True, slots=True)
class SourcedPolicy:
    policy: Policy
    source_id: str
    """The ARN of a managed policy, otherwise the unique id of its entity, with the name of an inline policy; the id of
    a policy of an organization; the account's id for what its password policy and being its root user grant."""
    source_type: str
    """managed, inline, trust, resource, session, boundary, scp, rcp, password policy or root."""
    version_id: str | None
    holder: str | None = None
    """Whose an inline or trust policy is, such as user/alice."""

    @property
    def name(self) -> str:
        """For people, without its type."""
        if self.holder is None:
            return self.source_id
        return f"{self.source_id.partition('/')[2]} of {self.holder}".lstrip()

    @property
    def title(self) -> str:
        """For people, such as `inline policy deploying of role/deployer`."""
        return f"{_TITLES.get(self.source_type, self.source_type)} {self.name}"


_TITLES = {
    "managed": "managed policy",
    "inline": "inline policy",
    "trust": "trust policy",
    "boundary": "permissions boundary",
    "session": "session policy of",
    "scp": "service control policy",
    "rcp": "resource control policy",
    "password policy": "password policy of",
}


class Layer(StrEnum):
    """In the order in which AWS looks for the layer that does not allow ("Policy evaluation for requests within a
    single account")."""

    RCP = "rcp"
    SCP = "scp"
    RESOURCE = "resource"
    TRUST = "trust"
    IDENTITY = "identity"
    BOUNDARY = "boundary"
    SESSION = "session"


_IN_ORDER = tuple(Layer)
OWNERS = frozenset({Layer.RESOURCE, Layer.TRUST})
"""Whose policies are those of the resource."""


class Result(Enum):
    ALLOWED = "allowed"
    IMPLICITLY_DENIED = "implicitly denied"
    EXPLICITLY_DENIED = "explicitly denied"
    TOO_COSTLY = "too costly"
    """Nothing was compared: it would have taken more steps than a decision may."""


class Match(NamedTuple):
    """A statement that applied to a request."""

    layer: Layer
    level: int
    """Which of the layers given, from 0."""
    sourced: SourcedPolicy
    statement: Statement
    naming: Naming


@dataclass(frozen=True, slots=True)
class Excess:
    """What a decision would have taken, in steps (`prices.BUDGET_STEPS`)."""

    steps: int
    budget: int
    costliest: SourcedPolicy
    costliest_steps: int


class Decision(NamedTuple):
    result: Result
    layer: Layer
    """Which denied, did not allow, or granted; of what would have been too costly, where most of it was."""
    matched: tuple[Match, ...]
    """Every statement that applied to the request, allowing or denying, in the order of the layers given."""
    excess: Excess | None = None
    """Of what would have been too costly."""


Layers = Sequence[tuple[Layer, Sequence[SourcedPolicy]]]
"""Once each, in any order. Of SCP and RCP there is one for each level of the organization, from the root down to the
account. A layer that is there counts, with policies or without; IDENTITY always does."""

_NO_LAYER: frozenset[Layer] = frozenset()
_ALL_OF_THE_PRINCIPAL = frozenset({Layer.IDENTITY, Layer.BOUNDARY, Layer.SESSION})
_RELEASED_WITHIN_ACCOUNT: Mapping[Naming, frozenset[Layer]] = {
    Naming.NOT: _NO_LAYER,
    Naming.ACCOUNT: _NO_LAYER,
    Naming.ISSUER: frozenset({Layer.IDENTITY}),
    Naming.EVERYONE: _ALL_OF_THE_PRINCIPAL,
    Naming.PRINCIPAL: _ALL_OF_THE_PRINCIPAL,
}
# Looking up a member of an enumeration takes as long as matching a pattern (Python 3.11); these are needed each time.
_DENY = Effect.DENY
_NOT, _EVERYONE, _PRINCIPAL = Naming.NOT, Naming.EVERYONE, Naming.PRINCIPAL
_IDENTITY, _RESOURCE, _TRUST = Layer.IDENTITY, Layer.RESOURCE, Layer.TRUST


def evaluate(layers: Layers, request: Request, budget: int | None = BUDGET_STEPS) -> Decision:
    """An explicit deny wins; else each layer that has to must allow. Linear in the statements about the action.

    What would take more steps than the budget is too costly, and not looked at. None is no budget: for decisions of an
    evaluator that knew none, and for requests that were weighed already.
    """
    action = request.action.lower()
    if budget is not None:
        price = price_of(action, [sourced.policy for _, policies in layers for sourced in policies])
        steps, known = price.weigh(request.resource, request.context)
        if steps > budget:
            return _refused_for_cost(layers, request, steps, budget)
        request = Request(action, request.resource, request.principal, known, request.resource_account)
    matched = [
        Match(layer, level, sourced, statement, naming)
        for level, (layer, policies) in enumerate(layers)
        for sourced in policies
        for statement in sourced.policy.about[action]
        if (naming := applies(statement, request, layers))
    ]
    denying = [match.layer for match in matched if match.statement.effect is _DENY]
    if denying:
        return Decision(Result.EXPLICITLY_DENIED, min(denying, key=_IN_ORDER.index), tuple(matched))
    return Decision(*_combined(layers, matched, request), tuple(matched))


def _refused_for_cost(layers: Layers, request: Request, steps: int, budget: int) -> Decision:
    """Names the costliest policy among the first ones that exceed the budget: to weigh each of the others by itself
    could take longer than a decision may."""
    action, weighed = request.action.lower(), 0
    costs: list[tuple[int, Layer, SourcedPolicy]] = []
    for layer, sourced in ((layer, sourced) for layer, policies in layers for sourced in policies):
        if weighed > budget:
            break
        of_one, _ = price_of(action, (sourced.policy,)).weigh(request.resource, request.context)
        costs.append((of_one, layer, sourced))
        weighed += of_one
    most, layer, costliest = max(costs, key=itemgetter(0))
    return Decision(Result.TOO_COSTLY, layer, (), Excess(steps, budget, costliest, most))


def applies(statement: Statement, request: Request, layers: Layers) -> Naming:
    """How a statement of these layers names the principal when all of it matches, NOT when something does not."""
    context, fits = request.context, statement.fits
    if fits is not None and not fits(request.resource, context):
        return _NOT
    for condition in statement.conditions:
        if not condition.holds(context):
            return _NOT
    if statement.principals is None:
        # The policy is attached to who asks.
        return _PRINCIPAL
    return naming_of(statement.principals, request.principal, bounded=has_boundary(layers))


def has_boundary(layers: Layers) -> bool:
    return any(layer is Layer.BOUNDARY for layer, _ in layers)


def _combined(layers: Layers, allowing: Sequence[Match], request: Request) -> tuple[Result, Layer]:
    """Nothing denies: do those layers allow that have to, and which one grants?

    The principal's own policies have to, and each further layer that is there. The policy of a resource has to where
    the resource is another account's; that of a role, its trust policy, in any case.
    """
    naming, owner, levels = _NOT, _RESOURCE, set()
    for match in allowing:
        levels.add(match.level)
        if match.layer in OWNERS and match.naming > naming:
            naming = match.naming
    lacking = {_IDENTITY}
    for level, (layer, _) in enumerate(layers):
        if layer is _TRUST:
            owner = _TRUST
        if level not in levels:
            lacking.add(layer)
        elif layer is _IDENTITY:
            lacking.discard(layer)
    owner_must, released = _released(naming, owner, request)
    lacking -= released
    lacking.discard(owner)
    if owner_must:
        lacking.add(owner)
    if lacking:
        return Result.IMPLICITLY_DENIED, min(lacking, key=_IN_ORDER.index)
    return Result.ALLOWED, owner if _IDENTITY in released else _IDENTITY


def _released(naming: Naming, owner: Layer, request: Request) -> tuple[bool, frozenset[Layer]]:
    """Of the owner's policy, which names the principal like this where it allows: whether it fails to do what it must,
    and the layers that need not allow because of it.

    Within an account, naming it delegates to its policies and grants nothing; naming the role or user behind a session
    is still limited by the session's policies and a boundary; naming the principal itself, or everyone, is not ("IAM
    JSON policy elements: Principal"; "Policy evaluation for requests within a single account").
    """
    principal = request.principal
    if principal is None or principal.account_id is None:
        # Who belongs to no account has no policies. `*` is everybody at a resource, but opens a role to no identity
        # provider and to nobody who has not said who they are.
        named = naming is _PRINCIPAL or (naming is _EVERYONE and owner is _RESOURCE)
        return not named, _ALL_OF_THE_PRINCIPAL | {Layer.SCP}
    owner_id = _owner_of(request)
    # A resource without an account, such as a bucket, is at home; a role without one is a stranger's.
    if principal.account_id != owner_id and (owner_id is not None or owner is _TRUST):
        return not naming, _NO_LAYER
    return not naming and owner is _TRUST, _RELEASED_WITHIN_ACCOUNT[naming]


def _owner_of(request: Request) -> str | None:
    """None where nobody has said, and the ARN has no account, or `aws`, which owns the policies that it manages."""
    if request.resource_account is not None:
        return request.resource_account
    parts = arn_parts(request.resource)
    in_arn = parts[4] if len(parts) == ARN_PARTS else ""
    return in_arn if in_arn.isdigit() else None
