"""Instance profiles: by which an EC2 instance is given a role."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.account import Account, AffectsNobody, Component
from domain.entity_kinds import entity_title, find_entity, kind_of_index, prevents_deletion
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.foundation.entity_index import EntityIndex, NamedEntity
from domain.foundation.many_to_many import ManyToMany
from domain.lineage_kinds import Command, LineageKind, Parts, Setting, SettingDelta


@dataclass(frozen=True, slots=True)
class InstanceProfile(NamedEntity):
    noun = "instance-profile"


InstanceProfiles = EntityIndex[InstanceProfile]
INSTANCE_PROFILES = Component[InstanceProfiles](
    "instance_profiles", EntityIndex("instance profile"), ids=lambda profiles: profiles.by_id
)
PROFILE_ROLES = Component[ManyToMany]("profile_roles", ManyToMany())
"""Instance profiles on the left, roles on the right."""
INSTANCE_PROFILE_FACT = FactKind("instance profile")
PROFILE_ROLE_FACT = FactKind("profile role", "was added", "was removed")


def _facts(_account: Account, profile: InstanceProfile) -> Iterator[tuple[Fact, FactValue]]:
    said = {"name": profile.name, "path": profile.path}
    yield Fact(INSTANCE_PROFILE_FACT, profile.id), FactValue(profile.name, said)


INSTANCE_PROFILE = kind_of_index("instance profile", "AIPA", INSTANCE_PROFILES, _facts)


def _pairs(account: Account, entity_id: str) -> list[str]:
    """Of a profile its role, of a role the profiles that it is in."""
    return account[PROFILE_ROLES].rights_of(entity_id) or account[PROFILE_ROLES].lefts_of(entity_id)


prevents_deletion(0, "remove roles from instance profile", _pairs)


@tells_facts
def _role_facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    for role_id in account[PROFILE_ROLES].rights_of(subject):
        role = find_entity(account, role_id)
        name = f"{role_id if role is None else role[1].name} of {entity_title(account, subject)}"
        said = {"instance_profile_id": subject, "role_id": role_id}
        yield Fact(PROFILE_ROLE_FACT, f"{subject}/{role_id}"), FactValue(name, said)


def _role_removals(now: Account, entity_id: str) -> Iterator[tuple[str, Command]]:
    """Of an instance profile its role; of a role the instance profiles that it is in."""
    pairs = now[PROFILE_ROLES]
    for profile_id, role_id, other_id in (
        *((entity_id, role_id, role_id) for role_id in pairs.rights_of(entity_id)),
        *((profile_id, entity_id, profile_id) for profile_id in pairs.lefts_of(entity_id)),
    ):
        profile, role = find_entity(now, profile_id), find_entity(now, role_id)
        assert profile is not None
        assert role is not None
        options = {"instance_profile_name": profile[1].name, "role_name": role[1].name}
        yield other_id, Command("remove-role-from-instance-profile", options)


def _removals(now: Account, profile_id: str) -> Iterator[tuple[str, Command]]:
    """Its role first."""
    profile = now[INSTANCE_PROFILES].by_id.get(profile_id)
    if profile is not None:
        yield from ((profile_id, command) for _, command in _role_removals(now, profile_id))
        yield profile_id, Command("delete-instance-profile", {"instance_profile_name": profile.name})


def _parts(account: Account, profile_id: str, role_id: str) -> Parts:
    return {role_id: ""} if (profile_id, role_id) in account[PROFILE_ROLES] else {}


def _without(delta: SettingDelta, parts: Parts) -> Account:
    """As it is, where the role that was in it is gone."""
    pairs, pair = delta.account[PROFILE_ROLES], (delta.owner_id, delta.subject_id)
    if not parts:
        return delta.account.put(PROFILE_ROLES, pairs.remove(*pair))
    if find_entity(delta.account, delta.subject_id) is None:
        return delta.account
    return delta.account.put(PROFILE_ROLES, pairs.add(*pair))


def _openings(delta: SettingDelta) -> Iterator[str]:
    if delta.introduced:
        role, profile = (entity_title(delta.account, each) for each in (delta.subject_id, delta.owner_id))
        yield f"gives {role} to instances that have {profile}"


PROFILE_ROLE = Setting(_parts, _without, _openings)
LineageKind("instance_profile", "instance profile {name}", removals=_removals)
LineageKind(
    "profile_role", "role {subject} put into instance profile {name}", removals=_role_removals, setting=PROFILE_ROLE
)
LineageKind("profile_role_removed", "role {subject} taken out of instance profile {name}", setting=PROFILE_ROLE)


class InstanceProfileChange(AffectsNobody):
    """What a role may do does not depend on which instances have it."""

    instance_profile_id: str
    instance_profile_name: str
    subject = "instance_profile_id"


class InstanceProfileCreated(InstanceProfileChange, topic="iam.instance_profile.created.v1"):
    path: str
    sentence = "Instance profile {instance_profile_name} was created with path {path}."

    def fold(self, account: Account, at: datetime) -> Account:
        profile = InstanceProfile(self.instance_profile_id, self.instance_profile_name, self.path, at)
        return account.put(INSTANCE_PROFILES, account[INSTANCE_PROFILES].add(profile))


class InstanceProfileDeleted(InstanceProfileChange, topic="iam.instance_profile.deleted.v1"):
    sentence = "Instance profile {instance_profile_name} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        profiles = account[INSTANCE_PROFILES].without(self.instance_profile_id)
        return account.put(INSTANCE_PROFILES, profiles).forget(self.instance_profile_id)


class RoleAddedToInstanceProfile(InstanceProfileChange, topic="iam.instance_profile.role_added.v1"):
    role_id: str
    role_name: str
    sentence = "Role {role_name} was added to instance profile {instance_profile_name}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(PROFILE_ROLES, account[PROFILE_ROLES].add(self.instance_profile_id, self.role_id))


class RoleRemovedFromInstanceProfile(InstanceProfileChange, topic="iam.instance_profile.role_removed.v1"):
    role_id: str
    role_name: str
    sentence = "Role {role_name} was removed from instance profile {instance_profile_name}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(PROFILE_ROLES, account[PROFILE_ROLES].remove(self.instance_profile_id, self.role_id))
