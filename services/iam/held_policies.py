"""IAM's operations on what users, groups and roles hold alike: attached managed policies and inline policies."""

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.rules import policy_holders
from services.iam import condition_keys, entities
from services.iam.entities import IamEntity
from services.iam.entity_members import policy_sort_key
from services.wire.operations import Parameters, answers, may_deny
from services.wire.pagination import page_request


def _answer_attached(entity: IamEntity, attach: str, detach: str, list_attached: str) -> None:
    """Answers the operations of one kind of holder on managed policies, by their AWS names."""
    kind, on, holder = entity.kind, entity.on, entity.holder

    def context(account: Account, parameters: Parameters) -> condition_keys.ConditionKeys:
        return {**entity.boundary(account, parameters), **condition_keys.policy_arn(account, parameters)}

    @answers(attach, on=on, holder=holder, records=f"{holder} policy_arn", context=context, ends_access=may_deny)
    def attach_policy(account: Account, _call: Call, *, name: str, policy_arn: str) -> Outcome:
        return done(*policy_holders.attach(account, kind, name, policy_arn=policy_arn))

    @answers(detach, on=on, holder=holder, records=f"{holder} policy_arn", context=context)
    def detach_policy(account: Account, _call: Call, *, name: str, policy_arn: str) -> Outcome:
        return done(policy_holders.detach(account, kind, name, policy_arn=policy_arn))

    @answers(list_attached, on=on, holder=holder, records=f"{holder} path_prefix marker max_items")
    def list_attached_policies(
        account: Account,
        _call: Call,
        *,
        name: str,
        path_prefix: str = "/",
        marker: str | None = None,
        max_items: int | None = None,
    ) -> Outcome:
        attached = policy_holders.attached(account, kind, name)
        pages = page_request("AttachedPolicies", marker, max_items)
        return Outcome(
            lambda _after: pages.of(
                (policy for policy in attached if policy.path.startswith(path_prefix)),
                key=policy_sort_key,
                render=lambda policy: {"PolicyName": policy.name, "PolicyArn": policy.arn},
            )
        )


def _answer_inline(entity: IamEntity, put: str, get: str, list_inline: str, delete: str) -> None:
    """Answers the operations of one kind of holder on inline policies, by their AWS names."""
    kind, on, holder, boundary = entity.kind, entity.on, entity.holder, entity.boundary

    @answers(
        put,
        on=on,
        holder=holder,
        records=f"{holder} policy_name policy_document",
        context=boundary,
        ends_access=may_deny,
    )
    def put_policy(account: Account, _call: Call, *, name: str, policy_name: str, policy_document: str) -> Outcome:
        return done(policy_holders.put_inline(account, kind, name, policy_name=policy_name, document=policy_document))

    @answers(get, on=on, holder=holder, records=f"{holder} policy_name")
    def get_policy(account: Account, _call: Call, *, name: str, policy_name: str) -> Outcome:
        document = policy_holders.inline(account, kind, name, policy_name=policy_name)
        holder_name = kind.named(account, name).name
        answer = {entity.member: holder_name, "PolicyName": policy_name, "PolicyDocument": document}
        return Outcome(lambda _after: answer)

    @answers(list_inline, on=on, holder=holder, records=f"{holder} marker max_items")
    def list_policies(
        account: Account, _call: Call, *, name: str, marker: str | None = None, max_items: int | None = None
    ) -> Outcome:
        names, pages = policy_holders.inline_names(account, kind, name), page_request("PolicyNames", marker, max_items)
        return Outcome(lambda _after: pages.of(names, key=str, render=str))

    @answers(delete, on=on, holder=holder, records=f"{holder} policy_name", context=boundary)
    def delete_policy(account: Account, _call: Call, *, name: str, policy_name: str) -> Outcome:
        return done(policy_holders.delete_inline(account, kind, name, policy_name=policy_name))


_answer_attached(entities.USER, "AttachUserPolicy", "DetachUserPolicy", "ListAttachedUserPolicies")
_answer_inline(entities.USER, "PutUserPolicy", "GetUserPolicy", "ListUserPolicies", "DeleteUserPolicy")
_answer_attached(entities.GROUP, "AttachGroupPolicy", "DetachGroupPolicy", "ListAttachedGroupPolicies")
_answer_inline(entities.GROUP, "PutGroupPolicy", "GetGroupPolicy", "ListGroupPolicies", "DeleteGroupPolicy")
_answer_attached(entities.ROLE, "AttachRolePolicy", "DetachRolePolicy", "ListAttachedRolePolicies")
_answer_inline(entities.ROLE, "PutRolePolicy", "GetRolePolicy", "ListRolePolicies", "DeleteRolePolicy")
