"""Recorded calls under other policies, and the policy for what was used, as the native API tells them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from botocore.credentials import Credentials as Keys

from domain.calls import ApiCalled
from services.api.action_catalogue import CATALOGUE
from services.api.contract.what_if import WhatIfPart, merge_parts
from services.api.handlers import least_privilege, replay, what_if
from services.ledger import call_replay as ledger_replaying
from services.ledger.mapper import EntryMapper
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates
from services.ledger.recorder import select
from tests.services.api.in_process_server import InProcessServer, Reply, signed_form
from tests.services.api.test_explaining import assumes

LISTS = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}
READS = {"Effect": "Allow", "Action": ["iam:List*", "iam:GetUser"], "Resource": "*"}


def document(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


DENIES = document({"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"})
ALLOWS = document({"Effect": "Allow", "Action": "*", "Resource": "*"})


def calls(house: InProcessServer, keys: Keys, *actions: str, **members: str) -> None:
    for action in actions:
        house.answer(signed_form("iam", action, keys, **members), house.aws)


def asks(house: InProcessServer, keys: Keys | None = None, **parameters: object) -> Reply:
    body = json.dumps({"since": "p1", **parameters}).encode()
    return house.asks("/v1/what-if", method="POST", body=body, keys=keys)


def told(house: InProcessServer, **parameters: object) -> dict[str, Any]:
    answer = asks(house, **parameters)
    assert answer.status == 200, answer.body
    return answer.body


def changed(answer: dict[str, Any]) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Calls, refused and allowed, by the end of the principal's ARN and the operation."""
    return {
        (group["principal_arn"].rsplit("/")[-1], group["operation"]): (
            group["calls"],
            group["now_refused"],
            group["now_allowed"],
        )
        for group in answer["groups"]
        if group["first_changed"]
    }


def test_by_principal_and_operation(house: InProcessServer) -> None:
    """What would have been refused and what allowed, each group with its first call and why; the numbers add up, and
    what is not modelled is said."""
    alice, bob = house.user("alice", LISTS), house.user("bob", LISTS)
    calls(house, alice, "ListUsers", "ListUsers", "ListRoles")
    calls(house, bob, "ListUsers")
    house.aws_does("sts", "GetCallerIdentity", keys=alice)
    answer = told(house, policy=DENIES, attach_to="alice")
    assert changed(answer) == {("alice", "ListUsers"): (2, 2, 0)}
    (group,) = [group for group in answer["groups"] if group["first_changed"]]
    assert group["first_changed"]["why"].endswith("with an explicit deny in an identity-based policy")
    # GetCallerIdentity, and the operator who has opened the account.
    assert answer["without_decision"] == 2
    assert answer["calls"] == sum(
        answer[part] for part in ("unchanged", "now_refused", "now_allowed", "without_decision", "undecidable")
    )
    assert "decided by itself" in answer["not_modelled"]
    assert answer["stopped_position"] is None
    assert changed(told(house, policy=ALLOWS, attach_to="alice")) == {("alice", "ListRoles"): (1, 0, 1)}
    assert changed(told(house, policy=document(READS), in_place_of_all_of="bob")) == {}
    assert changed(told(house, scp=DENIES)) == {("alice", "ListUsers"): (2, 2, 0), ("bob", "ListUsers"): (1, 1, 0)}
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert ("admin", "CreateUser") in changed(told(house, policy=DENIES, instead_of=administrator))


def test_of_a_period(house: InProcessServer) -> None:
    """From one moment to another, both inclusive, as times or as positions."""
    alice = house.user("alice", LISTS)
    places = []
    for _ in range(3):
        response = house.answer(signed_form("iam", "ListUsers", alice), house.aws)
        places.append(response.position)
    supposing = {"policy": DENIES, "attach_to": "alice"}
    for first, last in ((0, 2), (1, 1), (2, 2)):
        span = {"since": f"p{places[first]}", "until": f"p{places[last]}"}
        answer = told(house, **supposing, **span)
        assert answer["now_refused"] == answer["calls"] == last - first + 1
        assert (answer["since_position"], answer["until_position"]) == (places[first], places[last])
    before = datetime(2001, 1, 1, tzinfo=UTC)
    assert told(house, **supposing, since=before.isoformat())["now_refused"] == 3
    # At its beginning there was no alice, and before it there was no account.
    assert asks(house, **supposing, since=before.isoformat(), until="p1").error[0] == "NoSuchEntity"
    refused = asks(house, **supposing, since=before.isoformat(), until=(before + timedelta(1)).isoformat())
    assert "did not exist yet at 2001-01-02T00:00:00Z" in refused.error[1]


