"""Policy variables: the parts of a policy that each request fills in (docs/adr/0016).

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from sys import intern

from domain.policy.wildcards import Token

RequestContext = Mapping[str, tuple[str, ...]]
"""Condition keys, lower-cased, with their values in this request. No values is the same as no key."""
NO_VALUES: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variable:
    """Such as ${aws:username, 'nobody'}."""

    key: str
    """As it is spelt."""
    context_key: str
    default: str | None

    def value(self, context: RequestContext) -> str | None:
        """None when the request has no value for it, or several, and the policy names none instead."""
        present = context.get(self.context_key)
        return present[0] if present is not None and len(present) == 1 else self.default


Piece = Token | Variable


def pieces(text: str, read: Callable[[str], Iterable[Token]]) -> tuple[Piece, ...]:
    """The text with its variables taken out of it; `read` takes apart what stands between them. The escapes ${*}, ${?}
    and ${$} are characters like any other. Raises ValueError for what begins like a variable and is none."""
    found: list[Piece] = []
    for part in _parts(text):
        if isinstance(part, Variable):
            found.append(part if part.context_key else part.key)
        elif part:
            found.extend(read(part))
    return tuple(found)


def _parts(text: str) -> Iterator[str | Variable]:
    """An escape is given as a variable that no request can fill in."""
    end = 0
    while (start := text.find("${", end)) >= 0:
        yield text[end:start]
        variable, end = _variable(text, start + 2)
        yield variable
    yield text[end:]


def _variable(text: str, start: int) -> tuple[Variable, int]:
    """What begins there, behind the bracket, and where it ends."""
    escaped = text[start : start + 1]
    if escaped and escaped in "*?$" and text[start + 1 : start + 2] == "}":
        return Variable(escaped, "", None), start + 2
    closing, comma = text.find("}", start), text.find(",", start)
    if closing < 0:
        raise ValueError(f'the policy variable that begins at "{text[start - 2 : start + 30]}" has no end')
    default, end = None, closing + 1
    if 0 <= comma < closing:
        default, end = _default(text, comma + 1)
    key = text[start : closing if default is None else comma].strip()
    vendor, colon, name = key.partition(":")
    if not (vendor and colon and name) or any(character in "*?${'" for character in key):
        raise ValueError(f'"{key}" is no policy variable, expected a key such as aws:username')
    return Variable(key, intern(key.lower()), default), end


def _default(text: str, start: int) -> tuple[str, int]:
    """A text in single quotation marks, of which two stand for one, and where the variable ends behind it."""
    opening = len(text) - len(text[start:].lstrip(" "))
    at = opening + 1
    while text[opening : opening + 1] == "'" and (quote := text.find("'", at)) >= 0:
        if text[quote + 1 : quote + 2] == "'":
            at = quote + 2
            continue
        end = len(text) - len(text[quote + 1 :].lstrip(" "))
        if text[end : end + 1] == "}":
            return text[opening + 1 : quote].replace("''", "'"), end + 1
        break
    raise ValueError("the default of a policy variable is in single quotation marks, such as ${aws:username, 'x'}")


def substituted(pattern: Sequence[Piece], context: RequestContext) -> list[Token] | None:
    """With the request's values, which stand for themselves whatever characters they have; None when one is missing."""
    found: list[Token] = []
    for piece in pattern:
        if isinstance(piece, Variable):
            value = piece.value(context)
            if value is None:
                return None
            piece = value  # noqa: PLW2901  from here on like a text of the policy
        found.append(piece)
    return found


def fixed(pattern: Sequence[Piece]) -> tuple[Token, ...] | None:
    """The pattern itself if it is the same for every request; None if it has variables."""
    found = tuple(piece for piece in pattern if not isinstance(piece, Variable))
    return found if len(found) == len(pattern) else None
