"""Nothing unproved is worth work: what is done for a request before its caller is proved, counted."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from botocore.credentials import Credentials as Keys

from domain.foundation.identifiers import ACCESS_KEY, new_access_key_id
from services import asgi
from services.api.server.health import Health
from services.asgi import SMALL_BODY_BYTES, AsgiApp
from services.secrets.store import SecretStore
from services.wire import authentication, canonical, form_input
from services.wire.json_input import PARTS_MAX
from services.wire.operations import all_operations
from services.wire.raw_request import QUERY_BYTES_MAX, QUERY_PARAMETERS_MAX, SMALL_BYTES_MAX, RawRequest
from tests.services.api.in_process_server import InProcessServer, signed, signed_form

HOST = ((b"host", b"127.0.0.1:8420"),)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many bytes were decoded, encoded and hashed, and how often the store was asked for a secret."""
    done: Counter[str] = Counter()

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            done[name] += len(arguments[0]) if isinstance(arguments[0], bytes) else 1
            return real(*arguments, **named)

        return call

    for module, name in (
        (canonical, "unquote_to_bytes"),
        (canonical, "quote_from_bytes"),
        (canonical, "sha256"),
        (form_input, "_decoded"),
        (SecretStore, "account_of_access_key"),
    ):
        monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    return done


def nobodys(house: InProcessServer, number: int = 1) -> Keys:
    key_id = new_access_key_id(ACCESS_KEY, house.account_id, number.to_bytes)
    return Keys(key_id, "a secret that somebody made up")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (b"a=&" * 20_000, f"longer than {QUERY_BYTES_MAX} bytes"),
        (b"a" * (QUERY_BYTES_MAX + 1), f"longer than {QUERY_BYTES_MAX} bytes"),
        (b"&" * QUERY_PARAMETERS_MAX, f"more than {QUERY_PARAMETERS_MAX} parameters"),
    ],
)
def test_a_query_string_that_is_too_much_is_not_decoded(
    house: InProcessServer, work: Counter[str], monkeypatch: pytest.MonkeyPatch, query: bytes, message: str
) -> None:
    """Whoever sends it, with a signature or without, to whatever path."""
    monkeypatch.setattr(asgi, "EXCESS_PAUSE_SECONDS", 0.0)
    for path in (b"/", b"/v1/history", b"/as-of/p1/", b"/policy/validation"):
        answer = house.over_http(RawRequest("GET", path, query, HOST, b""))
        assert (answer.status, message in answer.body.decode()) == (413, True)
    assert house.over_http(RawRequest("GET", b"/" + b"%61" * 3_000, b"", HOST, b"")).status == 413
    assert work == {}


def test_as_much_as_may_be_is_read(house: InProcessServer) -> None:
    """The largest query string, with as many parameters as may be, of a caller who is proved."""
    fields = {"Action": "ListUsers", "Version": "2010-05-08"}
    many = urlencode(fields | {f"a{number}": "" for number in range(QUERY_PARAMETERS_MAX - len(fields))})
    long = urlencode(fields | {"PathPrefix": "/"})
    long += "&Marker=" + "a" * (QUERY_BYTES_MAX - len(long) - len("&Marker="))
    for query in (many, long):
        answer = house.over_http(signed("GET", f"/?{query}", house.admin, service="iam"))
        assert (answer.status, b"ValidationError" in answer.body) == (400, True), answer


def test_a_key_that_nobody_has_costs_one_look(house: InProcessServer, work: Counter[str]) -> None:
    """Whatever it signs is neither hashed nor put in canonical form, and it is not looked up again and again; one whose
    signature is too old, or is for another service, is not looked up at all."""
    request = signed_form("iam", "ListUsers", nobodys(house), Filler="&" * 100_000)
    for _ in range(3):
        assert house.answer(request, house.aws).status == 403
    assert work == {"account_of_access_key": 1}
    old = signed_form("iam", "ListUsers", nobodys(house, 2))
    headers = tuple((name, b"20200101T000000Z" if name == b"x-amz-date" else value) for name, value in old.headers)
    scope = tuple((name, value.replace(b"/2026", b"/2020")) for name, value in headers)
    assert house.answer(RawRequest("POST", b"/", b"", scope, old.body), house.aws).status == 403
    assert house.answer(signed("POST", "/", nobodys(house, 3), b"", "elsewhere"), house.aws).status == 403
    assert work == {"account_of_access_key": 1}


