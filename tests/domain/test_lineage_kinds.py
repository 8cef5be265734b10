"""What policies ask about, of which a change of a tag or boundary may let somebody in."""

import pytest

from domain.families.tags import TAGGING
from domain.families.users import USERS
from domain.lineage_kinds import SettingDelta
from tests.services.endpoint import Endpoint, Statement, allow, deny, trusting


@pytest.mark.parametrize(
    ("asking", "is_asked"),
    [
        (allow(Condition={"StringEquals": {"aws:PrincipalTag/E": "x"}}), True),
        (deny(Condition={"ForAnyValue:StringLike": {"iam:ResourceTag/e": ["x", "y"]}}), True),
        (allow(Condition={"StringEquals": {"aws:ResourceTag/x": "${aws:PrincipalTag/e}"}}), True),
        (allow("iam:*", "arn:aws:iam::*:user/${ aws:principaltag/e, 'none'}/*"), True),
        (trusting("*", Condition={"Null": {"aws:PrincipalTag/e": "false"}}), True),
        (allow(Condition={"StringEquals": {"aws:ResourceTag/eks": "aws:PrincipalTag/e"}}), False),
        (allow(Condition={"StringEquals": {"aws:ResourceTag/x": "${aws:PrincipalTag/eks}"}}), False),
        (allow(Condition={"StringEquals": {"aws:PrincipalTag/the": "x", "aws:PrincipalTag/e/x": "x"}}), False),
        (allow(Condition={"StringEquals": {"aws:RequestTag/e": "x"}}), False),
    ],
)
def test_a_tag_is_asked_for_by_its_whole_key(asking: Statement, *, is_asked: bool) -> None:
    """In a condition or a variable, whatever its case: no other tag whose key begins or ends with it, and no value."""
    endpoint = Endpoint()
    if "Principal" in asking:
        endpoint.role("ops", asking)
    else:
        endpoint.user("ann", asking)
    endpoint.call(endpoint.root, "CreateUser", UserName="bob", Tags=[{"Key": "E", "Value": "x"}])
    owner_id = endpoint.account[USERS].named("bob").id
    former = endpoint.as_of(1)
    delta = SettingDelta(endpoint.account, owner_id, owner_id, {"E": "x"}, {}, former, former)
    assert bool(list(TAGGING.openings(delta))) is is_asked
