"""What another lifecycle profile would make of an account's credentials, and when: the scheduler's own decisions,
ahead of time, beside those of the profile in force."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Literal

from domain.account import Account
from domain.credential_kinds import CredentialKind
from domain.families.exemptions import exemptions_of
from domain.families.lifecycle_profiles import LIFECYCLE_PROFILE, LifecycleProfile
from domain.families.notices import Notice, PolicyActionWithheld, Protection, Rule
from domain.foundation.errors import LimitExceeded
from domain.queries.credential_lives import credential_holders
from domain.queries.protected_credentials import protection
from domain.rules.lifecycle import LifecycleCandidates, due_events, milestones
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


_Place = tuple[CredentialKind, str, str]


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
    """What ticks would record if the profile were in force from now on, in that order, each within a tick of its time.
    Raises LimitExceeded."""
    account = account.put(LIFECYCLE_PROFILE, profile)
    waking = [(at, holder) for holder in credential_holders(account)]
    if len(waking) > HOLDERS_MAX:
        raise LimitExceeded(f"A forecast is of at most {HOLDERS_MAX} users, roles and certificates; got {len(waking)}.")
    heapify(waking)
    told = 0
    while waking and account.closed_at is None:
        now, holder = heappop(waking)
        due = due_events(account, LifecycleCandidates(subjects=(holder,)), now, protection)
        account = due.account
        for event in due.events:
            if isinstance(event, Notice):
                protects = event.protects if isinstance(event, PolicyActionWithheld) else None
                yield event, ForecastNotice(now, event.due_at, event.rule, protects)
                told += 1
        if told > EVENTS_MAX:
            raise LimitExceeded(f"A forecast has at most {EVENTS_MAX} notices: expected a shorter time.")
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
    return event.credential, event.credential_id, event.key


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
