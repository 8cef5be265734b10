"""What every change says, in one English sentence, for people who read a ledger."""

from collections.abc import Iterable

from domain import installation
from domain.account import AccountClosed, AccountCreated
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


def describe(event: Event) -> str:  # noqa: C901, PLR0911, PLR0912  one case a family
    """Names of things are as they were called at the time. Raises TypeError for what is no change."""
    match event:
        case users.UserCreated() | users.UserUpdated() | users.UserDeleted():
            return _of_user(event)
        case groups.GroupCreated() | groups.GroupUpdated() | groups.GroupDeleted():
            return _of_group(event)
        case groups.UserAddedToGroup():
            return f"User {event.user_name} was added to group {event.group_name}."
        case groups.UserRemovedFromGroup():
            return f"User {event.user_name} was removed from group {event.group_name}."
        case roles.RoleCreated() | roles.RoleUpdated() | roles.TrustPolicyReplaced() | roles.RoleDeleted():
            return _of_role(event)
        case tags.EntityTagged():
            told = _listed(f"{key}={value}" for key, value in event.tags.items())
            return f"{event.entity.capitalize()} {event.entity_name} was tagged {told}."
        case tags.EntityUntagged():
            return f"{event.entity.capitalize()} {event.entity_name} lost the tags {_listed(event.keys)}."
        case boundaries.PermissionsBoundaryPut():
            return f"Policy {event.policy_arn} became the boundary of {event.entity} {event.entity_name}."
        case boundaries.PermissionsBoundaryDeleted():
            return f"Policy {event.policy_arn} is no longer the boundary of {event.entity} {event.entity_name}."
        case (
            policies.PolicyAttached()
            | policies.PolicyDetached()
            | policies.InlinePolicyPut()
            | policies.InlinePolicyDeleted()
        ):
            return _of_holder(event)
        case (
            policies.PolicyCreated()
            | policies.PolicyVersionCreated()
            | policies.DefaultPolicyVersionSet()
            | policies.PolicyVersionDeleted()
            | policies.PolicyDeleted()
            | policies.ManagedCatalogueAdopted()
        ):
            return _of_managed_policy(event)
        case (
            access_keys.AccessKeyCreated()
            | access_keys.AccessKeyActivated()
            | access_keys.AccessKeyDeactivated()
            | access_keys.AccessKeyDeleted()
        ):
            return _of_access_key(event)
        case notices.Notice():
            return _of_notice(event)
        case (
            passwords.LoginProfileCreated()
            | passwords.LoginProfileUpdated()
            | passwords.LoginProfileDeleted()
            | passwords.PasswordChanged()
            | passwords.PasswordAttemptFailed()
        ):
            return _of_password(event)
        case _:
            return _of_account(event)


def _of_user(event: users.UserCreated | users.UserUpdated | users.UserDeleted) -> str:
    match event:
        case users.UserCreated():
            return f"User {event.user_name} was created with path {event.path}."
        case users.UserUpdated():
            return f"User {event.user_name} is now {event.new_user_name} with path {event.new_path}."
        case users.UserDeleted():
            return f"User {event.user_name} was deleted."


def _of_group(event: groups.GroupEvent) -> str:
    match event:
        case groups.GroupCreated():
            return f"Group {event.group_name} was created with path {event.path}."
        case groups.GroupUpdated():
            return f"Group {event.group_name} is now {event.new_group_name} with path {event.new_path}."
        case groups.GroupDeleted():
            return f"Group {event.group_name} was deleted."


def _of_role(event: roles.RoleCreated | roles.RoleUpdated | roles.TrustPolicyReplaced | roles.RoleDeleted) -> str:
    match event:
        case roles.RoleCreated():
            return f"Role {event.role_name} was created with path {event.path}."
        case roles.RoleUpdated():
            described = "no description" if event.description is None else f'the description "{event.description}"'
            seconds = f"sessions of at most {event.session_seconds_max} seconds"
            return f"Role {event.role_name} now has {described} and {seconds}."
        case roles.TrustPolicyReplaced():
            return f"Role {event.role_name} got another trust policy."
        case roles.RoleDeleted():
            return f"Role {event.role_name} was deleted."


def _of_holder(event: policies.AttachmentEvent | policies.InlinePolicyEvent) -> str:
    holder = f"{event.entity} {event.entity_name}"
    match event:
        case policies.PolicyAttached():
            return f"Policy {event.policy_arn} was attached to {holder}."
        case policies.PolicyDetached():
            return f"Policy {event.policy_arn} was detached from {holder}."
        case policies.InlinePolicyPut():
            return f"Inline policy {event.policy_name} of {holder} was written."
        case policies.InlinePolicyDeleted():
            return f"Inline policy {event.policy_name} of {holder} was deleted."


