"""Deciding the lines of access reviews: to keep one, or to revoke it, which is carried out with the decision."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import Literal

from domain.account import Account, AccountChange
from domain.callers import Caller
from domain.entity_kinds import find_entity
from domain.families.access_keys import ACCESS_KEYS
from domain.families.access_reviews import (
    AccessReview,
    AccessReviewLinesDecided,
    DecidedLine,
    Grant,
    GrantKind,
    ReviewDecision,
    StartedLine,
)
from domain.families.boundaries import boundary_arn
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.roles import ROLES
from domain.families.sessions import SessionClaims
from domain.families.user_credentials import LIFECYCLE_KINDS
from domain.families.users import USERS
from domain.foundation.errors import OperationNotPermittedException, Refusal
from domain.foundation.identifiers import ACCESS_KEY
from domain.foundation.suggested_commands import suggested_command
from domain.policy import Effect
from domain.queries.protected_credentials import has_administrator
from domain.queries.review_lines import ReviewLine, find_line, policies_of
from domain.rules import access_keys, groups, passwords, policy_holders, user_credentials
from domain.rules.protected_roles import is_service_linked

DECISIONS_MAX = 50
"""Of one call, some ten milliseconds of a round."""
_UPDATES: Mapping[GrantKind, str] = {
    "ssh_public_key": "iam:UpdateSSHPublicKey",
    "signing_certificate": "iam:UpdateSigningCertificate",
    "service_specific_credential": "iam:UpdateServiceSpecificCredential",
}


@dataclass(frozen=True, slots=True)
class AskedDecision:
    line_id: str
    decision: ReviewDecision
    reason: str | None = None
    version: str | None = None
    """What the reviewer has seen; None: the line as it was when the review started."""


@dataclass(frozen=True, slots=True)
class LineOutcome:
    line_id: str
    outcome: Literal["decided", "already", "refused"]
    what: str | None
    """None of what is no line of the review."""
    reason: str | None = None
    """Why it is refused, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """What takes a grant away, as one operation of IAM does, and what that asks for."""

    action: str
    resource: str
    """An ARN."""
    events: Sequence[AccountChange]
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The condition keys that the operation brings."""
    password_ids: Sequence[str] = ()
    """Whose hashes are destroyed."""


@dataclass(frozen=True, slots=True)
class DecidedLines:
    outcomes: Sequence[LineOutcome]
    """In the order of what was asked."""
    events: Sequence[AccountChange]
    """The decisions first, then what carries them out; none where any is refused."""
    password_ids: Sequence[str]


DeniedRevocation = Callable[[Revocation], str | None]
"""Why the reviewer may not do it; None where he may."""


def decide_lines(
    account: Account,
    review: AccessReview,
    asked: Sequence[AskedDecision],
    started: Mapping[str, StartedLine],
    caller: Caller | None,
    denied: DeniedRevocation,
    at: datetime,
) -> DecidedLines:
    """All of them or none. `started` are the review's lines by id, of those that are asked for; `caller` is None of the
    operator."""
    behind = None if caller is None else people_behind(account, caller)
    outcomes, decided = list[LineOutcome](), list[DecidedLine]()
    changes, password_ids = list[AccountChange](), list[str]()
    now, seen = account, set[str]()

    def revocation_of(line: ReviewLine) -> Revocation:
        revocation = revoke(now, line)
        _refuse_own_key(line, caller)
        if (why := denied(revocation)) is not None:
            raise OperationNotPermittedException(why)
        return revocation

    for each in asked:
        title = started[each.line_id].title if each.line_id in started else None
        try:
            if each.line_id in seen:
                raise OperationNotPermittedException("It is there twice: expected each line once.")
            seen.add(each.line_id)
            line = _line_to_decide(now, review, each, started)
            if line is None:
                outcomes.append(LineOutcome(each.line_id, "already", title))
                continue
            if each.decision == "keep":
                _refuse_own(now, review, line, caller, behind)
            else:
                revocation = revocation_of(line)
                changes += revocation.events
                password_ids += revocation.password_ids
                now = reduce(lambda account, event: event.fold(account, at), revocation.events, now)
        except Refusal as refusal:
            outcomes.append(LineOutcome(each.line_id, "refused", title, refusal.message))
            continue
        outcomes.append(LineOutcome(each.line_id, "decided", line.title))
        decided.append(_decided(each, line))
    if not decided or any(outcome.outcome == "refused" for outcome in outcomes):
        return DecidedLines(outcomes, (), ())
    if changes:
        refuse_no_administrator(account, now, at)
    event = AccessReviewLinesDecided(review_id=review.id, review_name=review.name, decisions=tuple(decided))
    return DecidedLines(outcomes, (event, *changes), password_ids)


def _decided(asked: AskedDecision, line: ReviewLine) -> DecidedLine:
    return DecidedLine(
        line_id=asked.line_id, decision=asked.decision, reason=asked.reason, version=line.version, what=line.title
    )


def _line_to_decide(
    account: Account, review: AccessReview, asked: AskedDecision, started: Mapping[str, StartedLine]
) -> ReviewLine | None:
    """As it is now; None where it was decided so already and that stands: what is imported twice changes nothing.
    Raises OperationNotPermittedException for what is no line, is there no more, or is no longer what was seen."""
    line = started.get(asked.line_id)
    if line is None:
        raise OperationNotPermittedException("It is no line of this review.")
    current = find_line(account, line.grant)
    if current is None:
        if asked.decision == "revoke" and asked.line_id in review.revoked:
            return None
        raise OperationNotPermittedException("There is nothing left to decide: it is gone since the review started.")
    kept = review.kept.get(asked.line_id)
    if asked.decision == "keep" and kept is not None and kept.version == current.version:
        return None
    if current.version != (asked.version or line.version):
        since = "since the review started" if asked.version is None else f"since it was {asked.version}"
        raise OperationNotPermittedException(
            f"What {current.title} gives has changed {since}: look at it as it is now, and decide version "
            f"{current.version}."
        )
    return current


def people_behind(account: Account, caller: Caller) -> frozenset[str] | None:
    """The unique ids of those whose access the caller has: its own, and in a session theirs who have assumed the role,
    one from the other. None where that cannot be told."""
    found = {caller.entity_id}
    session = caller.session
    if session is None:
        return frozenset(found)
    credential: str | None = session.minted_by_access_key_id
    descent = session.descent if isinstance(session, SessionClaims) else None
    while credential is not None:
        key = account[ACCESS_KEYS].by_id.get(credential)
        link = None if descent is None else next((each for each in descent.links if each.id == credential), None)
        owner_id = key.user_id if key is not None else None if link is None else link.of
        if owner_id is None:
            return None
        found.add(owner_id)
        # Who has made a long-term key is nobody who acts with it.
        credential = None if credential.startswith(ACCESS_KEY) or link is None else link.by
    return frozenset(found)


def _refuse_own(
    account: Account, review: AccessReview, line: ReviewLine, caller: Caller | None, behind: frozenset[str] | None
) -> None:
    """Nobody keeps what is his own, what he has through a group, or that a role trusts him. Raises
    OperationNotPermittedException."""
    if caller is None or review.allows_own:
        return
    owners = {line.grant.principal_id}
    if line.grant.kind == "trust":
        owners.add(account[ROLES].by_id[line.grant.principal_id].trusted.get(line.grant.thing, ""))
    if line.principal_kind == "group":
        owners.update(account[MEMBERSHIPS].lefts_of(line.grant.principal_id))
    if behind is None:
        raise OperationNotPermittedException(
            "Who has assumed the role that decides cannot be told, and nobody keeps what is his own: call with a key."
        )
    if not owners.isdisjoint(behind):
        raise OperationNotPermittedException(
            "Nobody keeps what is his own: somebody else does, or the review is started so that it allows that."
        )


def _refuse_own_key(line: ReviewLine, caller: Caller | None) -> None:
    """Raises OperationNotPermittedException where the caller would cut itself off."""
    if caller is not None and line.grant.kind == "access_key" and line.grant.thing == caller.access_key_id:
        raise OperationNotPermittedException(f"The call is signed with {caller.access_key_id}: call with another key.")


def refuse_no_administrator(account: Account, after: Account, at: datetime) -> None:
    """Raises OperationNotPermittedException where there was an access key of somebody who may set the account's
    permissions in order, and none is left."""
    if not has_administrator(after, at) and has_administrator(account, at):
        raise OperationNotPermittedException(
            f"This would cut off the last administrator of {account.id}: no active access key would be left of anybody "
            "who may attach policies and create access keys. Give somebody else one first."
        )


def revoke(account: Account, line: ReviewLine) -> Revocation:
    """Raises refusals, with the command to run where a review does not do it itself."""
    grant = line.grant
    if line.principal_kind == "root":
        raise OperationNotPermittedException(
            f"What is root's only root takes away. With root's own key: {_own_command(grant)}"
        )
    found = find_entity(account, grant.principal_id)
    assert found is not None
    if is_service_linked(found[1]):
        command = suggested_command("aws", "iam", "delete-service-linked-role", role_name=line.principal_name)
        raise OperationNotPermittedException(f"The role is a service's, which alone changes it: {command}")
    if grant.kind == "trust":
        document = {"role_name": line.principal_name, "policy_document": "file://trust.json"}
        command = suggested_command("aws", "iam", "update-assume-role-policy", **document)
        raise OperationNotPermittedException(
            "A trust policy is a whole of principals, actions and conditions, which a review does not rewrite. With a "
            f"document that leaves out {grant.thing}: {command}"
        )
    _refuse_lifted_denial(account, line)
    if grant.kind in {"attached_policy", "inline_policy"}:
        return _of_policy(account, grant)
    if grant.kind == "group_membership":
        return _of_membership(account, grant)
    return _of_credential(account, grant)


def _refuse_lifted_denial(account: Account, line: ReviewLine) -> None:
    """What only denies gives nothing: without it there would be more. Raises OperationNotPermittedException."""
    policies = policies_of(account, line.grant)
    statements = [statement for each in policies for statement in each.policy.statements]
    if statements and all(statement.effect is Effect.DENY for statement in statements):
        raise OperationNotPermittedException(
            "It only denies: without it there would be more access, not less. Take it away by hand if that is meant."
        )


def _own_command(grant: Grant) -> str:
    if grant.kind == "signing_certificate":
        return suggested_command(
            "aws", "iam", "update-signing-certificate", certificate_id=grant.thing, status="Inactive"
        )
    return suggested_command("aws", "iam", "update-access-key", access_key_id=grant.thing, status="Inactive")


def _of_policy(account: Account, grant: Grant) -> Revocation:
    kind, holder = policy_holders.holder_of(account, grant.principal_id)
    boundary = boundary_arn(account, holder.id)
    context = {} if boundary is None else {"iam:permissionsboundary": (boundary,)}
    resource = account.arn(holder.resource)
    if grant.kind == "inline_policy":
        deleted = policy_holders.delete_inline(account, kind, holder.name, policy_name=grant.thing)
        return Revocation(f"iam:Delete{kind.title}Policy", resource, (deleted,), context)
    detached = policy_holders.detach(account, kind, holder.name, policy_arn=grant.thing)
    context |= {"iam:policyarn": (grant.thing,)}
    return Revocation(f"iam:Detach{kind.title}Policy", resource, (detached,), context)


def _of_membership(account: Account, grant: Grant) -> Revocation:
    user, group = account[USERS].by_id[grant.principal_id], account[GROUPS].by_id[grant.thing]
    removed = groups.remove_user_from_group(account, group_name=group.name, user_name=user.name)
    return Revocation("iam:RemoveUserFromGroup", account.arn(group.resource), (removed,))


def _of_credential(account: Account, grant: Grant) -> Revocation:
    user = account[USERS].by_id[grant.principal_id]
    resource = account.arn(user.resource)
    if grant.kind == "password":
        deleted, password_ids = passwords.delete_login_profile(account, user_id=user.id)
        return Revocation("iam:DeleteLoginProfile", resource, (deleted,), password_ids=password_ids)
    if grant.kind == "access_key":
        made = access_keys.update_access_key(account, user_id=user.id, access_key_id=grant.thing, status="Inactive")
        return Revocation("iam:UpdateAccessKey", resource, made)
    kind = next(kind for kind, lifecycle in LIFECYCLE_KINDS.items() if lifecycle == grant.kind)
    updated = user_credentials.update(account, user_id=user.id, kind=kind, credential_id=grant.thing, status="Inactive")
    return Revocation(_UPDATES[grant.kind], resource, updated)
