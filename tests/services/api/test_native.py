"""The native API: authorized and recorded in one round, then read as of that very call."""

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from services.api.contract.page_markers import make_marker
from services.api.contract.questions import QUESTIONS
from tests.services.api.in_process_server import InProcessServer, signed

ALLOW = {"Effect": "Allow", "Resource": "*"}


def calls(house: InProcessServer, query: str = "") -> list[tuple[str, str | None]]:
    found = house.asks(f"/v1/history?limit=1000{query}")
    assert found.status == 200, found.body
    return [(call["operation"], call["error_code"]) for call in found.body["calls"]]


def test_a_history_ends_with_the_call_that_asks(house: InProcessServer) -> None:
    """The answer waits for the tables: what was answered before is in it, this call included, and its position is the
    answer's."""
    house.user("alice")
    found = house.asks("/v1/history")
    assert [call["operation"] for call in found.body["calls"]] == [
        "CreateAccount",
        "CreateUser",
        "CreateAccessKey",
        "LookupHistory",
    ]
    assert found.body["calls"][-1]["position"] == found.position
    assert {call["source_address"] for call in found.body["calls"][1:]} == {"192.0.2.7"}
    assert (found.body["limit"], found.body["marker"]) == (100, None)


def test_what_happened_to_a_resource(house: InProcessServer) -> None:
    """The history of an ARN has what was done about it and what was refused, and narrows with other filters."""
    alice = house.user("alice")
    assert house.aws_does("iam", "GetUser", UserName="admin", keys=alice)[0] == 403
    assert house.aws_does("iam", "GetUser", UserName="alice")[0] == 200
    theirs, admins = (
        "&on=" + quote(f"arn:aws:iam::{house.account_id}:user/{name}", safe="") for name in ("alice", "admin")
    )
    assert calls(house, theirs) == [("CreateUser", None), ("CreateAccessKey", None), ("GetUser", None)]
    assert calls(house, f"{admins}&principal=alice&operation=GetUser") == [("GetUser", "AccessDenied")]
    assert calls(house, f"{theirs}&error_code=AccessDenied") == []


def test_pages_are_one_history(house: InProcessServer) -> None:
    """Pages of one put together are what a single page shows: nothing twice, nothing left out, and an end, although
    every turn of a page is a call itself."""
    house.user("alice")
    house.user("bob")
    first = house.asks("/v1/history?limit=1")
    end = first.position
    pages = [first]
    while marker := pages[-1].body["marker"]:
        pages.append(house.asks(f"/v1/history?limit=1&marker={marker}"))
    positions = [call["position"] for page in pages for call in page.body["calls"]]
    whole = [call["position"] for call in house.asks("/v1/history?limit=1000").body["calls"]]
    assert positions == [position for position in whole if position <= (end or 0)]
    assert len(positions) == 6


def test_pages_of_sessions_and_credentials(house: InProcessServer) -> None:
    """The other listings have pages too, and another listing's marker is none of theirs."""
    alice = house.user("alice")
    sessions = [house.session(alice)[0] for _ in range(3)]
    first = house.asks("/v1/sessions?limit=2")
    second = house.asks(f"/v1/sessions?limit=2&marker={first.body['marker']}")
    assert [row["session_id"] for page in (first, second) for row in page.body["sessions"]] == sessions
    keys = house.asks("/v1/credentials?kind=access_key&limit=1")
    rest = house.asks(f"/v1/credentials?kind=access_key&limit=1&marker={keys.body['marker']}")
    assert rest.body["marker"] is None
    assert [row["user_name"] for page in (keys, rest) for row in page.body["credentials"]] == ["admin", "alice"]
    swapped = house.asks(f"/v1/credentials?marker={first.body['marker']}")
    assert swapped.error == ("ValidationError", "The marker is not one that ListCredentials has given.")


@pytest.mark.parametrize("text", ["x", "MSBMb29rdXA", "MSBMaXN0U2Vzc2lvbnMgLTE", "MSBMaXN0U2Vzc2lvbnMgMDE", "%C3%A9"])
def test_what_is_no_marker(house: InProcessServer, text: str) -> None:
    """A text that we never gave is refused, whatever it decodes to."""
    assert house.asks(f"/v1/sessions?marker={text}").error[0] == "ValidationError"


