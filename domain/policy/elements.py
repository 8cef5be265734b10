"""The Action and Resource elements of a statement, and their negations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.policy.pattern_lists import pattern_list
from domain.policy.variables import Piece, RequestContext, Variable, fixed, pieces, substituted
from domain.policy.weights import Weight
from domain.policy.wildcards import ARN_PARTS, Test, matcher, resource_starts_at, tokens


@dataclass(frozen=True, slots=True)
class Patterns:
    """What one element of a statement lists. `negated` in NotAction and NotResource: matches what no pattern does."""

    texts: tuple[str, ...]
    negated: bool
    variables: tuple[Variable, ...]
    match: Callable[[str, RequestContext], bool]
    weight: Weight

    @property
    def is_everything(self) -> bool:
        return self.texts == ("*",) and not self.negated


def action_patterns(texts: tuple[str, ...], *, negated: bool) -> Patterns:
    """Actions are case-insensitive: give `match` a lower-cased action."""
    test, weight = pattern_list([tokens(text.lower()) for text in texts])
    return Patterns(texts, negated, (), _matching(test, negated=negated), weight)


def resource_patterns(texts: tuple[str, ...], *, negated: bool, has_variables: bool, denies: bool) -> Patterns:
    """`has_variables`: the policy's version has them; `denies`: the statement does. Raises ValueError for a variable
    that is malformed, or stands where there can be none."""
    patterns = [resource_pieces(text, has_variables=has_variables) for text in texts]
    test, weight = pattern_list([pattern for pattern in map(fixed, patterns) if pattern is not None])
    varying = tuple(pattern for pattern in patterns if fixed(pattern) is None)
    variables = tuple(piece for pattern in varying for piece in pattern if isinstance(piece, Variable))
    if not varying:
        return Patterns(texts, negated, (), _matching(test, negated=negated), weight)
    match = _filling(test, varying, negated=negated, denies=denies)
    return Patterns(texts, negated, variables, match, weight.with_varying(varying))


def _matching(test: Test, *, negated: bool) -> Callable[[str, RequestContext], bool]:
    if negated:
        return lambda text, _context: not test(text)
    return lambda text, _context: test(text)


def _filling(
    fixed: Test, varying: Sequence[tuple[Piece, ...]], *, negated: bool, denies: bool
) -> Callable[[str, RequestContext], bool]:
    """A pattern with a variable that has no value matches no resource ("Policy variables with no value"). NotResource
    would then match every one: nobody is allowed by what is not known, and what is denied stays so."""

    def match(text: str, context: RequestContext) -> bool:
        if fixed(text):
            return not negated
        unknown = False
        for pattern in varying:
            filled = substituted(pattern, context)
            if filled is None:
                unknown = True
            elif matcher(filled)(text):
                return not negated
        return negated and (denies or not unknown)

    return match


def resource_pieces(text: str, *, has_variables: bool) -> tuple[Piece, ...]:
    """What an ARN lacks of its six parts is completed with stars ("IAM JSON policy elements: Resource")."""
    if text != "*":
        text += ":*" * (ARN_PARTS - 1 - text.count(":"))
    if not has_variables:
        return tokens(text, resource_starts_at(text))
    starts_at = resource_starts_at(text)
    if 0 <= text.find("${") < starts_at:
        raise ValueError(f"policy variables go into the last part of an ARN only, got {text}")
    return (*tokens(text[:starts_at], starts_at), *pieces(text[starts_at:], tokens))
