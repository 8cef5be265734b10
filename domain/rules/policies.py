"""Managed policies and their versions: what may be done with them."""

from domain.account import Account
from domain.families.aws_managed_policies import known_policy
from domain.families.boundaries import BOUNDARIES
from domain.families.policies import (
    ATTACHMENTS,
    MANAGED_POLICIES,
    DefaultPolicyVersionSet,
    ManagedPolicy,
    PolicyCreated,
    PolicyDeleted,
    PolicyVersion,
    PolicyVersionCreated,
    PolicyVersionDeleted,
)
from domain.foundation.errors import AccessDenied, DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from domain.policy import MANAGED_POLICY_CHARACTERS_MAX, PolicyType, new_policy_size, parse_new
from domain.rules.quotas import CUSTOMER_MANAGED_POLICIES_MAX, POLICY_VERSIONS_MAX, refuse_beyond


def create_policy(
    account: Account, *, policy_id: str, policy_name: str, path: str, description: str | None, document: str
) -> PolicyCreated:
    own = [policy for policy in account[MANAGED_POLICIES].values() if not policy.is_aws_managed]
    if any(policy.name.lower() == policy_name.lower() for policy in own):
        raise EntityAlreadyExists(f"A policy called {policy_name} already exists. Duplicate names are not allowed.")
    refuse_beyond("PoliciesPerAccount", len(own), CUSTOMER_MANAGED_POLICIES_MAX)
    refuse_unfit(account, document)
    return PolicyCreated(
        policy_id=policy_id,
        policy_arn=account.arn(f"policy{path}{policy_name}"),
        policy_name=policy_name,
        path=path,
        description=description,
        document=document,
    )


def create_policy_version(
    account: Account, *, policy_arn: str, document: str, set_as_default: bool
) -> PolicyVersionCreated:
    policy = own_policy(account, policy_arn)
    if len(policy.versions) >= POLICY_VERSIONS_MAX:
        raise LimitExceeded(
            f"A managed policy can have up to {POLICY_VERSIONS_MAX} versions. "
            "Before you create a new version, you must delete an existing version."
        )
    refuse_unfit(account, document)
    return PolicyVersionCreated(
        policy_arn=policy_arn, version=policy.last_version + 1, document=document, is_default=set_as_default
    )


def set_default_policy_version(
    account: Account, *, policy_arn: str, version_id: str
) -> tuple[DefaultPolicyVersionSet, ...]:
    """Setting the version that is the default already is no error and no event."""
    policy = own_policy(account, policy_arn)
    version = policy_version(policy, version_id)
    if version.number == policy.default_version:
        return ()
    return (DefaultPolicyVersionSet(policy_arn=policy_arn, version=version.number),)


def delete_policy_version(account: Account, *, policy_arn: str, version_id: str) -> PolicyVersionDeleted:
    policy = own_policy(account, policy_arn)
    version = policy_version(policy, version_id)
    if version.number == policy.default_version:
        raise DeleteConflict("Cannot delete the default version of a policy.")
    return PolicyVersionDeleted(policy_arn=policy_arn, version=version.number)


def delete_policy(account: Account, *, policy_arn: str) -> PolicyDeleted:
    policy = own_policy(account, policy_arn)
    if account[ATTACHMENTS].count_lefts(policy_arn):
        raise DeleteConflict("Cannot delete a policy attached to entities.")
    if account[BOUNDARIES].count_lefts(policy_arn):
        raise DeleteConflict("Cannot delete a policy attached to entities.", "as their permissions boundary")
    if len(policy.versions) > 1:
        raise DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    return PolicyDeleted(policy_id=policy.id, policy_arn=policy_arn)


def own_policy(account: Account, policy_arn: str) -> ManagedPolicy:
    """A policy that the account may change. Those that AWS maintains nobody changes, root included."""
    policy = known_policy(account, policy_arn)
    if policy.is_aws_managed:
        raise AccessDenied(f"Policy {policy_arn} is managed by AWS and cannot be changed.")
    return policy


def policy_version(policy: ManagedPolicy, version_id: str) -> PolicyVersion:
    for version in policy.versions.values():
        if version.id == version_id:
            return version
    raise NoSuchEntity(f"Policy {policy.arn} version {version_id} does not exist or is not attachable.")


def refuse_unfit(account: Account, document: str) -> None:
    """Raises LimitExceeded, before it is parsed, or MalformedPolicyDocument."""
    if new_policy_size(document) > MANAGED_POLICY_CHARACTERS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for PolicySize: {MANAGED_POLICY_CHARACTERS_MAX}")
    parse_new(document, PolicyType.IDENTITY, account.partition)