NEEDED = {
    "WhoCan": "?action=iam%3AGetUser&on=%2A",
    "WhoCould": "?action=iam%3AGetUser&on=%2A&since=p1",
    **dict.fromkeys(
        (
            "GetLeastPrivilege",
            "CouldAssume",
            "ListHeldPolicies",
            "ListAllHeldPolicies",
            "Diff",
            "ListChanges",
            "LocateEntries",
        ),
        "?since=p1",
    ),
    "ProveEntries": "?first=1&last=1",
    **dict.fromkeys(("ListTrailFiles", "SignTrailDigests"), "?since=2026-01-01&until=2026-01-01"),
    **dict.fromkeys(("GetComplianceReport", "ListViolations", "ExplainCompliance"), "?framework=cis-5.0"),
}
"""What has to be given for the question to be read at all."""
DENY_ALL = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
NEEDED_IN_BODY = {
    "WhatIf": json.dumps({"since": "p1", "scp": DENY_ALL}).encode(),
    **dict.fromkeys(("Contain", "ReleaseLineage"), b'{"credential":"alice"}'),
    **dict.fromkeys(("StartKeyRotation", "AdvanceKeyRotation", "StopKeyRotation"), b'{"credential":"alice"}'),
    "RecordKeyHandover": b'{"credential":"alice","new_access_key_id":"AKIAIOSFODNN7EXAMPLE","to":"file"}',
    "ReportLeakedKeys": b'{"access_key_ids":["AKIAIOSFODNN7EXAMPLE"]}',
    **dict.fromkeys(("SetLifecycleProfile", "ForecastLifecycle"), b'{"profile":"cis-5.0"}'),
    "GrantExemption": b'{"who":"alice","until":"2999-01-01","reason":"r"}',
    "TryFramework": b'{"rules":"x"}',
    "AdoptComplianceFramework": b'{"framework":"cis-5.0"}',
    "StartAccessReview": b'{"name":"pager"}',
    "DecideAccessReview": b'{"decisions":[{"line_id":"RLINAAAAAAAAAAAAAAAAA","decision":"keep"}]}',
    "AddNotificationTarget": b'{"kind":"email","destination":"ann@example.com"}',
}


def test_without_a_permission_nothing_is_told(house: InProcessServer) -> None:
    """Each operation needs its own action, the refusal says which on what, and it is in the history."""
    alice = house.user("alice")
    named = {
        "principal": "alice",
        "session_id": "SESN" + "A" * 17,
        "request_id": "r-1",
        "role": "ops",
        "credential": "alice",
        "owner": "alice",
        "exemption_id": "EXMP" + "A" * 17,
        "name": "pager",
        "control": "1.4",
        "position": "1",
        "sha256": "0" * 64,
    }
    for question in QUESTIONS:
        path = question.path.format_map(named) + NEEDED.get(question.__name__, "")
        body = NEEDED_IN_BODY.get(question.__name__, b"")
        told = house.asks(path, keys=alice, method=question.method, body=body)
        resource = question.resource.format_map(named)
        action = f"muniment:{question.__name__}"
        assert told.status == 403
        sentence = (
            f"User: arn:aws:iam::{house.account_id}:user/alice is not authorized to perform: {action} on resource: "
            f"arn:aws:muniment::{house.account_id}:{resource} because no identity-based policy allows the {action} "
            "action"
        )
        assert told.error == ("AccessDenied", sentence)
    assert calls(house, "&principal=alice") == [(question.__name__, "AccessDenied") for question in QUESTIONS]


def test_the_past_takes_a_permission_of_its_own(house: InProcessServer) -> None:
    """Who may list may not yet look back; who may do both is answered, and both checks are recorded."""
    listing = {**ALLOW, "Action": "muniment:ListCredentials"}
    present = house.user("present", listing)
    travelling = house.user("travelling", listing, {**ALLOW, "Action": "muniment:TimeTravel"})
    assert house.asks("/v1/credentials", keys=present).status == 200
    refused = house.asks("/v1/credentials?as_of=p5", keys=present)
    assert "not authorized to perform: muniment:TimeTravel on resource" in refused.error[1]
    assert house.asks("/v1/credentials?as_of=p5", keys=travelling).status == 200
    last = house.asks("/v1/history?principal=travelling").body["calls"][-1]
    assert [decision["action"] for decision in last["decisions"]] == ["muniment:ListCredentials", "muniment:TimeTravel"]
    assert last["parameters"] == {"as_of": "p5"}


