"""The lines of access reviews: who has what, each so small that one operation takes it away (docs/adr/0062)."""

from base64 import b32encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import chain
from operator import attrgetter
from typing import Literal, cast

from domain.account import Account
from domain.authorization import inline_source_id, own_policies
from domain.credential_kinds import credentials_of
from domain.entity_kinds import find_entity
from domain.families.access_keys import ACCESS_KEYS
from domain.families.access_reviews import Grant, GrantKind, ReviewScope
from domain.families.credential_use import LAST_USES
from domain.families.groups import GROUPS, MEMBERSHIPS, Group
from domain.families.passwords import LOGIN_PROFILES
from domain.families.roles import ROLES, Role
from domain.families.tags import tag_id, tags_of
from domain.families.users import USERS, User
from domain.foundation.credential_kind import kind_title
from domain.foundation.moments import format_rfc3339
from domain.policy import Effect, PolicyType, SourcedPolicy, compiled
from domain.queries.access import could_administer

PrincipalKind = Literal["root", "user", "group", "role"]
CREDENTIALS = frozenset(
    {"access_key", "password", "ssh_public_key", "signing_certificate", "service_specific_credential"}
)
"""Whose active ones are lines. An MFA device lets nobody in."""
_ID_DIGITS, _VERSION_DIGITS = 17, 12


@dataclass(frozen=True, slots=True)
class ReviewLine:
    grant: Grant
    principal_kind: PrincipalKind
    principal_name: str
    what: str
    """What the principal has, for people: `policy arn:aws:iam::aws:policy/AdministratorAccess`."""
    gives: tuple[str, ...]
    """Of a membership the group's policies, by ARN or as `inline policy NAME`."""
    version: str
    """Another one when what the grant gives has changed."""

    @property
    def id(self) -> str:
        return line_id(self.grant)

    @property
    def title(self) -> str:
        """With whose it is."""
        owner = "root" if self.principal_kind == "root" else f"{self.principal_kind} {self.principal_name}"
        return f"{self.what} of {owner}"


def line_id(grant: Grant) -> str:
    """Such as RLIN4XCKV…: the same for ever for what it is about. No program takes it for a number."""
    return "RLIN" + _digits("\n".join(grant), _ID_DIGITS)


def _digits(text: str, count: int) -> str:
    """In base 32, of which each carries five bits."""
    return b32encode(sha256(text.encode()).digest()).decode()[:count]


def _version(*said: str) -> str:
    return "V" + _digits("\n".join(said), _VERSION_DIGITS)


def review_lines(account: Account, scope: ReviewScope, at: datetime) -> Iterator[ReviewLine]:
    """By principal: root, users, groups, roles, each kind by name. Of every principal in scope what it has itself: a
    user its memberships, a group its policies."""
    for kind, principal in _principals(account, scope, at):
        principal_id = account.id if principal is None else principal.id
        for line in lines_of(account, kind, principal_id):
            if _is_of_policy(line, scope) and _is_unused(account, line, principal, scope, at):
                yield line


def lines_sha256(lines: Iterable[ReviewLine]) -> str:
    """Of every line's id and version, in the order of the ids, a line each."""
    return sha256("".join(sorted(f"{line.id} {line.version}\n" for line in lines)).encode()).hexdigest()


def find_line(account: Account, grant: Grant) -> ReviewLine | None:
    """As it is in the account; None where nobody has it."""
    kind = principal_kind(account, grant.principal_id)
    lines = () if kind is None else lines_of(account, kind, grant.principal_id)
    return next((line for line in lines if line.grant == grant), None)


def principal_kind(account: Account, principal_id: str) -> PrincipalKind | None:
    """None where there is none."""
    if principal_id == account.id:
        return "root"
    found = find_entity(account, principal_id)
    return None if found is None else cast("PrincipalKind", found[0].noun)


def lines_of(account: Account, kind: PrincipalKind, principal_id: str) -> Iterator[ReviewLine]:
    """Policies, memberships, who may assume it, credentials."""
    found = find_entity(account, principal_id)
    name = account.id if found is None else found[1].name

    def line(what: GrantKind, thing: str, title: str, *, gives: Iterable[str] = (), version: str) -> ReviewLine:
        return ReviewLine(Grant(what, principal_id, thing), kind, name, title, tuple(gives), version)

    for held in own_policies(account, principal_id):
        version = _version(held.policy.sha256)
        if held.source_type == "inline":
            name_of_policy = held.source_id.partition("/")[2]
            yield line("inline_policy", name_of_policy, f"inline policy {name_of_policy}", version=version)
        else:
            yield line("attached_policy", held.source_id, f"policy {held.source_id}", version=version)
    for group_id in account[MEMBERSHIPS].rights_of(principal_id):
        policies = list(own_policies(account, group_id))
        version = _version(*sorted(f"{each.source_id} {each.policy.sha256}" for each in policies))
        title = f"membership of group {account[GROUPS].by_id[group_id].name}"
        yield line("group_membership", group_id, title, gives=map(_policy_title, policies), version=version)
    role = account[ROLES].by_id.get(principal_id)
    if role is not None:
        for trusted in _trusted(role):
            version = _version(role.trust_policy, role.trusted.get(trusted, ""))
            yield line("trust", trusted, f"trust of {trusted}", version=version)
    for credential in credentials_of(account, principal_id):
        if credential.kind in CREDENTIALS and credential.active:
            is_password = credential.kind == "password"
            # By its id it is this one and no other; a password has its owner's.
            since = format_rfc3339(account[LOGIN_PROFILES][principal_id].created_at) if is_password else credential.id
            title = "password" if is_password else f"{kind_title(credential.kind)} {credential.id}"
            yield line(cast("GrantKind", credential.kind), credential.id, title, version=_version(since))


