"""What share the decision has in the time of a call."""

import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import load, signing
from benchmarks.accounts import open_accounts
from benchmarks.entries import USER_ID, api_called
from benchmarks.policy.engines import document
from benchmarks.policy.workload import ACCOUNT_ID, POLICIES
from benchmarks.report import spread
from benchmarks.servers import Muniment
from benchmarks.size import Size
from benchmarks.throughput import CONNECTIONS, WARM_UP_SECONDS
from domain.account import Account, AccountCreated
from domain.authorization import authorize
from domain.callers import Caller, principal_of
from domain.calls import Call
from domain.families.groups import GroupCreated, UserAddedToGroup
from domain.families.policies import PolicyAttached, PolicyCreated
from domain.families.sessions import Session
from domain.families.users import UserCreated
from domain.foundation.events import Change, Entry
from domain.foundation.secret import Secret
from domain.ledger_state import empty, evolve
from services.accounts import operator_cause

SHARE_MAX = "10%"
DECISIONS = 5_000
GROUPS = ("developers", "on-call")
BEGAN = datetime(2026, 6, 15, 9, tzinfo=UTC)
READING = json.dumps({
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*",
         "Condition": {
             "IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "StringEquals": {"aws:RequestedRegion": "us-east-1"}}},
        {"Effect": "Deny", "Action": "iam:Delete*", "Resource": "*",
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ],
})  # fmt: skip


def measured(server: Muniment, size: Size) -> str:
    """A table for the README: GetUser under load, and a decision about it, in turns."""
    [account] = open_accounts(server.data, 1)
    value = account_with_policies()
    calls, decisions = [], []
    with tempfile.TemporaryDirectory() as place:
        requests = Path(place) / "requests"
        signing.write(requests, signing.get_user(account))
        _seconds_a_call(server, requests, WARM_UP_SECONDS)
        for _ in range(size.repetitions):
            calls.append(_seconds_a_call(server, requests, size.seconds))
            decisions.append(_seconds_a_decision(value, size.of(DECISIONS)))
    shares = [decision / call for call, decision in zip(calls, decisions, strict=True)]
    return (
        f"GetUser with {max(CONNECTIONS)} connections, and `authorize` for a user in {len(GROUPS)} groups with 3 "
        "managed policies of 5, 5 and 2 statements, in turns.\n\n"
        "| a call, µs | a decision with its record, µs | share | aim, at most |\n|---:|---:|---:|---:|\n"
        f"| {spread((each * 1e6 for each in calls), ',.0f')} | {spread((each * 1e6 for each in decisions), ',.1f')} "
        f"| {spread(shares, '.1%')} | {SHARE_MAX} |\n"
    )


def _seconds_a_call(server: Muniment, requests: Path, seconds: int) -> float:
    run = load.run(server.endpoint, requests, connections=max(CONNECTIONS), seconds=seconds, cycle=True)
    server.catch_up()
    return 1 / run.calls_a_second


def _seconds_a_decision(account: Account, decisions: int) -> float:
    """Raises AccessDenied where the account does not allow it."""
    cause = api_called(ACCOUNT_ID, 1, BEGAN, event_id="1", request_id="1").cause
    caller = Caller(principal_of(account, USER_ID), USER_ID, "AKIAMEASURED23456789")
    arn = account.arn("user/admin")
    calls = [Call(caller, cause, BEGAN, bytes, _no_session) for _ in range(decisions)]
    since = time.perf_counter()
    for call in calls:
        authorize(account, call, "iam:GetUser", arn)
    return (time.perf_counter() - since) / decisions


def _no_session(_session: Session, _secret: Secret, _characters_min: int) -> str:
    raise AssertionError("A decision issues no session.")


def account_with_policies() -> Account:
    """A user in two groups; one has a managed policy, the other two."""
    changes: list[Change] = [
        AccountCreated(ledger_id="measured", kind="live", partition="aws", schema_version=1),
        UserCreated(user_id=USER_ID, user_name="admin", path="/"),
    ]
    for name in GROUPS:
        changes.append(GroupCreated(group_id=f"AGPA{name}", group_name=name, path="/"))
        changes.append(UserAddedToGroup(group_id=f"AGPA{name}", group_name=name, user_id=USER_ID, user_name="admin"))
    for number, text in enumerate((document(POLICIES[0]), document(POLICIES[3]), READING)):
        name, group = f"policy-{number}", GROUPS[number % len(GROUPS)]
        arn = f"arn:aws:iam::{ACCOUNT_ID}:policy/{name}"
        changes.append(
            PolicyCreated(policy_id=f"ANPA{number}", policy_arn=arn, policy_name=name, path="/", document=text)
        )
        attached = {"entity": "group", "entity_id": f"AGPA{group}", "entity_name": group}
        changes.append(PolicyAttached.model_validate(attached | {"policy_id": f"ANPA{number}", "policy_arn": arn}))
    value, cause = empty(ACCOUNT_ID), operator_cause("Measure")
    for position, change in enumerate(changes, 1):
        value = evolve(value, Entry(ACCOUNT_ID, position, str(position), BEGAN, cause, change))
    assert isinstance(value, Account)
    return value
