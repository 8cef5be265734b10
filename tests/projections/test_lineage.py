"""The lineage of a credential: whom it gave birth to, through sessions and accounts, and what of it is alive."""

import re
from importlib.resources import files

import psycopg
import pytest

from domain.account import AccountClosed
from domain.families.access_keys import AccessKeyActivated, AccessKeyCreated, AccessKeyDeactivated, AccessKeyDeleted
from domain.families.containment import CONTAINED_DOCUMENT, CONTAINED_POLICY_NAME
from domain.families.groups import GroupCreated
from domain.families.policies import InlinePolicyPut
from domain.families.roles import RoleDeleted
from domain.families.sessions import SessionRevoked
from domain.families.user_credentials import (
    ServiceSpecificCredentialCreated,
    ServiceSpecificCredentialReset,
    UserCredentialActivated,
    UserCredentialDeactivated,
    UserCredentialDeleted,
)
from domain.families.users import UserCreated, UserUpdated
from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.moments import AsOf
from domain.read_models.lineage import LineageNode
from domain.registry import lineage_kind_names
from projections.queries.lineage import Lineage, trace_lineage
from tests.projections.conftest import Project
from tests.projections.histories import DOCUMENTS
from tests.projections.ledger import NOW, SECOND, Ledger
from tests.projections.operations import admin, leaked, newest
from tests.projections.use_events import HOUR


def born(found: Lineage) -> list[str]:
    return [f"{node.kind} {node.subject_id}" for node in found.nodes[1:]]


def node(found: Lineage, subject_id: str, kind: str | None = None) -> LineageNode:
    """The last that the lineage tells of it."""
    *_, last = (node for node in found.nodes if node.subject_id == subject_id and kind in {None, node.kind})
    return last


def test_three_sessions_deep_and_across_two_accounts(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project
) -> None:
    """From a leaked key over a chain of three sessions, the last of them another account's, to a user whom that one
    created, the user's key, and that key's session: each with its parent, and nothing that others did."""
    ledger, other = Ledger(writer), Ledger(writer)
    key = leaked(ledger)
    admin(other).creates_role("deployer")
    admin(ledger).assumes("builder", "SESNINNOCENT")
    first = key.assumes("builder", "SESNONE")
    second = first.assumes("builder", "SESNTWO")
    third = second.assumes("deployer", "SESNTHREE", of=other)
    third.creates_user("mallory")
    born_key = third.creates_key("AKIABORN" + other.account_id, "mallory")
    born_key.assumes("deployer", "SESNLAST")
    project(ledger.account_id)
    project(other.account_id)
    found = newest(reader, ledger, key.access_key_id)
    assert born(found) == [
        "session SESNONE",
        "session SESNTWO",
        "session SESNTHREE",
        "user AIDAmallory",
        f"access_key {born_key.access_key_id}",
        "session SESNLAST",
    ]
    assert [at.depth for at in found.nodes] == [0, 1, 2, 3, 4, 4, 5]
    parents = {at.place: at for at in found.nodes}
    chain = [node(found, "SESNLAST")]
    while chain[-1].parent is not None:
        chain.append(parents[chain[-1].parent])
    assert [at.subject_id for at in chain] == [
        "SESNLAST",
        born_key.access_key_id,
        "SESNTHREE",
        "SESNTWO",
        "SESNONE",
        key.access_key_id,
    ]
    assert [at.account_id for at in found.nodes[3:]] == [other.account_id] * 4
    assert found.remaining == found.nodes
    assert (found.unfollowed, found.stopped_after_nodes) == ((), None)


