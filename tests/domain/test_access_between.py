"""Intervals of access: what they say of each moment is what is answered about that moment."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from domain.families.credential_use import CredentialUsed
from domain.families.groups import GroupUpdated, UserAddedToGroup
from domain.families.organization import OrganizationMembership, OrganizationPoliciesApplied
from domain.families.policies import InlinePolicyPut, PolicyAttached, PolicyVersionCreated
from domain.families.roles import ROLES, TrustPolicyReplaced
from domain.families.tags import EntityTagged
from domain.families.users import USERS
from domain.foundation.events import Change, Entry
from domain.foundation.intervals import Interval, IntervalBound, Step, intervals
from domain.policy import Layer, Possibility
from domain.queries.access import Access, can_assume, who_can
from domain.queries.access_between import (
    AccessInquiry,
    ActionInquiry,
    AssumeRoleInquiry,
    PrincipalKey,
    TimedAccess,
    access_between,
    is_same_access,
    merge_ledgers,
)
from domain.queries.held_between import all_held_between, held_between, policies_held
from domain.queries.named import find_role
from tests.domain.accounts import (
    ALLOW_ALL,
    AT,
    CAUSE,
    after,
    document,
    new_account,
    policy_arn,
    trusting,
    with_groups,
    with_policies,
    with_role,
    with_users,
)
from tests.histories import folded, histories
from tests.people import people
from tests.steps import ACCOUNT

K = TypeVar("K")
V = TypeVar("V")
COMMON = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
RESOURCES = st.sampled_from(["*", f"arn:aws:iam::{ACCOUNT}:user/ann", f"arn:aws:iam::{ACCOUNT}:role/ops"])
ACTIONS = st.sampled_from(["iam:DeleteUser", "iam:ChangePassword", "sts:AssumeRole"])
WORK_MAX = 1_000_000
ALLOWED = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}


def contains(interval: Interval[K, V], moment: Entry) -> bool:
    """Whether the account was within it right after the entry."""

    def has_come(end: IntervalBound | None) -> bool:
        if isinstance(end, Entry):
            return end.position <= moment.position
        return end is None or end <= moment.at

    return has_come(interval.opened) and not (interval.closed is not None and has_come(interval.closed))


def changes(ledger: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in ledger if isinstance(entry.event, Change)]


def span(data: DataObject, ledger: Sequence[Entry]) -> tuple[int, int]:
    """The positions of its first and last moment. It may begin before the account, or with it, or with its people."""
    first = min(data.draw(st.sampled_from([0, 4, 14])), len(ledger))
    return first, data.draw(st.just(len(ledger)) | st.integers(max(first, 1), len(ledger)))


def asked(
    inquiry: AccessInquiry, ledger: Sequence[Entry], first: int, last: int
) -> list[Interval[PrincipalKey, TimedAccess]]:
    steps = access_between(
        inquiry,
        {ACCOUNT: folded(ledger[:first])},
        ledger[max(first, 1) - 1].at,
        changes(ledger[first:last]),
        ledger[last - 1].at,
    )
    return list(intervals(steps, WORK_MAX, is_same_access).intervals)


def expect_neighbours(found: Sequence[Interval[K, V]]) -> None:
    """Those of a key follow one another and share nothing; what follows at once says something else."""
    for earlier, later in pairwise(found):
        if earlier.key == later.key:
            assert earlier.closed is not None
            assert later.opened is not None
            if earlier.closed == later.opened:
                assert earlier.value != later.value


def expect(found: Sequence[Interval[PrincipalKey, TimedAccess]], moment: Entry, answers: Iterable[Access]) -> None:
    told = {interval.key[1]: interval.value for interval in found if contains(interval, moment)}
    expected = {access.entity_id: TimedAccess(access, complete=True) for access in answers}
    assert told.keys() == expected.keys()
    assert all(is_same_access(told[entity_id], expected[entity_id]) for entity_id in told)


@COMMON
@given(histories(first=[people]), ACTIONS, RESOURCES, st.data())
def test_who_could_is_who_can_at_every_position(
    ledger: list[Entry], action: str, resource: str, data: DataObject
) -> None:
    """Whatever has happened and whatever time has done: the intervals that contain a position say what is answered as
    of the position, and no two of a principal's overlap."""
    first, last = span(data, ledger)
    found = asked(ActionInquiry(ACCOUNT, action, resource), ledger, first, last)
    expect_neighbours(found)
    for moment in ledger[max(first, 1) - 1 : last]:
        account = folded(ledger[: moment.position])
        expect(found, moment, who_can(account, action, resource, moment.at))


