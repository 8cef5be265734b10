"""The kinds of credentials that grow old: each family registers its own. What time does to them is decided in
domain/rules/lifecycle.py."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.account import Account, AccountChange
from domain.foundation.credential_kind import KIND_NAMES, CredentialKind
from domain.foundation.secret import SecretId


@dataclass(frozen=True, slots=True)
class HeldCredential:
    """One that is there, as far as its age goes."""

    kind: CredentialKind
    id: str
    """The access key id, the ARN of an MFA device or provider; of a password, user or role the unique id of whose it
    is."""
    owner_id: str
    """The unique id of the user or role, or the account id for root; of a server certificate or provider its own id."""
    created_at: datetime
    """From which its age counts: of a password since when it is this password."""
    active: bool = True
    changed_at: datetime | None = None
    """When it was last activated or deactivated, if that can be."""
    expires_at: datetime | None = None
    """When it ends by itself, whatever rules there are."""
    service: str | None = None
    """That alone takes it."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What deletes a credential, with its secret."""

    event: AccountChange
    secrets: tuple[SecretId, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LifecycleKind:
    """A row of the table of kinds. Raises TypeError when there is one of this kind."""

    kind: CredentialKind
    of: Callable[[Account, str], Iterable[HeldCredential]]
    """All of this owner, the oldest first."""
    find: Callable[[Account, str], HeldCredential | None]
    """By its id."""
    deactivate: Callable[[Account, HeldCredential], AccountChange] | None = None
    """None of a kind that cannot be deactivated and activated again."""
    delete: Callable[[Account, HeldCredential], Removal] | None = None

    def __post_init__(self) -> None:
        if self.kind in _kinds:
            raise TypeError(f"There is a kind of credential {self.kind} already.")
        _kinds[self.kind] = self


_kinds: dict[CredentialKind, LifecycleKind] = {}


def lifecycle_kind(kind: CredentialKind) -> LifecycleKind:
    return _kinds[kind]


def credentials_of(account: Account, owner_id: str) -> Iterator[HeldCredential]:
    """Of every kind, in the order of KIND_NAMES; none of an owner that is not there."""
    for kind in KIND_NAMES:
        yield from _kinds[kind].of(account, owner_id)


def find_credential(account: Account, kind: CredentialKind, credential_id: str) -> HeldCredential | None:
    return _kinds[kind].find(account, credential_id)
