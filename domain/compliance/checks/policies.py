"""What managed and inline policies allow, and to whom they are given."""

from collections.abc import Iterator
from typing import Literal

from domain.account import Account
from domain.compliance.check import ACCOUNT, CheckFinding, check, violated
from domain.compliance.statements import (
    allows_everything,
    allows_on_all_kms_keys,
    allows_whole_service,
    trusts_somebody,
)
from domain.entity_kinds import entity_kinds
from domain.families.boundaries import BOUNDARIES
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.policies import ATTACHMENTS, INLINE_POLICIES, MANAGED_POLICIES, NO_INLINE_POLICIES, ManagedPolicy
from domain.families.roles import ROLES
from domain.families.users import USERS

_AWS_POLICIES = "arn:aws:iam::aws:policy/"
_DECRYPTION = ("kms:Decrypt", "kms:ReEncryptFrom")


def _own(account: Account, policy_arn: str, *, exclude_boundaries: bool) -> ManagedPolicy | None:
    """The policy, if the account has written it itself; None too where it bounds somebody and that is to count."""
    policy = account[MANAGED_POLICIES][policy_arn]
    if policy.is_aws_managed or (exclude_boundaries and account[BOUNDARIES].count_lefts(policy_arn)):
        return None
    return policy


def _inline_documents(account: Account, holder_id: str) -> Iterator[str]:
    yield from account[INLINE_POLICIES].get(holder_id, NO_INLINE_POLICIES).values()


def _in_partition(account: Account, policy_arn: str) -> str:
    """AWS's own policies have the same names in every partition."""
    if not policy_arn.startswith(_AWS_POLICIES):
        return policy_arn
    return f"arn:{account.partition}:iam::aws:policy/{policy_arn.removeprefix(_AWS_POLICIES)}"


@check(
    of="policy",
    reads=(MANAGED_POLICIES, BOUNDARIES),
    title="No policy of the account's own allows everything",
    rationale="Whoever gets such a policy, or takes over somebody who has it, has the account.",
    remediation="aws iam create-policy-version --policy-arn ARN --policy-document FILE --set-as-default",
    severity="high",
    exposure="privilege-days",
)
def policy_allows_everything(
    account: Account, holder_id: str, *, exclude_boundaries: bool = False
) -> Iterator[CheckFinding]:
    if (policy := _own(account, holder_id, exclude_boundaries=exclude_boundaries)) is not None:
        yield violated(policy.arn, allows_everything(policy.default.document))


