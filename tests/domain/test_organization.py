"""An organization: which trees are refused, and what setting, changing and removing one means for each account."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from domain.account import Account, CorruptLedger
from domain.families.lifecycle_profiles import LifecycleProfile
from domain.families.organization import (
    FULL_AWS_ACCESS,
    ORGANIZATION_MEMBERSHIP,
    RCP_FULL_AWS_ACCESS,
    ControlPolicy,
    NodeKind,
    Organization,
    OrganizationLeft,
    OrganizationNode,
    OrganizationPoliciesApplied,
    OrganizationPolicy,
    PolicyKind,
)
from domain.foundation.errors import LimitExceeded, MalformedPolicyDocument, NoSuchEntity, Refusal, ValidationError
from domain.foundation.events import Change
from domain.installation import AccountOpened, AccountRetired, Installation, OrganizationRemoved, OrganizationSet
from domain.rules import organization as rules
from tests.domain.accounts import ACCOUNT, after, document, new_account
from tests.domain.test_founding import founded, with_changes

MANAGEMENT, OTHER = "111111111111", "222222222222"
ROOT, UNIT = "r-ab12", "ou-ab12-workload"
FULL, RCP_FULL = FULL_AWS_ACCESS.policy.id, RCP_FULL_AWS_ACCESS.policy.id
DENY = document({"Effect": "Deny", "Action": "iam:DeleteUser", "Resource": "*"})
RCP = document({"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*"})


def policy(name: str, text: str = DENY, kind: PolicyKind = "SERVICE_CONTROL_POLICY") -> ControlPolicy:
    return ControlPolicy(kind, OrganizationPolicy(f"p-{name:x>8}", name, text))


def node(
    kind: NodeKind, node_id: str, parent_id: str | None = ROOT, *scps: str, rcps: Sequence[str] = ()
) -> OrganizationNode:
    return OrganizationNode(kind, node_id, node_id, (FULL, *scps), (RCP_FULL, *rcps), parent_id)


TREE = (
    node("root", ROOT, None),
    node("account", MANAGEMENT),
    node("unit", UNIT, ROOT, "p-xxxxdeny"),
    node("account", ACCOUNT, UNIT),
    node("account", OTHER, UNIT),
)
POLICIES = (FULL_AWS_ACCESS, RCP_FULL_AWS_ACCESS, policy("deny"))
ORGANIZATION = Organization("o-exampleorgid", MANAGEMENT, TREE, POLICIES)
INSTALLATION = with_changes(
    founded(),
    *(AccountOpened(opened_account_id=account_id, ledger_id="1") for account_id in (MANAGEMENT, ACCOUNT, OTHER)),
)
ACCOUNTS = {MANAGEMENT: Account(MANAGEMENT), ACCOUNT: new_account(), OTHER: Account(OTHER)}


def put(
    installation: Installation, accounts: dict[str, Account], wanted: Organization | None
) -> tuple[Installation, dict[str, Account], dict[str, list[str]]]:
    """The ledgers' values afterwards, and by account id what was appended there."""
    claims: Sequence[Change]
    if wanted is None:
        removed, own = rules.remove_organization(installation, accounts)
        claims = [removed]
    else:
        rules.refuse_unfit(wanted)
        claims, own = rules.set_organization(installation, accounts, wanted)
    changed = {account_id: moved(accounts[account_id], *events) for account_id, events in own.items()}
    kinds = {account_id: [type(event).__name__ for event in events] for account_id, events in own.items()}
    return with_changes(installation, *claims), accounts | changed, kinds


def moved(account: Account, *events: Change) -> Account:
    """As `after`, also of an account whose beginning is of no interest here."""
    return after(replace(account, position=account.position or 1), *events)


def test_every_account_has_its_levels() -> None:
    """From the root down to itself, with texts; and the management account has a place too."""
    installation, accounts, own = put(INSTALLATION, ACCOUNTS, ORGANIZATION)
    assert own == {each: ["OrganizationPoliciesApplied"] for each in ACCOUNTS}
    assert installation.organization == ORGANIZATION
    membership = accounts[ACCOUNT][ORGANIZATION_MEMBERSHIP]
    assert membership is not None
    assert (membership.organization_id, membership.management_account_id) == ("o-exampleorgid", MANAGEMENT)
    assert [level.id for level in membership.levels] == [ROOT, UNIT, ACCOUNT]
    assert [[scp.name for scp in level.scps] for level in membership.levels] == [
        ["FullAWSAccess"],
        ["FullAWSAccess", "deny"],
        ["FullAWSAccess"],
    ]
    assert membership.levels[1].scps[1].document == DENY
    assert {level.rcps for level in membership.levels} == {(RCP_FULL_AWS_ACCESS.policy,)}
    managing = accounts[MANAGEMENT][ORGANIZATION_MEMBERSHIP]
    assert managing is not None
    assert [level.id for level in managing.levels] == [ROOT, MANAGEMENT]


