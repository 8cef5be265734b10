"""Principals that stand for all: nobody whom policies tell apart is missing.

A Principal element names accounts, ARNs and ids, one by one and without wildcards. So there are only so many ways in
which it can name somebody: those that are written out here, each with one that stands for all others of its kind.
"""

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Self

from domain.policy.comparison.budget import Budget
from domain.policy.comparison.literals import Literal
from domain.policy.document import Policy, PolicyType
from domain.policy.principals import Naming, PrincipalName, Principals, RequestPrincipal, naming_of

_ARN = re.compile(r"arn:[a-z-]+:(?:iam|sts)::([0-9]{12}):(user|role|assumed-role|federated-user)/(?:.*/)?([^/]+)")
_STRANGERS = range(999_999_999_999, 0, -1)
_SOMEBODY, _SOME_ROLE, _SOME_SESSION = (
    "arn:aws:iam::{}:user/somebody",
    "arn:aws:iam::{}:role/some-role",
    "arn:aws:sts::{}:assumed-role/some-role/some-session",
)
_OTHERS = (("Service", "someservice.amazonaws.com"), ("Federated", "arn:aws:iam::{}:saml-provider/some-provider"))

_Names = list[PrincipalName]
_STEPS_A_PRINCIPAL = 10


@dataclass(frozen=True, slots=True)
class Somebody:
    principal: RequestPrincipal | None
    """None is an anonymous caller."""
    bounded: bool
    """Whether they have a permissions boundary, which no NotPrincipal spares."""
    asked: tuple[Literal, ...] = ()
    """What is so of each request that they may make."""


People = list[tuple[Sequence[Naming], Somebody]]
"""With how each statement, of all policies that are compared, names them."""


def attached() -> Somebody:
    """Of a policy that is attached to who asks."""
    arn = _SOMEBODY.format(_STRANGERS[0])
    return Somebody(RequestPrincipal(arn, str(_STRANGERS[0]), frozenset({("AWS", arn)})), bounded=False)


def everybody(policies: Sequence[Policy], budget: Budget) -> People:
    """One for each way in which the statements name somebody."""
    elements = elements_of(policies)
    named = [each for each in elements if each is not None]
    if not named:
        return [((Naming.PRINCIPAL,) * len(elements), attached())]
    boundaries = (False, True) if any(each.negated for each in named) else (False,)
    found: dict[Hashable, tuple[Sequence[Naming], Somebody]] = {}
    for principal in _principals(named):
        for bounded in boundaries if _has_account(principal) else (False,):
            budget.take(_STEPS_A_PRINCIPAL + len(elements))
            namings = namings_of(elements, principal, bounded=bounded)
            found.setdefault((_has_account(principal), namings), (namings, Somebody(principal, bounded)))
    return list(found.values())


def elements_of(policies: Iterable[Policy]) -> list[Principals | None]:
    return [statement.principals for policy in policies for statement in policy.statements]


def namings_of(
    elements: Iterable[Principals | None], principal: RequestPrincipal | None, *, bounded: bool = False
) -> tuple[Naming, ...]:
    return tuple(Naming.PRINCIPAL if each is None else naming_of(each, principal, bounded=bounded) for each in elements)


def strangers(elements: Iterable[Principals | None]) -> list[RequestPrincipal | None]:
    """An anonymous caller, and a user of an account that nobody has named."""
    named = _Named.in_elements([each for each in elements if each is not None])
    arn = _SOMEBODY.format(named.unnamed)
    return [None, RequestPrincipal(arn, named.unnamed, frozenset({("AWS", arn)}))]


def grade(naming: Naming, principal: RequestPrincipal | None, policy_type: PolicyType) -> Naming:
    """What an Allow gives somebody whom it names like this (`evaluate`): naming everyone is naming each, but that a
    role's everyone has an account."""
    if naming is not Naming.EVERYONE:
        return naming
    return Naming.NOT if policy_type is PolicyType.TRUST and not _has_account(principal) else Naming.PRINCIPAL


def _has_account(principal: RequestPrincipal | None) -> bool:
    return principal is not None and principal.account_id is not None


def _principals(elements: list[Principals]) -> Iterator[RequestPrincipal | None]:
    named = _Named.in_elements(elements)
    yield None
    others = (named.other(kind, text.format(named.unnamed)) for kind, text in _OTHERS)
    for kind, name in [*others, *sorted(named.names)]:
        if kind in {"Service", "Federated"}:
            yield RequestPrincipal(name, None, frozenset({(kind, name)}))
    for account in [named.unnamed, *sorted(named.accounts)]:
        for own, issuer in named.of_account(account):
            arn = own[0][1] if own else f"arn:aws:iam::{account}:root"
            for also in named.canonical:
                yield RequestPrincipal(arn, account, frozenset([*own, *also]), frozenset(issuer))


class _Named:
    """What Principal elements name, by accounts and kinds."""

    def __init__(self, names: frozenset[PrincipalName], account_ids: Iterable[str]) -> None:
        self.names = names
        self.arns: dict[str, dict[str, dict[str, str]]] = {}
        """By account and kind: ARNs, with the last parts of their names."""
        self.ids: list[_Names] = [[]]
        self.canonical: list[_Names] = [[]]
        for kind, text in sorted(names):
            if kind == "CanonicalUser":
                self.canonical.append([(kind, text)])
            elif kind == "AWS" and (arn := _ARN.fullmatch(text)):
                self.arns.setdefault(arn[1], {}).setdefault(arn[2], {})[text] = arn[3]
            elif kind == "AWS":
                self.ids.append([(kind, text)])
        self.accounts = {*account_ids, *self.arns}
        self.unnamed = next(account for account in map(str, _STRANGERS) if account not in self.accounts)

    @classmethod
    def in_elements(cls, elements: Collection[Principals]) -> Self:
        return cls(
            frozenset(name for each in elements for name in each.names),
            {account for each in elements for account in each.account_ids},
        )

    def other(self, kind: str, text: str) -> PrincipalName:
        """Changed until it is no name that is written."""
        while (kind, text) in self.names:
            text += "x"
        return kind, text

    def of_account(self, account: str) -> Iterator[tuple[_Names, _Names]]:
        """Names of somebody's own, and of the role or user that they act for: the root user, users, sessions. An id
        does not tell whose it is, so it may be anybody's."""
        somebody, some_role, some_session = (
            self.other("AWS", form.format(account))[1] for form in (_SOMEBODY, _SOME_ROLE, _SOME_SESSION)
        )
        of: dict[str, dict[str, str]] = self.arns.get(account, {})
        users, roles = [somebody, *of.get("user", ())], [some_role, *of.get("role", ())]
        yield [], []
        for user, id_ in product(users, self.ids):
            yield [("AWS", user), *id_], []
            yield [("AWS", some_session)], [("AWS", user), *id_]
        for role, id_ in product(roles, self.ids):
            for session in (some_session, *of.get("assumed-role", ())):
                if session == some_session or role == some_role or f"/{of['role'][role]}/" in session:
                    yield [("AWS", session)], [("AWS", role), *id_]
        for session in of.get("federated-user", ()):
            yield [("AWS", session)], []
            for user, id_ in product(users, self.ids):
                yield [("AWS", session)], [("AWS", user), *id_]
