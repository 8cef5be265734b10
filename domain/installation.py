"""The installation ledger: what must be unique across accounts is claimed here, in the same round (docs/adr/0010)."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from immutables import Map

from domain.account import CorruptLedger
from domain.families.notifications import (
    NotificationTarget,
    TargetDefinition,
    TargetKind,
    Targets,
    require_target,
    signing_secret,
    with_target,
    without_target,
)
from domain.families.organization import Organization
from domain.foundation.events import Change, Entry
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.secret import SecretId, SecretKind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    ledger_id: str
    opened_at: datetime
    retired_at: datetime | None = None
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class RegisteredService:
    access_key_id: str
    """With which it assumes roles."""
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class StartedLog:
    """The transparency log of this installation (docs/adr/0066)."""

    origin: str
    """The first line of checkpoints of the log of heads, and the name of its keys."""
    verifier_keys: tuple[str, ...]
    """By which its checkpoints are known (C2SP signed-note, "verifier keys")."""
    signing_key_id: str
    """Under which the private keys lie sealed."""


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
    """Of AWS-managed policies, by digest: the position at which it was last published. The highest one's is in use."""
    organization: Organization | None = None
    """One, or none."""
    action_catalogues: Map[str, int] = field(default=Map())
    """By digest: the position at which it was last published. The highest one's is in use."""
    service_principals: Map[str, RegisteredService] = field(default=Map())
    """The operator's own services, by name."""
    notification_targets: Targets = Map()
    """The operator's own, by name."""
    log: StartedLog | None = None

    @property
    def exists(self) -> bool:
        return self.position > 0

    def with_account(self, account_id: str, **changes: Any) -> "Installation":
        """With another state of the account. Raises LookupError when there is none of this id."""
        return replace(self, accounts=self.accounts.set(account_id, replace(self.accounts[account_id], **changes)))

    @property
    def managed_catalogue(self) -> str | None:
        """The digest of the one in use."""
        return max(self.catalogues, key=self.catalogues.__getitem__, default=None)

    @property
    def action_catalogue(self) -> str | None:
        """The digest of the one in use."""
        return max(self.action_catalogues, key=self.action_catalogues.__getitem__, default=None)


class InstallationChange(Change):
    """Alters the installation."""

    @abstractmethod
    def fold(self, installation: Installation, entry: Entry) -> Installation:
        """The installation after the entry that this is the event of. Never refuses; raises LookupError where no legal
        history leads here."""


def _claimed(owners: Map[str, T], name: str, owner: T) -> Map[str, T]:
    """Raises LookupError when the name is taken already."""
    if name in owners:
        raise LookupError(f"{name} is taken.")
    return owners.set(name, owner)


class InstallationFounded(InstallationChange, topic="installation.founded.v1"):
    """The first event of the installation ledger."""

    ledger_id: str
    schema_version: int
    sentence = "The installation was founded."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        return replace(installation, ledger_id=self.ledger_id)


class ManagedCataloguePublished(InstallationChange, topic="installation.managed_catalogue.published.v1"):
    """Every account of this installation has adopted this catalogue of AWS-managed policies; those that are opened from
    here on begin with it."""

    digest: str
    policy_arns: tuple[str, ...]

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        return replace(installation, catalogues=installation.catalogues.set(self.digest, entry.position))

    def describe(self) -> str:
        return f"A catalogue of {len(self.policy_arns)} AWS managed policies was published."


class ActionCataloguePublished(InstallationChange, topic="installation.action_catalogue.published.v1"):
    """From here on policies are linted by this catalogue of actions, resource types and condition keys. Its content
    stays in the package that brings it: no decision depends on it, and the digest says which one it was."""

    digest: str
    version: str
    services: int
    actions: int
    """How many there are."""
    sentence = "The catalogue of actions {version} was published, with {actions} actions."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        published = installation.action_catalogues.set(self.digest, entry.position)
        return replace(installation, action_catalogues=published)


class AccountOpened(InstallationChange, topic="installation.account.opened.v1"):
    """The account id is taken, for ever."""

    opened_account_id: str
    ledger_id: str
    sentence = "Account {opened_account_id} was opened."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        opened = OpenedAccount(self.ledger_id, entry.at)
        return replace(installation, accounts=_claimed(installation.accounts, self.opened_account_id, opened))


class AccountRetired(InstallationChange, topic="installation.account.retired.v1"):
    """The account is closed. Its id stays taken."""

    retired_account_id: str
    sentence = "Account {retired_account_id} was retired."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        return installation.with_account(self.retired_account_id, retired_at=entry.at)


class AliasClaimed(InstallationChange, topic="installation.alias.claimed.v1"):
    account_alias: str
    for_account_id: str
    sentence = "Account {for_account_id} claimed the alias {account_alias}."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        aliases = _claimed(installation.aliases, self.account_alias, self.for_account_id)
        return replace(installation.with_account(self.for_account_id, alias=self.account_alias), aliases=aliases)


class AliasReleased(InstallationChange, topic="installation.alias.released.v1"):
    """Whoever asks first may have it now."""

    account_alias: str
    for_account_id: str
    sentence = "Account {for_account_id} released the alias {account_alias}."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        aliases = installation.aliases
        if aliases[self.account_alias] != self.for_account_id:
            raise LookupError(f"The alias {self.account_alias} is that of {aliases[self.account_alias]}.")
        unnamed = installation.with_account(self.for_account_id, alias=None)
        return replace(unnamed, aliases=aliases.delete(self.account_alias))