def aged(days: int, *, name: str = "team", version: int = 1, places: Sequence[str] = (UNIT,)) -> Organization:
    """With this profile at the places."""
    rules_ = {"user": {"max_idle_days": days}}
    profile = LifecycleProfile.model_validate({"name": name, "version": version, "rules": rules_})
    nodes = [replace(each, lifecycle_profile=profile if each.id in places else None) for each in TREE]
    return replace(ORGANIZATION, nodes=tuple(nodes))


def test_a_version_of_a_profile_is_one_set_of_rules() -> None:
    """Of a built-in one, in one organization, and from one to the next; another version may say something else."""
    installation, accounts, _ = put(INSTALLATION, ACCOUNTS, aged(9, places=[UNIT, ROOT]))
    membership = accounts[OTHER][ORGANIZATION_MEMBERSHIP]
    assert membership is not None
    assert [str(level.lifecycle_profile) for level in membership.levels] == ["team version 1"] * 2 + ["None"]
    with pytest.raises(ValidationError, match="there is a team version 1 with other rules"):
        put(installation, accounts, aged(8))
    put(installation, accounts, aged(8, version=2))
    with pytest.raises(ValidationError, match=r"cis-5\.0 is a built-in profile"):
        rules.refuse_unfit(aged(9, name="cis-5.0"))
    differing = aged(9, places=[ROOT]).nodes[:1] + aged(8).nodes[1:]
    with pytest.raises(ValidationError, match="there is a team version 1 with other rules"):
        rules.refuse_unfit(replace(ORGANIZATION, nodes=differing))
    unfit = LifecycleProfile.model_validate({"name": "t", "version": 1, "rules": {"role": {"max_age_days": 3}}})
    with pytest.raises(ValidationError, match="there is no such rule for a role"):
        rules.refuse_unfit(replace(ORGANIZATION, nodes=(replace(TREE[0], lifecycle_profile=unfit), *TREE[1:])))


def test_one_place_has_another_profile() -> None:
    """The rest of the organization stays as it is; what is no place of it is told with the nearest that is."""
    installation, *_ = put(INSTALLATION, ACCOUNTS, ORGANIZATION)
    profile = aged(9).nodes[2].lifecycle_profile
    assert rules.with_profile(installation, UNIT, profile) == aged(9)
    assert rules.with_profile(installation, UNIT, None) == ORGANIZATION
    with pytest.raises(NoSuchEntity, match="The nearest is ou-ab12-workload"):
        rules.with_profile(installation, "ou-ab12-workloads", profile)
    with pytest.raises(NoSuchEntity, match="There is no organization"):
        rules.with_profile(INSTALLATION, UNIT, profile)


def test_setting_it_again_changes_nothing() -> None:
    """Nothing is appended, neither to the installation's ledger nor to an account's."""
    installation, accounts, _ = put(INSTALLATION, ACCOUNTS, ORGANIZATION)
    assert rules.set_organization(installation, accounts, ORGANIZATION) == ([], {})


def test_only_those_who_are_concerned_are_told() -> None:
    """A policy that is attached to one account is no event of the others; one that is attached nowhere is none of any
    account."""
    installation, accounts, _ = put(INSTALLATION, ACCOUNTS, ORGANIZATION)
    attached = replace(ORGANIZATION, nodes=(*TREE[:4], replace(TREE[4], scps=(FULL, "p-xxxxdeny"))))
    installation, accounts, own = put(installation, accounts, attached)
    assert own == {OTHER: ["OrganizationPoliciesApplied"]}
    listed = replace(attached, policies=(*POLICIES, policy("spare")))
    claims, nobody = rules.set_organization(installation, accounts, listed)
    assert (claims, nobody) == ([OrganizationSet(organization=listed)], {})


