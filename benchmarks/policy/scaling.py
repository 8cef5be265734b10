"""How a decision's time grows with statements, and with the principals that a resource's policy names."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from benchmarks.policy.engines import ROLE, Layers
from benchmarks.policy.workload import ACCOUNT_ID, PRINCIPAL
from benchmarks.report import spread
from benchmarks.servers import NotMeasured
from benchmarks.size import Size
from domain.policy import (
    MANAGED_POLICY_CHARACTERS_MAX,
    Layer,
    PolicyType,
    Request,
    Result,
    SourcedPolicy,
    evaluate,
    parse,
    policy_size,
)

COUNTS = (10, 100, 1_000)
STATEMENTS_A_POLICY = 20
ACTION = "s3:GetObject"
ACTIONS_BESIDES = 50
DECISIONS = 2_000
CONTEXT: Mapping[str, tuple[str, ...]] = {
    "aws:principaltag/team": ("payments",),
    "aws:sourceip": ("10.1.2.3",),
    "aws:currenttime": ("2026-06-15T09:00:00Z",),
}


def measured(size: Size) -> str:
    """A table for the README."""
    cases: Mapping[str, Callable[[int], Layers]] = {
        "statements, all about the action": partial(_statements, actions=1),
        f"statements about {ACTIONS_BESIDES} actions": partial(_statements, actions=ACTIONS_BESIDES),
        "principals in a resource's policy": _principals,
    }
    layers = {(name, count): made(count) for name, made in cases.items() for count in COUNTS}
    seconds: dict[tuple[str, int], list[float]] = {case: [] for case in layers}
    for _ in range(size.repetitions):
        for case, each in layers.items():
            seconds[case].append(_seconds(each, case[1], size.of(DECISIONS)))
    head = " | ".join(f"{count:,} " for count in COUNTS)
    lines = [f"| microseconds a decision, of so many | {head}| the most to the fewest |", "|---" * 5 + "|"]
    for name in cases:
        columns = [spread((each * 1e6 for each in seconds[name, count]), ",.1f") for count in COUNTS]
        first, last = seconds[name, COUNTS[0]], seconds[name, COUNTS[-1]]
        ratios = [most / fewest for fewest, most in zip(first, last, strict=True)]
        lines.append(f"| {name} | {' | '.join(columns)} | {spread(ratios, '.1f')} |")
    return "\n".join(lines) + "\n"


def _seconds(layers: Layers, count: int, decisions: int) -> float:
    """Of processor time a decision, each about another object. The last statement is the one that allows."""
    resources = [f"arn:aws:s3:::bucket-{count - 1}/object-{number}" for number in range(decisions)]
    since = time.process_time()
    results = [evaluate(layers, Request(ACTION, resource, ROLE, CONTEXT)).result for resource in resources]
    seconds = time.process_time() - since
    if set(results) != {Result.ALLOWED}:
        raise NotMeasured(f"Of {count}, the last does not allow: {set(results)}.")
    return seconds / decisions


def _statements(count: int, *, actions: int) -> Layers:
    """Spread over managed policies that IAM would take."""
    written = [_statement(number, _action(count - 1 - number, actions)) for number in range(count)]
    documents = [_document(written[at : at + STATEMENTS_A_POLICY]) for at in range(0, count, STATEMENTS_A_POLICY)]
    assert max(map(policy_size, documents)) <= MANAGED_POLICY_CHARACTERS_MAX
    return [
        (
            Layer.IDENTITY,
            [_sourced(document, PolicyType.IDENTITY, f"policy-{number}") for number, document in enumerate(documents)],
        )
    ]


def _action(number: int, actions: int) -> str:
    """The one that is asked for, in one of so many statements."""
    return ACTION if number % actions == 0 else f"s3:Action{number % actions}"


def _statement(number: int, action: str) -> Mapping[str, object]:
    condition = {"StringEquals": {"aws:PrincipalTag/team": ["payments", "ledger"]}}
    resource = f"arn:aws:s3:::bucket-{number}/*"
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


def _principals(count: int) -> Layers:
    """A bucket's policy that names so many roles, of which the last one asks."""
    others = [f"arn:aws:iam::{ACCOUNT_ID}:role/other-{number}" for number in range(count - 1)]
    principal = {"AWS": [*others, PRINCIPAL]}
    bucket = f"arn:aws:s3:::bucket-{count - 1}/*"
    allow = {"Effect": "Allow", "Principal": principal, "Action": ACTION, "Resource": bucket}
    resource = _sourced(_document([allow]), PolicyType.RESOURCE, "bucket")
    return [(Layer.IDENTITY, ()), (Layer.RESOURCE, [resource])]


def _document(statements: Sequence[Mapping[str, object]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _sourced(document: str, policy_type: PolicyType, name: str) -> SourcedPolicy:
    return SourcedPolicy(parse(document, policy_type), name, policy_type.value, "v1")
