"""Roles: what may be done with them and with whom they trust."""

from collections.abc import Callable, Iterator, Mapping

from domain.account import Account
from domain.call_context import user_or_role_by_arn, user_or_role_by_id
from domain.entity_kinds import find_entity_by_arn, refuse_deletion
from domain.families.roles import ROLES, Role, RoleCreated, RoleDeleted, RoleUpdated, TrustPolicyReplaced
from domain.families.users import USERS
from domain.foundation.errors import LimitExceeded, MalformedPolicyDocument
from domain.foundation.identifiers import INSTALLATION, account_of_arn
from domain.policy import (
    TRUST_POLICY_CHARACTERS_MAX,
    PolicyType,
    compiled,
    invalid_principal,
    new_policy_size,
    parse_new,
    rename_principals,
    written_out,
)
from domain.rules.protected_roles import refuse_protected, refuse_reserved
from domain.rules.quotas import ROLES_MAX, refuse_beyond
from domain.rules.service_principals import IsRegistered, refuse_unknown_service

Other = Callable[[str], Account]
"""Gives another account by its id, as it is now: `Call.account`. Where none is given, no other account exists."""


def create_role(
    account: Account,
    *,
    role_id: str,
    role_name: str,
    path: str,
    description: str | None,
    session_seconds_max: int,
    trust_policy: str,
    other: Other = Account,
    is_registered: IsRegistered = lambda _name: False,
) -> RoleCreated:
    refuse_reserved(role_name, path)
    account[ROLES].refuse_taken(role_name)
    refuse_beyond("RolesPerAccount", len(account[ROLES]), ROLES_MAX)
    return RoleCreated(
        role_id=role_id,
        role_name=role_name,
        path=path,
        description=description,
        session_seconds_max=session_seconds_max,
        trust_policy=trust_policy,
        trusted=trusted_ids(account, trust_policy, other, is_registered),
    )


def update_role(
    account: Account, *, role_name: str, description: str | None, session_seconds_max: int | None
) -> RoleUpdated:
    """What is not given stays as it is. Of a service-linked role only the description can be another one."""
    role = account[ROLES].named(role_name)
    if session_seconds_max not in {None, role.session_seconds_max}:
        refuse_protected(role)
    return RoleUpdated(
        role_id=role.id,
        role_name=role.name,
        description=role.description if description is None else description,
        session_seconds_max=role.session_seconds_max if session_seconds_max is None else session_seconds_max,
    )


def replace_trust_policy(
    account: Account,
    *,
    role_name: str,
    trust_policy: str,
    other: Other = Account,
    is_registered: IsRegistered = lambda _name: False,
) -> TrustPolicyReplaced:
    role = account[ROLES].named(role_name)
    refuse_protected(role)
    return TrustPolicyReplaced(
        role_id=role.id,
        role_name=role.name,
        trust_policy=trust_policy,
        trusted=trusted_ids(account, trust_policy, other, is_registered),
    )


def delete_role(account: Account, *, role_name: str) -> RoleDeleted:
    role = account[ROLES].named(role_name)
    refuse_protected(role)
    refuse_deletion(account, role.id)
    return RoleDeleted(role_id=role.id, role_name=role.name)


def trusted_ids(account: Account, trust_policy: str, other: Other, is_registered: IsRegistered) -> dict[str, str]:
    """The ARNs of users and roles that the document trusts, each with the unique id that it means today. Who is of an
    account of no ledger here is somebody of another installation: nobody here is meant, nor will be (docs/adr/0009).

    Raises MalformedPolicyDocument for a document that is no trust policy or names somebody who does not exist, and
    LimitExceeded for one that is too long.
    """
    if new_policy_size(trust_policy) > TRUST_POLICY_CHARACTERS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_CHARACTERS_MAX}")
    policy = parse_new(trust_policy, PolicyType.TRUST, account.partition)
    meant: dict[str, str] = {}
    for statement in policy.statements:
        where = f"Statement[{statement.index}].Principal"
        for kind, name in statement.principals.names if statement.principals else ():
            if kind == "Service":
                refuse_unknown_service(name, account.partition, is_registered)
            elif kind == "Federated":
                if account_of_arn(name) == account.id and not find_entity_by_arn(account, name):
                    raise MalformedPolicyDocument(invalid_principal("FEDERATED", name), where)
            elif kind == "AWS" and (entity_id := _trusted_id(account, name, where, other)):
                meant[name] = entity_id
    return meant


def _trusted_id(account: Account, name: str, where: str, other: Other) -> str | None:
    """None for a session, for somebody of another installation, and for a unique id of the account."""
    if ":assumed-role/" in name or ":federated-user/" in name:
        return None
    if name in account[USERS].by_id or name in account[ROLES].by_id:
        return None
    owner_id = account_of_arn(name)
    if owner_id is None or owner_id == INSTALLATION:
        raise MalformedPolicyDocument(invalid_principal("AWS", name), where)
    owner = account if owner_id == account.id else other(owner_id)
    if not owner.exists:
        return None
    entity = user_or_role_by_arn(owner, name) if owner.closed_at is None else None
    if entity is None:
        raise MalformedPolicyDocument(invalid_principal("AWS", name), where)
    return entity.id


def served_trust_policy(account: Account, role: Role, others: Mapping[str, Account]) -> str:
    """The document as AWS shows it: with the ARNs that the users and roles have now whom it meant when it was written,
    and the unique ids of those who are gone, whoever has their names since; accounts by the ARN of their root, whether
    they exist or not (IAM User Guide, "AWS JSON policy elements: Principal"). `others` has the other accounts that it
    names users and roles of, as they are at the same moment.
    """
    renamed = {written: now for written, now in _names_now(account, role, others) if written != now}
    return rename_principals(role.trust_policy, renamed) if renamed else role.trust_policy


def _names_now(account: Account, role: Role, others: Mapping[str, Account]) -> Iterator[tuple[str, str]]:
    """By what the document calls them."""
    for written, unique_id in role.trusted.items():
        owner = others.get(account_of_arn(written) or "", account)
        yield written, _arn_now(owner, unique_id) or unique_id
    for statement in compiled(role.trust_policy, PolicyType.TRUST).statements:
        if statement.principals is None:
            continue
        for _, name in statement.principals.names:
            if (arn_now := _arn_now(account, name)) is not None:
                yield name, arn_now
        for account_id in statement.principals.account_ids:
            yield account_id, written_out("AWS", account_id, account.partition)


def _arn_now(owner: Account, unique_id: str) -> str | None:
    """None where nobody has the id any more."""
    entity = user_or_role_by_id(owner, unique_id)
    return None if entity is None else owner.arn(entity.resource)
