"""An account told fact by fact: each is about one thing, has an id that is this thing's alone, and says little."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from domain.account import Account
from domain.families.groups import Group
from domain.families.policies import ManagedPolicy
from domain.families.roles import Role
from domain.families.tags import Tags
from domain.families.users import User

FactKind = Literal[
    "account", "alias", "password policy", "organization", "organization level", "organization policy", "user",
    "group", "role", "trust policy", "membership", "managed policy", "policy version", "default version", "attachment",
    "inline policy", "boundary", "tag", "access key", "login profile", "session revocation",
]  # fmt: skip
AttributeValue = str | int | datetime | Sequence[str] | None
Attributes = Mapping[str, AttributeValue]


class Subject(NamedTuple):
    """What facts hang together on: a user with all that is the user's, a managed policy with its versions."""

    kind: Literal["account", "user", "group", "role", "policy", "session"]
    id: str
    """The unique id; of a policy the ARN, of an account or session theirs."""


class Fact(NamedTuple):
    kind: FactKind
    id: str
    """Of several parts where the fact is about a pair, with a slash between them."""


@dataclass(frozen=True, slots=True)
class FactValue:
    """What a fact says. Two are equal when they say the same, whatever the things in it are called."""

    name: str = field(compare=False)
    """How people call what the fact is about."""
    said: Attributes
    document: str | None = None


def facts(account: Account, subject: Subject) -> dict[Fact, FactValue]:
    """Of one subject; none where the account does not have it."""
    return dict(_facts(account, subject))


def subjects(account: Account) -> Iterator[Subject]:
    """All that there are."""
    yield Subject("account", account.id)
    yield from (Subject("user", user_id) for user_id in account.users.by_id)
    yield from (Subject("group", group_id) for group_id in account.groups.by_id)
    yield from (Subject("role", role_id) for role_id in account.roles.by_id)
    yield from (Subject("policy", policy_arn) for policy_arn in account.managed_policies)
    yield from (Subject("session", session_id) for session_id in account.revoked_sessions)


def _facts(account: Account, subject: Subject) -> Iterator[tuple[Fact, FactValue]]:  # noqa: C901  one case a kind
    match subject.kind:
        case "account":
            yield from _of_account(account)
        case "user":
            user = account.users.by_id.get(subject.id)
            if user is not None:
                yield from _of_user(account, user)
        case "group":
            group = account.groups.by_id.get(subject.id)
            if group is not None:
                yield Fact("group", group.id), FactValue(group.name, {"name": group.name, "path": group.path})
                yield from _held(account, group, "group")
        case "role":
            role = account.roles.by_id.get(subject.id)
            if role is not None:
                yield from _of_role(account, role)
        case "policy":
            policy = account.managed_policies.get(subject.id)
            if policy is not None:
                yield from _of_policy(policy)
        case "session":
            if subject.id in account.revoked_sessions:
                yield Fact("session revocation", subject.id), FactValue(f"of {subject.id}", {})


def _of_account(account: Account) -> Iterator[tuple[Fact, FactValue]]:
    if not account.exists:
        return
    said: Attributes = {
        "ledger_id": account.ledger_id,
        "partition": account.partition,
        "created_at": account.created_at,
        "closed_at": account.closed_at,
    }
    yield Fact("account", account.id), FactValue(account.id, said)
    if account.alias is not None:
        yield Fact("alias", account.id), FactValue(account.alias, {"alias": account.alias})
    policy = account.password_policy
    if policy is not None:
        rules = {name: getattr(policy, name) for name in policy.__slots__}
        yield Fact("password policy", account.id), FactValue("of the account", rules)
    yield from _keys(account, account.id, "root")
    membership = account.organization
    if membership is None:
        return
    managed = {"organization_id": membership.organization_id, "management_account_id": membership.management_account_id}
    yield Fact("organization", account.id), FactValue(membership.organization_id, managed)
    for depth, level in enumerate(membership.levels):
        yield Fact("organization level", level.id), FactValue(level.name, {"name": level.name, "depth": depth})
        for kind, controls in (("SERVICE_CONTROL_POLICY", level.scps), ("RESOURCE_CONTROL_POLICY", level.rcps)):
            for control in controls:
                state = FactValue(
                    f"{control.name} at {level.name}", {"type": kind, "name": control.name}, control.document
                )
                yield Fact("organization policy", f"{level.id}/{control.id}"), state


