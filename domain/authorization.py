"""Who may: the account's policies, brought together with the policy language."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.account import Account
from domain.call_context import NO_VALUES, CallContext, ConditionValues, user_or_role_by_arn
from domain.callers import Caller
from domain.calls import MATCHED_MAX, Call, DecisionRecord, StatementRef, kept_context, require_read
from domain.entity_kinds import find_entity
from domain.families.boundaries import boundary_arn
from domain.families.groups import MEMBERSHIPS
from domain.families.organization import ORGANIZATION_MEMBERSHIP, Level, OrganizationPolicy
from domain.families.passwords import PASSWORD_POLICY
from domain.families.policies import ATTACHMENTS, INLINE_POLICIES, MANAGED_POLICIES
from domain.families.roles import ROLES, Role
from domain.families.users import USERS
from domain.foundation.errors import AccessDenied
from domain.policy import (
    BUDGET_STEPS,
    Decision,
    Layer,
    Layers,
    PolicyType,
    PrincipalName,
    Request,
    RequestPrincipal,
    Result,
    SourcedPolicy,
    compiled,
    evaluate,
    reason,
)
from domain.time_travel import AS_OF_POSITION

EVALUATOR = 3
"""The version of the evaluation, recorded with each decision. A change of meaning is a new version."""
_FIRST_WITH_BUDGET = 3

ASSUME_ROLE, TAG_SESSION, SET_SOURCE_IDENTITY = "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"
ASSUME_ROOT = "sts:AssumeRoot"
_OF_ROLES = frozenset(action.lower() for action in (ASSUME_ROLE, TAG_SESSION, SET_SOURCE_IDENTITY))
"""What a role's trust policy has its say in."""

_RCP_SERVICES = frozenset({"sts"})
"""Of those that are answered here, the ones whose resources a resource control policy limits; IAM is none (AWS
Organizations User Guide, "List of AWS services that support RCPs")."""
SERVICE_LINKED = "/aws-service-role/"
"""The path of roles that AWS services keep for themselves: no organization limits them, so nobody else may use it."""


@dataclass(frozen=True, slots=True)
class Check:
    """What one authorization check is about, ready to be decided: now, or once more from what was recorded."""

    layers: Layers
    request: Request
    read: tuple[Account, ...]
    """The accounts whose policies are in it."""


def authorize(
    account: Account,
    call: Call,
    action: str,
    resource: str,
    context: Mapping[str, ConditionValues] = NO_VALUES,
    *,
    named: str | None = None,
) -> None:
    """Raises AccessDenied unless the caller may do `action` to the ARN `resource`. The check is recorded either way.
    `named` is the resource as the caller has named it, where its ARN would tell more than that: a refusal says so."""
    _decide(call, check(account, call, action, resource, context), context, named)


def authorize_past(
    account: Account,
    past: Account,
    call: Call,
    action: str,
    resource: str,
    context: Mapping[str, ConditionValues],
    *,
    named: str | None = None,
) -> None:
    """Like `authorize` for a resource of the past, which only the policies of now can allow. What the policies of then
    explicitly denied stays denied: that a deny was lifted opens nothing of before."""
    known = {**context, AS_OF_POSITION: (str(past.position),)}
    _decide(call, check(account, call, action, resource, known, past=past), known, named)
    then = check(past, call, action, resource, known, past=past)
    require_read(then.layers)
    decision = evaluate(then.layers, then.request)
    if decision.result in {Result.EXPLICITLY_DENIED, Result.TOO_COSTLY}:
        _conclude(call, then, decision, known, named)


def check(
    account: Account,
    call: Call,
    action: str,
    resource: str,
    context: Mapping[str, ConditionValues] = NO_VALUES,
    *,
    past: Account | None = None,
) -> Check:
    """Of what is the account's own, whatever account the ARN names: there is nothing else that could be meant. With a
    past the resource is of then."""
    known = CallContext(call, account, past or account, resource, context)
    request = Request(action, resource, principal_without_names(call.caller), known, account.id)
    return Check(layers_of(account, call.caller), request, (account,))


