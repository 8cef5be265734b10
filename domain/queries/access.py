"""Questions the other way round: not whether this caller may, but who may, and what somebody may do.

They are answered by the same layers and the same evaluation as calls are, for a moment. What a call at that moment
would bring along and nobody can know beforehand (its address, its parameters) is left open: access that depends on it
is conditional.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.account import Account
from domain.authorization import (
    ASSUME_ROLE,
    ASSUME_ROOT,
    TAG_SESSION,
    check_assume_role,
    identity_policies,
    is_of_role,
    layers_of,
    principal_without_names,
    role_by_arn,
    trust_policy,
)
from domain.call_context import NO_VALUES, REQUESTED_REGION, CallContext, requested_region
from domain.callers import Caller, principal_of
from domain.calls import Call
from domain.entity_kinds import find_entity_by_arn
from domain.families.aws_managed_policies import find_policy
from domain.families.groups import GROUPS
from domain.families.roles import ROLES, Role
from domain.families.tags import PRINCIPAL_TAG, RESOURCE_TAGS
from domain.families.users import USERS
from domain.foundation.events import Cause, Principal, SessionIssuer
from domain.foundation.identifiers import ACCOUNT_ID, account_of_arn
from domain.policy import (
    TIME_KEYS,
    Decision,
    Effect,
    KnownKeys,
    Layer,
    Layers,
    PartialDecision,
    PolicyType,
    Possibility,
    PrincipalName,
    Request,
    RequestPrincipal,
    Result,
    compiled,
    evaluate_partial,
    reachable,
)

GET_FEDERATION_TOKEN, GET_SESSION_TOKEN = "sts:GetFederationToken", "sts:GetSessionToken"
_WITHOUT_POLICY = frozenset({GET_SESSION_TOKEN.lower(), "sts:getcalleridentity"})
"""Which no policy grants or forbids (IAM User Guide, "Permissions for GetSessionToken"; STS API Reference,
"GetCallerIdentity")."""
_NO_POLICY_ASKED = PartialDecision(Possibility.CERTAIN, Decision(Result.ALLOWED, Layer.IDENTITY, ()), ())
_CLOSED_TO_ROOT = frozenset({ASSUME_ROLE.lower(), ASSUME_ROOT.lower()})
_CLOSED_TO_SESSIONS = frozenset({GET_SESSION_TOKEN.lower(), GET_FEDERATION_TOKEN.lower()})
_CLOSED_TO_FEDERATED = frozenset({"iam", "sts"})
"""Services of which a federated user calls nothing that a policy grants (STS API Reference, "GetFederationToken")."""
_SESSION_KEYS = frozenset({"aws:userid", "aws:principalarn", PRINCIPAL_TAG})
"""What whoever asks for the session of a federated user decides: its name and, where it may tag it, its tags."""
_FEDERATION_KEYS = frozenset({"aws:principaltype", "aws:username"})
"""In what else it differs."""
ADMINISTRATOR_ACTIONS = ("iam:AttachUserPolicy", "iam:PutUserPolicy", "iam:CreateAccessKey")
"""Whoever may do these to everybody can make an administrator."""
_ANY_SESSION = "*"
"""In place of the name that whoever assumes a role gives to the session."""
_ALWAYS_KNOWN_KEYS = frozenset({
    "aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:principalorgid", "aws:principalorgpaths",
    "aws:principalisawsservice", "aws:viaawsservice", "aws:username", "aws:resourceaccount", "aws:resourceorgid",
    "aws:resourceorgpaths", "aws:currenttime", "aws:epochtime",
})  # fmt: skip
"""The keys that are known of whoever may call at a moment, whatever the call is like."""


@dataclass(frozen=True, slots=True)
class Access:
    """One principal's answer."""

    kind: str
    """root, user or role; service or federated where a trust policy names one."""
    account_id: str | None
    entity_id: str
    """The unique id; the account's for root, the name of a service or provider."""
    arn: str
    possible: PartialDecision


