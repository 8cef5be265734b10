"""When a credential was last used: a change, because answers depend on it, and so at most one a window."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from immutables import Map

from domain.account import Account, Bookkeeping, Component, forget_key

USE_WINDOW = timedelta(minutes=15)
"""How exactly AWS keeps the last use of keys and roles."""


@dataclass(frozen=True, slots=True)
class LastUse:
    at: datetime
    service: str
    region: str


LastUses = Map[str, LastUse]
LAST_USES = Component[LastUses]("last_uses", Map(), forget=forget_key)
"""By credential id. When the key or the role is deleted, nobody can ask about it any more; of a user, by its id, the
last use of the keys that are deleted stays."""


class CredentialUsed(Bookkeeping, topic="iam.credential.used.v1"):
    """Written at the first use in a window; later uses in the same window are in the trail alone."""

    credential: Literal["access_key", "role"]
    credential_id: str
    """The access key id, or the role's unique id."""
    service: str
    region: str

    def fold(self, account: Account, at: datetime) -> Account:
        use = LastUse(at, self.service, self.region)
        return account.put(LAST_USES, account[LAST_USES].set(self.credential_id, use))

    def describe(self) -> str:
        what = "Access key" if self.credential == "access_key" else "Role"
        return f"{what} {self.credential_id} was used for {self.service} in {self.region}."


def with_owners_use(uses: LastUses, owner_id: str, of_deleted: LastUse) -> LastUses:
    """With the use of a key that is being deleted as its owner's, where no later one is known."""
    known = uses.get(owner_id)
    return uses if known is not None and known.at >= of_deleted.at else uses.set(owner_id, of_deleted)


def is_news(uses: LastUses, credential_id: str, at: datetime) -> bool:
    """Whether a use at this time is the first of its window."""
    last = uses.get(credential_id)
    return last is None or at - last.at >= USE_WINDOW
