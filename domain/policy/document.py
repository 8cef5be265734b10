"""Policy documents: from text to a form that can be evaluated, or a refusal that says why not.

The grammar is https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html. What this form of the
language does not have is refused when a policy is written, never ignored when it is evaluated.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache, partial
from typing import NoReturn, Protocol

from domain.errors import MalformedPolicyDocument
from domain.policy.conditions import Condition, condition
from domain.policy.match import Patterns, action_patterns, resource_patterns

# How long documents may be, in characters without white space, as `policy_size` counts them ("IAM and AWS STS
# quotas"). Of inline policies all those of one user, group or role count together; of session policies, all of one
# session. The caller knows which applies.
MANAGED_POLICY_CHARACTERS_MAX = 6_144
USER_INLINE_POLICIES_CHARACTERS_MAX = 2_048
GROUP_INLINE_POLICIES_CHARACTERS_MAX = 5_120
ROLE_INLINE_POLICIES_CHARACTERS_MAX = 10_240
TRUST_POLICY_CHARACTERS_MAX = 2_048
SESSION_POLICIES_CHARACTERS_MAX = 2_048

_ELEMENTS = ("Version", "Id", "Statement")
_STATEMENT_ELEMENTS = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
_TRUST_STATEMENT_ELEMENTS = ("Sid", "Effect", "Principal", "Action", "NotAction", "Condition")

TEXT_CHARACTERS_MAX = 131_072
"""White space included: what IAM's service model accepts as a policyDocumentType, checked before anything is parsed."""
NESTING_LEVELS_MAX = 6
"""The grammar needs no more: document, statements, statement, conditions, keys of an operator, values of a key."""
STRING_CHARACTERS_MAX = ROLE_INLINE_POLICIES_CHARACTERS_MAX
"""Of one string. White space does not count towards a policy's size, but makes the patterns that hold it no cheaper:
preparing one is quadratic in its length."""
COMPILED_POLICIES_MAX = 4_096
ACTIONS_REMEMBERED_PER_POLICY_MAX = 1_024

_WHITE_SPACE = str.maketrans("", "", " \t\n\r")
_FORBIDDEN_CHARACTER = re.compile("[^\t\n\r\x20-\xff]")
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)
_SID = re.compile("[0-9A-Za-z]*")
_ACTION = re.compile(r"\*|(?P<vendor>[A-Za-z0-9-]+):[A-Za-z0-9_*?-]+")
_RESOURCE = re.compile(r"arn:[a-z*?-]+:[a-z0-9-]+:(?:[^:]*:[^:]*:.*|[^:]*:[^:]*\*|[^:]*\*)", re.DOTALL)
_WILDCARD_IN_TYPE = re.compile(r"arn:[^:]*:(?:iam|sts):[^:]*:[^:]*:(?!\*\Z)[^/]*[*?].*", re.DOTALL)
_ACCOUNT = re.compile(r"(arn:[a-z-]+:iam::)?(?P<id>[0-9]{12})(?(1):root)")
_PRINCIPALS = {
    "AWS": re.compile(
        r"arn:[a-z-]+:(?:iam::[0-9]{12}:(?:user|role)/[!-~]+|sts::[0-9]{12}:(?:assumed-role/[!-.0-~]+/[!-~]+"
        r"|federated-user/[!-~]+))|(?:AIDA|AROA)[A-Z0-9]{12,124}"
    ),
    "Service": re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+"),
    "Federated": re.compile(
        r"arn:[a-z-]+:iam::[0-9]{12}:(?:saml|oidc)-provider/[!-~]+"
        r"|cognito-identity\.amazonaws\.com|www\.amazon\.com|graph\.facebook\.com|accounts\.google\.com"
    ),
}


class PolicyType(StrEnum):
    """Where a policy is attached; the grammar differs."""

    IDENTITY = "identity"
    SESSION = "session"
    TRUST = "trust"


class Effect(StrEnum):
    ALLOW = "Allow"
    DENY = "Deny"


PrincipalName = tuple[str, str]
"""A kind of principal and a name of that kind: ("AWS", an ARN or unique id), ("Service", a domain name) or
("Federated", the ARN or domain name of an identity provider)."""


@dataclass(frozen=True, slots=True)
class Principals:
    """Whom a Principal element names."""

    everyone: bool
    account_ids: frozenset[str]
    """Whole accounts, named by number or by the ARN of their root."""
    names: frozenset[PrincipalName]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    index: int
    """Its place in the document, from 0."""
    sid: str | None
    effect: Effect
    actions: Patterns
    resources: Patterns | None
    """None in a trust policy, which is about the role that it is attached to."""
    principals: Principals | None
    """None where the policy is attached to the principal itself."""
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    type: PolicyType
    version: str
    id: str | None
    statements: tuple[Statement, ...]
    sha256: str
    """Of the text in UTF-8, in hexadecimal digits."""
    _about: dict[str, tuple[Statement, ...]] = field(default_factory=dict, repr=False)

    def about(self, action: str) -> tuple[Statement, ...]:
        """The statements whose Action or NotAction matches a lower-cased action."""
        statements = self._about.get(action)
        if statements is None:
            statements = tuple(statement for statement in self.statements if statement.actions.match(action))
            # A simulation may ask about actions that no service has; those in use are remembered long before.
            if len(self._about) < ACTIONS_REMEMBERED_PER_POLICY_MAX:
                self._about[action] = statements
        return statements