@dataclass(frozen=True, slots=True)
class AccessQuery:
    """What is asked about one principal, ready to be answered for a moment."""

    kind: str
    account_id: str | None
    entity_id: str
    arn: str
    layers: Layers
    request: Request
    knows: KnownKeys
    federated: Request | None = None
    """The same of a federated user that it may vouch for, whose session policies are left open."""

    def answer(self) -> Access:
        found = _NO_POLICY_ASKED
        if self.request.action.lower() not in _WITHOUT_POLICY:
            found = evaluate_partial(self.layers, self.request, self.knows)
            if found.possibility is Possibility.IMPOSSIBLE:
                found = self._through_federation() or found
        return Access(self.kind, self.account_id, self.entity_id, self.arn, found)

    def _through_federation(self) -> PartialDecision | None:
        """None where no session of GetFederationToken could. It depends on all in which such a session differs from who
        vouches for it."""
        if self.federated is None:
            return None
        may = reachable(self.layers, (GET_FEDERATION_TOKEN, TAG_SESSION))
        if GET_FEDERATION_TOKEN not in may:
            return None
        opened = _SESSION_KEYS if TAG_SESSION in may else _SESSION_KEYS - {PRINCIPAL_TAG}
        could = evaluate_partial(self.layers, self.federated, self._knows_but(opened))
        if could.possibility is Possibility.IMPOSSIBLE:
            return None
        return evaluate_partial(self.layers, self.federated, self._knows_but(opened | _FEDERATION_KEYS))

    def _knows_but(self, opened: Collection[str]) -> KnownKeys:
        beginnings = tuple(opened)
        return lambda key: not key.startswith(beginnings) and self.knows(key)


def who_can(account: Account, action: str, resource: str, at: datetime) -> Iterator[Access]:
    """Of every principal of the account whether it may do `action` to the ARN `resource`, or to `*` where the action
    is about none. For sts:AssumeRole, and for what goes with it, and an ARN of the account the role's trust policy has
    its say, if there is one; root, whom no role lets in, is not among the answers."""
    for caller in principals(account):
        asked = access_query(account, caller, action, resource, at)
        if asked is not None:
            yield asked.answer()


def access_query(account: Account, caller: Caller, action: str, resource: str, at: datetime) -> AccessQuery | None:
    """What `who_can` asks about one principal; None of whoever can never call it, whatever policies say: of root where
    a role is to be assumed, of roles where only long-term credentials will do."""
    service, lowered = action.partition(":")[0].lower(), action.lower()
    of_role = is_of_role(action, resource) and account_of_arn(resource) == account.id
    if caller.is_root and (of_role or lowered in _CLOSED_TO_ROOT):
        return None
    if of_role:
        return assume_role_query(account, account, caller, resource, role_by_arn(account, resource), at, action)
    is_role = caller.principal.type == "AssumedRole"
    if is_role and lowered in _CLOSED_TO_SESSIONS:
        return None
    region = requested_region(account.partition, service, signed_for=None)

    def request(asking: Caller) -> Request:
        context = CallContext(hypothetical_call(asking, at, region), account, account, resource, NO_VALUES)
        return Request(action, resource, principal_without_names(asking), context, account.id)

    resource_known = find_entity_by_arn(account, resource) is not None or find_policy(account, resource) is not None
    knows = _KnownKeys(caller, resource_known, region is not None, tags_known=_tags_known(account, caller))
    query = _query_of(caller, layers_of(account, caller), request(caller), knows)
    if is_role or service in _CLOSED_TO_FEDERATED:
        return query
    return replace(query, federated=request(_federated_by(account, caller)))


def can_assume(owner: Account, role: Role, others: Sequence[Account], at: datetime) -> Iterator[Access]:
    """Of every principal of the role's account, and of the other accounts given, whether it may assume the role; and of
    the services and identity providers that the trust policy names. Both sides must allow where they are two."""
    for account in (owner, *others):
        for caller in principals(account):
            if not caller.is_root:
                yield assume_role_query(account, owner, caller, owner.arn(role.resource), role, at).answer()
    for name in sorted(external_principals(role)):
        yield external_query(owner, role, name, at).answer()


def permission_layers(account: Account, entity_id: str) -> Layers:
    """What a user or role may do, or what a group lends to its members: in each layer, what its statements allow less
    what they deny. Something may be done if every layer allows it and none denies it."""
    if entity_id in account[GROUPS].by_id:
        return [(Layer.IDENTITY, tuple(identity_policies(account, entity_id)))]
    role = account[ROLES].by_id.get(entity_id)
    caller = Caller(principal_of(account, entity_id), entity_id, "") if role is None else caller_of_role(account, role)
    return layers_of(account, caller)


