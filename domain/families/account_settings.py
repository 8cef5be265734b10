"""Settings of the account as a whole: its properties, and which tokens STS's global endpoint gives."""

from collections.abc import Iterator
from datetime import datetime

from immutables import Map

from domain.account import Account, AffectsNobody, Component, OfAccount
from domain.facts import Fact, FactKind, FactValue, tells_facts

ACCOUNT_PROPERTIES = Component[Map[str, str]]("account_properties", Map())
"""Values by `Namespace/PropertyName`."""
TOKEN_VERSION = Component[int]("global_endpoint_token_version", 1)
"""Of sessions from the global endpoint. It is 1 until it is set (IAM User Guide, "Manage AWS STS in an AWS Region")."""
PROPERTY_FACT = FactKind("account property", "was set")
TOKEN_VERSION_FACT = FactKind("token version of the global endpoint")


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    if subject == account.id and account.exists:
        for name, value in account[ACCOUNT_PROPERTIES].items():
            yield Fact(PROPERTY_FACT, name), FactValue(name, {"value": value})
        version = account[TOKEN_VERSION]
        yield Fact(TOKEN_VERSION_FACT, account.id), FactValue("of the account", {"version": version})


class AccountPropertySet(AffectsNobody, OfAccount, topic="iam.account.property_set.v1"):
    property_name: str
    """Such as `Namespace/PropertyName`."""
    value: str
    sentence = "The account's property {property_name} was set to {value}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(ACCOUNT_PROPERTIES, account[ACCOUNT_PROPERTIES].set(self.property_name, self.value))


class TokenVersionSet(AffectsNobody, OfAccount, topic="iam.account.token_version_set.v1"):
    token_version: int
    sentence = "Sessions from the global endpoint now have tokens of version {token_version}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(TOKEN_VERSION, self.token_version)