def test_leaving() -> None:
    """An account that the file leaves out leaves, and may come back; a removed organization is left by all."""
    installation, accounts, _ = put(INSTALLATION, ACCOUNTS, ORGANIZATION)
    without = replace(ORGANIZATION, nodes=TREE[:4])
    assert rules.affected_accounts(installation, without) == {MANAGEMENT, ACCOUNT, OTHER}
    installation, accounts, own = put(installation, accounts, without)
    assert own == {OTHER: ["OrganizationLeft"]}
    assert accounts[OTHER][ORGANIZATION_MEMBERSHIP] is None
    assert put(installation, accounts, ORGANIZATION)[2] == {OTHER: ["OrganizationPoliciesApplied"]}
    installation, accounts, own = put(installation, accounts, None)
    assert own == {each: ["OrganizationLeft"] for each in (MANAGEMENT, ACCOUNT)}
    assert installation.organization is None
    with pytest.raises(NoSuchEntity, match="There is no organization"):
        rules.remove_organization(installation, accounts)


def test_accounts_that_are_not_there() -> None:
    """One that was never opened, and one that is closed, are named."""
    unknown = replace(ORGANIZATION, nodes=(*TREE, node("account", "333333333333")))
    with pytest.raises(NoSuchEntity, match=r"There is no account 333333333333\."):
        rules.set_organization(INSTALLATION, ACCOUNTS, unknown)
    closed = with_changes(INSTALLATION, AccountRetired(retired_account_id=OTHER))
    with pytest.raises(ValidationError, match=f"The account {OTHER} was closed at 2"):
        rules.set_organization(closed, ACCOUNTS, ORGANIZATION)


def test_an_organization_is_of_one_partition() -> None:
    """An account of another one than the management account's is named."""
    accounts = ACCOUNTS | {OTHER: Account(OTHER, partition="aws-cn")}
    with pytest.raises(ValidationError, match=f"The account {OTHER} is of the partition aws-cn, .* of aws:"):
        rules.set_organization(INSTALLATION, accounts, ORGANIZATION)


def with_nodes(*nodes: OrganizationNode) -> Organization:
    return replace(ORGANIZATION, nodes=(*TREE, *nodes))


def with_policy(listed: ControlPolicy) -> Organization:
    return replace(ORGANIZATION, policies=(*POLICIES, listed))


def unit(number: int, parent_id: str) -> OrganizationNode:
    return node("unit", f"ou-ab12-0000000{number}", parent_id)


def nested(levels: int) -> Organization:
    """Units below UNIT, which is one itself."""
    parents = [UNIT, *(f"ou-ab12-0000000{number}" for number in range(1, levels))]
    return with_nodes(*(unit(number, parent_id) for number, parent_id in enumerate(parents[: levels - 1], 1)))


def attaching(count: int, kind: PolicyKind = "SERVICE_CONTROL_POLICY") -> Organization:
    """So many policies of a kind to one account, with the one that AWS attaches."""
    listed = [
        policy(f"many{number}", DENY if kind == "SERVICE_CONTROL_POLICY" else RCP, kind) for number in range(count - 1)
    ]
    ids = tuple(one.policy.id for one in listed)
    is_scp = kind == "SERVICE_CONTROL_POLICY"
    full = replace(TREE[4], scps=(FULL, *ids)) if is_scp else replace(TREE[4], rcps=(RCP_FULL, *ids))
    return replace(ORGANIZATION, nodes=(*TREE[:4], full), policies=(*POLICIES, *listed))


def long(characters: int, kind: PolicyKind = "SERVICE_CONTROL_POLICY") -> Organization:
    """White space counts."""
    return with_policy(policy("long", DENY + " " * (characters - len(DENY)), kind))


