"""Managed and inline policies: versions, attachments, sizes."""

import pytest

from domain.account import Account
from domain.families.groups import GROUP
from domain.families.policies import MANAGED_POLICIES, PolicyCreated, managed_policy
from domain.families.roles import ROLE
from domain.families.users import USER
from domain.foundation.errors import (
    AccessDenied,
    DeleteConflict,
    EntityAlreadyExists,
    LimitExceeded,
    MalformedPolicyDocument,
    NoSuchEntity,
)
from domain.rules import policies, policy_holders, quotas
from domain.rules.policy_holders import HolderKind
from tests.domain.accounts import (
    ADMINISTRATOR_ACCESS,
    ALLOW_ALL,
    after,
    document_of,
    names,
    new_account,
    policy_arn,
    trusting,
    with_groups,
    with_policies,
    with_role,
    with_users,
)

HOLDERS: list[tuple[HolderKind, int]] = [(USER, 2_048), (GROUP, 5_120), (ROLE, 10_240)]


def holders() -> Account:
    return with_role(with_groups(with_users(new_account(), "ops"), "ops"), "ops")


def attach(account: Account, kind: HolderKind, name: str, arn: str) -> Account:
    return after(account, *policy_holders.attach(account, kind, name, policy_arn=arn))


def put(account: Account, kind: HolderKind, policy_name: str, text: str) -> Account:
    return after(account, policy_holders.put_inline(account, kind, "ops", policy_name=policy_name, document=text))


def version(account: Account, *, as_default: bool = False, document: str = ALLOW_ALL) -> Account:
    created = policies.create_policy_version(
        account, policy_arn=policy_arn("p"), document=document, set_as_default=as_default
    )
    return after(account, created)


def test_names_of_policies_are_unique() -> None:
    """Without regard to case and whatever the path; one that AWS maintains takes no name away."""
    account = with_policies(new_account(), "Ops", "AdministratorAccess")
    with pytest.raises(EntityAlreadyExists, match="A policy called oPS already exists"):
        policies.create_policy(
            account, policy_id="ANPA1", policy_name="oPS", path="/x/", description=None, document=ALLOW_ALL
        )


def test_policies_per_account() -> None:
    """The 1,500th policy fits, those of AWS not counted; the next does not."""
    account = after(
        new_account(),
        *(
            PolicyCreated(
                policy_id=f"ANPA{n}", policy_arn=policy_arn(f"p{n}"), policy_name=f"p{n}", path="/", document=ALLOW_ALL
            )
            for n in range(quotas.CUSTOMER_MANAGED_POLICIES_MAX - 1)
        ),
    )
    full = with_policies(account, "last")
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for PoliciesPerAccount: 1500"):
        with_policies(full, "more")


def test_size_of_a_managed_policy() -> None:
    """6,144 characters fit and 6,145 do not; white space does not count."""
    account = with_policies(new_account(), "p", document=document_of(6_144).replace("{", "{ \n\t"))
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for PolicySize: 6144"):
        with_policies(account, "q", document=document_of(6_145))
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for PolicySize: 6144"):
        version(account, document=document_of(6_145))
    with pytest.raises(LimitExceeded):
        with_policies(account, "q", document="9" * 6_145)


def test_five_versions() -> None:
    """Five versions fit; a sixth when one has been deleted, and then under a number that was never used."""
    account = with_policies(new_account(), "p")
    for _ in range(4):
        account = version(account)
    with pytest.raises(LimitExceeded, match="can have up to 5 versions"):
        version(account)
    account = after(account, policies.delete_policy_version(account, policy_arn=policy_arn("p"), version_id="v5"))
    versions = version(account)[MANAGED_POLICIES][policy_arn("p")].versions
    assert sorted(versions) == [1, 2, 3, 4, 6]


