"""Whether the policy of a resource lets in the public: somebody whom no fixed value tells from everybody else.

Such a request comes from no account that the policy names, and of the keys by which AWS tells who is meant, it has
values that the policy does not fix (`domain.policy.fixed_values`).
"""

from collections.abc import Iterable, Iterator, Sequence

from domain.policy.comparison.budget import Budget
from domain.policy.comparison.compare import STEPS_MAX, Comparer, Comparison
from domain.policy.comparison.literals import Literal, condition_literal
from domain.policy.comparison.who import People, Somebody, elements_of, namings_of, strangers
from domain.policy.conditions import Condition, condition
from domain.policy.document import Policy
from domain.policy.fixed_values import FIXING_KEYS, is_fixed, narrow_networks, tenant_keys
from domain.policy.principals import RequestPrincipal

_NO_STRANGERS = {"elasticfilesystem:AccessedViaMountTarget": "true"}
"""What no stranger sends, whatever a policy says of it (EFS User Guide, "Blocking public access")."""


def public_access(policy: Policy, steps: int = STEPS_MAX) -> Comparison:
    """What a policy of the type RESOURCE or TRUST grants to the public."""
    return Comparer([policy], steps).compare(people=_the_public)


def _the_public(policies: Sequence[Policy], _budget: Budget) -> People:
    elements = elements_of(policies)
    conditions = [
        (each, policy.version == "2012-10-17")
        for policy in policies
        for statement in policy.statements
        for each in statement.conditions
    ]
    unfixed = tuple(_unfixed(conditions, FIXING_KEYS))
    people = [Somebody(each, bounded=False, asked=unfixed) for each in strangers(elements)]
    federated = {name for each in elements if each is not None for name in each.names if name[0] == "Federated"}
    for name in sorted(federated):
        if keys := tenant_keys(name[1]):
            asked = (*unfixed, *_unfixed(conditions, keys), *map(_given, keys))
            people.append(Somebody(RequestPrincipal(name[1], None, frozenset({name})), bounded=False, asked=asked))
    return [(namings_of(elements, each.principal), each) for each in people]


def _given(key: str) -> Literal:
    return _literal("Null", key, ["false"])


def _unfixed(conditions: Iterable[tuple[Condition, bool]], keys: Iterable[str]) -> Iterator[Literal]:
    """That the keys have other values than those that conditions fix."""
    by_key: dict[str, list[tuple[Condition, bool]]] = {}
    for each, has_variables in conditions:
        by_key.setdefault(each.context_key, []).append((each, has_variables))
    for key in keys:
        named = by_key.get(key.lower(), ())
        networks = [text for each, _ in named if "IpAddress" in each.operator for text in narrow_networks(each.wanted)]
        if narrow := narrow_networks(networks):
            yield _literal("ForAllValues:NotIpAddress", key, narrow)
        texts = {
            text
            for each, has_variables in named
            if not each.operator.endswith(("IpAddress", "IpAddressIfExists", "Null"))
            for text in each.wanted
            if not (has_variables and "${" in text)
        }
        if fixed := sorted(text for text in texts if "*" not in text and "?" not in text):
            yield _literal("ForAllValues:StringNotEqualsIgnoreCase", key, fixed)
        if patterns := sorted(text for text in texts - {*fixed} if is_fixed(key, text)):
            yield _literal("ForAllValues:StringNotLike", key, patterns)
    for key, value in _NO_STRANGERS.items():
        if key.lower() in by_key:
            yield _literal("ForAllValues:StringNotEqualsIgnoreCase", key, [value])


def _literal(operator: str, key: str, texts: Sequence[str]) -> Literal:
    made = condition(operator, key, tuple(texts), has_variables=False, denies=False)
    return condition_literal(made, has_variables=False, denies=False)
