"""Policy documents: from text to a form that can be evaluated, or a refusal that says why not.

The grammar is https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html. What a type of policy
does not have is refused when one is written, never ignored when it is evaluated.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar
from weakref import WeakValueDictionary

from domain.policy import sentences
from domain.policy.conditions import Condition, UnknownConditionError, condition
from domain.policy.decode import Json, decoded, object_in, refuse, text_in, texts_in, unquoted
from domain.policy.elements import Patterns, action_patterns, resource_patterns
from domain.policy.kept_readings import KeptReadings
from domain.policy.principals import KINDS, Principals, principals_in
from domain.policy.variables import RequestContext
from domain.policy.weights import Weight

# How long documents may be, in characters without white space, as `policy_size` counts them ("IAM and AWS STS
# quotas"). Of inline policies all those of one user, group or role count together; of session policies, all of one
# session. The caller knows which applies.
MANAGED_POLICY_CHARACTERS_MAX = 6_144
USER_INLINE_POLICIES_CHARACTERS_MAX = 2_048
GROUP_INLINE_POLICIES_CHARACTERS_MAX = 5_120
ROLE_INLINE_POLICIES_CHARACTERS_MAX = 10_240
TRUST_POLICY_CHARACTERS_MAX = 2_048
SESSION_POLICIES_CHARACTERS_MAX = 2_048
# White space counts in these two (AWS Organizations User Guide, "Quotas").
SCP_CHARACTERS_MAX = 10_240
RCP_CHARACTERS_MAX = 5_120

COMPILED_POLICIES_MAX = 4_096
READ_CHARACTERS_MAX = 4_194_304
"""Of stored policies that are kept as they were read."""
ACTIONS_REMEMBERED_PER_POLICY_MAX = 128
"""Of some hundred bytes each, which a small policy takes besides."""

_SID = re.compile("[0-9A-Za-z]*")
_ACTION = re.compile(r"\*|(?P<vendor>[A-Za-z0-9-]+):[A-Za-z0-9_*?-]+")
_RESOURCE = re.compile(r"arn:[a-z*?-]+:[a-z0-9-]+(?::.*)?", re.DOTALL)
_WILDCARD_IN_SERVICE = re.compile(r"arn:[^:]*:[^:]*[*?].*", re.DOTALL)
_WILDCARD_IN_TYPE = re.compile(r"arn:[^:]*:(?:iam|sts):[^:]*:[^:]*:(?!\*\Z)[^/]*[*?].*", re.DOTALL)


class Effect(StrEnum):
    ALLOW = "Allow"
    DENY = "Deny"


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
    fits: Callable[[str, RequestContext], bool] | None
    """Whether a resource is among them; None where every one is."""

    @property
    def resource_element(self) -> str:
        return "NotResource" if self.resources is not None and self.resources.negated else "Resource"


@dataclass(frozen=True, slots=True, eq=False)
class PolicyType:
    """Where a policy is attached, and what it may say there. A family whose documents have a grammar of their own makes
    one more. Raises TypeError when there is one of this name."""

    value: str
    elements: tuple[str, ...]
    """That a statement may have."""
    quota: tuple[int, str] | None = None
    """How many characters the linter takes for too many, and the code of that finding."""
    versions: frozenset[str] = frozenset({"2008-10-17", "2012-10-17"})
    free_sids: bool = False
    """Services other than IAM take more in the policies of their resources (IAM User Guide, "Sid")."""
    service: str | None = None
    """The only one of whose actions it may be about."""
    principal_kinds: tuple[str, ...] = tuple(KINDS)
    principal_code: str = "UNSUPPORTED_PRINCIPAL"
    """The code of the linter's finding where there is a Principal and it has none."""
    grants: bool = False
    """Whether its Allow gives something away; others only bound or trust."""
    check: Callable[["Statement", str], None] | None = None
    """What is to be refused besides, of a statement at a place in the document."""

    IDENTITY: ClassVar["PolicyType"]
    SESSION: ClassVar["PolicyType"]
    BOUNDARY: ClassVar["PolicyType"]
    TRUST: ClassVar["PolicyType"]
    RESOURCE: ClassVar["PolicyType"]
    SCP: ClassVar["PolicyType"]
    """A service control policy: what the principals of an account may do at most."""
    RCP: ClassVar["PolicyType"]
    """A resource control policy: what may be done at most with the resources of an account."""

    def __post_init__(self) -> None:
        if self.value in POLICY_TYPES:
            raise TypeError(f"There is a type of policies {self.value} already.")
        POLICY_TYPES[self.value] = self

    def __str__(self) -> str:
        return self.value


