"""IAM's operations on what users, groups and roles hold alike: attached managed policies and inline policies."""

from dataclasses import dataclass

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.rules import policy_holders
from services.iam import condition_keys, entities
from services.iam.entities import IamEntity
from services.iam.entity_members import policy_sort_key
from services.wire.operations import Parameters, answers
from services.wire.pagination import page_request


@dataclass(frozen=True, slots=True)
class _HeldPolicyOperations:
    """The operations of one kind of holder, by their AWS names."""

    entity: IamEntity
    attach: str
    detach: str
    list_attached: str
    put: str
    get: str
    list_inline: str
    delete: str


_FAMILIES = (
    _HeldPolicyOperations(
        entity=entities.USER,
        attach="AttachUserPolicy",
        detach="DetachUserPolicy",
        list_attached="ListAttachedUserPolicies",
        put="PutUserPolicy",
        get="GetUserPolicy",
        list_inline="ListUserPolicies",
        delete="DeleteUserPolicy",
    ),
    _HeldPolicyOperations(
        entity=entities.GROUP,
        attach="AttachGroupPolicy",
        detach="DetachGroupPolicy",
        list_attached="ListAttachedGroupPolicies",
        put="PutGroupPolicy",
        get="GetGroupPolicy",
        list_inline="ListGroupPolicies",
        delete="DeleteGroupPolicy",
    ),
    _HeldPolicyOperations(
        entity=entities.ROLE,
        attach="AttachRolePolicy",
        detach="DetachRolePolicy",
        list_attached="ListAttachedRolePolicies",
        put="PutRolePolicy",
        get="GetRolePolicy",
        list_inline="ListRolePolicies",
        delete="DeleteRolePolicy",
    ),
)


def _answer_attachments(family: _HeldPolicyOperations) -> None:
    kind, on, holder = family.entity.kind, family.entity.on, family.entity.holder

    def context(account: Account, parameters: Parameters) -> condition_keys.ConditionKeys:
        return {**family.entity.boundary(account, parameters), **condition_keys.policy_arn(account, parameters)}

    @answers(family.attach, on=on, holder=holder, records=f"{holder} policy_arn", context=context)
    def attach(account: Account, _call: Call, *, name: str, policy_arn: str) -> Outcome:
        return done(*policy_holders.attach(account, kind, name, policy_arn=policy_arn))

    @answers(family.detach, on=on, holder=holder, records=f"{holder} policy_arn", context=context)
    def detach(account: Account, _call: Call, *, name: str, policy_arn: str) -> Outcome:
        return done(policy_holders.detach(account, kind, name, policy_arn=policy_arn))

    @answers(family.list_attached, on=on, holder=holder, records=f"{holder} path_prefix marker max_items")
    def list_attached(
        account: Account,
        _call: Call,
        *,
        name: str,
        path_prefix: str = "/",
        marker: str | None = None,
        max_items: int | None = None,
    ) -> Outcome:
        attached, pages = (
            policy_holders.attached(account, kind, name),
            page_request("AttachedPolicies", marker, max_items),
        )
        return Outcome(
            lambda _after: pages.of(
                (policy for policy in attached if policy.path.startswith(path_prefix)),
                key=policy_sort_key,
                render=lambda policy: {"PolicyName": policy.name, "PolicyArn": policy.arn},
            )
        )


def _answer_inline(family: _HeldPolicyOperations) -> None:
    kind, on, holder = family.entity.kind, family.entity.on, family.entity.holder

    @answers(
        family.put,
        on=on,
        holder=holder,
        records=f"{holder} policy_name policy_document",
        context=family.entity.boundary,
    )
    def put(account: Account, _call: Call, *, name: str, policy_name: str, policy_document: str) -> Outcome:
        return done(policy_holders.put_inline(account, kind, name, policy_name=policy_name, document=policy_document))

    @answers(family.get, on=on, holder=holder, records=f"{holder} policy_name")
    def get(account: Account, _call: Call, *, name: str, policy_name: str) -> Outcome:
        document = policy_holders.inline(account, kind, name, policy_name=policy_name)
        holder_name = kind.named(account, name).name
        return Outcome(
            lambda _after: {family.entity.member: holder_name, "PolicyName": policy_name, "PolicyDocument": document}
        )

    @answers(family.list_inline, on=on, holder=holder, records=f"{holder} marker max_items")
    def list_inline(
        account: Account, _call: Call, *, name: str, marker: str | None = None, max_items: int | None = None
    ) -> Outcome:
        names, pages = policy_holders.inline_names(account, kind, name), page_request("PolicyNames", marker, max_items)
        return Outcome(lambda _after: pages.of(names, key=str, render=str))

    @answers(family.delete, on=on, holder=holder, records=f"{holder} policy_name", context=family.entity.boundary)
    def delete(account: Account, _call: Call, *, name: str, policy_name: str) -> Outcome:
        return done(policy_holders.delete_inline(account, kind, name, policy_name=policy_name))


for _family in _FAMILIES:
    _answer_attachments(_family)
    _answer_inline(_family)
