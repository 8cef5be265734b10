"""Whose a credential is: what is to be known before somebody may ask about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from domain.foundation.moments import AsOf


@dataclass(frozen=True, slots=True)
class OwnerQuery:
    """What only tables can tell: no account's value knows its sessions, nor what is gone or was called otherwise."""

    account_id: str
    """Of whoever asks."""
    credential: str
    """As it is named: by any id that it has, or by its owner."""
    asked_at: datetime
    as_of: AsOf | None = None
    """The moment at which it is so named; None for now."""


class CredentialOwner(NamedTuple):
    kind: str
    """Of what is named: of the node in the lineage."""
    owner_id: str
    """The unique id; of root the account's."""
    resource: str
    """As `domain.queries.named.owner_resource` has it."""


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """As the tables had it. A name may mean several, and nothing too."""

    wanted: OwnerQuery
    account_id: str
    """In which the credential is, or would be."""
    owners: tuple[CredentialOwner, ...]
    complete: bool
    """Whether the tables had come to the end of that account's ledger."""
