"""What is due when: what the scheduler records when it comes by. Expiry itself needs no scheduler: it is decided by
comparing, at the moment of use (docs/adr/0014)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.account import Account
from domain.families.access_keys import ACCESS_KEYS, CredentialIdle, RotationDue, RotationOverdue, RotationWarned
from domain.families.credential_use import LAST_USES
from domain.families.notices import NOTICES, Evidence, LastUsed, Notice, Rule, is_recorded
from domain.families.passwords import LOGIN_PROFILES, PASSWORD_POLICY, PasswordExpired
from domain.families.sessions import EXPIRIES_RECORDED, REVOCATIONS, SessionExpired, SessionExpiriesRecorded, is_revoked
from domain.foundation.events import Event
from domain.rules.access_keys import owner_name


@dataclass(frozen=True, slots=True)
class LifecycleProfile:
    """A set of rules by its name and version: a notice names both, and a change of the numbers is a new version.

    A password's age is none of its numbers: the account's own password policy says it.
    """

    name: str
    version: int
    access_key_days_max: int
    warned_days_before: int
    overdue_days_after: int
    idle_days_max: int

    def rule(self, name: str, days: int) -> Rule:
        return Rule(profile=self.name, version=self.version, name=name, days=days)

    @property
    def rotation_warned(self) -> Rule:
        return self.rule("access_key_rotation_warned", self.access_key_days_max - self.warned_days_before)

    @property
    def rotation_due(self) -> Rule:
        return self.rule("access_key_rotation_due", self.access_key_days_max)

    @property
    def rotation_overdue(self) -> Rule:
        return self.rule("access_key_rotation_overdue", self.access_key_days_max + self.overdue_days_after)

    @property
    def idle(self) -> Rule:
        return self.rule("credential_idle", self.idle_days_max)


DEFAULT_PROFILE = LifecycleProfile(
    "default", 1, access_key_days_max=90, warned_days_before=14, overdue_days_after=14, idle_days_max=45
)
"""The numbers of CIS AWS 5.0, with a warning before and a time of grace behind."""

DueParameters = Mapping[str, object]
"""Of the statement that nominates subjects, such as facts that hold since a time or longer."""


@dataclass(frozen=True, slots=True)
class DueKind:
    """What becomes due of one kind of subject. A family's rules register theirs; the thresholds are here alone:
    whoever keeps the facts does not know them."""

    name: str
    """The statement of projections/queries that nominates subjects, with their accounts, is called `due_<name>`."""
    queries: Callable[[datetime, LifecycleProfile], Sequence[DueParameters]]
    """What may be due at the time."""
    events: Callable[[Account, str, datetime, LifecycleProfile], Iterable[Event]]
    """What is to be recorded of a subject, decided on the account as it is."""


DUE_KINDS: dict[str, DueKind] = {}


def register_due_kind(kind: DueKind) -> None:
    """Raises TypeError when there is one of this name."""
    if kind.name in DUE_KINDS:
        raise TypeError(f"Due {kind.name} are registered twice.")
    DUE_KINDS[kind.name] = kind


class ExpiredSession(NamedTuple):
    """What is known of a session whose time is over."""

    session_id: str
    access_key_id: str
    principal_arn: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Expiries:
    """All sessions of an account that were seen to expire later than `after` and no later than the last of these."""

    sessions: Sequence[ExpiredSession]
    after: datetime | None
    """None: from the beginning."""
    seen_until: datetime
    """Every event of the account before this time was seen by whoever gathered the sessions."""


@dataclass(frozen=True, slots=True)
class LifecycleCandidates:
    """What may be due in an account, as tables told that may lag: nothing here is believed but the sessions' claims,
    which the value of the account does not hold."""

    subjects: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Ids, by the name of their kind."""
    expiries: Expiries | None = None


def due_events(
    account: Account, candidates: LifecycleCandidates, at: datetime, profile: LifecycleProfile = DEFAULT_PROFILE
) -> list[Event]:
    """What is to be recorded at the time, decided on the account as it is: of what is recorded already, or is not so,
    or is no more, nothing. What was due for a while and ended before anybody came by is not recorded either: there is
    nothing left to be done about it. Of a closed account only the sessions that had expired before.
    """
    if account.closed_at is not None:
        at = min(at, account.closed_at)
        candidates = LifecycleCandidates(expiries=candidates.expiries)
    events = [
        event
        for name, subjects in candidates.subjects.items()
        for subject in subjects
        for event in DUE_KINDS[name].events(account, subject, at, profile)
    ]
    return [*events, *(expiry_events(account, candidates.expiries, at) if candidates.expiries is not None else ())]