def test_a_user_or_role_that_was_born_brings_its_own(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project
) -> None:
    """What was made for a born user, and who took on a born role, is of the lineage whoever made it; of a user that
    only got a key it is that key alone. Of a user as the seed, it is everything of its keys."""
    ledger = Ledger(writer)
    key = leaked(ledger)
    admin(ledger).creates_user("old")
    admin(ledger).creates_key("AKIAUNRELATED00000", "old").assumes("builder", "SESNUNRELATED")
    key.creates_user("mallory")
    key.creates_role("backdoor")
    key.creates_key("AKIAFOROLD00000000", "old")
    admin(ledger).creates_key("AKIABYADMIN0000000", "mallory").assumes("builder", "SESNBYBORN")
    admin(ledger).assumes("backdoor", "SESNTAKENON")
    project(ledger.account_id)
    assert set(born(newest(reader, ledger, key.access_key_id))) == {
        "user AIDAmallory",
        "role AROAbackdoor",
        "access_key AKIAFOROLD00000000",
        "access_key AKIABYADMIN0000000",
        "session SESNBYBORN",
        "session SESNTAKENON",
    }
    of_old = ["access_key AKIAUNRELATED00000", "access_key AKIAFOROLD00000000", "session SESNUNRELATED"]
    arn = f"arn:aws:iam::{ledger.account_id}:user/old"
    for seed in ("old", "AIDAold", arn):
        found = newest(reader, ledger, seed)
        assert born(found) == of_old
        assert (found.seed.arn, found.seed.parent) == (arn, None)
    assert born(newest(reader, ledger, "AROAbackdoor")) == ["session SESNTAKENON"]


