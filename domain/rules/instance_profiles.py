"""Instance profiles: what may be done with them and with their roles."""

from domain.account import Account
from domain.entity_kinds import refuse_deletion
from domain.families.instance_profiles import (
    INSTANCE_PROFILES,
    PROFILE_ROLES,
    InstanceProfile,
    InstanceProfileCreated,
    InstanceProfileDeleted,
    RoleAddedToInstanceProfile,
    RoleRemovedFromInstanceProfile,
)
from domain.families.roles import ROLES, Role
from domain.foundation.errors import NoSuchEntity
from domain.rules.protected_roles import refuse_protected
from domain.rules.quotas import INSTANCE_PROFILES_MAX, ROLES_OF_AN_INSTANCE_PROFILE_MAX, refuse_beyond


def create_instance_profile(
    account: Account, *, instance_profile_id: str, instance_profile_name: str, path: str
) -> InstanceProfileCreated:
    account[INSTANCE_PROFILES].refuse_taken(instance_profile_name)
    refuse_beyond("InstanceProfilesPerAccount", len(account[INSTANCE_PROFILES]), INSTANCE_PROFILES_MAX)
    return InstanceProfileCreated(
        instance_profile_id=instance_profile_id, instance_profile_name=instance_profile_name, path=path
    )


def delete_instance_profile(account: Account, *, instance_profile_name: str) -> InstanceProfileDeleted:
    profile = account[INSTANCE_PROFILES].named(instance_profile_name)
    refuse_deletion(account, profile.id)
    return InstanceProfileDeleted(instance_profile_id=profile.id, instance_profile_name=profile.name)


def add_role(account: Account, *, instance_profile_name: str, role_name: str) -> RoleAddedToInstanceProfile:
    """One that is in it already is one too many as well."""
    profile, role = account[INSTANCE_PROFILES].named(instance_profile_name), account[ROLES].named(role_name)
    refuse_protected(role)
    refuse_beyond(
        "InstanceSessionsPerInstanceProfile",
        len(account[PROFILE_ROLES].rights_of(profile.id)),
        ROLES_OF_AN_INSTANCE_PROFILE_MAX,
    )
    return RoleAddedToInstanceProfile(
        instance_profile_id=profile.id, instance_profile_name=profile.name, role_id=role.id, role_name=role.name
    )


def remove_role(account: Account, *, instance_profile_name: str, role_name: str) -> RoleRemovedFromInstanceProfile:
    profile, role = account[INSTANCE_PROFILES].named(instance_profile_name), account[ROLES].named(role_name)
    if (profile.id, role.id) not in account[PROFILE_ROLES]:
        raise NoSuchEntity(f"Role {role.name} is not in instance profile {profile.name}.")
    return RoleRemovedFromInstanceProfile(
        instance_profile_id=profile.id, instance_profile_name=profile.name, role_id=role.id, role_name=role.name
    )


def roles_of(account: Account, profile: InstanceProfile) -> list[Role]:
    return [account[ROLES].by_id[role_id] for role_id in account[PROFILE_ROLES].rights_of(profile.id)]


def profiles_of(account: Account, role: Role) -> list[InstanceProfile]:
    return [account[INSTANCE_PROFILES].by_id[profile_id] for profile_id in account[PROFILE_ROLES].lefts_of(role.id)]