def test_a_key_may_be_made_after_it_was_asked_for(
    house: InProcessServer, monkeypatch: pytest.MonkeyPatch, work: Counter[str]
) -> None:
    """That nobody had it is remembered for a moment, and of a bounded number of keys."""
    monkeypatch.setattr(authentication, "UNKNOWN_SECONDS", 0.0)
    monkeypatch.setattr(authentication, "UNKNOWN_KEYS_MAX", 2)
    for number in (1, 2, 3, 1):
        house.answer(signed_form("iam", "ListUsers", nobodys(house, number)), house.aws)
    assert work["account_of_access_key"] == 4
    assert len(house.credentials._unknown) == 2


def test_a_large_form_without_a_signature_is_not_read(house: InProcessServer, work: Counter[str]) -> None:
    """Small, it is, to tell whether the operation takes none; large, it is told that a signature is missing."""
    small, large = (
        RawRequest("POST", b"/", b"", HOST, urlencode({"Action": "AssumeRoleWithSAML", "SAMLAssertion": text}).encode())
        for text in ("a", "&" * SMALL_BYTES_MAX)
    )
    assert b"InvalidAction" in house.answer(small, house.aws).body
    assert work.pop("_decoded") > 0
    assert b"MissingAuthenticationToken" in house.answer(large, house.aws).body
    assert work == {}


