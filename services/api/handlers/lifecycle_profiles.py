"""Which lifecycle profile an account's credentials live by, another in its place, and what that would do."""

import re
from collections.abc import Iterator
from datetime import timedelta

from domain.account import Account
from domain.calls import Outcome
from domain.families.lifecycle_profiles import (
    LIFECYCLE_PROFILE,
    LIFECYCLE_PROFILE_VERSIONS,
    LifecycleProfile,
    LifecycleProfileRemoved,
    LifecycleProfileSet,
)
from domain.foundation.errors import NoSuchEntity
from domain.foundation.moments import AsOf
from domain.foundation.nearest import nearest
from domain.queries.lifecycle_forecast import ForecastNotice, ForecastRow, compare_profiles
from domain.rules.lifecycle_profiles import (
    BUILT_IN_PROFILES,
    organization_profiles,
    profile_in_force,
    remove_profile,
    set_profile,
)
from projections.queries.ledger_positions import resolve_in_ledger
from services.api.contract.lifecycle_profiles import (
    BUILT_IN,
    ForecastByProfile,
    ForecastCredential,
    ForecastLifecycle,
    LifecycleForecast,
    ProfileEffect,
    RemoveLifecycleProfile,
    SetLifecycleProfile,
    ShowLifecycleProfile,
    ShownProfile,
    profile_of,
)
from services.api.contract.page_markers import make_marker
from services.api.handlers.handler import AnswerContext, decided_position, decides, handles
from services.api.handlers.requester import Requester

VERSIONS_READ = 200
"""At once."""
_VERSION = re.compile(r"(?P<name>[^@]+)(@(?P<version>[1-9][0-9]{0,8}))?")


@handles(ShowLifecycleProfile)
def answer_show_lifecycle_profile(question: ShowLifecycleProfile, context: AnswerContext) -> ShownProfile:
    moment = resolve_in_ledger(context.cursor, context.account_id, context.as_of)
    account = context.own(moment.position)
    in_force = profile_in_force(account)
    found, source = in_force
    if question.name is not None:
        found, source = _named(context, account, question.name, moment.position)
    return ShownProfile(
        account_id=account.id, profile=found, source=source, in_force=(found, source) == tuple(in_force)
    )


def _named(context: AnswerContext, account: Account, given: str, position: int) -> tuple[LifecycleProfile, str]:
    """Raises NoSuchEntity."""
    form = _VERSION.fullmatch(given)
    name, version = (given, None) if form is None else (form["name"], form["version"])
    known = list(_known(account))
    for profile, source in known:
        if profile.name == name and version in {None, str(profile.version)}:
            return profile, source
    if version is not None and name in account[LIFECYCLE_PROFILE_VERSIONS]:
        for profile in _versions(context, account.id, position):
            if (profile.name, str(profile.version)) == (name, version):
                return profile, account.id
    names = dict.fromkeys(profile.name for profile, _ in known)
    raise NoSuchEntity(
        f"Account {account.id} has had no lifecycle profile {given}: expected one of {', '.join(names)}, or "
        f"NAME@VERSION of a version that it has had.{nearest(name, names)}"
    )


def _known(account: Account) -> Iterator[tuple[LifecycleProfile, str]]:
    """The account's own first; of each name the newest version."""
    own = account[LIFECYCLE_PROFILE]
    if own is not None:
        yield own, account.id
    yield from organization_profiles(account)
    yield from ((each, BUILT_IN) for each in BUILT_IN_PROFILES.values())
    yield from ((each, account.id) for each in account[LIFECYCLE_PROFILE_VERSIONS].values())


def _versions(context: AnswerContext, account_id: str, position: int) -> Iterator[LifecycleProfile]:
    """All that the account has set until then."""
    after = 0
    while entries := context.past.changes_of_topic(
        context.cursor, account_id, LifecycleProfileSet.topic, after=after, limit=VERSIONS_READ
    ):
        for entry in entries:
            if entry.position > position:
                return
            if isinstance(entry.event, LifecycleProfileSet):
                yield entry.event.profile
        after = entries[-1].position


@decides(SetLifecycleProfile)
def decide_set_lifecycle_profile(question: SetLifecycleProfile, account: Account, _requester: Requester) -> Outcome:
    """Raises ValidationError and LimitExceeded."""
    return _outcome(account, set_profile(account, profile_of(question.profile)))


@decides(RemoveLifecycleProfile)
def decide_remove_lifecycle_profile(
    _question: RemoveLifecycleProfile, account: Account, _requester: Requester
) -> Outcome:
    """Raises NoSuchEntity."""
    return _outcome(account, (remove_profile(account),))


def _outcome(account: Account, events: tuple[LifecycleProfileSet | LifecycleProfileRemoved, ...]) -> Outcome:
    return Outcome(lambda _after: {"before": account.position, "topic": events[0].topic if events else None}, events)


@handles(SetLifecycleProfile)
def answer_set_lifecycle_profile(_question: SetLifecycleProfile, context: AnswerContext) -> ProfileEffect:
    return _effect(context)


@handles(RemoveLifecycleProfile)
def answer_remove_lifecycle_profile(_question: RemoveLifecycleProfile, context: AnswerContext) -> ProfileEffect:
    return _effect(context)


def _effect(context: AnswerContext) -> ProfileEffect:
    position = decided_position(context)
    now = resolve_in_ledger(context.cursor, context.account_id, context.as_of).position
    in_force, source = profile_in_force(context.own(now))
    return ProfileEffect(account_id=context.account_id, in_force=in_force, source=source, position=position)


@handles(ForecastLifecycle)
def answer_forecast_lifecycle(question: ForecastLifecycle, context: AnswerContext) -> LifecycleForecast:
    first, pinned = question.place or (0, None)
    as_of = context.as_of
    if pinned is not None and question.moment is None:
        as_of = AsOf(as_of.now, position=pinned)
    moment = resolve_in_ledger(context.cursor, context.account_id, as_of)
    account = context.own(moment.position)
    events = set_profile(account, profile_of(question.profile))
    proposed = events[0].profile if events else account[LIFECYCLE_PROFILE]
    assert proposed is not None
    until = moment.at + timedelta(days=question.days)
    found = compare_profiles(account, proposed, moment.at, until)
    rows = [row for row in found if question.unchanged or row.change != "none"]
    page = rows[first : first + question.limit]
    end = first + len(page)
    return LifecycleForecast(
        account_id=account.id,
        limit=question.limit,
        marker=make_marker("ForecastLifecycle", end, moment.position) if end < len(rows) else None,
        at=moment.at,
        until=until,
        proposed=str(proposed),
        in_force=str(profile_in_force(account).profile),
        rows=tuple(map(_told, page)),
    )


def _told(row: ForecastRow) -> ForecastCredential:
    return ForecastCredential(
        kind=row.kind,
        credential_id=row.credential_id,
        owner_id=row.owner_id,
        owner_name=row.owner_name,
        what=row.what,
        change=row.change,
        proposed=_by_profile(row.proposed),
        in_force=_by_profile(row.in_force),
    )


def _by_profile(noticed: ForecastNotice | None) -> ForecastByProfile | None:
    if noticed is None:
        return None
    return ForecastByProfile(
        at=noticed.at,
        due_at=noticed.due_at,
        rule=noticed.rule.name,
        days=noticed.rule.days,
        override=noticed.rule.override,
        protects=noticed.protects,
    )
