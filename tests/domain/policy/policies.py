"""Policies and principals for the tests of evaluation."""

import json
from collections.abc import Sequence

from domain.policy.document import PolicyType, parse
from domain.policy.evaluate import SourcedPolicy
from domain.policy.principals import RequestPrincipal
from domain.policy.wildcards import Test, matcher, resource_starts_at, tokens

ACCOUNT, OTHER_ACCOUNT = "123456789012", "210987654321"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Admin"
USER = f"arn:aws:iam::{ACCOUNT}:user/Bob"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker/night"
WORKER = f"arn:aws:iam::{ACCOUNT}:role/Worker"

BOB = RequestPrincipal(USER, ACCOUNT, frozenset({("AWS", USER), ("AWS", "AIDAJQABLZS4A3QDU576Q")}))
STRANGER = RequestPrincipal(
    f"arn:aws:iam::{OTHER_ACCOUNT}:user/Eve",
    OTHER_ACCOUNT,
    frozenset({("AWS", f"arn:aws:iam::{OTHER_ACCOUNT}:user/Eve")}),
)
NIGHT_WORKER = RequestPrincipal(
    SESSION, ACCOUNT, frozenset({("AWS", SESSION)}), frozenset({("AWS", WORKER), ("AWS", "AROAJQABLZS4A3QDU576Q")})
)
EC2 = RequestPrincipal("ec2.amazonaws.com", None, frozenset({("Service", "ec2.amazonaws.com")}))

Statement = dict[str, object]


def allow(action: str = "*", resource: str = "*", **elements: object) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements}


def deny(action: str = "*", resource: str = "*", **elements: object) -> Statement:
    return allow(action, resource, **elements) | {"Effect": "Deny"}


def trusting(kind: str, *names: str, effect: str = "Allow", **elements: object) -> Statement:
    return {"Effect": effect, "Action": "sts:AssumeRole", "Principal": {kind: list(names)}, **elements}


def sourced(policy_type: PolicyType, *statements: Statement, source_id: str = "p") -> SourcedPolicy:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return SourcedPolicy(parse(text, policy_type), source_id, "managed", "v1")


def identity(*statements: Statement) -> Sequence[SourcedPolicy]:
    return [sourced(PolicyType.IDENTITY, *statements)] if statements else []


def session(*statements: Statement) -> Sequence[SourcedPolicy]:
    return [sourced(PolicyType.SESSION, *statements)]


def trust(*statements: Statement) -> Sequence[SourcedPolicy]:
    return [sourced(PolicyType.TRUST, *statements)]


def arn_wildcard(pattern: str) -> Test:
    """A test for whole ARNs, as the Resource element is compiled where it has no variables."""
    return matcher(tokens(pattern, resource_starts_at(pattern)))
