"""Whom somebody means who asks about violations."""

from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from domain.account import Account
from domain.compliance.check import ROOT, checks
from domain.credential_kinds import find_credential
from domain.entity_kinds import AnyKind, entity_kinds
from domain.families.analyzers import ANALYZERS
from domain.foundation.credential_kind import KIND_NAMES
from domain.foundation.errors import NoSuchEntity, ValidationError
from domain.foundation.nearest import nearest
from domain.read_models.compliance import ViolationInterval


def violations_of(
    named: str, accounts: Sequence[Account], called: Collection[str], violations: Sequence[ViolationInterval]
) -> list[ViolationInterval]:
    """Those of the subject or holder, which has that name, ARN or id in one of the accounts' values, or had it in a
    violation, or is one of the ids of whoever was `called` so between. Raises NoSuchEntity where nothing is so called:
    that nothing was found would not say so."""
    meant = {named}.union(called, *(_ids(account, named, entity_kinds().values()) for account in accounts))
    found = [each for each in violations if not meant.isdisjoint((each.subject_id, each.holder_id, each.holder_name))]
    if not found and meant == {named} and not any(_is_there(account, named) for account in accounts):
        every = chain.from_iterable(
            kind.by_id(account).values() for account in accounts for kind in entity_kinds().values()
        )
        raise NoSuchEntity(
            f"In that time nobody in account {accounts[0].id} was called {named}, nor is anything else so called at "
            "its beginning or its end, and no violation is of it.",
            suggestion=nearest(named, (entity.name for entity in every)),
        )
    return found


def holder_named(account: Account, named: str) -> str:
    """The id of whom somebody means who may be exempt: an entity that a check looks at, or the account, for root, too.
    An MFA device is often called like its user, and is none. Raises NoSuchEntity, and ValidationError where several are
    called so."""
    looked_at = {noun for each in checks() for noun in each.of}
    found = _ids(account, named, [kind for noun, kind in entity_kinds().items() if noun in looked_at])
    if len(found) > 1:
        raise ValidationError(f"Several are called {named}: say which, by ARN or id: {' or '.join(sorted(found))}.")
    if not found:
        every = chain.from_iterable(kind.by_id(account).values() for kind in entity_kinds().values())
        raise NoSuchEntity(
            f"Nothing in account {account.id} is called {named}.",
            suggestion=nearest(named, (entity.name for entity in every)),
        )
    return next(iter(found))


def _ids(account: Account, named: str, kinds: Iterable[AnyKind]) -> set[str]:
    if named in {ROOT, account.id, account.arn("root")}:
        return {account.id}
    return {
        entity_id
        for kind in kinds
        for entity_id, entity in kind.by_id(account).items()
        if named in {entity.id, entity.name, f"{kind.resource_type}/{entity.name}", entity.resource}
        or named == account.arn(entity.resource)
    }


def _is_there(account: Account, named: str) -> bool:
    return named in account[ANALYZERS] or any(find_credential(account, kind, named) is not None for kind in KIND_NAMES)