@COMMON
@given(histories(first=[people]), st.sampled_from(["ops", f"arn:aws:iam::{ACCOUNT}:role/ann"]), st.data())
def test_could_assume_is_can_assume_at_every_position(ledger: list[Entry], name: str, data: DataObject) -> None:
    """The same of a role, which may come and go within the span."""
    first, last = span(data, ledger)
    found = asked(AssumeRoleInquiry(ACCOUNT, name), ledger, first, last)
    expect_neighbours(found)
    for moment in ledger[max(first, 1) - 1 : last]:
        account = folded(ledger[: moment.position])
        role = find_role(account, name)
        expect(found, moment, () if role is None else can_assume(account, role, [], moment.at))


@COMMON
@given(histories(first=[people]), st.sampled_from(["ann", "BOB", "ops"]), st.data())
def test_what_was_held_is_what_is_held_at_every_position(ledger: list[Entry], name: str, data: DataObject) -> None:
    """The policies of whoever had a name, through renames and through its groups."""
    first, last = span(data, ledger)
    steps = held_between(folded(ledger[:first]), ledger[max(first, 1) - 1].at, changes(ledger[first:last]), name)
    found = intervals(steps, WORK_MAX).intervals
    expect_neighbours(found)
    for moment in ledger[max(first, 1) - 1 : last]:
        told = {interval.key: interval.value for interval in found if contains(interval, moment)}
        assert told == policies_held(folded(ledger[: moment.position]), name)


@COMMON
@given(histories(first=[people]), st.data())
def test_what_everybody_held_is_what_each_held_at_every_position(ledger: list[Entry], data: DataObject) -> None:
    """Though only those are looked at again whom a change concerns."""
    first, last = span(data, ledger)
    steps = all_held_between(folded(ledger[:first]), ledger[max(first, 1) - 1].at, changes(ledger[first:last]))
    found = intervals(steps, WORK_MAX).intervals
    expect_neighbours(found)
    for moment in ledger[max(first, 1) - 1 : last]:
        account = folded(ledger[: moment.position])
        told = {interval.key: interval.value for interval in found if contains(interval, moment)}
        everybody = [*account[USERS].by_id, *account[ROLES].by_id]
        held = {key: text for each in everybody for key, text in policies_held(account, each).items()}
        assert told == {key: text for key, text in held.items() if key.layer is not Layer.SCP}


def test_answers_are_made_again_only_where_they_may_be_others() -> None:
    """A change that no answer depends on costs itself; one that concerns a user that user's answer; who holds a policy
    pays for its new default version; only what concerns everybody asks everybody."""
    account = with_policies(with_users(with_groups(new_account(), "all"), "ann", "bob", "eve"), "p")
    everybody = 4
    arn, of_all = policy_arn("p"), {"entity": "group", "entity_id": "AGPAall", "entity_name": "all"}
    events: list[tuple[Change, int]] = [
        (CredentialUsed(credential="access_key", credential_id="AKIA", service="iam", region="us-east-1"), 0),
        (UserAddedToGroup(group_id="AGPAall", group_name="all", user_id="AIDAann", user_name="ann"), 1),
        (PolicyVersionCreated(policy_arn=arn, version=2, document=ALLOW_ALL, is_default=True), 0),
        (PolicyAttached(**of_all, policy_id="ANPAp", policy_arn=arn), 1),
        (PolicyVersionCreated(policy_arn=arn, version=3, document=ALLOW_ALL, is_default=True), 1),
        (PolicyVersionCreated(policy_arn=arn, version=4, document=ALLOW_ALL, is_default=False), 0),
        (EntityTagged(entity="user", entity_id="AIDAbob", entity_name="bob", tags={"a": "b"}), 1),
        (
            OrganizationPoliciesApplied(membership=OrganizationMembership("o-exampleorgid", "210987654321", ())),
            everybody,
        ),
    ]
    entries = [
        Entry(account.id, number, "e", AT, CAUSE, event)
        for number, (event, _) in enumerate(events, account.position + 1)
    ]
    steps = access_between(ActionInquiry(account.id, "iam:GetUser", "*"), {account.id: account}, AT, entries, AT)
    assert [step.work for step in steps] == [1 + everybody, *(1 + answers for _, answers in events)]