def _of_user(account: Account, user: User) -> Iterator[tuple[Fact, FactValue]]:
    yield Fact("user", user.id), FactValue(user.name, {"name": user.name, "path": user.path})
    for group_id in account.memberships.rights_of(user.id):
        name = f"of user {user.name} in group {account.groups.by_id[group_id].name}"
        yield Fact("membership", f"{user.id}/{group_id}"), FactValue(name, {"user_id": user.id, "group_id": group_id})
    yield from _tagged(user.id, f"user {user.name}", user.tags)
    yield from _bounded(user.id, f"user {user.name}", user.boundary_arn)
    yield from _held(account, user, "user")
    yield from _keys(account, user.id, f"user {user.name}")
    login = account.login_profiles.get(user.id)
    if login is not None:
        said: Attributes = {
            "created_at": login.created_at,
            "changed_at": login.changed_at,
            "password_id": login.password_id,
            "reset_required": login.reset_required,
        }
        yield Fact("login profile", user.id), FactValue(f"of user {user.name}", said)


def _of_role(account: Account, role: Role) -> Iterator[tuple[Fact, FactValue]]:
    said = {"name": role.name, "path": role.path, "description": role.description}
    yield Fact("role", role.id), FactValue(role.name, {**said, "session_seconds_max": role.session_seconds_max})
    meant = [f"{arn} {unique_id}" for arn, unique_id in sorted(role.trusted.items())]
    yield Fact("trust policy", role.id), FactValue(f"of role {role.name}", {"trusted": meant}, role.trust_policy)
    yield from _tagged(role.id, f"role {role.name}", role.tags)
    yield from _bounded(role.id, f"role {role.name}", role.boundary_arn)
    yield from _held(account, role, "role")


def _of_policy(policy: ManagedPolicy) -> Iterator[tuple[Fact, FactValue]]:
    said = {"arn": policy.arn, "name": policy.name, "path": policy.path, "description": policy.description}
    yield Fact("managed policy", policy.id), FactValue(policy.arn, said)
    yield Fact("default version", policy.id), FactValue(f"of {policy.arn}", {"version": policy.default.id})
    for version in policy.versions.values():
        state = FactValue(f"{version.id} of {policy.arn}", {"version": version.id}, version.document)
        yield Fact("policy version", f"{policy.id}/{version.id}"), state


def _held(account: Account, holder: User | Group | Role, kind: str) -> Iterator[tuple[Fact, FactValue]]:
    for arn in account.attachments.rights_of(holder.id):
        state = FactValue(f"of {arn} to {kind} {holder.name}", {"policy_arn": arn})
        yield Fact("attachment", f"{holder.id}/{arn}"), state
    for name, document in account.inline_policies.get(holder.id, {}).items():
        yield Fact("inline policy", f"{holder.id}/{name}"), FactValue(f"{name} of {kind} {holder.name}", {}, document)


def _tagged(entity_id: str, name: str, tags: Tags) -> Iterator[tuple[Fact, FactValue]]:
    for key, tag in tags.items():
        said = {"key": tag.key, "value": tag.value}
        yield Fact("tag", f"{entity_id}/{key}"), FactValue(f"{tag.key} of {name}", said)


def _bounded(entity_id: str, name: str, boundary_arn: str | None) -> Iterator[tuple[Fact, FactValue]]:
    if boundary_arn is not None:
        yield Fact("boundary", entity_id), FactValue(f"of {name}", {"policy_arn": boundary_arn})


def _keys(account: Account, owner_id: str, owner: str) -> Iterator[tuple[Fact, FactValue]]:
    for key in account.access_keys.of(owner_id):
        yield (
            Fact("access key", key.id),
            FactValue(f"{key.id} of {owner}", {"status": key.status, "user_id": key.user_id}),
        )
