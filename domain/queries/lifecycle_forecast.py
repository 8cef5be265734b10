"""What another lifecycle profile would make of an account's credentials, and when: the scheduler's own decisions,
ahead of time, beside those of the profile in force."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Literal

from domain.account import Account
from domain.families.exemptions import exemptions_of
from domain.families.lifecycle_profiles import LIFECYCLE_PROFILE, LifecycleProfile
from domain.families.notices import (
    NOTICES,
    CredentialDeactivatedByPolicy,
    CredentialDeletedByPolicy,
    ExpiryWarned,
    Notice,
    PolicyActionWithheld,
    Protection,
    Rule,
    is_recorded,
)
from domain.foundation.credential_kind import CredentialKind
from domain.foundation.errors import LimitExceeded
from domain.queries.credential_lives import credential_holders
from domain.queries.protected_credentials import protection
from domain.rules.lifecycle import LifecycleCandidates, due_events, milestones, subject_name
from domain.rules.lifecycle_profiles import profile_in_force

HOLDERS_MAX = 20_000
"""Of whose credentials one forecast tells: an account may have that many users and roles at IAM's highest quotas."""
EVENTS_MAX = 100_000


ForecastChange = Literal["added", "dropped", "moved", "none"]


@dataclass(frozen=True, slots=True)
class ForecastNotice:
    """What would be recorded of a credential, if nobody does anything and nobody uses it until then."""

    at: datetime
    """When: at once where it has been due for a while."""
    due_at: datetime
    rule: Rule
    protects: Protection | None
    """Why an action would be withheld."""


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """A notice by two profiles; None where by one of them there would be none."""

    kind: CredentialKind
    credential_id: str
    owner_id: str
    owner_name: str
    what: str
    """The notice's own name: rotation_due, deactivated, withheld."""
    proposed: ForecastNotice | None
    in_force: ForecastNotice | None

    @property
    def change(self) -> ForecastChange:
        """What difference it makes which of them is in force, whatever they are called."""
        if self.proposed is None:
            return "dropped"
        if self.in_force is None:
            return "added"
        return "none" if self.proposed.due_at == self.in_force.due_at else "moved"


_ACTS = {CredentialDeactivatedByPolicy, CredentialDeletedByPolicy}
_Place = tuple[CredentialKind, str, str, str]


def compare_profiles(account: Account, proposed: LifecycleProfile, at: datetime, until: datetime) -> list[ForecastRow]:
    """By time, what either profile would have recorded from now until then. Raises LimitExceeded."""
    by_either = [
        {_place(event): (event, noticed) for event, noticed in forecast(account, profile, at, until)}
        for profile in (proposed, profile_in_force(account).profile)
    ]
    rows = [_row(place, *by_either) for place in {**by_either[0], **by_either[1]}]
    return sorted(rows, key=lambda row: (_first_at(row), row.owner_name, row.kind, row.credential_id, row.what))


def forecast(
    account: Account, profile: LifecycleProfile, at: datetime, until: datetime
) -> Iterator[tuple[Notice, ForecastNotice]]:
    """What ticks would record if the profile were in force from now on, each within a tick of its time. Raises
    LimitExceeded."""
    holders = [] if account.closed_at is not None else list(credential_holders(account))
    if len(holders) > HOLDERS_MAX:
        raise LimitExceeded(
            f"A forecast is of at most {HOLDERS_MAX} users, roles and certificates; got {len(holders)}."
        )
    account = account.put(LIFECYCLE_PROFILE, profile)
    for told, each in enumerate(_in_any_order(account, holders, at, until), 1):
        if told > EVENTS_MAX:
            raise LimitExceeded(f"A forecast has at most {EVENTS_MAX} notices: expected a shorter time.")
        yield each


def _in_any_order(
    account: Account, holders: Sequence[str], at: datetime, until: datetime
) -> Iterator[tuple[Notice, ForecastNotice]]:
    """First those of whom nothing is done: what is told of them changes nothing. The others one by one, for what is
    done to one may keep another from being done."""
    acted_on = list[str]()
    for holder in holders:
        ahead = list(milestones(account, holder, at))
        if exemptions_of(account, holder) or any(each.notice in _ACTS for each in ahead):
            acted_on.append(holder)
            continue
        name = subject_name(account, holder)
        for event in (each.event(name) for each in ahead if each.due_at <= until):
            if not is_recorded(account[NOTICES], event.credential_id, event.key, event.due_at):
                yield event, ForecastNotice(max(at, event.due_at), event.due_at, event.rule, None)
    yield from _in_order(account, acted_on, at, until)


def _in_order(
    account: Account, holders: Sequence[str], at: datetime, until: datetime
) -> Iterator[tuple[Notice, ForecastNotice]]:
    """Tick by tick."""
    waking = [(at, holder) for holder in holders]
    heapify(waking)
    while waking:
        now, holder = heappop(waking)
        due = due_events(account, LifecycleCandidates(subjects=(holder,)), now, protection)
        account = due.account
        for event in due.events:
            if isinstance(event, Notice):
                protects = event.protects if isinstance(event, PolicyActionWithheld) else None
                yield event, ForecastNotice(now, event.due_at, event.rule, protects)
        following = _next_time(account, holder, now)
        if following is not None and following <= until:
            heappush(waking, (following, holder))


def _next_time(account: Account, holder: str, at: datetime) -> datetime | None:
    """When something becomes due next without any use. What is withheld is not asked again until then: as time passes
    fewer credentials work, and not more."""
    times = [each.due_at for each in milestones(account, holder, at)]
    times += [each.until for each in exemptions_of(account, holder).values()]
    return min((time for time in times if time > at), default=None)


def _place(event: Notice) -> _Place:
    """The same by both profiles, though it is told after so many more days; of an end, warnings are so long before."""
    detail = str(event.rule.days) if isinstance(event, ExpiryWarned) else event.detail
    return event.credential, event.credential_id, event.about, detail


_Noticed = Mapping[_Place, tuple[Notice, ForecastNotice]]


def _row(place: _Place, proposed: _Noticed, in_force: _Noticed) -> ForecastRow:
    event = (proposed.get(place) or in_force[place])[0]
    return ForecastRow(
        kind=event.credential,
        credential_id=event.credential_id,
        owner_id=event.owner_id,
        owner_name=event.owner_name,
        what=event.about,
        proposed=proposed[place][1] if place in proposed else None,
        in_force=in_force[place][1] if place in in_force else None,
    )


def _first_at(row: ForecastRow) -> datetime:
    return min(each.at for each in (row.proposed, row.in_force) if each is not None)
