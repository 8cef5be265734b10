"""What time does to credentials: what the scheduler records when it comes by. Expiry itself needs no scheduler: it is
decided by comparing, at the moment of use (docs/adr/0014).

A subject is whose credentials are looked at together: a user, a role, root, a server certificate, a provider.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain.account import Account, AccountChange
from domain.credential_kinds import HeldCredential, credentials_of, find_credential, lifecycle_kind
from domain.entity_kinds import find_entity
from domain.families.credential_use import LAST_USES, LastUse
from domain.families.exemptions import ExemptionExpired, exemptions_of
from domain.families.lifecycle_profiles import CredentialRules, LifecycleProfile
from domain.families.notices import (
    NOTICES,
    POLICY_DEACTIVATIONS,
    CredentialDeactivatedByPolicy,
    CredentialDeletedByPolicy,
    CredentialExpired,
    CredentialIdle,
    Evidence,
    ExpiryWarned,
    LastUsed,
    Notice,
    PolicyActionWithheld,
    Protection,
    RotationDue,
    RotationOverdue,
    RotationOverlapExceeded,
    RotationWarned,
    Rule,
    is_recorded,
)
from domain.foundation.events import Event
from domain.foundation.secret import SecretId
from domain.rules.lifecycle_profiles import AppliedRules, applied_rules
from domain.rules.session_expiries import Expiries, expiry_events
from domain.rules.successors import completed_rotation, successor_of

WITHHELD_DAYS = timedelta(days=1)
"""After which it is asked again whether an action is still withheld: another administrator changes nothing here."""
WORK_A_CALL_MAX = 1_500
"""Milestones that are looked at, and ten for each event: some ten milliseconds of a round, unless one subject's take
longer."""
Protect = Callable[[Account, HeldCredential, datetime], Protection | None]
"""Why nothing automatic may be done to a credential that works; None where it may."""


@dataclass(frozen=True, slots=True)
class LifecycleCandidates:
    """Whose credentials something may be due of, in an account, as tables told that may lag: nothing here is believed
    but the sessions' claims, which the value of the account does not hold."""

    subjects: Sequence[str] = ()
    expiries: Expiries | None = None


@dataclass(frozen=True, slots=True)
class Milestone:
    """A time at which something becomes of a credential."""

    account: Account = field(repr=False, compare=False)
    """By which it is so."""
    held: HeldCredential
    due_at: datetime
    notice: type[Notice]
    applied: AppliedRules
    rule_name: str
    """Without the kind."""
    days: int
    successor_id: str | None = None
    deactivated_at: datetime | None = None
    details: dict[str, Any] = field(default_factory=dict)
    """The fields that this notice alone has."""

    @property
    def rule(self) -> Rule:
        profile = self.applied.profile
        return Rule(
            profile=profile.name,
            version=profile.version,
            name=f"{self.held.kind}_{self.rule_name}",
            days=self.days,
            override=self.applied.override,
        )

    @property
    def evidence(self) -> Evidence:
        used = last_use(self.account, self.held)
        return Evidence(
            created_at=self.held.created_at,
            last_used=None if used is None else LastUsed(at=used.at, service=used.service, region=used.region),
            expires_at=self.held.expires_at,
            successor_id=self.successor_id,
            deactivated_at=self.deactivated_at,
        )

    def event(self, owner_name: str) -> Notice:
        return self.notice.model_validate(
            {
                "credential": self.held.kind,
                "credential_id": self.held.id,
                "owner_id": self.held.owner_id,
                "owner_name": owner_name,
                "due_at": self.due_at,
                "rule": self.rule,
                "evidence": self.evidence,
                **self.details,
            }
        )


@dataclass(slots=True)
class DueEvents:
    """What is to be recorded, in order."""

    account: Account
    """As it is with them."""
    events: list[Event] = field(default_factory=list)
    destroyed_secrets: list[SecretId] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)
    """The first of the candidates' subjects, as many as a call has time for: one at least."""
    milestones: int = 0
    """That were looked at."""

    def add(self, event: AccountChange, at: datetime) -> None:
        self.account = event.fold(self.account, at)
        self.events.append(event)


def due_events(account: Account, candidates: LifecycleCandidates, at: datetime, protect: Protect) -> DueEvents:
    """What is to be recorded at the time, decided on the account as it is: of what is recorded already, or is not so,
    or is no more, nothing. What was due for a while and ended before anybody came by is not recorded either: there is
    nothing left to be done about it. Of a closed account only the sessions that had expired before.
    """
    due = DueEvents(account)
    if account.closed_at is not None:
        at = min(at, account.closed_at)
        due.looked_at += candidates.subjects
    else:
        for subject_id in candidates.subjects:
            if due.milestones + 10 * len(due.events) > WORK_A_CALL_MAX:
                break
            _add_due(due, subject_id, at, protect)
            due.looked_at.append(subject_id)
    if candidates.expiries is not None:
        due.events += expiry_events(account, candidates.expiries, at)
    return due


