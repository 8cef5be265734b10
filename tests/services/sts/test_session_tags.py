"""Session tags and source identities: who may set them, what they do, how long they stick, and how much of it fits."""

from hashlib import sha512

import pytest

from domain.families.sessions import SessionIssued
from domain.foundation.errors import AccessDenied, InvalidParameterValue, PackedPolicyTooLarge, Refusal, ValidationError
from domain.queries.reevaluation import rebuild_check
from domain.rules.session_tags import PACKED_BYTES_MAX, UNPACKED_BYTES_MAX
from services.wire.authentication import VerifiedCredential
from tests.services.endpoint import ACCOUNT, Endpoint, Statement, allow, arn, document, trusting

OPS, DEV = arn("role/ops"), arn("role/dev")
TEAM = [{"Key": "Team", "Value": "ops"}]
ALL_ACTIONS = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
OF_TEAM = {"StringEquals": {"aws:PrincipalTag/TEAM": "ops"}}


def open_trust() -> Statement:
    return trusting(ACCOUNT) | {"Action": ALL_ACTIONS}


@pytest.fixture
def endpoint() -> Endpoint:
    endpoint = Endpoint()
    endpoint.role("ops", open_trust(), allow("iam:ListUsers", Condition=OF_TEAM), allow("sts:*"))
    endpoint.role("dev", open_trust(), allow("iam:ListUsers", Condition=OF_TEAM))
    return endpoint


