"""IAM's operations on instance profiles and on the roles in them."""

from collections.abc import Iterable

from domain.account import Account
from domain.authorization import authorize
from domain.calls import Call, Outcome, done
from domain.families.instance_profiles import INSTANCE_PROFILE, INSTANCE_PROFILES, InstanceProfile
from domain.families.roles import ROLES
from domain.rules import instance_profiles, tagging
from services.iam import condition_keys, resources
from services.iam.entities import list_under_path
from services.iam.entity_members import (
    EntityMembers,
    OtherAccounts,
    listed_instance_profile_members,
    other_accounts,
    tags_member,
)
from services.iam.tags import TagList, authorized_tags
from services.wire.operations import answers, any_resource
from services.wire.pagination import page_request

_EC2 = {"aws-cn": "ec2.amazonaws.com.cn"}
"""Its service principal, where that is another one."""


@answers(
    "CreateInstanceProfile",
    on=resources.instance_profile,
    records="instance_profile_name path tags",
    context=condition_keys.request_tags,
)
def create_instance_profile(
    account: Account, call: Call, *, instance_profile_name: str, path: str = "/", tags: TagList | None = None
) -> Outcome:
    arn = account.arn(f"instance-profile{path}{instance_profile_name}")
    given = authorized_tags(account, call, "iam:TagInstanceProfile", arn, tags)
    created = instance_profiles.create_instance_profile(
        account,
        instance_profile_id=call.unique_id(INSTANCE_PROFILE.id_prefix),
        instance_profile_name=instance_profile_name,
        path=path,
    )
    profile_id = created.instance_profile_id
    return Outcome(
        lambda after: {"InstanceProfile": _members(after, after[INSTANCE_PROFILES].by_id[profile_id], {})},
        [created, *tagging.tags_on_create(INSTANCE_PROFILE, profile_id, instance_profile_name, given)],
    )


@answers("GetInstanceProfile", on=resources.instance_profile, records="instance_profile_name")
def get_instance_profile(account: Account, call: Call, *, instance_profile_name: str) -> Outcome:
    profile = account[INSTANCE_PROFILES].named(instance_profile_name)
    others = _others(account, call, [profile])
    return Outcome(lambda after: {"InstanceProfile": _members(after, profile, others)})


@answers("ListInstanceProfiles", on=any_resource, records="path_prefix marker max_items")
def list_instance_profiles(
    account: Account, call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Outcome:
    others = _others(account, call, account[INSTANCE_PROFILES])
    return list_under_path(
        INSTANCE_PROFILE,
        lambda after, profile: listed_instance_profile_members(after, profile, others),
        path_prefix,
        marker,
        max_items,
    )


@answers("ListInstanceProfilesForRole", on=resources.role, records="role_name marker max_items")
def list_instance_profiles_for_role(
    account: Account, call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None
) -> Outcome:
    role, pages = account[ROLES].named(role_name), page_request("InstanceProfiles", marker, max_items)
    others = other_accounts(account, call, role.trusted)
    return Outcome(
        lambda after: pages.of(
            instance_profiles.profiles_of(after, role),
            key=lambda profile: profile.name,
            render=lambda profile: listed_instance_profile_members(after, profile, others),
        )
    )


@answers("AddRoleToInstanceProfile", on=resources.instance_profile, records="instance_profile_name role_name")
def add_role_to_instance_profile(
    account: Account, call: Call, *, instance_profile_name: str, role_name: str
) -> Outcome:
    """To which instances the role goes, nobody can say beforehand (IAM API Reference, "AddRoleToInstanceProfile")."""
    target = resources.role(account, call, {"role_name": role_name})
    passed = {
        "iam:passedtoservice": (_EC2.get(account.partition, "ec2.amazonaws.com"),),
        "iam:associatedresourcearn": (f"arn:{account.partition}:ec2:*:{account.id}:instance/*",),
    }
    authorize(account, call, "iam:PassRole", target.arn, passed, named=target.named)
    return done(instance_profiles.add_role(account, instance_profile_name=instance_profile_name, role_name=role_name))


@answers("RemoveRoleFromInstanceProfile", on=resources.instance_profile, records="instance_profile_name role_name")
def remove_role_from_instance_profile(
    account: Account, _call: Call, *, instance_profile_name: str, role_name: str
) -> Outcome:
    return done(
        instance_profiles.remove_role(account, instance_profile_name=instance_profile_name, role_name=role_name)
    )


@answers("DeleteInstanceProfile", on=resources.instance_profile, records="instance_profile_name")
def delete_instance_profile(account: Account, _call: Call, *, instance_profile_name: str) -> Outcome:
    return done(instance_profiles.delete_instance_profile(account, instance_profile_name=instance_profile_name))


def _members(account: Account, profile: InstanceProfile, others: OtherAccounts) -> EntityMembers:
    return listed_instance_profile_members(account, profile, others) | tags_member(account, profile.id)


def _others(account: Account, call: Call, profiles: Iterable[InstanceProfile]) -> OtherAccounts:
    roles = (role for profile in profiles for role in instance_profiles.roles_of(account, profile))
    return other_accounts(account, call, (arn for role in roles for arn in role.trusted))
