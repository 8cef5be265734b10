"""AssumeRole into another account: both sides must allow, and both ledgers tell of it."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calls import ApiCalled, DecisionRecord
from domain.families.access_keys import ACCESS_KEYS
from domain.families.roles import ROLES
from domain.families.sessions import SessionIssued
from domain.families.users import USERS
from domain.foundation.errors import AccessDenied, InvalidClientTokenId, MalformedPolicyDocument, ValidationError
from domain.foundation.events import Entry
from domain.foundation.identifiers import account_of_access_key_id
from services.wire.authentication import VerifiedCredential
from tests.services.endpoint import ACCOUNT, Endpoint, Statement, allow, deny, document, trusting

THERE = "210987654321"
OPS = f"arn:aws:iam::{THERE}:role/ops"
ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
WORKER = f"arn:aws:iam::{ACCOUNT}:role/worker"


@pytest.fixture
def here() -> Endpoint:
    return Endpoint()


@pytest.fixture
def there(here: Endpoint) -> Endpoint:
    return Endpoint(THERE, beside=here)


def assumes(here: Endpoint, caller: VerifiedCredential, role: str = OPS, **members: str) -> bool:
    try:
        here.session(caller, RoleArn=role, **members)
    except AccessDenied:
        return False
    return True


def test_the_session_is_of_the_role_s_account(here: Endpoint, there: Endpoint) -> None:
    """Its key, its ARN and what it may do are those of the account that has the role; the caller's account gets a
    record of the call, and not the session."""
    ann = here.user("ann", allow("sts:AssumeRole", OPS))
    there.role("ops", trusting(ACCOUNT), allow("iam:ListUsers"))
    there.user("theirs")
    session = here.session(ann, RoleArn=OPS)
    assert (session.account_id, account_of_access_key_id(session.access_key_id)) == (THERE, THERE)
    assert there.call(session, "GetCallerIdentity")["Account"] == THERE
    assert [user["UserName"] for user in there.call(session, "ListUsers")["Users"]] == ["theirs"]
    assert session.session is not None
    assert session.session.minted_by_access_key_id == ann.access_key_id
    assert not [entry for entry in here.entries if isinstance(entry.event, SessionIssued)]


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    ("principal", "trusted"),
    [(ACCOUNT, True), (f"arn:aws:iam::{ACCOUNT}:root", True), (ANN, True), ("*", True), (THERE, False)],
)
def test_both_sides_must_allow(here: Endpoint, there: Endpoint, principal: str, own: bool, trusted: bool) -> None:  # noqa: FBT001  columns of the table
    """Naming the very user does not make its own policy superfluous, as it does within an account."""
    ann = here.user("ann", *([allow("sts:AssumeRole", OPS)] if own else []))
    there.role("ops", trusting(principal))
    assert assumes(here, ann) is (own and trusted)


@pytest.mark.parametrize("denying", ["identity", "trust"])
def test_a_deny_of_either_side_wins(here: Endpoint, there: Endpoint, denying: str) -> None:
    """Each side can forbid what both allow."""
    identity, trust = [allow()], [trusting(ACCOUNT)]
    if denying == "identity":
        identity.append(deny("sts:AssumeRole", OPS))
    else:
        trust.append(trusting(ANN) | {"Effect": "Deny"})
    ann = here.user("ann", *identity)
    there.role("ops", trusting(ACCOUNT))
    there.call(there.root, "UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=document(*trust))
    with pytest.raises(AccessDenied, match="explicit deny"):
        here.session(ann, RoleArn=OPS)


def last(endpoint: Endpoint) -> tuple[Entry, ApiCalled]:
    entry = endpoint.entries[-1]
    assert isinstance(entry.event, ApiCalled)
    return entry, entry.event


def test_a_refusal_stands_in_both_ledgers(here: Endpoint, there: Endpoint) -> None:
    """Under one shared id and with the same decision, so that both accounts can find what the other has seen; what the
    caller had given stands in its own alone."""
    ann = here.user("ann", allow())
    there.role("ops", trusting(THERE))
    before = len(there.entries)
    with pytest.raises(AccessDenied):
        here.session(ann, RoleArn=OPS)
    (ours, our_record), (theirs, their_record) = last(here), last(there)
    assert len(there.entries) == before + 1
    assert ours.cause == theirs.cause
    assert ours.cause.principal is not None
    assert ours.cause.principal.account_id == ACCOUNT
    assert our_record.model_copy(update={"parameters": {}}) == their_record
    assert their_record.error_code == "AccessDenied"


def test_the_decision_names_what_it_has_read(here: Endpoint, there: Endpoint) -> None:
    """The positions of both accounts and the statements of both sides."""
    ann = here.user("ann", allow("sts:AssumeRole", OPS))
    there.role("ops", trusting(ACCOUNT))
    positions = {ACCOUNT: here.account.position, THERE: there.account.position}
    here.session(ann, RoleArn=OPS)
    (decision,) = last(there)[1].decisions
    assert isinstance(decision, DecisionRecord)
    assert decision.positions == positions
    assert {statement.source_type for statement in decision.matched} == {"inline", "trust"}


@pytest.mark.parametrize("unknown", ["999999999999", THERE])
def test_whether_there_is_such_a_role_or_account_is_not_told(here: Endpoint, there: Endpoint, unknown: str) -> None:
    """A role that is not there is refused in the words in which one is that trusts somebody else."""
    ann = here.user("ann", allow())
    there.role("ops", trusting(THERE))
    role = f"arn:aws:iam::{unknown}:role/none"
    messages = []
    for arn in (OPS, role):
        with pytest.raises(AccessDenied) as refused:
            here.session(ann, RoleArn=arn)
        messages.append(refused.value.message.replace(arn, "it"))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("installation", ["000000000000", "", "12345678901", "aws"])
def test_no_account(here: Endpoint, installation: str) -> None:
    """What is no account's id, or the installation's, is not looked up."""
    ann = here.user("ann", allow())
    assert not assumes(here, ann, f"arn:aws:iam::{installation}:role/ops")


def test_a_recreated_user_is_not_trusted(here: Endpoint, there: Endpoint) -> None:
    """The trust was in the user that had the name; a new one of that name in the other account has not got it."""
    here.user("ann", allow())
    there.role("ops", trusting(ANN))
    for key in here.account[ACCESS_KEYS].of(here.account[USERS].named("ann").id):
        here.call(here.root, "DeleteAccessKey", UserName="ann", AccessKeyId=key.id)
    here.call(here.root, "DeleteUserPolicy", UserName="ann", PolicyName="may")
    here.call(here.root, "DeleteUser", UserName="ann")
    impostor = here.user("ann", allow())
    assert not assumes(here, impostor)
    there.call(there.root, "UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=document(trusting(ANN)))
    assert assumes(here, impostor)


def test_the_trust_follows_a_rename(here: Endpoint, there: Endpoint) -> None:
    """In the other account, too, the principal is who had the ARN."""
    ann = here.user("ann", allow())
    there.role("ops", trusting(ANN))
    here.call(here.root, "UpdateUser", UserName="ann", NewUserName="eva")
    assert assumes(here, ann)


@pytest.mark.parametrize("nobody", [ANN, WORKER, "AIDA" + "A" * 17])
def test_a_principal_must_exist(there: Endpoint, nobody: str) -> None:
    """A user or role of another account of the installation is looked up when the trust policy is written."""
    with pytest.raises(MalformedPolicyDocument) as refused:
        there.role("ops", trusting(nobody))
    assert refused.value.message == f'Invalid principal in policy: "AWS":"{nobody}" (Statement[0].Principal)'


def test_a_principal_of_another_installation(there: Endpoint) -> None:
    """Its account has no ledger here, so whether it exists nobody can tell. The document is served as it was written,
    and no unique id is meant by it: nobody who comes to have the name here is trusted."""
    stranger = "arn:aws:iam::999999999999:user/ann"
    there.role("ops", trusting(stranger))
    role = there.account[ROLES].named("ops")
    assert dict(role.trusted) == {}
    served = there.call(there.root, "GetRole", RoleName="ops")["Role"]["AssumeRolePolicyDocument"]
    assert stranger in unquote(served)
    there.role("more", trusting("999999999999"))  # An account only delegates: it may come into being later.


def test_root_assumes_nothing_elsewhere_either(here: Endpoint, there: Endpoint) -> None:
    """And the attempt is on record in both accounts."""
    there.role("ops", trusting(ACCOUNT))
    with pytest.raises(AccessDenied, match="Roles may not be assumed by root accounts"):
        here.session(here.root, RoleArn=OPS)
    assert last(there)[1].error_code == "AccessDenied"


def test_chaining_across_accounts(here: Endpoint, there: Endpoint) -> None:
    """A role trusts a role of another account: one hour at most, and the new session names the one that asked."""
    ann = here.user("ann", allow())
    here.role("worker", trusting(ACCOUNT), allow("sts:AssumeRole", OPS))
    there.role("ops", trusting(WORKER))
    there.call(there.root, "UpdateRole", RoleName="ops", MaxSessionDuration=43_200)
    assert not assumes(here, ann)
    worker = here.session(ann, RoleArn=WORKER)
    with pytest.raises(ValidationError, match="1 hour session limit for roles assumed by role chaining"):
        here.session(worker, RoleArn=OPS, DurationSeconds=3_601)
    ops = here.session(worker, RoleArn=OPS)
    assert worker.session is not None
    assert ops.session is not None
    assert ops.session.minted_by_session_id == worker.session.session_id


def test_a_recreated_role_is_not_trusted(here: Endpoint, there: Endpoint) -> None:
    """Sessions of a role of the same name in the other account are not those of the role that was trusted."""
    ann = here.user("ann", allow())
    here.role("worker", trusting(ACCOUNT), allow())
    there.role("ops", trusting(WORKER))
    assert assumes(here, here.session(ann, RoleArn=WORKER))
    here.call(here.root, "DeleteRolePolicy", RoleName="worker", PolicyName="may")
    here.call(here.root, "DeleteRole", RoleName="worker")
    here.role("worker", trusting(ACCOUNT), allow())
    assert not assumes(here, here.session(ann, RoleArn=WORKER))


def test_session_policies_are_of_the_role_s_account(here: Endpoint, there: Endpoint) -> None:
    """A managed session policy is one that the account with the role has."""
    ann = here.user("ann", allow())
    there.role("ops", trusting(ACCOUNT), allow())
    policy = {"PolicyName": "p", "PolicyDocument": document(allow())}
    arns = {
        endpoint: endpoint.call(endpoint.root, "CreatePolicy", **policy)["Policy"]["Arn"] for endpoint in (here, there)
    }
    with pytest.raises(MalformedPolicyDocument, match="does not exist"):
        here.session(ann, RoleArn=OPS, PolicyArns=[{"arn": arns[here]}])
    session = here.session(ann, RoleArn=OPS, PolicyArns=[{"arn": arns[there]}])
    assert there.call(session, "ListUsers")["Users"] == []


def test_external_id(here: Endpoint, there: Endpoint) -> None:
    """What it is made for: a third party that acts for several customers names the one for whom it asks."""
    ann = here.user("ann", allow())
    there.role("ops", trusting(ACCOUNT, Condition={"StringEquals": {"sts:ExternalId": "handshake"}}))
    assert not assumes(here, ann)
    assert assumes(here, ann, ExternalId="handshake")


def test_a_revoked_session_is_over_in_its_own_account(here: Endpoint, there: Endpoint) -> None:
    """The caller's account goes on without it; deleting the role ends its sessions, too."""
    ann = here.user("ann", allow())
    there.role("ops", trusting(ACCOUNT))
    session = here.session(ann, RoleArn=OPS)
    there.call(there.root, "DeleteRole", RoleName="ops")
    with pytest.raises(InvalidClientTokenId):
        there.call(session, "GetCallerIdentity")
    assert here.call(ann, "GetCallerIdentity")["Arn"] == ANN


_SIDES = st.sampled_from([(), ("Allow",), ("Deny",), ("Allow", "Deny")])


@given(_SIDES, _SIDES)
def test_allowed_when_each_side_allows_and_none_denies(identity: tuple[str, ...], trust: tuple[str, ...]) -> None:
    """The whole rule, over every mix of statements on both sides."""
    here = Endpoint()
    there = Endpoint(THERE, beside=here)
    own: list[Statement] = [allow("sts:AssumeRole", OPS) | {"Effect": effect} for effect in identity]
    ann = here.user("ann", *own)
    there.role("ops", trusting(THERE))
    theirs = [trusting(THERE), *(trusting(ACCOUNT) | {"Effect": effect} for effect in trust)]
    there.call(there.root, "UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=document(*theirs))
    assert assumes(here, ann) is (identity == trust == ("Allow",))
