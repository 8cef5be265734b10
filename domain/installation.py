"""The installation ledger: what must be unique across accounts is claimed here, in the same round."""

from dataclasses import dataclass, field, replace

from immutables import Map

from domain.account import Corrupt
from domain.events import Change, Entry
from domain.identifiers import INSTALLATION


class InstallationFounded(Change, topic="installation.founded.v1"):
    """The first event of the installation ledger."""

    ledger_id: str
    schema_version: int


class ManagedCataloguePublished(Change, topic="installation.managed_catalogue.published.v1"):
    """A catalogue of AWS-managed policies exists in this installation; accounts adopt it one by one."""

    digest: str
    policy_arns: tuple[str, ...]


class AccountOpened(Change, topic="installation.account.opened.v1"):
    """The account id is taken, for ever."""

    opened_account_id: str
    ledger_id: str


@dataclass(frozen=True, slots=True)
class Installation:
    id: str = INSTALLATION
    position: int = 0
    ledger_id: str = ""
    accounts: Map[str, str] = field(default=Map())
    """Ledger ids by account id."""
    catalogues: Map[str, int] = field(default=Map())
    """By digest: the position at which it was published."""

    @property
    def exists(self) -> bool:
        return self.position > 0


def evolve(installation: Installation, entry: Entry) -> Installation:
    """Folds one change into the installation. Never refuses."""
    if entry.position <= installation.position:
        raise Corrupt(f"Installation: position {entry.position} comes after {installation.position}.")
    if isinstance(entry.event, InstallationFounded) == installation.exists:
        raise Corrupt(f"Installation: InstallationFounded is the first event, once; not so at {entry.position}.")
    return replace(_folded(installation, entry), position=entry.position)


def _folded(installation: Installation, entry: Entry) -> Installation:
    match entry.event:
        case InstallationFounded() as event:
            return replace(installation, ledger_id=event.ledger_id)
        case AccountOpened(opened_account_id=account_id) if account_id in installation.accounts:
            raise Corrupt(f"Installation, position {entry.position}: the account {account_id} was opened before.")
        case AccountOpened() as event:
            return replace(installation, accounts=installation.accounts.set(event.opened_account_id, event.ledger_id))
        case ManagedCataloguePublished() as event:
            return replace(installation, catalogues=installation.catalogues.set(event.digest, entry.position))
        case other:
            raise Corrupt(f"Installation, position {entry.position}: {other!r} is no change of the installation.")