def policy_size(text: str) -> int:
    """The characters that count towards a limit: all but white space."""
    return len(text.translate(_WHITE_SPACE))


@lru_cache(maxsize=COMPILED_POLICIES_MAX)
def compiled(text: str, policy_type: PolicyType) -> Policy:
    """`parse` for stored documents, which are evaluated over and over."""
    return parse(text, policy_type)


Json = None | bool | str | list["Json"] | dict[str, "Json"]


class _Number(str):
    """A number of JSON as it was written: a condition compares texts, and no other element takes one."""

    __slots__ = ()


def parse(text: str, policy_type: PolicyType) -> Policy:
    """Raises MalformedPolicyDocument with a sentence that names the statement, the element and the reason."""
    elements = _object(_decoded(text), "The policy", _ELEMENTS)
    version = _text(elements.get("Version", "2008-10-17"), "Version")
    if version not in {"2008-10-17", "2012-10-17"}:
        _refuse("Version", f'expected "2012-10-17" or "2008-10-17", got "{version}"')
    listed = elements.get("Statement", [])
    statements = tuple(
        _statement(statement, index, policy_type, has_variables=version == "2012-10-17")
        for index, statement in enumerate(listed if isinstance(listed, list) else [listed])
    )
    if not statements:
        _refuse("Statement", "Syntax errors in policy; expected at least one statement")
    sids = [statement.sid for statement in statements if statement.sid]
    if len(sids) > len(set(sids)):
        _refuse("Statement", "Statement IDs (SID) in a single policy must be unique")
    return Policy(
        policy_type,
        version,
        _text(elements["Id"], "Id") if "Id" in elements else None,
        statements,
        hashlib.sha256(text.encode()).hexdigest(),
    )


def _statement(value: Json, index: int, policy_type: PolicyType, *, has_variables: bool) -> Statement:
    where = f"Statement[{index}]"
    is_trust = policy_type is PolicyType.TRUST
    elements = _object(value, where, _TRUST_STATEMENT_ELEMENTS if is_trust else _STATEMENT_ELEMENTS)
    if is_trust and "Principal" not in elements:
        _refuse(where, "Missing required field Principal")
    effect = _effect(elements.get("Effect"), f"{where}.Effect")
    check_action = partial(_check_action, is_trust=is_trust)
    check_resource = partial(_check_resource, has_variables=has_variables)
    denies = effect is Effect.DENY
    return Statement(
        index,
        _sid(elements.get("Sid", ""), f"{where}.Sid"),
        effect,
        _patterns(elements, where, "Action", check_action, action_patterns),
        None if is_trust else _patterns(elements, where, "Resource", check_resource, resource_patterns),
        _principals(elements["Principal"], f"{where}.Principal") if is_trust else None,
        tuple(_conditions(elements.get("Condition", {}), where, has_variables=has_variables, denies=denies)),
    )


def _sid(value: Json, where: str) -> str | None:
    sid = _text(value, where)
    if not _SID.fullmatch(sid):
        _refuse(where, f'Statement IDs (SID) must be alpha-numeric, got "{sid}"')
    return sid or None


def _effect(value: Json, where: str) -> Effect:
    if not isinstance(value, str) or value not in {"Allow", "Deny"}:
        _refuse(where, f"Syntax errors in policy; expected Allow or Deny, got {json.dumps(value)}")
    return Effect(value)


def _check_action(action: str, where: str, *, is_trust: bool) -> None:
    named = _ACTION.fullmatch(action)
    if not named:
        reason = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
        _refuse(where, f'{reason}; expected * or an action such as iam:Get*, got "{action}"')
    if is_trust and (named["vendor"] or "").lower() != "sts":
        _refuse(where, f'AssumeRole policy may only specify STS AssumeRole actions, got "{action}"')


def _check_resource(resource: str, where: str, *, has_variables: bool) -> None:
    if resource != "*" and not _RESOURCE.fullmatch(resource):
        _refuse(where, f'Resource {resource} must be in ARN format or "*"; the service has no wildcards')
    if _WILDCARD_IN_TYPE.fullmatch(resource):
        # "Identify AWS resources with Amazon Resource Names", "Paths in ARNs". Of other services we do not know
        # which have types.
        _refuse(where, f"Resource {resource} has a wildcard in the resource type, expected one such as user/*")
    if has_variables and "${" in resource:
        _refuse(where, f"policy variables are not supported yet, got {resource}")


class _Compile(Protocol):
    def __call__(self, texts: Iterable[str], *, negated: bool) -> Patterns: ...


