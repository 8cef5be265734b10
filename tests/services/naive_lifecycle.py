"""What time has to make of an account's credentials, told from its ledger as plainly as it can be: without the values,
rules, schedule and tables of the program."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.rules.lifecycle_profiles import DEFAULT_PROFILE
from tests.services.naive_account import LONG_AGO, Credential, Key, NaiveAccount

DAY = timedelta(days=1)
ORDER = (
    "access_key", "password", "mfa_device", "ssh_public_key", "signing_certificate", "service_specific_credential",
    "server_certificate", "provider_certificate", "user", "role",
)  # fmt: skip
LETS_IN = {"access_key", "password"}
OTHERS_TRIED = 50
"""So many keys of others are looked at for another administrator."""
Told = tuple[object, ...]
"""An event as it is compared: all that it says, but for names and where it stands."""


@dataclass(frozen=True)
class Milestone:
    due: datetime
    what: str
    of: Credential
    rule: tuple[object, ...]
    """Profile, version, name, days, override."""
    extra: tuple[object, ...] = ()
    exempt_until: datetime = LONG_AGO
    action: bool = False

    @property
    def key(self) -> Key:
        """By which it is told once: versions of a profile that say so many days are no different."""
        return (self.what, self.rule[3], self.extra, self.due)

    def told(self, what: str | None = None, *more: object) -> Told:
        of, extra = self.of, (*self.extra, *more)
        return (what or self.what, of.kind, of.id, of.owner, self.due, self.rule, extra, of.since, of.used, of.expires)


class NaiveLifecycle(NaiveAccount):
    """An account, and what whoever looks has to record of it."""

    def __init__(self, account_id: str) -> None:
        super().__init__(account_id)
        self._milestones: dict[str, list[Milestone]] = {}
        self._next: dict[str, datetime] = {}
        """When the next thing is to be told, by subject. Both are forgotten whenever something happens to it."""

    def touch(self, subject: str) -> None:
        super().touch(subject)
        known: dict[str, Any]
        for known in (self._milestones, self._next):
            if subject:
                known.pop(subject, None)
            else:
                known.clear()

    def rules(self, owner: str, kind: str) -> tuple[Any, Any, str | None]:
        """The rules, their profile and override: the account's own, or the nearest level's, or the default."""
        profile: Any = self.profile
        for level in self.levels:  # The last that has one is the nearest.
            profile = level.lifecycle_profile or profile if self.profile is None else profile
        profile = profile or DEFAULT_PROFILE
        for override in profile.overrides:
            fits = owner in self.paths and self.paths[owner].startswith(override.path or "/")
            if override.tag is not None:
                fits = fits and self.tags.get(owner, {}).get(override.tag.key) == override.tag.value
            if fits and kind in override.rules:
                return override.rules[kind], profile, override.name
        return profile.rules.get(kind), profile, None

    def successor(self, of: Credential) -> Credential | None:
        younger = (
            each
            for each in self.owned[of.owner]
            if (each.kind, each.service) == (of.kind, of.service) and each.active and each.since > of.since
        )
        return min(younger, key=lambda each: each.since, default=None)

    def last_use(self, of: Credential) -> datetime | None:
        if of.kind != "user":
            return of.used
        keys = (each.used for each in self.owned[of.owner] if each.kind == "access_key")
        return max(filter(None, (self.used_before.get(of.owner), *keys)), default=None)

    def milestones(self, subject: str) -> list[Milestone]:
        """Of the subject's credentials, the first first; of equals in the order of the kinds, the oldest first."""
        found = self._milestones.get(subject)
        if found is None:
            held = sorted(self.owned.get(subject, ()), key=lambda each: ORDER.index(each.kind))
            found = [each for credential in held for each in self._of(credential)]
            found = self._milestones[subject] = sorted(found, key=lambda each: each.due)
        return found

    def _of(self, of: Credential) -> Iterator[Milestone]:
        rules, profile, override = self.rules(of.owner, of.kind)
        exemptions = self.exemptions.get(of.owner, {}).values()
        exempt = max((until for kinds, until in exemptions if not kinds or of.kind in kinds), default=LONG_AGO)
        if of.kind == "password":
            of.expires = None if self.password_days is None else of.since + self.password_days * DAY
        if of.kind == "user":
            of.used = self.last_use(of)

        def when(due: datetime, what: str, name: str, days: int, *extra: object) -> Milestone:
            rule = (profile.name, profile.version, f"{of.kind}_{name}", days, override)
            until = LONG_AGO if what == "CredentialExpired" else exempt
            return Milestone(due, what, of, rule, extra, until, what == "deactivate")

        if rules is not None and of.active:
            yield from _of_age(of, rules, when)
            yield from _of_overlap(self.successor(of), rules, when)
            yield from _of_idleness(of, rules, when)
        elif rules is not None and of.stopped is not None and of.stopped[0] == of.changed:
            at, reason = of.stopped
            observed = (rules.when_idle if reason == "idle" else rules.when_overdue).delete_after_days
            if observed is not None:
                yield when(at + observed * DAY, "CredentialDeletedByPolicy", f"{reason}_deletion", observed)
        if of.expires is not None:
            for days in rules.warn_before_days if rules is not None and of.active else ():
                yield when(of.expires - days * DAY, "ExpiryWarned", "expiry_warned", days, of.expires)
            days = (of.expires - of.since).days if of.kind == "password" else 0
            yield when(of.expires, "CredentialExpired", "expiry", days)

    def protection(self, of: Credential, at: datetime) -> str | None:
        if of.owner == self.id:
            return "root"
        others = [each for each in self.owned[of.owner] if each is not of and each.active]
        alike = [each for each in others if each.kind in LETS_IN or (each.kind, each.service) == (of.kind, of.service)]
        if not any(each.expires is None or each.expires > at for each in alike):
            return "last working credential"
        if of.kind == "access_key" and not any(each.kind == "access_key" for each in others):
            keys = [each for each in self.every() if each.kind == "access_key" and each.active]
            keys = [each for each in keys if each.owner != of.owner]
            keys.sort(key=lambda key: (key.owner != self.id, key.made, key.id))
            if self.administers(of.owner) and not any(self.administers(key.owner) for key in keys[:OTHERS_TRIED]):
                return "last administrator"
        return None

    def administers(self, owner: str) -> bool:
        return owner == self.id or not self.administrators.isdisjoint({owner, *self.groups.get(owner, ())})

    def look(self, subject: str, at: datetime, position: int) -> list[Told]:
        """All that is to be recorded of the subject by whoever looks now, in order; and it has happened."""
        self.position = position
        told: list[Told] = []
        theirs = self.exemptions.get(subject, {})
        for id_, (_, until) in sorted(theirs.items(), key=lambda each: (each[1][1], each[0])):
            if until <= at:
                told.append(("ExemptionExpired", id_, subject, until))
                del theirs[id_]
                self._milestones.pop(subject, None)
        for each in self.milestones(subject):
            gone = each.of not in self.owned[subject]
            if each.due <= at and each.exempt_until <= at and each.key not in each.of.told and not gone:
                told += self._act(each, at) if each.action else self._tell(each, at)
        self.touch(subject)
        return told

    def _tell(self, each: Milestone, _at: datetime) -> Iterator[Told]:
        each.of.told.add(each.key)
        yield each.told()
        if each.what == "CredentialDeletedByPolicy":
            self.remove(each.of)
            yield ("deleted", each.of.id)

    def _act(self, each: Milestone, at: datetime) -> Iterator[Told]:
        of = each.of
        if not of.active:
            return
        protects = self.protection(of, at)
        if protects is not None:
            if (*each.key, protects) not in of.told:
                of.told.add((*each.key, protects))
                of.withheld.add(each.key)
                yield each.told("PolicyActionWithheld", protects)
            return
        of.told.add(each.key)
        yield each.told("CredentialDeactivatedByPolicy")
        if (younger := self.successor(of)) is not None:
            yield ("RotationCompleted", of.kind, of.id, younger.id, of.since)
        of.active, of.changed, of.stopped = False, at, (at, str(each.extra[0]))
        yield ("deactivated", of.id)

    def missing(self, at: datetime, seen: int) -> list[Key]:
        """What a tick at that time has not recorded although it should have: whoever looked then had seen the ledger up
        to that position at least."""
        found: list[Key] = []
        for subject in self.owned if self.closed_at is None else ():
            if self._next_of(subject) > at or max(self.touched.get(subject, 0), self.touched.get("", 0)) > seen:
                continue
            found += [
                ("ExemptionExpired", id_) for id_, (_, end) in self.exemptions.get(subject, {}).items() if end <= at
            ]
            for each in self.milestones(subject):
                if each.due <= at and each.exempt_until <= at and self._is_missing(each, at):
                    found.append((each.of.id, *each.key))
        return found

    def _next_of(self, subject: str) -> datetime:
        if subject not in self._next:
            times = [
                max(each.due, each.exempt_until) for each in self.milestones(subject) if each.key not in each.of.told
            ]
            times += [until for _, until in self.exemptions.get(subject, {}).values()]
            self._next[subject] = min(times, default=datetime.max.replace(tzinfo=UTC))
        return self._next[subject]

    def _is_missing(self, each: Milestone, at: datetime) -> bool:
        """An action that was withheld is thought about anew after a day: another subject may have allowed it."""
        of = each.of
        if each.key in of.told or (each.action and not of.active):
            return False
        if each.action and each.key in of.withheld:
            if self.protection(of, at) is not None:
                of.allowed_since.pop(each.key, None)
                return False
            return at - of.allowed_since.setdefault(each.key, at) > DAY
        return True

    def expire(self, session_id: str, expired_at: datetime, at: datetime) -> None:
        """That the end of a session is recorded."""
        assert self.sessions.pop(session_id) == expired_at <= at

    def unexpired(self, at: datetime, seen_until: datetime) -> list[str]:
        """Sessions whose end a tick at that time should have recorded, which had seen all that happened before."""
        over = min(at, seen_until, self.closed_at or at)
        return [session_id for session_id, end in self.sessions.items() if end <= over]


