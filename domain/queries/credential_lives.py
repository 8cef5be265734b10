"""Where each credential of an account stands in its life, by the profile in force at a moment, whether or not the
scheduler has come by."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain

from domain.account import Account
from domain.credential_kinds import HeldCredential, credentials_of, find_credential
from domain.families.exemptions import exemptions_of
from domain.families.leak_reports import LEAK_REPORTS
from domain.families.notices import (
    NOTICES,
    CredentialDeactivatedByPolicy,
    CredentialDeletedByPolicy,
    CredentialExpired,
    CredentialIdle,
    ExpiryWarned,
    PolicyActionWithheld,
    Protection,
    RotationDue,
    RotationOverdue,
    RotationWarned,
    is_recorded,
)
from domain.families.roles import ROLES
from domain.families.saml_providers import SAML_PROVIDERS
from domain.families.server_certificates import SERVER_CERTIFICATES
from domain.families.users import USERS
from domain.queries.protected_credentials import protection
from domain.read_models.credentials import CredentialLifecycle, LifecycleStep
from domain.rules.lifecycle import LifecycleCandidates, Milestone, due_events, last_use, milestones, subject_name
from domain.rules.lifecycle_profiles import records_use

_SUPERSEDED = {
    RotationDue.about: {RotationWarned.about},
    RotationOverdue.about: {RotationWarned.about, RotationDue.about},
    CredentialExpired.about: {ExpiryWarned.about},
}
"""What is not told any more of a credential of which the other is so."""
_WARNINGS = {RotationWarned.about, ExpiryWarned.about}
_TOLD_ONLY = _WARNINGS | {CredentialIdle.about}
"""What nobody has to do anything about by a date."""
_ACTS = {CredentialDeactivatedByPolicy, CredentialDeletedByPolicy}


def credential_holders(account: Account) -> Iterator[str]:
    """Whose credentials grow old: root, users, roles, server certificates, SAML providers."""
    entities: Iterable[Iterable[str]] = (
        account[USERS].by_id,
        account[ROLES].by_id,
        account[SERVER_CERTIFICATES].by_id,
        account[SAML_PROVIDERS],
    )
    yield from (account.id, *chain.from_iterable(entities))


def held_credentials(account: Account) -> list[HeldCredential]:
    """All of the account, the oldest first."""
    found = chain.from_iterable(credentials_of(account, holder) for holder in credential_holders(account))
    return sorted(found, key=lambda held: (held.created_at, held.kind, held.id))


def lifecycle_of(account: Account, held: HeldCredential, at: datetime) -> CredentialLifecycle:
    at = at if account.closed_at is None else min(at, account.closed_at)
    exemptions = exemptions_of(account, held.owner_id).values()
    exempt_until = max((each.until for each in exemptions if each.covers(held.kind, at)), default=None)
    its = list(_milestones(account, held, at))
    past = {each.notice.about: each for each in sorted(its, key=_due) if each.due_at <= at}
    over = {older for newer in past for older in _SUPERSEDED.get(newer, ())}
    if exempt_until is not None:
        its = [_kept_back(each, exempt_until) for each in _milestones(account, held, exempt_until)]
    coming = [each for each in its if each.due_at > at and each.notice.about not in _WARNINGS]
    to_do = [each for each in its if each.notice.about not in _TOLD_ONLY]
    used = last_use(account, held)
    reports = account[LEAK_REPORTS].get(held.id) if held.kind == "access_key" else None
    return CredentialLifecycle(
        credential_id=held.id,
        owner_id=held.owner_id,
        owner_name=subject_name(account, held.owner_id),
        active=held.active,
        use_recorded=records_use(held.kind),
        last_used_at=None if used is None else used.at,
        stands=tuple(_step(account, each, at) for about, each in past.items() if about not in over),
        next=_step(account, min(coming, key=_due), at) if coming else None,
        due=_step(account, min(to_do, key=_due), at) if to_do else None,
        exempt_until=exempt_until,
        reported_leaked_at=None if reports is None else reports.first_at,
    )


def _milestones(account: Account, held: HeldCredential, at: datetime) -> Iterator[Milestone]:
    for each in milestones(account, held.owner_id, at):
        if each.held == held and not _was_done(account, each):
            yield each


def _protection(account: Account, held: HeldCredential, at: datetime) -> Protection | None:
    """What keeps it active, after what is done to others of its owner until then: of two keys that are overdue one is
    deactivated, and the other is the last that works."""
    account = due_events(account, LifecycleCandidates((held.owner_id,)), at, protection).account
    then = find_credential(account, held.kind, held.id)
    return None if then is None or not then.active else protection(account, then, at)


def _kept_back(milestone: Milestone, exempt_until: datetime) -> Milestone:
    """What an exemption keeps back comes at its end. It keeps back no expiry."""
    if milestone.notice is CredentialExpired:
        return milestone
    return replace(milestone, due_at=max(exempt_until, milestone.due_at))


def _was_done(account: Account, milestone: Milestone) -> bool:
    """What its profile has deactivated and somebody has activated again is not deactivated again for that."""
    if milestone.notice is not CredentialDeactivatedByPolicy:
        return False
    event = milestone.event(milestone.held.owner_id)
    return is_recorded(account[NOTICES], event.credential_id, event.key, event.due_at)


def _due(milestone: Milestone) -> tuple[datetime, bool]:
    """What is done comes before what is only told, at the same time."""
    return milestone.due_at, milestone.notice not in _ACTS


def _step(account: Account, milestone: Milestone, at: datetime) -> LifecycleStep:
    what = milestone.notice.about
    protects = None
    if what == CredentialDeactivatedByPolicy.about:
        protects = _protection(account, milestone.held, max(at, milestone.due_at))
    if protects is not None:
        what = PolicyActionWithheld.about
    rule = milestone.rule
    return LifecycleStep(
        what=what,
        at=milestone.due_at,
        profile=rule.profile,
        version=rule.version,
        rule=rule.name,
        days=rule.days,
        override=rule.override,
        action=("delete" if milestone.notice is CredentialDeletedByPolicy else "deactivate")
        if milestone.notice in _ACTS
        else None,
        protects=protects,
    )
