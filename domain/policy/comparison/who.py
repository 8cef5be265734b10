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
        budget.take(len(elements))
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


def _accounts(elements: Iterable[Principals | None]) -> set[str]:
    found: set[str] = set()
    for each in elements:
        if each is not None:
            found |= each.account_ids
            found.update(match[1] for _, name in each.names if (match := _ARN.fullmatch(name)))
    return found


def _principals(elements: list[Principals]) -> Iterator[RequestPrincipal | None]:
    names = frozenset(name for each in elements for name in each.names)
    accounts = _accounts(elements)
    unnamed = next(account for account in map(str, _STRANGERS) if account not in accounts)
    yield None
    others = (_unnamed(kind, text.format(unnamed), names) for kind, text in _OTHERS)
    for kind, name in [*others, *sorted(names)]:
        if kind in {"Service", "Federated"}:
            yield RequestPrincipal(name, None, frozenset({(kind, name)}))
    canonical: list[_Names] = [[], *([name] for name in sorted(names) if name[0] == "CanonicalUser")]
    for account in [unnamed, *sorted(accounts)]:
        for also, (own, issuer) in product(canonical, _of_account(account, names)):
            arn = own[0] if own else ("AWS", f"arn:aws:iam::{account}:root")
            yield RequestPrincipal(arn[1], account, frozenset([*own, *also]), frozenset(issuer))


def _of_account(account: str, names: frozenset[PrincipalName]) -> Iterator[tuple[_Names, _Names]]:
    """Its own names, and those of the role or user that it acts for: the root user, users, sessions of either. An id is
    not told of whom it is, so it may be anybody's."""
    arns = {
        text: match for _, text in sorted(names) if (match := _ARN.fullmatch(text)) is not None and match[1] == account
    }
    ids: list[_Names] = [[], *([name] for name in sorted(names) if name[0] == "AWS" and not _ARN.fullmatch(name[1]))]
    some = {form: _unnamed("AWS", form.format(account), names)[1] for form in (_SOMEBODY, _SOME_ROLE, _SOME_SESSION)}

    def of(kind: str) -> list[str]:
        return [text for text, match in arns.items() if match[2] == kind]

    users, roles = [some[_SOMEBODY], *of("user")], [some[_SOME_ROLE], *of("role")]
    yield [], []
    for user, id_ in product(users, ids):
        yield [("AWS", user), *id_], []
    for role, id_ in product(roles, ids):
        for session in (some[_SOME_SESSION], *of("assumed-role")):
            if role not in arns or session not in arns or f"/{arns[role][3]}/" in session:
                yield [("AWS", session)], [("AWS", role), *id_]
    for session in of("federated-user"):
        yield [("AWS", session)], []
        for user, id_ in product(users, ids):
            yield [("AWS", session)], [("AWS", user), *id_]
    for user, id_ in product(users, ids):
        yield [("AWS", some[_SOME_SESSION])], [("AWS", user), *id_]


def _unnamed(kind: str, text: str, names: frozenset[PrincipalName]) -> PrincipalName:
    """Changed until it is no name that is written."""
    while (kind, text) in names:
        text += "x"
    return kind, text