def _of_age(of: Credential, rules: Any, when: Callable[..., Milestone]) -> Iterator[Milestone]:
    if rules.max_age_days is None:
        return
    age, late = rules.max_age_days, rules.max_age_days + rules.overdue_after_days
    due, overdue = of.since + age * DAY, of.since + late * DAY
    for days in sorted(rules.warn_before_days, reverse=True):
        yield when(due - days * DAY, "RotationWarned", "rotation_warned", age - days, due)
    yield when(due, "RotationDue", "rotation_due", age)
    yield when(overdue, "RotationOverdue", "rotation_overdue", late)
    if rules.when_overdue.action == "deactivate":
        yield when(overdue, "deactivate", "rotation_overdue", late, "overdue")


def _of_overlap(younger: Credential | None, rules: Any, when: Callable[..., Milestone]) -> Iterator[Milestone]:
    if rules.overlap_days is not None and younger is not None:
        due = younger.since + rules.overlap_days * DAY
        yield when(due, "RotationOverlapExceeded", "rotation_overlap", rules.overlap_days)
        if rules.when_overdue.action == "deactivate":
            yield when(due, "deactivate", "rotation_overlap", rules.overlap_days, "overlap")


def _of_idleness(of: Credential, rules: Any, when: Callable[..., Milestone]) -> Iterator[Milestone]:
    if rules.max_idle_days is not None:
        due = (of.used or of.since) + rules.max_idle_days * DAY
        yield when(due, "CredentialIdle", "idle", rules.max_idle_days)
        if rules.when_idle.action == "deactivate":
            yield when(due, "deactivate", "idle", rules.max_idle_days, "idle")


