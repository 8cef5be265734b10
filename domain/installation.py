"""The installation ledger: what must be unique across accounts is claimed here, in the same round."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from immutables import Map

from domain.account import CorruptLedger
from domain.families.organization import Organization
from domain.foundation.events import Change, Entry
from domain.foundation.identifiers import INSTALLATION

T = TypeVar("T")


class InstallationFounded(Change, topic="installation.founded.v1"):
    """The first event of the installation ledger."""

    ledger_id: str
    schema_version: int


class ManagedCataloguePublished(Change, topic="installation.managed_catalogue.published.v1"):
    """A catalogue of AWS-managed policies exists in this installation; accounts adopt it one by one."""

    digest: str
    policy_arns: tuple[str, ...]


class ActionCataloguePublished(Change, topic="installation.action_catalogue.published.v1"):
    """From here on policies are linted by this catalogue of actions, resource types and condition keys. Its content
    stays in the package that brings it: no decision depends on it, and the digest says which one it was."""

    digest: str
    version: str
    services: int
    actions: int
    """How many there are."""


class AccountOpened(Change, topic="installation.account.opened.v1"):
    """The account id is taken, for ever."""

    opened_account_id: str
    ledger_id: str


class AccountRetired(Change, topic="installation.account.retired.v1"):
    """The account is closed. Its id stays taken."""

    retired_account_id: str


class AliasClaimed(Change, topic="installation.alias.claimed.v1"):
    account_alias: str
    for_account_id: str


class AliasReleased(Change, topic="installation.alias.released.v1"):
    """Whoever asks first may have it now."""

    account_alias: str
    for_account_id: str


class AccessKeyIdClaimed(Change, topic="installation.access_key_id.claimed.v1"):
    """The key id does not tell by its shape that it is the account's. It is, for ever."""

    access_key_id: str
    for_account_id: str


class OrganizationSet(Change, topic="installation.organization.set.v1"):
    """This is the organisation from here on, whatever it was. What of it concerns an account stands in the account's
    ledger, in the same round."""

    organization: Organization


class OrganizationRemoved(Change, topic="installation.organization.removed.v1"):
    """There is no organisation from here on."""

    organization_id: str


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    ledger_id: str
    opened_at: datetime
    retired_at: datetime | None = None
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Installation:
    id: str = INSTALLATION
    position: int = 0
    ledger_id: str = ""
    accounts: Map[str, OpenedAccount] = field(default=Map())
    """By account id; closed ones stay."""
    aliases: Map[str, str] = field(default=Map())
    """Account ids by alias."""
    claimed_access_key_ids: Map[str, str] = field(default=Map())
    """Account ids by access key id."""
    catalogues: Map[str, int] = field(default=Map())
    """By digest: the position at which it was published."""
    organization: Organization | None = None
    """One, or none."""
    action_catalogues: Map[str, int] = field(default=Map())
    """By digest: the position at which it was last published. The highest one's is in use."""

    @property
    def exists(self) -> bool:
        return self.position > 0

    @property
    def action_catalogue(self) -> str | None:
        """The digest of the one in use."""
        return max(self.action_catalogues, key=self.action_catalogues.__getitem__, default=None)


def evolve(installation: Installation, entry: Entry) -> Installation:
    """Folds one change into the installation. Never refuses."""
    if entry.position <= installation.position:
        raise CorruptLedger(f"Installation: position {entry.position} comes after {installation.position}.")
    if isinstance(entry.event, InstallationFounded) == installation.exists:
        raise CorruptLedger(f"Installation: InstallationFounded is the first event, once; not so at {entry.position}.")
    try:
        return replace(_evolved(installation, entry), position=entry.position)
    except (LookupError, TypeError) as error:
        raise CorruptLedger(f"Installation, position {entry.position}: {entry.event!r} does not fit.") from error


def _evolved(installation: Installation, entry: Entry) -> Installation:  # noqa: C901, PLR0911, PLR0912  one case an event
    accounts, aliases = installation.accounts, installation.aliases
    match entry.event:
        case InstallationFounded() as event:
            return replace(installation, ledger_id=event.ledger_id)
        case AccountOpened() as event:
            opened = OpenedAccount(event.ledger_id, entry.at)
            return replace(installation, accounts=_claimed(accounts, event.opened_account_id, opened))
        case AccountRetired(retired_account_id=account_id):
            retired = replace(accounts[account_id], retired_at=entry.at)
            return replace(installation, accounts=accounts.set(account_id, retired))
        case AliasClaimed(account_alias=alias, for_account_id=account_id):
            named = accounts.set(account_id, replace(accounts[account_id], alias=alias))
            return replace(installation, accounts=named, aliases=_claimed(aliases, alias, account_id))
        case AliasReleased(account_alias=alias, for_account_id=account_id):
            if aliases[alias] != account_id:
                raise LookupError(f"The alias {alias} is that of {aliases[alias]}.")
            unnamed = accounts.set(account_id, replace(accounts[account_id], alias=None))
            return replace(installation, accounts=unnamed, aliases=aliases.delete(alias))
        case AccessKeyIdClaimed(access_key_id=key_id, for_account_id=account_id):
            claimed = _claimed(installation.claimed_access_key_ids, key_id, account_id)
            return replace(installation, claimed_access_key_ids=claimed)
        case ManagedCataloguePublished() as event:
            return replace(installation, catalogues=installation.catalogues.set(event.digest, entry.position))
        case OrganizationSet() as event:
            return replace(installation, organization=event.organization)
        case OrganizationRemoved() as event:
            if installation.organization is None or installation.organization.id != event.organization_id:
                raise LookupError(f"There is no organisation {event.organization_id}.")
            return replace(installation, organization=None)
        case ActionCataloguePublished(digest=digest):
            published = installation.action_catalogues.set(digest, entry.position)
            return replace(installation, action_catalogues=published)
        case other:
            raise TypeError(f"{type(other).__name__} is no change of the installation.")


def _claimed(owners: Map[str, T], name: str, owner: T) -> Map[str, T]:
    """Raises LookupError when the name is taken already."""
    if name in owners:
        raise LookupError(f"{name} is taken.")
    return owners.set(name, owner)
