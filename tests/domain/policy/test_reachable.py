"""Which actions layers let through at all, and what grants them."""

import pytest

from domain.policy.document import PolicyType
from domain.policy.evaluate import Layer, Layers
from domain.policy.reach import Reach, granting_patterns, merge_reaches, reachable
from tests.domain.policy.policies import Statement, allow, deny, identity, sourced

GET, PUT, USER = "s3:GetObject", "s3:PutObject", "iam:GetUser"
FROM_HERE: Statement = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], {}),
        ([allow("s3:Get*")], {GET: False}),
        ([allow("s3:*", "arn:aws:s3:::one/*")], {GET: False, PUT: False}),
        ([allow() | FROM_HERE], {GET: True, PUT: True, USER: True}),
        ([allow() | FROM_HERE, allow("S3:getobject")], {GET: False, PUT: True, USER: True}),
        ([allow(), deny("s3:*")], {USER: False}),
        ([allow(), deny("s3:*", "arn:aws:s3:::one/*")], {GET: True, PUT: True, USER: False}),
        ([allow(), deny("s3:*") | FROM_HERE], {GET: True, PUT: True, USER: False}),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], {USER: False}),
        ([deny("s3:*")], {}),
    ],
)
def test_one_layer(statements: list[Statement], expected: Reach) -> None:
    """In reach is what is allowed on some resource and not denied on all; conditions and denials of some resources make
    it conditional, a resource that was not chosen does not."""
    layers: Layers = [(Layer.IDENTITY, identity(*statements))]
    assert reachable(layers, [GET, PUT, USER]) == expected


def test_every_layer_must_allow() -> None:
    """A boundary limits and its conditions count; a layer without policies lets nothing through."""
    own = (Layer.IDENTITY, identity(allow()))
    limits = (Layer.BOUNDARY, [sourced(PolicyType.BOUNDARY, allow("s3:Get*"), allow("iam:*") | FROM_HERE)])
    assert reachable([own, limits], [GET, PUT, USER]) == {GET: False, USER: True}
    assert reachable([(Layer.SCP, ()), own], [GET]) == {}


def test_what_was_unconditional_once() -> None:
    """Of several times everything counts, and the best of them."""
    assert merge_reaches([{GET: True, PUT: True}, {GET: False}, {GET: True, USER: True}]) == {
        GET: False,
        PUT: True,
        USER: True,
    }


def test_what_grants_a_service() -> None:
    """The patterns that name the service or all of them, and a NotAction as a whole; of the principal's own policies,
    and not what denies."""
    statements: list[Statement] = [
        allow("S3:Get*"),
        {"Effect": "Allow", "Action": ["iam:*", "*", "s3:Put*"], "Resource": "*"},
        {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"},
        deny("s3:Delete*"),
    ]
    layers: Layers = [
        (Layer.IDENTITY, identity(*statements)),
        (Layer.BOUNDARY, [sourced(PolicyType.BOUNDARY, allow("s3:Li*"))]),
    ]
    assert list(granting_patterns(layers, "s3")) == ["S3:Get*", "*", "s3:Put*", "NotAction iam:*, sts:*"]
