"""Notices: what time has made of a credential, told once, with the rule and the facts that it follows from."""

from abc import abstractmethod
from datetime import datetime
from typing import ClassVar, Literal

from immutables import Map

from domain.account import Account, Bookkeeping, Component, forget_key
from domain.foundation.events import Value

NoticeKind = Literal["rotation_warned", "rotation_due", "rotation_overdue", "idle", "expired"]


class Rule(Value):
    """Which rule made a notice due: so many days after the time that the evidence names."""

    profile: str
    version: int
    name: str
    days: int


class LastUsed(Value):
    at: datetime
    """The beginning of the window of the last use (`USE_WINDOW` of the family credential_use)."""
    service: str
    region: str


class Evidence(Value):
    """The facts about the credential as the decision found them."""

    created_at: datetime
    """Of a password: since when it is this password."""
    last_used: LastUsed | None = None
    """None when it was never used."""


Notices = Map[str, Map[str, datetime]]
_NONE: Map[str, datetime] = Map()
NOTICES = Component[Notices]("notices", Map(), forget=forget_key)
"""By credential id and what it is about: the due time that was told last. Forgotten with the credential: it has an id,
or a time from which it counts, that no later one has."""


def is_recorded(notices: Notices, credential_id: str, about: NoticeKind, due_at: datetime) -> bool:
    """Whether it has been told that this became so at that time."""
    return notices.get(credential_id, _NONE).get(about) == due_at


class Notice(Bookkeeping):
    """A change, so that the account knows what has been told: that alone makes it happen once, however often, late or
    at how many places the scheduler runs.

    It stands until the due time that it tells is the credential's no more: after a use, another password, or another
    rule, there may be a next one. The entry's own time says when it was recorded, `due_at` when it became so. Each is
    declared with the family of its credential.
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

    @abstractmethod
    def is_about_one_of(self, account: Account) -> bool:
        """Whether the credential is there."""

    def fold(self, account: Account, at: datetime) -> Account:
        if not self.is_about_one_of(account):
            raise LookupError(f"There is no credential {self.credential_id}.")
        notices = account[NOTICES]
        if is_recorded(notices, self.credential_id, self.about, self.due_at):
            raise LookupError(f"{type(self).__name__} of {self.credential_id} was recorded before.")
        told = notices.get(self.credential_id, _NONE).set(self.about, self.due_at)
        return account.put(NOTICES, notices.set(self.credential_id, told))