@pytest.mark.parametrize("action", ["sts:TagSession", "sts:SetSourceIdentity"])
@pytest.mark.parametrize("side", ["role", "user"])
def test_both_sides_have_to_allow(endpoint: Endpoint, action: str, side: str) -> None:
    """The role's trust policy and, where that names the account alone, the caller's own policies."""
    actions = [each for each in ALL_ACTIONS if each != action]
    ann = endpoint.user("ann", allow("sts:*") | ({"Action": actions} if side == "user" else {}))
    if side == "role":
        policy = document(trusting(ACCOUNT) | {"Action": actions})
        endpoint.call(endpoint.root, "UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=policy)
    given = {"Tags": TEAM} if action == "sts:TagSession" else {"SourceIdentity": "ann"}
    endpoint.session(ann, RoleArn=OPS)
    with pytest.raises(AccessDenied, match=f"not authorized to perform: {action} on resource: {OPS}"):
        endpoint.session(ann, "AssumeRole", RoleArn=OPS, **given)
    assert [each.action for each in endpoint.record.decisions] == ["sts:AssumeRole", action]


def test_policies_ask_for_what_is_requested(endpoint: Endpoint) -> None:
    condition = {
        "StringEquals": {"aws:RequestTag/team": "ops", "sts:SourceIdentity": "${aws:username}"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["Team"], "sts:TransitiveTagKeys": ["Team"]},
    }
    ann = endpoint.user("ann", allow("sts:*", Condition=condition))
    fits = {"RoleArn": OPS, "Tags": TEAM, "TransitiveTagKeys": ["Team"], "SourceIdentity": "ann"}
    endpoint.session(ann, "AssumeRole", **fits)
    for other in (
        {"SourceIdentity": "bob"},
        {"Tags": [{"Key": "team", "Value": "dev"}], "TransitiveTagKeys": ["team"]},
        {"Tags": [*TEAM, {"Key": "shift", "Value": ""}]},
    ):
        with pytest.raises(AccessDenied):
            endpoint.session(ann, "AssumeRole", **(fits | other))


def test_they_are_the_principal_s_and_go_over_the_role_s(endpoint: Endpoint) -> None:
    """Whatever the case of their keys."""
    ann = endpoint.user("ann", allow("sts:*"))
    endpoint.call(endpoint.root, "TagRole", RoleName="ops", Tags=[{"Key": "team", "Value": "dev"}])
    with pytest.raises(AccessDenied):
        endpoint.call(endpoint.session(ann, RoleArn=OPS), "ListUsers")
    endpoint.call(endpoint.session(ann, RoleArn=OPS, Tags=TEAM), "ListUsers")


def test_what_sticks_in_a_chain(endpoint: Endpoint) -> None:
    """Transitive tags and the source identity; neither can be set anew, and both have to be allowed again."""
    ann = endpoint.user("ann", allow("sts:*"))
    tags = [*TEAM, {"Key": "shift", "Value": "night"}]
    members = {"RoleArn": OPS, "Tags": tags, "TransitiveTagKeys": ["TEAM"], "SourceIdentity": "ann"}
    first = endpoint.session(ann, "AssumeRole", **members)
    second = endpoint.session(first, RoleArn=DEV)
    endpoint.call(second, "ListUsers")
    assert second.session is not None
    assert [tag.key for tag in second.session.tags or ()] == ["Team"]
    assert second.session.principal.source_identity == "ann"
    answer = endpoint.call(first, "AssumeRole", RoleArn=DEV, RoleSessionName="night", SourceIdentity="ann")
    assert answer["SourceIdentity"] == "ann"
    with pytest.raises(ValidationError, match="The source identity is already set for this assume role session"):
        endpoint.session(first, RoleArn=DEV, SourceIdentity="bob")
    with pytest.raises(InvalidParameterValue, match="conflicts with a transitive tag key from the calling session"):
        endpoint.session(first, RoleArn=DEV, Tags=[{"Key": "team", "Value": "other"}])
    plain = document(trusting(ACCOUNT))
    endpoint.call(endpoint.root, "UpdateAssumeRolePolicy", RoleName="dev", PolicyDocument=plain)
    with pytest.raises(AccessDenied, match="sts:TagSession"):
        endpoint.session(first, RoleArn=DEV)


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({"Tags": [*TEAM, {"Key": "team", "Value": ""}]}, ValidationError),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, ValidationError),
        ({"Tags": [{"Key": f"k{number}", "Value": ""} for number in range(51)]}, ValidationError),
        ({"Tags": [{"Key": "#", "Value": ""}]}, ValidationError),
        ({"Tags": TEAM, "TransitiveTagKeys": ["shift"]}, InvalidParameterValue),
        ({"SourceIdentity": "aws:x"}, ValidationError),
        ({"ProvidedContexts": [{"ProviderArn": arn("x/yyyyyyy"), "ContextAssertion": "abcd"}]}, ValidationError),
        ({"MinimumSessionTokenSize": 4_097}, ValidationError),
    ],
)
def test_what_is_refused(endpoint: Endpoint, members: dict[str, object], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        endpoint.session(endpoint.user("ann", allow("sts:*")), "AssumeRole", RoleArn=OPS, **members)


def test_every_character_that_the_model_allows(endpoint: Endpoint) -> None:
    """Of session names, in the ARN, of external ids and of source identities."""
    name = "aZ_09+=,.@-"
    endpoint.call(
        endpoint.root,
        "UpdateAssumeRolePolicy",
        RoleName="ops",
        PolicyDocument=document(
            open_trust() | {"Condition": {"StringEquals": {"sts:ExternalId": f"{name}:/", "sts:RoleSessionName": name}}}
        ),
    )
    ann = endpoint.user("ann", allow("sts:*"))
    members = {"RoleSessionName": name, "ExternalId": f"{name}:/", "SourceIdentity": name}
    session = endpoint.session(ann, "AssumeRole", RoleArn=OPS, **members)
    assert endpoint.call(session, "GetCallerIdentity")["Arn"] == arn(f"assumed-role/ops/{name}", "sts")


def test_how_much_fits(endpoint: Endpoint) -> None:
    """The share that policies and tags take, together, of what they may; nothing is told where there are none. It grows
    with them and not with what is transitive; the size is also that of the token."""
    ann = endpoint.user("ann", allow("sts:*"))

    def packed(**members: object) -> int:
        answer = endpoint.call(ann, "AssumeRole", RoleArn=OPS, RoleSessionName="night", **members)
        assert answer["SessionTokenSize"] == len(answer["Credentials"]["SessionToken"])
        assert answer["SessionTokenUtilization"] == -(-answer["SessionTokenSize"] * 100 // 4_096)
        return int(answer.get("PackedPolicySize", 0))

    policy = document(allow("iam:*"))
    assert packed() == 0 < packed(Tags=TEAM) < packed(Tags=TEAM, Policy=policy) < 100
    assert packed(Tags=TEAM, TransitiveTagKeys=["Team"]) == packed(Tags=TEAM)
    answer = endpoint.call(ann, "AssumeRole", RoleArn=OPS, RoleSessionName="night", MinimumSessionTokenSize=4_096)
    assert answer["SessionTokenSize"] >= 4_096
    digits = [sha512(bytes([number])).hexdigest() for number in range(50)]
    many = [{"Key": f"k{number}", "Value": digits[number]} for number in range(50)]
    with pytest.raises(
        PackedPolicyTooLarge, match=r"^Packed size of session tags consumes \d{3}% of allotted space\.$"
    ):
        packed(Tags=many)
    assert PACKED_BYTES_MAX < UNPACKED_BYTES_MAX
    wide = [{"Key": f"{number}" + "é" * 100, "Value": "é" * 256} for number in range(50)]
    with pytest.raises(PackedPolicyTooLarge, match=r"session policies and session tags consumes 1\d\d%"):
        packed(Tags=wide, Policy=policy)


def remade(endpoint: Endpoint, caller: VerifiedCredential) -> list[bool]:
    """Whether each decision of the last call comes out again from what is recorded."""
    entry = endpoint.entries[-1]
    issued = [each.event.session for each in endpoint.entries if isinstance(each.event, SessionIssued)]
    session = next((each for each in issued if each.access_key_id == caller.access_key_id), None)
    return [
        rebuild_check(
            entry.cause, entry.at, record, {ACCOUNT: endpoint.as_of(record.positions[ACCOUNT])}, session
        ).request.context.get("aws:principaltag/team")
        == ("ops",)
        for record in endpoint.record.decisions
    ]


def test_a_decision_is_made_again_from_the_ledger(endpoint: Endpoint) -> None:
    """What it read of the session stands where the session was issued; of the request, in the record."""
    ann = endpoint.user("ann", allow("sts:*"))
    first = endpoint.session(ann, RoleArn=OPS, Tags=TEAM, TransitiveTagKeys=["Team"], SourceIdentity="ann")
    keys = {key for record in endpoint.record.decisions for key in record.context}
    assert keys >= {"aws:requesttag/team", "aws:tagkeys", "sts:transitivetagkeys", "sts:sourceidentity"}
    endpoint.session(first, RoleArn=DEV)
    assert remade(endpoint, first) == [True, True, True]
