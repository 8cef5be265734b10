"""Recorded calls, decided once more as if other policies had stood."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.account import Account
from domain.authorization import ASSUME_ROLE, authorize, authorize_assume_role
from domain.callers import Caller
from domain.calls import ApiCalled, Call, DecisionRecord
from domain.families.groups import GROUPS
from domain.families.organization import (
    FULL_AWS_ACCESS,
    RCP_FULL_AWS_ACCESS,
    Level,
    OrganizationMembership,
    OrganizationPoliciesApplied,
)
from domain.families.policies import MANAGED_POLICIES
from domain.families.roles import ROLES
from domain.families.users import USERS
from domain.foundation.errors import AccessDenied, Refusal
from domain.foundation.identifiers import account_of_arn
from domain.queries.what_if import (
    CallReplayer,
    CallToReplay,
    ControlPolicyAdded,
    DocumentReplaced,
    HypotheticalChange,
    PoliciesReplaced,
    PolicyAdded,
    ReplayOutcome,
    ReplayResult,
    apply_hypothetical,
)
from domain.rules.sessions import role_to_assume
from services.wire.authentication import VerifiedCredential
from tests.domain.accounts import ADMINISTRATOR_ACCESS, ALLOW_ALL
from tests.domain.call_histories import POLICIES, histories_of_calls, issued
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, deny, document, trusting

OTHER = "210987654321"
SLOW = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


def values(endpoint: Endpoint, supposition: HypotheticalChange) -> Callable[[str, int], Account]:
    """The same value each time, as those who go through a ledger have it: what is remembered hangs on it."""

    @cache
    def value_of(account_id: str, position: int) -> Account:
        ledgers = endpoint.ledgers
        account = ledgers[account_id].as_of(position) if account_id in ledgers else Account(account_id)
        return apply_hypothetical(account, supposition)

    return value_of


def replayed(endpoint: Endpoint, supposition: HypotheticalChange) -> list[tuple[CallToReplay, ReplayResult]]:
    replay = CallReplayer(values(endpoint, supposition), lambda cause: issued(endpoint, cause.session_id))
    calls = [CallToReplay.of(entry, entry.event) for entry in endpoint.entries if isinstance(entry.event, ApiCalled)]
    return [(call, replay.of(call)) for call in calls]


def outcomes(endpoint: Endpoint, supposition: HypotheticalChange) -> list[ReplayOutcome]:
    """Of the calls that are not root's."""
    return [
        made.outcome
        for call, made in replayed(endpoint, supposition)
        if call.cause.principal is not None and call.cause.principal.type != "Root"
    ]


def user_id(endpoint: Endpoint, name: str) -> str:
    return endpoint.account[USERS].named(name).id


@SLOW
@given(histories_of_calls(), POLICIES)
def test_what_changes_nothing(endpoint: Endpoint, text: str) -> None:
    """A policy of somebody who does not exist, one more that allows everything at the top of an organization, or the
    text of a managed policy as it stands: every call ends as it was recorded, or no policy was asked."""
    nothing = [
        PolicyAdded(ACCOUNT, "AIDANOBODY", text),
        PolicyAdded(OTHER, user_id(endpoint, "ann"), text) if endpoint.account[USERS].find("ann") else None,
        PoliciesReplaced(ACCOUNT, "AIDANOBODY", text),
        ControlPolicyAdded(ACCOUNT, "root", FULL_AWS_ACCESS.policy.document),
        DocumentReplaced(
            ACCOUNT, ADMINISTRATOR_ACCESS, endpoint.account[MANAGED_POLICIES][ADMINISTRATOR_ACCESS].default.document
        ),
        DocumentReplaced(ACCOUNT, arn("policy/none"), text),
    ]
    for supposition in nothing:
        if supposition is not None:
            for call, made in replayed(endpoint, supposition):
                assert made.outcome is (ReplayOutcome.UNCHANGED if call.decisions else ReplayOutcome.WITHOUT_DECISION)