def _patterns(
    elements: Mapping[str, Json], where: str, name: str, check: Callable[[str, str], None], compile_: _Compile
) -> Patterns:
    """Exactly one of, say, Action and NotAction."""
    negated = f"Not{name}" in elements
    if negated == (name in elements):
        reason = "Syntax errors in policy" if negated else f"Policy statement must contain {name.lower()}s"
        _refuse(where, f"{reason}; expected either {name} or Not{name}")
    element = f"Not{name}" if negated else name
    texts = _texts(elements[element], f"{where}.{element}", f"Policy statement must contain {name.lower()}s")
    for text in texts:
        check(text, f"{where}.{element}")
    return compile_(texts, negated=negated)


def _principals(value: Json, where: str) -> Principals:
    if value == "*":
        value = {"AWS": "*"}
    everyone = False
    account_ids, names, written = set(), set(), []
    for kind, listed in _object(value, where, tuple(_PRINCIPALS)).items():
        for text in _texts(listed, f"{where}.{kind}", "Syntax errors in policy; expected at least one principal"):
            written.append(text)
            if kind == "AWS" and text == "*":
                everyone = True
            elif kind == "AWS" and (account := _ACCOUNT.fullmatch(text)):
                account_ids.add(account["id"])
            elif _PRINCIPALS[kind].fullmatch(text) and "*" not in text and "?" not in text:
                names.add((kind, text))
            else:
                _refuse(where, f'Invalid principal in policy: "{kind}":"{text}"')
    if not written:
        _refuse(where, "Missing required field Principal; expected at least one principal")
    return Principals(everyone, frozenset(account_ids), frozenset(names), tuple(written))


def _conditions(value: Json, where: str, *, has_variables: bool, denies: bool) -> Iterator[Condition]:
    for operator, keys in _object(value, f"{where}.Condition").items():
        element = f"{where}.Condition.{operator}"
        for key, listed in _object(keys, element).items():
            values = [_unquoted(item) for item in (listed if isinstance(listed, list) else [listed])]
            wanted = _texts(values, f"{element}.{key}", "Syntax errors in policy; expected at least one value")
            try:
                yield condition(operator, key, wanted, has_variables=has_variables, denies=denies)
            except ValueError as error:
                _refuse(element, str(error))


def _unquoted(value: Json) -> Json:
    """Conditions take numbers and Booleans without quotation marks too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, _Number) else value


def _refuse(where: str, reason: str) -> NoReturn:
    raise MalformedPolicyDocument(f"{where}: {reason}.")


def _object(value: Json, where: str, expected: tuple[str, ...] = ()) -> dict[str, Json]:
    """An object, whose names are the expected ones when there are any."""
    if not isinstance(value, dict):
        _refuse(where, "Syntax errors in policy; expected an object")
    for name in value:
        if expected and name not in expected:
            prohibited = f"Has prohibited field {name}"
            reason = "Policy document should not specify a principal" if name == "Principal" else prohibited
            _refuse(where, f"{reason}; expected only {', '.join(expected)}")
    return value


def _text(value: Json, where: str) -> str:
    if type(value) is not str:
        _refuse(where, "Syntax errors in policy; expected a string")
    if len(value) > STRING_CHARACTERS_MAX:
        _refuse(where, f"expected strings of at most {STRING_CHARACTERS_MAX} characters, got {len(value)}")
    # An escape such as \u4e2d is no way around the characters that a document may have.
    if found := _FORBIDDEN_CHARACTER.search(value):
        _refuse(where, f"expected characters up to U+00FF, got U+{ord(found[0]):04X}")
    return value


def _texts(value: Json, where: str, if_none: str) -> tuple[str, ...]:
    """One string, or a list of at least one."""
    if value == []:
        _refuse(where, if_none)
    return tuple(_text(item, where) for item in (value if isinstance(value, list) else [value]))


def _decoded(text: str) -> Json:
    """Bounds come first: no length and no nesting costs more than reading the text once."""
    if len(text) > TEXT_CHARACTERS_MAX:
        _refuse("The policy", f"expected at most {TEXT_CHARACTERS_MAX} characters, got {len(text)}")
    if found := _FORBIDDEN_CHARACTER.search(text):
        _refuse("The policy", f"expected characters up to U+00FF, got U+{ord(found[0]):04X} at {found.start()}")
    levels = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        levels += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if levels > NESTING_LEVELS_MAX:
            _refuse("The policy", f"Syntax errors in policy; nested more than {NESTING_LEVELS_MAX} levels deep")
    try:
        decoded: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        _refuse("The policy", f"This policy contains invalid Json: {error}")
    return decoded


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members: dict[str, Json] = {}
    for name, value in pairs:
        if _text(name, "The policy") in members:
            _refuse("The policy", f'This policy contains invalid Json: the name "{name}" stands twice in one object')
        members[name] = value
    return members


def _constant(name: str) -> NoReturn:
    _refuse("The policy", f"This policy contains invalid Json: {name} is no JSON value")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_constant=_constant, parse_int=_Number, parse_float=_Number
)