def test_the_default_version() -> None:
    """It stays what it is unless a new one takes its place, and it cannot be deleted as long as it is."""
    arn = policy_arn("p")
    account = version(version(with_policies(new_account(), "p")), as_default=True)
    assert account[MANAGED_POLICIES][arn].default.id == "v3"
    with pytest.raises(DeleteConflict, match="Cannot delete the default version of a policy"):
        policies.delete_policy_version(account, policy_arn=arn, version_id="v3")
    account = after(account, *policies.set_default_policy_version(account, policy_arn=arn, version_id="v1"))
    assert policies.set_default_policy_version(account, policy_arn=arn, version_id="v1") == ()
    account = after(account, policies.delete_policy_version(account, policy_arn=arn, version_id="v3"))
    with pytest.raises(NoSuchEntity, match="version v3 does not exist"):
        policies.set_default_policy_version(account, policy_arn=arn, version_id="v3")


def test_a_policy_that_is_used_stays() -> None:
    """First it has to be detached, then its other versions deleted; then the ARN is free again."""
    arn = policy_arn("p")
    account = version(attach(with_policies(holders(), "p"), ROLE, "ops", arn))
    with pytest.raises(DeleteConflict, match="Cannot delete a policy attached to entities"):
        policies.delete_policy(account, policy_arn=arn)
    account = after(account, policy_holders.detach(account, ROLE, "ops", policy_arn=arn))
    with pytest.raises(DeleteConflict, match="more than one version"):
        policies.delete_policy(account, policy_arn=arn)
    account = after(account, policies.delete_policy_version(account, policy_arn=arn, version_id="v2"))
    account = after(account, policies.delete_policy(account, policy_arn=arn))
    with pytest.raises(NoSuchEntity, match=f"Policy {arn} was not found"):
        managed_policy(account, arn)
    assert with_policies(account, "P")[MANAGED_POLICIES][policy_arn("P")].last_version == 1


def test_what_aws_maintains_nobody_changes() -> None:
    """Neither new versions nor deletion, of the policy or of a version, nor another default."""
    account, arn = new_account(), ADMINISTRATOR_ACCESS
    for attempt in (
        lambda: policies.create_policy_version(account, policy_arn=arn, document=ALLOW_ALL, set_as_default=True),
        lambda: policies.delete_policy(account, policy_arn=arn),
        lambda: policies.delete_policy_version(account, policy_arn=arn, version_id="v1"),
        lambda: policies.set_default_policy_version(account, policy_arn=arn, version_id="v1"),
    ):
        with pytest.raises(AccessDenied, match="managed by AWS"):
            attempt()


@pytest.mark.parametrize("document", ["", "{", "[]", "{}", trusting("*")])
def test_a_malformed_document_goes_nowhere(document: str) -> None:
    """Wherever an identity policy may be put, one that is none, a trust policy say, is refused."""
    account = with_policies(holders(), "p")
    with pytest.raises(MalformedPolicyDocument):
        with_policies(account, "q", document=document)
    with pytest.raises(MalformedPolicyDocument):
        version(account, document=document)
    for kind, _ in HOLDERS:
        with pytest.raises(MalformedPolicyDocument):
            put(account, kind, "x", document)


@pytest.mark.parametrize(("kind", "most"), HOLDERS)
def test_size_of_inline_policies(kind: HolderKind, most: int) -> None:
    """The limit is on all inline policies of a holder together; replacing one counts the new text only."""
    account = put(holders(), kind, "a", document_of(most - 200))
    full = put(account, kind, "b", document_of(200))
    for policy_name, size in (("c", 100), ("b", 201), ("a", most - 199)):
        with pytest.raises(LimitExceeded, match=f"Maximum policy size of {most} bytes exceeded for {kind.noun} ops"):
            put(full, kind, policy_name, document_of(size))
    with pytest.raises(LimitExceeded):
        put(full, kind, "c", "[")
    smaller = put(full, kind, "a", document_of(most - 300))
    assert policy_holders.inline_names(put(smaller, kind, "c", document_of(100)), kind, "ops") != []


