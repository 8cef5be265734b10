"""What a call is about: every entity that it names or touches finds it, by any of its names."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.account import AccountChange
from domain.calls import ApiCalled, DecisionRecord
from domain.families.groups import GroupCreated, UserAddedToGroup
from domain.families.policies import PolicyAttached, PolicyCreated
from domain.families.users import UserCreated, UserDeleted, UserUpdated
from domain.foundation.errors import NoSuchEntity
from domain.foundation.events import Event
from domain.foundation.moments import AsOf
from domain.registry import event_classes, event_from
from projections.engine.apply import apply_batch
from projections.engine.definition import load_projections
from projections.queries.history import search_history
from projections.queries.history_filters import HistoryFilters, KnownValues
from tests.domain.accounts import ALLOW_ALL
from tests.projections.conftest import Project
from tests.projections.ledger import NOW, Ledger, cause_of

VECTORS = Path(__file__).parents[1] / "vectors" / "events"
ADA, LATER, ADMINS, POLICY = ("AIDA" + "A" * 17, "AIDA" + "B" * 17, "AGPA" + "A" * 17, "ANPA" + "A" * 17)
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
VALUES = {"_id": ADA, "_arn": ADMINISTRATOR, "serial_number": f"arn:aws:iam::{'2' * 12}:mfa/phone"}
"""By what the names of fields end with."""


def called(operation: str, *events: Event, on: str = "*", **parameters: object) -> tuple[str, list[Event]]:
    decision = DecisionRecord(
        action=f"iam:{operation}",
        resources=(on,),
        result="allowed",
        layer="identity",
        matched=(),
        context={},
        positions={},
        evaluator=1,
    )
    record = ApiCalled(read_only=not events, parameters=parameters, decisions=(decision,))
    return operation, [*events, record]


@pytest.fixture
def ledger(writer: psycopg.Connection) -> Ledger:
    """Ada comes into the group, gets a policy, becomes bob and is asked about; then there is another ada, whom somebody
    may not give a policy; and bob goes."""
    ledger = Ledger(writer)

    def arn(resource: str) -> str:
        return f"arn:aws:iam::{ledger.account_id}:{resource}"

    ada = {"user_id": ADA, "user_name": "Ada"}
    admins, policy = {"group_id": ADMINS, "group_name": "admins"}, {"policy_id": POLICY, "policy_arn": arn("policy/p")}
    holds = {"entity": "user", "entity_id": ADA, "entity_name": "Ada", "policy_id": "ANPA" + "Z" * 17}
    text = {"document": ALLOW_ALL, "path": "/x/", "policy_name": "p"}
    for number, (operation, events) in enumerate(
        (
            called("CreateUser", UserCreated(**ada, path="/team/"), on=arn("user/team/Ada"), user_name="Ada"),
            called("CreateGroup", GroupCreated(**admins, path="/"), on=arn("group/admins"), group_name="admins"),
            called("CreatePolicy", PolicyCreated(**policy, **text), on=arn("policy/x/p"), policy_name="p"),
            called("AddUserToGroup", UserAddedToGroup(**ada, **admins), on=arn("group/admins"), user_name="ada"),
            called("AttachUserPolicy", PolicyAttached(**holds, policy_arn=ADMINISTRATOR), on=arn("user/team/Ada")),
            called("UpdateUser", UserUpdated(**ada, new_user_name="bob", new_path="/"), on=arn("user/team/Ada")),
            called("GetUser", on=arn("user/bob"), user_name="bob"),
            called("CreateUser", UserCreated(user_id=LATER, user_name="ada", path="/"), on=arn("user/ada")),
            called("AttachUserPolicy", on=arn("user/ada"), user_name="ada", policy_arn=ADMINISTRATOR),
            called("DeleteUser", UserDeleted(user_id=ADA, user_name="bob"), on=arn("user/bob")),
            called("CreateUser", on=arn("user/carol"), user_name="carol"),
        )
    ):
        ledger.append(*events, cause=cause_of(ledger.account_id, operation=operation, request_id=f"r{number}"))
    return ledger


FIRST = ["CreateUser", "AddUserToGroup", "AttachUserPolicy", "UpdateUser", "GetUser"]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (ADA, [*FIRST, "DeleteUser"]),
        ("user/bob", [*FIRST, "DeleteUser"]),
        ("arn:aws:iam::{account}:user/bob", [*FIRST, "DeleteUser"]),
        ("arn:aws:iam::{account}:user/team/ada", [*FIRST, "DeleteUser"]),
        ("ADA", [*FIRST, "CreateUser", "AttachUserPolicy", "DeleteUser"]),
        (LATER, ["CreateUser", "AttachUserPolicy"]),
        ("admins", ["CreateGroup", "AddUserToGroup"]),
        ("group/admins", ["CreateGroup", "AddUserToGroup"]),
        (ADMINISTRATOR, ["AttachUserPolicy", "AttachUserPolicy"]),
        ("policy/p", ["CreatePolicy"]),
        (POLICY, ["CreatePolicy"]),
        ("carol", ["CreateUser"]),
    ],
)
def test_an_entity_is_found_by_all_that_it_was_called(
    ledger: Ledger, reader: psycopg.Cursor, project: Project, resource: str, expected: list[str]
) -> None:
    """By ARN, name and unique id, whatever the case: also what only a parameter or an event names, what was refused,
    and what was done under another name of the entity; but not what another one did under that name."""
    project(ledger.account_id)
    filters = HistoryFilters(resource=resource.format(account=ledger.account_id))
    found = search_history(reader, ledger.account_id, filters, AsOf(NOW))
    assert sorted(call.operation for call in found.calls) == sorted(expected)


def test_a_call_tells_what_it_is_about(
    ledger: Ledger, reader: psycopg.Cursor, projector: psycopg.Connection, project: Project
) -> None:
    """What was authorised first, then what is named, then ids; the same in whatever portions the ledger is read, also
    where a call stands in another one than its events."""
    (trail,) = (projection for projection in load_projections() if projection.name == "trail")
    for _ in range(ledger.position):
        apply_batch(projector, trail, ledger.account_id, 1)
    project(ledger.account_id)
    calls = search_history(reader, ledger.account_id, HistoryFilters(), AsOf(NOW)).calls
    about = {call.request_id: call.resources for call in calls}
    assert about["r3"] == ("group/admins", "user/ada", ADMINS, ADA)
    assert about["r4"] == ("user/Ada", ADMINISTRATOR, ADA, "ANPA" + "Z" * 17)
    assert about["r5"] == ("user/Ada", "user/bob", ADA)
    assert about["r8"] == ("user/ada", ADMINISTRATOR)


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (HistoryFilters(resource="admin"), "resource admin, .* The nearest is admins"),
        (HistoryFilters(resource="user/adda"), "The nearest is user/ada"),
        (HistoryFilters(resource="arn:aws:iam::{account}:user/elsewhere/bob"), "The nearest is arn:.*:user/bob"),
        (HistoryFilters(principal="bobb"), "principal bobb, .* The nearest is bob"),
        (HistoryFilters(operation="CreateUsr"), "operation CreateUsr, .* The nearest is CreateUser"),
        (HistoryFilters(error_code="AccesDenied"), "The nearest is AccessDenied"),
        (HistoryFilters(access_key_id="AKIA1"), "access key id AKIA1"),
    ],
    ids=str,
)
def test_a_value_that_never_was_is_an_error(
    ledger: Ledger, reader: psycopg.Cursor, project: Project, filters: HistoryFilters, said: str
) -> None:
    """It is said, with the nearest that was. What there is, though no call had it, is none; nor is an address or an
    agent: that nobody ever called so is what an incident responder asks."""
    project(ledger.account_id)
    given = {name: getattr(filters, name) for name in filters.__slots__}
    given["resource"] = filters.resource and filters.resource.format(account=ledger.account_id)
    known = KnownValues(["CreateUser", "GetRole"], error_codes=["AccessDenied"])
    with pytest.raises(NoSuchEntity, match=said):
        search_history(reader, ledger.account_id, HistoryFilters(**given), AsOf(NOW), known=known)
    for there in (
        *(HistoryFilters(operation="iam:getrole"), HistoryFilters(error_code="accessdenied")),
        *(HistoryFilters(principal="bob"), HistoryFilters(principal="root"), HistoryFilters(resource="root")),
        *(HistoryFilters(source_address="192.0.2.2"), HistoryFilters(source_address="198.51.100.0/24")),
        HistoryFilters(user_agent="curl"),
    ):
        assert not search_history(reader, ledger.account_id, there, AsOf(NOW), known=known).calls


def identified(given: Any, name: str = "") -> Any:
    """With ids and ARNs of the shapes that they have, where the vector only has their fields' names."""
    if isinstance(given, dict):
        return {name: identified(value, name) for name, value in given.items()}
    if isinstance(given, list):
        return [identified(value) for value in given]
    return next((value for end, value in VALUES.items() if name.endswith(end) and isinstance(given, str)), given)


def test_a_change_names_what_it_changes(projector: psycopg.Connection) -> None:
    """Whatever any event says that it changes, and everybody whom it names, is found in its fields, by what they are
    called or look like: so that its call is found by it."""
    unnamed = {}
    for topic, event_class in event_classes().items():
        if not issubclass(event_class, AccountChange):
            continue
        line = json.loads((VECTORS / f"{topic}.json").read_text().split("\n")[0])
        fields = identified(line["event"])
        event = event_from(topic, fields)
        assert isinstance(event, AccountChange)
        rows = projector.execute("select name from resources_named(%s, %s)", ("1" * 12, event.model_dump_json()))
        expected = {*event.changed_subjects("1" * 12)} - {"1" * 12}
        expected |= {f"{kind}/{kind}_name" for kind in ("user", "group", "role") if f"{kind}_name" in fields}
        unnamed[topic] = expected - {name for (name,) in rows.fetchall()}
    assert {topic: names for topic, names in unnamed.items() if names} == {}
