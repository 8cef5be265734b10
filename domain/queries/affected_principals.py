"""Whom a change concerns: the principals whose access may be another afterwards."""

from domain.account import Account, AccountClosed, AccountCreated
from domain.families import (
    access_keys,
    aliases,
    boundaries,
    containment,
    credential_use,
    groups,
    notices,
    organization,
    passwords,
    policies,
    roles,
    sessions,
    tags,
    users,
)
from domain.foundation.events import Event

_NOBODY: frozenset[str] = frozenset()


def affected_principals(before: Account, after: Account, event: Event) -> frozenset[str] | None:  # noqa: C901, PLR0911  one case a family
    """Unique ids, and the account's for root; None: everybody's. That the resource which is asked about has changed,
    with its tags or its trust policy, is for whoever knows which it is."""
    match event:
        case users.UserCreated() | users.UserUpdated() | users.UserDeleted():
            return frozenset({event.user_id})
        case roles.RoleCreated() | roles.RoleDeleted():
            return frozenset({event.role_id})
        case groups.UserAddedToGroup() | groups.UserRemovedFromGroup():
            return frozenset({event.user_id})
        case (
            tags.EntityTagged()
            | tags.EntityUntagged()
            | boundaries.PermissionsBoundaryPut()
            | boundaries.PermissionsBoundaryDeleted()
        ):
            return frozenset({event.entity_id})
        case (
            policies.PolicyAttached()
            | policies.PolicyDetached()
            | policies.InlinePolicyPut()
            | policies.InlinePolicyDeleted()
        ):
            return _with_members(after, event.entity_id)
        case policies.PolicyVersionCreated(is_default=True) | policies.DefaultPolicyVersionSet():
            return _held_by(after, event.policy_arn)
        case policies.ManagedCatalogueAdopted():
            return _NOBODY.union(*(_held_by(after, version.policy_arn) for version in event.versions))
        case passwords.PasswordPolicyUpdated() | passwords.PasswordPolicyDeleted():
            # It grants every user the change of the own password, or does not.
            return frozenset(after.users.by_id) if _own_password(before) != _own_password(after) else _NOBODY
        case (
            organization.OrganizationPoliciesApplied()
            | organization.OrganizationLeft()
            | AccountCreated()
            | AccountClosed()
        ):
            return None
        case (
            roles.RoleUpdated()
            | roles.TrustPolicyReplaced()
            | groups.GroupCreated()
            | groups.GroupUpdated()
            | groups.GroupDeleted()
            | policies.PolicyCreated()
            | policies.PolicyVersionCreated()
            | policies.PolicyVersionDeleted()
            | policies.PolicyDeleted()
            | access_keys.AccessKeyCreated()
            | access_keys.AccessKeyActivated()
            | access_keys.AccessKeyDeactivated()
            | access_keys.AccessKeyDeleted()
            | passwords.LoginProfileCreated()
            | passwords.LoginProfileUpdated()
            | passwords.LoginProfileDeleted()
            | passwords.PasswordChanged()
            | passwords.PasswordAttemptFailed()
            | sessions.SessionRevoked()
            | sessions.SessionExpiriesRecorded()
            | containment.CredentialContained()
            | credential_use.CredentialUsed()
            | notices.Notice()
            | aliases.AccountAliasCreated()
            | aliases.AccountAliasDeleted()
        ):
            # None of it is what a policy says, or to whom: whether a credential is honoured is asked before.
            return _NOBODY
        case other:
            raise TypeError(f"{type(other).__name__} is no change of an account.")


def _with_members(account: Account, entity_id: str) -> frozenset[str]:
    """Of a group its members, who have what it holds."""
    if entity_id in account.groups.by_id:
        return frozenset(account.memberships.lefts_of(entity_id))
    return frozenset({entity_id})


def _held_by(account: Account, policy_arn: str) -> frozenset[str]:
    """Whoever the policy is attached to, or bounds."""
    holders = (_with_members(account, holder_id) for holder_id in account.attachments.lefts_of(policy_arn))
    return frozenset(account.boundaries.lefts_of(policy_arn)).union(*holders)


def _own_password(account: Account) -> bool:
    policy = account.password_policy
    return policy is not None and policy.allow_users_to_change_password
