"""What two values differ in, told fact by fact."""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from immutables import Map

from domain.account import Account
from domain.descent import ACTIVATIONS, DESCENTS, MADE
from domain.facts import Fact, subjects
from domain.families.access_keys import ACCESS_KEYS, AccessKey, AccessKeyCreated, AccessKeyDeleted
from domain.families.access_reviews import ACCESS_REVIEWS
from domain.families.analyzers import ANALYZERS, Analyzer
from domain.families.boundaries import BOUNDARIES
from domain.families.compliance_frameworks import COMPLIANCE_FRAMEWORKS, ENDED_ADOPTIONS, VIOLATIONS_RECORDED
from domain.families.containment import REACHED_ACCOUNTS
from domain.families.credential_use import LAST_USES
from domain.families.groups import MEMBERSHIPS
from domain.families.key_rotations import KEY_ROTATIONS
from domain.families.leak_reports import LEAK_REPORTS
from domain.families.mfa_devices import MFA_DEVICES
from domain.families.notices import NOTICES, POLICY_DEACTIVATIONS
from domain.families.passwords import LOGIN_PROFILES
from domain.families.policies import (
    ATTACHMENTS,
    MANAGED_POLICIES,
    InlinePolicyDeleted,
    InlinePolicyPut,
    ManagedPolicy,
    PolicyCreated,
    PolicyVersionCreated,
)
from domain.families.reports import CREDENTIAL_REPORT, ORGANIZATION_ACCESS_JOBS, SERVICE_ACCESS_JOBS
from domain.families.roles import ROLES, TRUST_HISTORIES
from domain.families.service_linked_roles import DELETION_TASKS
from domain.families.sessions import EXPIRIES_RECORDED, REVOCATION_FACT, REVOCATIONS, Revocations, SessionRevoked
from domain.families.tags import EntityTagged, EntityUntagged
from domain.families.trails import TRAIL_KEYS, TRAILS
from domain.families.user_credentials import USER_CREDENTIALS, UserCredential
from domain.families.users import UserCreated, UserUpdated
from domain.foundation.events import Change, Entry
from domain.foundation.many_to_many import ManyToMany
from domain.policy import written_out
from domain.queries.diff import Difference, changed_facts, differences
from tests.domain.accounts import AT, CAUSE, after, new_account, with_users
from tests.histories import folded, histories
from tests.people import people

C = TypeVar("C", AccessKey, UserCredential)
COMMON = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
CHANGES_MAX = 1_000


def _analyzer(analyzer: Analyzer) -> Analyzer:
    """Without times that follow from changes, and without rules that are gone."""
    rules = {name: replace(rule, created_at=AT, updated_at=AT) for name, rule in analyzer.rules.items()}
    return replace(analyzer, created_at=AT, rules=Map(rules), retired=())


def without_bookkeeping(account: Account, revoked: frozenset[str]) -> Account:
    """The account as far as two are to be told apart; `revoked` are the sessions that ever were."""
    policies = {arn: _policy(policy) for arn, policy in account[MANAGED_POLICIES].items()}
    logins = {
        user_id: replace(login, failed_attempts=0, failed_at=None, earlier=())
        for user_id, login in account[LOGIN_PROFILES].items()
    }
    devices = {
        arn: replace(device, last_step=-1, drift=0, failed_attempts=0, failed_at=None)
        for arn, device in account[MFA_DEVICES].by_arn.items()
    }
    account = account.put(MFA_DEVICES, replace(account[MFA_DEVICES], by_arn=Map(devices)))
    frameworks = account[COMPLIANCE_FRAMEWORKS]
    keys, roles, credentials = account[ACCESS_KEYS], account[ROLES], account[USER_CREDENTIALS]
    trusting = {role.id: replace(role, trust_policy=_in_one_order(role.trust_policy)) for role in roles}
    for relation in (MEMBERSHIPS, ATTACHMENTS, BOUNDARIES):
        account = account.put(relation, _pairs(account[relation]))
    bare = (
        account.put(MANAGED_POLICIES, Map(policies))
        .put(ACCESS_KEYS, replace(keys, by_id=_unchanged(keys.by_id), owned=_pairs(keys.owned)))
        .put(USER_CREDENTIALS, replace(credentials, by_id=_unchanged(credentials.by_id)))
        .put(LOGIN_PROFILES, Map(logins))
        .put(ROLES, replace(roles, by_id=Map(trusting)))
        .put(ANALYZERS, Map({arn: _analyzer(each) for arn, each in account[ANALYZERS].items()}))
        .put(TRUST_HISTORIES, Map())
        .put(LAST_USES, Map())
        .put(REVOCATIONS, Revocations(AT, Map(dict.fromkeys(revoked, AT))))
        .put(EXPIRIES_RECORDED, None)
        .put(VIOLATIONS_RECORDED, None)
        .put(ENDED_ADOPTIONS, ())
        .put(COMPLIANCE_FRAMEWORKS, Map({name: replace(each, adopted_at=AT) for name, each in frameworks.items()}))
        .put(NOTICES, Map())
        .put(POLICY_DEACTIVATIONS, Map())
        .put(LEAK_REPORTS, Map())
        .put(KEY_ROTATIONS, Map())
        .put(DESCENTS, Map())
        .put(ACTIVATIONS, Map())
        .put(MADE, Map())
        .put(REACHED_ACCOUNTS, Map())
        .put(ACCESS_REVIEWS, Map())
        .put(DELETION_TASKS, Map())
        .put(TRAILS, Map())
        .put(TRAIL_KEYS, ())
        .put(CREDENTIAL_REPORT, None)
        .put(SERVICE_ACCESS_JOBS, SERVICE_ACCESS_JOBS.empty)
        .put(ORGANIZATION_ACCESS_JOBS, ORGANIZATION_ACCESS_JOBS.empty)
    )
    return replace(bare, position=0)


