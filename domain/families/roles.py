"""Roles: identities without credentials of their own, taken on for a while by whom the trust policy names."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from immutables import Map

from domain.account import Account, AffectsNobody, AffectsSubject, Component, forget_key
from domain.credential_kinds import HeldCredential, LifecycleKind
from domain.descent import MakesActor
from domain.entity_kinds import kind_of_index
from domain.facts import Fact, FactKind, FactValue
from domain.foundation.entity_index import EntityIndex, NamedEntity
from domain.foundation.errors import MalformedPolicyDocument
from domain.lineage_kinds import LineageKind, Parts, Setting, SettingDelta
from domain.policy import OutsideGrant, PolicyType, compiled, outside_grants
from domain.policy.statement_texts import document_of, is_allow, principal_phrases, principals_of, statement_texts


@dataclass(frozen=True, slots=True)
class Role(NamedEntity):
    noun = "role"
    description: str | None
    session_seconds_max: int
    trust_policy: str
    trusted: Map[str, str]
    """The ARNs of users and roles in the trust policy, each with the unique id it meant when the policy was written:
    whoever gets that ARN later is somebody else."""


Roles = EntityIndex[Role]
ROLES = Component[Roles]("roles", EntityIndex("role"), ids=lambda roles: roles.by_id)


@dataclass(frozen=True, slots=True)
class TrustHistory:
    changed_at: datetime
    """When the trust policy was replaced last."""
    since: Map[str, datetime]
    """By the keys of the grants to principals outside that it makes: from when on it has made them without a break.
    Those that are not in it are as old as the role."""

    def since_of(self, role: Role, grant: OutsideGrant) -> datetime:
        return self.since.get(grant.key, role.created_at)


TRUST_HISTORIES = Component[Map[str, TrustHistory]]("trust_histories", Map(), forget=forget_key)
"""By the role's unique id; none where the trust policy is the one that the role was created with."""
ROLE_FACT = FactKind("role")
TRUST_POLICY_FACT = FactKind("trust policy")


def _facts(_account: Account, role: Role) -> Iterator[tuple[Fact, FactValue]]:
    said = {"name": role.name, "path": role.path, "description": role.description}
    yield Fact(ROLE_FACT, role.id), FactValue(role.name, {**said, "session_seconds_max": role.session_seconds_max})
    meant = tuple(f"{arn} {unique_id}" for arn, unique_id in sorted(role.trusted.items()))
    yield Fact(TRUST_POLICY_FACT, role.id), FactValue(f"of role {role.name}", {"trusted": meant}, role.trust_policy)


ROLE = kind_of_index("role", "AROA", ROLES, _facts)
LineageKind("role", gives_access=True, owns_credentials=True)


def roles_trusting(account: Account, provider_arn: str, action: str) -> Iterator[Role]:
    """Whose trust policy lets somebody take the role on by this action of STS, lower-cased, whom the identity provider
    vouches for, on whatever conditions."""
    for role in account[ROLES]:
        for statement in compiled(role.trust_policy, PolicyType.TRUST).about[action]:
            principals = statement.principals
            if statement.effect != "Allow" or principals is None:
                continue
            if principals.negated or principals.everyone or ("Federated", provider_arn) in principals.names:
                yield role
                break


def _trust_parts(account: Account, role_id: str, _subject: str) -> Parts:
    """The same ARN may mean somebody else when it is written again: it is told with what it meant."""
    role = account[ROLES].by_id.get(role_id)
    if role is None:
        return {}
    return {
        text: json.dumps({arn: role.trusted[arn] for arn in sorted(principals_of(text)) if arn in role.trusted})
        for text in statement_texts(role.trust_policy, account.partition)
    }


def _without_trust(delta: SettingDelta, parts: Parts) -> Account:
    roles = delta.account[ROLES]
    trusted = {arn: meant for text in parts.values() for arn, meant in json.loads(text).items()}
    role = replace(roles.by_id[delta.owner_id], trust_policy=document_of(parts), trusted=Map(trusted))
    return delta.account.put(ROLES, roles.put(role))


def _trust_openings(delta: SettingDelta) -> Iterator[str]:
    if allowing := [text for text in delta.introduced if is_allow(text)]:
        yield f"lets {principal_phrases(allowing)} assume it"
    if denying := [text for text in delta.dropped if not is_allow(text)]:
        yield f"no longer denies {principal_phrases(denying)} to assume it"


