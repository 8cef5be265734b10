"""Who may: the account's policies, brought together with the policy language."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.account import Account
from domain.callers import Caller
from domain.calls import Call, DecisionRecord, StatementRef
from domain.errors import AccessDenied
from domain.policy import (
    Layer,
    Match,
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
from domain.roles import Role

EVALUATOR = 1
"""The version of the evaluation, recorded with each decision. A change of meaning is a new version."""

Layers = list[tuple[Layer, Sequence[SourcedPolicy]]]
_NO_VALUES: Mapping[str, tuple[str, ...]] = {}


def authorise(
    account: Account, call: Call, action: str, resource: str, context: Mapping[str, tuple[str, ...]] = _NO_VALUES
) -> None:
    """Raises AccessDenied unless the caller may do `action` to the ARN `resource`. The check is recorded either way."""
    caller = call.caller
    if caller.is_root:
        # The root user may do everything that no organisation forbids; no policy of the account concerns it.
        call.decisions.append(_record((account,), action, resource, context, Result.ALLOWED, "root", ()))
        return
    request = Request(action, resource, _unnamed(caller), CallContext(call, context))
    _check((account,), call, layers_of(account, caller), request, context)


def authorise_assuming(
    account: Account,
    owner: Account,
    call: Call,
    role_arn: str,
    role: Role | None,
    context: Mapping[str, tuple[str, ...]],
) -> Role:
    """Like `authorise` for sts:AssumeRole, where the role's trust policy has to agree; the role, since there is one.
    `account` is the caller's, `owner` the one that the ARN names: where they are two, both sides must allow.

    An ARN that is no role's is judged as that of a role which trusts nobody: whether there is one is not told.
    """
    caller = call.caller
    trust = () if role is None else (trust_policy(role),)
    request = Request("sts:AssumeRole", role_arn, request_principal(caller, role), CallContext(call, context))
    _check((account, owner), call, [*layers_of(account, caller), (Layer.TRUST, trust)], request, context)
    assert role is not None, "Without a trust policy nobody is allowed."
    return role


def _check(
    read: Sequence[Account], call: Call, layers: Layers, request: Request, context: Mapping[str, tuple[str, ...]]
) -> None:
    action, resource = request.action, request.resource
    decision = evaluate(layers, request)
    call.decisions.append(
        _record(read, action, resource, context, decision.result, decision.layer.value, decision.matched)
    )
    if decision.result is not Result.ALLOWED:
        raise AccessDenied(
            f"User: {call.caller.principal.arn} is not authorized to perform: {action} on resource: {resource} "
            f"{reason(decision, request)}"
        )


def layers_of(account: Account, caller: Caller) -> Layers:
    """The policies that limit and those that grant, without the resource's own."""
    layers: Layers = [(Layer.IDENTITY, tuple(identity_policies(account, caller.entity_id)))]
    if caller.session is not None and caller.session.policies:
        layers.append((Layer.SESSION, tuple(_session_policies(account, caller))))
    return layers


def identity_policies(account: Account, entity_id: str) -> Iterator[SourcedPolicy]:
    """Of a user with the groups that it is in, or of a role: inline ones, then attached ones, then what the account's
    password policy lets every user do."""
    for holder_id in (entity_id, *account.memberships.rights(entity_id)):
        inline = account.inline_policies.get(holder_id)
        if inline is not None:
            for name, document in inline.items():
                yield SourcedPolicy(compiled(document, PolicyType.IDENTITY), f"{holder_id}/{name}", "inline", None)
        for arn in account.attachments.rights(holder_id):
            yield _managed(account, arn, PolicyType.IDENTITY)
    policy = account.password_policy
    if policy is not None and policy.allow_users_to_change_password and entity_id in account.users.by_id:
        yield SourcedPolicy(compiled(_OWN_PASSWORD, PolicyType.IDENTITY), account.id, "password policy", None)


_OWN_PASSWORD = json.dumps({
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": ["iam:ChangePassword", "iam:GetAccountPasswordPolicy"], "Resource": "*"},
})  # fmt: skip
"""What AllowUsersToChangePassword grants, to each user alike (IAM API Reference, "PasswordPolicy"). ChangePassword
knows no other resource than the user who calls it."""


def _managed(account: Account, arn: str, policy_type: PolicyType) -> SourcedPolicy:
    version = account.managed_policies[arn].default
    return SourcedPolicy(compiled(version.document, policy_type), arn, "managed", version.id)


def _session_policies(account: Account, caller: Caller) -> Iterator[SourcedPolicy]:
    """A managed policy counts as it now stands; one that is gone grants nothing."""
    assert caller.session is not None
    for policy in caller.session.policies:
        if policy.document is not None:
            document = compiled(policy.document, PolicyType.SESSION)
            yield SourcedPolicy(document, caller.session.session_id, "session", None)
        elif policy.policy_arn is not None and policy.policy_arn in account.managed_policies:
            yield _managed(account, policy.policy_arn, PolicyType.SESSION)