def _unchanged(credentials: Map[str, C]) -> Map[str, C]:
    """Whoever was deactivated and activated again is as before."""
    return Map({credential_id: replace(each, changed_at=AT) for credential_id, each in credentials.items()})


def _in_one_order(document: str) -> str:
    """What a list holds, in whatever order it stood there; an account by the ARN of its root, if by its number."""

    def ordered(value: object) -> object:
        match value:
            case dict():
                return {name: ordered(value[name]) for name in sorted(value)}
            case list():
                return sorted((ordered(inner) for inner in value), key=json.dumps)
            case str():
                return written_out("AWS", value)
            case _:
                return value

    return json.dumps(ordered(json.loads(document)))


def _assert_chained(difference: Difference) -> None:
    """Each change begins where the one before it ended, and together they come to what differs."""
    steps = [step.made for step in reversed(difference.steps)]
    assert (steps[0].before, steps[-1].after) == (difference.made.before, difference.made.after)
    assert all(one.after == other.before for one, other in pairwise(steps))
    assert all(step.before != step.after for step in steps)


def _pairs(relation: ManyToMany) -> ManyToMany:
    def side(pairs: Map[str, Map[str, int]]) -> Map[str, Map[str, int]]:
        return Map({one: Map(dict.fromkeys(others, 0)) for one, others in pairs.items()})

    return ManyToMany(side(relation.forward), side(relation.backward))


def _lasting(told: Mapping[Fact, object]) -> Mapping[Fact, object]:
    """Without revocations, which a value forgets."""
    return {fact: states for fact, states in told.items() if fact.kind is not REVOCATION_FACT}


def _policy(policy: ManagedPolicy) -> ManagedPolicy:
    return replace(policy, last_version=0, updated_at=AT)


def changes(ledger: list[Entry]) -> list[Entry]:
    return [entry for entry in ledger if isinstance(entry.event, Change)]


def revoked(ledger: list[Entry]) -> frozenset[str]:
    return frozenset(entry.event.session_id for entry in ledger if isinstance(entry.event, SessionRevoked))


@COMMON
@given(histories(first=[people]), st.data())
def test_values_differ_where_they_are_told_to(ledger: list[Entry], data: DataObject) -> None:
    """Nothing is told of two values just if they are equal apart from bookkeeping; what is told is what the whole
    values have to say, and no change beside these had a part in it."""
    first = data.draw(st.integers(0, len(ledger)))
    last = data.draw(st.integers(first, len(ledger)))
    before, after = folded(ledger[:first]), folded(ledger[:last])
    found = differences(before, changes(ledger[first:last]), CHANGES_MAX)
    assert found.stopped_at is None
    same = without_bookkeeping(before, revoked(ledger[:first])) == without_bookkeeping(after, revoked(ledger[:last]))
    assert (not found.differing) == same
    told = {each.made.fact: (each.made.before, each.made.after) for each in found.differing}
    whole = {
        fact: (was, is_)
        for subject in {*subjects(before), *subjects(after)}
        for fact, was, is_ in changed_facts(before, after, subject)
    }
    assert _lasting(told) == _lasting(whole)
    for difference in found.differing:
        assert difference.made.sentence.endswith(".")
        assert all(first < step.entry.position <= last for step in difference.steps)
        _assert_chained(difference)


@COMMON
@given(histories(first=[people]))
def test_each_change_makes_a_difference_or_is_bookkeeping(ledger: list[Entry]) -> None:
    """Something is told of a single change just if it made the account another, apart from bookkeeping."""
    before, ever = folded([]), frozenset[str]()
    for entry in changes(ledger):
        after, now = folded([entry], before), ever | revoked([entry])
        found = differences(before, [entry], CHANGES_MAX)
        assert (not found.differing) == (without_bookkeeping(before, ever) == without_bookkeeping(after, now))
        assert found.undone == 0
        before, ever = after, now


@COMMON
@given(histories(), st.data())
def test_nothing_differs_from_itself(ledger: list[Entry], data: DataObject) -> None:
    """Between a moment and the same moment nothing was changed."""
    account = folded(ledger[: data.draw(st.integers(0, len(ledger)))])
    found = differences(account, [], CHANGES_MAX)
    assert (found.differing, found.undone, found.stopped_at) == ((), 0, None)


