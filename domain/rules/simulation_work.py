"""How much work a simulation is: told from its texts, before any of it is done (docs/adr/0021).

A real call has one action, one resource and values that other rules keep short. A simulation may have a thousand of
each and values of any length, and its answer is worked out on the event loop.
"""

from collections.abc import Iterable

from domain.foundation.errors import InvalidInput
from domain.policy import Condition, Policy, RequestContext, Statement, Variable
from domain.rules.simulation import Simulation

WORK_MAX = 100_000
"""Of one answer, in plain comparisons; they take less than half a second. What goes beyond it is for the next page."""
_ACTION_CHARACTERS_MAX = 128
_WILD_CHARACTERS = 4
_VARYING_CHARACTERS = 4_000
_PLAIN_CHARACTERS = 1_000
"""How many characters take as long as one plain comparison: where a pattern with several wildcards goes through them,
or one is made of that many by filling in its variables; and where two texts are equal or not."""
_RESULT = 8
_RESULT_CHARACTERS = 200
"""One result, with its reasons and its place in the answer, takes as long as so many plain comparisons, and as one more
for so many characters of its resource's ARN."""
_FOUND_STATEMENTS = 4
"""Statements about an action are found by one look at their patterns, and then looked at more than once."""


def refuse_too_much(simulation: Simulation) -> None:
    """Raises InvalidInput where a single action on all resources could take too long."""
    work = len(simulation.targets) * sum(
        _statement(statement, simulation) for policy in _policies(simulation) for statement in policy.statements
    )
    if work > WORK_MAX:
        raise InvalidInput(
            f"The policies of this simulation compare {work} values, of {len(simulation.targets)} resources together; "
            f"expected at most {WORK_MAX}: name fewer resources, or give fewer policies and shorter values."
        )


def actions_that_fit(simulation: Simulation, start: int, wanted: int) -> int:
    """How many actions from `start` on fit into one answer: at least one, at most as many as are wanted."""
    policies = list(_policies(simulation))
    to_find = sum(
        _comparison(pattern, _ACTION_CHARACTERS_MAX, 0)
        for policy in policies
        for statement in policy.statements
        for pattern in statement.actions.texts
    )
    result, work = _RESULT + simulation.arn_characters_max // _RESULT_CHARACTERS, 0
    for count, action in enumerate(simulation.actions[start : start + wanted]):
        work += to_find // _FOUND_STATEMENTS
        if work > WORK_MAX and count:
            return count
        work += len(simulation.targets) * (
            result
            + sum(
                _statement(statement, simulation) for policy in policies for statement in policy.about[action.lower()]
            )
        )
        if work > WORK_MAX and count:
            return count
    return wanted


def _policies(simulation: Simulation) -> Iterable[Policy]:
    return (sourced.policy for _, policies in simulation.layers for sourced in policies)


def _statement(statement: Statement, simulation: Simulation) -> int:
    """On the resource with the longest ARN; in what else is compared the resources differ by no more than an id."""
    context, work = simulation.targets[0].context, 1
    if statement.resources is not None:
        longest = _longest(statement.resources.variables, context)
        for pattern in statement.resources.texts:
            work += _comparison(pattern, simulation.arn_characters_max, longest)
    return work + sum(_condition(condition, context) for condition in statement.conditions)


def _condition(condition: Condition, context: RequestContext) -> int:
    values = context.get(condition.context_key) or ("",)
    longest = _longest(condition.variables, context)
    return sum(_comparison(wanted, len(value), longest) for wanted in condition.wanted for value in values)


def _longest(variables: Iterable[Variable], context: RequestContext) -> int:
    return max((len(variable.value(context) or "") for variable in variables), default=0)


def _comparison(pattern: str, characters: int, longest: int) -> int:
    """With a text of that many characters; `longest` is the longest value that a variable of the pattern may have."""
    variables = pattern.count("${")
    if not variables and pattern.count("*") + pattern.count("?") <= 1:
        return 1 + characters // _PLAIN_CHARACTERS
    filled = len(pattern) + variables * longest
    made = filled if variables else 0
    return 1 + (characters + made) * (1 + filled // _VARYING_CHARACTERS) // _WILD_CHARACTERS