class AccessKeyIdClaimed(InstallationChange, topic="installation.access_key_id.claimed.v1"):
    """The key id does not tell by its shape that it is the account's. It is, for ever."""

    access_key_id: str
    for_account_id: str
    sentence = "Account {for_account_id} claimed the access key id {access_key_id}."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        claimed = _claimed(installation.claimed_access_key_ids, self.access_key_id, self.for_account_id)
        return replace(installation, claimed_access_key_ids=claimed)


class OrganizationSet(InstallationChange, topic="installation.organization.set.v1"):
    """This is the organization from here on, whatever it was. What of it concerns an account stands in the account's
    ledger, in the same round."""

    organization: Organization

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        return replace(installation, organization=self.organization)

    def describe(self) -> str:
        return f"The organization became {self.organization.id}."


class OrganizationRemoved(InstallationChange, topic="installation.organization.removed.v1"):
    """There is no organization from here on."""

    organization_id: str
    sentence = "The organization {organization_id} was removed."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        if installation.organization is None or installation.organization.id != self.organization_id:
            raise LookupError(f"There is no organization {self.organization_id}.")
        return replace(installation, organization=None)


class ServicePrincipalChange(InstallationChange, ABC):
    service_name: str
    service_access_key_id: str


class ServicePrincipalRegistered(ServicePrincipalChange, topic="installation.service_principal.registered.v1"):
    """Trust policies may name the service, and it may assume roles that trust it, with a key of its own."""

    sentence = "The service {service_name} was registered, with the access key {service_access_key_id}."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        service = RegisteredService(self.service_access_key_id, entry.at)
        return replace(
            installation, service_principals=_claimed(installation.service_principals, self.service_name, service)
        )


class ServicePrincipalDeregistered(ServicePrincipalChange, topic="installation.service_principal.deregistered.v1"):
    """Its key is not honoured any more. Sessions that it has live on, and trust policies that name it stay."""

    sentence = "The service {service_name} was deregistered, with the access key {service_access_key_id}."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        return replace(installation, service_principals=installation.service_principals.delete(self.service_name))


class OperatorTargetAdded(InstallationChange, topic="installation.notification_target.added.v1"):
    """The target is told what happens from here on."""

    target_id: str
    target_name: str
    definition: TargetDefinition
    of_account_id: str | None = None
    """None: of all accounts, those that are opened later too."""

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        added = NotificationTarget(self.target_id, self.target_name, self.definition, entry.at)
        return replace(installation, notification_targets=with_target(installation.notification_targets, added))

    def describe(self) -> str:
        return f"The operator's notification target {self.target_name} was added: {self.definition.title}."


class OperatorTargetRemoved(InstallationChange, topic="installation.notification_target.removed.v1"):
    """The target is told this, and nothing else any more."""

    target_id: str
    target_name: str
    kind: TargetKind
    sentence = "The operator's notification target {target_name} was removed."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        targets = without_target(installation.notification_targets, self.target_id, self.target_name)
        return replace(installation, notification_targets=targets)

    def destroyed_secrets(self) -> Iterable[SecretId]:
        return signing_secret(self.kind, self.target_id)


class OperatorTargetTested(InstallationChange, topic="installation.notification_target.tested.v1"):
    """The target is told this at once."""

    target_id: str
    target_name: str
    sentence = "This is a test of the operator's notification target {target_name}."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        require_target(installation.notification_targets, self.target_id, self.target_name)
        return installation


class TransparencyLogStarted(InstallationChange, topic="installation.transparency_log.started.v1"):
    """From here on checkpoints are signed under this name by these keys. What an earlier log has said stays true."""

    origin: str
    verifier_keys: tuple[str, ...]
    signing_key_id: str
    former_signing_key_id: str | None = None
    """Destroyed: nothing is signed under the former name any more."""
    sentence = "The transparency log {origin} was started."

    def fold(self, installation: Installation, entry: Entry) -> Installation:
        former = installation.log and installation.log.signing_key_id
        if former != self.former_signing_key_id:
            raise LookupError(f"The signing key of before is {former}.")
        return replace(installation, log=StartedLog(self.origin, self.verifier_keys, self.signing_key_id))

    def destroyed_secrets(self) -> Iterable[SecretId]:
        former = self.former_signing_key_id
        return () if former is None else (SecretId(SecretKind.SIGNING_KEY, former),)


def evolve(installation: Installation, entry: Entry) -> Installation:
    """Folds one change into the installation. Never refuses."""
    event = entry.event
    if entry.position <= installation.position:
        raise CorruptLedger(f"Installation: position {entry.position} comes after {installation.position}.")
    if isinstance(event, InstallationFounded) == installation.exists:
        raise CorruptLedger(f"Installation: InstallationFounded is the first event, once; not so at {entry.position}.")
    try:
        if not isinstance(event, InstallationChange):
            raise TypeError(f"{type(event).__name__} is no change of the installation.")  # noqa: TRY301
        return replace(event.fold(installation, entry), position=entry.position)
    except (LookupError, TypeError) as error:
        raise CorruptLedger(f"Installation, position {entry.position}: {event!r} does not fit.") from error
