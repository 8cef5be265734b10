"""A simulation with what a call brings decides as the call was decided."""

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.calls import DecisionRecord
from domain.families.organization import Level, OrganizationMembership, OrganizationPoliciesApplied, OrganizationPolicy
from domain.foundation.errors import Refusal
from tests.domain.call_histories import POLICIES
from tests.services.endpoint import Endpoint, allow, arn, deny, document, trusting
from tests.services.simulations import entry, principal

DECISIONS = {"allowed": "allowed", "implicitly denied": "implicitDeny", "explicitly denied": "explicitDeny"}
OF_A_CALL = [
    entry("aws:SourceIp", "ip", "192.0.2.1"),
    entry("aws:UserAgent", "string", "a stock client"),
    entry("aws:SecureTransport", "boolean", "false"),
    entry("aws:RequestedRegion", "string", "eu-central-1"),
]
"""What `Endpoint.cause` says of each."""
CALLS: st.SearchStrategy[tuple[str, dict[str, str]]] = st.one_of(
    st.sampled_from(["ListUsers", "ListRoles", "ListGroups"]).map(lambda name: (name, {})),
    st.sampled_from(["ann", "bob"]).map(lambda name: ("UpdateUser", {"UserName": name, "NewUserName": name})),
    st.sampled_from(["ops", "none"]).map(lambda name: ("GetRole", {"RoleName": name})),
)


LIMITS = st.sampled_from(
    [
        document(allow()),
        document(allow("iam:List*"), allow("iam:Simulate*")),
        document(allow(), deny("iam:UpdateUser", arn("user/b*"))),
        document(
            allow(), deny("iam:List*", Condition={"DateGreaterThan": {"aws:CurrentTime": "2026-01-31T12:20:00Z"}})
        ),
    ]
)
"""None keeps the root user from simulating."""


def limited(scp: str) -> OrganizationPoliciesApplied:
    level = Level("r-ab12", "Root", (OrganizationPolicy("p-1", "limit", scp),), ())
    return OrganizationPoliciesApplied(membership=OrganizationMembership("o-a1b2c3d4e5", "210987654321", (level,)))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_simulation_agrees_with_the_call(data: st.DataObject) -> None:
    """Whatever policies a user and its group have, and whether an organization limits the account or not: each call of
    the user is decided as SimulatePrincipalPolicy says, for the action, the resource and the moment of that call, and
    the statements that it names are among those on record."""
    endpoint = Endpoint()
    ann = endpoint.user("ann")
    endpoint.role("ops", trusting(arn("user/ann")))
    endpoint.call(endpoint.root, "CreateGroup", GroupName="dev")
    endpoint.call(endpoint.root, "AddUserToGroup", GroupName="dev", UserName="ann")
    named = {"UserName": "ann", "PolicyName": "own"}
    endpoint.call(endpoint.root, "PutUserPolicy", PolicyDocument=data.draw(POLICIES), **named)
    named = {"GroupName": "dev", "PolicyName": "shared"}
    endpoint.call(endpoint.root, "PutGroupPolicy", PolicyDocument=data.draw(POLICIES), **named)
    for _ in range(data.draw(st.integers(1, 4))):
        endpoint.later(minutes=data.draw(st.sampled_from([0, 15])))
        if data.draw(st.booleans()):
            endpoint.append(limited(data.draw(LIMITS)))
        operation, members = data.draw(CALLS)
        with suppress(Refusal):
            endpoint.call(ann, operation, **members)
        (record,) = endpoint.record.decisions
        assert simulated(endpoint, record) == DECISIONS[record.result]


def simulated(endpoint: Endpoint, record: DecisionRecord) -> object:
    """The decision on what the record is about, with what the call brought along."""
    own = [entry(key, "stringList", *values) for key, values in record.context.items()]
    result = principal(
        endpoint,
        arn("user/ann"),
        ActionNames=[record.action],
        ResourceArns=list(record.resources),
        ContextEntries=[*OF_A_CALL, *own],
    )
    decided = {ref.source_id.rpartition("/")[2] for ref in record.matched}
    assert {matched["SourcePolicyId"].rpartition("_")[2] for matched in result["MatchedStatements"]} <= decided
    return result["EvalDecision"]