def _add_due(due: DueEvents, subject_id: str, at: datetime, protect: Protect) -> None:
    name = subject_name(due.account, subject_id)
    for exemption in sorted(exemptions_of(due.account, subject_id).values(), key=lambda each: (each.until, each.id)):
        if exemption.until <= at:
            expired = ExemptionExpired(
                exemption_id=exemption.id,
                owner_id=subject_id,
                owner_name=name,
                due_at=exemption.until,
                reason=exemption.reason,
            )
            due.add(expired, at)
    known = list(milestones(due.account, subject_id, at))
    due.milestones += len(known)
    for milestone in sorted((each for each in known if each.due_at <= at), key=lambda each: each.due_at):
        held = milestone.held
        if find_credential(due.account, held.kind, held.id) is None:
            continue  # Deleted by what became due before.
        event = milestone.event(name)
        if is_recorded(due.account[NOTICES], event.credential_id, event.key, event.due_at):
            continue
        if isinstance(event, CredentialDeactivatedByPolicy):
            _deactivate(due, held, event, at, protect)
        elif isinstance(event, CredentialDeletedByPolicy):
            kind = lifecycle_kind(held.kind)
            assert kind.delete is not None
            removal = kind.delete(due.account, held)
            due.add(event, at)
            due.add(removal.event, at)
            due.destroyed_secrets += removal.secrets
        else:
            due.add(event, at)


def _deactivate(
    due: DueEvents, held: HeldCredential, event: CredentialDeactivatedByPolicy, at: datetime, protect: Protect
) -> None:
    """Or says why not. What an event before it has deactivated stays as it is."""
    kind = lifecycle_kind(held.kind)
    assert kind.deactivate is not None
    now = kind.find(due.account, held.id)
    if now is None or not now.active:
        return
    protects = protect(due.account, held, at)
    if protects is None:
        for each in (event, *completed_rotation(due.account, held.kind, held.id), kind.deactivate(due.account, held)):
            due.add(each, at)
        return
    fields = {name: getattr(event, name) for name in CredentialDeactivatedByPolicy.model_fields}
    withheld = PolicyActionWithheld(**fields, action="deactivate", protects=protects)
    if not is_recorded(due.account[NOTICES], held.id, withheld.key, withheld.due_at):
        due.add(withheld, at)


def next_wake(account: Account, subject_id: str, at: datetime) -> datetime | None:
    """The earliest time behind `at` at which something may become due, if nothing but uses of its credentials happens
    until then; None: never. What was due until `at` has been recorded.
    """
    times = [each.until for each in exemptions_of(account, subject_id).values()]
    for milestone in milestones(account, subject_id, at):
        if milestone.due_at > at:
            times.append(milestone.due_at)
        elif milestone.notice is CredentialIdle:
            # Used from now on, it may be idle again so long after.
            times.append(at + timedelta(days=milestone.days))
        elif milestone.notice is CredentialDeactivatedByPolicy:
            event = milestone.event("")
            if not is_recorded(account[NOTICES], event.credential_id, event.key, event.due_at):
                times.append(at + WITHHELD_DAYS)
    return min((time for time in times if time > at), default=None)


def subject_exists(account: Account, subject_id: str) -> bool:
    return subject_id == account.id or find_entity(account, subject_id) is not None


def subject_name(account: Account, subject_id: str) -> str:
    """The name of a user, role or certificate, the account's id for root, the ARN of a provider."""
    found = find_entity(account, subject_id)
    return subject_id if found is None else found[1].name


def milestones(
    account: Account, subject_id: str, at: datetime, profile: LifecycleProfile | None = None
) -> Iterator[Milestone]:
    """Of all the subject's credentials, past ones and future ones, recorded or not, as they follow from what is so now;
    none by the profile's rules of what is exempt at the time. By another profile than the one in force, if that is
    asked."""
    exemptions = exemptions_of(account, subject_id).values()
    for held in credentials_of(account, subject_id):
        applied = applied_rules(account, subject_id, held.kind, profile)
        if not any(exemption.covers(held.kind, at) for exemption in exemptions):
            yield from _CredentialMilestones(account, held, applied).all()
        elif held.expires_at is not None:
            yield _CredentialMilestones(account, held, applied).expiry(held.expires_at)


