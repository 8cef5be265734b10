"""The organization's file: what it may say, what is made of what it leaves out, and what is said of what is wrong."""

import json
from typing import Any

import pytest

from domain.families.organization import FULL_AWS_ACCESS, RCP_FULL_AWS_ACCESS
from domain.rules.organization import refuse_unfit
from services.cli.lib.organization_file import InvalidFile, organization_to_json, parse_organization

DENY = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}}
FILE: dict[str, Any] = {
    "management_account": "111111111111",
    "root": {
        "scps": ["FullAWSAccess", "deny"],
        "accounts": [{"id": "222222222222", "name": "Logs"}],
        "units": [{"name": "Workloads", "units": [{"name": "Production", "accounts": [{"id": "333333333333"}]}]}],
    },
    "policies": {"deny": {"type": "SERVICE_CONTROL_POLICY", "content": DENY, "description": "not here"}},
}


def file(**changes: object) -> str:
    return json.dumps(FILE | changes)


def root(**changes: object) -> str:
    return file(root=FILE["root"] | {"units": []} | changes)


def test_what_is_left_out() -> None:
    """Ids come from names and fit; FullAWSAccess is attached where no SCP is named, RCPFullAWSAccess everywhere; the
    management account stands in the root."""
    organization = parse_organization(root())
    refuse_unfit(organization)
    top, management, logs = organization.nodes
    assert (top.name, len(top.scps)) == ("Root", 2)
    assert (management.id, management.parent_id, logs.name) == ("111111111111", top.id, "Logs")
    assert logs.scps == (FULL_AWS_ACCESS.policy.id,)
    assert {node.rcps for node in organization.nodes} == {(RCP_FULL_AWS_ACCESS.policy.id,)}


def test_the_same_file_is_the_same_organization() -> None:
    """Whatever the order in which policies stand; what is written is read as what it was."""
    listed = {"other": FILE["policies"]["deny"], **FILE["policies"]}
    one = file(root={"scps": ["deny", "FullAWSAccess"]}, policies=listed)
    two = file(root={"scps": ["FullAWSAccess", "deny"]}, policies=dict(reversed(listed.items())))
    assert parse_organization(one) == parse_organization(two)
    organization = parse_organization(file())
    refuse_unfit(organization)
    assert parse_organization(json.dumps(organization_to_json(organization))) == organization
    assert [node.kind for node in organization.nodes].count("unit") == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "The file: expected JSON; "),
        ("[" * 100_000, "nested far too deep"),
        ('{"root": {}, "root": {}}', 'the name "root" appears twice in one object'),
        (file(extra=1), "extra: Extra inputs are not permitted; got 1."),
        ("{}", "management_account: Field required. root: Field required."),
        (root(accounts=[{"name": "Logs"}]), "root.accounts[0].id: Field required."),
        (
            root(accounts=[{"id": 222222222222}]),
            "root.accounts[0].id: Input should be a valid string; got 222222222222.",
        ),
        (root(units=[{"name": ""}]), 'root.units[0].name: String should have at least 1 character; got "".'),
        (root(scps=["dney"]), 'root.scps: there is no policy "dney"; expected one of FullAWSAccess, RCPFullAWSAccess'),
        (file(policies={"x": {"type": "TAG_POLICY", "content": {}}}), "policies.x.type: Input should be 'SERVICE_"),
        (file(policies={"FullAWSAccess": FILE["policies"]["deny"]}), "policies.FullAWSAccess: AWS maintains this"),
        (file(policies={"x": FILE["policies"]["deny"] | {"content": {"Statement": 1.50e3}}}), "as a string"),
        (file(policies={"x": FILE["policies"]["deny"] | {"content": {"Statement": float("nan")}}}), "NaN is no JSON"),
    ],
)
def test_what_cannot_be_meant(text: str, said: str) -> None:
    """The place is named, what stands there, and what was expected."""
    with pytest.raises(InvalidFile) as refused:
        parse_organization(text.replace("1500.0", "1.50e3"))
    assert said in str(refused.value)