def test_the_past_by_time_and_by_position(house: InProcessServer) -> None:
    """Both name the same moment, and show what was true before a change."""
    key = house.user("alice")
    asked_for = "/v1/credentials?kind=access_key"
    before = house.asks(asked_for)
    update = {"UserName": "alice", "AccessKeyId": key.access_key, "Status": "Inactive"}
    assert house.aws_does("iam", "UpdateAccessKey", **update)[0] == 200
    now = {row["access_key_id"]: row["status"] for row in house.asks(asked_for).body["credentials"]}
    assert now[key.access_key] == "Inactive"
    (asked,) = [call for call in house.asks("/v1/history").body["calls"] if call["position"] == before.position]
    for moment in (f"p{before.position}", asked["at"]):
        then = house.asks(f"{asked_for}&as_of={quote(moment)}").body["credentials"]
        assert then == before.body["credentials"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            "source_address=bogus",
            "An address is like 192.0.2.7 or 2001:db8::7, a network like 192.0.2.0/24; got 'bogus'.",
        ),
        ("on=arn%3Aaws%3Aiam", "A resource is an ARN, such as"),
        ("since=2999-01-01T00%3A00%3A00Z", "2999-01-01T00:00:00Z has not come yet; it is "),
        (
            "since=2026-01-02T00%3A00%3A00Z&until=2026-01-01T00%3A00%3A00Z",
            "The span ends before it begins: from 2026-01-02T00:00:00Z to 2026-01-01T00:00:00Z.",
        ),
        ("until=2026-01-02T00%3A00%3A99", "A moment is now, an age such as"),
    ],
)
def test_filters_that_nothing_can_fit(house: InProcessServer, query: str, said: str) -> None:
    """They are mistakes, of which an empty list would say nothing."""
    code, message = house.asks(f"/v1/history?{query}").error
    assert code == "ValidationError"
    assert said in message


@pytest.mark.parametrize(
    "target",
    [
        "who-can?action=iam%3AGetUser&on=%2A&as_of={}",
        "who-could?action=iam%3AGetUser&on=%2A&since=p1&until={}",
        "can-assume/ops?as_of={}",
        "could-assume/ops?since=p1&until={}",
        "permissions/admin?as_of={}",
        "permissions/admin/held?since=p1&until={}",
        "diff?since=p1&until={}",
        "changes?since=2000-01-01&until={}",
        "history?as_of={}",
        "history?until={}",
        "least-privilege/admin?since=p1&until={}",
        "unusual?until={}",
    ],
)
def test_before_the_account_began(house: InProcessServer, target: str) -> None:
    """Nothing is true then, not even that nobody could: the refusal says when the account began, and a question about
    that very moment is not refused so."""
    code, message = house.asks(f"/v1/{target.format(quote('2001-01-01T00:00:00Z'))}").error
    assert code == "ValidationError"
    told = re.fullmatch(
        r"The account \d{12} did not exist yet at 2001-01-01T00:00:00Z\. It began at (.*), which is p1\.", message
    )
    assert told, message
    first = house.asks(f"/v1/{target.format(quote(told[1]))}")
    assert first.status == 200 or first.error[0] == "NoSuchEntity", first.body