def policies_of(account: Account, grant: Grant) -> list[SourcedPolicy]:
    """What it gives: the policy, or all of the group; none of a trust or a credential, or where it is gone."""
    if grant.kind == "group_membership":
        return list(own_policies(account, grant.thing))
    if grant.kind not in {"attached_policy", "inline_policy"}:
        return []
    inline = inline_source_id(grant.principal_id, grant.thing)
    source_id = inline if grant.kind == "inline_policy" else grant.thing
    return [each for each in own_policies(account, grant.principal_id) if each.source_id == source_id]


def _policy_title(held: SourcedPolicy) -> str:
    return f"inline policy {held.source_id.partition('/')[2]}" if held.source_type == "inline" else held.source_id


def _trusted(role: Role) -> list[str]:
    """Whom its trust policy lets in, on whatever conditions, as it names them."""
    found = dict[str, None]()
    for statement in compiled(role.trust_policy, PolicyType.TRUST).statements:
        named = statement.principals
        if statement.effect is not Effect.ALLOW or named is None:
            continue
        found |= dict.fromkeys([f"everybody but {', '.join(named.texts)}"] if named.negated else named.texts)
    return list(found)


def _principals(
    account: Account, scope: ReviewScope, at: datetime
) -> Iterator[tuple[PrincipalKind, User | Group | Role | None]]:
    """None stands for root."""
    narrow = scope.path_prefix is not None or scope.tag_key is not None or bool(scope.user_ids)
    if scope.principals in {"administrators", "all"} and not narrow:
        # Nothing limits it that is not the organization's: it is an administrator.
        yield "root", None
    kinds: tuple[tuple[PrincipalKind, Iterable[User | Group | Role]], ...] = (
        ("user", account[USERS] if scope.principals != "roles" else ()),
        ("group", account[GROUPS] if scope.principals == "all" else ()),
        ("role", account[ROLES] if scope.principals != "users" else ()),
    )
    for kind, entities in kinds:
        for entity in sorted(entities, key=attrgetter("name")):
            if _is_in(account, entity, scope) and (
                scope.principals != "administrators" or could_administer(account, entity.id, at)
            ):
                yield kind, entity


def _is_in(account: Account, entity: User | Group | Role, scope: ReviewScope) -> bool:
    if scope.user_ids and entity.id not in scope.user_ids:
        return False
    if not entity.path.startswith(scope.path_prefix or "/"):
        return False
    if scope.tag_key is None:
        return True
    tag = tags_of(account, entity.id).get(tag_id(entity.noun, scope.tag_key))
    return tag is not None and scope.tag_value in {None, tag.value}


def _is_of_policy(line: ReviewLine, scope: ReviewScope) -> bool:
    """An attachment of it, or a membership by which somebody has it."""
    grant, arn = line.grant, scope.policy_arn
    return arn is None or (grant.kind == "attached_policy" and grant.thing == arn) or arn in line.gives


def _is_unused(
    account: Account, line: ReviewLine, principal: User | Group | Role | None, scope: ReviewScope, at: datetime
) -> bool:
    """Not since so many days, nor made since: a key by its own use, all else by its principal's."""
    if scope.unused_days is None:
        return True
    made_at = account.created_at if principal is None else principal.created_at
    if line.grant.kind == "access_key":
        made_at = account[ACCESS_KEYS].by_id[line.grant.thing].created_at
    last, since = last_credential_use(account, line), at - timedelta(days=scope.unused_days)
    return (last is None or last < since) and (made_at is None or made_at < since)


def last_credential_use(account: Account, line: ReviewLine) -> datetime | None:
    """Of an access key its own; of all else that of any access key of the principal, of the role, or of a group's
    members. None where no use is recorded."""
    if line.grant.kind == "access_key":
        use = account[LAST_USES].get(line.grant.thing)
        return None if use is None else use.at
    principal_id = line.grant.principal_id
    owners = account[MEMBERSHIPS].lefts_of(principal_id) if line.principal_kind == "group" else [principal_id]
    keys = (key.id for owner_id in owners for key in account[ACCESS_KEYS].of(owner_id))
    uses = filter(None, map(account[LAST_USES].get, chain(owners, keys)))
    return max((use.at for use in uses), default=None)