def is_administrator(account: Account, entity_id: str, at: datetime) -> bool:
    """Whether a user or root, whatever its calls are like, may set everybody's permissions in order: give them policies
    and keys."""
    caller = Caller(principal_of(account, entity_id), entity_id, "")
    asked = (access_query(account, caller, action, "*", at) for action in ADMINISTRATOR_ACTIONS)
    return all(each is not None and each.answer().possible.possibility is Possibility.CERTAIN for each in asked)


def could_administer(account: Account, entity_id: str, at: datetime) -> bool:
    """Whether a user, role or root may do all that an administrator may, whatever that depends on."""
    caller = find_caller(account, entity_id)
    if caller is None:
        return False
    asked = (access_query(account, caller, action, "*", at) for action in ADMINISTRATOR_ACTIONS)
    return all(each is not None and each.answer().possible.possibility is not Possibility.IMPOSSIBLE for each in asked)


def trusted_accounts(trust: str) -> frozenset[str] | None:
    """Those whose principals the trust policy may name: the ones to ask besides the role's own. None for all that there
    are, of a role that trusts `*`, or all but some."""
    found: set[str] = set()
    for statement in compiled(trust, PolicyType.TRUST).statements:
        if statement.principals is not None:
            excepts = statement.principals.negated and statement.effect is Effect.ALLOW
            if statement.principals.everyone or excepts:
                return None
            arns = {account_of_arn(name) for kind, name in statement.principals.names if kind == "AWS"}
            found |= statement.principals.account_ids | {account_id for account_id in arns if account_id is not None}
    return frozenset(found)


def admitted_of(trusts: Iterable[str], owner_id: str, unseen: Collection[str]) -> tuple[str, ...]:
    """Whom trust policies of an account admit in the accounts that were not looked into (`*`: in some that are not
    named), as they name them. A unique id says nothing of its account."""
    found = set[str]()
    for trust in trusts if unseen else ():
        for statement in compiled(trust, PolicyType.TRUST).statements:
            named = statement.principals
            if named is None or statement.effect is not Effect.ALLOW:
                continue
            if named.negated:
                found.add(f"everybody but {', '.join(named.texts)}")
                continue
            for text in named.texts:
                account_id = account_of_arn(text) or (text if ACCOUNT_ID.fullmatch(text) else None)
                is_other = text == "*" or account_id not in {None, owner_id}
                if account_id in unseen or ("*" in unseen and is_other):
                    found.add(text)
    return tuple(sorted(found))


def principals(account: Account) -> Iterator[Caller]:
    """As they would call: the root user, then users, then roles, each kind by name. Of an account that is closed there
    are none any more."""
    if not account.is_open:
        return
    yield Caller(principal_of(account, account.id), account.id, "")
    for user in sorted(account[USERS], key=lambda user: user.name.lower()):
        yield Caller(principal_of(account, user.id), user.id, "")
    for role in sorted(account[ROLES], key=lambda role: role.name.lower()):
        yield caller_of_role(account, role)


def find_caller(account: Account, entity_id: str) -> Caller | None:
    """The one of `principals` that has this unique id; the account's id is root's."""
    role = account[ROLES].by_id.get(entity_id)
    if role is not None:
        return caller_of_role(account, role)
    if entity_id == account.id or entity_id in account[USERS].by_id:
        return Caller(principal_of(account, entity_id), entity_id, "")
    return None


def caller_of_role(account: Account, role: Role) -> Caller:
    """In some session of the role, without session policies."""
    principal = Principal(
        type="AssumedRole",
        principal_id=f"{role.id}:{_ANY_SESSION}",
        arn=account.arn(f"assumed-role/{role.name}/{_ANY_SESSION}", service="sts"),
        account_id=account.id,
        issuer=SessionIssuer(type="Role", principal_id=role.id, arn=account.arn(role.resource), user_name=role.name),
    )
    return Caller(principal, role.id, "")