def test_a_time_to_come(house: InProcessServer) -> None:
    """What is not over yet has no answer: a time after now is refused, and recorded so; so is a position."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    told = house.asks(f"/v1/sessions?as_of={quote(tomorrow)}")
    assert told.status == 400
    assert "has not come yet" in told.error[1]
    assert calls(house)[-2] == ("ListSessions", "ValidationError")
    assert "has not come yet" in house.asks("/v1/sessions?as_of=p999").error[1]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/v1/history?colour=red", "1 validation error detected: Unknown parameter 'colour'"),
        ("/v1/history?limit=0", "Value '0' at 'limit' is refused: Input should be greater than or equal to 1"),
        ("/v1/history?limit=1001&x=1", "2 validation errors detected: "),
        ("/v1/who-can?as_of=soon", "2 validation errors detected: "),
        ("/v1/who-can?as_of=soon&action=iam%3AGetUser&on=%2A", "A moment is now, an age such as"),
        ("/v1/history?since=yesterday", "A moment is now, an age such as"),
        ("/v1/history?principal=a%00b", "Value 'a\x00b' at 'principal' is refused"),
        ("/v1/permissions/alice?principal=bob", "principal is already given in the path."),
        ("/v1/permissions/%FF", "The path is not text in UTF-8."),
    ],
)
def test_what_is_not_understood(house: InProcessServer, target: str, message: str) -> None:
    """A parameter that is unknown or cannot be meant is named, with what was expected; the refusal is recorded."""
    told = house.asks(target)
    assert (told.status, told.error[0]) == (400, "ValidationError")
    assert message in told.error[1]
    assert calls(house)[-2][1] == "ValidationError"


@pytest.mark.parametrize(
    "target",
    [
        *("history?", "unusual?", "least-privilege/admin?", "diff?", "changes?", "permissions/admin/held?"),
        *("who-could?action=GetUser&on=admin&", "could-assume/ops?"),
    ],
)
@pytest.mark.parametrize("since", ["0001-01-01T00%3A00%3A00Z", "2001-01-01", "999999w"])
def test_a_span_that_begins_before_the_account(house: InProcessServer, target: str, since: str) -> None:
    """It begins with the account, and the answer says so: nothing that happened is left out of it."""
    told = house.asks(f"/v1/{target}since={since}&until=now")
    if target == "could-assume/ops?":
        assert told.error[0] == "NoSuchEntity"
        return
    assert told.status == 200, told.body
    assert told.body["clipped_to"]["position"] == 1
    if target == "changes?":
        assert told.body["changes"][0]["topic"] == "account.created.v1"
    if target == "diff?":
        assert "account" in {each["kind"] for each in told.body["differences"]}
    assert house.asks(f"/v1/{target}since=p1").body["clipped_to"] is None


def test_a_marker_of_a_time_that_is_none(house: InProcessServer) -> None:
    """One that was altered to say that the span ends after the last time that there is, is refused."""
    altered = make_marker("Diff", 0, 1, 253_402_300_800_000_000)
    told = house.asks(f"/v1/diff?since=p1&marker={altered}")
    assert told.error == ("ValidationError", "The marker is not one that Diff has given.")


def test_a_parameter_given_twice(house: InProcessServer) -> None:
    """Two programs could read different things."""
    assert house.asks("/v1/history?limit=1&limit=2").error[0] == "MalformedQueryString"


def test_where_parameters_stand(house: InProcessServer) -> None:
    """A GET takes no body, a POST no query; a POST's body is a JSON object."""
    revoke = "/v1/sessions/SESN" + "A" * 17 + "/revoke"
    assert "takes no body" in house.asks("/v1/history", body=b"{}").error[1]
    assert "as JSON" in house.asks(revoke + "?x=1", method="POST").error[1]
    assert "no JSON" in house.asks(revoke, method="POST", body=b"{").error[1]
    assert "must be a JSON object" in house.asks(revoke, method="POST", body=b"[]").error[1]
    assert "Unknown parameter 'x'" in house.asks(revoke, method="POST", body=b'{"x": 1}').error[1]


def test_paths(house: InProcessServer) -> None:
    """The path that was signed counts, however it was spelt; one that leads nowhere is refused and recorded."""
    assert house.asks("/v1/x/../history").status == 200
    for path in ("/v1/", "/v1/histories", "/v1/permissions/user/admin", "/v1/../"):
        told = house.asks(path)
        assert (told.status, told.error[0]) == (404, "UnknownPath")
    assert house.asks("/v1/history", method="POST").status == 404
    assert calls(house)[-2] == ("", "UnknownPath")
    arn = f"arn:aws:iam::{house.account_id}:user/admin"
    assert house.asks(f"/v1/permissions/{quote(arn, safe='')}").body["arn"] == arn


def test_signatures_of_other_services(house: InProcessServer) -> None:
    """A signature made for one service proves nothing to another, in either direction."""
    told = house.asks("/v1/history", service="iam")
    assert told.error == ("SignatureDoesNotMatch", "Credential should be scoped to correct service: muniment.")
    response = house.answer(signed("GET", "/", house.admin), house.aws)
    assert b"Credential should be scoped to correct service: iam or sts." in response.body