POLICY_TYPES: dict[str, PolicyType] = {}
"""By name."""


class StatementsByAction(dict[str, tuple[Statement, ...]]):
    """The statements whose Action or NotAction matches a lower-cased action, found when first asked for."""

    def __init__(self, statements: tuple[Statement, ...]) -> None:
        super().__init__()
        self._statements = statements
        weights = [statement.actions.weight for statement in statements]
        self.finding = Weight(sum(each.per_value for each in weights), sum(each.per_character for each in weights))
        """Of an action among their patterns."""

    def __missing__(self, action: str) -> tuple[Statement, ...]:
        found = tuple(statement for statement in self._statements if statement.actions.match(action, _NO_CONTEXT))
        # A simulation may ask about actions that no service has; those in use are remembered long before.
        if len(self) < ACTIONS_REMEMBERED_PER_POLICY_MAX:
            self[action] = found
        return found


_NO_CONTEXT: RequestContext = {}


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Policy:
    """One that was written before is read when first asked for more than its text and type (`compiled`)."""

    type: PolicyType
    version: str
    id: str | None
    statements: tuple[Statement, ...]
    sha256: str
    """Of the text in UTF-8, in hexadecimal digits."""
    text: str = field(repr=False)
    about: StatementsByAction = field(repr=False)

    @property
    def is_read(self) -> bool:
        try:
            object.__getattribute__(self, "about")
        except AttributeError:
            return False
        return True

    def __getattr__(self, name: str) -> object:
        """Only asked for what is not there: of a policy that was not read yet."""
        if name not in _READ:
            raise AttributeError(name)
        read = parse(self.text, self.type)
        for each in _READ:
            object.__setattr__(self, each, getattr(read, each))
        _KEPT.add(self)
        return getattr(read, name)

    def forget(self) -> None:
        """What was read, until it is asked for again."""
        for each in reversed(_READ):
            with suppress(AttributeError):
                object.__delattr__(self, each)


_READ = ("version", "id", "statements", "sha256", "about")
"""What is there once it was read, in this order: whoever has the last has all."""


_KEPT = KeptReadings(READ_CHARACTERS_MAX)


@lru_cache(maxsize=COMPILED_POLICIES_MAX)
def compiled(text: str, policy_type: PolicyType) -> Policy:
    """Of a stored document, which is evaluated over and over; there is one for each text, as long as somebody has it.
    It is not read yet: see `Policy.is_read`."""
    policy = _ALIVE.get((text, policy_type))
    if policy is None:
        policy = object.__new__(Policy)
        object.__setattr__(policy, "text", text)
        object.__setattr__(policy, "type", policy_type)
        _ALIVE[text, policy_type] = policy
    return policy


_ALIVE: WeakValueDictionary[tuple[str, PolicyType], Policy] = WeakValueDictionary()


def parse(text: str, policy_type: PolicyType) -> Policy:
    """Raises MalformedPolicyDocument, which names the statement, the element and the reason."""
    elements = object_in(decoded(text), "The policy", ("Version", "Id", "Statement"))
    version = text_in(elements.get("Version", "2008-10-17"), "Version")
    if version not in policy_type.versions:
        refuse(sentences.NO_VERSION, "Version", f"expected {' or '.join(sorted(policy_type.versions))}, got {version}")
    listed = elements.get("Statement", [])
    statements = tuple(
        _statement(statement, f"Statement[{index}]", index, policy_type, has_variables=version == "2012-10-17")
        for index, statement in enumerate(listed if isinstance(listed, list) else [listed])
    )
    if not statements:
        refuse(sentences.SYNTAX_ERRORS, "Statement", "expected at least one statement")
    sids = [statement.sid for statement in statements if statement.sid]
    if len(sids) > len(set(sids)):
        twice = next(sid for sid in sids if sids.count(sid) > 1)
        refuse(sentences.SIDS_NOT_UNIQUE, "Statement", f"{twice} is given twice")
    return Policy(
        policy_type,
        version,
        text_in(elements["Id"], "Id") if "Id" in elements else None,
        statements,
        hashlib.sha256(text.encode()).hexdigest(),
        text,
        StatementsByAction(statements),
    )


