"""Groups, and which users are in them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from domain.account import Account, AffectsNobody, AffectsSubject, Component
from domain.entity_kinds import entity_title, kind_of_index, naming_setting, prevents_deletion
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.foundation.entity_index import EntityIndex, NamedEntity
from domain.foundation.many_to_many import ManyToMany
from domain.lineage_kinds import LineageKind, Parts, Setting, SettingDelta, documents_of, with_what_it_had
from domain.policy.statement_texts import allows, denies


@dataclass(frozen=True, slots=True)
class Group(NamedEntity):
    noun = "group"


Groups = EntityIndex[Group]
GROUPS = Component[Groups]("groups", EntityIndex("group"), ids=lambda groups: groups.by_id)
MEMBERSHIPS = Component[ManyToMany]("memberships", ManyToMany())
"""Users on the left, groups on the right."""
GROUP_FACT = FactKind("group")
MEMBERSHIP_FACT = FactKind("membership", "began", "ended")


def _facts(_account: Account, group: Group) -> Iterator[tuple[Fact, FactValue]]:
    yield Fact(GROUP_FACT, group.id), FactValue(group.name, {"name": group.name, "path": group.path})


NAMING = naming_setting(GROUPS, lambda group, name, path: replace(group, name=name, path=path))
GROUP = kind_of_index("group", "AGPA", GROUPS, _facts)
LineageKind("group_rename", "group {name} renamed", setting=NAMING)
LineageKind("group")


def _member_parts(account: Account, user_id: str, group_id: str) -> Parts:
    return {group_id: ""} if (user_id, group_id) in account[MEMBERSHIPS] else {}


def _without_member(delta: SettingDelta, parts: Parts) -> Account:
    """A group that is gone comes back with what it had, by its unique id alone: its name may be another's."""
    account, group_id = delta.account, delta.subject_id
    if not parts:
        return account.put(MEMBERSHIPS, account[MEMBERSHIPS].remove(delta.owner_id, group_id))
    former = delta.lost[GROUPS].by_id.get(group_id)
    if group_id not in account[GROUPS].by_id and former is not None:
        account = account.put(GROUPS, account[GROUPS].add(replace(former, name=group_id)))
        account = with_what_it_had(account, delta.lost, group_id)
    return account.put(MEMBERSHIPS, account[MEMBERSHIPS].add(delta.owner_id, group_id))


def _member_openings(delta: SettingDelta) -> Iterator[str]:
    """What was taken away is asked of the group as it was."""
    user = entity_title(delta.account, delta.owner_id)
    if delta.introduced and any(map(allows, documents_of(delta.account, delta.subject_id))):
        yield f"allows {user} what {entity_title(delta.account, delta.subject_id)} is allowed"
    if delta.dropped and any(map(denies, documents_of(delta.lost, delta.subject_id))):
        yield f"no longer denies {user} what {entity_title(delta.lost, delta.subject_id)} was denied"


MEMBERSHIP = Setting(_member_parts, _without_member, _member_openings)
LineageKind("membership", "{name} put into group {subject}", setting=MEMBERSHIP)
LineageKind("membership_removed", "{name} taken out of group {subject}", setting=MEMBERSHIP)
prevents_deletion(0, "remove users from group", lambda account, group_id: account[MEMBERSHIPS].count_lefts(group_id))
prevents_deletion(9, "remove users from group", lambda account, user_id: account[MEMBERSHIPS].rights_of(user_id))


@tells_facts
def _membership_facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    for group_id in account[MEMBERSHIPS].rights_of(subject):
        name = f"of {entity_title(account, subject)} in {entity_title(account, group_id)}"
        said = {"user_id": subject, "group_id": group_id}
        yield Fact(MEMBERSHIP_FACT, f"{subject}/{group_id}"), FactValue(name, said)


def with_members(account: Account, entity_id: str) -> frozenset[str]:
    """The principals that have what the entity is given: of a group its members."""
    if entity_id in account[GROUPS].by_id:
        return frozenset(account[MEMBERSHIPS].lefts_of(entity_id))
    return frozenset({entity_id})


class GroupChange(AffectsNobody):
    """Of a group itself: nobody is in it yet or any more, or it is called otherwise."""

    group_id: str
    group_name: str
    subject = "group_id"


class GroupCreated(GroupChange, topic="iam.group.created.v1"):
    path: str
    sentence = "Group {group_name} was created with path {path}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(GROUPS, account[GROUPS].add(Group(self.group_id, self.group_name, self.path, at)))


class GroupUpdated(GroupChange, topic="iam.group.updated.v1"):
    new_group_name: str
    new_path: str
    sentence = "Group {group_name} is now {new_group_name} with path {new_path}."

    def fold(self, account: Account, at: datetime) -> Account:
        groups = account[GROUPS]
        renamed = replace(groups.by_id[self.group_id], name=self.new_group_name, path=self.new_path)
        return account.put(GROUPS, groups.put(renamed))


class GroupDeleted(GroupChange, topic="iam.group.deleted.v1"):
    sentence = "Group {group_name} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(GROUPS, account[GROUPS].without(self.group_id)).forget(self.group_id)


class GroupMembershipChange(AffectsSubject):
    group_id: str
    group_name: str
    user_id: str
    user_name: str
    subject = "user_id"


class UserAddedToGroup(GroupMembershipChange, topic="iam.group.user_added.v1"):
    sentence = "User {user_name} was added to group {group_name}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(MEMBERSHIPS, account[MEMBERSHIPS].add(self.user_id, self.group_id))


class UserRemovedFromGroup(GroupMembershipChange, topic="iam.group.user_removed.v1"):
    sentence = "User {user_name} was removed from group {group_name}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(MEMBERSHIPS, account[MEMBERSHIPS].remove(self.user_id, self.group_id))
