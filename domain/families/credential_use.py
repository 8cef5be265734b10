"""When a credential was last used: a change, because answers depend on it, and so at most one a window."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from immutables import Map

from domain.foundation.events import Change

USE_WINDOW = timedelta(minutes=15)
"""How exactly AWS keeps the last use of keys and roles."""


@dataclass(frozen=True, slots=True)
class LastUse:
    at: datetime
    service: str
    region: str


class CredentialUsed(Change, topic="iam.credential.used.v1"):
    """Written at the first use in a window; later uses in the same window are in the trail alone."""

    credential: Literal["access_key", "role"]
    credential_id: str
    """The access key id, or the role's unique id."""
    service: str
    region: str


LastUses = Map[str, LastUse]
"""By credential id."""


def evolve(uses: LastUses, event: CredentialUsed, at: datetime) -> LastUses:
    return uses.set(event.credential_id, LastUse(at, event.service, event.region))


def forget(uses: LastUses, credential_id: str) -> LastUses:
    """When the key or the role is deleted: nobody can ask about it any more."""
    return uses.delete(credential_id) if credential_id in uses else uses


def is_news(uses: LastUses, credential_id: str, at: datetime) -> bool:
    """Whether a use at this time is the first of its window."""
    last = uses.get(credential_id)
    return last is None or at - last.at >= USE_WINDOW
