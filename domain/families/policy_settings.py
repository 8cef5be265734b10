"""What a lineage may alter of policies and of who holds them, and what that lets in."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import filterfalse

from domain.account import Account
from domain.entity_kinds import entity_title
from domain.families.boundaries import BOUNDARIES, boundary_arn
from domain.families.policies import ATTACHMENTS, INLINE_POLICIES, MANAGED_POLICIES, NO_INLINE_POLICIES
from domain.lineage_kinds import LineageKind, Parts, Setting, SettingDelta, brings_back
from domain.policy.statement_texts import document_of, is_allow, phrases, statement_texts


def _document_openings(delta: SettingDelta) -> Iterator[str]:
    yield from (f"allows {told}" for told in phrases(filter(is_allow, delta.introduced)))
    yield from (f"no longer denies {told}" for told in phrases(filterfalse(is_allow, delta.dropped)))


def _default_parts(account: Account, policy_arn: str, _subject: str) -> Parts:
    policy = account[MANAGED_POLICIES].get(policy_arn)
    return {} if policy is None else dict.fromkeys(statement_texts(policy.default.document), "")


def _last_version_parts(account: Account, policy_arn: str, _subject: str) -> Parts:
    policy = account[MANAGED_POLICIES].get(policy_arn)
    return {} if policy is None else dict.fromkeys(statement_texts(policy.versions[policy.last_version].document), "")


def _without_default(delta: SettingDelta, parts: Parts) -> Account:
    policies = delta.account[MANAGED_POLICIES]
    policy = policies[delta.owner_id]
    default = replace(policy.default, document=document_of(parts))
    policy = replace(policy, versions=policy.versions.set(default.number, default))
    return delta.account.put(MANAGED_POLICIES, policies.set(policy.arn, policy))


def _inline_parts(account: Account, holder_id: str, name: str) -> Parts:
    document = account[INLINE_POLICIES].get(holder_id, NO_INLINE_POLICIES).get(name)
    return {} if document is None else dict.fromkeys(statement_texts(document), "")


def _without_inline(delta: SettingDelta, parts: Parts) -> Account:
    every = delta.account[INLINE_POLICIES]
    documents = every.get(delta.owner_id, NO_INLINE_POLICIES).set(delta.subject_id, document_of(parts))
    return delta.account.put(INLINE_POLICIES, every.set(delta.owner_id, documents))


def _with_policy(delta: SettingDelta, policy_arn: str) -> Account:
    """The account with the policy that it was, where it is gone or another one has its ARN."""
    policies, former = delta.account[MANAGED_POLICIES], delta.lost[MANAGED_POLICIES].get(policy_arn)
    now = policies.get(policy_arn)
    if former is None or (now is not None and now.id == former.id):
        return delta.account
    return delta.account.put(MANAGED_POLICIES, policies.set(policy_arn, former))


def _attachment_parts(account: Account, holder_id: str, policy_arn: str) -> Parts:
    """With the unique id: a policy that has the ARN of another one is not that."""
    if (holder_id, policy_arn) not in account[ATTACHMENTS]:
        return {}
    return {policy_arn: account[MANAGED_POLICIES][policy_arn].id}


def _without_attachment(delta: SettingDelta, parts: Parts) -> Account:
    account = _with_policy(delta, delta.subject_id) if parts else delta.account
    attachments, pair = account[ATTACHMENTS], (delta.owner_id, delta.subject_id)
    if bool(parts) == (pair in attachments):
        return account
    return account.put(ATTACHMENTS, attachments.add(*pair) if parts else attachments.remove(*pair))


def _attachment_openings(delta: SettingDelta) -> Iterator[str]:
    """What was taken away is asked of the policy as it was."""
    title = entity_title(delta.account, delta.owner_id)
    given, taken = (account[MANAGED_POLICIES].get(delta.subject_id) for account in (delta.account, delta.lost))
    if delta.introduced and given is not None:
        allowing = filter(is_allow, statement_texts(given.default.document))
        yield from (f"allows {title} {told}" for told in phrases(allowing))
    if delta.dropped and taken is not None:
        denying = filterfalse(is_allow, statement_texts(taken.default.document))
        yield from (f"no longer denies {title} {told}" for told in phrases(denying))


@brings_back
def _held(account: Account, former: Account, holder_id: str) -> Account:
    if (inline := former[INLINE_POLICIES].get(holder_id)) is not None:
        account = account.put(INLINE_POLICIES, account[INLINE_POLICIES].set(holder_id, inline))
    for policy_arn in former[ATTACHMENTS].rights_of(holder_id):
        policy = account[MANAGED_POLICIES].get(policy_arn, former[MANAGED_POLICIES][policy_arn])
        account = account.put(MANAGED_POLICIES, account[MANAGED_POLICIES].set(policy_arn, policy))
        account = account.put(ATTACHMENTS, account[ATTACHMENTS].add(holder_id, policy_arn))
    return account


_BOUNDARY = "boundary"
"""Of the one part: ARN and unique id of the policy."""


def _boundary_parts(account: Account, entity_id: str, _subject: str) -> Parts:
    arn = boundary_arn(account, entity_id)
    return {} if arn is None else {_BOUNDARY: f"{arn} {account[MANAGED_POLICIES][arn].id}"}


def _without_boundary(delta: SettingDelta, parts: Parts) -> Account:
    account = delta.account.put(BOUNDARIES, delta.account[BOUNDARIES].without(delta.owner_id))
    if _BOUNDARY in parts:
        policy_arn, _ = parts[_BOUNDARY].split()
        account = _with_policy(replace(delta, account=account), policy_arn)
        account = account.put(BOUNDARIES, account[BOUNDARIES].add(delta.owner_id, policy_arn))
    return account


def _boundary_openings(delta: SettingDelta) -> Iterator[str]:
    title = entity_title(delta.account, delta.owner_id)
    if _BOUNDARY in delta.dropped:
        yield f"no longer limits {title} to {delta.dropped[_BOUNDARY].split()[0]}"
    if _BOUNDARY in delta.introduced and delta.is_asked_for("iam:permissionsboundary"):
        yield f"bounds {title} by {delta.introduced[_BOUNDARY].split()[0]}, and policies ask about that"


DEFAULT_VERSION = Setting(_default_parts, _without_default, _document_openings, is_versioned=True)
INLINE_POLICY = Setting(_inline_parts, _without_inline, _document_openings)
BOUNDARY = Setting(_boundary_parts, _without_boundary, _boundary_openings, is_keyed=True)
ATTACHMENT = Setting(_attachment_parts, _without_attachment, _attachment_openings)
LineageKind("policy", setting=DEFAULT_VERSION)
LineageKind("policy_version", "{version} of policy {name}", setting=DEFAULT_VERSION, writes=_last_version_parts)
LineageKind("policy_default", "default {version} of policy {name}", setting=DEFAULT_VERSION)
LineageKind("inline_policy", "inline policy {subject} of {name}", setting=INLINE_POLICY)
LineageKind("inline_policy_removed", "inline policy {subject} taken from {name}", setting=INLINE_POLICY)
LineageKind("attachment", "{policy} attached to {name}", setting=ATTACHMENT)
LineageKind("detachment", "{policy} detached from {name}", setting=ATTACHMENT)
LineageKind("boundary", "boundary of {name}", setting=BOUNDARY)
LineageKind("boundary_removed", "boundary taken from {name}", setting=BOUNDARY)
