"""An account that goes on changing without growing: what makes ledgers long."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.size import Size
from domain.families.groups import GROUP, GroupCreated, UserAddedToGroup, UserRemovedFromGroup
from domain.families.policies import (
    POLICY,
    InlinePolicyDeleted,
    InlinePolicyPut,
    PolicyAttached,
    PolicyCreated,
    PolicyDetached,
)
from domain.families.roles import ROLE, RoleCreated
from domain.families.tags import EntityTagged, EntityUntagged
from domain.families.users import USER, UserCreated
from domain.foundation.events import Change
from domain.foundation.identifiers import new_unique_id


@dataclass(frozen=True, slots=True)
class Furniture:
    """What an account has before it goes on changing."""

    users: int
    groups: int
    roles: int
    policies: int

    def entities(self, size: Size) -> int:
        """So many changes make them."""
        return sum(size.of(count) for count in (self.users, self.groups, self.roles, self.policies))


SMALL = Furniture(users=150, groups=50, roles=100, policies=190)
"""With AWS's policies nearly 500 entities."""
WHOLE = Furniture(users=5_000, groups=300, roles=500, policies=1_500)


def changes(account_id: str, furniture: Furniture, size: Size) -> Iterator[Change]:
    """Without end. First everybody comes. Then one after the other is tagged, put into a group, and given a managed and
    an inline policy; and who has it already, has it taken away."""
    drawn = random.Random(account_id)  # noqa: S311  the same in every run

    def ids(prefix: str, count: int) -> list[str]:
        return [new_unique_id(prefix, drawn.randbytes) for _ in range(size.of(count))]

    users, groups, policies = (
        ids(USER.id_prefix, furniture.users),
        ids(GROUP.id_prefix, furniture.groups),
        size.of(furniture.policies),
    )
    for number, user_id in enumerate(users):
        yield UserCreated(user_id=user_id, user_name=f"user-{number}", path="/people/")
    for number, group_id in enumerate(groups):
        yield GroupCreated(group_id=group_id, group_name=f"group-{number}", path="/teams/")
    for number, role_id in enumerate(ids(ROLE.id_prefix, furniture.roles)):
        yield RoleCreated(
            role_id=role_id,
            role_name=f"role-{number}",
            path="/services/",
            session_seconds_max=3_600,
            trust_policy=_document("sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{account_id}:root"}),
            trusted={},
        )
    for number, policy_id in enumerate(ids(POLICY.id_prefix, policies)):
        arn, document = _arn(account_id, number), _document("s3:GetObject", Resource=f"arn:aws:s3:::bucket-{number}/*")
        yield PolicyCreated(
            policy_id=policy_id, policy_arn=arn, policy_name=f"policy-{number}", path="/", document=document
        )
    had: set[tuple[int, int]] = set()
    while True:
        what, number = drawn.randrange(4), drawn.randrange(len(users))
        group, arn = number % len(groups), _arn(account_id, number % policies)
        given, taken = _pair(what, f"user-{number}", users[number], (f"group-{group}", groups[group]), arn)
        yield taken if (what, number) in had else given
        had ^= {(what, number)}


def _pair(what: int, user: str, user_id: str, group: tuple[str, str], policy_arn: str) -> tuple[Change, Change]:
    """What is given to a user, and what takes it away."""
    to: Mapping[str, str] = {"entity": "user", "entity_id": user_id, "entity_name": user}
    match what:
        case 0:
            return EntityTagged(**to, tags={"team": group[0]}), EntityUntagged(**to, keys=("team",))
        case 1:
            of = {"group_name": group[0], "group_id": group[1], "user_name": user, "user_id": user_id}
            return UserAddedToGroup(**of), UserRemovedFromGroup(**of)
        case 2:
            to = {**to, "policy_arn": policy_arn, "policy_id": policy_arn.rpartition("/")[2]}
            return PolicyAttached(**to), PolicyDetached(**to)
        case _:
            document = _document("s3:PutObject", Resource=f"arn:aws:s3:::{user}/*")
            return InlinePolicyPut(**to, policy_name="own", document=document), InlinePolicyDeleted(
                **to, policy_name="own"
            )


def _arn(account_id: str, number: int) -> str:
    return f"arn:aws:iam::{account_id}:policy/policy-{number}"


def _document(action: str, **elements: object) -> str:
    """About as long as policies are."""
    statement = {
        "Sid": "WhatTheServiceDoesByItself",
        "Effect": "Allow",
        "Action": action,
        "Condition": {
            "StringEquals": {"aws:PrincipalTag/team": ["operations", "development", "accounting"]},
            "IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]},
            "Bool": {"aws:SecureTransport": "true"},
        },
        **elements,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