TRUST = Setting(_trust_parts, _without_trust, _trust_openings)
LineageKind("trust_policy", "trust of role {name}", setting=TRUST)


def _role_parts(account: Account, role_id: str, _subject: str) -> Parts:
    role = account[ROLES].by_id.get(role_id)
    if role is None:
        return {}
    described = {} if role.description is None else {"description": role.description}
    return {**described, "session_seconds_max": str(role.session_seconds_max)}


def _without_role_update(delta: SettingDelta, parts: Parts) -> Account:
    roles, seconds = delta.account[ROLES], parts.get("session_seconds_max")
    role = replace(roles.by_id[delta.owner_id], description=parts.get("description"))
    return delta.account.put(ROLES, roles.put(replace(role, session_seconds_max=int(seconds)) if seconds else role))


ROLE_SETTING = Setting(_role_parts, _without_role_update, lambda _delta: iter(()), is_keyed=True)
"""Longer sessions let in nobody who was not let in before."""
LineageKind("role_updated", "role {name} updated", setting=ROLE_SETTING)


def _held(account: Account, role_id: str) -> HeldCredential | None:
    found = account[ROLES].by_id.get(role_id)
    return None if found is None else HeldCredential("role", found.id, found.id, found.created_at)


LifecycleKind("role", lambda account, owner_id: filter(None, [_held(account, owner_id)]), _held)


class RoleChange(AffectsSubject):
    """Of a role itself. What it may do is what its policies say: whether anybody may take it on is asked of it as of a
    resource."""

    role_id: str
    role_name: str
    subject = "role_id"


class RoleCreated(MakesActor, RoleChange, topic="iam.role.created.v1"):
    path: str
    description: str | None = None
    session_seconds_max: int
    trust_policy: str
    trusted: Mapping[str, str]
    actor = "role_id"
    sentence = "Role {role_name} was created with path {path}."

    def fold(self, account: Account, at: datetime) -> Account:
        role = Role(
            self.role_id,
            self.role_name,
            self.path,
            at,
            self.description,
            self.session_seconds_max,
            self.trust_policy,
            Map(self.trusted),
        )
        return account.put(ROLES, account[ROLES].add(role))


class RoleUpdated(AffectsNobody, RoleChange, topic="iam.role.updated.v1"):
    description: str | None = None
    session_seconds_max: int

    def fold(self, account: Account, at: datetime) -> Account:
        roles = account[ROLES]
        role = roles.by_id[self.role_id]
        updated = replace(role, description=self.description, session_seconds_max=self.session_seconds_max)
        return account.put(ROLES, roles.put(updated))

    def describe(self) -> str:
        described = "no description" if self.description is None else f'the description "{self.description}"'
        return f"Role {self.role_name} now has {described} and sessions of at most {self.session_seconds_max} seconds."


class TrustPolicyReplaced(AffectsNobody, RoleChange, topic="iam.role.trust_policy_replaced.v1"):
    trust_policy: str
    trusted: Mapping[str, str]
    sentence = "Role {role_name} got another trust policy."

    def fold(self, account: Account, at: datetime) -> Account:
        roles = account[ROLES]
        role = roles.by_id[self.role_id]
        trusting = replace(role, trust_policy=self.trust_policy, trusted=Map(self.trusted))
        histories = account[TRUST_HISTORIES]
        history = _replaced(histories.get(role.id), role, _grants(account, self.trust_policy), account, at)
        return account.put(ROLES, roles.put(trusting)).put(TRUST_HISTORIES, histories.set(role.id, history))


def _replaced(
    former: TrustHistory | None, role: Role, grants: Iterable[OutsideGrant], account: Account, at: datetime
) -> TrustHistory:
    was = {grant.key for grant in _grants(account, role.trust_policy)}
    known: Map[str, datetime] = Map() if former is None else former.since
    since = {grant.key: known.get(grant.key) if grant.key in was else at for grant in grants}
    return TrustHistory(at, Map({key: began for key, began in since.items() if began is not None}))


def _grants(account: Account, document: str) -> list[OutsideGrant]:
    """None of a document that is not read any more, as its role lets nobody in: what comes behind it is new."""
    try:
        return outside_grants(document, account.id)
    except MalformedPolicyDocument:
        return []


class RoleDeleted(RoleChange, topic="iam.role.deleted.v1"):
    sentence = "Role {role_name} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(ROLES, account[ROLES].without(self.role_id)).forget(self.role_id)
