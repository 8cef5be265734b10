"""What a decision costs at most, in steps that are counted and never timed: told from its policies and from the lengths
of the request's values, before any of it is done (docs/adr/0039)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple
from weakref import ref

from domain.policy.document import Policy, Statement
from domain.policy.variables import NO_VALUES, RequestContext, Variable
from domain.policy.weights import Weight, together

BUDGET_STEPS = 2_000_000
"""Of one decision. A step takes some ten nanoseconds on a small machine: so much, some twenty milliseconds. It is part
of what a decision means: another number is another version of the evaluator."""
PRICES_REMEMBERED_MAX, LONG_PRICES_REMEMBERED_MAX = 4_096, 32
"""Sets of policies with an action each."""
LONG_PRICE_ITEMS_MIN = 64
"""Of some hundred bytes each; the longest have thousands."""
ACTION_CHARACTERS_MIN = 3
_STATEMENT = 700
"""To take a statement about the action up, and to record that it applied."""
_CONDITION, _KEY, _PIECE = 40, 200, 40
"""To ask for a condition, for the values of a context key, and for a piece of a pattern that varies."""


class Price(NamedTuple):
    """Of deciding about an action by some policies."""

    fixed: int
    """Steps that no value changes."""
    resource: Weight
    values: tuple[tuple[str, int, int], ...]
    """Context keys, all that statements ask for, with the steps of each value and of each of its characters."""
    varying: tuple[tuple[str, Weight], ...]
    """Context keys whose values are compared with patterns that vary."""

    @property
    def items(self) -> int:
        """Context keys, and variables of patterns: what takes memory."""
        weights = [self.resource, *(weight for _, weight in self.varying)]
        return len(self.values) + sum(1 + len(variables) for weight in weights for _, variables in weight.varying)

    def weigh(self, resource: str, context: RequestContext) -> tuple[int, RequestContext]:
        """The steps for a request with this resource and these values, and the values, each looked up once: they stand
        for the context in what is decided by these policies."""
        steps = self.fixed + self.resource.per_value + self.resource.per_character * len(resource)
        known: dict[str, tuple[str, ...]] = {}
        get = context.get
        for key, per_value, per_character in self.values:
            present = known[key] = get(key) or NO_VALUES
            for value in present:
                steps += per_value + per_character * len(value)
        if self.resource.varying:
            steps += self.resource.varying_steps(1, len(resource), known)
        for key, weight in self.varying:
            steps += weight.varying_steps(len(known[key]), sum(map(len, known[key])), known)
        return steps, known


_References = tuple[ref[Policy], ...]


def price_of(action: str, policies: Sequence[Policy]) -> Price:
    """Of a lower-cased action. To find the statements about it is weighed as if nobody had asked for it yet: nothing
    that is remembered may change a decision, nor keep a policy in memory that nobody else has."""
    references = tuple(map(ref, policies))
    return _short_price(action, references) or _long_price(action, references)


@lru_cache(maxsize=PRICES_REMEMBERED_MAX)
def _short_price(action: str, policies: _References) -> Price | None:
    """Of a long one, None is remembered."""
    price = _price_for(action, policies)
    return None if price.items >= LONG_PRICE_ITEMS_MIN else price


@lru_cache(maxsize=LONG_PRICES_REMEMBERED_MAX)
def _long_price(action: str, policies: _References) -> Price:
    return _price_for(action, policies)


def _price_for(action: str, policies: _References) -> Price:
    alive = [policy for reference in policies if (policy := reference()) is not None]
    assert len(alive) == len(policies), "Whoever asks has them."
    return _price(alive, len(action), lambda policy: policy.about[action])


def least_steps(policies: Sequence[Policy]) -> int:
    """For any action at all, on the shortest resource, with no value of any condition key."""

    def about_every_action(policy: Policy) -> Iterable[Statement]:
        return (statement for statement in policy.statements if statement.actions.is_everything)

    steps, _ = _price(policies, ACTION_CHARACTERS_MIN, about_every_action).weigh("*", {})
    return steps


def _price(
    policies: Sequence[Policy], action_characters: int, statements_of: Callable[[Policy], Iterable[Statement]]
) -> Price:
    """Once the fixed part exceeds every budget, the rest is not looked at."""
    finding = [policy.about.finding for policy in policies]
    fixed = sum(each.per_value + each.per_character * action_characters for each in finding)
    resources: list[Weight] = []
    values: dict[str, list[Weight]] = defaultdict(list)
    for policy in policies:
        if fixed > BUDGET_STEPS:
            break
        for statement in statements_of(policy):
            variables = tuple(_variables(statement))
            fixed += _STATEMENT + _CONDITION * len(statement.conditions) + _PIECE * len(variables)
            if statement.fits is not None and statement.resources is not None:
                resources.append(statement.resources.weight)
            for condition in statement.conditions:
                values[condition.context_key].append(condition.weight)
            for variable in variables:
                values[variable.context_key]
    of_keys = [(key, together(weights)) for key, weights in values.items()]
    return Price(
        fixed + _KEY * len(of_keys),
        together(resources),
        tuple((key, weight.per_value, weight.per_character) for key, weight in of_keys),
        tuple((key, weight) for key, weight in of_keys if weight.varying),
    )


def _variables(statement: Statement) -> Iterable[Variable]:
    if statement.resources is not None:
        yield from statement.resources.variables
    for condition in statement.conditions:
        yield from condition.variables
