"""Partitions are apart: nobody of one has anything to do with what is in another (IAM User Guide, "Federating AWS
identities across AWS partitions")."""

import pytest

from domain.families.roles import ROLES, TRUST
from domain.foundation.errors import AccessDenied, MalformedPolicyDocument, ValidationError
from domain.policy import Possibility
from domain.policy.statement_texts import document_of
from domain.queries.access import can_assume
from tests.services.endpoint import ACCOUNT, BEGAN_AT, Endpoint, Statement, allow, arn, document, trusting

CHINA = "210987654321"
OPS = f"arn:aws-cn:iam::{CHINA}:role/ops"


@pytest.fixture
def here() -> Endpoint:
    return Endpoint()


@pytest.fixture
def china(here: Endpoint) -> Endpoint:
    return Endpoint(CHINA, beside=here, partition="aws-cn")


@pytest.mark.parametrize(
    "trust", [trusting(ACCOUNT), trusting("*"), trusting(ACCOUNT) | {"Action": "sts:*"}], ids=["id", "*", "sts"]
)
def test_nobody_assumes_a_role_of_another_partition(here: Endpoint, china: Endpoint, trust: Statement) -> None:
    """Whatever its trust policy says: neither by a call, nor says a question that somebody could. Accounts of its own
    partition can."""
    ann, beijing = here.user("ann", allow()), Endpoint("310987654321", beside=here, partition="aws-cn")
    bo = beijing.user("bo", allow())
    china.role("ops", trust | {"Principal": {"AWS": [*trust["Principal"]["AWS"], "310987654321"]}})  # type: ignore[index]
    with pytest.raises(AccessDenied, match=f"sts:AssumeRole on resource: {OPS}"):
        here.session(ann, RoleArn=OPS)
    with pytest.raises(AccessDenied):
        here.session(ann, RoleArn=OPS.replace("aws-cn", "aws"))
    assert beijing.session(bo, RoleArn=OPS).account_id == CHINA
    role = china.account[ROLES].named("ops")
    found = can_assume(china.account, role, [here.account, beijing.account], BEGAN_AT)
    can = {access.arn for access in found if access.possible.possibility is not Possibility.IMPOSSIBLE}
    assert {each for each in can if not each.startswith(f"arn:aws-cn:iam::{CHINA}")} == {
        "arn:aws-cn:iam::310987654321:user/bo"
    }


def test_no_trust_policy_means_somebody_of_another_partition(here: Endpoint, china: Endpoint) -> None:
    """Whoever has the name there is not meant by an ARN of this partition."""
    here.user("ann")
    for name in (arn("user/ann"), arn("user/ann").replace("aws", "aws-cn")):
        with pytest.raises(MalformedPolicyDocument, match="Invalid principal"):
            china.call(china.root, "CreateRole", RoleName="r", AssumeRolePolicyDocument=document(trusting(name)))


def test_whose_key_it_is_says_the_sts_of_its_own_partition(here: Endpoint, china: Endpoint) -> None:
    """A key of an account of another one is nobody's; of an account that is nowhere here it is told as before."""
    key_id = here.user("ann").access_key_id
    with pytest.raises(ValidationError, match=f"{key_id} carries no account id of aws-cn"):
        china.call(china.root, "GetAccessKeyInfo", AccessKeyId=key_id)
    unknown = china.call(china.root, "GetAccessKeyInfo", AccessKeyId="ASIAQNZGKIQY56JQ7WML")
    assert unknown == {"Account": "029608264753"}


def test_an_account_that_is_named_by_its_number_is_of_this_partition(china: Endpoint) -> None:
    """Of which way it is named nothing depends: neither what a lineage has altered, nor the document that puts it
    back."""
    roles = [
        china.role(name, trusting(named)) for name, named in (("a", CHINA), ("b", f"arn:aws-cn:iam::{CHINA}:root"))
    ]
    one, other = (TRUST.parts(china.account, china.account[ROLES].named(arn[-1]).id, "") for arn in roles)
    assert one == other
    china.call(china.root, "UpdateAssumeRolePolicy", RoleName="a", PolicyDocument=document_of(one))
