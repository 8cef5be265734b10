"""Steps of random histories that are about what roles are for, about the account's settings, and about reports."""

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.families.instance_profiles import INSTANCE_PROFILES
from domain.families.organizations_features import Feature
from domain.families.reports import CredentialReportGenerated, OrganizationAccessRequested, ServiceAccessRequested
from domain.families.roles import ROLE, ROLES
from domain.families.users import USER, USERS
from domain.foundation.events import Event
from domain.foundation.identifiers import Random, new_unique_id, new_uuid
from domain.rules import account_settings, instance_profiles, organizations_features, service_linked_roles
from domain.rules.protected_roles import is_service_linked
from tests.contact_steps import contact_step
from tests.step_draws import NAMES, PATHS, one, step


def instance_profile_step(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    chosen = step(draw, account[INSTANCE_PROFILES], "add", "remove", "delete")
    if chosen == "create":
        new = {"instance_profile_id": new_unique_id("AIPA", random), "instance_profile_name": draw(NAMES)}
        return [instance_profiles.create_instance_profile(account, **new, path=draw(PATHS))]
    profile = one(draw, account[INSTANCE_PROFILES])
    if chosen == "delete":
        return [instance_profiles.delete_instance_profile(account, instance_profile_name=profile.name)]
    if chosen == "add":
        role = one(draw, account[ROLES])
        return [instance_profiles.add_role(account, instance_profile_name=profile.name, role_name=role.name)]
    profile = one(draw, [each for each in account[INSTANCE_PROFILES] if instance_profiles.roles_of(account, each)])
    role = one(draw, instance_profiles.roles_of(account, profile))
    return [instance_profiles.remove_role(account, instance_profile_name=profile.name, role_name=role.name)]


def service_linked_role_step(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    linked = [role for role in account[ROLES] if is_service_linked(role)]
    if step(draw, linked, "delete") == "delete":
        role = one(draw, linked)
        return service_linked_roles.delete(account, role_name=role.name, new_uuid=lambda: new_uuid(random))[1]
    service = draw(st.sampled_from(["autoscaling.amazonaws.com", "ecs.amazonaws.com"]))
    role_id = new_unique_id("AROA", random)
    return [*service_linked_roles.create(account, role_id=role_id, service=service, description=None, suffix=None)]


def account_setting_step(draw: DrawFn, account: Account, at: datetime, random: Random) -> Sequence[Event]:
    chosen = draw(st.sampled_from(["contact", "properties", "token version"]))
    if chosen == "contact":
        return contact_step(draw, account, at, random)
    if chosen == "token version":
        return account_settings.set_token_version(account, draw(st.sampled_from([1, 2])))
    return account_settings.put_properties(account, {f"Namespace/{draw(NAMES)}": draw(NAMES)})


def organizations_feature_step(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    change = draw(st.sampled_from([organizations_features.enable, organizations_features.disable]))
    return change(account, draw(st.sampled_from(get_args(Feature))))


def report_step(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    job_id = new_uuid(random)
    kind, entity = one(draw, [*((USER, user) for user in account[USERS]), *((ROLE, role) for role in account[ROLES])])
    return [
        draw(
            st.sampled_from(
                [
                    CredentialReportGenerated(),
                    OrganizationAccessRequested(job_id=job_id, entity_path="o-exampleorgid/r-root"),
                    ServiceAccessRequested(
                        job_id=job_id, requester_id=account.id, granularity="SERVICE_LEVEL", **kind.naming(entity)
                    ),
                ]
            )
        )
    ]
