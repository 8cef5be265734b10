"""Trust policies as they are served: by the names that those have now whom they meant (IAM User Guide, "AWS JSON policy
elements: Principal")."""

from urllib.parse import unquote

import pytest

from domain.calls import Facts, FactsQuery
from domain.families.roles import ROLES
from domain.families.users import USERS
from domain.foundation.errors import AccessDenied, MalformedPolicyDocument
from services.wire.request_pipeline import DECISIONS_MAX
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, document, trusting

AWAY = "210987654321"
WRITTEN = """{"Version": "2012-10-17",  "Statement": [
  {"Sid": "In", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": [
     "ALICE", "arn:aws:iam::123456789012:user\\/bob", "CAROL", "123456789012"]},
   "Condition": {"StringNotEquals": {"aws:PrincipalArn": ["ALICE"]}}},
  {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com", "AWS": "ALICE"}}
]}"""


def written(alice: str, bob: str, carol: str, spelt: str = arn("user/alice")) -> str:
    """The condition says what was written: it is a text like any other."""
    return as_written(alice, bob, carol, spelt).replace('"123456789012"', f'"{arn("root")}"')


def as_written(alice: str, bob: str, carol: str, spelt: str = arn("user/alice")) -> str:
    head, tail = WRITTEN.split('"aws:PrincipalArn": ["ALICE"]')
    text = f'{head}"aws:PrincipalArn": ["{spelt}"]{tail}'
    return text.replace('"ALICE"', f'"{alice}"').replace("CAROL", carol).replace(f"{arn('user')}\\/bob", bob)


@pytest.fixture
def home() -> Endpoint:
    return Endpoint()


@pytest.fixture
def away(home: Endpoint) -> Endpoint:
    return Endpoint(AWAY, beside=home)


def served(home: Endpoint) -> str:
    """The same by every operation that shows the role."""
    home.call(home.root, "ListUsers")
    found = [
        home.call(home.root, "GetRole", RoleName="ops")["Role"],
        *home.call(home.root, "ListRoles")["Roles"],
        *home.call(home.root, "GetAccountAuthorizationDetails")["RoleDetailList"],
    ]
    if home.moment is None:
        found.append(home.call(home.root, "UpdateRoleDescription", RoleName="ops", Description="d")["Role"])
    documents = {unquote(role["AssumeRolePolicyDocument"]) for role in found if role["RoleName"] == "ops"}
    assert len(documents) == 1
    return documents.pop()


def test_principals_have_the_names_of_now_or_none(home: Endpoint, away: Endpoint) -> None:
    """Of users of the account and of another one: their ARN while they live, whatever it has become, and their unique
    id afterwards, also when their name is somebody else's; of an account, the ARN of its root. Nothing else of the text
    is touched, the ledger has it as it was written, and each past moment shows the names of then."""
    for name in ("alice", "bob"):
        home.user(name, allow())
    away.user("carol")
    bob_id = home.account[USERS].named("bob").id
    carol_id = away.account[USERS].named("carol").id
    alice, carol = arn("user/alice"), f"arn:aws:iam::{AWAY}:user/carol"
    text, shown = (each(alice, f"{arn('user')}\\/bob", carol) for each in (as_written, written))
    home.call(home.root, "CreateRole", RoleName="ops", AssumeRolePolicyDocument=text)
    assert served(home) == shown
    moments = [(len(home.entries), shown)]

    def turned(change: str, expected: str) -> None:
        home.later(seconds=1)
        away.at = home.at
        moments.append((len(home.entries), expected))
        assert served(home) == expected, change

    home.call(home.root, "UpdateUser", UserName="alice", NewUserName="anna", NewPath="/ops/")
    turned("a rename", written(anna := arn("user/ops/anna"), f"{arn('user')}\\/bob", carol))
    home.call(home.root, "UpdateUser", UserName="bob", NewUserName="alice")
    turned("a name that was another's", written(anna, arn("user/alice"), carol))
    away.call(away.root, "UpdateUser", UserName="carol", NewUserName="cora")
    cora = carol.replace("carol", "cora")
    turned("a rename in another account", written(anna, arn("user/alice"), cora))
    key = home.call(home.root, "ListAccessKeys", UserName="alice")["AccessKeyMetadata"][0]["AccessKeyId"]
    home.call(home.root, "DeleteAccessKey", UserName="alice", AccessKeyId=key)
    home.call(home.root, "DeleteUserPolicy", UserName="alice", PolicyName="may")
    home.call(home.root, "DeleteUser", UserName="alice")
    turned("a deletion", written(anna, bob_id, cora))
    home.user("bob")
    turned("a creation under the name", written(anna, bob_id, cora))
    key = away.call(away.root, "ListAccessKeys", UserName="cora")["AccessKeyMetadata"][0]["AccessKeyId"]
    away.call(away.root, "DeleteAccessKey", UserName="cora", AccessKeyId=key)
    away.call(away.root, "DeleteUser", UserName="cora")
    away.user("carol")
    turned("a deletion in another account", gone := written(anna, bob_id, carol_id))
    assert home.account[ROLES].named("ops").trust_policy == text
    for position, expected in moments:
        home.moment = f"p{position}"
        assert served(home) == expected
    home.moment = None
    with pytest.raises(MalformedPolicyDocument, match=f'"AWS":"({bob_id}|{carol_id})"'):
        home.call(home.root, "UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=gone)


def test_what_is_served_and_what_is_decided_agree(home: Endpoint) -> None:
    """Whom the served document names may assume the role, and who has got a name that it had does not."""
    anna = home.user("alice", allow())
    role = home.role("ops", trusting(arn("user/alice")))
    home.call(home.root, "UpdateUser", UserName="alice", NewUserName="anna")
    alice = home.user("alice", allow())
    shown = served(home)
    assert arn("user/anna") in shown
    assert arn("user/alice") not in shown
    home.session(anna, RoleArn=role)
    with pytest.raises(AccessDenied):
        home.session(alice, RoleArn=role)
    home.call(home.root, "UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=shown)
    home.session(anna, RoleArn=role)


def test_a_unique_id_is_shown_as_the_name_that_it_has(home: Endpoint) -> None:
    """As what was written by ARN; a role is found by its id as a user is, and a whole account by its root."""
    home.role("ci", trusting(ACCOUNT))
    role_id = home.account[ROLES].named("ci").id
    text = document(trusting(role_id, ACCOUNT))
    created = home.call(home.root, "CreateRole", RoleName="ops", AssumeRolePolicyDocument=text)["Role"]
    shown = text.replace(f'"{ACCOUNT}"', f'"{arn("root")}"')
    assert unquote(created["AssumeRolePolicyDocument"]) == served(home) == shown.replace(role_id, arn("role/ci"))
    home.call(home.root, "DeleteRole", RoleName="ci")
    assert served(home) == shown


def test_accounts_are_asked_for_at_once(home: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many a listing of the past needs: a call is not decided as often as there are accounts."""
    elsewhere = [Endpoint(f"21098765432{number}", beside=home) for number in range(5)]
    for account in elsewhere:
        account.user("carol")
        home.role(f"for-{account.account.id}", trusting(account.account.arn("user/carol")))
    asked = []

    def find(wanted: FactsQuery) -> Facts:
        asked.append(wanted)
        return Endpoint.find(home, wanted)

    monkeypatch.setattr(home, "find", find)
    home.moment = f"p{len(home.entries)}"
    assert len(home.call(home.root, "ListRoles")["Roles"]) == len(elsewhere)
    assert len(asked) == DECISIONS_MAX - 1
