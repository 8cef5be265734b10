"""The condition keys that a call has, lower-cased, each worked out when a policy asks for it.

The global ones, `aws:…`, stand here. A family's own come from its operations where they are about one of them
(`services.wire.operations.answers`), and are registered with `condition_key` where any call may have them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.account import Account
from domain.callers import Caller
from domain.calls import Call
from domain.entity_kinds import find_entity_by_arn
from domain.families.analyzers import ANALYZERS
from domain.families.organization import ORGANIZATION_MEMBERSHIP, OrganizationMembership
from domain.families.roles import ROLE, ROLES, Role
from domain.families.sessions import SessionTag
from domain.families.tags import PRINCIPAL_TAG, RESOURCE_TAG, RESOURCE_TAGS, Tag, tags_of
from domain.families.users import USER, USERS, User
from domain.foundation.events import Principal

ConditionValues = tuple[str, ...]
ValuesOfKey = Callable[["CallContext"], ConditionValues | None]
NO_VALUES: Mapping[str, ConditionValues] = {}
REQUESTED_REGION = "aws:requestedregion"
_WITH_IAM_RESOURCE_TAGS = frozenset({USER.noun, ROLE.noun})


@dataclass(frozen=True, slots=True)
class CallContext(Mapping[str, ConditionValues]):
    call: Call
    account: Account
    """The caller's, whose tags and organization count."""
    owner: Account
    """The resource's."""
    resource: str
    """Its ARN: what has tags brings them."""
    own: Mapping[str, ConditionValues]
    """Of the operation, such as iam:policyarn."""

    def get(self, key: str, default: object = None) -> ConditionValues | None:  # type: ignore[override]  # None is no value
        """None for a key that the call does not have."""
        assert default is None
        if key in self.own:
            return self.own[key]
        if key.startswith(PRINCIPAL_TAG):
            return principal_tags(self.account, self.call.caller).get(key.removeprefix(PRINCIPAL_TAG))
        if key.startswith(RESOURCE_TAGS):
            return resource_tags(self.owner, self.resource).get(key)
        value_of = _KEYS.get(key)
        return None if value_of is None else value_of(self)

    def __getitem__(self, key: str) -> ConditionValues:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        tags = {PRINCIPAL_TAG + key for key in principal_tags(self.account, self.call.caller)}
        tags |= resource_tags(self.owner, self.resource).keys()
        yield from (key for key in sorted(self.own.keys() | tags | _KEYS.keys()) if self.get(key) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def user_or_role_by_arn(account: Account, arn: str) -> User | Role | None:
    """Whose ARN it is today."""
    name = arn.rsplit("/", 1)[-1]
    for entity in (account[USERS].find(name), account[ROLES].find(name)):
        if entity is not None and account.arn(entity.resource) == arn:
            return entity
    return None


def user_or_role_by_id(account: Account, entity_id: str) -> User | Role | None:
    """The user or role with this unique id; None for the root user and for groups, which carry no tags."""
    return account[USERS].by_id.get(entity_id) or account[ROLES].by_id.get(entity_id)


def resource_tags(account: Account, arn: str) -> dict[str, ConditionValues]:
    """The condition keys for the tags of what the ARN is today."""
    analyzer = account[ANALYZERS].get(arn)
    if analyzer is not None:
        of_analyzer = _by_key(Tag(key, value) for key, value in analyzer.tags.items())
        return {RESOURCE_TAG + key: values for key, values in of_analyzer.items()}
    found = find_entity_by_arn(account, arn)
    if found is None:
        return {}
    kind, entity = found
    prefixes = RESOURCE_TAGS if kind.noun in _WITH_IAM_RESOURCE_TAGS else (RESOURCE_TAG,)
    tags = _by_key(tags_of(account, kind.subject(entity)).values())
    return {prefix + key: values for prefix in prefixes for key, values in tags.items()}


def principal_tags(account: Account, caller: Caller) -> dict[str, ConditionValues]:
    """By lower-cased key: those of the user or role, and over them those of the session (IAM User Guide, "Pass session
    tags in AWS STS")."""
    own = _by_key(tags_of(account, caller.entity_id).values())
    return own | _by_key(caller.session.tags) if caller.session is not None and caller.session.tags else own


def _by_key(tags: Iterable[Tag | SessionTag]) -> dict[str, ConditionValues]:
    """By lower-cased key, as conditions name them. Keys that differ by case alone are one, with several values."""
    values: dict[str, ConditionValues] = {}
    for tag in tags:
        key = tag.key.lower()
        values[key] = (*values.get(key, ()), tag.value)
    return values


def _one(value: str | None) -> ConditionValues | None:
    return None if value is None else (value,)


def _of_call(value_of: Callable[[Call], str | None]) -> ValuesOfKey:
    return lambda context: _one(value_of(context.call))


def _of_caller(value_of: Callable[[Caller], str | None]) -> ValuesOfKey:
    """Nothing of a service, which is in no account."""
    return lambda context: None if _is_service(context) else _one(value_of(context.call.caller))


def _is_service(context: CallContext) -> bool:
    return context.call.caller.service_name is not None


def iso_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def principal_arn_of(principal: Principal) -> str:
    """Of an assumed role the role's, not the session's."""
    return principal.issuer.arn if principal.issuer and principal.issuer.type == "Role" else principal.arn


def _mfa_present(caller: Caller) -> str | None:
    """Only temporary credentials carry the key."""
    return None if caller.session is None else str(caller.principal.mfa_authenticated).lower()


def _mfa_age(call: Call) -> str | None:
    """Seconds since the code was given, which was when the session was asked for; absent where none was."""
    principal = call.caller.principal
    if not principal.mfa_authenticated or principal.session_issued_at is None:
        return None
    return str(int((call.at - principal.session_issued_at).total_seconds()))


def _assumed_root(caller: Caller) -> str | None:
    """Only sessions of AssumeRoot have the key."""
    return "true" if caller.is_assumed_root else None


def _issue_time(caller: Caller) -> str | None:
    issued_at = caller.principal.session_issued_at
    return None if issued_at is None else iso_time(issued_at)


def organization_id(account: Account) -> ConditionValues | None:
    membership = account[ORGANIZATION_MEMBERSHIP]
    return None if membership is None else (membership.organization_id,)


def organization_paths(account: Account) -> ConditionValues | None:
    """One path, such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/: the key is a list all the same."""
    membership: OrganizationMembership | None = account[ORGANIZATION_MEMBERSHIP]
    if membership is None:
        return None
    units = [level.id for level in membership.levels if level.id != account.id]
    return ("/".join([membership.organization_id, *units, ""]),)


PRINCIPAL_TYPES = {"Root": "Account", "IAMUser": "User", "AssumedRole": "AssumedRole", "FederatedUser": "FederatedUser"}

_KEYS: dict[str, ValuesOfKey] = {
    "aws:currenttime": _of_call(lambda call: iso_time(call.at)),
    "aws:epochtime": _of_call(lambda call: str(int(call.at.timestamp()))),
    "aws:principalarn": _of_caller(lambda caller: principal_arn_of(caller.principal)),
    "aws:principalaccount": _of_caller(lambda caller: caller.principal.account_id),
    "aws:principaltype": _of_caller(lambda caller: PRINCIPAL_TYPES[caller.principal.type]),
    "aws:principalorgid": lambda context: None if _is_service(context) else organization_id(context.account),
    "aws:principalorgpaths": lambda context: None if _is_service(context) else organization_paths(context.account),
    "aws:principalisawsservice": lambda context: (str(_is_service(context)).lower(),),
    "aws:principalservicename": _of_call(lambda call: call.caller.service_name),
    "aws:principalservicenameslist": _of_call(lambda call: call.caller.service_name),
    "aws:viaawsservice": lambda _context: ("false",),
    "aws:userid": _of_caller(lambda caller: caller.principal.principal_id),
    "aws:username": _of_caller(lambda caller: caller.principal.user_name),
    "aws:sourceip": _of_call(lambda call: call.cause.forwarded_address or call.cause.peer_address),
    "aws:useragent": _of_call(lambda call: call.cause.user_agent),
    "aws:securetransport": _of_call(lambda call: str(call.cause.tls).lower()),
    "aws:tokenissuetime": _of_caller(_issue_time),
    "aws:multifactorauthpresent": _of_caller(_mfa_present),
    "aws:multifactorauthage": _of_call(_mfa_age),
    "aws:assumedroot": _of_caller(_assumed_root),
    "aws:sourceidentity": _of_caller(lambda caller: caller.principal.source_identity),
    REQUESTED_REGION: _of_call(lambda call: call.cause.region),
    "aws:resourceaccount": lambda context: (context.owner.id,),
    "aws:resourceorgid": lambda context: organization_id(context.owner),
    "aws:resourceorgpaths": lambda context: organization_paths(context.owner),
}


_REGIONS_OF_IAM = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_GLOBAL_REGIONS: Mapping[str, Mapping[str, str]] = {
    "account": {"aws": "us-east-1", "aws-cn": "cn-northwest-1"},
    "iam": _REGIONS_OF_IAM,
    "muniment": _REGIONS_OF_IAM,
    "organizations": {**_REGIONS_OF_IAM, "aws-cn": "cn-northwest-1"},
}
"""Where the control planes of global services are, by partition (IAM User Guide, "Resilience in IAM"; botocore signs
for the same)."""


def requested_region(partition: str, service: str, signed_for: str | None) -> str | None:
    """The region that a call is made to; it is recorded with the call. A global service has one endpoint, whatever
    region the client has signed for; with others the client chooses an endpoint of AWS, and here signs for its region.
    """
    return _GLOBAL_REGIONS.get(service, {}).get(partition, signed_for)


def condition_key(name: str) -> Callable[[ValuesOfKey], ValuesOfKey]:
    """Registers a family's own key, such as iam:resourcetype, with what it is worth in a call: None where the call does
    not have it. Raises TypeError for a name that is taken, global, or not in lower case."""

    def register(values_of: ValuesOfKey) -> ValuesOfKey:
        if name in _KEYS or name.startswith("aws:") or name != name.lower():
            raise TypeError(f"{name} cannot be a family's condition key.")
        _KEYS[name] = values_of
        return values_of

    return register
