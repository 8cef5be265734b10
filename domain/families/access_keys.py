"""Access keys: long-term credentials of users and of the root user."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from immutables import Map

from domain.account import Account, AffectsNobody, Component, forget_key
from domain.credential_kinds import HeldCredential, LifecycleKind, Removal
from domain.descent import ACTIVATIONS, MakesActor, activated
from domain.entity_kinds import entity_title, find_entity, prevents_deletion
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.families.credential_use import LAST_USES, with_owners_use
from domain.foundation.events import Entry
from domain.foundation.many_to_many import ManyToMany
from domain.foundation.secret import SecretId, SecretKind
from domain.lineage_kinds import Command, LineageKind

AccessKeyStatus = Literal["Active", "Inactive"]


@dataclass(frozen=True, slots=True)
class AccessKey:
    id: str
    user_id: str
    """The owner's unique id; the account id for a key of the root user."""
    status: AccessKeyStatus
    created_at: datetime
    changed_at: datetime
    """When it was created, or last activated or deactivated."""


@dataclass(frozen=True, slots=True)
class AccessKeys:
    by_id: Map[str, AccessKey] = Map()
    owned: ManyToMany = ManyToMany()
    """Unique ids of owners on the left, key ids on the right."""

    def of(self, user_id: str) -> list[AccessKey]:
        """Oldest first."""
        return [self.by_id[key_id] for key_id in self.owned.rights_of(user_id)]

    def add(self, key: AccessKey) -> "AccessKeys":
        if key.id in self.by_id:
            raise LookupError(f"There is an access key {key.id} already.")
        return AccessKeys(self.by_id.set(key.id, key), self.owned.add(key.user_id, key.id))

    def with_status(self, key_id: str, status: AccessKeyStatus, at: datetime) -> "AccessKeys":
        changed = replace(self.by_id[key_id], status=status, changed_at=at)
        return replace(self, by_id=self.by_id.set(key_id, changed))

    def without(self, key_id: str, user_id: str) -> "AccessKeys":
        return AccessKeys(self.by_id.delete(key_id), self.owned.remove(user_id, key_id))


ACCESS_KEYS = Component[AccessKeys]("access_keys", AccessKeys(), ids=lambda keys: keys.by_id)
ACCESS_KEY_FACT = FactKind("access key")
prevents_deletion(2, "delete access keys", lambda account, user_id: account[ACCESS_KEYS].of(user_id))


def _removals(now: Account, owner_id: str) -> Iterator[tuple[str, Command]]:
    """A key of root's is the caller's own: only root can remove it."""
    user = find_entity(now, owner_id)
    named = {} if user is None else {"user_name": user[1].name}
    for key in now[ACCESS_KEYS].of(owner_id):
        yield key.id, Command("delete-access-key", {**named, "access_key_id": key.id})


LineageKind("access_key", "access key {subject} of {name}", gives_access=True, removals=_removals)
LineageKind("activation", "{subject} activated, of {name}", gives_access=True)


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    for key in account[ACCESS_KEYS].of(subject):
        owner = "root" if subject == account.id else entity_title(account, subject)
        said = {"status": key.status, "user_id": key.user_id}
        yield Fact(ACCESS_KEY_FACT, key.id), FactValue(f"{key.id} of {owner}", said)


class AccessKeyChange(AffectsNobody):
    access_key_id: str
    user_id: str
    user_name: str
    subject = "user_id"


class AccessKeyCreated(MakesActor, AccessKeyChange, topic="iam.access_key.created.v1"):
    actor = "access_key_id"
    owner = "user_id"
    sentence = "Access key {access_key_id} of {user_name} was created."

    def fold(self, account: Account, at: datetime) -> Account:
        key = AccessKey(self.access_key_id, self.user_id, "Active", at, at)
        return account.put(ACCESS_KEYS, account[ACCESS_KEYS].add(key))


class AccessKeyActivated(AccessKeyChange, topic="iam.access_key.activated.v1"):
    sentence = "Access key {access_key_id} of {user_name} was activated."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(ACCESS_KEYS, account[ACCESS_KEYS].with_status(self.access_key_id, "Active", at))

    def fold_entry(self, account: Account, entry: Entry) -> Account:
        return activated(super().fold_entry(account, entry), self.access_key_id, self.user_id, entry)


class AccessKeyDeactivated(AccessKeyChange, topic="iam.access_key.deactivated.v1"):
    """The key may no longer sign. Sessions minted from it live on, as in AWS; `contain` ends those too."""

    sentence = "Access key {access_key_id} of {user_name} was deactivated."

    def fold(self, account: Account, at: datetime) -> Account:
        account = account.put(ACTIVATIONS, forget_key(account[ACTIVATIONS], self.access_key_id))
        return account.put(ACCESS_KEYS, account[ACCESS_KEYS].with_status(self.access_key_id, "Inactive", at))


class AccessKeyDeleted(AccessKeyChange, topic="iam.access_key.deleted.v1"):
    sentence = "Access key {access_key_id} of {user_name} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        keys = account[ACCESS_KEYS].without(self.access_key_id, self.user_id)
        uses = account[LAST_USES]
        last = uses.get(self.access_key_id)
        if last is not None:
            account = account.put(LAST_USES, with_owners_use(uses, self.user_id, last))
        return account.put(ACCESS_KEYS, keys).forget(self.access_key_id)


def _held(key: AccessKey) -> HeldCredential:
    return HeldCredential(
        "access_key", key.id, key.user_id, key.created_at, active=key.status == "Active", changed_at=key.changed_at
    )


def _naming(account: Account, held: HeldCredential) -> dict[str, str]:
    user = find_entity(account, held.owner_id)
    name = account.id if user is None else user[1].name
    return {"access_key_id": held.id, "user_id": held.owner_id, "user_name": name}


LifecycleKind(
    "access_key",
    of=lambda account, owner_id: map(_held, account[ACCESS_KEYS].of(owner_id)),
    find=lambda account, key_id: None if (key := account[ACCESS_KEYS].by_id.get(key_id)) is None else _held(key),
    deactivate=lambda account, held: AccessKeyDeactivated.model_validate(_naming(account, held)),
    delete=lambda account, held: Removal(
        AccessKeyDeleted.model_validate(_naming(account, held)), (SecretId(SecretKind.ACCESS_KEY, held.id),)
    ),
)
