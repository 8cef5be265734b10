"""Is there a request that one policy lets through and another does not? (docs/adr/0060)

A request has to satisfy a statement that allows. One is made that does, and decided by both policies: if they differ,
it is the answer. If not, some other statement applied to it, and each way in which that one may fail to apply is looked
at by itself. Ways that no request can take are proved to be none; when no way is left, there is no such request.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

from domain.policy.comparison.budget import Budget
from domain.policy.comparison.literals import ACTION, RESOURCE, Atom, Literal, find_action, find_resource
from domain.policy.comparison.values import Term, Values, choose_values
from domain.policy.document import Statement
from domain.policy.variables import NO_VALUES, RequestContext

MODELS_MAX = 24
"""Of values that are tried for the variables of one set of conditions."""
_STEPS_A_WAY, STEPS_A_CLAUSE = 10, 5
_SOME_VALUE = ("some-value",)


@dataclass(frozen=True, slots=True)
class Model:
    """What a request is like, but for who makes it."""

    action: str
    resource: str
    context: RequestContext


@dataclass(frozen=True, slots=True)
class Clause:
    """A statement, and what has to be so for it to apply."""

    statement: Statement
    literals: tuple[Literal, ...]

    def applies(self, model: Model) -> bool:
        statement = self.statement
        return (
            statement.actions.match(model.action, {})
            and (statement.fits is None or statement.fits(model.resource, model.context))
            and all(condition.holds(model.context) for condition in statement.conditions)
        )


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why it cannot be told."""

    reason: str


