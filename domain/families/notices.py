"""Notices: what time has made of a credential, told once, with the rule and the facts that it follows from."""

from datetime import datetime
from typing import ClassVar, Literal

from immutables import Map

from domain.foundation.events import Change, Value

NoticeKind = Literal["rotation_warned", "rotation_due", "rotation_overdue", "idle", "expired"]


class Rule(Value):
    """Which rule made a notice due: so many days after the time that the evidence names."""

    profile: str
    version: int
    name: str
    days: int


class LastUsed(Value):
    at: datetime
    """The beginning of the window of the last use (domain.usage.USE_WINDOW)."""
    service: str
    region: str


class Evidence(Value):
    """The facts about the credential as the decision found them."""

    created_at: datetime
    """Of a password: since when it is this password."""
    last_used: LastUsed | None = None
    """None when it was never used."""


class Notice(Change):
    """A change, so that the account knows what has been told: that alone makes it happen once, however often, late or
    at how many places the scheduler runs.

    It stands until the due time that it tells is the credential's no more: after a use, another password, or another
    rule, there may be a next one. The entry's own time says when it was recorded, `due_at` when it became so.
    """

    about: ClassVar[NoticeKind]

    credential_id: str
    """The access key id; of a password the user's unique id."""
    owner_id: str
    """The user's unique id; the account id for a key of the root user."""
    owner_name: str
    due_at: datetime
    rule: Rule
    evidence: Evidence


class RotationWarned(Notice, topic="iam.access_key.rotation_warned.v1"):
    """The access key will soon be so old that it has to be replaced."""

    about = "rotation_warned"
    rotation_due_at: datetime


class RotationDue(Notice, topic="iam.access_key.rotation_due.v1"):
    """The access key has reached the age at which it has to be replaced."""

    about = "rotation_due"


class RotationOverdue(Notice, topic="iam.access_key.rotation_overdue.v1"):
    """The access key should have been replaced, and the time that was given for it is over too."""

    about = "rotation_overdue"


class CredentialIdle(Notice, topic="iam.credential.idle.v1"):
    """Nobody has used the credential for long; one that was never used counts from its creation."""

    about = "idle"
    credential: Literal["access_key"]


class PasswordExpired(Notice, topic="iam.password.expired.v1"):
    """The password has reached the age at which the account's password policy lets it expire."""

    about = "expired"


Notices = Map[str, Map[str, datetime]]
"""By credential id and what it is about: the due time that was told last."""


def evolve(notices: Notices, event: Notice) -> Notices:
    told: Map[str, datetime] = notices.get(event.credential_id, Map())
    if told.get(event.about) == event.due_at:
        raise LookupError(f"{type(event).__name__} of {event.credential_id} was recorded before.")
    return notices.set(event.credential_id, told.set(event.about, event.due_at))


def forget(notices: Notices, credential_id: str) -> Notices:
    """When the credential is deleted: it has an id, or a time from which it counts, that no later one has."""
    return notices.delete(credential_id) if credential_id in notices else notices


def is_recorded(notices: Notices, credential_id: str, about: NoticeKind, due_at: datetime) -> bool:
    """Whether it has been told that this became so at that time."""
    return notices.get(credential_id, _NONE).get(about) == due_at


_NONE: Map[str, datetime] = Map()
