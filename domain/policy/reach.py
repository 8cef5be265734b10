"""Which actions layers let through at all: on some resource, for some request; by name alone (docs/adr/0028).

Coarser than `evaluate_partial`, which is about one request: what is in reach here may be out of reach on the resource
that somebody has in mind. What is not in reach here is denied on every resource, to every request.
"""

from collections.abc import Iterable, Iterator, Mapping

from domain.policy.document import Effect, Statement
from domain.policy.evaluate import Layer, Layers
from domain.policy.variables import RequestContext

Reach = Mapping[str, bool]
"""By action as it was asked for, such as iam:CreateUser: whether it depends on more than the resource that is chosen,
on a condition or on not being among what is denied."""

_NO_CONTEXT: RequestContext = {}


def reachable(layers: Layers, actions: Iterable[str]) -> Reach:
    """The actions that each layer allows on some resource, and none denies on all resources without a condition."""
    statements = [[each for sourced in policies for each in sourced.policy.statements] for _, policies in layers]
    found: dict[str, bool] = {}
    for action in actions:
        lowered, depends = action.lower(), False
        for layer in statements:
            # Past what a policy remembers of actions: nobody may ever call most of these.
            about = [statement for statement in layer if statement.actions.match(lowered, _NO_CONTEXT)]
            allowing = [statement for statement in about if statement.effect is Effect.ALLOW]
            if not allowing or any(map(_denies_all, about)):
                break
            depends |= len(allowing) < len(about) or all(statement.conditions for statement in allowing)
        else:
            found[action] = depends
    return found


def merge_reaches(reaches: Iterable[Reach]) -> Reach:
    """Of several, each of a time of its own: what any of them has. It depends on more only where it always did."""
    found: dict[str, bool] = {}
    for reach in reaches:
        for action, depends in reach.items():
            found[action] = depends and found.get(action, True)
    return found


def granting_patterns(layers: Layers, service: str) -> Iterator[str]:
    """The texts of the principal's own policies that allow actions of a service, by its prefix in lower case; of a
    NotAction, the whole element."""
    for layer, policies in layers:
        for statement in (statement for sourced in policies for statement in sourced.policy.statements):
            if layer is not Layer.IDENTITY or statement.effect is not Effect.ALLOW:
                continue
            if statement.actions.negated:
                yield f"NotAction {', '.join(statement.actions.texts)}"
            else:
                yield from (text for text in statement.actions.texts if _names(text.lower(), service))


def _denies_all(statement: Statement) -> bool:
    return statement.effect is Effect.DENY and statement.fits is None and not statement.conditions


def _names(text: str, service: str) -> bool:
    return text == "*" or text.partition(":")[0] == service