def trust_policy(role: Role) -> SourcedPolicy:
    return SourcedPolicy(compiled(role.trust_policy, PolicyType.TRUST), role.id, "trust", None)


def _unnamed(caller: Caller) -> RequestPrincipal:
    """For policies that are attached to the caller: they have no Principal element that could name it."""
    return RequestPrincipal(caller.principal.arn, caller.principal.account_id, _NOBODY)


def request_principal(caller: Caller, role: Role | None) -> RequestPrincipal:
    """What the role's trust policy may call this caller. The ARNs in it are those that meant the caller when the policy
    was written: they follow it through a rename, and whoever has got one since is somebody else (IAM User Guide,
    "Rename an IAM user"; "IAM JSON policy elements: Principal")."""
    principal, trusted = caller.principal, role.trusted if role is not None else _TRUSTS_NOBODY
    if principal.type == "AssumedRole":
        assert principal.issuer is not None
        issuer = _names(principal.issuer.principal_id, trusted)
        return RequestPrincipal(principal.arn, principal.account_id, frozenset({("AWS", principal.arn)}), issuer)
    names = _names(principal.principal_id, trusted) if principal.type == "IAMUser" else _NOBODY
    return RequestPrincipal(principal.arn, principal.account_id, names)


def _names(unique_id: str, trusted: Mapping[str, str]) -> frozenset[PrincipalName]:
    return frozenset({("AWS", unique_id), *(("AWS", arn) for arn, meant in trusted.items() if meant == unique_id)})


_NOBODY: frozenset[PrincipalName] = frozenset()
_TRUSTS_NOBODY: Mapping[str, str] = {}


def _record(
    read: Sequence[Account],
    action: str,
    resource: str,
    context: Mapping[str, tuple[str, ...]],
    result: Result,
    layer: str,
    matched: Sequence[Match],
) -> DecisionRecord:
    return DecisionRecord(
        action=action,
        resources=(resource,),
        result=result.value,
        layer=layer,
        matched=tuple(
            StatementRef(
                source_type=match.sourced.source_type,
                source_id=match.sourced.source_id,
                version_id=match.sourced.version_id,
                sha256=match.sourced.policy.sha256,
                index=match.statement.index,
            )
            for match in matched
        ),
        context=context,
        positions={account.id: account.position for account in read},
        evaluator=EVALUATOR,
    )


@dataclass(frozen=True, slots=True)
class CallContext(Mapping[str, tuple[str, ...]]):
    """The condition keys of a call, lower-cased, each worked out when a policy asks for it
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)."""

    call: Call
    own: Mapping[str, tuple[str, ...]]
    """Of the operation, such as iam:policyarn."""

    def __getitem__(self, key: str) -> tuple[str, ...]:
        if key in self.own:
            return self.own[key]
        value = _GLOBAL_KEYS[key](self.call)
        if value is None:
            raise KeyError(key)
        return (value,)

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        for key, value_of in _GLOBAL_KEYS.items():
            if value_of(self.call) is not None:
                yield key

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _principal_arn(call: Call) -> str:
    """Of an assumed role the role's, not the session's."""
    principal = call.caller.principal
    return principal.issuer.arn if principal.issuer and principal.issuer.type == "Role" else principal.arn


def _mfa_present(call: Call) -> str | None:
    """Only temporary credentials carry the key."""
    return None if call.caller.session is None else str(call.caller.principal.mfa_authenticated).lower()


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_PRINCIPAL_TYPES = {"Root": "Account", "IAMUser": "User", "AssumedRole": "AssumedRole"}

_GLOBAL_KEYS: Mapping[str, Callable[[Call], str | None]] = {
    "aws:currenttime": lambda call: _iso(call.at),
    "aws:epochtime": lambda call: str(int(call.at.timestamp())),
    "aws:principalarn": _principal_arn,
    "aws:principalaccount": lambda call: call.caller.principal.account_id,
    "aws:principaltype": lambda call: _PRINCIPAL_TYPES[call.caller.principal.type],
    "aws:userid": lambda call: call.caller.principal.principal_id,
    "aws:username": lambda call: call.caller.principal.user_name,
    "aws:sourceip": lambda call: call.cause.forwarded_address or call.cause.peer_address,
    "aws:useragent": lambda call: call.cause.user_agent,
    "aws:securetransport": lambda call: str(call.cause.tls).lower(),
    "aws:tokenissuetime": lambda call: _iso(call.caller.principal.session_issued_at),
    "aws:multifactorauthpresent": _mfa_present,
    "aws:sourceidentity": lambda call: call.caller.principal.source_identity,
    "aws:requestedregion": lambda call: call.cause.region,
}
