"""What the statements of policies say, as far as checks ask: of each document once, however often it is asked again."""

from collections.abc import Iterator
from functools import lru_cache

from domain.foundation.identifiers import account_of_arn
from domain.policy import Condition, Effect, PolicyType, Statement, compiled
from domain.policy.fixed_values import fixes
from domain.policy.pattern_relations import covers, overlap
from domain.policy.wildcards import ARN_PARTS, arn_parts

_DOCUMENTS_REMEMBERED = 1_024
_EXTERNAL_ID = "sts:externalid"
_ASKING_FOR_MFA = {
    "aws:multifactorauthpresent": ("Bool", "StringEquals"),
    "aws:multifactorauthage": ("NumericEquals", "NumericLessThan", "NumericLessThanEquals"),
}
"""Operators, by key. A request without MFA has neither key, or says false."""
_SUBJECT = ":sub"


def _allowing(document: str, policy_type: PolicyType = PolicyType.IDENTITY) -> Iterator[Statement]:
    return (each for each in compiled(document, policy_type).statements if each.effect is Effect.ALLOW)


@lru_cache(_DOCUMENTS_REMEMBERED)
def allows_everything(document: str) -> bool:
    """Whether a statement allows `*` on `*`, whatever its conditions."""
    return any(
        not statement.actions.negated
        and "*" in statement.actions.texts
        and statement.resources is not None
        and not statement.resources.negated
        and "*" in statement.resources.texts
        for statement in _allowing(document)
    )


@lru_cache(_DOCUMENTS_REMEMBERED)
def allows_whole_service(document: str) -> bool:
    """Whether a statement allows all actions of a service, such as `s3:*`, or all but some that it names."""
    return any(
        statement.actions.negated or any(set(text.rpartition(":")[2]) == {"*"} for text in statement.actions.texts)
        for statement in _allowing(document)
    )


@lru_cache(_DOCUMENTS_REMEMBERED)
def allows_on_all_kms_keys(document: str, actions: tuple[str, ...]) -> bool:
    """Whether a statement allows one of the actions of KMS, given as patterns, on all keys of an account in a Region,
    whatever its conditions."""
    return any(
        any(_allows_one(statement, action.lower()) for action in actions) and _is_about_all_keys(statement)
        for statement in _allowing(document)
    )


def _allows_one(statement: Statement, action: str) -> bool:
    """Whether it allows an action that the pattern matches."""
    texts = map(str.lower, statement.actions.texts)
    if statement.actions.negated:
        return not any(covers(text, action) for text in texts)
    return any(overlap(text, action) for text in texts)


def _is_about_all_keys(statement: Statement) -> bool:
    assert statement.resources is not None
    if statement.resources.negated:
        return True
    return any(map(_matches_all_keys, statement.resources.texts))


def _matches_all_keys(resource: str) -> bool:
    """What an ARN lacks of its six parts is completed with stars, as everywhere."""
    parts = arn_parts(resource + ":*" * (ARN_PARTS - 1 - resource.count(":")))
    return resource == "*" or (overlap(parts[2], "kms") and covers(parts[-1], "key/*"))


@lru_cache(_DOCUMENTS_REMEMBERED)
def trusts_everybody(document: str) -> bool:
    """Whether a trust policy lets anybody in, without a condition that tells them from everybody else."""
    return any(
        statement.principals is not None and statement.principals.everyone and not any(map(fixes, statement.conditions))
        for statement in _allowing(document, PolicyType.TRUST)
    )


@lru_cache(_DOCUMENTS_REMEMBERED)
def trusts_other_account(document: str, account_id: str) -> bool:
    """Whether a trust policy lets principals of another account in, or everybody, without asking for an external ID,
    for MFA or for where they belong."""
    for statement in _allowing(document, PolicyType.TRUST):
        assert statement.principals is not None
        named = {account_of_arn(name) for kind, name in statement.principals.names if kind == "AWS"}
        others = statement.principals.everyone or (statement.principals.account_ids | named) - {account_id, None}
        if others and not any(map(_limits_others, statement.conditions)):
            return True
    return False


@lru_cache(_DOCUMENTS_REMEMBERED)
def trusts_any_subject(document: str) -> bool:
    """Whether a trust policy lets in everybody for whom an OpenID Connect provider vouches, without a condition on the
    subject of the token (IAM User Guide, "Create a role for OpenID Connect federation")."""
    for statement in _allowing(document, PolicyType.TRUST):
        assert statement.principals is not None
        for kind, name in statement.principals.names:
            if kind != "Federated" or ":saml-provider/" in name:
                continue
            subject = (name.partition(":oidc-provider/")[2] or name).lower() + _SUBJECT
            if not any(fixes(each, {subject}) for each in statement.conditions):
                return True
    return False


def _limits_others(condition: Condition) -> bool:
    """Besides where they belong, an external ID does, and MFA."""
    if condition.operator in _ASKING_FOR_MFA.get(condition.context_key, ()):
        return "false" not in map(str.lower, condition.wanted)
    return fixes(condition) or fixes(condition, {_EXTERNAL_ID})


@lru_cache(_DOCUMENTS_REMEMBERED)
def trusts_somebody(document: str) -> bool:
    """Whether a trust policy lets anybody in at all."""
    return any(True for _ in _allowing(document, PolicyType.TRUST))
