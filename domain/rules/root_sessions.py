"""Sessions of member accounts' root users, each for one task.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html
"""

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

from domain.account import Account
from domain.authorization import authorize_assume_root
from domain.callers import principal_of
from domain.calls import Call
from domain.families.organization import ORGANIZATION_MEMBERSHIP, is_managed_by
from domain.families.organizations_features import Feature, enabled_features
from domain.families.sessions import SessionClaims, SessionPolicy
from domain.foundation.errors import AccessDenied, ValidationError
from domain.foundation.identifiers import ACCOUNT_ID, account_of_arn, arn
from domain.rules.sessions import new_session, owner_of


class _Task(NamedTuple):
    feature: Feature
    """Which has to be enabled for it."""
    of_root: Sequence[str]
    """Actions on the root user itself."""
    of_anything: Sequence[str] = ()


_READ_CREDENTIALS = (
    *("iam:GetAccessKeyLastUsed", "iam:GetLoginProfile", "iam:GetUser"),
    *("iam:ListAccessKeys", "iam:ListMFADevices", "iam:ListSigningCertificates"),
)
_DELETE_CREDENTIALS = (
    *("iam:DeactivateMFADevice", "iam:DeleteAccessKey", "iam:DeleteLoginProfile", "iam:DeleteSigningCertificate"),
)
_BUCKET_POLICIES = ("s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:ListAllMyBuckets", "s3:PutBucketPolicy")
_QUEUES = ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueues", "sqs:SetQueueAttributes")
_TASKS = {
    "IAMAuditRootUserCredentials": _Task(
        "RootCredentialsManagement", _READ_CREDENTIALS, of_anything=("iam:GetAccountSummary",)
    ),
    "IAMCreateRootUserPassword": _Task("RootCredentialsManagement", ("iam:CreateLoginProfile", "iam:GetLoginProfile")),
    "IAMDeleteRootUserCredentials": _Task("RootCredentialsManagement", (*_DELETE_CREDENTIALS, *_READ_CREDENTIALS)),
    "S3UnlockBucketPolicy": _Task("RootSessions", (), of_anything=_BUCKET_POLICIES),
    "SQSUnlockQueuePolicy": _Task("RootSessions", (), of_anything=_QUEUES),
}
"""What each allows (IAM User Guide, "AWS managed policies for IAM"), in our own words."""


def assume_root(
    account: Account, call: Call, *, target_principal: str, task_policy_arn: str, duration: timedelta
) -> SessionClaims:
    """The session, if the caller may have it. The target is named by its account id or the ARN of its root.

    Raises ValidationError for what is neither and for another policy, and AccessDenied for everything else: whether
    there is such an account is told to nobody who may not do this there.
    """
    task = _task(account, task_policy_arn)
    target_id = target_principal if ACCOUNT_ID.fullmatch(target_principal) else account_of_arn(target_principal)
    root_arn = arn(account.partition, "iam", target_id or "", "root")
    if target_id is None or target_principal not in {target_id, root_arn}:
        raise ValidationError(
            "TargetPrincipal: expected the id of a member account, or the ARN of its root user; "
            f"got {target_principal}."
        )
    if call.caller.is_root:
        raise AccessDenied("Cannot call AssumeRoot with root user credentials")
    owner = owner_of(account, call, root_arn)
    authorize_assume_root(account, owner, call, root_arn, {"sts:taskpolicyarn": (task_policy_arn,)})
    _refuse_unmanaged(account, owner, target_id, task.feature)
    return new_session(
        owner,
        call,
        minting=account,
        principal=principal_of(owner, owner.id).model_copy(
            update={"session_issued_at": call.at, "source_identity": call.caller.principal.source_identity}
        ),
        entity_id=owner.id,
        duration=duration,
        policies=(SessionPolicy(document=_document(owner, task), policy_arn=task_policy_arn),),
        assumed_root=True,
    )


def is_enabled(account: Account, task_policy_arns: Iterable[str]) -> bool:
    """Whether the feature is that these tasks need."""
    features = {_task(account, each).feature for each in task_policy_arns}
    return features.issubset(enabled_features(account))


def _task(account: Account, task_policy_arn: str) -> _Task:
    tasks = {arn(account.partition, "iam", "aws", f"policy/root-task/{name}"): task for name, task in _TASKS.items()}
    if task_policy_arn not in tasks:
        raise ValidationError(f"TaskPolicyArn: expected one of {', '.join(tasks)}; got {task_policy_arn}.")
    return tasks[task_policy_arn]


def _refuse_unmanaged(account: Account, owner: Account, target_id: str, feature: Feature) -> None:
    membership = account[ORGANIZATION_MEMBERSHIP]
    if not is_managed_by(membership, account.id):
        raise AccessDenied("Access denied (AssumeRoot is for the management account of an organization).")
    assert membership is not None
    if feature not in enabled_features(account):
        raise AccessDenied(
            f"Access denied ({feature} is not enabled in the organization {membership.organization_id})."
        )
    theirs = owner[ORGANIZATION_MEMBERSHIP]
    is_member = theirs is not None and theirs.organization_id == membership.organization_id
    is_member &= owner.partition == account.partition
    if owner.id != target_id or owner.id == account.id or not is_member or not owner.is_open:
        raise AccessDenied(f"Access denied ({target_id} is no member account of {membership.organization_id}).")


def _document(owner: Account, task: _Task) -> str:
    root_arn = owner.arn("root")
    statements = [
        {"Effect": "Allow", "Action": list(actions), "Resource": resource}
        for actions, resource in ((task.of_root, root_arn), (task.of_anything, "*"))
        if actions
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