def test_parts_add_up_to_the_whole(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that stops says where, and the one from there goes on: also where a session was issued and policies
    were changed in an earlier part. Nothing is counted twice, and the end stays where it was."""
    alice = house.user("alice", {**LISTS, "Action": "sts:AssumeRole"})
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": house.account_id}}
    house.aws_does("iam", "CreateRole", RoleName="ops", AssumeRolePolicyDocument=document(trust))
    house.aws_does("iam", "PutRolePolicy", RoleName="ops", PolicyName="may", PolicyDocument=document(LISTS))
    session, _ = assumes(house, alice, f"arn:aws:iam::{house.account_id}:role/ops")
    calls(house, session, *["ListUsers", "ListRoles"] * 5)
    monkeypatch.setattr(ledger_replaying, "EVENTS_A_SELECT", 4)
    whole = told(house, policy=DENIES, attach_to="ops")
    assert changed(whole) == {("ops", "ListUsers"): (5, 5, 0)}
    for limited, name, size in ((replay, "POSITIONS_AN_ANSWER_MAX", 3), (what_if, "GROUPS_AN_ANSWER_MAX", 1)):
        with monkeypatch.context() as smaller:
            smaller.setattr(limited, name, size)
            parts, since = list[WhatIfPart](), "p1"
            while not parts or parts[-1].stopped_position is not None:
                until = f"p{whole['until_position']}"
                body = told(house, policy=DENIES, attach_to="ops", since=since, until=until)
                parts.append(WhatIfPart.model_validate(body))
                since = f"p{(parts[-1].stopped_position or 0) + 1}"
        assert len(parts) > 2
        together = merge_parts(tuple(parts)).model_dump(mode="json")
        groups, expected = together.pop("groups"), {**whole}
        assert sorted(map(str, groups)) == sorted(map(str, expected.pop("groups")))
        assert together == expected


def test_it_is_recorded_as_a_question(house: InProcessServer) -> None:
    """A POST that changes nothing: read-only, with the text of the policy, and read-only for the linter."""
    answer = asks(house, policy=DENIES, attach_to=house.admin.access_key)
    assert answer.error[0] == "NoSuchEntity"
    with house.ledger.readers.connection() as connection, connection.cursor() as cursor:
        row = select(cursor, "select_events_descending", house.account_id, limit=1)[0]
    event = EntryMapper().to_domain_event(row).event
    assert isinstance(event, ApiCalled)
    assert event.read_only
    assert event.parameters["policy"] == DENIES
    native = CATALOGUE.service("muniment")
    assert native is not None
    assert native.actions["whatif"].access_level == "Read"


def test_it_takes_the_question_itself_and_the_past(house: InProcessServer) -> None:
    """Who asks needs muniment:WhatIf, or muniment:GetLeastPrivilege, and muniment:TimeTravel."""
    for action, path in (("WhatIf", None), ("GetLeastPrivilege", "/v1/least-privilege/admin?since=p1")):
        for number, granted in enumerate(([action], ["TimeTravel"], [action, "TimeTravel"])):
            statement = {**LISTS, "Action": [f"muniment:{each}" for each in granted]}
            keys = house.user(f"{action}-{number}", statement)
            answer = asks(house, keys, scp=DENIES) if path is None else house.asks(path, keys=keys)
            assert (answer.status == 200) == (len(granted) == 2)


@pytest.mark.parametrize(
    ("parameters", "code", "said"),
    [
        ({}, "ValidationError", "Suppose one thing"),
        ({"policy": ALLOWS}, "ValidationError", "Suppose one thing"),
        ({"policy": ALLOWS, "attach_to": "admin", "instead_of": "x"}, "ValidationError", "Suppose one thing"),
        ({"policy": ALLOWS, "attach_to": "admin", "scp": ALLOWS}, "ValidationError", "Suppose one thing"),
        ({"scp": ALLOWS, "attach_to": "admin"}, "ValidationError", "Suppose one thing"),
        ({"policy": ALLOWS, "attach_to": "admin", "attach_scp_to": "root"}, "ValidationError", "Suppose one thing"),
        ({"policy": "{}", "attach_to": "admin"}, "MalformedPolicyDocument", "Statement"),
        ({"scp": ALLOWS.replace("Effect", "effect")}, "MalformedPolicyDocument", "got effect"),
        ({"scp": ALLOWS + " " * 9 + "x" * 10_240}, "ValidationError", "at most 10,240 characters"),
        ({"policy": ALLOWS, "attach_to": "nobody"}, "NoSuchEntity", "called nobody"),
        ({"policy": ALLOWS, "instead_of": "arn:aws:iam::aws:policy/None"}, "NoSuchEntity", "No managed policy"),
        ({"policy": ALLOWS, "in_place_of_all_of": "crew"}, "ValidationError", "is a group"),
        ({"policy": ALLOWS, "attach_to": "twice"}, "InvalidInput", "give the ARN"),
        ({"scp": ALLOWS, "since": "p999999"}, "ValidationError", "its last position is p"),
        ({"scp": ALLOWS, "until": "p999999"}, "ValidationError", "has not come yet"),
        ({"scp": ALLOWS, "since": "2999-01-01T00:00:00Z"}, "ValidationError", "has not come yet"),
        ({"scp": ALLOWS, "since": "soon"}, "ValidationError", "A moment is"),
    ],
)
def test_what_is_refused(house: InProcessServer, parameters: dict[str, object], code: str, said: str) -> None:
    """With what was wrong and what was expected."""
    house.aws_does("iam", "CreateGroup", GroupName="crew")
    house.aws_does("iam", "CreateGroup", GroupName="twice")
    house.aws_does("iam", "CreateUser", UserName="Twice")
    answer = asks(house, **parameters)
    assert answer.error[0] == code
    assert said in answer.error[1]


def least(house: InProcessServer, principal: str, **parameters: str) -> dict[str, Any]:
    query = "&".join(f"{name}={value}" for name, value in {"since": "p1", **parameters}.items())
    answer = house.asks(f"/v1/least-privilege/{quote(principal, safe='')}?{query}")
    assert answer.status == 200, answer.body
    return answer.body


def test_least_privilege(house: InProcessServer) -> None:
    """What was allowed is covered and confirmed, a call that failed after that included; what was refused is not."""
    alice = house.user("alice", READS)
    calls(house, alice, "ListUsers", "ListRoles", "ListRoles")
    calls(house, alice, "GetUser", UserName="nobody")
    calls(house, alice, "DeleteUser", UserName="alice")
    arn = f"arn:aws:iam::{house.account_id}:"
    answer = least(house, f"{arn}user/alice")
    assert json.loads(answer["covering"]["document"])["Statement"] == [
        {"Effect": "Allow", "Action": "iam:GetUser", "Resource": f"{arn}user/nobody"},
        {"Effect": "Allow", "Action": "iam:ListRoles", "Resource": f"{arn}role/"},
        {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": f"{arn}user/"},
    ]
    assert (answer["allowed"], answer["confirmed"], answer["refused"]) == (4, 4, 1)
    assert answer["used"][1] == {"action": "iam:ListRoles", "resource": f"{arn}role/", "calls": 2}
    assert answer["covering"]["generalised"] == []
    # What-if agrees, over all principals.
    supposing = {"policy": answer["covering"]["document"], "in_place_of_all_of": "alice"}
    assert told(house, **supposing)["now_refused"] == 0
    house.user("idle")
    idle = least(house, "idle")
    assert (idle["covering"], idle["allowed"], idle["confirmed"]) == (None, 0, 0)


def test_least_privilege_in_parts(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer covers what lies up to where it stopped: by positions, or because it would list too much."""
    alice = house.user("alice", READS)
    first = calls_at(house, alice, "ListUsers", "ListRoles", "ListGroups")
    monkeypatch.setattr(least_privilege, "USED_AN_ANSWER_MAX", 2)
    answer = least(house, "alice")
    assert answer["stopped_position"] == first[2] - 1
    assert (answer["allowed"], answer["confirmed"], len(answer["used"])) == (2, 2, 2)
    rest = least(house, "alice", since=f"p{answer['stopped_position'] + 1}", until=f"p{answer['until_position']}")
    assert [used["action"] for used in rest["used"]] == ["iam:ListGroups"]
    assert rest["stopped_position"] is None


def calls_at(house: InProcessServer, keys: Keys, *actions: str) -> list[int]:
    """The positions of the calls."""
    found = [house.answer(signed_form("iam", action, keys), house.aws).position for action in actions]
    return [position for position in found if position is not None]


def test_what_the_ledger_has_no_more_is_counted_apart(house: InProcessServer) -> None:
    """Calls of a session whose issuing is gone, as retention may leave them: undecidable, with the reason, and not
    covered by confirmation."""
    alice = house.user("alice", LISTS)
    calls(house, alice, "ListUsers")
    with house.ledger.readers.connection() as connection, connection.cursor() as cursor:
        row = select(cursor, "select_events_descending", house.account_id, limit=1)[0]
    entry = EntryMapper().to_domain_event(row)
    principal = entry.cause.principal
    assert principal is not None
    issued = principal.model_copy(update={"session_issued_at": entry.at})
    # The last call's event loop is gone.
    house.ledger.committer.deliver_through(lambda answer: answer())
    for number in range(2):
        update = {"session_id": "SESNGONE", "principal": issued, "request_id": f"of the session {number}"}
        append = LedgerAppend(house.account_id, entry.cause.model_copy(update=update), [entry.event])

        def decide(_values: LedgerStates, _at: datetime, append: LedgerAppend = append) -> CallResult:
            return CallResult(None, [append])

        house.ledger.committer.decide(frozenset({house.account_id}), decide)
    answer = told(house, policy=DENIES, attach_to="alice")
    assert (answer["undecidable"], answer["now_refused"]) == (2, 1)
    assert "SESNGONE was issued is not in the ledger any more" in answer["undecidable_because"]
    found = least(house, "alice")
    assert (found["allowed"], found["confirmed"], found["undecidable"]) == (3, 1, 2)