def _statement(value: Json, where: str, index: int, policy_type: PolicyType, *, has_variables: bool) -> Statement:
    elements = object_in(value, where, policy_type.elements)
    effect = _effect(elements.get("Effect"), f"{where}.Effect")
    denies = effect is Effect.DENY
    resources = None
    if "Resource" in policy_type.elements:
        resources = _resources(elements, where, has_variables=has_variables, denies=denies)
    statement = Statement(
        index,
        _sid(elements.get("Sid", ""), f"{where}.Sid", policy_type),
        effect,
        _actions(elements, where, policy_type),
        resources,
        _principals(elements, where, policy_type, effect) if "Principal" in policy_type.elements else None,
        tuple(_conditions(elements.get("Condition", {}), where, has_variables=has_variables, denies=denies)),
        None if resources is None or resources.is_everything else resources.match,
    )
    if policy_type.check is not None:
        policy_type.check(statement, where)
    return statement


def _sid(value: Json, where: str, policy_type: PolicyType) -> str | None:
    sid = text_in(value, where)
    if not policy_type.free_sids and not _SID.fullmatch(sid):
        refuse(sentences.SID_CHARACTERS, where, f'got "{sid}"')
    return sid or None


def _effect(value: Json, where: str) -> Effect:
    if not isinstance(value, str) or value not in {"Allow", "Deny"}:
        known = isinstance(value, str) and value.lower() in {"allow", "deny"}
        sentence = sentences.LEGACY_PARSING if known else sentences.SYNTAX_ERRORS
        refuse(sentence, where, f"expected Allow or Deny, got {json.dumps(value)}")
    return Effect(value)


def _actions(elements: Mapping[str, Json], where: str, policy_type: PolicyType) -> Patterns:
    element, texts = _either(elements, where, "Action")
    for action in texts:
        named = _ACTION.fullmatch(action)
        if not named:
            sentence = sentences.SEVERAL_COLONS if action.count(":") > 1 else sentences.NO_VENDOR
            refuse(sentence, f"{where}.{element}", f'expected * or an action such as iam:Get*, got "{action}"')
        if policy_type.service is not None and (named["vendor"] or "").lower() != policy_type.service:
            refuse(sentences.TRUST_ACTIONS_ONLY, f"{where}.{element}", f'got "{action}"')
    return action_patterns(texts, negated=element == "NotAction")


def _resources(elements: Mapping[str, Json], where: str, *, has_variables: bool, denies: bool) -> Patterns:
    element, texts = _either(elements, where, "Resource")
    for resource in texts:
        if resource != "*" and not _RESOURCE.fullmatch(resource):
            if _WILDCARD_IN_SERVICE.fullmatch(resource):
                refuse(sentences.VENDOR_WITH_WILDCARD, f"{where}.{element}", f"got {resource}")
            refuse(sentences.no_arn(resource), f"{where}.{element}")
        if _WILDCARD_IN_TYPE.fullmatch(resource.partition("${")[0] if has_variables else resource):
            # "Identify AWS resources with Amazon Resource Names", "Paths in ARNs". Of other services we do not know
            # which have types.
            detail = f"a type of resources without wildcards is expected, such as user/*; got {resource}"
            refuse(sentences.LEGACY_PARSING, f"{where}.{element}", detail)
    try:
        negated = element == "NotResource"
        return resource_patterns(texts, negated=negated, has_variables=has_variables, denies=denies)
    except ValueError as error:
        refuse(sentences.SYNTAX_ERRORS, f"{where}.{element}", str(error))


def _either(elements: Mapping[str, Json], where: str, name: str) -> tuple[str, tuple[str, ...]]:
    """Exactly one of, say, Action and NotAction, and what it lists."""
    if_none = sentences.missing(name)
    element = _one_of(elements, where, name, if_none)
    return element, texts_in(elements[element], f"{where}.{element}", if_none)


def _one_of(elements: Mapping[str, Json], where: str, name: str, if_none: str) -> str:
    negated = f"Not{name}" in elements
    if negated == (name in elements):
        refuse(sentences.SYNTAX_ERRORS if negated else if_none, where, f"expected either {name} or Not{name}")
    return f"Not{name}" if negated else name


