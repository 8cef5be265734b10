"""Users: people and programs with credentials of their own."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from domain.account import Account, AffectsSubject, Component
from domain.credential_kinds import HeldCredential, LifecycleKind
from domain.descent import MakesActor
from domain.entity_kinds import kind_of_index, naming_setting
from domain.facts import Fact, FactKind, FactValue
from domain.foundation.entity_index import EntityIndex, NamedEntity
from domain.lineage_kinds import LineageKind


@dataclass(frozen=True, slots=True)
class User(NamedEntity):
    noun = "user"


Users = EntityIndex[User]
USERS = Component[Users]("users", EntityIndex("user"), ids=lambda users: users.by_id)
USER_FACT = FactKind("user")


def _facts(_account: Account, user: User) -> Iterator[tuple[Fact, FactValue]]:
    yield Fact(USER_FACT, user.id), FactValue(user.name, {"name": user.name, "path": user.path})


NAMING = naming_setting(USERS, lambda user, name, path: replace(user, name=name, path=path))
USER = kind_of_index("user", "AIDA", USERS, _facts)
LineageKind("user_rename", "user {name} renamed", setting=NAMING)
LineageKind("user", gives_access=True, owns_credentials=True)


def _held(account: Account, user_id: str) -> HeldCredential | None:
    found = account[USERS].by_id.get(user_id)
    return None if found is None else HeldCredential("user", found.id, found.id, found.created_at)


LifecycleKind("user", lambda account, owner_id: filter(None, [_held(account, owner_id)]), _held)


class UserChange(AffectsSubject):
    """Of a user itself."""

    user_id: str
    user_name: str
    subject = "user_id"


class UserCreated(MakesActor, UserChange, topic="iam.user.created.v1"):
    path: str
    actor = "user_id"
    sentence = "User {user_name} was created with path {path}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(USERS, account[USERS].add(User(self.user_id, self.user_name, self.path, at)))


class UserUpdated(UserChange, topic="iam.user.updated.v1"):
    """The user has another name or path, and with it another ARN. The unique id stays."""

    new_user_name: str
    new_path: str
    sentence = "User {user_name} is now {new_user_name} with path {new_path}."

    def fold(self, account: Account, at: datetime) -> Account:
        users = account[USERS]
        renamed = replace(users.by_id[self.user_id], name=self.new_user_name, path=self.new_path)
        return account.put(USERS, users.put(renamed))


class UserDeleted(UserChange, topic="iam.user.deleted.v1"):
    sentence = "User {user_name} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(USERS, account[USERS].without(self.user_id)).forget(self.user_id)
