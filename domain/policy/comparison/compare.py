"""What one policy lets through and another does not, statement by statement."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import chain

from domain.policy.comparison.budget import Budget, OutOfSteps
from domain.policy.comparison.literals import Literal, action_literal, literals_of, resource_literal
from domain.policy.comparison.search import STEPS_A_CLAUSE, Clause, Model, Search, Unknown
from domain.policy.comparison.who import People, Somebody, everybody, grade
from domain.policy.document import Effect, Policy, PolicyType, Statement, compiled
from domain.policy.elements import resource_patterns
from domain.policy.evaluate import Layer, Layers, Request, Result, SourcedPolicy, evaluate
from domain.policy.principals import Naming

STEPS_MAX = 1_000_000
"""Of one comparison, each of about a microsecond."""
_TOO_MANY_STEPS = "it would take more steps than a comparison may"
_OTHER_ACCOUNT = "000000000000"
_ROLES = "arn:*:iam::????????????:role/?*"
_EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
_ALLOWING = (SourcedPolicy(compiled(_EVERYTHING, PolicyType.IDENTITY), "everything", "managed", None),)
_LAYERS = {PolicyType.TRUST: Layer.TRUST, PolicyType.RESOURCE: Layer.RESOURCE}


@dataclass(frozen=True, slots=True)
class WitnessedGrant:
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
    grants: tuple[WitnessedGrant, ...]
    undecided: tuple[Undecided, ...]

    @property
    def passes(self) -> bool:
        """Proved: nothing is granted."""
        return not self.grants and not self.undecided


def new_access(new: Policy, existing: Policy, steps: int = STEPS_MAX) -> Comparison:
    """What `new` grants that `existing`, of the same type, does not: by itself, to some request of somebody. Of the
    policy of a resource, naming somebody more directly is more: it may need less consent of others (`evaluate`)."""
    return Comparer([new, existing], steps).compare()


def access_granted(
    policy: Policy, actions: Sequence[str], resources: Sequence[str], steps: int = STEPS_MAX
) -> Comparison:
    """What a policy grants of any of these actions on any of these resources. None are all. Raises ValueError for a
    resource that is no pattern of one."""
    asked: list[Literal] = []
    if actions:
        asked.append(action_literal(actions))
    if resources:
        asked.append(_among(resources))
    return Comparer([policy], steps).compare(tuple(asked))


def _among(resources: Sequence[str]) -> Literal:
    patterns = resource_patterns(tuple(resources), negated=False, has_variables=False, denies=False)
    return resource_literal(patterns, has_variables=False, denies=False)


class Comparer:
    """What the first policy grants, and the other one, where there is one, does not."""

    def __init__(self, policies: Sequence[Policy], steps: int) -> None:
        self._policies = policies
        self._budget = Budget(steps)
        self._search = Search(self._budget)
        self._found: dict[tuple[Hashable, ...], Model | Unknown | None] = {}
        self._clauses = [
            [Clause(statement, literals_of(statement, policy)) for statement in policy.statements]
            for policy in policies
        ]

    def compare(
        self, asked: tuple[Literal, ...] = (), people: Callable[[Sequence[Policy], Budget], People] = everybody
    ) -> Comparison:
        """To these people, for requests of which all that is asked is so."""
        allowing = [clause.statement for clause in self._clauses[0] if clause.statement.effect is Effect.ALLOW]
        found: dict[int, WitnessedGrant | Unknown] = {}
        if self._policies[0].type is PolicyType.TRUST:
            asked = (*asked, _among([_ROLES]))
        try:
            for namings, somebody in people(self._policies, self._budget):
                self._look_at(self._reading(namings, somebody), (*asked, *somebody.asked), found)
        except OutOfSteps:
            # No statement is known to grant nothing.
            finished = {index: each for index, each in found.items() if isinstance(each, WitnessedGrant)}
            found = {statement.index: Unknown(_TOO_MANY_STEPS) for statement in allowing} | finished
        told = [(statement, found[statement.index]) for statement in allowing if statement.index in found]
        return Comparison(
            tuple(each for _, each in told if isinstance(each, WitnessedGrant)),
            tuple(Undecided(statement, each.reason) for statement, each in told if isinstance(each, Unknown)),
        )

    def _reading(self, namings: Sequence[Naming], somebody: Somebody) -> "_Reading":
        self._budget.take(len(namings))
        named = iter(namings)
        allows: list[list[tuple[Clause, Naming]]] = []
        denies: list[list[Clause]] = []
        for policy, clauses in zip(self._policies, self._clauses, strict=True):
            pairs = list(zip(clauses, named, strict=False))
            graded = [(clause, grade(naming, somebody.principal, policy.type)) for clause, naming in pairs]
            allows.append([pair for pair in graded if pair[0].statement.effect is Effect.ALLOW and pair[1]])
            denies.append([clause for clause, naming in pairs if clause.statement.effect is Effect.DENY and naming])
        return _Reading(somebody, allows[0], denies[0], [*chain(*allows[1:])], [*chain(*denies[1:])])

    def _look_at(
        self, reading: "_Reading", asked: tuple[Literal, ...], found: dict[int, WitnessedGrant | Unknown]
    ) -> None:
        for clause, naming in reading.allowing:
            index = clause.statement.index
            if isinstance(found.get(index), WitnessedGrant):
                continue
            self._budget.take(len(reading.covering))
            covering = [other for other, its in reading.covering if its >= naming]
            # Nothing of the other policy allows as much, or something of it denies.
            ways: list[tuple[list[Clause], Sequence[Clause]]] = [([clause], [*reading.denying, *covering])]
            ways += [([clause, other], reading.denying) for other in reading.excepting]
            for clauses, against in ways:
                model = self._find(asked, clauses, against)
                told = self._confirmed(clause.statement, model, reading) if isinstance(model, Model) else model
                if told is not None:
                    found[index] = told
                if isinstance(told, WitnessedGrant):
                    break

    def _find(
        self, asked: tuple[Literal, ...], clauses: Sequence[Clause], against: Sequence[Clause]
    ) -> Model | Unknown | None:
        key = (asked, tuple(map(id, clauses)), tuple(map(id, against)))
        if key not in self._found:
            self._found[key] = self._search.find(asked, clauses, against)
        return self._found[key]

    def _confirmed(self, statement: Statement, model: Model, reading: "_Reading") -> WitnessedGrant | Unknown:
        """As the evaluator decides."""
        # The evaluator looks for the statements about the action first.
        statements = sum(map(len, self._clauses))
        self._budget.take(STEPS_A_CLAUSE * (statements + len(reading.covering) + len(reading.excepting)))
        given = Naming.NOT
        if not any(clause.applies(model) for clause in reading.excepting):
            given = max((naming for clause, naming in reading.covering if clause.applies(model)), default=given)
        grant = WitnessedGrant(statement, *_circumstances(model, reading.somebody, given, self._policies[0].type))
        allowed = [grant.allowed_by(policy) for policy in self._policies]
        return grant if allowed in ([True], [True, False]) else Unknown("no request that was found shows it")


@dataclass(frozen=True, slots=True)
class _Reading:
    """The statements that name somebody, those that allow with how directly they do."""

    somebody: Somebody
    allowing: Sequence[tuple[Clause, Naming]]
    denying: Sequence[Clause]
    covering: Sequence[tuple[Clause, Naming]]
    """Those of the other policy that allow."""
    excepting: Sequence[Clause]
    """Those of it that deny."""


def _circumstances(model: Model, somebody: Somebody, given: Naming, policy_type: PolicyType) -> tuple[Request, Layers]:
    """In which it matters that somebody is named more directly than the other policy names them."""
    principal = somebody.principal
    account = None if principal is None else principal.account_id
    others: Layers = [(Layer.BOUNDARY, _ALLOWING)] if somebody.bounded else []
    if policy_type in _LAYERS:
        if given is Naming.NOT and account is not None:
            account = _OTHER_ACCOUNT
            others = [*others, (Layer.IDENTITY, _ALLOWING)]
        elif given is Naming.ISSUER:
            others = [*others, (Layer.SESSION, ())]
    return Request(model.action, model.resource, principal, model.context, account), others