def _of_access_key(account: Account, access_key_id: str, at: datetime, profile: LifecycleProfile) -> Iterator[Notice]:
    """Nothing of an inactive key. One that is active again is as old as it is."""
    key = account[ACCESS_KEYS].by_id.get(access_key_id)
    if key is None or key.status != "Active":
        return
    used = account[LAST_USES].get(key.id)
    last_used = None if used is None else LastUsed(at=used.at, service=used.service, region=used.region)
    credential = _Credential(
        key.id, key.user_id, owner_name(account, key.user_id), Evidence(created_at=key.created_at, last_used=last_used)
    )
    since = key.created_at
    due_at = since + timedelta(days=profile.rotation_due.days)
    warned, due, overdue = profile.rotation_warned, profile.rotation_due, profile.rotation_overdue
    yield from _notice(account, RotationWarned, credential, warned, since, at, rotation_due_at=due_at)
    yield from _notice(account, RotationDue, credential, due, since, at)
    yield from _notice(account, RotationOverdue, credential, overdue, since, at)
    idle_since = since if used is None else used.at
    yield from _notice(account, CredentialIdle, credential, profile.idle, idle_since, at, credential="access_key")


def _of_password(account: Account, user_id: str, at: datetime, profile: LifecycleProfile) -> Iterator[Notice]:
    """Nothing of root's, for which the policy does not count."""
    login, policy = account[LOGIN_PROFILES].get(user_id), account[PASSWORD_POLICY]
    if login is None or login.password_id is None or policy is None or policy.max_password_age is None:
        return
    rule = profile.rule("password_age", policy.max_password_age)
    evidence = Evidence(created_at=login.changed_at)
    credential = _Credential(user_id, user_id, owner_name(account, user_id), evidence)
    yield from _notice(account, PasswordExpired, credential, rule, login.changed_at, at)


def _before(at: datetime, rule: Rule) -> datetime:
    return at - timedelta(days=rule.days)


def _access_key_queries(at: datetime, profile: LifecycleProfile) -> Sequence[DueParameters]:
    """By what an access key's age or its last use is counted for, and the notice about it that was given last, where
    another may follow."""
    return (
        {"fact": "rotation", "stage": "none", "since": _before(at, profile.rotation_warned)},
        {"fact": "rotation", "stage": "rotation_warned", "since": _before(at, profile.rotation_due)},
        {"fact": "rotation", "stage": "rotation_due", "since": _before(at, profile.rotation_overdue)},
        {"fact": "idle", "stage": "none", "since": _before(at, profile.idle)},
    )


register_due_kind(DueKind("access_keys", _access_key_queries, _of_access_key))
# A password counts from the end that its account's policy sets it.
register_due_kind(DueKind("passwords", lambda at, _profile: ({"since": at},), _of_password))


class _Credential(NamedTuple):
    credential_id: str
    owner_id: str
    owner_name: str
    evidence: Evidence


def _notice(
    account: Account,
    event: type[Notice],
    credential: _Credential,
    rule: Rule,
    since: datetime,
    at: datetime,
    /,
    **more: object,
) -> Iterator[Notice]:
    """The notice, if it is due and has not been given. `more` are fields that it alone has."""
    due_at = since + timedelta(days=rule.days)
    if due_at > at or is_recorded(account[NOTICES], credential.credential_id, event.about, due_at):
        return
    yield event.model_validate({**credential._asdict(), "due_at": due_at, "rule": rule, **more})


def expiry_events(account: Account, expiries: Expiries, at: datetime) -> list[Event]:
    """A use for each session that ended by its time, and one change that says how far that is recorded now.

    The mark must not pass a session that is missing here, whose expiry would then be recorded never:

    - one that expired before these. So nothing is recorded unless the mark has come to where they begin;
    - one that was not seen yet. It was issued at `seen_until` at the earliest, or a little before by a round that was
      under way, and lives for 900 seconds at least (STS API Reference, DurationSeconds): it ends later than
      `seen_until`, and that is as far as the mark goes.

    What was revoked before its time has not expired: it was over. A revocation that was not seen yet, of a session
    that was, is in the account; it remembers each for as long as any session lives.
    """
    mark = account[EXPIRIES_RECORDED]
    if expiries.after is not None and (mark is None or mark < expiries.after):
        return []
    until = min(at, expiries.seen_until)
    over = [
        session
        for session in expiries.sessions
        if session.expires_at <= until and (mark is None or mark < session.expires_at)
    ]
    by_time = [
        SessionExpired(
            session_id=session.session_id,
            access_key_id=session.access_key_id,
            principal_arn=session.principal_arn,
            expired_at=session.expires_at,
        )
        for session in over
        if not is_revoked(account[REVOCATIONS], session.session_id, before=session.expires_at)
    ]
    if not by_time:
        return []
    return [*by_time, SessionExpiriesRecorded(up_to=max(session.expires_at for session in over))]
