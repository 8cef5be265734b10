"""The account's alias: a name for people, unique in the installation, and at most one."""

from domain.foundation.events import Change


class AccountAliasCreated(Change, topic="iam.account_alias.created.v1"):
    """Takes the place of the former alias, if there was one."""

    account_alias: str


class AccountAliasDeleted(Change, topic="iam.account_alias.deleted.v1"):
    account_alias: str


AccountAliasEvent = AccountAliasCreated | AccountAliasDeleted


def evolve(alias: str | None, event: AccountAliasEvent) -> str | None:
    if isinstance(event, AccountAliasCreated):
        return event.account_alias
    if alias != event.account_alias:
        raise LookupError(f"The alias is {alias}, not {event.account_alias}.")
    return None
