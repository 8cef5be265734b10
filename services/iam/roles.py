"""IAM's operations on roles."""

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.families.roles import ROLE, ROLES
from domain.foundation.errors import InvalidInput
from domain.rules import permissions_boundaries, roles, tagging
from services.iam import condition_keys, resources
from services.iam.entities import list_under_path
from services.iam.entity_members import (
    created_role_members,
    listed_role_members,
    other_accounts,
    role_members,
    role_members_with_last_used,
)
from services.iam.tags import TagList, authorized_tags
from services.wire.operations import answers, may_deny

SESSION_SECONDS_DEFAULT = 3_600


@answers(
    "CreateRole",
    on=resources.role,
    records="role_name path assume_role_policy_document description max_session_duration permissions_boundary tags",
    context=condition_keys.new_entity,
)
def create_role(
    account: Account,
    call: Call,
    *,
    role_name: str,
    assume_role_policy_document: str,
    path: str = "/",
    description: str | None = None,
    max_session_duration: int = SESSION_SECONDS_DEFAULT,
    permissions_boundary: str | None = None,
    tags: TagList | None = None,
) -> Outcome:
    given = authorized_tags(account, call, "iam:TagRole", account.arn(f"role{path}{role_name}"), tags)
    created = roles.create_role(
        account,
        role_id=call.unique_id(ROLE.id_prefix),
        role_name=role_name,
        path=path,
        description=description,
        session_seconds_max=max_session_duration,
        trust_policy=assume_role_policy_document,
        other=call.account,
        is_registered=lambda name: name in call.installation().service_principals,
    )
    born = (created.role_id, created.role_name)
    others = other_accounts(account, call, created.trusted)
    return Outcome(
        lambda after: {"Role": created_role_members(after, after[ROLES].by_id[created.role_id], others)},
        [
            created,
            *tagging.tags_on_create(ROLE, *born, given),
            *permissions_boundaries.boundary_on_create(
                account, ROLE, *born, permissions_boundary, missing=InvalidInput
            ),
        ],
    )


@answers("GetRole", on=resources.role, records="role_name", context=condition_keys.boundary_of_role)
def get_role(account: Account, call: Call, *, role_name: str) -> Outcome:
    role = account[ROLES].named(role_name)
    others = other_accounts(account, call, role.trusted)
    return Outcome(lambda after: {"Role": role_members_with_last_used(after, role, others)})


@answers("ListRoles", on=resources.roles_under_path, records="path_prefix marker max_items")
def list_roles(
    account: Account, call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Outcome:
    others = other_accounts(account, call, (arn for role in account[ROLES] for arn in role.trusted))
    return list_under_path(
        ROLE, lambda after, role: listed_role_members(after, role, others), path_prefix, marker, max_items
    )


@answers(
    "UpdateRole",
    on=resources.role,
    records="role_name description max_session_duration",
    context=condition_keys.boundary_of_role,
)
def update_role(
    account: Account,
    _call: Call,
    *,
    role_name: str,
    description: str | None = None,
    max_session_duration: int = SESSION_SECONDS_DEFAULT,
) -> Outcome:
    """A maximum that is not given is the default again, as in AWS (API Reference, "UpdateRole")."""
    return done(
        roles.update_role(
            account, role_name=role_name, description=description, session_seconds_max=max_session_duration
        )
    )


@answers(
    "UpdateRoleDescription", on=resources.role, records="role_name description", context=condition_keys.boundary_of_role
)
def update_role_description(account: Account, call: Call, *, role_name: str, description: str) -> Outcome:
    updated = roles.update_role(account, role_name=role_name, description=description, session_seconds_max=None)
    others = other_accounts(account, call, account[ROLES].named(role_name).trusted)
    return Outcome(lambda after: {"Role": role_members(after, after[ROLES].by_id[updated.role_id], others)}, [updated])


@answers(
    "UpdateAssumeRolePolicy",
    on=resources.role,
    records="role_name policy_document",
    context=condition_keys.boundary_of_role,
    ends_access=may_deny,
)
def update_assume_role_policy(account: Account, call: Call, *, role_name: str, policy_document: str) -> Outcome:
    return done(
        roles.replace_trust_policy(
            account,
            role_name=role_name,
            trust_policy=policy_document,
            other=call.account,
            is_registered=lambda name: name in call.installation().service_principals,
        )
    )


@answers("DeleteRole", on=resources.role, records="role_name", context=condition_keys.boundary_of_role)
def delete_role(account: Account, _call: Call, *, role_name: str) -> Outcome:
    return done(roles.delete_role(account, role_name=role_name))