class Search:
    """One for all questions about the same policies: what was found out about a set of conditions is kept."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._refuted: dict[frozenset[Literal], bool] = {}
        self._texts: dict[tuple[frozenset[Literal], tuple[tuple[str, Values], ...]], str | None] = {}
        self._values: dict[tuple[str, frozenset[Literal], tuple[tuple[str, Values], ...]], tuple[Values, ...]] = {}

    def find(
        self, wanted: Iterable[Literal], clauses: Sequence[Clause], against: Sequence[Clause]
    ) -> Model | Unknown | None:
        """A request to which all `clauses` apply, beside what is `wanted`, and none of those `against`. None: there is
        none."""
        start = frozenset([*wanted, *(literal for clause in clauses for literal in clause.literals)])
        unknown: Unknown | None = None
        waiting, seen = [start], {start}
        while waiting:
            literals = waiting.pop()
            self._budget.take(_STEPS_A_WAY + STEPS_A_CLAUSE * len(against))
            if self._is_refuted(literals):
                continue
            model = self._model(literals, clauses)
            if model is not None and not any(clause.applies(model) for clause in against):
                return model
            open_ = (clause for clause in against if not _contradicts(literals, clause))
            applying = next((clause for clause in open_ if model is None or clause.applies(model)), None)
            if applying is None:
                unknown = unknown or Unknown(_why_unknown(literals))
                continue
            for atom, is_so in reversed(applying.literals):
                following = literals | {(atom, not is_so)}
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
        return unknown

    def _is_refuted(self, literals: frozenset[Literal]) -> bool:
        return any(self._is_refuted_about(about, some) for about, some in _by_subject(literals).items())

    def _is_refuted_about(self, about: str, literals: frozenset[Literal]) -> bool:
        found = self._refuted.get(literals)
        if found is None:
            found = self._refuted[literals] = self._refute(about, literals)
        return found

    def _refute(self, about: str, literals: frozenset[Literal]) -> bool:
        self._budget.take(_STEPS_A_WAY)
        if any((atom, not is_so) in literals for atom, is_so in literals):
            return True
        if about == ACTION:
            return self._text(literals, {}) is None
        if about == RESOURCE:
            if any(any(atom.variables) for atom, _ in literals):
                return find_resource(literals, None, self._budget) is None
            return self._text(literals, {}) is None
        return choose_values(_wants(literals), None, self._budget).refuted

    def _model(self, literals: frozenset[Literal], clauses: Sequence[Clause]) -> Model | None:
        by_subject = _by_subject(literals)
        action = self._text(by_subject.pop(ACTION), {})
        assert action is not None, "What has no action is refuted."
        of_resource = by_subject.pop(RESOURCE, frozenset())
        for context in islice(self._contexts(by_subject, literals), MODELS_MAX):
            resource = self._text(of_resource, context)
            if resource is None:
                continue
            model = Model(action, resource, context)
            # What was found for one key may not fit what another's variables make of it.
            if all(clause.applies(model) for clause in clauses) and _all_hold(literals, context):
                return model
        return None

    def _text(self, literals: frozenset[Literal], context: RequestContext) -> str | None:
        """An action or a resource."""
        known = _known(literals, context)
        memo = (literals, tuple(known.items()))
        if memo not in self._texts:
            is_action = any(atom.about == ACTION for atom, _ in literals)
            self._texts[memo] = (
                find_action(literals, self._budget) if is_action else find_resource(literals, known, self._budget)
            )
        return self._texts[memo]

    def _contexts(
        self, by_subject: Mapping[str, frozenset[Literal]], literals: frozenset[Literal]
    ) -> Iterator[dict[str, Values]]:
        """First what fills in variables, in several ways, then the rest."""
        keys = sorted({variable.context_key for atom, _ in literals for variable in atom.variables})
        pools = [self._pool(key, by_subject.get(key, frozenset())) for key in keys]
        for chosen in product(*pools):
            context = dict(zip(keys, chosen, strict=True))
            for key, about_key in by_subject.items():
                if key in keys:
                    continue
                found = self._choose(key, about_key, context)
                if not found:
                    break
                context[key] = found[0]
            else:
                yield {key: values for key, values in context.items() if values}

    def _pool(self, key: str, about_key: frozenset[Literal]) -> list[Values]:
        fixed = frozenset(literal for literal in about_key if not any(literal[0].variables))
        if not fixed:
            return [_SOME_VALUE, NO_VALUES]
        return sorted(self._choose(key, fixed, {}), key=lambda values: abs(len(values) - 1))

    def _choose(self, key: str, literals: frozenset[Literal], context: RequestContext) -> tuple[Values, ...]:
        known = _known(literals, context)
        memo = (key, literals, tuple(known.items()))
        found = self._values.get(memo)
        if found is None:
            found = self._values[memo] = choose_values(_wants(literals), known, self._budget).found
        return found


def _contradicts(literals: frozenset[Literal], clause: Clause) -> bool:
    """Whether the clause cannot apply where these are so."""
    return any((atom, not is_so) in literals for atom, is_so in clause.literals)


def _known(literals: Iterable[Literal], context: RequestContext) -> dict[str, Values]:
    """What fills in their variables."""
    used = {variable.context_key for atom, _ in literals for variable in atom.variables}
    return {name: tuple(context[name]) for name in sorted(used) if name in context}


def _by_subject(literals: Iterable[Literal]) -> dict[str, frozenset[Literal]]:
    found: dict[str, set[Literal]] = {}
    for literal in literals:
        found.setdefault(literal[0].about, set()).add(literal)
    return {about: frozenset(some) for about, some in found.items()}


def _terms(literals: Iterable[Literal]) -> Iterator[tuple[Atom, Term, bool]]:
    for atom, is_so in literals:
        if isinstance(atom.means, Term):
            yield atom, atom.means, is_so


def _wants(literals: Iterable[Literal]) -> list[tuple[Term, bool]]:
    return [(term, is_so) for _, term, is_so in _terms(literals)]


def _all_hold(literals: Iterable[Literal], context: RequestContext) -> bool:
    return all(term.condition.holds(context) is is_so for _, term, is_so in _terms(literals))


def _why_unknown(literals: frozenset[Literal]) -> str:
    variables = sorted({f"${{{variable.key}}}" for atom, _ in literals for variable in atom.variables})
    if variables:
        return f"it depends on what a request fills in for {' and '.join(variables)}"
    types: dict[str, set[str]] = {}
    for atom, term, _ in _terms(literals):
        types.setdefault(atom.about, set()).add(term.type or "text")
    mixed = sorted(key for key, found in types.items() if len(found) > 1)
    if mixed:
        return f"conditions compare {' and '.join(mixed)} as values of different types"
    return "no request was found, and no proof that there is none"
