"""Lints for what can never be: conditions that exclude one another, statements that others make pointless."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import combinations
from math import inf

from domain.policy.conditions import instant, number
from domain.policy.decode import Json
from domain.policy.lint.conditions import KINDS
from domain.policy.lint.findings import Finding, suggestion, warning
from domain.policy.lint.parsed import ParsedCondition, ParsedStatement
from domain.policy.pattern_relations import arn_covers, covers, is_everything, overlap

_NEGATED = {"StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "ArnNotEquals", "ArnNotLike"}
_NEGATED |= {"NumericNotEquals", "DateNotEquals", "NotIpAddress"}


def contradictions(statement: ParsedStatement) -> Iterator[Finding]:
    """Pairs of conditions on one key that no request satisfies both."""
    conditions = [one for one in statement.conditions() if one.values and one.operator in KINDS]
    for one, other in combinations(conditions, 2):
        if one.key == other.key and not one.has_variables and not other.has_variables and _exclude(one, other):
            both = f"{one.path[-2]} and {other.path[-2]}"
            message = f"No {one.path[-1]} satisfies both {both}: the statement never matches."
            yield warning("CONDITION_NEVER_MATCHES", message, other.path)


def _exclude(one: ParsedCondition, other: ParsedCondition) -> bool:
    for null, rest in ((one, other), (other, one)):
        if null.operator == "Null" and rest.operator != "Null":
            return {text.lower() for text in null.texts} == {"true"} and _needs_a_value(rest)
    # With several values, or none at all, both may hold.
    if one.quantifier or other.quantifier or not (_needs_a_value(one) or _needs_a_value(other)):
        return False
    kinds = {KINDS[one.operator], KINDS[other.operator]}
    if kinds == {"String"}:
        return _texts_exclude(one, other) or _texts_exclude(other, one)
    if kinds in ({"Numeric"}, {"Date"}):
        return _ranges_exclude(one, other)
    return False


def _needs_a_value(condition: ParsedCondition) -> bool:
    """Whether it does not hold without the key."""
    is_positive = condition.operator not in _NEGATED and condition.operator != "Null"
    return is_positive and not condition.if_exists and condition.quantifier != "ForAllValues"


def _texts_exclude(one: ParsedCondition, other: ParsedCondition) -> bool:
    """Whether no text that the first, a positive operator, wants passes the second."""
    if one.operator not in {"StringEquals", "StringLike"}:
        return False
    is_exact = one.operator == "StringEquals"
    match other.operator:
        case "StringEquals" if is_exact:
            return not set(one.texts) & set(other.texts)
        case "StringEquals" | "StringLike":
            # A text in which * stands for itself is one of those that it would match as a pattern.
            return not any(overlap(text, pattern) for text in one.texts for pattern in other.texts)
        case "StringNotEquals" if is_exact:
            return set(one.texts) <= set(other.texts)
        case "StringNotLike":
            return all(any(covers(pattern, text) for pattern in other.texts) for text in one.texts)
    return False


def _ranges_exclude(one: ParsedCondition, other: ParsedCondition) -> bool:
    first, second = _range(one), _range(other)
    if first is None or second is None:
        return False
    low, low_is_out = max(first[0], second[0])
    high, high_is_in = min(first[1], second[1])
    return low > high or (low == high and (low_is_out or not high_is_in))


_Bound = float | Decimal
_BOUNDED_BELOW = {"GreaterThan", "GreaterThanEquals", "Equals"}
_BOUNDED_ABOVE = {"LessThan", "LessThanEquals", "Equals"}


def _range(condition: ParsedCondition) -> tuple[tuple[_Bound, bool], tuple[_Bound, bool]] | None:
    """From where, and whether this is out; up to where, and whether this is in. Its values are ORed, so it accepts
    nothing else. None where it is not a range."""
    try:
        values = [_bound(condition.operator, text) for text in condition.texts]
    except ValueError:
        return None
    comparison = condition.operator.removeprefix("Date").removeprefix("Numeric")
    if comparison == "NotEquals":
        return None
    low = (min(values), comparison == "GreaterThan") if comparison in _BOUNDED_BELOW else (-inf, True)
    high = (max(values), comparison != "LessThan") if comparison in _BOUNDED_ABOVE else (inf, False)
    return low, high


def _bound(operator: str, text: str) -> _Bound:
    """As the evaluator reads it; dates in seconds since 1970. Raises ValueError."""
    return instant(text).timestamp() if operator.startswith("Date") else number(text)


def pointless_statements(statements: list[ParsedStatement]) -> Iterator[Finding]:
    """Statements all of whose requests another statement decides already."""
    gone = set[int]()
    for index, statement in enumerate(statements):
        for other, wide in enumerate(statements):
            if other == index or other in gone or not _covers(wide, statement):
                continue
            name = wide.elements.get("Sid") or f"statement {other + 1}"
            effects = statement.elements.get("Effect"), wide.elements.get("Effect")
            if effects[0] == effects[1]:
                gone.add(index)
                message = f"All that this statement says, {name} says too."
                yield suggestion("REDUNDANT_STATEMENT", message, statement.path)
                break
            if effects == ("Allow", "Deny"):
                message = f"All that this statement allows, {name} denies: it never takes effect."
                yield warning("STATEMENT_NEVER_TAKES_EFFECT", message, statement.path)
                break


def _covers(wide: ParsedStatement, narrow: ParsedStatement) -> bool:
    """Whether every request that the narrow statement matches is matched by the wide one. True is a proof."""
    return (
        _element_covers(wide, narrow, "Action", is_arn=False)
        and _element_covers(wide, narrow, "Resource", is_arn=True)
        and _principals_cover(wide, narrow)
        and _conditions_cover(wide.elements.get("Condition"), narrow.elements.get("Condition"))
    )


def _element_covers(wide: ParsedStatement, narrow: ParsedStatement, element: str, *, is_arn: bool) -> bool:
    negated = f"Not{element}"
    if element not in wide.elements and negated not in wide.elements:
        return element not in narrow.elements and negated not in narrow.elements
    cover = arn_covers if is_arn else _action_covers
    if element in wide.elements:
        if element not in narrow.elements:
            return any(is_everything(text) for text in wide.texts(element))
        return _all_covered(wide.texts(element), narrow.texts(element), cover)
    if negated in narrow.elements:
        # Who excepts less says more.
        return _all_covered(narrow.texts(negated), wide.texts(negated), cover)
    texts = narrow.texts(element)
    excepted = wide.texts(negated)
    return bool(texts) and not any(overlap(text.lower(), other.lower()) for text in texts for other in excepted)


def _action_covers(wide: str, narrow: str) -> bool:
    return covers(wide.lower(), narrow.lower())


def _all_covered(wide: list[str], narrow: list[str], cover: Callable[[str, str], bool]) -> bool:
    return bool(narrow) and all(any(cover(pattern, text) for pattern in wide) for text in narrow)


def _principals_cover(wide: ParsedStatement, narrow: ParsedStatement) -> bool:
    ours = {name: wide.elements[name] for name in ("Principal", "NotPrincipal") if name in wide.elements}
    theirs = {name: narrow.elements[name] for name in ("Principal", "NotPrincipal") if name in narrow.elements}
    return ours == theirs or (ours == {"Principal": "*"} and bool(theirs))


def _conditions_cover(wide: Json, narrow: Json) -> bool:
    """Fewer conditions match more; of what both have, only the same is compared."""
    if not wide:
        return True
    if not isinstance(wide, dict) or not isinstance(narrow, dict):
        return False
    for operator, keys in wide.items():
        theirs = narrow.get(operator)
        if not isinstance(keys, dict) or not isinstance(theirs, dict):
            return False
        if any(key not in theirs or theirs[key] != value for key, value in keys.items()):
            return False
    return True