def test_a_seed_by_any_name(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """A session by its id, key or ARN, a user by the name it has now, or had before where nobody has it, root by its
    ARN or the account; each also as tables show it. A group, what may be several, and what there is not, are refused
    with what was expected and what is most like it."""
    ledger = Ledger(writer)
    admin(ledger).does(AccessKeyCreated(access_key_id="AKIAROOT", user_id=ledger.account_id, user_name="root"))
    session = leaked(ledger).assumes("builder", "SESNONE")
    admin(ledger).does(UserUpdated(user_id="AIDAann", user_name="ann", new_user_name="anna", new_path="/"))
    admin(ledger).does(GroupCreated(group_id="AGPAops", group_name="ops", path="/"))
    project(ledger.account_id)
    assert {newest(reader, ledger, seed).seed.subject_id for seed in ("SESNONE", session.access_key_id)} == {"SESNONE"}
    for seed in ("anna", "user/Anna", f"arn:aws:iam::{ledger.account_id}:user/anna", "ann", "user/ann"):
        assert newest(reader, ledger, seed).seed.subject_id == "AIDAann"
    for seed in (ledger.account_id, f"arn:aws:iam::{ledger.account_id}:root", "root"):
        assert born(newest(reader, ledger, seed)) == ["access_key AKIAROOT"]
    with pytest.raises(InvalidInput, match="ops is a group"):
        newest(reader, ledger, "ops")
    for absent, told in (("anne", "anna"), ("user/anne", "user/anna"), ("AKIAROOF", "AKIAROOT")):
        with pytest.raises(NoSuchEntity, match=f"user or role {absent} at position .*an access key id") as refused:
            newest(reader, ledger, absent)
        assert refused.value.suggestion == f" The nearest is {told}."
    admin(ledger).does(UserUpdated(user_id="AIDAann", user_name="anna", new_user_name="x", new_path="/"))
    admin(ledger).does(UserCreated(user_id="AIDAnew", user_name="anna", path="/"))
    admin(ledger).does(UserUpdated(user_id="AIDAnew", user_name="anna", new_user_name="y", new_path="/"))
    project(ledger.account_id)
    with pytest.raises(InvalidInput, match="anna may be AIDAann or AIDAnew"):
        newest(reader, ledger, "anna")


def test_since_when_a_deleted_key_was_dead(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project
) -> None:
    """From when it became inactive for the last time; one that was active again, from its deletion."""
    ledger = Ledger(writer)
    slept, woken = leaked(ledger), admin(ledger).creates_key(f"AKIAWOKEN{ledger.account_id}", "ann")
    of = {key: {"access_key_id": key.access_key_id, "user_id": "AIDAann", "user_name": "ann"} for key in (slept, woken)}
    off = [admin(ledger).does(AccessKeyDeactivated(**of[key])) for key in (slept, woken)]
    admin(ledger).does(AccessKeyActivated(**of[woken]))
    gone = [admin(ledger).does(AccessKeyDeleted(**of[key])) for key in (slept, woken)]
    project(ledger.account_id)
    found = {key: newest(reader, ledger, key.access_key_id).seed for key in (slept, woken)}
    assert [seed.since and seed.since.position for seed in found.values()] == gone
    assert [seed.inactive_position for seed in found.values()] == [off[0], gone[1]]


def test_what_lives_and_what_ended_it(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """Keys come and go, sessions expire, are revoked, or end with their role; and at an earlier moment what came after
    it is not known, the birth itself included."""
    ledger = Ledger(writer)
    key = leaked(ledger)
    for session_id in ("SESNREVOKED", "SESNEXPIRED", "SESNLIVE"):
        key.assumes("builder", session_id, lasts=SECOND if session_id == "SESNEXPIRED" else HOUR)
    key.creates_role("gone")
    admin(ledger).assumes("gone", "SESNORPHAN")
    of_ann = {"access_key_id": key.access_key_id, "user_id": "AIDAann", "user_name": "ann"}
    before = ledger.position
    off = admin(ledger).does(
        SessionRevoked(session_id="SESNREVOKED"),
        SessionRevoked(session_id="SESNEXPIRED"),
        RoleDeleted(role_id="AROAgone", role_name="gone"),
        AccessKeyDeactivated(**of_ann),
    )
    on = admin(ledger).does(AccessKeyActivated(**of_ann))
    closed = admin(ledger).does(AccountClosed())
    project(ledger.account_id)

    def states(position: int) -> dict[str, str]:
        found = trace_lineage(reader, ledger.account_id, key.access_key_id, AsOf(NOW, position=position))
        return {at.subject_id: at.state for at in found.nodes}

    assert states(before) == {
        key.access_key_id: "active",
        "SESNREVOKED": "active",
        "SESNEXPIRED": "expired",
        "SESNLIVE": "active",
        "AROAgone": "active",
        "SESNORPHAN": "active",
    }
    assert states(off) == {
        key.access_key_id: "inactive",
        "SESNREVOKED": "revoked",
        "SESNEXPIRED": "expired",
        "SESNLIVE": "active",
        "AROAgone": "deleted",
        "SESNORPHAN": "deleted",
    }
    assert states(on) == {**states(off), key.access_key_id: "active"}
    assert states(closed)["SESNLIVE"] == "closed"
    since = node(
        trace_lineage(reader, ledger.account_id, key.access_key_id, AsOf(NOW, position=off)), "SESNREVOKED"
    ).since
    assert since is not None
    assert (since.position, since.by) == (before + 1, f"arn:aws:iam::{ledger.account_id}:user/admin")


def test_a_user_has_what_others_made(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """Also credentials of services. One that is reset while it is inactive is so until it is activated, and no denial
    of the user's makes it unusable: a service asks for its status alone."""
    ledger = Ledger(writer)
    leaked(ledger)
    ann = {"user_id": "AIDAann", "user_name": "ann"}
    git, kind = {**ann, "credential_id": "ACCAANN"}, {"credential": "service-specific credential"}
    mail = {"service_name": "cassandra.amazonaws.com", "service_user_name": "ann-at-1"}
    steps = [
        ServiceSpecificCredentialCreated(**git, **mail, secret_id="S1"),
        UserCredentialDeactivated(**git, **kind),
        ServiceSpecificCredentialReset(**git, secret_id="S2"),
        InlinePolicyPut(
            entity="user", entity_id="AIDAann", entity_name="ann", policy_name=CONTAINED_POLICY_NAME,
            document=CONTAINED_DOCUMENT,
        ),
        UserCredentialActivated(**git, **kind),
        UserCredentialDeactivated(**git, **kind),
        UserCredentialDeleted(**git, **kind),
    ]  # fmt: skip
    positions = [admin(ledger).does(step) for step in steps]
    project(ledger.account_id)

    def states(position: int) -> list[str]:
        found = trace_lineage(reader, ledger.account_id, "ann", AsOf(NOW, position=position)).nodes
        return [node.state for node in found if node.subject_id == "ACCAANN"]

    assert [states(position) for position in positions] == [
        ["active"],
        ["inactive"],
        ["replaced", "inactive"],
        ["replaced", "inactive"],
        ["replaced", "active", "active"],
        ["replaced", "inactive", "replaced"],
        ["replaced", "deleted", "replaced"],
    ]


def test_a_contained_user_is_alive_no_more(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project
) -> None:
    """While it holds the policy of that name with that text, with its keys; under another text it is alive."""
    ledger = Ledger(writer)
    key = leaked(ledger)
    put = {"entity": "user", "entity_id": "AIDAann", "entity_name": "ann", "policy_name": CONTAINED_POLICY_NAME}
    contained = admin(ledger).does(InlinePolicyPut(**put, document=CONTAINED_DOCUMENT))
    lifted = admin(ledger).does(InlinePolicyPut(**put, document=DOCUMENTS[0]))
    project(ledger.account_id)

    def remaining(position: int) -> int:
        return len(trace_lineage(reader, ledger.account_id, "ann", AsOf(NOW, position=position)).remaining)

    assert [remaining(position) for position in (contained - 1, contained, lifted)] == [2, 0, 2]
    assert key.access_key_id


def test_circles_and_bounds_end(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """A key that makes another one for its own user, and that one a third: each is told once. With a bound the first
    ones are told, and that there are more."""
    ledger = Ledger(writer)
    key = leaked(ledger)
    key.creates_key("AKIASECOND00000000", "ann").creates_key("AKIATHIRD000000000", "ann")
    project(ledger.account_id)
    keys = [f"access_key {key_id}" for key_id in (key.access_key_id, "AKIASECOND00000000", "AKIATHIRD000000000")]
    assert born(newest(reader, ledger, "ann")) == keys
    for bound, stopped_after_nodes in ((3, 3), (4, None), (5, None)):
        found = trace_lineage(reader, ledger.account_id, "ann", AsOf(NOW), nodes_max=bound)
        assert (born(found), found.stopped_after_nodes) == (keys[: bound - 1], stopped_after_nodes)


def test_accounts_that_one_may_not_see(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """The session that goes there is named, and neither its end nor its children."""
    ledger, other = Ledger(writer), Ledger(writer)
    key = leaked(ledger)
    admin(other).creates_role("deployer")
    there = key.assumes("deployer", "SESNTHERE", of=other)
    there.creates_user("mallory")
    project(ledger.account_id)
    project(other.account_id)
    found = trace_lineage(reader, ledger.account_id, key.access_key_id, AsOf(NOW), follows=lambda _: "not ours")
    assert born(found) == []
    ((account_id, subject_id, parent),) = ((at.account_id, at.subject_id, at.parent) for at in found.unfollowed)
    assert (account_id, subject_id, parent) == (other.account_id, "SESNTHERE", found.seed.place)


def test_every_kind_that_is_entered_is_registered() -> None:
    """By the family whose events make it: its label, and whether it gives access, are known then."""
    definition = files("projections.tables").joinpath("lineage.sql").read_text()
    entered = re.findall(r"enter_(?:node|of_account)\([^;']*?%\(entry\)s,\s*'(\w+)'", definition)
    checked = re.findall(r"'(\w+)'", definition.partition("check (kind in (")[2].partition("))")[0])
    assert {*entered, "root", "session"} == {*checked}
    assert {*checked} == lineage_kind_names()
