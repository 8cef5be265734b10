"""The text of a policy as JSON, within bounds: no length and no nesting costs more than reading the text once."""

import json
import re
from collections import Counter
from typing import NoReturn

from domain.foundation.errors import MalformedPolicyDocument
from domain.policy import sentences

TEXT_CHARACTERS_MAX = 131_072
"""White space included: what IAM's service model accepts as a policyDocumentType, checked before anything is parsed."""
NESTING_LEVELS_MAX = 6
"""The grammar needs no more: document, statements, statement, conditions, keys of an operator, values of a key."""
STRING_CHARACTERS_MAX = 10_240
"""Of one string: the largest policy that there is. White space does not count towards a policy's size, but makes the
patterns that hold it no cheaper: preparing one is quadratic in its length."""

_POLICY = "The policy"
_WHITE_SPACE = str.maketrans("", "", " \t\n\r")
_FORBIDDEN_CHARACTER = re.compile("[^\t\n\r\x20-\xff]")
_STRING_OR_NO_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[^\[{\]}"]+', re.DOTALL)

Json = None | bool | str | list["Json"] | dict[str, "Json"]


class JsonNumber(str):
    """A number of JSON as it was written: a condition compares texts, and no other element takes one."""

    __slots__ = ()


def refuse(sentence: str, where: str, detail: str = "") -> NoReturn:
    """In IAM's sentence, with the place and what is wrong there."""
    raise MalformedPolicyDocument(sentence, f"{where}: {detail}" if detail else where)


def refuse_oversized(text: str) -> None:
    """Raises MalformedPolicyDocument for a text that is longer or deeper than any policy, or of other characters."""
    if len(text) > TEXT_CHARACTERS_MAX:
        refuse(sentences.SYNTAX_ERRORS, _POLICY, f"expected at most {TEXT_CHARACTERS_MAX} characters, got {len(text)}")
    if found := _FORBIDDEN_CHARACTER.search(text):
        detail = f"expected characters up to U+00FF, got U+{ord(found[0]):04X} at {found.start()}"
        refuse(sentences.SYNTAX_ERRORS, _POLICY, detail)
    levels = 0
    for bracket in _STRING_OR_NO_BRACKET.sub("", text):
        levels += 1 if bracket in "[{" else -1
        if levels > NESTING_LEVELS_MAX:
            refuse(sentences.SYNTAX_ERRORS, _POLICY, f"expected at most {NESTING_LEVELS_MAX} levels of nesting")


def policy_size(text: str) -> int:
    """The characters that count towards a limit: all but white space."""
    return len(text.translate(_WHITE_SPACE))


def new_policy_size(text: str) -> int:
    """`policy_size` of a document that nobody has parsed, for its limit to be looked at before it is. Raises
    MalformedPolicyDocument for what is a bomb rather than a policy that is too long."""
    refuse_oversized(text)
    return policy_size(text)


def decoded(text: str) -> Json:
    """Raises MalformedPolicyDocument."""
    refuse_oversized(text)
    try:
        read: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        refuse(sentences.INVALID_JSON, _POLICY, str(error))
    return read


def object_in(value: Json, where: str, expected: tuple[str, ...] = ()) -> dict[str, Json]:
    """An object, whose names are the expected ones when there are any."""
    if not isinstance(value, dict):
        refuse(sentences.SYNTAX_ERRORS, where, f"expected an object, got {_named(value)}")
    for name in value:
        if name in expected:
            continue
        text_in(name, where)
        if expected:
            refuse(_prohibited(name, expected), where, f"expected only {', '.join(expected)}, got {name}")
    return value


def _prohibited(name: str, expected: tuple[str, ...]) -> str:
    """What IAM says of an element that is none of the expected ones."""
    if name.lower() in map(str.lower, expected):
        return sentences.LEGACY_PARSING
    if name in {"Principal", "NotPrincipal"} and "Principal" not in expected:
        return sentences.PRINCIPAL_SPECIFIED
    takes_no_principal = "Version" in expected or ("Resource" in expected and "Principal" not in expected)
    return sentences.SYNTAX_ERRORS if takes_no_principal else sentences.prohibited(name)


def text_in(value: Json, where: str) -> str:
    if type(value) is not str:
        refuse(sentences.SYNTAX_ERRORS, where, f"expected a string, got {_named(value)}")
    if len(value) > STRING_CHARACTERS_MAX:
        detail = f"expected strings of at most {STRING_CHARACTERS_MAX} characters, got {len(value)}"
        refuse(sentences.SYNTAX_ERRORS, where, detail)
    # An escape such as \u4e2d is no way around the characters that a document may have.
    if found := _FORBIDDEN_CHARACTER.search(value):
        refuse(sentences.SYNTAX_ERRORS, where, f"expected characters up to U+00FF, got U+{ord(found[0]):04X}")
    return value


def texts_in(value: Json, where: str, if_none: str = sentences.SYNTAX_ERRORS) -> tuple[str, ...]:
    """One string, or a list of at least one."""
    if value == []:
        refuse(if_none, where, "expected at least one string, got an empty list")
    if not isinstance(value, list) and type(value) is not str:
        refuse(sentences.SYNTAX_ERRORS, where, f"expected a string or a list of strings, got {_named(value)}")
    return tuple(text_in(item, where) for item in (value if isinstance(value, list) else [value]))


def _named(value: Json) -> str:
    """The type of a value, as JSON calls it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a Boolean"
        case JsonNumber():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"


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
        twice = text_in(next(name for name in members if counted[name] > 1), _POLICY)
        refuse(sentences.LEGACY_PARSING, _POLICY, f'the name "{twice}" appears twice in one object')
    return members


def _constant(name: str) -> NoReturn:
    refuse(sentences.INVALID_JSON, _POLICY, f"{name} is no JSON value")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_constant=_constant, parse_int=JsonNumber, parse_float=JsonNumber
)
