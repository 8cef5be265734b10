"""IAM's entities under AWS's member names, as answers show them."""

import hashlib
from collections.abc import Iterable, Mapping

from domain.account import Account
from domain.calls import Call
from domain.families.access_keys import AccessKey
from domain.families.aws_managed_policies import is_attachable
from domain.families.boundaries import BOUNDARIES, boundary_arn
from domain.families.credential_use import LAST_USES
from domain.families.groups import Group
from domain.families.instance_profiles import InstanceProfile
from domain.families.passwords import LoginProfile, PasswordPolicy
from domain.families.policies import ATTACHMENTS, ManagedPolicy, PolicyVersion
from domain.families.roles import Role
from domain.families.tags import Tag, tags_of
from domain.families.users import USERS, User
from domain.foundation.entity_index import NamedEntity
from domain.foundation.identifiers import account_of_arn
from domain.rules.access_keys import owner_name
from domain.rules.instance_profiles import roles_of
from domain.rules.roles import served_trust_policy
from domain.rules.users import ROOT

EntityMembers = dict[str, object]
OtherAccounts = Mapping[str, Account]
"""Those besides the role's own of which its trust policy names users and roles, by id."""
_MARKED_KEY_BYTES_MAX = 200
_DIGEST_DIGITS = 16


def user_members(account: Account, user: User) -> EntityMembers:
    """With tags and permissions boundary, which IAM's listings do not carry (API Reference, "ListUsers")."""
    return listed_user_members(account, user) | _tags_and_boundary(account, user.id)


def listed_user_members(account: Account, user: User) -> EntityMembers:
    return _identity(account, "User", user)


def root_members(account: Account) -> EntityMembers:
    """What GetUser says of the root user, which is no User but answers as one."""
    return {
        "Path": "/",
        "UserName": ROOT,
        "UserId": account.id,
        "Arn": account.arn("root"),
        "CreateDate": account.created_at,
    }


def group_members(account: Account, group: Group) -> EntityMembers:
    return _identity(account, "Group", group)


def role_members_with_last_used(account: Account, role: Role, others: OtherAccounts) -> EntityMembers:
    """With RoleLastUsed, which GetRole alone shows (so IAM's listings do not carry it)."""
    return role_members(account, role, others) | {"RoleLastUsed": _last_used(account, role)}


def created_role_members(account: Account, role: Role, others: OtherAccounts) -> EntityMembers:
    """Without MaxSessionDuration, which CreateRole does not tell (aws CLI, examples of create-role)."""
    members = role_members(account, role, others)
    del members["MaxSessionDuration"]
    return members


def role_members(account: Account, role: Role, others: OtherAccounts) -> EntityMembers:
    """With tags and permissions boundary, which IAM's listings do not carry (API Reference, "ListRoles")."""
    return listed_role_members(account, role, others) | _tags_and_boundary(account, role.id)


def listed_role_members(account: Account, role: Role, others: OtherAccounts) -> EntityMembers:
    members = _identity(account, "Role", role)
    trust_policy = served_trust_policy(account, role, others)
    members |= {"AssumeRolePolicyDocument": trust_policy, "MaxSessionDuration": role.session_seconds_max}
    return members if role.description is None else members | {"Description": role.description}


def other_accounts(account: Account, call: Call, trusted: Iterable[str]) -> OtherAccounts:
    """Of these ARNs of users and roles. Read in the round, for an answer is made too late for that. Raises
    NeedsAccounts."""
    return call.accounts({owner_id for arn in trusted if (owner_id := account_of_arn(arn)) not in {None, account.id}})


def listed_instance_profile_members(account: Account, profile: InstanceProfile, others: OtherAccounts) -> EntityMembers:
    """Without tags (API Reference, "ListInstanceProfiles"); its roles without what is not in AWS's examples."""
    roles = [
        _identity(account, "Role", role) | {"AssumeRolePolicyDocument": served_trust_policy(account, role, others)}
        for role in roles_of(account, profile)
    ]
    return _identity(account, "InstanceProfile", profile) | {"Roles": roles}


def _identity(account: Account, kind: str, entity: NamedEntity) -> EntityMembers:
    named: EntityMembers = {"Path": entity.path, f"{kind}Name": entity.name, f"{kind}Id": entity.id}
    return named | {"Arn": account.arn(entity.resource), "CreateDate": entity.created_at}