def test_a_group_that_is_called_otherwise() -> None:
    """Its members have what they had through the new name. Only they are looked at again; of others nothing is."""
    account = with_users(with_groups(new_account(), "all"), "ann", "bob")
    account = after(
        account,
        UserAddedToGroup(group_id="AGPAall", group_name="all", user_id="AIDAann", user_name="ann"),
        InlinePolicyPut(
            entity="group", entity_id="AGPAall", entity_name="all", policy_name="own", document=document(ALLOWED)
        ),
    )
    renamed = GroupUpdated(group_id="AGPAall", group_name="all", new_group_name="few", new_path="/")
    entry = Entry(account.id, account.position + 1, "e", AT, CAUSE, renamed)
    steps = list(all_held_between(account, AT, [entry]))
    assert [step.work for step in steps] == [1, 1 + 1]
    told = [
        (found.key.entity_id, found.value.through, found.opened, found.closed)
        for found in intervals(steps, WORK_MAX).intervals
    ]
    assert told == [("AIDAann", "all", None, entry), ("AIDAann", "few", entry, None)]


def test_time_opens_and_closes() -> None:
    """A condition on the time lets somebody in for one second, and the interval says that it was time, and when."""
    allowed = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
    second = {"DateEquals": {"aws:CurrentTime": (AT + timedelta(seconds=10)).isoformat()}}
    account = with_users(new_account(), "ann")
    account = after(account, written("ann", document({**allowed, "Condition": second})))
    steps = access_between(
        ActionInquiry(account.id, "iam:GetUser", "*"), {account.id: account}, AT, [], AT + timedelta(minutes=1)
    )
    ends = [
        (interval.opened, interval.closed)
        for interval in intervals(steps, WORK_MAX, is_same_access).intervals
        if interval.value.access.possible.possibility is Possibility.CERTAIN and interval.key[1] == "AIDAann"
    ]
    assert ends == [(AT + timedelta(seconds=10), AT + timedelta(seconds=11))]


def test_what_time_may_change_unseen_is_said() -> None:
    """A pattern for the text of a time may match in any second: whoever depends on it is not told as complete."""
    pattern = {"StringLike": {"aws:CurrentTime": "2026-*-31T*"}}
    statement = {"Effect": "Allow", "Action": "iam:*", "Resource": "*", "Condition": pattern}
    account = after(with_users(new_account(), "ann", "bob"), written("ann", document(statement)))
    steps = access_between(ActionInquiry(account.id, "iam:GetUser", "*"), {account.id: account}, AT, [], AT)
    told = {
        interval.key[1]: interval.value.complete for interval in intervals(steps, WORK_MAX, is_same_access).intervals
    }
    assert told == {account.id: True, "AIDAann": False, "AIDAbob": True}


def test_other_accounts_are_followed_by_time() -> None:
    """A user of another account gets its half of the permission there; a trust policy lets that account in and out."""
    other = "210987654321"
    home = with_role(new_account(), "ops", trusting(ACCOUNT))
    away = replace(with_users(new_account(), "eve"), id=other, position=home.position)
    trusts, refuses = (
        TrustPolicyReplaced(role_id="AROAops", role_name="ops", trust_policy=trusting(account_id), trusted={})
        for account_id in (other, ACCOUNT)
    )
    allowed = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    at = [AT + timedelta(minutes=minutes) for minutes in range(5)]
    position = home.position
    at_home = [
        Entry(home.id, position + 1, "e", at[1], CAUSE, trusts),
        Entry(home.id, position + 2, "e", at[3], CAUSE, refuses),
    ]
    elsewhere = [Entry(other, position + 1, "e", at[2], CAUSE, written("eve", allowed))]
    steps = access_between(
        AssumeRoleInquiry(home.id, "ops"), {home.id: home, other: away}, AT, merge_ledgers(at_home, elsewhere), at[4]
    )
    eves = [row for row in intervals(steps, WORK_MAX, is_same_access).intervals if row.key == (other, "AIDAeve")]
    assert [(row.opened, row.closed, row.value.access.possible.possibility) for row in eves] == [
        (at_home[0], elsewhere[0], Possibility.IMPOSSIBLE),
        (elsewhere[0], at_home[1], Possibility.CERTAIN),
    ]


def test_work_stops_between_two_times() -> None:
    """What is told is true up to the time at which it stopped, of which nothing is left out; whoever goes on from there
    has the rest."""
    times = [AT, AT, AT + timedelta(1), AT + timedelta(1), AT + timedelta(2)]
    steps = [Step(at, at, {"key": number}) for number, at in enumerate(times)]
    found = intervals(steps, 3)
    assert found.stopped_at == times[3]
    assert [interval.value for interval in found.intervals] == [0, 1, 2, 3]
    assert intervals(steps, len(steps)).stopped_at is None


def written(user: str, text: str) -> InlinePolicyPut:
    return InlinePolicyPut(entity="user", entity_id=f"AIDA{user}", entity_name=user, policy_name="own", document=text)
