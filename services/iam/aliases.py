"""IAM's operations on the account's alias."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.aliases import ACCOUNT_ALIAS
from domain.foundation.identifiers import INSTALLATION
from domain.rules import aliases
from services.wire.operations import answers, any_resource
from services.wire.pagination import page_request


@answers("CreateAccountAlias", on=any_resource, records="account_alias")
def create_account_alias(account: Account, call: Call, *, account_alias: str) -> Outcome:
    own, claims = aliases.create_account_alias(account, call.installation(), account_alias=account_alias)
    return Outcome(lambda _after: {}, own, elsewhere={INSTALLATION: claims})


@answers("DeleteAccountAlias", on=any_resource, records="account_alias")
def delete_account_alias(account: Account, call: Call, *, account_alias: str) -> Outcome:
    call.installation()  # To be written to, it has to be part of the round.
    own, claims = aliases.delete_account_alias(account, account_alias=account_alias)
    return Outcome(lambda _after: {}, own, elsewhere={INSTALLATION: claims})


@answers("ListAccountAliases", on=any_resource, records="marker max_items")
def list_account_aliases(
    account: Account, _call: Call, *, marker: str | None = None, max_items: int | None = None
) -> Outcome:
    pages = page_request("AccountAliases", marker, max_items)
    alias = account[ACCOUNT_ALIAS]
    found = [] if alias is None else [alias]
    return Outcome(lambda _after: pages.of(found, key=lambda alias: alias, render=lambda alias: alias))