def authorize_assume_role(
    account: Account,
    owner: Account,
    call: Call,
    role_arn: str,
    role: Role | None,
    context: Mapping[str, ConditionValues],
    *,
    besides: Sequence[str] = (),
) -> Role:
    """Like `authorize` for sts:AssumeRole and the actions `besides`, where the role's trust policy has to agree; the
    role, since there is one. `account` is the caller's, `owner` the one that the ARN names: where they are two, both
    sides must allow.

    An ARN that is no role's is judged as that of a role which trusts nobody: whether there is one is not told.
    """
    for action in (ASSUME_ROLE, *besides):
        _decide(call, check_assume_role(account, owner, call, role_arn, role, context, action), context)
    assert role is not None, "Without a trust policy nobody is allowed."
    return role


def check_assume_role(
    account: Account,
    owner: Account,
    call: Call,
    role_arn: str,
    role: Role | None,
    context: Mapping[str, ConditionValues],
    action: str = ASSUME_ROLE,
) -> Check:
    # Nobody assumes a role of another partition (IAM User Guide, "Federating AWS identities across AWS partitions").
    trust = () if role is None or account.partition != owner.partition else (trust_policy(role),)
    limits = [] if role is not None and _is_service_linked(role) else resource_controls(owner, "sts")
    own = [] if call.caller.service_name is not None else layers_of(account, call.caller)
    layers = [*limits, *own, (Layer.TRUST, trust)]
    known = CallContext(call, account, owner, role_arn, context)
    return Check(layers, Request(action, role_arn, request_principal(call.caller, role), known), _read(account, owner))


def is_of_role(action: str, resource: str) -> bool:
    """Whether a role's trust policy has its say. A federated user is tagged by whoever asks for its session, alone."""
    return action.lower() in _OF_ROLES and ":federated-user/" not in resource


def authorize_assume_root(
    account: Account, owner: Account, call: Call, root_arn: str, context: Mapping[str, ConditionValues]
) -> None:
    """Like `authorize` for sts:AssumeRoot, of the root user of the account `owner`."""
    _decide(call, check_assume_root(account, owner, call, root_arn, context), context)


def check_assume_root(
    account: Account, owner: Account, call: Call, root_arn: str, context: Mapping[str, ConditionValues]
) -> Check:
    """The caller's own policies decide: a root user has none that could let somebody in."""
    known = CallContext(call, account, owner, root_arn, context)
    request = Request(ASSUME_ROOT, root_arn, principal_without_names(call.caller), known, account.id)
    return Check(layers_of(account, call.caller), request, _read(account, owner))


def _read(account: Account, owner: Account) -> tuple[Account, ...]:
    return (account,) if account.id == owner.id else (account, owner)


def _decide(call: Call, asked: Check, context: Mapping[str, ConditionValues], named: str | None = None) -> None:
    require_read(asked.layers)
    _conclude(call, asked, evaluate(asked.layers, asked.request), context, named)


def _conclude(
    call: Call, asked: Check, decision: Decision, context: Mapping[str, ConditionValues], named: str | None
) -> None:
    request = asked.request
    call.decisions.append(_record(asked, decision, context))
    if decision.result is not Result.ALLOWED:
        raise AccessDenied.by_decision(
            f"User: {call.caller.principal.arn} is not authorized to perform: {request.action} on resource: "
            f"{named or request.resource} {reason(decision, request.action)}"
        )


def budget_of(evaluator: int) -> int | None:
    """The steps that a decision by this version of the evaluation could take; None where it counted none."""
    return BUDGET_STEPS if evaluator >= _FIRST_WITH_BUDGET else None


