"""The text of a policy as JSON, within bounds: no length and no nesting costs more than reading the text once."""

import json
import re
from collections import Counter
from typing import NoReturn

from domain.foundation.errors import MalformedPolicyDocument

TEXT_CHARACTERS_MAX = 131_072
"""White space included: what IAM's service model accepts as a policyDocumentType, checked before anything is parsed."""
NESTING_LEVELS_MAX = 6
"""The grammar needs no more: document, statements, statement, conditions, keys of an operator, values of a key."""
STRING_CHARACTERS_MAX = 10_240
"""Of one string: the largest policy that there is. White space does not count towards a policy's size, but makes the
patterns that hold it no cheaper: preparing one is quadratic in its length."""

_FORBIDDEN_CHARACTER = re.compile("[^\t\n\r\x20-\xff]")
_STRING_OR_NO_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[^\[{\]}"]+', re.DOTALL)

Json = None | bool | str | list["Json"] | dict[str, "Json"]


class JsonNumber(str):
    """A number of JSON as it was written: a condition compares texts, and no other element takes one."""

    __slots__ = ()


def refuse(where: str, reason: str) -> NoReturn:
    raise MalformedPolicyDocument(f"{where}: {reason}.")


def refuse_oversized(text: str) -> None:
    """Raises MalformedPolicyDocument for a text that is longer or deeper than any policy, or of other characters."""
    if len(text) > TEXT_CHARACTERS_MAX:
        refuse("The policy", f"expected at most {TEXT_CHARACTERS_MAX} characters, got {len(text)}")
    if found := _FORBIDDEN_CHARACTER.search(text):
        refuse("The policy", f"expected characters up to U+00FF, got U+{ord(found[0]):04X} at {found.start()}")
    levels = 0
    for bracket in _STRING_OR_NO_BRACKET.sub("", text):
        levels += 1 if bracket in "[{" else -1
        if levels > NESTING_LEVELS_MAX:
            refuse("The policy", f"Syntax errors in policy; nested more than {NESTING_LEVELS_MAX} levels deep")


def decoded(text: str) -> Json:
    """Raises MalformedPolicyDocument."""
    refuse_oversized(text)
    try:
        read: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        refuse("The policy", f"This policy contains invalid Json: {error}")
    return read


def object_in(value: Json, where: str, expected: tuple[str, ...] = ()) -> dict[str, Json]:
    """An object, whose names are the expected ones when there are any."""
    if not isinstance(value, dict):
        refuse(where, "Syntax errors in policy; expected an object")
    for name in value:
        if name in expected:
            continue
        text_in(name, where)
        if expected:
            prohibited = f"Has prohibited field {name}"
            reason = "Policy document should not specify a principal" if name == "Principal" else prohibited
            refuse(where, f"{reason}; expected only {', '.join(expected)}")
    return value


def text_in(value: Json, where: str) -> str:
    if type(value) is not str:
        refuse(where, "Syntax errors in policy; expected a string")
    if len(value) > STRING_CHARACTERS_MAX:
        refuse(where, f"expected strings of at most {STRING_CHARACTERS_MAX} characters, got {len(value)}")
    # An escape such as \u4e2d is no way around the characters that a document may have.
    if found := _FORBIDDEN_CHARACTER.search(value):
        refuse(where, f"expected characters up to U+00FF, got U+{ord(found[0]):04X}")
    return value


def texts_in(value: Json, where: str, if_none: str) -> tuple[str, ...]:
    """One string, or a list of at least one."""
    if value == []:
        refuse(where, if_none)
    return tuple(text_in(item, where) for item in (value if isinstance(value, list) else [value]))


def unquoted(value: Json) -> Json:
    """Conditions take numbers and Booleans without quotation marks too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, JsonNumber) else value


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """What names may look like, `object_in` says: here a bomb of many would cost too much."""
    members = dict(pairs)
    if len(members) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        twice = text_in(next(name for name in members if counted[name] > 1), "The policy")
        refuse("The policy", f'This policy contains invalid Json: the name "{twice}" appears twice in one object')
    return members


def _constant(name: str) -> NoReturn:
    refuse("The policy", f"This policy contains invalid Json: {name} is no JSON value")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_constant=_constant, parse_int=JsonNumber, parse_float=JsonNumber
)