def _tags_and_boundary(account: Account, entity_id: str) -> EntityMembers:
    """Neither where there is none."""
    policy_arn = boundary_arn(account, entity_id)
    if policy_arn is None:
        return tags_member(account, entity_id)
    # The model's enumeration has another name, the service answers this one (aws CLI, examples of create-user).
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": policy_arn}
    return {"PermissionsBoundary": boundary} | tags_member(account, entity_id)


def tags_member(account: Account, entity_id: str) -> EntityMembers:
    """Nothing where there are none."""
    tags = sorted(tags_of(account, entity_id).values(), key=lambda tag: tag.key)
    return {"Tags": [tag_members(tag) for tag in tags]} if tags else {}


def tag_members(tag: Tag) -> EntityMembers:
    return {"Key": tag.key, "Value": tag.value}


def tag_sort_key(tag: Tag) -> str:
    """The order of listings. 128 letters of other scripts than ours would be too long for a marker: the end of such a
    key, where hardly any two differ, is told by a digest."""
    key = tag.key.encode()
    if len(key) <= _MARKED_KEY_BYTES_MAX:
        return tag.key
    digest = hashlib.sha256(key).hexdigest()[:_DIGEST_DIGITS]
    return key[: _MARKED_KEY_BYTES_MAX - _DIGEST_DIGITS].decode(errors="ignore") + digest


def tags_from_request(given: Iterable[Mapping[str, str]]) -> list[Tag]:
    """From the form in which a request has them."""
    return [Tag(tag["key"], tag["value"]) for tag in given]


def _last_used(account: Account, role: Role) -> EntityMembers:
    used = account[LAST_USES].get(role.id)
    return {} if used is None else {"LastUsedDate": used.at, "Region": used.region}


def policy_members(account: Account, policy: ManagedPolicy) -> EntityMembers:
    """With description and tags, which listings leave out."""
    return described_policy_members(account, policy) | tags_member(account, policy.arn)


def described_policy_members(account: Account, policy: ManagedPolicy) -> EntityMembers:
    members = listed_policy_members(account, policy)
    return members if policy.description is None else members | {"Description": policy.description}


def created_policy_members(account: Account, policy: ManagedPolicy) -> EntityMembers:
    """With tags, which listings leave out (API Reference, "Policy")."""
    return listed_policy_members(account, policy) | tags_member(account, policy.arn)


def listed_policy_members(account: Account, policy: ManagedPolicy) -> EntityMembers:
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default.id,
        "AttachmentCount": account[ATTACHMENTS].count_lefts(policy.arn),
        "PermissionsBoundaryUsageCount": account[BOUNDARIES].count_lefts(policy.arn),
        "IsAttachable": is_attachable(policy),
        "CreateDate": policy.created_at,
        "UpdateDate": policy.updated_at,
    }


def policy_sort_key(policy: ManagedPolicy) -> str:
    """The order of listings. AWS may maintain a policy of the same name; an ARN would be too long for a marker."""
    return f"{policy.name} {policy.id}"


def version_members(policy: ManagedPolicy, version: PolicyVersion) -> EntityMembers:
    """Without the document, which GetPolicyVersion alone shows."""
    return {
        "VersionId": version.id,
        "IsDefaultVersion": version.number == policy.default_version,
        "CreateDate": version.created_at,
    }


def access_key_members(account: Account, key: AccessKey) -> EntityMembers:
    return {
        "UserName": owner_name(account, key.user_id),
        "AccessKeyId": key.id,
        "Status": key.status,
        "CreateDate": key.created_at,
    }


def login_profile_members(account: Account, profile: LoginProfile) -> EntityMembers:
    return {
        "UserName": account[USERS].by_id[profile.user_id].name,
        "CreateDate": profile.created_at,
        "PasswordResetRequired": profile.reset_required,
    }


def password_policy_members(policy: PasswordPolicy) -> EntityMembers:
    """Without limits that the policy does not set."""
    members: EntityMembers = {
        "MinimumPasswordLength": policy.minimum_password_length,
        "RequireSymbols": policy.require_symbols,
        "RequireNumbers": policy.require_numbers,
        "RequireUppercaseCharacters": policy.require_uppercase_characters,
        "RequireLowercaseCharacters": policy.require_lowercase_characters,
        "AllowUsersToChangePassword": policy.allow_users_to_change_password,
        "ExpirePasswords": policy.max_password_age is not None,
        "HardExpiry": policy.hard_expiry,
    }
    if policy.max_password_age is not None:
        members["MaxPasswordAge"] = policy.max_password_age
    if policy.password_reuse_prevention is not None:
        members["PasswordReusePrevention"] = policy.password_reuse_prevention
    return members
