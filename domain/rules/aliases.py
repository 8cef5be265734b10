"""Aliases of accounts: unique in the installation, which is where they are claimed and released.

Each rule gives the events of the account and those of the installation, to be written in one round.
"""

import re
from collections.abc import Sequence

from domain.account import Account
from domain.families.aliases import ACCOUNT_ALIAS, AccountAliasCreated, AccountAliasDeleted
from domain.foundation.errors import EntityAlreadyExists, NoSuchEntity, ValidationError
from domain.foundation.events import Change
from domain.installation import AliasClaimed, AliasReleased, Installation

ALIAS = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
"""As the API Reference has it, "CreateAccountAlias"."""


def create_account_alias(
    account: Account, installation: Installation, *, account_alias: str
) -> tuple[Sequence[Change], Sequence[Change]]:
    """An account has one alias: a new one takes the place of the former, which is free again."""
    if not ALIAS.fullmatch(account_alias):
        raise ValidationError(
            "An account alias has 3 to 63 characters, lower-case letters, digits and single dashes inside; "
            f"got {account_alias!r}."
        )
    if account_alias in installation.aliases:
        raise EntityAlreadyExists(f"The account alias {account_alias} already exists.")
    claimed = AliasClaimed(account_alias=account_alias, for_account_id=account.id)
    former = account[ACCOUNT_ALIAS]
    released = () if former is None else (_released(account, former),)
    return (AccountAliasCreated(account_alias=account_alias),), (*released, claimed)


def delete_account_alias(account: Account, *, account_alias: str) -> tuple[Sequence[Change], Sequence[Change]]:
    if account[ACCOUNT_ALIAS] != account_alias:
        raise NoSuchEntity(f"The account alias {account_alias} cannot be found.")
    return (AccountAliasDeleted(account_alias=account_alias),), (_released(account, account_alias),)


def _released(account: Account, alias: str) -> AliasReleased:
    return AliasReleased(account_alias=alias, for_account_id=account.id)