@dataclass(frozen=True, slots=True)
class _CredentialMilestones:
    account: Account
    held: HeldCredential
    applied: AppliedRules

    def all(self) -> Iterator[Milestone]:
        held, rules = self.held, self.applied.rules
        if held.active:
            yield from self._of_age(rules)
            yield from self._of_overlap(rules)
            yield from self._of_idleness(rules)
        else:
            yield from self._of_deletion(rules)
        if held.expires_at is not None:
            if held.active:
                for days in rules.warn_before_days:
                    warned_at = held.expires_at - timedelta(days=days)
                    yield self._milestone(warned_at, ExpiryWarned, "expiry_warned", days, expires_at=held.expires_at)
            yield self.expiry(held.expires_at)

    def expiry(self, expires_at: datetime) -> Milestone:
        """Whatever the profile says."""
        days = (expires_at - self.held.created_at).days if self.held.kind == "password" else 0
        return self._milestone(expires_at, CredentialExpired, "expiry", days)

    def _of_age(self, rules: CredentialRules) -> Iterator[Milestone]:
        if rules.max_age_days is None:
            return
        created_at, age = self.held.created_at, rules.max_age_days
        due_at = created_at + timedelta(days=age)
        for days in sorted(rules.warn_before_days, reverse=True):
            warned_at = due_at - timedelta(days=days)
            yield self._milestone(warned_at, RotationWarned, "rotation_warned", age - days, rotation_due_at=due_at)
        yield self._milestone(due_at, RotationDue, "rotation_due", age)
        overdue_at = due_at + timedelta(days=rules.overdue_after_days)
        rule = "rotation_overdue", age + rules.overdue_after_days
        yield self._milestone(overdue_at, RotationOverdue, *rule)
        if rules.when_overdue.action == "deactivate":
            yield self._milestone(overdue_at, CredentialDeactivatedByPolicy, *rule, reason="overdue")

    def _of_overlap(self, rules: CredentialRules) -> Iterator[Milestone]:
        successor = None if rules.overlap_days is None else successor_of(self.account, self.held)
        if successor is None or rules.overlap_days is None:
            return
        due_at = successor.created_at + timedelta(days=rules.overlap_days)
        rule = "rotation_overlap", rules.overlap_days
        yield self._milestone(due_at, RotationOverlapExceeded, *rule, successor_id=successor.id)
        if rules.when_overdue.action == "deactivate":
            yield self._milestone(
                due_at, CredentialDeactivatedByPolicy, *rule, successor_id=successor.id, reason="overlap"
            )

    def _of_idleness(self, rules: CredentialRules) -> Iterator[Milestone]:
        if rules.max_idle_days is None:
            return
        used = last_use(self.account, self.held)
        since = self.held.created_at if used is None else used.at
        due_at, rule = since + timedelta(days=rules.max_idle_days), ("idle", rules.max_idle_days)
        yield self._milestone(due_at, CredentialIdle, *rule)
        if rules.when_idle.action == "deactivate":
            yield self._milestone(due_at, CredentialDeactivatedByPolicy, *rule, reason="idle")

    def _of_deletion(self, rules: CredentialRules) -> Iterator[Milestone]:
        """Nobody has touched it since its profile deactivated it."""
        done = self.account[POLICY_DEACTIVATIONS].get(self.held.id)
        if done is None or done.at != self.held.changed_at:
            return
        days = (rules.when_idle if done.reason == "idle" else rules.when_overdue).delete_after_days
        if days is not None:
            due_at, rule = done.at + timedelta(days=days), (f"{done.reason}_deletion", days)
            yield self._milestone(due_at, CredentialDeletedByPolicy, *rule, deactivated_at=done.at)

    def _milestone(
        self,
        due_at: datetime,
        notice: type[Notice],
        rule_name: str,
        days: int,
        *,
        successor_id: str | None = None,
        deactivated_at: datetime | None = None,
        **details: object,
    ) -> Milestone:
        return Milestone(
            self.account,
            self.held,
            due_at,
            notice,
            self.applied,
            rule_name,
            days,
            successor_id,
            deactivated_at,
            details,
        )


def last_use(account: Account, held: HeldCredential) -> LastUse | None:
    """As far as it is recorded here: of access keys and roles, and of users by their keys."""
    uses = account[LAST_USES]
    if held.kind != "user":
        return uses.get(held.id) if held.kind in {"access_key", "role"} else None
    keys = lifecycle_kind("access_key").of(account, held.owner_id)
    found = [use for credential_id in (held.id, *(key.id for key in keys)) if (use := uses.get(credential_id))]
    return max(found, key=lambda use: use.at, default=None)
