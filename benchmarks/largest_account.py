"""The largest account that the aims speak of."""

import json
import random
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from benchmarks.size import Size
from domain.calls import NewSecret
from domain.families.access_keys import AccessKeyCreated
from domain.families.groups import GROUP, GroupCreated, UserAddedToGroup
from domain.families.policies import POLICY, PolicyAttached, PolicyCreated
from domain.families.roles import ROLE, RoleCreated
from domain.families.users import USER, UserCreated
from domain.foundation.events import Change
from domain.foundation.identifiers import ACCESS_KEY, new_access_key_id, new_unique_id
from domain.foundation.secret import Secret, SecretId, SecretKind
from services.accounts import operator_cause
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates
from services.ledger_runtime import LedgerRuntime

USERS, GROUPS, ROLES, POLICIES = 5_000, 300, 500, 1_500
EVENTS_A_ROUND = 500


def changes(account_id: str, size: Size) -> Iterator[Change]:
    """What makes it: 5,000 users, each with an access key and in a group, 500 roles that trust one of them, and 1,500
    managed policies of about 500 bytes, each attached to a group, a role or a user."""
    draw = random.Random(account_id).randbytes  # noqa: S311  the same in every run
    groups = [new_unique_id(GROUP.id_prefix, draw) for _ in range(size.of(GROUPS))]
    users = [new_unique_id(USER.id_prefix, draw) for _ in range(size.of(USERS))]
    roles = [new_unique_id(ROLE.id_prefix, draw) for _ in range(size.of(ROLES))]
    for number, group_id in enumerate(groups):
        yield GroupCreated(group_id=group_id, group_name=f"group-{number}", path="/teams/")
    for number, user_id in enumerate(users):
        name, of = f"user-{number}", number % len(groups)
        yield UserCreated(user_id=user_id, user_name=name, path="/people/")
        yield UserAddedToGroup(group_id=groups[of], group_name=f"group-{of}", user_id=user_id, user_name=name)
        key_id = new_access_key_id(ACCESS_KEY, account_id, draw)
        yield AccessKeyCreated(access_key_id=key_id, user_id=user_id, user_name=name)
    for number, role_id in enumerate(roles):
        arn = f"arn:aws:iam::{account_id}:user/people/user-{number}"
        trust = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
        yield RoleCreated(
            role_id=role_id,
            role_name=f"role-{number}",
            path="/services/",
            description="Reads what the service writes.",
            session_seconds_max=3_600,
            trust_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
            trusted={arn: users[number]},
        )
    for number in range(size.of(POLICIES)):
        policy_id, name = new_unique_id(POLICY.id_prefix, draw), f"policy-{number}"
        arn = f"arn:aws:iam::{account_id}:policy/{name}"
        yield PolicyCreated(
            policy_id=policy_id, policy_arn=arn, policy_name=name, path="/", document=_document(account_id, number)
        )
        for kind, ids in (("group", groups), ("role", roles), ("user", users))[number % 3 :][:1]:
            of = number % len(ids)
            yield PolicyAttached.model_validate(
                {
                    "entity": kind,
                    "entity_id": ids[of],
                    "entity_name": f"{kind}-{of}",
                    "policy_id": policy_id,
                    "policy_arn": arn,
                }
            )


def _document(account_id: str, number: int) -> str:
    bucket = f"arn:aws:s3:::service-{number}-{account_id}"
    reading = {
        "Sid": "ReadWhatTheServiceWrites",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"],
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": f"team-{number}"}},
    }
    keeping = {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": bucket}
    return json.dumps({"Version": "2012-10-17", "Statement": [reading, keeping]})


def enlarge(ledger: LedgerRuntime, account_id: str, size: Size) -> None:
    """Makes an open account the largest, in rounds of its own."""
    coming = changes(account_id, size)
    while events := list(islice(coming, EVENTS_A_ROUND)):
        secrets = [
            NewSecret(SecretId(SecretKind.ACCESS_KEY, event.access_key_id), event.user_id, Secret("measured" * 5))
            for event in events
            if isinstance(event, AccessKeyCreated)
        ]
        append = LedgerAppend(account_id, operator_cause("Enlarge"), events, new_secrets=secrets)

        def decide(_values: LedgerStates, _at: datetime, append: LedgerAppend = append) -> CallResult:
            return CallResult(None, [append])

        ledger.committer.decide(frozenset({account_id}), decide)
