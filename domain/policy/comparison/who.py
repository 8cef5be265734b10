"""Principals that stand for all: nobody whom policies tell apart is missing.

A Principal element names accounts, ARNs and ids, one by one and without wildcards. So there are only so many ways in
which it can name somebody: those that are written out here, each with one that stands for all others of its kind.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from domain.policy.comparison.budget import Budget
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
Signature = tuple[bool, tuple[Naming, ...]]
"""Whether somebody has an account, and how each statement, of all policies that are compared, names them."""


@dataclass(frozen=True, slots=True)
class Somebody:
    principal: RequestPrincipal | None
    """None is an anonymous caller."""
    bounded: bool
    """Whether they have a permissions boundary, which no NotPrincipal spares."""


def attached() -> Somebody:
    """Of a policy that is attached to who asks."""
    arn = _SOMEBODY.format(_STRANGERS[0])
    return Somebody(RequestPrincipal(arn, str(_STRANGERS[0]), frozenset({("AWS", arn)})), bounded=False)


def everybody(policies: Iterable[Policy], budget: Budget) -> dict[Signature, Somebody]:
    """One for each way in which the statements name somebody."""
    elements = [statement.principals for policy in policies for statement in policy.statements]
    named = [each for each in elements if each is not None]
    if not named:
        return {(True, (Naming.PRINCIPAL,) * len(elements)): attached()}
    excepts = any(each.negated for each in named)
    found: dict[Signature, Somebody] = {}
    for principal in _principals(named):
        budget.take(_STEPS_A_PRINCIPAL + len(elements))
        for bounded in (False, True) if excepts and _has_account(principal) else (False,):
            signature = tuple(
                Naming.PRINCIPAL if each is None else naming_of(each, principal, bounded=bounded) for each in elements
            )
            found.setdefault((_has_account(principal), signature), Somebody(principal, bounded))
    return found


def grade(naming: Naming, principal: RequestPrincipal | None, policy_type: PolicyType) -> Naming:
    """What an Allow gives somebody whom it names like this (`evaluate`): naming everyone is naming each, but that a
    role's everyone has an account."""
    if naming is not Naming.EVERYONE:
        return naming
    return Naming.NOT if policy_type is PolicyType.TRUST and not _has_account(principal) else Naming.PRINCIPAL


def _has_account(principal: RequestPrincipal | None) -> bool:
    return principal is not None and principal.account_id is not None


def _principals(elements: list[Principals]) -> Iterator[RequestPrincipal | None]:
    named = _Named(frozenset(name for each in elements for name in each.names))
    accounts = {account for each in elements for account in each.account_ids} | named.arns.keys()
    unnamed = next(account for account in map(str, _STRANGERS) if account not in accounts)
    yield None
    others = (named.other(kind, text.format(unnamed)) for kind, text in _OTHERS)
    for kind, name in [*others, *sorted(named.names)]:
        if kind in {"Service", "Federated"}:
            yield RequestPrincipal(name, None, frozenset({(kind, name)}))
    for account in [unnamed, *sorted(accounts)]:
        for own, issuer in named.of_account(account):
            arn = own[0][1] if own else f"arn:aws:iam::{account}:root"
            for also in named.canonical:
                yield RequestPrincipal(arn, account, frozenset([*own, *also]), frozenset(issuer))


class _Named:
    """What Principal elements name, by accounts and kinds."""

    def __init__(self, names: frozenset[PrincipalName]) -> None:
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
