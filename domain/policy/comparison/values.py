"""Which values of one condition key make conditions hold and others not: some such values, or the proof that there are
none.

Whether a text, an ARN or a Boolean fits is a question of patterns (`texts`). Numbers, dates, addresses and octets are
tried at each bound that a condition names and between them, where nothing changes: that is every case. Where both meet
on one key, either may still refute; if neither does, only values that are found decide (docs/adr/0060).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from domain.policy.comparison.budget import Budget
from domain.policy.comparison.regions import REGIONS
from domain.policy.comparison.texts import Folded, FoldedVariable, Pattern, find_text
from domain.policy.conditions import Condition, Operands, arn_pieces, boolean, bound
from domain.policy.variables import Piece, RequestContext, Variable, substituted
from domain.policy.wildcards import ARN_PARTS, Wildcard, tokens

Values = tuple[str, ...]

_ALL, _ANY, _IF_EXISTS = "ForAllValues", "ForAnyValue", "IfExists"
_SOMETHING: Pattern = (Wildcard.ONE, Wildcard.ANY)
_NOTHING: Pattern = ()
_ARN: Pattern = ("arn", *(":", Wildcard.ANY) * (ARN_PARTS - 1))
_SEVERAL = ("a", "b")
_STEPS_A_TERM, _VALUES_A_STEP = 2, 4


@dataclass(frozen=True, eq=False)
class Term:
    """A condition of a statement, taken apart."""

    condition: Condition
    has_variables: bool
    """Whether the policy's version has them."""
    denies: bool

    @cached_property
    def set_operator(self) -> str:
        """ForAllValues, ForAnyValue or nothing."""
        return self.condition.operator.rpartition(":")[0]

    @cached_property
    def name(self) -> str:
        return self.condition.operator.rpartition(":")[2].removesuffix(_IF_EXISTS)

    @property
    def negated(self) -> bool:
        return "Not" in self.name

    @property
    def varies(self) -> bool:
        return bool(self.condition.variables)

    @cached_property
    def type(self) -> str | None:
        """One of REGIONS; None where it compares texts."""
        positive = self.name.replace("Not", "")
        return next((type_ for type_ in REGIONS if positive.startswith(type_)), None)

    def holds(self, values: Values, context: RequestContext) -> bool:
        key = self.condition.context_key
        return self.condition.holds({**context, key: values})

    def patterns(self, context: RequestContext | None) -> list[Pattern]:
        """That a value has to match one of; with a context, those whose variables it fills in."""
        if self.name == "Bool":
            return [(Folded(str(boolean(text)).lower(), ascii=True),) for text in self.condition.wanted]
        found = [self._pieces(text) for text in self.condition.wanted]
        if context is not None:
            filled = (substituted(pattern, context) for pattern in found)
            found = [tuple(pattern) for pattern in filled if pattern is not None]
        return [self._in_any_case(pattern) if self.name.endswith("Case") else pattern for pattern in found]

    def _pieces(self, text: str) -> tuple[Piece, ...]:
        operands = Operands((), self.has_variables, negated=False, if_unfit=False)
        if self.name.startswith("Arn"):
            return bound(arn_pieces(operands, text))
        return operands.pieces(text, tokens if self.name.endswith("Like") else lambda part: (part,))

    def _in_any_case(self, pattern: tuple[Piece, ...]) -> Pattern:
        return tuple(
            FoldedVariable(part.key, part.context_key, part.default)
            if isinstance(part, Variable)
            else Folded(str(part).casefold())
            for part in pattern
        )

    def sure_patterns(self) -> list[Pattern]:
        """Those that match whatever fills them in. A value with a colon, in front of an ARN's last part, matches
        nothing there."""
        if not (self.name.startswith("Arn") and self.varies):
            return self.patterns(None)
        return [pattern for pattern in self.patterns(None) if not _varies_in_front(pattern)]


def _varies_in_front(pattern: Pattern) -> bool:
    colons = 0
    for part in pattern:
        if isinstance(part, Variable) and colons < ARN_PARTS - 1:
            return True
        colons += part.count(":") if isinstance(part, str) else 0
    return False


Want = tuple[Term, bool]
"""A condition that has to hold, or must not."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Values of a key: none, one or several of them, an example of each that was found."""

    found: tuple[Values, ...]
    refuted: bool
    """Proved: no values at all will do, whatever other keys have."""


def choose_values(wants: Sequence[Want], context: RequestContext | None, budget: Budget) -> Choices:
    """Without a context, for any: only what is refuted counts then, if one of the conditions has variables."""
    open_: list[Values] = []
    refuted = True
    for found in (_single(wants, context, budget), _missing(wants), _several(wants, context, budget)):
        refuted &= found.refuted
        open_ += found.found
    known = context or {}
    sure = [values for values in open_ if all(term.holds(values, known) is wanted for term, wanted in wants)]
    return Choices(tuple(sure), refuted)


_REFUTED, _UNKNOWN = Choices((), refuted=True), Choices((), refuted=False)


def _missing(wants: Sequence[Want]) -> Choices:
    holds = all(term.holds((), {}) is wanted for term, wanted in wants)
    return Choices(((),), refuted=False) if holds else _REFUTED