def layers_of(account: Account, caller: Caller) -> list[tuple[Layer, Sequence[SourcedPolicy]]]:
    """The policies that limit the caller and those that grant, without the resource's own. Who is not there, in a past
    of the account, is granted nothing."""
    entity_id = caller.entity_id
    layers = service_controls(account, entity_id)
    if caller.is_root:
        layers.append((Layer.IDENTITY, (_root_policy(account.id),)))
    else:
        layers.append((Layer.IDENTITY, tuple(identity_policies(account, entity_id))))
        policy_arn = boundary_arn(account, entity_id)
        if policy_arn is not None:
            layers.append((Layer.BOUNDARY, (_managed(account, policy_arn, PolicyType.BOUNDARY, "boundary"),)))
    # A federated user has no permissions but those of the policies that its session was asked for with.
    if caller.session is not None and (caller.session.policies or caller.principal.type == "FederatedUser"):
        layers.append((Layer.SESSION, tuple(_session_policies(account, caller))))
    return layers


def service_controls(account: Account, entity_id: str) -> list[tuple[Layer, Sequence[SourcedPolicy]]]:
    """A level of the organization each. They concern neither the management account nor roles that AWS services keep
    (AWS Organizations User Guide, "Service control policies")."""
    role = account[ROLES].by_id.get(entity_id)
    if role is not None and _is_service_linked(role):
        return []
    return [
        (Layer.SCP, tuple(_controlling(policy, PolicyType.SCP) for policy in level.scps))
        for level in _limiting_levels(account)
    ]


def resource_controls(owner: Account, service: str) -> list[tuple[Layer, Sequence[SourcedPolicy]]]:
    """Of the account that owns the resource, whoever asks ("Resource control policies")."""
    if service not in _RCP_SERVICES:
        return []
    return [
        (Layer.RCP, tuple(_controlling(policy, PolicyType.RCP) for policy in level.rcps))
        for level in _limiting_levels(owner)
    ]


def _limiting_levels(account: Account) -> tuple[Level, ...]:
    membership = account[ORGANIZATION_MEMBERSHIP]
    if membership is None or membership.management_account_id == account.id:
        return ()
    return membership.levels


def _controlling(policy: OrganizationPolicy, policy_type: PolicyType) -> SourcedPolicy:
    return SourcedPolicy(compiled(policy.document, policy_type), policy.id, policy_type.value, None)


def _is_service_linked(role: Role) -> bool:
    return role.path.startswith(SERVICE_LINKED)


def identity_policies(account: Account, entity_id: str) -> Iterator[SourcedPolicy]:
    """Of a user with the groups that it is in, or of a role: inline ones, then attached ones, then what the account's
    password policy lets every user do."""
    for holder_id in (entity_id, *account[MEMBERSHIPS].rights_of(entity_id)):
        yield from own_policies(account, holder_id)
    policy = account[PASSWORD_POLICY]
    if policy is not None and policy.allow_users_to_change_password and entity_id in account[USERS].by_id:
        yield SourcedPolicy(compiled(_OWN_PASSWORD, PolicyType.IDENTITY), account.id, "password policy", None)


def own_policies(account: Account, holder_id: str) -> Iterator[SourcedPolicy]:
    """Of a user, group or role, without what it has through others."""
    inline = account[INLINE_POLICIES].get(holder_id)
    if inline is not None:
        holder = _resource_of(account, holder_id)
        # By name: a mapping's own order differs from process to process, and what is recorded must not.
        for name in sorted(inline):
            policy = compiled(inline[name], PolicyType.IDENTITY)
            yield SourcedPolicy(policy, inline_source_id(holder_id, name), "inline", None, holder)
    for arn in account[ATTACHMENTS].rights_of(holder_id):
        yield _managed(account, arn, PolicyType.IDENTITY)


def _resource_of(account: Account, holder_id: str) -> str | None:
    found = find_entity(account, holder_id)
    return None if found is None else found[1].resource


def inline_source_id(holder_id: str, policy_name: str) -> str:
    return f"{holder_id}/{policy_name}"


_OWN_PASSWORD = json.dumps({
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": ["iam:ChangePassword", "iam:GetAccountPasswordPolicy"], "Resource": "*"},
})  # fmt: skip
"""What AllowUsersToChangePassword grants, to each user alike (IAM API Reference, "PasswordPolicy"). ChangePassword
knows no other resource than the user who calls it."""


