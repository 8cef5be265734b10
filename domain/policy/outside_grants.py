"""Whom outside its account a trust policy lets take on the role.

Sound: wherever a principal outside could be let in, there is a grant. A Deny takes a grant away only where it denies
whatever the grant allows. What is found here is folded into accounts: since when a role has made each grant.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from domain.policy.conditions import Condition
from domain.policy.document import Effect, PolicyType, Statement, compiled
from domain.policy.fixed_values import fixes, tenant_keys

TAKING_ON = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
ACTIONS = (*TAKING_ON, "sts:SetContext", "sts:SetSourceIdentity", "sts:TagSession")
"""Those that a trust policy is asked for. Without one of the first nobody takes on the role."""
EVERYONE = "*"
_NO_CONTEXT: Mapping[str, tuple[str, ...]] = {}
_OF_KIND = {"AWS": frozenset(TAKING_ON[1:]), "Federated": frozenset(TAKING_ON[:1])}
"""The actions that nobody of that kind calls."""
_ACCOUNT_OPERATORS = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike"})
_ARN_OPERATORS = _ACCOUNT_OPERATORS | {"ArnEquals", "ArnLike"}


@dataclass(frozen=True, slots=True)
class OutsideGrant:
    kind: str
    """AWS, Federated or CanonicalUser."""
    name: str
    """An account id, an ARN, a unique id, an identity provider; or everyone."""
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Operator, key and values, in their order."""
    actions: tuple[str, ...]
    is_public: bool
    """Whether strangers are let in, as CheckNoPublicAccess means them. It is told of a statement by itself: those whom
    only a Deny keeps out are let in here, and are not for CheckNoPublicAccess, which reads the whole policy."""

    @property
    def key(self) -> str:
        """By which it is the same grant in another text: whom it lets in and on what conditions."""
        said = json.dumps([self.kind, self.name, self.conditions], ensure_ascii=False)
        return sha256(said.encode()).hexdigest()


def outside_grants(document: str, account_id: str) -> list[OutsideGrant]:
    """Of a stored trust policy, in the order of their keys. AWS services are trusted: they act for whoever has told
    them to (IAM User Guide, "Findings for public and cross-account access").

    Raises MalformedPolicyDocument.
    """
    statements = compiled(document, PolicyType.TRUST).statements
    denies = [each for each in statements if each.effect is Effect.DENY]
    found: dict[str, OutsideGrant] = {}
    for statement in statements:
        if statement.effect is not Effect.ALLOW or _is_within(statement.conditions, account_id):
            continue
        for grant in _granted(statement, account_id, denies):
            former = found.get(grant.key)
            actions = {*grant.actions, *(former.actions if former else ())}
            ordered = tuple(action for action in ACTIONS if action in actions)
            found[grant.key] = OutsideGrant(grant.kind, grant.name, grant.conditions, ordered, grant.is_public)
    return [found[key] for key in sorted(found) if not set(TAKING_ON).isdisjoint(found[key].actions)]


def _granted(statement: Statement, account_id: str, denies: Sequence[Statement]) -> Iterator[OutsideGrant]:
    conditions = tuple(sorted((each.operator, each.key, tuple(sorted(each.wanted))) for each in statement.conditions))
    allowed = _actions(statement)
    for kind, name in sorted(_outsiders(statement, account_id)):
        denied = {action for each in denies if _denies(each, kind, name, account_id) for action in _actions(each)}
        unusable = _OF_KIND.get(kind, frozenset()) if name != EVERYONE else frozenset()
        actions = tuple(action for action in allowed if action not in denied | unusable)
        tenants = tenant_keys(name) if kind == "Federated" else ()
        is_of_anybody = name == EVERYONE or bool(tenants)
        is_public = is_of_anybody and not any(fixes(each) or fixes(each, tenants) for each in statement.conditions)
        yield OutsideGrant(kind, name, conditions, actions, is_public)


def _actions(statement: Statement) -> list[str]:
    return [action for action in ACTIONS if statement.actions.match(action.lower(), _NO_CONTEXT)]


def _outsiders(statement: Statement, account_id: str) -> Iterator[tuple[str, str]]:
    principals = statement.principals
    assert principals is not None, "A statement of a trust policy has principals."
    if principals.everyone or principals.negated:
        yield "AWS", EVERYONE
        return
    for other in principals.account_ids - {account_id}:
        yield "AWS", other
    for kind, name in principals.names:
        if kind == "Federated" or (kind != "Service" and _account_of(name) != account_id):
            yield kind, name


def _account_of(name: str) -> str | None:
    """None of what does not say it: a unique id may be anybody's."""
    parts = name.split(":", 5)
    return parts[4] if len(parts) == 6 else None  # noqa: PLR2004  an ARN has six parts


def _denies(deny: Statement, kind: str, name: str, account_id: str) -> bool:
    """Whether it denies its actions to all who are so called, whatever the request says."""
    principals = deny.principals
    if (
        principals is None
        or principals.negated
        or not all(_is_of_outside(each, account_id) for each in deny.conditions)
    ):
        return False
    if principals.everyone or (kind, name) in principals.names:
        return True
    return kind == "AWS" and (name in principals.account_ids or _account_of(name) in principals.account_ids)


def _is_within(conditions: Sequence[Condition], account_id: str) -> bool:
    """Whether they hold for principals of the account alone."""
    return any(
        (
            (each.context_key == "aws:principalaccount" and each.operator in _ACCOUNT_OPERATORS)
            and all(value == account_id for value in each.wanted)
        )
        or (
            (each.context_key == "aws:principalarn" and each.operator in _ARN_OPERATORS)
            and all(_is_arn_within(value, account_id) for value in each.wanted)
        )
        for each in conditions
    )


def _is_arn_within(pattern: str, account_id: str) -> bool:
    """Whatever the pattern matches: nothing before the account's id is left open."""
    return _account_of(pattern) == account_id and not set("*?$") & set(":".join(pattern.split(":", 5)[:5]))


def _is_of_outside(condition: Condition, account_id: str) -> bool:
    """Whether, in a Deny, it holds for everybody who is not of the account: who has no account is none of it."""
    return (
        condition.context_key == "aws:principalaccount"
        and condition.operator in {"StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike"}
        and all(value == account_id for value in condition.wanted)
    )
