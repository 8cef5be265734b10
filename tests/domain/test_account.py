"""Folding: legal histories fold to what happened, impossible ones stop us, and old values stay what they were."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given

from domain.account import Account, AccountCreated, CorruptLedger, evolve
from domain.calls import ApiCalled
from domain.families import access_keys, groups, notices, passwords, policies, roles, sessions, users
from domain.families.access_keys import ACCESS_KEYS
from domain.families.boundaries import BOUNDARIES
from domain.families.credential_use import LAST_USES, CredentialUsed
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.notices import NOTICES
from domain.families.passwords import LOGIN_PROFILES, PASSWORD_POLICY
from domain.families.policies import ATTACHMENTS, INLINE_POLICIES, MANAGED_POLICIES
from domain.families.roles import ROLES
from domain.families.sessions import EXPIRIES_RECORDED, REVOCATIONS
from domain.families.tags import TAGS
from domain.families.users import USERS
from domain.foundation.events import Change, Entry
from domain.installation import AccountOpened
from tests.domain.accounts import (
    ACCOUNT,
    ADMINISTRATOR_ACCESS,
    ALLOW_ALL,
    AT,
    CAUSE,
    after,
    new_account,
    policy_arn,
    trusting,
    with_groups,
    with_policies,
    with_role,
    with_users,
)
from tests.histories import folded, histories

CREATED = AccountCreated(ledger_id="l", kind="live", partition="aws", schema_version=1)
IN_GROUP = {"group_id": "AGPAops", "group_name": "ops", "user_id": "AIDAann", "user_name": "ann"}
ATTACHED = {
    "entity": "user",
    "entity_id": "AIDAann",
    "entity_name": "ann",
    "policy_id": "ANPA",
    "policy_arn": ADMINISTRATOR_ACCESS,
}
PROFILE = {"user_id": "AIDAann", "user_name": "ann", "password_id": "AIPW1", "reset_required": False}
KEY = {"access_key_id": "AKIA1", "user_id": "AIDAann", "user_name": "ann"}
NOTICE = {
    "credential": "access_key",
    "credential_id": "AKIA1",
    "owner_id": "AIDAann",
    "owner_name": "ann",
    "due_at": AT,
    "rule": {"profile": "default", "version": 1, "name": "access_key_rotation_due", "days": 90},
    "evidence": {"created_at": AT},
}


def populated() -> Account:
    """One of each: ann, ops, the role worker, the policy p with two versions, a membership, a key, an attachment,
    a password, a notice, a recorded expiry."""
    account = with_policies(with_role(with_groups(with_users(new_account(), "ann"), "ops"), "worker"), "p")
    return after(
        account,
        groups.UserAddedToGroup(**IN_GROUP),
        policies.PolicyVersionCreated(policy_arn=policy_arn("p"), version=2, document=ALLOW_ALL, is_default=False),
        policies.PolicyAttached.model_validate(ATTACHED),
        access_keys.AccessKeyCreated(**KEY),
        passwords.LoginProfileCreated.model_validate(PROFILE),
        notices.RotationDue.model_validate(NOTICE),
        sessions.SessionExpiriesRecorded(up_to=AT),
    )


IMPOSSIBLE: list[Change] = [
    CREATED,
    AccountOpened(opened_account_id=ACCOUNT, ledger_id="l"),
    users.UserCreated(user_id="AIDAann", user_name="eva", path="/"),
    users.UserCreated(user_id="AIDAeva", user_name="ANN", path="/"),
    users.UserUpdated(user_id="AIDAeva", user_name="eva", new_user_name="eve", new_path="/"),
    users.UserDeleted(user_id="AIDAeva", user_name="eva"),
    groups.GroupCreated(group_id="AGPAops", group_name="dev", path="/"),
    groups.GroupCreated(group_id="AGPAdev", group_name="Ops", path="/"),
    groups.GroupUpdated(group_id="AGPAdev", group_name="dev", new_group_name="x", new_path="/"),
    groups.GroupDeleted(group_id="AGPAdev", group_name="dev"),
    groups.UserAddedToGroup(**IN_GROUP),
    groups.UserRemovedFromGroup(**IN_GROUP | {"user_id": "AIDAeva"}),
    roles.RoleCreated(
        role_id="AROAx",
        role_name="WORKER",
        path="/",
        session_seconds_max=3_600,
        trust_policy=trusting(ACCOUNT),
        trusted={},
    ),
    roles.RoleUpdated(role_id="AROAx", role_name="x", session_seconds_max=3_600),
    roles.TrustPolicyReplaced(role_id="AROAx", role_name="x", trust_policy=trusting(ACCOUNT), trusted={}),
    roles.RoleDeleted(role_id="AROAx", role_name="x"),
    policies.PolicyCreated(
        policy_id="ANPA1", policy_arn=policy_arn("p"), policy_name="p", path="/", document=ALLOW_ALL
    ),
    policies.PolicyVersionCreated(policy_arn=policy_arn("q"), version=2, document=ALLOW_ALL, is_default=True),
    policies.PolicyVersionCreated(policy_arn=policy_arn("p"), version=2, document=ALLOW_ALL, is_default=True),
    policies.DefaultPolicyVersionSet(policy_arn=policy_arn("p"), version=3),
    policies.PolicyVersionDeleted(policy_arn=policy_arn("p"), version=3),
    policies.PolicyVersionDeleted(policy_arn=policy_arn("p"), version=1),
    policies.PolicyDeleted(policy_id="ANPAq", policy_arn=policy_arn("q")),
    policies.PolicyAttached.model_validate(ATTACHED),
    policies.PolicyDetached.model_validate(ATTACHED | {"entity_id": "AIDAeva"}),
    policies.InlinePolicyDeleted(entity="user", entity_id="AIDAann", entity_name="ann", policy_name="none"),
    access_keys.AccessKeyCreated(**KEY | {"user_id": "AIDAeva"}),
    access_keys.AccessKeyActivated(**KEY | {"access_key_id": "AKIA2"}),
    access_keys.AccessKeyDeactivated(**KEY | {"access_key_id": "AKIA2"}),
    access_keys.AccessKeyDeleted(**KEY | {"access_key_id": "AKIA2"}),
    passwords.LoginProfileCreated.model_validate(PROFILE | {"password_id": "AIPW2"}),
    passwords.LoginProfileUpdated.model_validate(PROFILE | {"user_id": "AIDAeva"}),
    passwords.LoginProfileDeleted(user_id="AIDAeva", user_name="eva"),
    passwords.RootLoginProfileCreated(user_id="AIDAann", user_name="ann"),
    passwords.RootLoginProfileDeleted(user_id=ACCOUNT, user_name=ACCOUNT),
    passwords.PasswordChanged(user_id="AIDAeva", user_name="eva", password_id="AIPW2"),
    passwords.PasswordAttemptFailed(user_id="AIDAeva", user_name="eva"),
    passwords.PasswordPolicyDeleted(),
    notices.RotationDue.model_validate(NOTICE),
    notices.RotationDue.model_validate(NOTICE | {"credential_id": "AKIA2"}),
    notices.CredentialExpired.model_validate(NOTICE | {"credential": "password", "credential_id": "AIDAeva"}),
    sessions.SessionExpiriesRecorded(up_to=AT),
]


@pytest.mark.parametrize("event", IMPOSSIBLE, ids=lambda event: type(event).__name__)
def test_impossible_events_stop_us(event: Change) -> None:
    """What no rule would have let happen (twice created, never created, another ledger's) is corruption, by account and
    position, and not a value that merely looks odd."""
    account = populated()
    with pytest.raises(CorruptLedger, match=f"Account {ACCOUNT}.* {account.position + 1}"):
        after(account, event)


def test_uses_are_no_changes() -> None:
    """A use event that gets among the changes is corruption too."""
    entry = Entry(ACCOUNT, 9_999, "e", AT, CAUSE, ApiCalled(read_only=True, parameters={}))
    with pytest.raises(CorruptLedger, match="ApiCalled"):
        evolve(populated(), entry)


@pytest.mark.parametrize(
    "broken",
    [
        lambda entry: replace(entry, position=entry.position - 1),
        lambda entry: replace(entry, position=0),
        lambda entry: replace(entry, account_id="210987654321"),
    ],
)
def test_entries_out_of_place_stop_us(broken: Callable[[Entry], Entry]) -> None:
    """An entry comes after those that are folded in, and from the same ledger. A gap is none: uses lie between."""
    account = populated()
    event = users.UserCreated(user_id="AIDAeva", user_name="eva", path="/")
    entry = Entry(ACCOUNT, account.position + 1, "e", AT, CAUSE, event)
    with pytest.raises(CorruptLedger):
        evolve(account, broken(entry))
    assert evolve(account, replace(entry, position=entry.position + 7)).position == entry.position + 7


def test_a_ledger_begins_with_the_accounts_creation() -> None:
    """Nothing comes before it; before it the account does not exist."""
    assert not Account(ACCOUNT).exists
    with pytest.raises(CorruptLedger, match="AccountCreated is the first event"):
        after(Account(ACCOUNT), users.UserCreated(user_id="AIDAann", user_name="ann", path="/"))
    created = after(Account(ACCOUNT), CREATED)
    assert (created.exists, created.created_at, created.ledger_id) == (True, AT, "l")


@dataclass
class Naive:
    """An account as one would write it down by hand."""

    users: dict[str, tuple[str, str]] = field(default_factory=dict)
    groups: dict[str, tuple[str, str]] = field(default_factory=dict)
    members: set[tuple[str, str]] = field(default_factory=set)
    roles: dict[str, dict[str, object]] = field(default_factory=dict)
    policies: dict[str, dict[int, str]] = field(default_factory=dict)
    defaults: dict[str, int] = field(default_factory=dict)
    attached: set[tuple[str, str]] = field(default_factory=set)
    inline: dict[tuple[str, str], str] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    used: dict[str, datetime] = field(default_factory=dict)
    passwords: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, datetime] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    password_policy: dict[str, object] | None = None
    revoked: dict[str, datetime] = field(default_factory=dict)
    notices: dict[tuple[str, str], datetime] = field(default_factory=dict)
    expiries: datetime | None = None


GONE = {
    "ServerCertificateDeleted": "server_certificate_id", "UserCredentialDeleted": "credential_id",
    "MFADeviceDeleted": "serial_number", "SAMLProviderDeleted": "provider_arn",
}  # fmt: skip
"""With which the notices about it go, by the field of its id."""


def write_down(naive: Naive, event: Change, at: datetime) -> None:  # noqa: C901, PLR0912, PLR0915  one case an event
    if (field_of_id := GONE.get(type(event).__name__)) is not None:
        gone = getattr(event, field_of_id)
        naive.notices = {key: at for key, at in naive.notices.items() if key[0] != gone}
    match event:
        case users.UserCreated():
            naive.users[event.user_id] = (event.user_name, event.path)
        case users.UserUpdated():
            naive.users[event.user_id] = (event.new_user_name, event.new_path)
        case users.UserDeleted():
            del naive.users[event.user_id]
            naive.used.pop(event.user_id, None)
            naive.notices = {key: at for key, at in naive.notices.items() if key[0] != event.user_id}
        case groups.GroupCreated():
            naive.groups[event.group_id] = (event.group_name, event.path)
        case groups.GroupUpdated():
            naive.groups[event.group_id] = (event.new_group_name, event.new_path)
        case groups.GroupDeleted():
            del naive.groups[event.group_id]
        case groups.UserAddedToGroup():
            naive.members.add((event.user_id, event.group_id))
        case groups.UserRemovedFromGroup():
            naive.members.remove((event.user_id, event.group_id))
        case roles.RoleCreated():
            naive.roles[event.role_id] = event.model_dump(exclude={"role_id"})
        case roles.RoleUpdated() | roles.TrustPolicyReplaced():
            naive.roles[event.role_id] |= event.model_dump(exclude={"role_id"})
        case roles.RoleDeleted():
            del naive.roles[event.role_id]
            naive.used.pop(event.role_id, None)
            naive.notices = {key: at for key, at in naive.notices.items() if key[0] != event.role_id}
        case policies.PolicyCreated():
            naive.policies[event.policy_arn] = {1: event.document}
            naive.defaults[event.policy_arn] = 1
        case policies.PolicyVersionCreated():
            naive.policies[event.policy_arn][event.version] = event.document
            if event.is_default:
                naive.defaults[event.policy_arn] = event.version
        case policies.DefaultPolicyVersionSet():
            naive.defaults[event.policy_arn] = event.version
        case policies.PolicyVersionDeleted():
            del naive.policies[event.policy_arn][event.version]
        case policies.PolicyDeleted():
            del naive.policies[event.policy_arn], naive.defaults[event.policy_arn]
        case policies.ManagedCatalogueAdopted():
            for version in event.versions:
                naive.policies[version.policy_arn] = {version.version: version.document}
                naive.defaults[version.policy_arn] = version.version
        case policies.PolicyAttached():
            naive.attached.add((event.entity_id, event.policy_arn))
        case policies.PolicyDetached():
            naive.attached.remove((event.entity_id, event.policy_arn))
        case policies.InlinePolicyPut():
            naive.inline[event.entity_id, event.policy_name] = event.document
        case policies.InlinePolicyDeleted():
            del naive.inline[event.entity_id, event.policy_name]
        case access_keys.AccessKeyCreated() | access_keys.AccessKeyActivated():
            naive.keys[event.access_key_id] = (event.user_id, "Active")
        case access_keys.AccessKeyDeactivated():
            naive.keys[event.access_key_id] = (event.user_id, "Inactive")
        case access_keys.AccessKeyDeleted():
            del naive.keys[event.access_key_id]
            if used := naive.used.pop(event.access_key_id, None):
                naive.used[event.user_id] = max(used, naive.used.get(event.user_id, used))
            naive.notices = {key: at for key, at in naive.notices.items() if key[0] != event.access_key_id}
        case CredentialUsed():
            naive.used[event.credential_id] = at
        case passwords.LoginProfileCreated():
            naive.passwords[event.user_id] = [event.password_id]
            naive.changed[event.user_id] = at
        case passwords.RootLoginProfileCreated():
            naive.passwords[event.user_id], naive.changed[event.user_id] = [], at
        case passwords.LoginProfileUpdated() | passwords.PasswordChanged():
            if event.password_id is not None:
                naive.passwords[event.user_id].insert(0, event.password_id)
                naive.changed[event.user_id] = at
                naive.failures.pop(event.user_id, None)
        case passwords.PasswordAttemptFailed():
            naive.failures[event.user_id] = naive.failures.get(event.user_id, 0) + 1
        case passwords.LoginProfileDeleted() | passwords.RootLoginProfileDeleted():
            del naive.passwords[event.user_id], naive.changed[event.user_id]
            naive.failures.pop(event.user_id, None)
            naive.notices = {
                (credential, about): at
                for (credential, about), at in naive.notices.items()
                if credential != event.user_id or not about.startswith("password ")
            }
        case passwords.PasswordPolicyUpdated():
            naive.password_policy = event.model_dump()
        case passwords.PasswordPolicyDeleted():
            naive.password_policy = None
        case sessions.SessionRevoked():
            naive.revoked[event.session_id] = at
        case sessions.SessionExpiriesRecorded():
            naive.expiries = event.up_to
        case notices.Notice():
            naive.notices[event.credential_id, event.key] = event.due_at


def seen(account: Account, at: datetime) -> Naive:
    """The same of the account's value. Revocations are compared as far as any session may still live."""
    return Naive(
        users={user.id: (user.name, user.path) for user in account[USERS]},
        groups={group.id: (group.name, group.path) for group in account[GROUPS]},
        members={(user, group) for user in account[USERS].by_id for group in account[MEMBERSHIPS].rights_of(user)},
        roles={
            role.id: {
                "role_name": role.name,
                "path": role.path,
                "description": role.description,
                "session_seconds_max": role.session_seconds_max,
                "trust_policy": role.trust_policy,
                "trusted": dict(role.trusted),
            }
            for role in account[ROLES]
        },
        policies={
            arn: {number: version.document for number, version in policy.versions.items()}
            for arn, policy in account[MANAGED_POLICIES].items()
        },
        defaults={arn: policy.default_version for arn, policy in account[MANAGED_POLICIES].items()},
        attached={(holder, arn) for arn in account[MANAGED_POLICIES] for holder in account[ATTACHMENTS].lefts_of(arn)},
        inline={
            (holder, name): text for holder, texts in account[INLINE_POLICIES].items() for name, text in texts.items()
        },
        keys={key.id: (key.user_id, key.status) for key in account[ACCESS_KEYS].by_id.values()},
        used={credential: use.at for credential, use in account[LAST_USES].items()},
        passwords={user_id: list(profile.password_ids) for user_id, profile in account[LOGIN_PROFILES].items()},
        changed={user_id: profile.changed_at for user_id, profile in account[LOGIN_PROFILES].items()},
        failures={p.user_id: p.failed_attempts for p in account[LOGIN_PROFILES].values() if p.failed_attempts},
        password_policy=None if (policy := account[PASSWORD_POLICY]) is None else asdict(policy),
        revoked={
            session: revoked_at
            for session in account[REVOCATIONS]
            if (revoked_at := account[REVOCATIONS].revoked_at(session)) and revoked_at + timedelta(hours=36) > at
        },
        notices={
            (credential, about): due_at
            for credential, told in account[NOTICES].items()
            for about, due_at in told.items()
        },
        expiries=account[EXPIRIES_RECORDED],
    )


@given(histories())
def test_folding_is_what_one_would_write_down(ledger: list[Entry]) -> None:
    """A random legal history never stops the fold, which says the same as a record kept in plain dictionaries."""
    naive = Naive()
    for entry in ledger:
        if isinstance(entry.event, Change):
            write_down(naive, entry.event, entry.at)
    end = ledger[-1].at
    naive.revoked = {session: at for session, at in naive.revoked.items() if at + timedelta(hours=36) > end}
    assert seen(folded(ledger), end) == naive


@given(histories(calls_max=12))
def test_old_values_stay_what_they_were(ledger: list[Entry]) -> None:
    """A value that was kept while the ledger went on still equals the fold up to its position."""
    kept = [Account(ACCOUNT)]
    for entry in ledger:
        kept.append(folded([entry], kept[-1]))
    for position, account in enumerate(kept):
        assert account == folded(ledger[:position], Account(ACCOUNT))


@given(histories(calls_max=12))
def test_what_is_related_is_there(ledger: list[Entry]) -> None:
    """Memberships, attachments, inline policies and keys are of entities that exist: nothing outlives its holder."""
    account = folded(ledger)
    holders = {*account[USERS].by_id, *account[GROUPS].by_id, *account[ROLES].by_id}
    assert set(account[MEMBERSHIPS].forward) <= set(account[USERS].by_id)
    assert set(account[MEMBERSHIPS].backward) <= set(account[GROUPS].by_id)
    assert set(account[ATTACHMENTS].forward) <= holders
    assert set(account[ATTACHMENTS].backward) <= set(account[MANAGED_POLICIES])
    assert set(account[INLINE_POLICIES]) <= holders
    assert set(account[BOUNDARIES].forward) | set(account[TAGS]) <= {*account[USERS].by_id, *account[ROLES].by_id}
    assert all(len(account[BOUNDARIES].rights_of(entity_id)) == 1 for entity_id in account[BOUNDARIES].forward)
    assert all(account[TAGS].values())
    assert set(account[BOUNDARIES].backward) <= set(account[MANAGED_POLICIES])
    assert set(account[ACCESS_KEYS].owned.forward) <= {*account[USERS].by_id, account.id}
    for relation in (account[MEMBERSHIPS], account[ATTACHMENTS], account[BOUNDARIES], account[ACCESS_KEYS].owned):
        assert {(left, right) for left in relation.forward for right in relation.rights_of(left)} == {
            (left, right) for right in relation.backward for left in relation.lefts_of(right)
        }