_EVERYTHING = json.dumps({
    "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
})  # fmt: skip


def _root_policy(account_id: str) -> SourcedPolicy:
    """The root user may do everything that no organization forbids; no policy of the account concerns it."""
    return SourcedPolicy(compiled(_EVERYTHING, PolicyType.IDENTITY), account_id, "root", None)


def _managed(account: Account, arn: str, policy_type: PolicyType, source_type: str = "managed") -> SourcedPolicy:
    version = account[MANAGED_POLICIES][arn].default
    return SourcedPolicy(compiled(version.document, policy_type), arn, source_type, version.id)


def _session_policies(account: Account, caller: Caller) -> Iterator[SourcedPolicy]:
    """A managed policy counts as it now stands; one that is gone grants nothing."""
    assert caller.session is not None
    for policy in caller.session.policies:
        if policy.document is not None:
            document = compiled(policy.document, PolicyType.SESSION)
            yield SourcedPolicy(document, policy.policy_arn or caller.session.session_id, "session", None)
        elif policy.policy_arn is not None and policy.policy_arn in account[MANAGED_POLICIES]:
            yield _managed(account, policy.policy_arn, PolicyType.SESSION)


def trust_policy(role: Role) -> SourcedPolicy:
    return SourcedPolicy(compiled(role.trust_policy, PolicyType.TRUST), role.id, "trust", None, role.resource)


def principal_without_names(caller: Caller) -> RequestPrincipal:
    """For policies that are attached to the caller: they have no Principal element that could name it."""
    return RequestPrincipal(caller.principal.arn, caller.principal.account_id, _NOBODY)


def request_principal(caller: Caller, role: Role | None) -> RequestPrincipal:
    """What the role's trust policy may call this caller. The ARNs in it are those that meant the caller when the policy
    was written: they follow it through a rename, and whoever has got one since is somebody else (IAM User Guide,
    "Rename an IAM user"; "IAM JSON policy elements: Principal")."""
    if caller.service_name is not None:
        return RequestPrincipal(caller.service_name, None, frozenset({("Service", caller.service_name)}))
    principal, trusted = caller.principal, role.trusted if role is not None else _TRUSTS_NOBODY
    if principal.issuer is not None:
        issuer = _names(principal.issuer.principal_id, trusted)
        return RequestPrincipal(principal.arn, principal.account_id, frozenset({("AWS", principal.arn)}), issuer)
    names = _names(principal.principal_id, trusted) if principal.type == "IAMUser" else _NOBODY
    return RequestPrincipal(principal.arn, principal.account_id, names)


def role_by_arn(account: Account, arn: str) -> Role | None:
    """The role that has this ARN today."""
    found = user_or_role_by_arn(account, arn)
    return found if isinstance(found, Role) else None


def _names(unique_id: str, trusted: Mapping[str, str]) -> frozenset[PrincipalName]:
    return frozenset({("AWS", unique_id), *(("AWS", arn) for arn, meant in trusted.items() if meant == unique_id)})


_NOBODY: frozenset[PrincipalName] = frozenset()
_TRUSTS_NOBODY: Mapping[str, str] = {}


def statements_of(decision: Decision) -> tuple[StatementRef, ...]:
    """Those that applied, as they are recorded."""
    return tuple(
        StatementRef(
            source_type=match.sourced.source_type,
            source_id=match.sourced.source_id,
            version_id=match.sourced.version_id,
            sha256=match.sourced.policy.sha256,
            index=match.statement.index,
        )
        for match in decision.matched
    )


def _record(asked: Check, decision: Decision, context: Mapping[str, ConditionValues]) -> DecisionRecord:
    return DecisionRecord(
        action=asked.request.action,
        resources=(asked.request.resource,),
        result=decision.result.value,
        layer=decision.layer.value,
        matched=statements_of(decision)[:MATCHED_MAX],
        context=kept_context(context),
        positions={account.id: account.position for account in asked.read},
        evaluator=EVALUATOR,
    )