@pytest.mark.parametrize(
    ("wanted", "refusal", "said"),
    [
        (replace(ORGANIZATION, id="o-short"), ValidationError, "An organization id is o- and 10 to 32 .* 'o-short'"),
        (replace(ORGANIZATION, nodes=(node("root", "root", None),)), ValidationError, "A root id is r- .* got 'root'"),
        (with_nodes(node("unit", "ou-else-00000000")), ValidationError, "what follows r- .* got 'ou-else-00000000'"),
        (with_nodes(node("unit", "workloads")), ValidationError, "The unit workloads: .* got 'workloads'"),
        (with_nodes(node("account", "12")), ValidationError, "An account id is twelve digits; got '12'"),
        (
            with_policy(replace(policy("x"), policy=OrganizationPolicy("p-x", "x", DENY))),
            ValidationError,
            "The policy x: ",
        ),
        (with_nodes(TREE[4]), ValidationError, f"The account {OTHER} appears twice in the tree"),
        (with_nodes(replace(unit(1, ROOT), name=UNIT)), ValidationError, f"Two units in {ROOT} have the name {UNIT}"),
        (with_policy(policy("deny")), ValidationError, "Two policies have the id p-xxxxdeny"),
        (with_nodes(node("unit", "ou-ab12-00000001", ROOT, "p-nowhere")), NoSuchEntity, "There is no policy p-nowhere"),
        (with_nodes(node("unit", "ou-ab12-00000001", ROOT, RCP_FULL)), ValidationError, "it is a RESOURCE_CONTROL_POL"),
        (with_nodes(node("unit", "ou-ab12-00000001", ROOT, FULL)), ValidationError, "FullAWSAccess is attached twice"),
        (
            with_nodes(replace(unit(1, ROOT), scps=())),
            ValidationError,
            "There is no SERVICE_CONTROL_POLICY attached to",
        ),
        (with_nodes(replace(unit(1, ROOT), rcps=("p-xxxxmine",))), NoSuchEntity, "There is no policy p-xxxxmine"),
        (
            with_nodes(replace(unit(1, ROOT), rcps=())),
            ValidationError,
            "There is no RESOURCE_CONTROL_POLICY attached to",
        ),
        (replace(ORGANIZATION, management_account_id="3" * 12), NoSuchEntity, "The management account 3+ is not in"),
        (with_policy(policy("bad", "{}")), MalformedPolicyDocument, "the policy bad: "),
        (
            with_policy(policy("bad", DENY.replace('"*"', '"arn:aws-cn:iam::*:user/*"'))),
            MalformedPolicyDocument,
            '^Partition "aws-cn" is not valid .*the policy bad: ',
        ),
        (long(10_241), LimitExceeded, "The policy long: expected at most 10240 characters; got 10241"),
        (long(5_121, "RESOURCE_CONTROL_POLICY"), LimitExceeded, "expected at most 5120 characters; got 5121"),
        (attaching(11), LimitExceeded, "expected at most 10, with the one that AWS attaches; got 11"),
        (attaching(6, "RESOURCE_CONTROL_POLICY"), LimitExceeded, "expected at most 5, .* got 6"),
        (nested(6), LimitExceeded, "nested 5 levels deep; the unit .*5 .* is one level deeper"),
    ],
)
def test_what_is_refused(wanted: Organization, refusal: type[Refusal], said: str) -> None:
    """Each with what was wrong and what was expected."""
    with pytest.raises(refusal, match=said):
        rules.refuse_unfit(wanted)


@pytest.mark.parametrize("fits", [long(10_240), nested(5), attaching(10), attaching(5, "RESOURCE_CONTROL_POLICY")])
def test_what_just_fits(fits: Organization) -> None:
    """The quotas themselves are allowed."""
    rules.refuse_unfit(fits)


def test_a_policy_of_aws_is_not_redefined() -> None:
    """Under its id stands its text and no other."""
    forged = replace(FULL_AWS_ACCESS, policy=replace(FULL_AWS_ACCESS.policy, document=DENY))
    with pytest.raises(ValidationError, match="is that of one that AWS maintains"):
        rules.refuse_unfit(replace(ORGANIZATION, policies=(forged, *POLICIES[1:])))


def test_where_nothing_is_allowed() -> None:
    """A level that replaces FullAWSAccess by denials is found, the management account's own aside."""
    only_denying = ("p-xxxxdeny",)
    nodes = (TREE[0], *(replace(node, scps=only_denying) for node in TREE[1:4]), TREE[4])
    found = rules.nodes_allowing_nothing(replace(ORGANIZATION, nodes=nodes))
    assert [node.id for node in found] == [UNIT, ACCOUNT]


def test_what_no_legal_history_has() -> None:
    """An organization is left only by who is in it, and removed only when it is there."""
    applied = OrganizationPoliciesApplied(membership=rules.memberships(ORGANIZATION)[ACCOUNT])
    for events in (
        [OrganizationLeft(organization_id="o-exampleorgid")],
        [applied, OrganizationLeft(organization_id="o")],
    ):
        with pytest.raises(CorruptLedger):
            after(new_account(), *events)
    with pytest.raises(CorruptLedger):
        with_changes(INSTALLATION, OrganizationRemoved(organization_id="o-exampleorgid"))


def test_the_policies_of_aws_are_what_they_are() -> None:
    """Both allow everything; that of resource control names everybody."""
    scp, rcp = (json.loads(listed.policy.document)["Statement"] for listed in (FULL_AWS_ACCESS, RCP_FULL_AWS_ACCESS))
    assert scp == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    assert rcp == [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]
