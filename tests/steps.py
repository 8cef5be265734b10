"""The steps that random histories are made of: each asks the rules for what somebody might do, as the doors do."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.calls import ApiCalled
from domain.descent import DescentLink, made
from domain.families import credential_use
from domain.families.access_keys import ACCESS_KEYS, AccessKeyStatus
from domain.families.aliases import ACCOUNT_ALIAS
from domain.families.containment import (
    CONTAINED_LINEAGES,
    AccountReached,
    Descendant,
    DescentRecorded,
    LineageContained,
    LineageFacts,
    LineageQuery,
    LineageReleased,
    Seed,
)
from domain.families.credential_use import LAST_USES, CredentialUsed
from domain.families.groups import GROUP, GROUPS
from domain.families.organization import (
    FULL_AWS_ACCESS,
    ORGANIZATION_MEMBERSHIP,
    RCP_FULL_AWS_ACCESS,
    Level,
    Organization,
    OrganizationMembership,
    OrganizationPoliciesApplied,
)
from domain.families.passwords import (
    LOGIN_PROFILES,
    PASSWORD,
    PASSWORD_POLICY,
    LoginProfileCreated,
    LoginProfileUpdated,
    PasswordAttemptFailed,
    PasswordChanged,
    PasswordPolicyUpdated,
)
from domain.families.policies import ATTACHMENTS, INLINE_POLICIES, MANAGED_POLICIES, POLICY
from domain.families.roles import ROLE, ROLES
from domain.families.sessions import Session, SessionIssued, SessionRevoked
from domain.families.tags import Tag
from domain.families.users import USER, USERS
from domain.foundation.events import Event, Principal
from domain.foundation.identifiers import (
    ACCESS_KEY,
    SESSION_KEY,
    Random,
    new_access_key_id,
    new_account_id,
    new_unique_id,
)
from domain.installation import Installation
from domain.queries import containment
from domain.rules import (
    access_keys,
    aliases,
    groups,
    organization,
    passwords,
    permissions_boundaries,
    policies,
    policy_holders,
    roles,
    tagging,
    users,
)
from domain.rules.session_expiries import ExpiredSession, Expiries
from tests.credential_steps import key_rotation, mfa_device, server_certificate, user_credential
from tests.domain.policy.policies import SESSION
from tests.lifecycle_steps import exemption, profile, recorded
from tests.step_draws import NAMES, PATHS, Step
from tests.step_draws import one as _one
from tests.step_draws import step as _step

ACCOUNT = "123456789012"
DOCUMENTS = st.sampled_from(
    [
        json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": action, "Resource": "*", **more}}
        )
        for effect, action, more in (
            ("Allow", "iam:*", {}),
            ("Allow", "sts:AssumeRole", {}),
            ("Deny", "iam:DeleteUser", {}),
            ("Allow", "*", {"Condition": {"DateLessThanEquals": {"aws:CurrentTime": "2026-01-31T23:53:59Z"}}}),
            ("Deny", "*", {"Condition": {"NumericGreaterThan": {"aws:EpochTime": "1769903640.5"}}}),
        )
    ]
)
IN_AN_ORGANIZATION = Installation(organization=Organization("o-exampleorgid", ACCOUNT, (), ()))
T = TypeVar("T")


def _user(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    match _step(draw, account[USERS], "update", "delete"):
        case "create":
            user_id = new_unique_id(USER.id_prefix, random)
            return [users.create_user(account, user_id=user_id, user_name=draw(NAMES), path=draw(PATHS))]
        case "update":
            name = _one(draw, account[USERS]).name
            path, new_name = draw(st.none() | PATHS), draw(st.none() | NAMES)
            return [users.update_user(account, user_name=name, new_path=path, new_user_name=new_name)]
        case _:
            return [users.delete_user(account, user_name=_one(draw, account[USERS]).name)]


def _group(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    match _step(draw, account[GROUPS], "update", "delete"):
        case "create":
            group_id = new_unique_id(GROUP.id_prefix, random)
            return [groups.create_group(account, group_id=group_id, group_name=draw(NAMES), path=draw(PATHS))]
        case "update":
            name = _one(draw, account[GROUPS]).name
            path, new_name = draw(st.none() | PATHS), draw(st.none() | NAMES)
            return [groups.update_group(account, group_name=name, new_path=path, new_group_name=new_name)]
        case _:
            return [groups.delete_group(account, group_name=_one(draw, account[GROUPS]).name)]


def _membership(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    group, user = _one(draw, account[GROUPS]).name, _one(draw, account[USERS]).name
    if draw(st.booleans()):
        return groups.add_user_to_group(account, group_name=group, user_name=user)
    return [groups.remove_user_from_group(account, group_name=group, user_name=user)]


def _trust_policy(draw: DrawFn, account: Account) -> str:
    """Trusts the account, and by ARN some who are in it: those are recorded with their unique ids."""
    entities = sorted(account.arn(entity.resource) for entity in (*account[USERS], *account[ROLES]))
    named = draw(st.lists(st.sampled_from(entities), max_size=2, unique=True)) if entities else []
    principals = [account.arn("root"), *named]
    statement = {"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _role(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    step = _step(draw, account[ROLES], "update", "trust", "delete")
    if step == "create":
        created = roles.create_role(
            account,
            role_id=new_unique_id(ROLE.id_prefix, random),
            role_name=draw(NAMES),
            path=draw(PATHS),
            description=draw(st.none() | st.just("for the night shift")),
            session_seconds_max=draw(st.sampled_from([3_600, 43_200])),
            trust_policy=_trust_policy(draw, account),
        )
        return [created]
    name = _one(draw, account[ROLES]).name
    if step == "update":
        seconds = draw(st.none() | st.just(7_200))
        description = draw(st.none() | st.just("for everybody"))
        return [roles.update_role(account, role_name=name, description=description, session_seconds_max=seconds)]
    if step == "trust":
        return [roles.replace_trust_policy(account, role_name=name, trust_policy=_trust_policy(draw, account))]
    return [roles.delete_role(account, role_name=name)]


def _policy(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    own = [policy for policy in account[MANAGED_POLICIES].values() if not policy.is_aws_managed]
    step = _step(draw, own, "create version", "create version", "set default", "delete version", "delete")
    if step == "create":
        created = policies.create_policy(
            account,
            policy_id=new_unique_id(POLICY.id_prefix, random),
            policy_name=draw(NAMES),
            path=draw(PATHS),
            description=draw(st.none() | st.just("what ops may do")),
            document=draw(DOCUMENTS),
        )
        return [created]
    policy = _one(draw, own)
    if step == "create version":
        document, as_default = draw(DOCUMENTS), draw(st.booleans())
        return [
            policies.create_policy_version(account, policy_arn=policy.arn, document=document, set_as_default=as_default)
        ]
    others = [version for version in policy.versions.values() if version != policy.default]
    version_id = _one(draw, others or [policy.default]).id
    if step == "set default":
        return policies.set_default_policy_version(account, policy_arn=policy.arn, version_id=version_id)
    if step == "delete version":
        return [policies.delete_policy_version(account, policy_arn=policy.arn, version_id=version_id)]
    return [policies.delete_policy(account, policy_arn=policy.arn)]


def _held_policy(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    kind, name = _one(
        draw, [(kind, holder.name) for kind in policy_holders.KINDS for holder in kind.by_id(account).values()]
    )
    holder_id = kind.named(account, name).id
    match draw(st.sampled_from(["attach", "detach", "put", "delete"])):
        case "attach":
            return policy_holders.attach(account, kind, name, policy_arn=_one(draw, account[MANAGED_POLICIES]))
        case "detach":
            arn = _one(draw, account[ATTACHMENTS].rights_of(holder_id))
            return [policy_holders.detach(account, kind, name, policy_arn=arn)]
        case "put":
            policy_name, document = draw(NAMES), draw(DOCUMENTS)
            return [policy_holders.put_inline(account, kind, name, policy_name=policy_name, document=document)]
        case _:
            policy_name = _one(draw, account[INLINE_POLICIES].get(holder_id, ()))
            return [policy_holders.delete_inline(account, kind, name, policy_name=policy_name)]


def _tags(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    """Keys that collide, two of them but for case."""
    kind, name = _one(
        draw, [(USER, user.name) for user in account[USERS]] + [(ROLE, role.name) for role in account[ROLES]]
    )
    if draw(st.booleans()):
        keys = draw(st.lists(st.sampled_from(["Team", "shift"]), min_size=1, max_size=2))
        return tagging.untag(account, kind, name, keys=keys)
    key, value = draw(st.sampled_from(["team", "Team", "shift"])), draw(st.sampled_from(["", "night"]))
    return tagging.tag(account, kind, name, tags=[Tag(key, value)])


def _boundary(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    kind, name = _one(
        draw, [(USER, user.name) for user in account[USERS]] + [(ROLE, role.name) for role in account[ROLES]]
    )
    if draw(st.integers(0, 2)) == 0:
        return [permissions_boundaries.delete(account, kind, name)]
    return permissions_boundaries.put(account, kind, name, policy_arn=_one(draw, account[MANAGED_POLICIES]))


def _access_key(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    keys = account[ACCESS_KEYS].by_id
    step = _step(draw, keys, "set status", "delete")
    if step == "create":
        owner = _one(draw, [account.id, *(user.id for user in account[USERS])])
        key_id = new_access_key_id(ACCESS_KEY, account.id, random)
        return [access_keys.create_access_key(account, user_id=owner, access_key_id=key_id)]
    key = _one(draw, keys.values())
    if step == "delete":
        return access_keys.delete_access_key(account, user_id=key.user_id, access_key_id=key.id)
    status: AccessKeyStatus = "Inactive" if key.status == "Active" else "Active"
    return access_keys.update_access_key(account, user_id=key.user_id, access_key_id=key.id, status=status)


def _use_of_credential(draw: DrawFn, account: Account, at: datetime, _random: Random) -> Sequence[Event]:
    """As the doors record it: a change at the first use in a window, and the call itself always."""
    key = _one(draw, account[ACCESS_KEYS].by_id.values())
    call = ApiCalled(read_only=True, parameters={"MaxItems": draw(st.integers(1, 3))})
    if not credential_use.is_news(account[LAST_USES], key.id, at):
        return [call]
    used = CredentialUsed(credential="access_key", credential_id=key.id, service="iam", region="us-east-1")
    return [used, call]


def _containment(draw: DrawFn, account: Account, at: datetime) -> Sequence[Event]:
    """Of a user or role, as if nothing else was known to be its."""
    entity_id = _one(draw, [*account[USERS].by_id, *account[ROLES].by_id])
    kind: Literal["user", "role"] = "user" if entity_id in account[USERS].by_id else "role"
    seed = Descendant(account.id, kind, entity_id, entity_id, None, None, None)
    lineage = LineageFacts(LineageQuery(account.id, entity_id, at), Seed(entity_id, None), (seed,))
    contained = containment.contain({account.id: account}, lineage, lambda _account: None, None, at)
    return contained.events.get(account.id, ())


def _lineage(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    """As a whole it is contained and released, and comes to other accounts."""
    contained = account[CONTAINED_LINEAGES]
    match _step(draw, contained, "create", "release", "reach", "descend"):
        case "create":
            key = _one(draw, account[ACCESS_KEYS].by_id.values())
            return [LineageContained(seed=key.id, seed_owner=key.user_id, compromised_since=None)]
        case "release":
            return [LineageReleased(seed=_one(draw, contained))]
        case "reach":
            return [AccountReached(reached=new_account_id(random))]
        case _:
            user = _one(draw, account[USERS])
            return [
                DescentRecorded(descendant_id=user.id, descent=made(account, DescentLink(user.id, by="ASIAEXAMPLE")))
            ]


def _session(draw: DrawFn, account: Account, at: datetime, random: Random) -> Sequence[Event]:
    session_id = new_unique_id(SESSION, random)
    step = draw(st.sampled_from(["issue", "revoke", "contain"]))
    if step == "contain":
        return _containment(draw, account, at)
    if step == "revoke":
        return [SessionRevoked(session_id=session_id)]
    role = _one(draw, account[ROLES])
    key = _one(draw, account[ACCESS_KEYS].by_id.values())
    arn = account.arn(f"assumed-role/{role.name}/night", service="sts")
    session = Session(
        session_id=session_id,
        access_key_id=new_access_key_id(SESSION_KEY, account.id, random),
        principal=Principal(type="AssumedRole", principal_id=f"{role.id}:night", arn=arn, account_id=account.id),
        entity_id=role.id,
        issued_at=at,
        expires_at=at + timedelta(seconds=role.session_seconds_max),
        minted_by_access_key_id=key.id,
    )
    return [SessionIssued(session=session)]


def _password(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    """What the rules make of a call needs facts; which events may follow one another does not."""
    user = _one(draw, account[USERS])
    of_user, password_id = {"user_id": user.id, "user_name": user.name}, new_unique_id(PASSWORD, random)
    if user.id not in account[LOGIN_PROFILES]:
        return [LoginProfileCreated(**of_user, password_id=password_id, reset_required=draw(st.booleans()))]
    return draw(
        st.sampled_from(
            [
                [LoginProfileUpdated(**of_user, password_id=password_id, reset_required=True)],
                [LoginProfileUpdated(**of_user, reset_required=False)],
                [PasswordChanged(**of_user, password_id=password_id)],
                [PasswordAttemptFailed(**of_user)],
                [passwords.delete_login_profile(account, user_id=user.id)[0]],
            ]
        )
    )


def _root_password(_draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    if account.id in account[LOGIN_PROFILES]:
        return [passwords.delete_login_profile(account, user_id=account.id)[0]]
    return [passwords.create_root_login_profile(account, password=None, reset_required=False)]


def _password_policy(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    if account[PASSWORD_POLICY] is not None and draw(st.booleans()):
        return [passwords.delete_password_policy(account)]
    return [
        PasswordPolicyUpdated(
            minimum_password_length=draw(st.integers(6, 128)),
            require_symbols=draw(st.booleans()),
            require_numbers=True,
            require_uppercase_characters=True,
            require_lowercase_characters=True,
            allow_users_to_change_password=draw(st.booleans()),
            max_password_age=draw(st.none() | st.integers(1, 1_095)),
            password_reuse_prevention=draw(st.none() | st.integers(1, 24)),
            hard_expiry=draw(st.booleans()),
        )
    ]


def _tick(draw: DrawFn, account: Account, at: datetime, random: Random) -> Sequence[Event]:
    """The scheduler comes by, and a session is over whose issue is long ago."""
    session_id = new_unique_id(SESSION, random)
    over = ExpiredSession(session_id, new_access_key_id(SESSION_KEY, account.id, random), account.arn("root"), at)
    return recorded(account, Expiries([over] if draw(st.booleans()) else [], None, at), at)


def _alias(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    alias = account[ACCOUNT_ALIAS]
    if alias is not None and draw(st.booleans()):
        return aliases.delete_account_alias(account, account_alias=alias)[0]
    return aliases.create_account_alias(account, Installation(), account_alias=draw(st.sampled_from(["one", "two"])))[0]


def _organization(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    if account[ORGANIZATION_MEMBERSHIP] is not None and draw(st.booleans()):
        return organization.remove_organization(IN_AN_ORGANIZATION, {account.id: account})[1][account.id]
    root = Level("r-root", draw(NAMES), (FULL_AWS_ACCESS.policy,), (RCP_FULL_AWS_ACCESS.policy,))
    own = Level(account.id, account.id, draw(st.sampled_from([root.scps, ()])), root.rcps)
    return [OrganizationPoliciesApplied(membership=OrganizationMembership("o-exampleorgid", account.id, (root, own)))]


STEPS: tuple[Step, ...] = (
    _user, _group, _membership, _role, _policy, _held_policy, _tags, _boundary, _access_key,
    _password, _password_policy, user_credential, server_certificate, mfa_device, _use_of_credential, _session,
    _lineage, _tick, _tick, _alias,
    _organization, _root_password, profile, exemption, key_rotation, key_rotation,
)  # fmt: skip