@pytest.mark.parametrize(("kind", "_most"), HOLDERS)
def test_inline_policies_come_and_go(kind: HolderKind, _most: int) -> None:
    """Put, replaced, read, deleted; what is not there can be neither read nor deleted."""
    account = put(put(holders(), kind, "p", ALLOW_ALL), kind, "p", document_of(100))
    assert policy_holders.inline(account, kind, "ops", policy_name="p") == document_of(100)
    account = after(account, policy_holders.delete_inline(account, kind, "ops", policy_name="p"))
    assert policy_holders.inline_names(account, kind, "ops") == []
    for ask in (policy_holders.inline, policy_holders.delete_inline):
        with pytest.raises(NoSuchEntity, match=f"The {kind.noun} policy with name p cannot be found"):
            ask(account, kind, "ops", policy_name="p")


@pytest.mark.parametrize(("kind", "_most"), HOLDERS)
def test_attaching_twice(kind: HolderKind, _most: int) -> None:
    """The second time is no error and no event; detaching twice is an error."""
    account = attach(holders(), kind, "ops", ADMINISTRATOR_ACCESS)
    assert policy_holders.attach(account, kind, "ops", policy_arn=ADMINISTRATOR_ACCESS) == ()
    account = after(account, policy_holders.detach(account, kind, "ops", policy_arn=ADMINISTRATOR_ACCESS))
    with pytest.raises(NoSuchEntity, match=f"Policy {ADMINISTRATOR_ACCESS} was not found"):
        policy_holders.detach(account, kind, "ops", policy_arn=ADMINISTRATOR_ACCESS)
    with pytest.raises(NoSuchEntity, match="does not exist or is not attachable"):
        policy_holders.attach(account, kind, "ops", policy_arn=policy_arn("none"))


@pytest.mark.parametrize(("kind", "_most"), HOLDERS)
def test_ten_attached_policies(kind: HolderKind, _most: int) -> None:
    """The tenth fits and the eleventh does not; they are listed in the order in which they came."""
    wanted = [f"p{number}" for number in range(11)]
    account = with_policies(holders(), *wanted)
    for name in wanted[:10]:
        account = attach(account, kind, "ops", policy_arn(name))
    with pytest.raises(LimitExceeded, match=f"Cannot exceed quota for PoliciesPer{kind.title}: 10"):
        policy_holders.attach(account, kind, "ops", policy_arn=policy_arn("p10"))
    assert names(policy_holders.attached(account, kind, "ops")) == wanted[:10]


@pytest.mark.parametrize(("kind", "_most"), HOLDERS)
def test_nobody_holds_anything_without_being_there(kind: HolderKind, _most: int) -> None:
    """Each kind is refused by its own name."""
    account = new_account()
    with pytest.raises(NoSuchEntity, match=f"The {kind.noun} with name ops cannot be found"):
        policy_holders.attach(account, kind, "ops", policy_arn=ADMINISTRATOR_ACCESS)
    with pytest.raises(NoSuchEntity, match=f"The {kind.noun} with name ops cannot be found"):
        put(account, kind, "p", ALLOW_ALL)


def test_when_a_policy_was_updated() -> None:
    """UpdateDate is when the newest version was created; another default changes nothing about it."""
    account = with_policies(new_account(), "p")
    created = account[MANAGED_POLICIES][policy_arn("p")]
    assert created.updated_at == created.created_at
    account = version(account)
    updated = account[MANAGED_POLICIES][policy_arn("p")].versions[2].created_at
    account = after(
        account,
        *policies.set_default_policy_version(account, policy_arn=policy_arn("p"), version_id="v2"),
        at=updated.replace(year=2027),
    )
    account = after(
        account,
        policies.delete_policy_version(account, policy_arn=policy_arn("p"), version_id="v1"),
        at=updated.replace(year=2027),
    )
    assert account[MANAGED_POLICIES][policy_arn("p")].updated_at == updated
