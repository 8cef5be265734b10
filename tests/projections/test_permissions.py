"""Who holds what: since when, by whom, and under which name."""

import psycopg
import pytest

from domain.families.groups import GroupCreated, UserAddedToGroup
from domain.families.policies import InlinePolicyPut, PolicyAttached, PolicyCreated, PolicyVersionCreated
from domain.families.roles import RoleCreated
from domain.families.users import UserCreated, UserUpdated
from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.events import Operator
from domain.foundation.moments import AsOf, EventRef
from projections.queries.permissions import permissions_of
from tests.projections.conftest import Project
from tests.projections.histories import DOCUMENTS, TRUST
from tests.projections.ledger import NOW, Ledger, cause_of


def test_since_when_and_by_whom(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """A policy held through a group tells who attached it, who wrote the text that counts, and who made the user a
    member, each with position and time; an operator's act names the operator."""
    ledger = Ledger(writer)
    account = ledger.account_id
    arn = f"arn:aws:iam::{account}:policy/P"
    ledger.append(GroupCreated(group_id="AGPA1", group_name="devs", path="/"))
    ledger.append(UserCreated(user_id="AIDA1", user_name="ada", path="/"))
    ledger.append(PolicyCreated(policy_id="ANPA1", policy_arn=arn, policy_name="P", path="/", document=DOCUMENTS[0]))
    attached = ledger.append(
        PolicyAttached(entity="group", entity_id="AGPA1", entity_name="devs", policy_id="ANPA1", policy_arn=arn),
        cause=cause_of(account, "eve"),
    )
    joined = ledger.append(
        UserAddedToGroup(group_id="AGPA1", group_name="devs", user_id="AIDA1", user_name="ada"),
        cause=cause_of(account, origin="operator", principal=None, operator=Operator(user="kim", host="vault")),
    )
    written = ledger.append(
        PolicyVersionCreated(policy_arn=arn, version=2, document=DOCUMENTS[1], is_default=True),
        cause=cause_of(account, "bob"),
    )
    project(account)
    (policy,) = permissions_of(reader, account, "ADA", AsOf(NOW)).policies
    assert (policy.policy_name, policy.policy_arn, policy.version_id) == ("P", arn, "v2")
    assert policy.document == DOCUMENTS[1]
    assert policy.since == EventRef(attached, ledger.times[attached], f"arn:aws:iam::{account}:user/eve")
    assert policy.document_since == EventRef(written, ledger.times[written], f"arn:aws:iam::{account}:user/bob")
    assert policy.through is not None
    assert (policy.through.group_id, policy.through.group_name) == ("AGPA1", "devs")
    assert policy.through.since == EventRef(joined, ledger.times[joined], "operator kim@vault")


def test_a_name_means_who_bore_it_then(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """After a rename the old name finds the user in the past only, and whoever has the name later is somebody else."""
    ledger = Ledger(writer)
    account = ledger.account_id
    ledger.append(UserCreated(user_id="AIDA1", user_name="ada", path="/"))
    then = ledger.append(
        InlinePolicyPut(entity="user", entity_id="AIDA1", entity_name="ada", policy_name="p", document=DOCUMENTS[0])
    )
    ledger.append(UserUpdated(user_id="AIDA1", user_name="ada", new_user_name="lady", new_path="/"))
    ledger.append(UserCreated(user_id="AIDA2", user_name="ada", path="/x/"))
    project(account)
    assert permissions_of(reader, account, "ada", AsOf(NOW, position=then)).entity_id == "AIDA1"
    assert permissions_of(reader, account, f"arn:aws:iam::{account}:user/lady", AsOf(NOW)).entity_id == "AIDA1"
    assert len(permissions_of(reader, account, "lady", AsOf(NOW)).policies) == 1
    assert permissions_of(reader, account, "ada", AsOf(NOW)).arn == f"arn:aws:iam::{account}:user/x/ada"
    assert permissions_of(reader, account, "ada", AsOf(NOW)).policies == ()
    with pytest.raises(NoSuchEntity, match="lady at position 3"):
        permissions_of(reader, account, "lady", AsOf(NOW, position=then))


def test_a_name_of_two_is_no_answer(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """A user and a role may have one name: nobody is guessed, the refusal names both ARNs, and each ARN answers."""
    ledger = Ledger(writer)
    account = ledger.account_id
    ledger.append(
        UserCreated(user_id="AIDA1", user_name="ci", path="/"),
        RoleCreated(
            role_id="AROA1", role_name="ci", path="/", session_seconds_max=3600, trust_policy=TRUST, trusted={}
        ),
    )
    project(account)
    role, user = f"arn:aws:iam::{account}:role/ci", f"arn:aws:iam::{account}:user/ci"
    with pytest.raises(InvalidInput, match=f"{role} or {user}"):
        permissions_of(reader, account, "ci", AsOf(NOW))
    assert permissions_of(reader, account, role, AsOf(NOW)).kind == "role"
    assert permissions_of(reader, account, user, AsOf(NOW)).kind == "user"