def asked_again(endpoint: Endpoint, call: CallToReplay, supposition: HypotheticalChange) -> bool:
    """Whether the caller may, each decision by `authorize` on the supposed accounts."""
    value_of = values(endpoint, supposition)
    session = issued(endpoint, call.cause.session_id)
    principal = call.cause.principal
    assert principal is not None
    assert call.cause.access_key_id is not None
    entity_id = principal.principal_id if session is None else session.entity_id
    caller = Caller(principal, entity_id, call.cause.access_key_id, session)

    def allowed(record: DecisionRecord) -> bool:
        asking = Call.to_check(caller, call.cause, call.at)
        accounts = {account_id: value_of(account_id, position) for account_id, position in record.positions.items()}
        account = accounts[principal.account_id]
        (resource,) = record.resources
        try:
            if record.action == ASSUME_ROLE:
                owner = accounts.get(account_of_arn(resource) or "", account)
                role = role_to_assume(owner, resource)
                authorize_assume_role(account, owner, asking, resource, role, record.context)
            else:
                authorize(account, asking, record.action, resource, record.context)
        except AccessDenied:
            return False
        return True

    return all(allowed(record) for record in call.decisions)


@st.composite
def suppositions(draw: st.DrawFn, endpoint: Endpoint) -> HypotheticalChange:
    entities = [entity.id for entity in (*endpoint.account[USERS], *endpoint.account[ROLES])]
    entity_id, text = draw(st.sampled_from(sorted(entities))), draw(POLICIES)
    choices: list[HypotheticalChange] = [
        PolicyAdded(ACCOUNT, entity_id, text),
        PoliciesReplaced(ACCOUNT, entity_id, text),
        ControlPolicyAdded(ACCOUNT, "root", text),
    ]
    return draw(st.sampled_from(choices))


@SLOW
@given(st.data())
def test_each_call_ends_as_it_would_have(data: st.DataObject) -> None:
    """Whatever is supposed: a call is refused or allowed as `authorize` on the supposed account has it."""
    endpoint = data.draw(histories_of_calls())
    supposition = data.draw(suppositions(endpoint))
    for call, made in replayed(endpoint, supposition):
        if not call.decisions:
            continue
        expected = {
            (True, True): ReplayOutcome.UNCHANGED,
            (False, False): ReplayOutcome.UNCHANGED,
            (True, False): ReplayOutcome.REFUSED,
            (False, True): ReplayOutcome.ALLOWED,
        }[call.was_allowed, asked_again(endpoint, call, supposition)]
        assert made.outcome is expected


def tries(endpoint: Endpoint, by: VerifiedCredential, operation: str, **members: object) -> None:
    with suppress(Refusal):
        endpoint.call(by, operation, **members)


@pytest.fixture
def endpoint() -> Endpoint:
    """Ann, in a group that may list users, has listed users and been refused roles."""
    endpoint = Endpoint()
    ann = endpoint.user("ann")
    endpoint.call(endpoint.root, "CreateGroup", GroupName="lookers")
    policy = document(allow("iam:ListUsers"))
    endpoint.call(endpoint.root, "PutGroupPolicy", GroupName="lookers", PolicyName="look", PolicyDocument=policy)
    endpoint.call(endpoint.root, "AddUserToGroup", GroupName="lookers", UserName="ann")
    endpoint.call(ann, "ListUsers")
    tries(endpoint, ann, "ListRoles")
    endpoint.call(ann, "GetCallerIdentity")
    return endpoint


U, R, A, W = ReplayOutcome.UNCHANGED, ReplayOutcome.REFUSED, ReplayOutcome.ALLOWED, ReplayOutcome.WITHOUT_DECISION


def test_a_policy_besides(endpoint: Endpoint) -> None:
    """Attached to the user or to its group it adds to what there is, and its deny wins. Why is said in a sentence."""
    group_id = endpoint.account[GROUPS].named("lookers").id
    for holder_id in (user_id(endpoint, "ann"), group_id):
        assert outcomes(endpoint, PolicyAdded(ACCOUNT, holder_id, document(allow("iam:ListRoles")))) == [U, A, W]
        assert outcomes(endpoint, PolicyAdded(ACCOUNT, holder_id, document(deny("iam:List*")))) == [R, U, W]
    refused = replayed(endpoint, PolicyAdded(ACCOUNT, group_id, document(deny("iam:ListUsers"))))[-3][1]
    assert refused.why == (
        f"iam:ListUsers on {arn('user/')} would be refused with an explicit deny in an identity-based policy"
    )
    allowed = replayed(endpoint, PolicyAdded(ACCOUNT, group_id, ALLOW_ALL))[-2][1]
    assert allowed.why == f"iam:ListRoles on {arn('role/')} was implicitly denied and would be allowed"