def test_permissions_through_a_group(house: InProcessServer) -> None:
    """The administrator's permissions say through which group, and who is unknown is said to be."""
    (held,) = house.asks("/v1/permissions/admin").body["policies"]
    assert held["policy_arn"] == "arn:aws:iam::aws:policy/AdministratorAccess"
    assert held["through"]["group_name"] == "administrators"
    assert house.asks("/v1/permissions/nobody").status == 404


def test_one_session_is_revoked_alone(house: InProcessServer) -> None:
    """From the position of the revocation on the session is refused, another of the same user is not; asked again,
    nothing changes."""
    alice = house.user("alice", {**ALLOW, "Action": "sts:GetCallerIdentity"})
    (ended_id, ended), (_, kept) = house.session(alice), house.session(alice)
    assert house.aws_does("sts", "GetCallerIdentity", keys=ended)[0] == 200
    revoked = house.asks(f"/v1/sessions/{ended_id}/revoke", method="POST")
    assert (revoked.status, revoked.body["session_id"]) == (200, ended_id)
    status, said = house.aws_does("sts", "GetCallerIdentity", keys=ended)
    assert (status, "ExpiredToken" in said) == (403, True)
    assert house.aws_does("sts", "GetCallerIdentity", keys=kept)[0] == 200
    assert house.asks(f"/v1/sessions/{ended_id}/revoke", method="POST", body=b"{}").body == revoked.body
    active = house.asks("/v1/sessions?active=true").body["sessions"]
    assert ended_id not in [row["session_id"] for row in active]
    past = house.asks(f"/v1/sessions?active=true&as_of=p{revoked.body['revoked_position'] - 1}").body["sessions"]
    assert ended_id in [row["session_id"] for row in past]
    recorded = house.asks(f"/v1/history?session_id={ended_id}").body["calls"][-1]
    assert recorded["error_code"] == "ExpiredToken"


def test_a_revocation_is_no_read(house: InProcessServer) -> None:
    """The record of a revocation says that it changed something, and which session."""
    session_id, _ = house.session(house.user("alice"))
    house.asks(f"/v1/sessions/{session_id}/revoke", method="POST")
    (call,) = house.asks("/v1/history?operation=RevokeSession").body["calls"]
    assert (call["read_only"], call["parameters"]) == (False, {"session_id": session_id})


def test_sessions_that_are_none(house: InProcessServer) -> None:
    """An id of no session is refused, since a typing error must not pass for a revocation: that is recorded, and
    nothing else, also where a user is called so. A text that can be none is refused before the round."""
    session_id = "SESN" + "A" * 17
    house.user(session_id)
    before = house.asks("/v1/credentials").position
    unknown = house.asks(f"/v1/sessions/{session_id}/revoke", method="POST")
    assert (unknown.status, unknown.error[0]) == (404, "NoSuchEntity")
    assert before is not None
    assert unknown.position == before + 1
    (call,) = house.asks("/v1/history?operation=RevokeSession").body["calls"]
    assert call["error_code"] == "NoSuchEntity"
    assert house.asks("/v1/sessions/x/revoke", method="POST").error[0] == "ValidationError"


def test_a_key_and_those_who_only_claim_it(house: InProcessServer) -> None:
    """A key's history holds the calls that it signed and, from the installation's ledger, those that claimed it."""
    alice = house.user("alice")
    house.aws_does("sts", "GetCallerIdentity", keys=alice)
    forged = type(alice)(alice.access_key, "not the secret")
    assert house.asks("/v1/history", keys=forged).error[0] == "SignatureDoesNotMatch"
    found = calls(house, f"&access_key_id={alice.access_key}")
    assert found == [("GetCallerIdentity", None), ("", "SignatureDoesNotMatch")]


def test_projections_that_lag(house: InProcessServer) -> None:
    """An answer that could leave something out is not given: 503, and the call is recorded all the same."""
    house.ledger.runner.stop()
    told = house.asks("/v1/credentials")
    assert (told.status, told.error[0]) == (503, "ServiceUnavailable")
    assert f"have not come to position {told.position}" in told.error[1]
    with house.ledger.readers.connection() as connection:
        row = connection.execute(
            "select convert_from(state, 'UTF8')::jsonb #>> '{cause,operation}' from ledger.uses "
            "where account_id = %s and position = %s",
            (house.account_id, told.position),
        ).fetchone()
    assert row == ("ListCredentials",)