def test_what_came_and_went_is_counted() -> None:
    """A tag that was put and removed is no difference, and one of two changes of a name is not the other."""
    account = with_users(new_account(), "ann")
    of_ann = {"entity": "user", "entity_id": "AIDAann", "entity_name": "ann"}
    entries = made(
        account,
        EntityTagged(**of_ann, tags={"Team": "red"}),
        UserUpdated(user_id="AIDAann", user_name="ann", new_user_name="bea", new_path="/"),
        EntityUntagged(**of_ann, keys=("team",)),
        UserUpdated(user_id="AIDAann", user_name="bea", new_user_name="eve", new_path="/"),
    )
    found = differences(account, entries, CHANGES_MAX)
    (renamed,) = found.differing
    assert renamed.made.sentence == "User eve changed: name was ann and is eve."
    assert [step.entry for step in renamed.steps] == [entries[3], entries[1]]
    assert found.undone == 1


def test_things_are_called_as_they_were_in_the_end() -> None:
    """A key that was created before its owner got another name is told with that name, and so is one that went
    when it had that name already."""
    account = with_users(new_account(), "ann")
    of_ann = {"user_id": "AIDAann", "user_name": "ann"}
    account = after(account, AccessKeyCreated(access_key_id="AKIAOLD", **of_ann))
    entries = made(
        account,
        AccessKeyCreated(access_key_id="AKIANEW", **of_ann),
        UserUpdated(**of_ann, new_user_name="bea", new_path="/"),
        AccessKeyDeleted(access_key_id="AKIAOLD", user_id="AIDAann", user_name="bea"),
    )
    assert [difference.made.sentence for difference in differences(account, entries, CHANGES_MAX).differing] == [
        "Access key AKIANEW of user bea was created.",
        "User bea changed: name was ann and is bea.",
        "Access key AKIAOLD of user bea was deleted.",
    ]


def test_each_change_is_its_own_actor_s() -> None:
    """What was created, changed by another and created again: each step by who made it; the creation that counts is the
    last one. A policy that is written in another way makes no step."""
    of_ann = {"entity": "user", "entity_id": "AIDAann", "entity_name": "ann", "policy_name": "p"}
    document = '{"Version": "2012-10-17", "Statement": [{"Effect": "%s", "Action": "*", "Resource": "*"}]}'
    account = with_users(new_account(), "ann")
    entries = made(
        account,
        InlinePolicyPut(**of_ann, document=document % "Deny"),
        InlinePolicyDeleted(**of_ann),
        InlinePolicyPut(**of_ann, document=document % "Deny"),
        InlinePolicyPut(**of_ann, document=document.replace(" ", "") % "Deny"),
        InlinePolicyPut(**of_ann, document=document % "Allow"),
    )
    (found,) = differences(account, entries, CHANGES_MAX).differing
    assert found.made.sentence == "Inline policy p of user ann was written."
    assert [(step.entry, step.made.change, step.made.sentence) for step in found.steps] == [
        (
            entries[4],
            "changed",
            "Inline policy p of user ann changed: statement 0 changed (Effect was Deny and is Allow).",
        ),
        (entries[2], "added", "Inline policy p of user ann was written."),
        (entries[1], "removed", "Inline policy p of user ann was deleted."),
        (entries[0], "added", "Inline policy p of user ann was written."),
    ]
    assert differences(folded(entries[2:3], account), entries[3:4], CHANGES_MAX).differing == ()


def test_another_default_version_is_told_by_its_statements() -> None:
    """It is the policy's document that everybody has who holds it, though no version says anything else."""
    arn = "arn:aws:iam::123456789012:policy/p"
    first, second = (
        f'{{"Statement": {{"Effect": "Allow", "Action": "iam:{name}", "Resource": "*"}}}}' for name in ("GetUser", "*")
    )
    created = PolicyCreated(policy_id="ANPAp", policy_arn=arn, policy_name="p", path="/", document=first)
    account = after(new_account(), created)
    entries = made(account, PolicyVersionCreated(policy_arn=arn, version=2, document=second, is_default=True))
    said = "statement 0 changed (Action was iam:GetUser and is iam:*)"
    assert [found.made.sentence for found in differences(account, entries, CHANGES_MAX).differing] == [
        f"Default version of {arn} changed: version was v1 and is v2; {said}.",
        f"Policy version v2 of {arn} was created.",
    ]


def test_the_work_is_bounded() -> None:
    """So many changes are followed, and the last of them is named."""
    account = new_account()
    entries = made(account, *(UserCreated(user_id=f"AIDA{name}", user_name=name, path="/") for name in "abc"))
    found = differences(account, entries, 2)
    assert found.stopped_at == entries[1]
    assert [difference.made.sentence for difference in found.differing] == [
        "User a was created.",
        "User b was created.",
    ]


def made(account: Account, *happened: Change) -> list[Entry]:
    return [
        Entry(account.id, position, "e", AT, CAUSE, event)
        for position, event in enumerate(happened, account.position + 1)
    ]
