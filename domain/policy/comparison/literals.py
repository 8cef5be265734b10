"""Statements as what has to be so for them to apply: of the action, of the resource and of each condition key.

What says the same is the same `Atom`, so that one policy's condition is recognised in the other.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from domain.policy.comparison.budget import Budget
from domain.policy.comparison.texts import Pattern, find_text
from domain.policy.comparison.values import Term
from domain.policy.conditions import Condition
from domain.policy.document import Effect, Policy, Statement
from domain.policy.elements import Patterns, resource_pieces
from domain.policy.variables import Piece, RequestContext, Variable, substituted
from domain.policy.wildcards import tokens

ACTION, RESOURCE = "action", "resource"
_ACTION_FORM: Pattern = tokens("?*:?*")
_EVERY_RESOURCE: Pattern = ("*",)
_USUAL_FORM: Pattern = tokens("arn:aws:?*:*:*:?*", free_from=0)
_FORM: Pattern = tokens("arn:?*:?*:*:*:?*", free_from=0)
"""Of an ARN, which has neither an empty service nor an empty resource."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Patterns of an Action or Resource element, or of their negations where these have variables."""

    patterns: tuple[tuple[Piece, ...], ...]
    excepts: bool = False
    fails_unknown: bool = False
    """Whether a NotResource applies to nothing when one of its variables has no value."""


@dataclass(frozen=True, slots=True)
class Atom:
    about: str
    """ACTION, RESOURCE or a condition key, which has a colon."""
    said: Hashable
    """Equal where two say the same."""
    means: Listing | Term = field(compare=False)

    @property
    def variables(self) -> Iterator[Variable]:
        if isinstance(self.means, Term):
            yield from self.means.condition.variables
        else:
            yield from (part for pattern in self.means.patterns for part in pattern if isinstance(part, Variable))


Literal = tuple[Atom, bool]
"""Whether it is so."""


def literals_of(statement: Statement, policy: Policy) -> tuple[Literal, ...]:
    """All of them have to be so for the statement to apply, to whomever it names."""
    has_variables = policy.version == "2012-10-17"
    denies = statement.effect is Effect.DENY
    found = [action_literal(statement.actions.texts, negated=statement.actions.negated)]
    if statement.resources is not None and not statement.resources.is_everything:
        found.append(resource_literal(statement.resources, has_variables=has_variables, denies=denies))
    found += [condition_literal(each, has_variables=has_variables, denies=denies) for each in statement.conditions]
    return tuple(found)


def condition_literal(condition: Condition, *, has_variables: bool, denies: bool) -> Literal:
    spelt = has_variables and any("${" in text for text in condition.wanted)
    said = (condition.operator, frozenset(condition.wanted), spelt, denies)
    return Atom(condition.context_key, said, Term(condition, has_variables, denies)), True


def action_literal(texts: Iterable[str], *, negated: bool = False) -> Literal:
    lowered = sorted({text.lower() for text in texts})
    return Atom(ACTION, tuple(lowered), Listing(tuple(map(tokens, lowered)))), not negated


def resource_literal(resources: Patterns, *, has_variables: bool, denies: bool) -> Literal:
    patterns = tuple(resource_pieces(text, has_variables=has_variables) for text in sorted(set(resources.texts)))
    spelt = has_variables and any("${" in text for text in resources.texts)
    if not (resources.negated and resources.variables):
        return Atom(RESOURCE, (patterns, spelt), Listing(patterns)), not resources.negated
    listing = Listing(patterns, excepts=True, fails_unknown=not denies)
    return Atom(RESOURCE, (patterns, "but", denies), listing), True


def find_action(literals: Iterable[Literal], budget: Budget) -> str | None:
    """In lower case; None is the proof that there is none."""
    required, excluded = _narrowed(literals, None)
    return find_text(_ACTION_FORM, required, excluded, budget)


def find_resource(literals: Collection[Literal], context: RequestContext | None, budget: Budget) -> str | None:
    """An ARN, or `*`. Without a context, variables are whatever a request may fill in, and what is found shows
    nothing. None is the proof that there is none."""
    if context is not None and any(_is_lost(atom, context) for atom, wanted in literals if wanted):
        return None
    required, excluded = _narrowed(literals, context)
    for form in (_USUAL_FORM, _FORM, _EVERY_RESOURCE):
        found = find_text(form, required, excluded, budget, symbolic=context is None)
        if found is not None:
            return found
    return None


def _narrowed(
    literals: Iterable[Literal], context: RequestContext | None
) -> tuple[list[Collection[Pattern]], list[Pattern]]:
    required: list[Collection[Pattern]] = []
    excluded: list[Pattern] = []
    for atom, wanted in literals:
        listing = atom.means
        assert isinstance(listing, Listing)
        patterns = listing.patterns if context is None else _filled(listing.patterns, context)
        if wanted is listing.excepts:
            excluded += patterns
        elif not (listing.fails_unknown and (context is None or _is_lost(atom, context))):
            required.append(patterns)
    return required, excluded


def _is_lost(atom: Atom, context: RequestContext) -> bool:
    """Whether it applies to nothing, for want of a value."""
    listing = atom.means
    assert isinstance(listing, Listing)
    return listing.fails_unknown and any(variable.value(context) is None for variable in atom.variables)


def _filled(patterns: Iterable[tuple[Piece, ...]], context: RequestContext) -> tuple[Pattern, ...]:
    filled = (substituted(pattern, context) for pattern in patterns)
    return tuple(tuple(pattern) for pattern in filled if pattern is not None)