def as_told(event: Any) -> Told:
    """An event that the scheduler has recorded, as `look` says it."""
    name = type(event).__name__
    match name:
        case "ExemptionExpired":
            return (name, event.exemption_id, event.owner_id, event.due_at)
        case "RotationCompleted":
            return (name, event.credential, event.credential_id, event.successor_id, event.evidence.created_at)
        case "AccessKeyDeactivated" | "UserCredentialDeactivated":
            return ("deactivated", getattr(event, "access_key_id", None) or event.credential_id)
        case "AccessKeyDeleted" | "UserCredentialDeleted":
            return ("deleted", getattr(event, "access_key_id", None) or event.credential_id)
    rule, evidence = event.rule, event.evidence
    extra = [
        getattr(event, each)
        for each in ("rotation_due_at", "expires_at", "reason", "protects")
        if getattr(event, each, None) is not None
    ]
    used = None if evidence.last_used is None else evidence.last_used.at
    return (
        name, event.credential, event.credential_id, event.owner_id, event.due_at,
        (rule.profile, rule.version, rule.name, rule.days, rule.override), tuple(extra),
        evidence.created_at, used, evidence.expires_at,
    )  # fmt: skip


def subject_of(event: Any) -> str:
    return str(getattr(event, "owner_id", None) or event.user_id)
