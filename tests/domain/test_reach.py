"""What a credential could have done, under all permissions that its account gave it."""

from datetime import timedelta

from domain.account import Account
from domain.callers import principal_of
from domain.families.policies import InlinePolicyDeleted, InlinePolicyPut
from domain.families.roles import ROLES
from domain.families.sessions import Session, SessionPolicy
from domain.families.users import UserDeleted
from domain.foundation.events import Principal
from domain.queries import reach
from domain.queries.access import caller_of_role
from domain.queries.reach import reach_over_time
from tests.domain.accounts import AT, after, document, new_account, with_role, with_users

ADA = "AIDAada"
ACTIONS = ["iam:GetUser", "iam:CreateUser", "s3:GetObject", "sts:AssumeRole", "sts:GetCallerIdentity"]


def lets(account: Account, *actions: str, name: str = "one", entity: str = "user") -> Account:
    put = {"entity": entity, "entity_id": ADA if entity == "user" else "AROAops", "entity_name": "ada"}
    text = document({"Effect": "Allow", "Action": actions, "Resource": "*"})
    return after(account, InlinePolicyPut.model_validate({**put, "policy_name": name, "document": text}))


def session_of(principal: Principal, entity_id: str, *policies: SessionPolicy) -> Session:
    return Session(
        session_id="SESNX",
        access_key_id="ASIAX",
        principal=principal,
        entity_id=entity_id,
        issued_at=AT,
        expires_at=AT + timedelta(hours=1),
        policies=policies,
        minted_by_access_key_id="AKIAX",
    )


def test_all_permissions_of_a_time_count() -> None:
    """What was granted for a moment was in reach; the permissions are told once each, in order."""
    first = lets(with_users(new_account(), "ada"), "iam:GetUser")
    between = lets(first, "iam:*", name="two")
    last = after(between, InlinePolicyDeleted(entity="user", entity_id=ADA, entity_name="ada", policy_name="two"))
    found = reach_over_time([first, between, last, last], ADA, None, ACTIONS)
    assert found.reach == {"iam:GetUser": False, "iam:CreateUser": False}
    assert len(found.layers) == 2
    assert reach_over_time([first, last], ADA, None, ACTIONS).reach == {"iam:GetUser": False}


def test_who_is_not_there_could_do_nothing() -> None:
    """Before a user was created and after it was deleted it has no permissions, and that is no failure."""
    account = new_account()
    there = lets(with_users(account, "ada"), "iam:GetUser")
    emptied = after(there, InlinePolicyDeleted(entity="user", entity_id=ADA, entity_name="ada", policy_name="one"))
    gone = after(emptied, UserDeleted(user_id=ADA, user_name="ada"))
    assert reach_over_time([account, gone], ADA, None, ACTIONS).reach == {}
    assert reach_over_time([account, there, gone], ADA, None, ACTIONS).reach == {"iam:GetUser": False}


def test_a_session_is_limited_by_its_policies() -> None:
    """The policies that a session was asked for with count, as they stand in the event that issued it."""
    account = lets(with_role(new_account(), "ops"), "*", entity="role")
    role = account[ROLES].by_id["AROAops"]
    assert reach_over_time([account], role.id, None, ACTIONS).reach.keys() == set(ACTIONS)
    principal = caller_of_role(account, role).principal
    text = document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    limited = session_of(principal, role.id, SessionPolicy(document=text))
    assert reach_over_time([account], role.id, limited, ACTIONS).reach == {"s3:GetObject": False}


def test_credentials_of_get_session_token_are_good_for_little() -> None:
    """Without MFA no operation of IAM, and of STS two, whatever policies say."""
    account = lets(with_users(new_account(), "ada"), "*")
    session = session_of(principal_of(account, ADA), ADA)
    assert reach_over_time([account], ADA, session, [*ACTIONS, "sts:GetSessionToken"]).reach.keys() == {
        "s3:GetObject",
        "sts:AssumeRole",
        "sts:GetCallerIdentity",
    }


def test_root_assumes_no_role() -> None:
    account = new_account()
    assert reach_over_time([account], account.id, None, ACTIONS).reach.keys() == set(ACTIONS) - {"sts:AssumeRole"}


def test_permissions_that_change_too_often() -> None:
    """Beyond a bound they are not looked at, and the position says from where on."""
    account = with_users(new_account(), "ada")
    values = [account := lets(account, f"s3:Get{number}") for number in range(reach.PERMISSION_SETS_MAX + 2)]
    found = reach_over_time(values, ADA, None, [f"s3:Get{number}" for number in range(40)])
    assert len(found.reach) == len(found.layers) == reach.PERMISSION_SETS_MAX
    assert found.stopped_position == values[reach.PERMISSION_SETS_MAX].position
