"""The Principal and NotPrincipal elements: whom a policy of a resource speaks of.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import NoReturn

from domain.policy import sentences
from domain.policy.decode import Json, object_in, refuse, texts_in

PrincipalName = tuple[str, str]
"""A kind of principal and a name of that kind: ("AWS", an ARN or unique id), ("Service", a domain name), ("Federated",
the ARN or domain name of an identity provider) or ("CanonicalUser", an id that S3 gives to an account)."""

_ACCOUNT = re.compile(r"(arn:[a-z-]+:iam::)?(?P<id>[0-9]{12})(?(1):root)")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
"""(STS API Reference, "AssumeRole".)"""
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_KINDS = {
    "AWS": re.compile(
        r"arn:[a-z-]+:(?:iam::[0-9]{12}:(?:user|role)/[!-~]+|sts::[0-9]{12}:(?:assumed-role/[!-.0-~]+/[!-~]+"
        r"|federated-user/[!-~]+))|(?:AIDA|AROA)[A-Z0-9]{12,124}"
    ),
    "Service": _DOMAIN,
    "Federated": re.compile(
        r"arn:[a-z-]+:iam::[0-9]{12}:(?:saml|oidc)-provider/[!-~]+"
        r"|cognito-identity\.amazonaws\.com|www\.amazon\.com|graph\.facebook\.com|accounts\.google\.com"
    ),
    "CanonicalUser": re.compile("[0-9a-f]{64}"),
}
KINDS = tuple(_KINDS)


@dataclass(frozen=True, slots=True)
class Principals:
    """Whom the element names; `negated` in NotPrincipal."""

    negated: bool
    everyone: bool
    account_ids: frozenset[str]
    """Whole accounts, named by number or by the ARN of their root."""
    names: frozenset[PrincipalName]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequestPrincipal:
    """Who asks, by all the names that a Principal element may have for them."""

    arn: str
    account_id: str | None
    """None for an AWS service and for a person whom an identity provider vouches for: they belong to no account."""
    names: frozenset[PrincipalName]
    """Of the principal itself: ARN and unique id of a user, ARN of a session, a service, an identity provider. The root
    user has none but its account."""
    issuer_names: frozenset[PrincipalName] = frozenset()
    """In a session: ARN and unique id of the role, or of the federating user, that it acts for."""
    is_any_session: bool = False
    """Where the session's name is not said: its ARN and its own name then have a placeholder that no session has."""


class Naming(IntEnum):
    """How a Principal element names who asks; the more directly, the greater."""

    NOT = 0
    ACCOUNT = 1
    ISSUER = 2
    EVERYONE = 3
    PRINCIPAL = 4


def principals_in(value: Json, where: str, kinds: tuple[str, ...], *, negated: bool) -> Principals:
    """Of these kinds. Raises MalformedPolicyDocument."""
    if value == "*":
        value = {"AWS": "*"}
    everyone = False
    account_ids, names, written = set(), set(), []
    for kind, listed in object_in(value, where, kinds).items():
        for text in texts_in(listed, f"{where}.{kind}"):
            written.append(text)
            if kind == "AWS" and text == "*":
                everyone = True
            elif kind == "AWS" and (account := _ACCOUNT.fullmatch(text)):
                account_ids.add(account["id"])
            elif _KINDS[kind].fullmatch(text) and "*" not in text and "?" not in text:
                names.add((kind, text))
            else:
                refuse_principal(where, kind, text)
    if everyone and negated:
        refuse(
            sentences.invalid_principal("AWS", "*"), where, "it leaves no principal; expected the principals to except"
        )
    if not written:
        refuse(sentences.NO_PRINCIPAL, where, "expected at least one principal")
    return Principals(negated, everyone, frozenset(account_ids), frozenset(names), tuple(written))


def refuse_principal(where: str, kind: str, text: str) -> NoReturn:
    if kind == "Federated" and not _DOMAIN.fullmatch(text):
        refuse(sentences.FEDERATED_NEITHER, where, f'got "{text}"')
    refuse(sentences.invalid_principal(kind, text), where)


def naming_of(principals: Principals, principal: RequestPrincipal | None, *, bounded: bool) -> Naming:
    """None is an anonymous caller. `bounded`: the principal has a permissions boundary, and then no NotPrincipal spares
    it ("IAM JSON policy elements: NotPrincipal")."""
    if principals.negated:
        return Naming.EVERYONE if bounded or not _is_excepted(principals, principal) else Naming.NOT
    if principal is not None and not principals.names.isdisjoint(principal.names):
        return Naming.PRINCIPAL
    if principals.everyone:
        return Naming.EVERYONE
    if principal is None:
        return Naming.NOT
    if not principals.names.isdisjoint(principal.issuer_names):
        return Naming.ISSUER
    return Naming.ACCOUNT if principal.account_id in principals.account_ids else Naming.NOT


def possible_sessions(principals: Principals, principal: RequestPrincipal | None) -> tuple[str, ...]:
    """Of a principal that may be any session: those that the element names, as it names them."""
    if principal is None or not principal.is_any_session:
        return ()
    prefix = principal.arn.rpartition("/")[0] + "/"
    return tuple(
        text
        for text in principals.texts
        if text.startswith(prefix)
        and _SESSION_NAME.fullmatch(text.removeprefix(prefix))
        and ("AWS", text) in principals.names
    )


def _is_excepted(principals: Principals, principal: RequestPrincipal | None) -> bool:
    """Whoever is to be spared must be listed whole: its account, and its user or role, and its session."""
    if principal is None:
        return False
    listed = [not principals.names.isdisjoint(names) for names in (principal.names, principal.issuer_names) if names]
    if principal.account_id is not None:
        listed.append(principal.account_id in principals.account_ids)
    return all(listed)