@check(
    of="policy",
    reads=(MANAGED_POLICIES, ATTACHMENTS),
    title="No policy that allows everything is attached, AWS's own included",
    rationale="Whoever takes over one of its holders has the account.",
    remediation="aws iam detach-user-policy, detach-group-policy or detach-role-policy",
    severity="high",
    exposure="privilege-days",
)
def administrator_policy_attached(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    if account[ATTACHMENTS].count_lefts(holder_id):
        yield violated(holder_id, allows_everything(account[MANAGED_POLICIES][holder_id].default.document))


@check(
    of=("user", "group", "role"),
    reads=(INLINE_POLICIES,),
    title="No inline policy allows everything",
    rationale="Whoever takes over its holder has the account, and no list of policies shows it.",
    remediation="aws iam delete-user-policy, delete-group-policy or delete-role-policy",
    severity="high",
    exposure="privilege-days",
)
def inline_policy_allows_everything(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    yield violated(holder_id, any(map(allows_everything, _inline_documents(account, holder_id))))


@check(
    of="policy",
    reads=(MANAGED_POLICIES, BOUNDARIES),
    title="No policy of the account's own allows all actions of a service",
    rationale="Actions that nobody has asked for are allowed with it, those of years to come among them.",
    remediation="aws iam create-policy-version --policy-arn ARN --policy-document FILE --set-as-default",
    severity="low",
    exposure="privilege-days",
)
def policy_allows_whole_service(
    account: Account, holder_id: str, *, exclude_boundaries: bool = False
) -> Iterator[CheckFinding]:
    if (policy := _own(account, holder_id, exclude_boundaries=exclude_boundaries)) is not None:
        yield violated(policy.arn, allows_whole_service(policy.default.document))


@check(
    of="policy",
    reads=(MANAGED_POLICIES, BOUNDARIES),
    title="No policy of the account's own allows to decrypt with every KMS key",
    rationale="Who may decrypt everything needs one more mistake only to read it.",
    remediation="aws iam create-policy-version --policy-arn ARN --policy-document FILE --set-as-default",
    severity="medium",
    exposure="privilege-days",
)
def policy_allows_on_all_kms_keys(
    account: Account, holder_id: str, *, actions: tuple[str, ...] = _DECRYPTION, exclude_boundaries: bool = False
) -> Iterator[CheckFinding]:
    if (policy := _own(account, holder_id, exclude_boundaries=exclude_boundaries)) is not None:
        yield violated(policy.arn, allows_on_all_kms_keys(policy.default.document, actions))


@check(
    of=("user", "group", "role"),
    reads=(INLINE_POLICIES,),
    title="No inline policy allows to decrypt with every KMS key",
    rationale="Who may decrypt everything needs one more mistake only to read it.",
    remediation="aws iam put-user-policy, put-group-policy or put-role-policy, with the keys' ARNs",
    severity="medium",
    exposure="privilege-days",
)
def inline_policy_allows_on_all_kms_keys(
    account: Account, holder_id: str, *, actions: tuple[str, ...] = _DECRYPTION
) -> Iterator[CheckFinding]:
    documents = _inline_documents(account, holder_id)
    yield violated(holder_id, any(allows_on_all_kms_keys(document, actions) for document in documents))


@check(
    of=("user", "group", "role"),
    reads=(INLINE_POLICIES,),
    title="There are no inline policies",
    rationale="What only one holder has, nobody reviews, and nobody finds in the list of policies.",
    remediation="aws iam create-policy, attach it, and delete-user-policy, delete-group-policy or delete-role-policy",
    severity="low",
)
def inline_policy(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    yield violated(holder_id, holder_id in account[INLINE_POLICIES])


@check(
    of="user",
    reads=(ATTACHMENTS, INLINE_POLICIES),
    title="Users have no policies but those of their groups",
    rationale="Permissions of single users are overlooked when they change their work.",
    remediation="aws iam add-user-to-group, then detach-user-policy and delete-user-policy",
    severity="low",
)
def user_with_policies(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    attached = holder_id in account[ATTACHMENTS].forward
    yield violated(holder_id, attached or holder_id in account[INLINE_POLICIES])


@check(
    of=("user", "group", "role"),
    reads=(ATTACHMENTS, USERS, GROUPS, ROLES),
    title="Nobody has a policy that is not to be attached",
    rationale="Some policies allow more than anybody here is to have.",
    remediation="aws iam detach-user-policy, detach-group-policy or detach-role-policy",
    severity="medium",
    exposure="privilege-days",
)
def policy_attached(
    account: Account,
    holder_id: str,
    *,
    policy_arns: tuple[str, ...] = (_AWS_POLICIES + "AdministratorAccess",),
    exceptions: tuple[str, ...] = (),
) -> Iterator[CheckFinding]:
    """`exceptions` are written as in AWS Config's `exceptionList`: `users:[ann;bob]`, `groups:[…]`, `roles:[…]`."""
    pairs = account[ATTACHMENTS]
    has_one = any((holder_id, _in_partition(account, arn)) in pairs for arn in policy_arns)
    yield violated(holder_id, has_one and not _is_excepted(account, holder_id, exceptions))


def _is_excepted(account: Account, holder_id: str, exceptions: tuple[str, ...]) -> bool:
    for exception in exceptions:
        plural, _, names = exception.partition(":")
        kind = entity_kinds().get(plural.strip().removesuffix("s"))
        found = None if kind is None else kind.by_id(account).get(holder_id)
        if found is not None and found.name in names.strip(" []").split(";"):
            return True
    return False


@check(
    version=2,
    of=ACCOUNT,
    reads=(ATTACHMENTS, GROUPS, MEMBERSHIPS, ROLES),
    title="A policy that is needed is attached",
    rationale="Where nobody has what a task takes, it is done with more than it takes.",
    remediation="aws iam attach-role-policy --role-name ROLE --policy-arn ARN",
    severity="low",
)
def policy_not_in_use(
    account: Account,
    holder_id: str,
    *,
    policy_arn: str = _AWS_POLICIES + "AWSSupportAccess",
    by: Literal["ANY", "IAM_USER", "IAM_GROUP", "IAM_ROLE"] = "ANY",
) -> Iterator[CheckFinding]:
    """`by`: what has to have it. Looks at the holders of this one policy, and at no others."""
    prefix = "" if by == "ANY" else entity_kinds()[by.removeprefix("IAM_").lower()].id_prefix
    holders = account[ATTACHMENTS].backward.get(_in_partition(account, policy_arn), ())
    yield violated(holder_id, not any(each.startswith(prefix) and _is_for_somebody(account, each) for each in holders))


def _is_for_somebody(account: Account, holder_id: str) -> bool:
    """A user; a group with users; a role that trusts somebody (AWS Config, "iam-policy-in-use")."""
    if holder_id in account[GROUPS].by_id:
        return bool(account[MEMBERSHIPS].count_lefts(holder_id))
    role = account[ROLES].by_id.get(holder_id)
    return role is None or trusts_somebody(role.trust_policy)


@check(
    of="role",
    reads=(ATTACHMENTS, ROLES),
    title="Roles have the policies that every role is to have",
    rationale="A limit that is the same for all holds only where it is attached.",
    remediation="aws iam attach-role-policy --role-name ROLE --policy-arn ARN",
    severity="medium",
)
def role_without_policies(
    account: Account, holder_id: str, *, policy_arns: tuple[str, ...] = ()
) -> Iterator[CheckFinding]:
    pairs = account[ATTACHMENTS]
    yield violated(holder_id, any((holder_id, _in_partition(account, arn)) not in pairs for arn in policy_arns))


@check(
    of="policy",
    reads=(MANAGED_POLICIES,),
    title="Policies of the account's own say what they are for",
    rationale="A policy that nobody can explain is one that nobody dares to remove.",
    remediation="Create the policy anew with --description: a description cannot be changed",
    severity="informational",
)
def policy_without_description(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    policy = account[MANAGED_POLICIES][holder_id]
    if not policy.is_aws_managed:
        yield violated(policy.arn, not policy.description)
