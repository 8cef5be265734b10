"""What one policy lets through and another does not, statement by statement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.policy.comparison.budget import Budget, OutOfSteps
from domain.policy.comparison.literals import Literal, action_literal, literals_of, resource_literal
from domain.policy.comparison.search import Model, Rule, Search, Unknown
from domain.policy.comparison.who import Somebody, everybody, grade
from domain.policy.document import Effect, Policy, PolicyType, Statement, compiled
from domain.policy.elements import resource_patterns
from domain.policy.evaluate import Layer, Layers, Request, Result, SourcedPolicy, evaluate
from domain.policy.principals import Naming

STEPS_MAX = 1_000_000
"""Of one comparison, each of about a microsecond."""
_TOO_MANY_STEPS = "it would take more steps than a comparison may"
_OTHER_ACCOUNT = "000000000000"
_ROLE = "arn:aws:iam::{}:role/some-role"
_EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
_ALLOWING = (SourcedPolicy(compiled(_EVERYTHING, PolicyType.IDENTITY), "everything", "managed", None),)
_LAYERS = {PolicyType.TRUST: Layer.TRUST, PolicyType.RESOURCE: Layer.RESOURCE}


@dataclass(frozen=True, slots=True)
class Grant:
    """A statement that grants what is asked about, and a request that shows it."""

    statement: Statement
    request: Request
    others: Layers
    """The layers that the request is decided by beside the policy."""

    def allowed_by(self, policy: Policy) -> bool:
        layer = _LAYERS.get(policy.type, Layer.IDENTITY)
        own = (layer, (SourcedPolicy(policy, "policy", "managed", None),))
        return evaluate((own, *self.others), self.request, None).result is Result.ALLOWED


@dataclass(frozen=True, slots=True)
class Undecided:
    """A statement of which it cannot be told whether it grants something."""

    statement: Statement
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    grants: tuple[Grant, ...]
    undecided: tuple[Undecided, ...]

    @property
    def passes(self) -> bool:
        """Proved: nothing is granted."""
        return not self.grants and not self.undecided


def new_access(new: Policy, existing: Policy, steps: int = STEPS_MAX) -> Comparison:
    """What `new` grants that `existing`, of the same type, does not: by itself, to some request of somebody. Of the
    policy of a resource, naming somebody more directly is more: it may need less consent of others (`evaluate`)."""
    return _Comparing(new, existing, (), steps).compare()


def access_granted(
    policy: Policy, actions: Sequence[str], resources: Sequence[str], steps: int = STEPS_MAX
) -> Comparison:
    """What a policy grants of any of these actions on any of these resources. None are all. Raises ValueError for a
    resource that is no pattern of one."""
    asked: list[Literal] = []
    if actions:
        asked.append(action_literal(actions))
    if resources:
        patterns = resource_patterns(tuple(resources), negated=False, has_variables=False, denies=False)
        asked.append(resource_literal(patterns, has_variables=False, denies=False))
    return _Comparing(policy, None, asked, steps).compare()


class _Comparing:
    def __init__(self, new: Policy, existing: Policy | None, asked: Sequence[Literal], steps: int) -> None:
        self._policies = [policy for policy in (new, existing) if policy is not None]
        self._new, self._asked = new, asked
        self._budget = Budget(steps)
        self._search = Search(self._budget)
        self._found: dict[tuple[tuple[int, ...], tuple[int, ...]], Model | Unknown | None] = {}
        self._rules = [
            [Rule(statement, literals_of(statement, policy)) for statement in policy.statements]
            for policy in self._policies
        ]

    def compare(self) -> Comparison:
        allowing = [rule for rule in self._rules[0] if rule.statement.effect is Effect.ALLOW]
        found: dict[int, Grant | Unknown] = {}
        try:
            for (_, signature), somebody in everybody(self._policies, self._budget).items():
                self._look_at(somebody, signature, allowing, found)
        except OutOfSteps:
            # What was not finished: no statement is known to grant nothing.
            found = {rule.statement.index: Unknown(_TOO_MANY_STEPS) for rule in allowing} | {
                index: each for index, each in found.items() if isinstance(each, Grant)
            }
        told = [(rule.statement, found[rule.statement.index]) for rule in allowing if rule.statement.index in found]
        return Comparison(
            tuple(each for _, each in told if isinstance(each, Grant)),
            tuple(Undecided(statement, each.reason) for statement, each in told if isinstance(each, Unknown)),
        )

    def _look_at(
        self,
        somebody: Somebody,
        signature: Sequence[Naming],
        allowing: Sequence[Rule],
        found: dict[int, Grant | Unknown],
    ) -> None:
        namings = iter(signature)
        named = [[(each, next(namings)) for each in rules] for rules in self._rules]
        self._budget.take(len(signature))
        for rule in allowing:
            index = rule.statement.index
            own = self._grade(signature[index], somebody)
            if own is Naming.NOT or isinstance(found.get(index), Grant):
                continue
            for model in self._searched(rule, own, somebody, named):
                if isinstance(model, Model):
                    grant = self._grant(rule.statement, model, somebody, named)
                    found[index] = grant or Unknown("a request that shows it could not be confirmed")
                    break
                if model is not None:
                    found[index] = model

    def _searched(
        self, rule: Rule, own: Naming, somebody: Somebody, named: Sequence[Sequence[tuple[Rule, Naming]]]
    ) -> Iterator[Model | Unknown | None]:
        """Where nothing of the other policy allows as much, and where something of it denies."""
        self._budget.take(sum(map(len, named)))
        denying, *others = (
            [each for each, naming in rules if naming and each.statement.effect is Effect.DENY] for rules in named
        )
        covering = [
            each
            for rules in named[1:]
            for each, naming in rules
            if each.statement.effect is Effect.ALLOW and self._grade(naming, somebody) >= own
        ]
        yield self._find([rule], [*denying, *covering])
        for other in (each for some in others for each in some):
            yield self._find([rule, other], denying)

    def _find(self, rules: Sequence[Rule], against: Sequence[Rule]) -> Model | Unknown | None:
        key = (tuple(map(id, rules)), tuple(map(id, against)))
        if key not in self._found:
            self._found[key] = self._search.find(self._asked, rules, against)
        return self._found[key]

    def _grade(self, naming: Naming, somebody: Somebody) -> Naming:
        return grade(naming, somebody.principal, self._new.type)

    def _grant(
        self, statement: Statement, model: Model, somebody: Somebody, named: Sequence[Sequence[tuple[Rule, Naming]]]
    ) -> Grant | None:
        """With a request that only the new policy lets through, as the evaluator says too."""
        given = Naming.NOT
        for rule, naming in (pair for rules in named[1:] for pair in rules if pair[1] and pair[0].applies(model)):
            if rule.statement.effect is Effect.DENY:
                given = Naming.NOT
                break
            given = max(given, self._grade(naming, somebody))
        grant = Grant(statement, *self._circumstances(model, somebody, given))
        allowed = [grant.allowed_by(policy) for policy in self._policies]
        return grant if allowed in ([True], [True, False]) else None

    def _circumstances(self, model: Model, somebody: Somebody, given: Naming) -> tuple[Request, Layers]:
        """In which it matters how directly somebody is named, when the other policy names them like this."""
        principal = somebody.principal
        account = None if principal is None else principal.account_id
        others: Layers = [(Layer.BOUNDARY, _ALLOWING)] if somebody.bounded else []
        resource = _ROLE.format(account or _OTHER_ACCOUNT) if self._new.type is PolicyType.TRUST else model.resource
        if self._new.type in _LAYERS:
            if given is Naming.NOT and account is not None:
                account = _OTHER_ACCOUNT
                others = [*others, (Layer.IDENTITY, _ALLOWING)]
            elif given is Naming.ISSUER:
                others = [*others, (Layer.SESSION, ())]
        return Request(model.action, resource, principal, model.context, account), others