def test_a_policy_in_place_of_all(endpoint: Endpoint) -> None:
    """It stands alone: what the group gave is gone, for this user and for no other."""
    bob = endpoint.user("bob", allow("iam:ListUsers"))
    endpoint.call(bob, "ListUsers")
    supposition = PoliciesReplaced(ACCOUNT, user_id(endpoint, "ann"), document(allow("iam:ListRoles")))
    assert outcomes(endpoint, supposition) == [R, A, W, U]


def test_another_text_of_a_managed_policy(endpoint: Endpoint) -> None:
    """Wherever it counts: here as a boundary."""
    policy = endpoint.call(endpoint.root, "CreatePolicy", PolicyName="most", PolicyDocument=document(allow("iam:*")))
    policy_arn = policy["Policy"]["Arn"]
    eva = endpoint.user("eva", allow())
    endpoint.call(endpoint.root, "PutUserPermissionsBoundary", UserName="eva", PermissionsBoundary=policy_arn)
    endpoint.call(eva, "ListUsers")
    supposition = DocumentReplaced(ACCOUNT, policy_arn, document(allow("sts:*")))
    assert outcomes(endpoint, supposition) == [U, U, W, R]
    assert "because no permissions boundary allows" in replayed(endpoint, supposition)[-1][1].why


def test_a_service_control_policy(endpoint: Endpoint) -> None:
    """Of an account in no organization as if it stood in one; in one, at the level that is named and at no other, and
    not in the account that manages the organization."""
    text = document(deny("iam:ListUsers"))
    assert outcomes(endpoint, ControlPolicyAdded(ACCOUNT, "r-1", text)) == [R, U, W]
    levels = tuple(
        Level(level_id, level_id, (FULL_AWS_ACCESS.policy,), (RCP_FULL_AWS_ACCESS.policy,))
        for level_id in ("r-1", "ou-1", ACCOUNT)
    )
    key = endpoint.call(endpoint.root, "CreateAccessKey", UserName="ann")["AccessKey"]["AccessKeyId"]
    ann = VerifiedCredential(ACCOUNT, key, None)
    for management in (OTHER, ACCOUNT):
        membership = OrganizationMembership("o-1", management, levels)
        endpoint.append(OrganizationPoliciesApplied(membership=membership))
        endpoint.call(ann, "ListUsers")
    for level in levels:
        assert outcomes(endpoint, ControlPolicyAdded(ACCOUNT, level.id, text)) == [R, U, W, R, U]
    # While it was in no organization it is as if it had been in one, whatever the level.
    assert outcomes(endpoint, ControlPolicyAdded(ACCOUNT, "ou-2", text)) == [R, U, W, U, U]


def test_a_call_of_two_accounts() -> None:
    """What is supposed of one account's policies has its say in a decision that read both."""
    home = Endpoint()
    away = Endpoint(OTHER, beside=home)
    ann = home.user("ann", allow("sts:AssumeRole"))
    role_arn = away.role("ops", trusting(arn("user/ann")), allow("iam:ListUsers"))
    session = home.session(ann, RoleArn=role_arn)
    away.call(session, "ListUsers")
    denying = document(deny("sts:AssumeRole"))
    supposition = PolicyAdded(ACCOUNT, user_id(home, "ann"), denying)
    assert outcomes(home, supposition) == [R]
    # The session that would not have been issued is there for later calls: that is not modelled.
    assert outcomes(away, supposition) == [R, U]
    assert outcomes(away, ControlPolicyAdded(OTHER, "root", document(deny("iam:*")))) == [U, R]


