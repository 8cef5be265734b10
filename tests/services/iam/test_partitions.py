"""An account of another partition has its ARNs everywhere, whatever region its clients sign for."""

import json
from typing import Any

import pytest

from domain.foundation.errors import Refusal
from domain.rules.accounts import Partition
from services.wire.operations import Operation
from tests.services.endpoint import ALL
from tests.services.iam.scene import scene

OPERATIONS = [operation for operation in ALL if operation.service in {"iam", "sts"}]
REGIONS: dict[Partition, str] = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


@pytest.mark.parametrize("partition", REGIONS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.action)
def test_no_arn_of_another_partition(operation: Operation, partition: Partition) -> None:
    """Neither in the answer, nor in the refusal, nor in what is recorded of the call."""
    there = scene(partition)
    endpoint = there.endpoint
    endpoint.signed_for = REGIONS[partition]
    before = len(endpoint.entries)
    told: Any
    try:
        told = endpoint.call(endpoint.root, operation.name, **there.members(operation, "UserName"))
    except Refusal as refusal:
        told = refusal.message
    recorded = [entry.event.model_dump_json() for entry in endpoint.entries[before:]]
    assert "arn:aws:" not in json.dumps([told, recorded], default=str)
    assert endpoint.entries[-1].cause.region == REGIONS[partition]
