"""Intervals of violation against a naive reading of the same ledger: every criterion asked of everybody at every
position."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given

from domain.account import Account, AccountCreated, FoldStep, evolve
from domain.compliance.check import CheckCriterion, CheckFinding, checks, holders
from domain.compliance.finding_changes import Criteria
from domain.compliance.frameworks import load_checks
from domain.compliance.intervals import ViolationKey, violations
from domain.compliance.profile_controls import profile_framework
from domain.families.boundaries import PermissionsBoundaryPut
from domain.families.groups import GroupCreated, GroupUpdated, UserAddedToGroup, UserRemovedFromGroup
from domain.families.lifecycle_profiles import LifecycleProfile
from domain.families.policies import PolicyCreated
from domain.families.roles import TrustPolicyReplaced
from domain.families.users import UserCreated, UserDeleted
from domain.foundation.events import Change, Entry
from tests.domain.accounts import ACCOUNT, ALLOW_ALL, AT, CAUSE, policy_arn, trusting
from tests.domain.compliance.accounts import attached, policy, role
from tests.histories import histories

load_checks()
SHORT_DAYS = (3, 80)
"""So that much happens by time in a short history, some of it at the very time of a change."""
NEVER = datetime.max.replace(tzinfo=UTC)


OTHERS: Sequence[tuple[str, Mapping[str, object]]] = (
    ("no_external_access_analyzer", {"regions": ["eu-central-1"]}),
    ("policy_allows_everything", {"exclude_boundaries": True}),
    ("policy_attached", {"exceptions": ["users:[ann;bob]", "roles:[bob]"]}),
    ("policy_not_in_use", {"policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess", "by": "IAM_GROUP"}),
    ("policy_not_in_use", {"policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess", "by": "IAM_ROLE"}),
    ("role_without_policies", {"policy_arns": ["arn:aws:iam::aws:policy/IAMReadOnlyAccess"]}),
    ("user_in_no_group", {"groups": ["ann", "bob"]}),
    ("user_untagged", {"keys": ["a"]}),
)
"""Of which changes alter something that they do not alter without these parameters."""


PROFILE = LifecycleProfile.model_validate(
    {
        "name": "team",
        "version": 1,
        "rules": {
            kind: {"max_age_days": 3, "max_idle_days": 80, "overlap_days": 3}
            for kind in ("access_key", "password", "user")
        },
        "overrides": [
            {"name": "tagged", "tag": {"key": "team", "value": "red"}, "rules": {"access_key": {"max_age_days": 80}}},
            {"name": "below", "path": "/team/", "rules": {"access_key": {"max_age_days": 1}}},
        ],
    }
)


def criteria() -> Criteria:
    every: list[tuple[str, Mapping[str, object]]] = [(each.name, each.parameters({})) for each in checks()]
    short = [(name, {"days": days}) for name, defaults in every if "days" in defaults for days in SHORT_DAYS]
    tried = (CheckCriterion.of(name, parameters) for name, parameters in (*every, *short, *OTHERS))
    profile = profile_framework(PROFILE).criteria
    return Criteria(tuple({each.id: each for each in (*tried, *profile)}.values()))


def steps(ledger: Sequence[Entry]) -> list[FoldStep]:
    found, account = [], Account(ledger[0].account_id)
    for entry in ledger:
        if isinstance(entry.event, Change):
            after = evolve(account, entry)
            found.append((account, entry, after))
            account = after
    return found


@dataclass(frozen=True)
class Told:
    """What an interval is, but for names."""

    key: ViolationKey
    from_position: int
    from_at: datetime
    by_time: bool
    ends_at: datetime | None
    to_position: int | None


@dataclass(frozen=True)
class Piece:
    """Of one key at one position: what is found from there to the next."""

    at: datetime
    next_at: datetime
    next_position: int | None
    found: CheckFinding
    rests_on: tuple[int, datetime]
    """The first position from which on the same was found, and its time."""

    @property
    def since(self) -> datetime:
        assert self.found.since is not None
        return self.found.since

    @property
    def until(self) -> datetime:
        return self.found.until or NEVER


def naive(wanted: Criteria, changes: Sequence[FoldStep]) -> set[Told]:
    states = [
        (entry.position, entry.at, {(c.id, f.subject_id): f for c in wanted.every for f in everything(c, account)})
        for _, entry, account in changes
    ]
    keys = {key for *_, found in states for key in found}
    return {told for key in keys for told in told_of(ViolationKey(*key), pieces(key, states))}


def everything(criterion: CheckCriterion, account: Account) -> Iterator[CheckFinding]:
    for noun in criterion.check.of:
        for holder_id in holders(account, noun):
            yield from (each for each in criterion.findings(account, holder_id) if each.since is not None)


def pieces(
    key: tuple[str, str], states: Sequence[tuple[int, datetime, dict[tuple[str, str], CheckFinding]]]
) -> Iterator[Piece | None]:
    former: CheckFinding | None = None
    rests_on = (0, NEVER)
    for number, (position, at, found) in enumerate(states):
        next_position, next_at, *_ = states[number + 1] if number + 1 < len(states) else (None, NEVER)
        if found.get(key) != former:
            former, rests_on = found.get(key), (position, at)
        yield None if former is None else Piece(at, next_at, next_position, former, rests_on)


def told_of(key: ViolationKey, found: Iterator[Piece | None]) -> Iterator[Told]:
    begun: tuple[int, datetime, bool] | None = None
    last: Piece | None = None
    for piece in [*found, None]:
        goes_on = last is not None and last.next_at < last.until
        if begun is not None and last is not None:
            if piece is not None and goes_on and piece.found.is_violated(piece.at):
                last = piece
                continue
            yield ended(key, begun, last)
            begun = None
        if piece is not None and piece.since <= piece.next_at and piece.at < piece.until:
            position, at = piece.rests_on
            begun = position, max(piece.since, at), piece.since > at
        last = piece


def ended(key: ViolationKey, begun: tuple[int, datetime, bool], last: Piece) -> Told:
    if last.until <= last.next_at:
        return Told(key, *begun, None if last.until == NEVER else last.until, None)
    return Told(key, *begun, last.next_at, last.next_position)


@given(histories(calls_max=60))
def test_intervals_equal_the_naive_reading(ledger: Sequence[Entry]) -> None:
    wanted, changes = criteria(), steps(ledger)
    found = violations(wanted, changes)
    told = [Told(v.key, v.from_position, v.from_at, v.by_time, v.ends_at, v.to_position) for v in found]
    assert len(set(told)) == len(told)
    assert set(told) == naive(wanted, changes)


def test_events_concern_others_than_they_name() -> None:
    """The new name of a group those who are in it; a boundary that is replaced, or that goes with its user, the policy
    that it was."""
    user, group, bounded = (
        {"user_id": "AIDAann", "user_name": "ann"},
        {"group_id": "AGPAteam", "group_name": "team"},
        {"entity": "user", "entity_id": "AIDAann", "entity_name": "ann", "policy_id": "-"},
    )
    events: Sequence[Change] = (
        AccountCreated(ledger_id="l", kind="live", partition="aws", schema_version=1),
        UserCreated(**user, path="/"),
        GroupCreated(**group, path="/"),
        UserAddedToGroup(**user, **group),
        *(
            PolicyCreated(policy_id="-", policy_arn=policy_arn(name), policy_name=name, path="/", document=ALLOW_ALL)
            for name in ("one", "two")
        ),
        GroupUpdated(**group, new_group_name="crew", new_path="/"),
        PermissionsBoundaryPut.model_validate({**bounded, "policy_arn": policy_arn("one")}),
        PermissionsBoundaryPut.model_validate({**bounded, "policy_arn": policy_arn("two")}),
        UserRemovedFromGroup(**user, **group),
        UserDeleted(**user),
    )
    changes = steps(
        [Entry(ACCOUNT, n, "e", AT + timedelta(hours=n), CAUSE, event) for n, event in enumerate(events, 1)]
    )
    given: Sequence[tuple[str, Mapping[str, object]]] = (
        ("user_in_no_group", {"groups": ["team"]}),
        ("policy_allows_everything", {"exclude_boundaries": True}),
    )
    wanted = Criteria(tuple(CheckCriterion.of(name, parameters) for name, parameters in given))
    told = {
        Told(v.key, v.from_position, v.from_at, v.by_time, v.ends_at, v.to_position)
        for v in violations(wanted, changes)
    }
    assert told == naive(wanted, changes)
    assert {(each.key.subject_id, each.from_position, each.to_position) for each in told} >= {
        ("AIDAann", 7, 11), (policy_arn("one"), 5, 8), (policy_arn("one"), 9, None), (policy_arn("two"), 11, None),
    }  # fmt: skip


def test_a_policy_is_in_use_by_what_its_holders_are() -> None:
    """A group with nobody in it does not use it, nor does a role that nobody may assume."""
    user, group = {"user_id": "AIDAann", "user_name": "ann"}, {"group_id": "AGPAteam", "group_name": "team"}
    nobody = trusting(ACCOUNT, Effect="Deny")
    events: Sequence[Change] = (
        AccountCreated(ledger_id="l", kind="live", partition="aws", schema_version=1),
        UserCreated(**user, path="/"),
        GroupCreated(**group, path="/"),
        policy("one", ALLOW_ALL),
        attached("group", "AGPAteam", policy_arn("one")),
        UserAddedToGroup(**user, **group),
        UserRemovedFromGroup(**user, **group),
        role("ops", nobody),
        attached("role", "AROAops", policy_arn("one")),
        TrustPolicyReplaced(role_id="AROAops", role_name="ops", trust_policy=trusting(ACCOUNT), trusted={}),
    )
    changes = steps([Entry(ACCOUNT, n, "e", AT, CAUSE, event) for n, event in enumerate(events, 1)])
    wanted = Criteria((CheckCriterion.of("policy_not_in_use", {"policy_arn": policy_arn("one")}),))
    assert [(each.from_position, each.to_position) for each in violations(wanted, changes)] == [(1, 6), (7, 10)]