def test_a_look_into_the_past(endpoint: Endpoint) -> None:
    """The policies of then need not allow what those of now allow: without the deny that stood then it is allowed, and
    a deny that is supposed refuses it."""
    policy = endpoint.call(endpoint.root, "CreatePolicy", PolicyName="not", PolicyDocument=document(deny("iam:*")))
    denying = {"UserName": "ann", "PolicyArn": policy["Policy"]["Arn"]}
    endpoint.call(endpoint.root, "RemoveUserFromGroup", GroupName="lookers", UserName="ann")
    endpoint.call(endpoint.root, "AttachUserPolicy", **denying)
    then = len(endpoint.entries)
    endpoint.call(endpoint.root, "DetachUserPolicy", **denying)
    endpoint.call(endpoint.root, "PutUserPolicy", UserName="ann", PolicyName="all", PolicyDocument=ALLOW_ALL)
    key = endpoint.call(endpoint.root, "CreateAccessKey", UserName="ann")["AccessKey"]["AccessKeyId"]
    endpoint.moment = f"p{then}"
    tries(endpoint, VerifiedCredential(ACCOUNT, key, None), "ListUsers")
    assert [record.result for record in endpoint.record.decisions] == ["allowed", "allowed", "explicitly denied"]
    lifted = DocumentReplaced(ACCOUNT, denying["PolicyArn"], document(allow("sts:*")))
    assert outcomes(endpoint, lifted) == [U, U, W, A]
    assert outcomes(endpoint, PolicyAdded(ACCOUNT, "AIDANOBODY", ALLOW_ALL)) == [U, U, W, U]
    endpoint.moment = f"p{len(endpoint.entries) - 1}"
    endpoint.call(VerifiedCredential(ACCOUNT, key, None), "ListUsers")
    refusing = PolicyAdded(ACCOUNT, user_id(endpoint, "ann"), document(deny("iam:ListUsers")))
    assert outcomes(endpoint, refusing)[-1] is R


def test_what_differs_between_calls_is_asked_each_time(endpoint: Endpoint) -> None:
    """On the same value of the account, by the same credential, about the same: the time and the resource decide, where
    a policy asks for them, and a decision of before is not taken for it."""
    endpoint.later(minutes=30)
    group = {"GroupName": "lookers", "PolicyName": "look"}
    granted = document(allow("iam:ListUsers"), allow("iam:GetUser"))
    endpoint.call(endpoint.root, "PutGroupPolicy", **group, PolicyDocument=granted)
    key = endpoint.call(endpoint.root, "CreateAccessKey", UserName="ann")["AccessKey"]["AccessKeyId"]
    ann = VerifiedCredential(ACCOUNT, key, None)
    endpoint.call(ann, "ListUsers")
    position = endpoint.account.position
    for minutes in (1, 1, 5, 1):
        endpoint.later(minutes=minutes)
        endpoint.call(ann, "ListUsers")
        endpoint.call(ann, "GetUser", UserName="ann")
        tries(endpoint, ann, "GetUser", UserName="bob")
    assert endpoint.account.position == position
    late = {"DateGreaterThan": {"aws:CurrentTime": "2026-01-31T12:34:00Z"}}
    supposition = PolicyAdded(
        ACCOUNT, user_id(endpoint, "ann"), document(deny("iam:List*", Condition=late), deny("iam:Get*", arn("user/b*")))
    )
    assert outcomes(endpoint, supposition)[4:] == [U, U, R, U, U, R, R, U, R, R, U, R]
    own = document(deny("iam:Get*", "arn:aws:iam::*:user/${aws:username}"))
    named = PolicyAdded(ACCOUNT, user_id(endpoint, "ann"), own)
    assert outcomes(endpoint, named)[4:] == [U, R, U] * 4


def test_what_cannot_be_decided_is_told_apart(endpoint: Endpoint) -> None:
    """A session whose issuing is not in the ledger: neither refused nor allowed, and why."""
    endpoint.call(endpoint.root, "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=ALLOW_ALL)
    key = endpoint.call(endpoint.root, "CreateAccessKey", UserName="ann")["AccessKey"]["AccessKeyId"]
    endpoint.role("ops", trusting(ACCOUNT), allow())
    endpoint.call(endpoint.session(VerifiedCredential(ACCOUNT, key, None), RoleArn=arn("role/ops")), "ListUsers")
    *_, last = endpoint.entries
    assert isinstance(last.event, ApiCalled)
    replay = CallReplayer(values(endpoint, PolicyAdded(ACCOUNT, "AIDA", ALLOW_ALL)), lambda _cause: None)
    made = replay.of(CallToReplay.of(last, last.event))
    assert made.outcome is ReplayOutcome.UNDECIDABLE
    assert "is not in the ledger" in made.why


def test_a_record_of_another_evaluator_is_marked(endpoint: Endpoint) -> None:
    """Then a difference may be that of the versions. A call without decisions is of none."""
    *_, listing, identity = [call for call, _ in replayed(endpoint, PolicyAdded(ACCOUNT, "AIDA", ALLOW_ALL))]
    assert not listing.by_other_evaluator
    assert not identity.by_other_evaluator
    older = tuple(record.model_copy(update={"evaluator": record.evaluator - 1}) for record in listing.decisions)
    assert replace(listing, decisions=older).by_other_evaluator