def _federated_by(account: Account, caller: Caller) -> Caller:
    """Somebody for whom a user or root vouches, whatever the name, without session policies."""
    vouching = caller.principal
    principal = Principal(
        type="FederatedUser",
        principal_id=f"{account.id}:{_ANY_SESSION}",
        arn=account.arn(f"federated-user/{_ANY_SESSION}", service="sts"),
        account_id=account.id,
        issuer=SessionIssuer(
            type="Root" if caller.is_root else "User",
            principal_id=vouching.principal_id,
            arn=vouching.arn,
            user_name=vouching.user_name,
        ),
    )
    return Caller(principal, caller.entity_id, "")


def assume_role_query(
    account: Account,
    owner: Account,
    caller: Caller,
    role_arn: str,
    role: Role | None,
    at: datetime,
    action: str = ASSUME_ROLE,
) -> AccessQuery:
    """What `can_assume` asks about a principal of `account`."""
    asked = check_assume_role(account, owner, hypothetical_call(caller, at), role_arn, role, {}, action)
    knows = _KnownKeys(caller, resource_known=True, tags_known=_tags_known(account, caller))
    principal = asked.request.principal
    assert principal is not None
    if caller.principal.type == "AssumedRole":
        principal = replace(principal, is_any_session=True)
    return _query_of(caller, asked.layers, asked.request._replace(principal=principal), knows)


def _tags_known(account: Account, caller: Caller) -> bool:
    """Whoever assumes a role may give the session other tags where its trust policy lets somebody."""
    role = account[ROLES].by_id.get(caller.entity_id)
    if role is None:
        return True
    about = trust_policy(role).policy.about[TAG_SESSION.lower()]
    return not any(statement.effect is Effect.ALLOW for statement in about)


def _query_of(caller: Caller, layers: Layers, request: Request, knows: KnownKeys) -> AccessQuery:
    principal = caller.principal
    kind = {"Root": "root", "IAMUser": "user", "AssumedRole": "role"}[principal.type]
    arn = principal.issuer.arn if principal.issuer else principal.arn
    return AccessQuery(kind, principal.account_id, caller.entity_id, arn, layers, request, knows)


def external_principals(role: Role) -> set[PrincipalName]:
    """The services and identity providers that its trust policy names."""
    return {
        (kind, name)
        for statement in trust_policy(role).policy.statements
        if statement.principals is not None
        for kind, name in statement.principals.names
        if kind != "AWS"
    }


def external_query(owner: Account, role: Role, name: PrincipalName, at: datetime) -> AccessQuery:
    """Belongs to no account of ours: nothing is known of it but its name, and that the trust policy has it."""
    kind, text = name
    action = ASSUME_ROLE
    if kind == "Federated":
        action += "WithSAML" if ":saml-provider/" in text else "WithWebIdentity"
    principal = RequestPrincipal(text, None, frozenset({name}))
    root = Caller(principal_of(owner, owner.id), owner.id, "")
    asked = check_assume_role(owner, owner, hypothetical_call(root, at), owner.arn(role.resource), role, {})
    layers: Layers = [(layer, policies) for layer, policies in asked.layers if layer in {Layer.RCP, Layer.TRUST}]
    request = asked.request._replace(action=action, principal=principal)
    return AccessQuery(kind.lower(), None, text, text, layers, request, TIME_KEYS.__contains__)


@dataclass(frozen=True, slots=True)
class _KnownKeys:
    """Which condition keys have no other value than the context's, for a principal as it would call."""

    caller: Caller
    resource_known: bool
    region_known: bool = False
    tags_known: bool = True

    def __call__(self, key: str) -> bool:
        if key.startswith(RESOURCE_TAGS):
            return self.resource_known
        if key == REQUESTED_REGION:
            return self.region_known
        if key == "aws:userid":
            return self.caller.principal.type != "AssumedRole"
        return self.tags_known if key.startswith(PRINCIPAL_TAG) else key in _ALWAYS_KNOWN_KEYS


def hypothetical_call(caller: Caller, at: datetime, region: str | None = None) -> Call:
    """As if it were made, as far as anything can be said of it."""
    principal = caller.principal
    cause = Cause(
        origin="api", request_id="", shared_id="", service="", operation="", principal=principal, region=region
    )
    return Call.to_check(caller, cause, at)
