"""How each kind of setting that a lineage may have altered is told, and how it is put back."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import cast

from domain.account import Account, AccountChange
from domain.entity_kinds import entity_title, find_entity
from domain.families.boundaries import boundary_arn
from domain.families.exemptions import ExemptionGranted, ExemptionRevoked, exemptions_of
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.instance_profiles import PROFILE_ROLES
from domain.families.lifecycle_profiles import LIFECYCLE_PROFILE, LifecycleProfileRemoved, LifecycleProfileSet
from domain.families.mfa_devices import MFA_DEVICES, owner_title
from domain.families.notifications import NOTIFICATION_TARGETS
from domain.families.organizations_features import ORGANIZATIONS_FEATURES, Feature
from domain.families.passwords import LOGIN_PROFILES, PASSWORD_POLICY, PasswordPolicyDeleted, PasswordPolicyUpdated
from domain.families.policies import ATTACHMENTS, INLINE_POLICIES, MANAGED_POLICIES, NO_INLINE_POLICIES, InlinePolicyPut
from domain.families.roles import ROLES, RoleUpdated, TrustPolicyReplaced
from domain.families.server_certificates import SERVER_CERTIFICATES
from domain.families.tags import Tag, tags_of
from domain.families.users import USERS
from domain.foundation.errors import DeleteConflict, Refusal
from domain.foundation.moments import format_rfc3339
from domain.foundation.suggested_commands import suggested_command
from domain.lineage_kinds import SettingDelta
from domain.queries.restored_analyzers import ANALYZER_ROWS
from domain.queries.restored_contacts import CONTACT_ROWS
from domain.queries.restored_frameworks import FRAMEWORK_ROWS
from domain.queries.restored_providers import PROVIDER_ROWS
from domain.queries.setting_rows import SettingRow
from domain.rules import (
    groups,
    instance_profiles,
    mfa_devices,
    notifications,
    organizations_features,
    passwords,
    permissions_boundaries,
    policies,
    policy_holders,
    server_certificates,
    tagging,
    users,
)
from domain.rules.lifecycle import subject_name


def _trust(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    role, before = delta.account[ROLES].by_id[delta.owner_id], former[ROLES].by_id[delta.owner_id]
    yield TrustPolicyReplaced(
        role_id=role.id, role_name=role.name, trust_policy=before.trust_policy, trusted=dict(before.trusted)
    )


def _role(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    role, before = delta.account[ROLES].by_id[delta.owner_id], former[ROLES].by_id[delta.owner_id]
    had = {"description": before.description, "session_seconds_max": before.session_seconds_max}
    yield RoleUpdated(role_id=role.id, role_name=role.name, **had)


def _feature(delta: SettingDelta, _former: Account) -> Sequence[AccountChange]:
    feature = cast("Feature", delta.subject_id)
    rule = organizations_features.disable if delta.introduced else organizations_features.enable
    return rule(delta.account, feature)


def _notification_target(delta: SettingDelta, _former: Account) -> Iterator[AccountChange]:
    if delta.introduced:
        yield notifications.remove_target(delta.account, name=delta.subject_id)


def _lost_target(delta: SettingDelta) -> str | None:
    if not delta.dropped:
        return None
    add = suggested_command("muniment", "notify", "add", delta.subject_id)
    return f"its cursor and signing secret were destroyed: add it again, with another secret, by {add}"


def _password_policy(_delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    before = former[PASSWORD_POLICY]
    yield PasswordPolicyDeleted() if before is None else PasswordPolicyUpdated(**asdict(before))


def _lifecycle_profile(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    """In its own version, which says what it said."""
    now, before = delta.account[LIFECYCLE_PROFILE], former[LIFECYCLE_PROFILE]
    if before is not None:
        yield LifecycleProfileSet(profile=before)
    elif now is not None:
        yield LifecycleProfileRemoved(profile_name=now.name)


def _exemption(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    before = exemptions_of(former, delta.owner_id).get(delta.subject_id)
    naming = {"exemption_id": delta.subject_id, "owner_id": delta.owner_id}
    naming["owner_name"] = subject_name(delta.account, delta.owner_id)
    if before is None:
        yield ExemptionRevoked(**naming)
    else:
        said = {
            "kinds": before.kinds,
            "controls": before.controls or None,
            "asked": before.asked or None,
            "reason": before.reason,
            "until": before.until,
        }
        yield ExemptionGranted.model_validate({**naming, **said})


def _default(delta: SettingDelta, former: Account) -> Sequence[AccountChange]:
    version_id = former[MANAGED_POLICIES][delta.owner_id].default.id
    return policies.set_default_policy_version(delta.account, policy_arn=delta.owner_id, version_id=version_id)


def _inline(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    kind, holder = policy_holders.holder_of(delta.account, delta.owner_id)
    document, name = _inline_document(former, delta.owner_id, delta.subject_id), delta.subject_id
    if document is None:
        yield policy_holders.delete_inline(delta.account, kind, holder.name, policy_name=name)
    else:
        # As it was, be it that a document such as this is not saved any more.
        yield InlinePolicyPut(**kind.naming(holder), policy_name=name, document=document)


def _attachment(delta: SettingDelta, _former: Account) -> Iterator[AccountChange]:
    kind, holder = policy_holders.holder_of(delta.account, delta.owner_id)
    if delta.introduced:
        yield policy_holders.detach(delta.account, kind, holder.name, policy_arn=delta.subject_id)
    if delta.dropped:
        policy = delta.account[MANAGED_POLICIES].get(delta.subject_id)
        if policy is not None and policy.id != delta.dropped[delta.subject_id]:
            raise DeleteConflict(f"another policy has the ARN {delta.subject_id} by now")
        yield from policy_holders.attach(delta.account, kind, holder.name, policy_arn=delta.subject_id)


def _membership(delta: SettingDelta, _former: Account) -> Iterator[AccountChange]:
    user, group = delta.account[USERS].by_id[delta.owner_id], delta.account[GROUPS].by_id.get(delta.subject_id)
    name = delta.subject_id if group is None else group.name
    if delta.introduced:
        yield groups.remove_user_from_group(delta.account, group_name=name, user_name=user.name)
    else:
        yield from groups.add_user_to_group(delta.account, group_name=name, user_name=user.name)


def _profile_role(delta: SettingDelta, _former: Account) -> Iterator[AccountChange]:
    profile, role = (find_entity(delta.account, each) for each in (delta.owner_id, delta.subject_id))
    assert profile is not None, "The setting is there."
    names = {"instance_profile_name": profile[1].name, "role_name": delta.subject_id if role is None else role[1].name}
    if delta.introduced:
        yield instance_profiles.remove_role(delta.account, **names)
    else:
        yield instance_profiles.add_role(delta.account, **names)


def _boundary(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    found = find_entity(delta.account, delta.owner_id)
    assert found is not None, "The setting is there."
    kind, entity = found
    policy_arn = boundary_arn(former, delta.owner_id)
    if policy_arn is None:
        yield permissions_boundaries.delete(delta.account, kind, entity.name)
    else:
        policy = delta.account[MANAGED_POLICIES].get(policy_arn)
        if policy is not None and policy.id != former[MANAGED_POLICIES][policy_arn].id:
            raise DeleteConflict(f"another policy has the ARN {policy_arn} by now")
        yield from permissions_boundaries.put(delta.account, kind, entity.name, policy_arn=policy_arn)


def _tags(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    found = find_entity(delta.account, delta.owner_id)
    assert found is not None, "The setting is there."
    kind, entity = found
    before = tags_of(former, delta.owner_id)
    account = delta.account
    if added := sorted(delta.introduced.keys() - delta.dropped.keys()):
        for untagged in tagging.untag(account, kind, kind.reference(entity), keys=added):
            account = untagged.fold(account, datetime.min)  # noqa: DTZ901  tags have no time
            yield untagged
    if lost := [Tag(before[key].key, before[key].value) for key in sorted(delta.dropped)]:
        yield from tagging.tag(account, kind, kind.reference(entity), tags=lost)


def _user_name(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    user, before = delta.account[USERS].by_id[delta.owner_id], former[USERS].by_id[delta.owner_id]
    yield users.update_user(delta.account, user_name=user.name, new_path=before.path, new_user_name=before.name)


def _group_name(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    group, before = delta.account[GROUPS].by_id[delta.owner_id], former[GROUPS].by_id[delta.owner_id]
    yield groups.update_group(delta.account, group_name=group.name, new_path=before.path, new_group_name=before.name)


def _certificate_name(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    now, before = (each[SERVER_CERTIFICATES].by_id[delta.owner_id] for each in (delta.account, former))
    yield server_certificates.update(delta.account, name=now.name, new_path=before.path, new_name=before.name)


def _password(delta: SettingDelta, _former: Account) -> Iterator[AccountChange]:
    if delta.owner_id == delta.account.id:
        if delta.dropped:
            yield passwords.create_root_login_profile(delta.account, password=None, reset_required=False)
        else:
            yield passwords.delete_login_profile(delta.account, user_id=delta.owner_id)[0]
        return
    named = {"user_name": delta.account[USERS].by_id[delta.owner_id].name}
    if delta.dropped:
        command = suggested_command("aws", "iam", "update-login-profile", **named)
        raise Refusal(f"the former one is not kept; set another: {command}")
    command = suggested_command("aws", "iam", "delete-login-profile", **named)
    raise Refusal(f"there was none before; delete it: {command}")


def _mfa(delta: SettingDelta, _former: Account) -> Iterator[AccountChange]:
    """A device of the lineage's is nobody's any more, also where it has taken the name of one that was there."""
    if delta.introduced:
        yield mfa_devices.deactivate(delta.account, user_id=delta.owner_id, serial_number=delta.subject_id)


def _lost_mfa(delta: SettingDelta) -> str | None:
    if not delta.dropped:
        return None
    device = delta.account[MFA_DEVICES].by_arn.get(delta.subject_id)
    if device is None or device.seed_id not in delta.dropped:
        owner, instead = owner_title(delta.account, delta.owner_id), "; what is in its place is deactivated"
        return f"the former device was deleted, and its seed destroyed: {owner} needs a new one" + (
            instead if delta.introduced else ""
        )
    command = suggested_command("aws", "iam", "enable-mfa-device", serial_number=delta.subject_id)
    return f"whoever holds the device has to enable it again: {command}"


def _inline_document(account: Account, holder_id: str, name: str) -> str | None:
    return account[INLINE_POLICIES].get(holder_id, NO_INLINE_POLICIES).get(name)


def _trust_text(account: Account, role_id: str, _subject: str) -> str | None:
    role = account[ROLES].by_id.get(role_id)
    return None if role is None else role.trust_policy


def _default_text(account: Account, policy_arn: str, _subject: str) -> str | None:
    policy = account[MANAGED_POLICIES].get(policy_arn)
    return None if policy is None else policy.default.document


def _resource(account: Account, entity_id: str, _subject: str) -> str | None:
    found = find_entity(account, entity_id)
    return None if found is None else found[1].resource


def _tags_text(account: Account, entity_id: str, _subject: str) -> str | None:
    return ", ".join(f"{tag.key}={tag.value}" for tag in tags_of(account, entity_id).values()) or None


def _role_text(account: Account, role_id: str, _subject: str) -> str | None:
    role = account[ROLES].by_id.get(role_id)
    if role is None:
        return None
    described = "" if role.description is None else f", described as {role.description}"
    return f"sessions of at most {role.session_seconds_max} seconds{described}"


def _feature_text(account: Account, _account_id: str, feature: str) -> str | None:
    features = account[ORGANIZATIONS_FEATURES]
    return f"enabled in {features.organization_id}" if features and feature in features.enabled else None


def _target_text(account: Account, _account_id: str, name: str) -> str | None:
    target = account[NOTIFICATION_TARGETS].get(name)
    return None if target is None else target.definition.title


def _password_policy_text(account: Account, _account_id: str, _subject: str) -> str | None:
    policy = account[PASSWORD_POLICY]
    return None if policy is None else ", ".join(f"{name} {value}" for name, value in asdict(policy).items())


def _lifecycle_profile_text(account: Account, _account_id: str, _subject: str) -> str | None:
    profile = account[LIFECYCLE_PROFILE]
    return None if profile is None else f"{profile} {profile.model_dump_json(exclude_defaults=True)}"


def _exemption_text(account: Account, owner_id: str, exemption_id: str) -> str | None:
    exemption = exemptions_of(account, owner_id).get(exemption_id)
    if exemption is None:
        return None
    return f"{exemption.title} until {format_rfc3339(exemption.until)}: {exemption.reason}"


def _password_text(account: Account, user_id: str, _subject: str) -> str | None:
    return "set" if user_id in account[LOGIN_PROFILES] else None


def _of(words: str) -> Callable[[Account, str, str], str]:
    return lambda account, owner_id, _subject: f"{words} of {_title(account, owner_id)}"


_TRUST = SettingRow(_of("trust"), _trust_text, _trust)
_DEFAULT = SettingRow(_of("default version"), _default_text, _default)
_INLINE = SettingRow(
    lambda account, owner_id, name: f"inline policy {name} of {entity_title(account, owner_id)}",
    _inline_document,
    _inline,
)
_ATTACHMENT = SettingRow(
    lambda account, owner_id, arn: f"{arn} on {entity_title(account, owner_id)}",
    lambda account, owner_id, arn: "attached" if (owner_id, arn) in account[ATTACHMENTS] else None,
    _attachment,
)
_MEMBERSHIP = SettingRow(
    lambda account, user_id, group_id: f"{entity_title(account, user_id)} in {_title(account, group_id)}",
    lambda account, user_id, group_id: "member" if (user_id, group_id) in account[MEMBERSHIPS] else None,
    _membership,
)
_PROFILE_ROLE = SettingRow(
    lambda account, profile_id, role_id: f"{_title(account, role_id)} in {entity_title(account, profile_id)}",
    lambda account, profile_id, role_id: "in it" if (profile_id, role_id) in account[PROFILE_ROLES] else None,
    _profile_role,
)
_BOUNDARY = SettingRow(_of("boundary"), lambda account, owner_id, _subject: boundary_arn(account, owner_id), _boundary)
_MFA = SettingRow(
    lambda account, owner_id, arn: f"MFA device {arn} of {owner_title(account, owner_id)}",
    lambda account, owner_id, arn: "enabled" if arn in account[MFA_DEVICES].owned.get(owner_id, ()) else None,
    _mfa,
    _lost_mfa,
)
_TAGS = SettingRow(_of("tags"), _tags_text, _tags)
_EXEMPTION = SettingRow(
    lambda account, owner_id, exemption_id: f"exemption {exemption_id} of {_title(account, owner_id)}",
    _exemption_text,
    _exemption,
)
_TARGET = SettingRow(
    lambda _account, _id, name: f"notification target {name}", _target_text, _notification_target, _lost_target
)
_FEATURE = SettingRow(lambda _account, _id, feature: f"organizations feature {feature}", _feature_text, _feature)
SETTING_ROWS = {
    **ANALYZER_ROWS,
    **CONTACT_ROWS,
    **FRAMEWORK_ROWS,
    **PROVIDER_ROWS,
    "trust_policy": _TRUST,
    "policy_version": _DEFAULT,
    "policy_default": _DEFAULT,
    "inline_policy": _INLINE,
    "inline_policy_removed": _INLINE,
    "attachment": _ATTACHMENT,
    "detachment": _ATTACHMENT,
    "membership": _MEMBERSHIP,
    "membership_removed": _MEMBERSHIP,
    "profile_role": _PROFILE_ROLE,
    "profile_role_removed": _PROFILE_ROLE,
    "boundary": _BOUNDARY,
    "boundary_removed": _BOUNDARY,
    "tags": _TAGS,
    "user_rename": SettingRow(_of("name"), _resource, _user_name),
    "group_rename": SettingRow(_of("name"), _resource, _group_name),
    "server_certificate_rename": SettingRow(_of("name"), _resource, _certificate_name),
    "mfa_enabled": _MFA,
    "mfa_deactivated": _MFA,
    "password": SettingRow(
        lambda account, owner_id, _subject: f"password of {owner_title(account, owner_id)}", _password_text, _password
    ),
    "password_policy": SettingRow(lambda *_: "password policy of the account", _password_policy_text, _password_policy),
    "lifecycle_profile": SettingRow(
        lambda *_: "lifecycle profile of the account", _lifecycle_profile_text, _lifecycle_profile
    ),
    "exemption": _EXEMPTION,
    "exemption_revoked": _EXEMPTION,
    "notification_target": _TARGET,
    "notification_target_removed": _TARGET,
    "organizations_feature": _FEATURE,
    "organizations_feature_disabled": _FEATURE,
    "role_updated": SettingRow(_of("description and longest session"), _role_text, _role),
}
"""By the kinds of the lineage's nodes, but for `policy`: what the lineage itself created has no before."""


def _title(account: Account, entity_id: str) -> str:
    """Its unique id, where it is gone."""
    if entity_id == account.id:
        return "root"
    return entity_id if find_entity(account, entity_id) is None else entity_title(account, entity_id)