def _of_managed_policy(event: policies.PolicyEvent) -> str:
    match event:
        case policies.PolicyCreated():
            return f"Policy {event.policy_arn} was created."
        case policies.PolicyVersionCreated():
            default = ", which is the default" if event.is_default else ""
            return f"Policy {event.policy_arn} got version v{event.version}{default}."
        case policies.DefaultPolicyVersionSet():
            return f"Version v{event.version} became the default version of {event.policy_arn}."
        case policies.PolicyVersionDeleted():
            return f"Version v{event.version} of {event.policy_arn} was deleted."
        case policies.PolicyDeleted():
            return f"Policy {event.policy_arn} was deleted."
        case policies.ManagedCatalogueAdopted():
            return f"{len(event.versions)} policies that AWS maintains became known in new versions."


def _of_access_key(event: access_keys.AccessKeyEvent) -> str:
    verb = {
        access_keys.AccessKeyCreated: "created",
        access_keys.AccessKeyActivated: "activated",
        access_keys.AccessKeyDeactivated: "deactivated",
        access_keys.AccessKeyDeleted: "deleted",
    }[type(event)]
    return f"Access key {event.access_key_id} of {event.user_name} was {verb}."


def _of_notice(event: notices.Notice) -> str:
    match event.about:
        case "rotation_warned":
            return f"Access key {event.credential_id} of {event.owner_name} will soon have to be replaced."
        case "rotation_due":
            return f"Access key {event.credential_id} of {event.owner_name} has to be replaced."
        case "rotation_overdue":
            return f"Access key {event.credential_id} of {event.owner_name} should have been replaced."
        case "idle":
            return f"Access key {event.credential_id} of {event.owner_name} was not used for {event.rule.days} days."
        case "expired":
            return f"The password of user {event.owner_name} expired."


def _of_password(event: passwords.LoginProfileEvent) -> str:
    match event:
        case passwords.LoginProfileCreated():
            return f"User {event.user_name} was given a password."
        case passwords.LoginProfileUpdated(password_id=None):
            must = "has to" if event.reset_required else "need not"
            return f"User {event.user_name} {must} choose another password."
        case passwords.LoginProfileUpdated():
            return f"User {event.user_name} was given another password."
        case passwords.LoginProfileDeleted():
            return f"The password of user {event.user_name} was deleted."
        case passwords.PasswordChanged():
            return f"User {event.user_name} changed the own password."
        case passwords.PasswordAttemptFailed():
            return f"Somebody gave a wrong password of user {event.user_name}."


def _of_account(event: Event) -> str:  # noqa: C901, PLR0911, PLR0912  one case an event
    match event:
        case AccountCreated():
            return "The account was created."
        case AccountClosed():
            return "The account was closed."
        case aliases.AccountAliasCreated():
            return f"The account got the alias {event.account_alias}."
        case aliases.AccountAliasDeleted():
            return f"The account lost the alias {event.account_alias}."
        case passwords.PasswordPolicyUpdated():
            return "The account got another password policy."
        case passwords.PasswordPolicyDeleted():
            return "The account's password policy was deleted: AWS's default applies."
        case organization.OrganizationPoliciesApplied():
            return f"The policies of organization {event.membership.organization_id} were applied to the account."
        case organization.OrganizationLeft():
            return f"The account left organization {event.organization_id}."
        case sessions.SessionRevoked():
            return f"Session {event.session_id} was revoked."
        case sessions.SessionExpiriesRecorded():
            return f"The ends of all sessions that expired up to {event.up_to.isoformat()} were recorded."
        case containment.CredentialContained():
            return (
                f"Credential {event.seed} was contained with all that it gave birth to: {len(event.denied)} users and "
                f"roles were denied everything, {len(event.deactivated)} access keys deactivated, {len(event.revoked)} "
                "sessions revoked."
            )
        case credential_use.CredentialUsed():
            what = "Access key" if event.credential == "access_key" else "Role"
            return f"{what} {event.credential_id} was used for {event.service} in {event.region}."
        case _:
            return _of_installation(event)


def _of_installation(event: Event) -> str:  # noqa: C901, PLR0911  one case an event
    match event:
        case installation.InstallationFounded():
            return "The installation was founded."
        case installation.ManagedCataloguePublished():
            return f"A catalogue of {len(event.policy_arns)} policies that AWS maintains was published."
        case installation.ActionCataloguePublished():
            return f"The catalogue of actions {event.version} was published, with {event.actions} actions."
        case installation.AccountOpened():
            return f"Account {event.opened_account_id} was opened."
        case installation.AccountRetired():
            return f"Account {event.retired_account_id} was retired."
        case installation.AliasClaimed():
            return f"Account {event.for_account_id} claimed the alias {event.account_alias}."
        case installation.AliasReleased():
            return f"Account {event.for_account_id} released the alias {event.account_alias}."
        case installation.AccessKeyIdClaimed():
            return f"Account {event.for_account_id} claimed the access key id {event.access_key_id}."
        case installation.OrganizationSet():
            return f"The organization became {event.organization.id}."
        case installation.OrganizationRemoved():
            return f"The organization {event.organization_id} was removed."
        case other:
            raise TypeError(f"{type(other).__name__} is no change: it has no sentence.")


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts)