def test_what_is_large_is_proved_and_read_beside_the_event_loop(
    house: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both in the pool, the first in the turns of strangers; what is small waits for nobody."""
    submitted: list[str] = []

    class Pool:
        async def run(self, turn: Any, made: Callable[[], Any]) -> Any:
            submitted.append(turn.principal)
            return made()

    def gate(*arguments: Any) -> Any:
        pipeline = real(*arguments)
        monkeypatch.setattr(pipeline, "_preparing", Pool())
        return pipeline

    real = house.gate
    monkeypatch.setattr(house, "gate", gate)
    assert house.aws_does("iam", "CreateUser", UserName="small")[0] == 200
    assert submitted == []
    document = json.dumps({"Version": "2012-10-17", "Statement": []}) + " " * SMALL_BYTES_MAX
    assert house.aws_does("iam", "CreatePolicy", PolicyName="large", PolicyDocument=document)[0] == 400
    address, principal = submitted
    assert address == "source 192.0.2.7"
    assert principal.startswith("AIDA")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"Policy": " " * 2_049}, "PackedPolicyTooLarge"),
        ({"Policy": "[" * 100_000}, "PackedPolicyTooLarge"),
        ({"Policy": "[" * 900_000}, None),
        ({f"PolicyArns.member.{n}.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess" for n in range(1, 12)}, None),
        ({"RoleSessionName": "a" * 65}, None),
        ({"ExternalId": "a" * 1_225}, None),
        ({f"Tags.member.{n}.{part}": "a" for n in range(1, 52) for part in ("Key", "Value")}, None),
    ],
)
def test_the_limits_of_sts_are_asked_before_anybody_s_policies(
    house: InProcessServer, parameters: dict[str, str], code: str | None
) -> None:
    """Of a caller who may do nothing: no decision is made, and nothing of it is kept."""
    nobody = house.user("nobody")
    role = f"arn:aws:iam::{house.account_id}:role/any"
    sent = {"RoleArn": role, "RoleSessionName": "any"} | parameters
    status, answer = house.aws_does("sts", "AssumeRole", keys=nobody, **sent)
    assert (status, f"<Code>{code or 'ValidationError'}</Code>" in answer) == (400, True), answer
    call = house.asks("/v1/history?operation=AssumeRole&limit=1").body["calls"][0]
    assert (call["parameters"], call["decisions"]) == ({}, [])
    assert len(json.dumps(call)) < 2_500


def test_json_is_bounded_before_it_is_read(house: InProcessServer) -> None:
    """In depth and in values, for both that read it."""
    deep = b'{"credential": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    many = b'{"credential": [' + b"0," * PARTS_MAX + b"0]}"
    for body in (deep, many):
        assert house.asks("/v1/contain", method="POST", body=body).status == 400


def test_what_ends_access_is_in_the_reserved_lane() -> None:
    """By what it is called and by what it asks for; nothing that gives access is."""
    lane = {
        operation.name: operation
        for operation in all_operations()
        if operation.ends_access({"status": "Inactive", "policy_document": '"Deny"', "policy_arn": "AWSDenyAll"})
    }
    assert {"Contain", "RevokeSession", "UpdateAccessKey", "DeleteAccessKey", "DeleteLoginProfile"} <= lane.keys()
    assert {"DeleteUser", "DetachRolePolicy", "DeleteUserPolicy", "RemoveUserFromGroup", "PutRolePolicy"} <= lane.keys()
    assert not any(name.startswith(("Create", "Get", "List", "Assume", "Change", "Simulate")) for name in lane)
    given = {"status": "Active", "policy_document": '"Allow"', "policy_arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    for name in ("UpdateAccessKey", "PutUserPolicy", "AttachUserPolicy", "UpdateAssumeRolePolicy"):
        assert not lane[name].ends_access(given)


def test_large_bodies_are_bounded_by_address(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends them, an address takes no more of the memory than it leaves free, and gives it back. Small ones are
    read all the time."""
    monkeypatch.setattr(asgi, "LARGE_BODIES_MAX", 8)
    bodies: list[asyncio.Event] = []
    held = AsgiApp(house.gate(house.facts), (house.native, house.aws), cast("Health", None), ())
    small = signed_form("iam", "ListUsers", house.admin)
    large = signed_form("iam", "ListUsers", house.admin, Filler="a" * SMALL_BODY_BYTES)

    async def sent(raw: RawRequest, address: str, *, slowly: bool = False) -> str | None:
        arrived = asyncio.Event()
        parts: list[dict[str, Any]] = [{"body": raw.body[:-1], "more_body": True}, {"body": raw.body[-1:]}]
        if slowly:
            bodies.append(arrived)

        async def receive() -> dict[str, Any]:
            if len(parts) == 1 and slowly:
                await arrived.wait()
            return {"type": "http.request", **parts.pop(0)}

        said: list[bytes] = []

        async def send(message: Any) -> None:
            said.append(message.get("body", b""))

        scope = {"type": "http", "method": raw.method, "raw_path": raw.raw_path, "query_string": raw.query}
        await held({**scope, "headers": raw.headers, "client": (address, 1), "scheme": "http"}, receive, send)
        found = re.search(rb"<Code>(.*?)</Code>", b"".join(said))
        return found and found[1].decode()

    async def besieged() -> list[str | None]:
        house.ledger.committer.deliver_through(asyncio.get_running_loop().call_soon_threadsafe)
        slow = [asyncio.create_task(sent(large, "192.0.2.1", slowly=True)) for _ in range(8)]
        for _ in range(3):  # each comes as far as it may
            await asyncio.sleep(0)
        assert sum(each.done() for each in slow) == 4
        assert {each.result() for each in slow if each.done()} == {"Throttling"}
        found = [await sent(large, "192.0.2.1"), await sent(large, "192.0.2.2"), await sent(small, "192.0.2.1")]
        for arrived in bodies:
            arrived.set()
        await asyncio.gather(*slow)
        return [*found, await sent(large, "192.0.2.1")]

    refused, *others = asyncio.run(besieged())
    assert refused == "Throttling"
    assert others == ["ValidationError", None, "ValidationError"]
