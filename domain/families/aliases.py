"""The account's alias: a name for people, unique in the installation, and at most one."""

from collections.abc import Iterator
from datetime import datetime

from domain.account import Account, AffectsNobody, Component, OfAccount
from domain.facts import Fact, FactKind, FactValue, tells_facts

ACCOUNT_ALIAS = Component[str | None]("alias", None)
ALIAS_FACT = FactKind("alias")


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    alias = account[ACCOUNT_ALIAS]
    if subject == account.id and alias is not None:
        yield Fact(ALIAS_FACT, account.id), FactValue(alias, {"alias": alias})


class AliasChange(AffectsNobody, OfAccount):
    account_alias: str


class AccountAliasCreated(AliasChange, topic="iam.account_alias.created.v1"):
    """Takes the place of the former alias, if there was one."""

    sentence = "The account got the alias {account_alias}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(ACCOUNT_ALIAS, self.account_alias)


class AccountAliasDeleted(AliasChange, topic="iam.account_alias.deleted.v1"):
    sentence = "The account lost the alias {account_alias}."

    def fold(self, account: Account, at: datetime) -> Account:
        if account[ACCOUNT_ALIAS] != self.account_alias:
            raise LookupError(f"The alias is {account[ACCOUNT_ALIAS]}, not {self.account_alias}.")
        return account.put(ACCOUNT_ALIAS, None)