def _single(wants: Sequence[Want], context: RequestContext | None, budget: Budget) -> Choices:
    compared = [want for want in wants if want[0].name != "Null"]
    if any(term.holds(("a",), {}) is not wanted for term, wanted in wants if term.name == "Null"):
        return _REFUTED
    value, refuted = _value(compared, context, budget)
    if value is not None or not refuted:
        return Choices(() if value is None else ((value,),), refuted=False)
    return _empty_text(compared, context, budget)


def _empty_text(wants: Sequence[Want], context: RequestContext | None, budget: Budget) -> Choices:
    """The one value that set operators take for none."""
    varying = [(term, wanted) for term, wanted in wants if term.varies and not term.set_operator]
    fixed = [want for want in wants if want not in varying]
    if any(term.holds(("",), context or {}) is not wanted for term, wanted in fixed):
        return _REFUTED
    for is_arn in _arn_cases(varying):
        required, excluded = _narrowed(varying, context, is_arn=is_arn)
        if find_text(_NOTHING, required, excluded, budget, symbolic=context is None) is not None:
            return Choices((("",),), refuted=False)
    return _REFUTED


def _several(wants: Sequence[Want], context: RequestContext | None, budget: Budget) -> Choices:
    """A set operator asks something of each value, or that there be one of some kind; an operator without one is
    decided by there being several."""
    each: list[Want] = []
    some: list[Want] = []
    for term, wanted in wants:
        if not term.set_operator or term.name == "Null":
            if term.holds(_SEVERAL, {}) is not wanted:
                return _REFUTED
        elif (term.set_operator == _ALL) is wanted:
            each.append((term, wanted))
        else:
            some.append((term, wanted))
    values: list[str] = []
    for want in some:
        value, refuted = _value([*each, want], context, budget)
        if refuted:
            return _REFUTED
        if value is None:
            return _UNKNOWN
        values.append(value)
    if not values:
        value, _ = _value(each, context, budget)
        # Empty texts count for set operators as no values, and for others as several.
        values = [""] if value is None else [value]
    return Choices((tuple(values) if len(values) > 1 else (values[0],) * 2,), refuted=False)


def _value(wants: Sequence[Want], context: RequestContext | None, budget: Budget) -> tuple[str | None, bool]:
    """One that is not empty, as if it were the only one; and whether there is proof that there is none."""
    texts = [want for want in wants if want[0].type is None]
    candidates: list[str] = []
    types = {term.type for term, _ in wants if term.type is not None}
    for type_ in sorted(types):
        of_type = [want for want in wants if want[0].type == type_]
        regions = REGIONS[type_]([text for term, _ in of_type for text in term.condition.wanted])
        fit = [text for text in regions if text and _all_hold(of_type, text, context, budget)]
        if not fit:
            return None, True
        candidates += fit
    if len(types) == 1 and not texts:
        return candidates[0], False
    if not types:
        return _text(texts, context, budget)
    return _of_several_types(wants, candidates, context, budget)


def _of_several_types(
    wants: Sequence[Want], candidates: list[str], context: RequestContext | None, budget: Budget
) -> tuple[str | None, bool]:
    listed = _listed(wants)
    if listed is None:
        text, refuted = _text([want for want in wants if want[0].type is None], context, budget)
        if refuted:
            return None, True
        candidates += [] if text is None else [text]
    for text in candidates if listed is None else listed:
        if text and _all_hold(wants, text, context, budget):
            return text, False
    return None, listed is not None


def _all_hold(wants: Sequence[Want], text: str, context: RequestContext | None, budget: Budget) -> bool:
    """But for those with variables, where they have no values."""
    budget.take(sum(_STEPS_A_TERM + len(term.condition.wanted) // _VALUES_A_STEP for term, _ in wants))
    return all(
        term.holds((text,), context or {}) is wanted for term, wanted in wants if context is not None or not term.varies
    )


def _listed(wants: Iterable[Want]) -> list[str] | None:
    """All texts that one of the conditions leaves, if it names them one by one."""
    for term, wanted in wants:
        if term.name in {"StringEquals", "StringNotEquals"} and not term.varies and wanted is not term.negated:
            return ["".join(map(str, pattern)) for pattern in term.patterns(None)]
    return None


def _text(wants: Sequence[Want], context: RequestContext | None, budget: Budget) -> tuple[str | None, bool]:
    for is_arn in _arn_cases(wants):
        required, excluded = _narrowed(wants, context, is_arn=is_arn)
        found = find_text(_SOMETHING, required, excluded, budget, symbolic=context is None)
        if found is not None:
            return found, False
    return None, True


def _arn_cases(wants: Iterable[Want]) -> tuple[bool | None, ...]:
    return (True, False) if any(term.name.startswith("Arn") for term, _ in wants) else (None,)


def _narrowed(
    wants: Iterable[Want], context: RequestContext | None, *, is_arn: bool | None
) -> tuple[list[Collection[Pattern]], list[Pattern]]:
    """What a text has to match, a list each, and what it must not. Of what is no ARN, operators on ARNs say one thing,
    whatever it is."""
    required: list[Collection[Pattern]] = []
    excluded: list[Pattern] = []
    if is_arn is not None:
        (required.append([_ARN]) if is_arn else excluded.append(_ARN))
    for term, wanted in wants:
        if term.name.startswith("Arn") and not is_arn:
            if (term.negated and term.denies) is not wanted:
                required.append([])
        elif wanted is not term.negated:
            required.append(term.patterns(context))
        else:
            excluded += term.patterns(context) if context is not None else term.sure_patterns()
    return required, excluded