def _principals(elements: Mapping[str, Json], where: str, policy_type: PolicyType, effect: Effect) -> Principals:
    element = _one_of(elements, where, "Principal", sentences.NO_PRINCIPAL)
    if element == "NotPrincipal" and effect is Effect.ALLOW:
        # It would let in whoever is not listed, anonymous callers too; AWS does not support it.
        refuse(sentences.SYNTAX_ERRORS, f"{where}.{element}", "goes with Deny only; expected Principal")
    kinds = policy_type.principal_kinds
    return principals_in(elements[element], f"{where}.{element}", kinds, negated=element == "NotPrincipal")


def _conditions(value: Json, where: str, *, has_variables: bool, denies: bool) -> Iterator[Condition]:
    for operator, keys in object_in(value, f"{where}.Condition").items():
        element = f"{where}.Condition.{operator}"
        for key, listed in object_in(keys, element).items():
            values: Json = [unquoted(item) for item in (listed if isinstance(listed, list) else [listed])]
            wanted = texts_in(values, f"{element}.{key}")
            try:
                yield condition(operator, key, wanted, has_variables=has_variables, denies=denies)
            except UnknownConditionError as unknown:
                refuse(unknown.sentence, element, unknown.detail)
            except ValueError as error:
                refuse(sentences.SYNTAX_ERRORS, element, str(error))


def _check_resource_control(statement: Statement, where: str) -> None:
    """A resource control policy denies, to everybody, actions of named services; the only one that allows is the one
    that lets everything through (AWS Organizations User Guide, "RCP syntax")."""
    assert statement.principals is not None
    assert statement.resources is not None
    if statement.principals.texts != ("*",):
        detail = f'expected "*" alone, got {", ".join(statement.principals.texts)}'
        refuse(sentences.SYNTAX_ERRORS, f"{where}.Principal", detail)
    actions = statement.actions.texts
    if statement.effect is Effect.ALLOW:
        if (actions, statement.resources.texts, statement.conditions) != (("*",), ("*",), ()):
            detail = "expected Deny; only RCPFullAWSAccess allows, everything, without conditions"
            refuse(sentences.SYNTAX_ERRORS, f"{where}.Effect", detail)
    elif "*" in actions:
        refuse(
            sentences.SYNTAX_ERRORS, f"{where}.Action", 'expected actions of a named service, such as sts:*, got "*"'
        )


_OF_WHO_IS_ATTACHED = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
_OF_ORGANIZATIONS = frozenset({"2012-10-17"})
_IDENTITY_QUOTA = (MANAGED_POLICY_CHARACTERS_MAX, "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA")
PolicyType.IDENTITY = PolicyType("identity", _OF_WHO_IS_ATTACHED, _IDENTITY_QUOTA, grants=True)
PolicyType.SESSION = PolicyType(
    "session", _OF_WHO_IS_ATTACHED, (SESSION_POLICIES_CHARACTERS_MAX, "POLICY_SIZE_EXCEEDS_QUOTA"), grants=True
)
PolicyType.BOUNDARY = PolicyType("boundary", _OF_WHO_IS_ATTACHED, _IDENTITY_QUOTA)
PolicyType.TRUST = PolicyType(
    "trust",
    ("Sid", "Effect", "Principal", "Action", "NotAction", "Condition"),
    (TRUST_POLICY_CHARACTERS_MAX, "POLICY_SIZE_EXCEEDS_QUOTA"),
    service="sts",
    # Canonical user ids are S3's: no role trusts one.
    principal_kinds=tuple(kind for kind in KINDS if kind != "CanonicalUser"),
)
# The policy of a resource has all elements that there are.
PolicyType.RESOURCE = PolicyType(
    "resource", ("Principal", "NotPrincipal", *_OF_WHO_IS_ATTACHED), free_sids=True, grants=True
)
PolicyType.SCP = PolicyType(
    "scp",
    _OF_WHO_IS_ATTACHED,
    (SCP_CHARACTERS_MAX, "POLICY_SIZE_EXCEEDS_SCP_QUOTA"),
    versions=_OF_ORGANIZATIONS,
    principal_code="SCP_SYNTAX_ERROR_PRINCIPAL",
)
PolicyType.RCP = PolicyType(
    "rcp",
    ("Sid", "Effect", "Principal", "Action", "Resource", "NotResource", "Condition"),
    (RCP_CHARACTERS_MAX, "POLICY_SIZE_EXCEEDS_RCP_QUOTA"),
    versions=_OF_ORGANIZATIONS,
    check=_check_resource_control,
)
