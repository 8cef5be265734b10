"""Containment: what is done to a credential that has leaked and to all that it gave birth to, and what is to be known
for that."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from domain.account import Account, Bookkeeping
from domain.altered_settings import AlteredSetting
from domain.foundation.events import upcasts
from domain.foundation.moments import AsOf

CONTAINED_POLICY_NAME = "MunimentContained"
"""The name of the inline policy that users and roles get. Whoever may change their policies can lift it."""
CONTAINED_DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
CONTAINED_SHA256 = sha256(CONTAINED_DOCUMENT.encode()).hexdigest()


class CredentialContained(Bookkeeping, topic="account.credential.contained.v2"):
    """What one containment did in this account; beside it stand the events that did it, which fold."""

    seed: str
    """As it was named: a key or session id, a name, or an ARN, perhaps of another account."""
    reason: str | None = None
    denied: tuple[str, ...]
    """Unique ids of users and roles that may do nothing from here on."""
    deactivated: tuple[str, ...]
    """Access key ids."""
    revoked: tuple[str, ...]
    """Session ids."""
    restored: tuple[str, ...] = ()
    """What was put back as it had been before the lineage changed it, in words."""
    compromised_since: datetime | None = None
    """The earliest moment at which the credential may have been in other hands; None for as long as it is."""

    def fold(self, account: Account, at: datetime) -> Account:
        return account

    def describe(self) -> str:
        return (
            f"Credential {self.seed} was contained with all its descendants: {len(self.denied)} users and "
            f"roles were denied everything, {len(self.deactivated)} access keys deactivated, {len(self.revoked)} "
            "sessions revoked."
        )


@upcasts("account.credential.contained.v1", CredentialContained.topic)
def _restored_nothing(fields: dict[str, Any]) -> dict[str, Any]:
    """Before there was anything to restore, or a moment to begin at."""
    return fields


DescendantKind = Literal["user", "role", "access_key", "session"]


@dataclass(frozen=True, slots=True)
class Descendant:
    """The seed, or what was born of it, as far as somebody can act with it or as it."""

    account_id: str
    kind: DescendantKind
    id: str
    owner_id: str
    """Whose permissions count: itself, of a user or role; the account's id for root."""
    access_key_id: str | None
    expires_at: datetime | None
    """Of a session."""
    parent_account_id: str | None
    """None of the seed."""


@dataclass(frozen=True, slots=True)
class LineageQuery:
    """What only the tables can tell: which sessions and keys there are, no account's value says in whole."""

    account_id: str
    """The seed's."""
    seed: str
    asked_at: datetime
    compromised_since: AsOf | None = None


@dataclass(frozen=True, slots=True)
class LineageFacts:
    """The lineage as the tables had it when every ledger was read to its end. What was born since then is missing."""

    wanted: LineageQuery
    descendants: tuple[Descendant, ...]
    """Parents before their children."""
    altered: tuple[AlteredSetting, ...] = ()
    made: frozenset[str] = frozenset()
    """Ids of the lineage's own users, groups and roles, and ARNs of its policies."""
    compromised_since: datetime | None = None
