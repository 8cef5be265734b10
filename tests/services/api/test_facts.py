"""Calls for which something has to be found out beside the rounds: passwords, on a real database."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from domain.calls import Facts, FactsQuery
from domain.families.passwords import PasswordFacts, PasswordQuery
from domain.foundation.errors import Throttling
from domain.foundation.secret import Secret
from services.fair_queue import Turn
from services.ledger.pending_call import LedgerUnavailable
from services.ledger.recorder import ConnectionSource
from services.wire.fact_resolver import HASHING_PLACES, HASHING_THREADS, FactResolver
from services.wire.request_pipeline import DECISIONS_MAX, Response
from services.wire.time_travel import RequestPath
from tests.services.api.in_process_server import PEER, InProcessServer, signed, signed_form

FIRST, SECOND = "Correct-Horse-1", "Battery-Staple-2"
ANSWER_SECONDS_MAX = 60


class Meddling(FactResolver):
    """While facts are found out, somebody sets another password of bob's: so often as is told."""

    def __init__(self, house: InProcessServer, times: int) -> None:
        super().__init__(house.ledger.writers.connection, *house.resolvers)
        self.house = house
        self.plain = house.facts
        self.left = times
        self.asked = 0

    async def find(self, turn: Turn, wanted: FactsQuery) -> Facts:
        self.asked += 1
        facts = await super().find(turn, wanted)
        if self.left:
            self.left -= 1
            update = signed_form("iam", "UpdateLoginProfile", self.house.admin, UserName="bob", Password=FIRST)
            answer = await self.house.gate(self.plain).answer(
                update, RequestPath.split(update.raw_path), PEER, self.house.aws
            )
            assert answer.status == 200, answer.body
        return facts


def records(house: InProcessServer, operation: str) -> list[dict[str, Any]]:
    return [call for call in house.asks("/v1/history?limit=1000").body["calls"] if call["operation"] == operation]


@pytest.fixture
def bob(house: InProcessServer) -> Any:
    keys = house.user("bob", {"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": "*"})
    assert house.aws_does("iam", "CreateLoginProfile", UserName="bob", Password=FIRST)[0] == 200
    return keys


@pytest.mark.parametrize("times", range(DECISIONS_MAX - 1))
def test_a_decision_is_made_again_when_its_facts_are_old(house: InProcessServer, bob: Any, times: int) -> None:
    """The password is set anew while the old one is compared: it is compared anew, and the call is on record once."""
    house.facts = finder = Meddling(house, times)
    status, answer = house.aws_does("iam", "ChangePassword", keys=bob, OldPassword=FIRST, NewPassword=SECOND)
    assert status == 200, answer
    assert finder.asked == times + 1
    assert [call["error_code"] for call in records(house, "ChangePassword")] == [None]


def test_a_value_that_never_rests(house: InProcessServer, bob: Any) -> None:
    """When it is set anew each time, the call is refused after the last try with what the model declares, once on
    record; and nothing is hashed for nothing."""
    house.facts = finder = Meddling(house, 100)
    status, answer = house.aws_does("iam", "ChangePassword", keys=bob, OldPassword=FIRST, NewPassword=SECOND)
    assert (status, "<Code>EntityTemporarilyUnmodifiable</Code>" in answer) == (409, True)
    assert finder.asked == DECISIONS_MAX - 1
    (call,) = records(house, "ChangePassword")
    assert call["error_code"] == "EntityTemporarilyUnmodifiable"
    house.facts = Meddling(house, 0)
    assert house.aws_does("iam", "ChangePassword", keys=bob, OldPassword=FIRST, NewPassword=SECOND)[0] == 200


def test_hashes_come_and_go_with_their_events(house: InProcessServer, bob: Any) -> None:
    """The sealed store holds a hash for each password that the ledger remembers, and none of a deleted profile."""

    def stored() -> int:
        with house.ledger.writers.connection() as connection:
            row = connection.execute("select count(*) from secrets.password_hashes").fetchone()
            assert row is not None
            return int(row[0])

    assert stored() == 1
    assert house.aws_does("iam", "ChangePassword", keys=bob, OldPassword="wrong", NewPassword=SECOND)[0] == 403
    assert stored() == 1
    assert house.aws_does("iam", "UpdateLoginProfile", UserName="bob", Password=SECOND)[0] == 200
    assert stored() == 2
    assert house.aws_does("iam", "DeleteLoginProfile", UserName="bob")[0] == 200
    assert stored() == 0


class Held:
    """Connections that nobody gets before they are let go; counts who waits for one."""

    def __init__(self, inner: ConnectionSource) -> None:
        self._inner = inner
        self._go = threading.Event()
        self._lock = threading.Lock()
        self.waiting = 0
        self.most = 0

    @contextmanager
    def __call__(self) -> Iterator[psycopg.Connection]:
        with self._lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        assert self._go.wait(ANSWER_SECONDS_MAX)
        with self._inner() as connection:
            yield connection
        with self._lock:
            self.waiting -= 1

    def let_go(self) -> None:
        self._go.set()


def test_only_so_many_at_a_time(house: InProcessServer) -> None:
    """However many ask, no more than the bound are worked on; of one caller those beyond the bound are refused at once,
    while another account's is not, and when the others are done there is room again. Who went away in the meantime
    takes no room for ever."""
    held = Held(house.ledger.writers.connection)
    finder = FactResolver(held, *house.resolvers)
    wanted = PasswordQuery(Secret(SECOND), frozenset({"AIPW1"}))
    mine, others = Turn(house.account_id, "AIDAME"), Turn("111122223333", "AIDAOTHER")
    *_, places = HASHING_PLACES

    async def asked() -> list[Facts | BaseException]:
        asking = [asyncio.create_task(finder.find(mine, wanted)) for _ in range(places)]
        await asyncio.sleep(0)  # each has taken its place
        for _ in range(3):
            with pytest.raises(Throttling):
                await finder.find(mine, wanted)
        asking.append(asyncio.create_task(finder.find(others, wanted)))
        await asyncio.sleep(0)
        asking[places - 1].cancel()
        held.let_go()
        found = await asyncio.gather(*asking, return_exceptions=True)
        # The place of who went away is free when its turn has come.
        again = await asyncio.gather(*(finder.find(mine, wanted) for _ in range(places - 1)))
        return [*found, *again]

    found = asyncio.run(asked())
    assert sum(isinstance(facts, asyncio.CancelledError) for facts in found) == 1
    assert all(facts.reused == {} for facts in found if isinstance(facts, PasswordFacts))
    assert sum(isinstance(facts, PasswordFacts) for facts in found) == len(found) - 1
    assert held.most <= HASHING_THREADS


def test_hashing_keeps_no_containment_waiting(house: InProcessServer) -> None:
    """With every thread that hashes at work and every place taken, the lineage that a containment wants is found, and
    so is a moment of the past."""
    held = Held(house.ledger.writers.connection)
    house.facts = FactResolver(held, *house.resolvers)
    wanted = PasswordQuery(Secret(SECOND), frozenset({"AIPW1"}))
    total, _, each = HASHING_PLACES

    async def asked() -> tuple[list[Facts], list[Response]]:
        asking = [
            asyncio.create_task(house.facts.find(Turn(f"{number:012}", "AIDAME"), wanted))
            for number in range(total // each)
            for _ in range(each)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Throttling):
            await house.facts.find(Turn(house.account_id, "AIDAME"), wanted)
        house.ledger.committer.deliver_through(asyncio.get_running_loop().call_soon_threadsafe)
        body = json.dumps({"credential": house.admin.access_key, "dry_run": True, "include_self": True}).encode()
        contain = signed("POST", "/v1/contain", house.admin, body)
        pipeline = house.gate(house.facts)
        contained = await pipeline.answer(contain, RequestPath.split(contain.raw_path), PEER, house.native)
        then = signed_form("iam", "ListUsers", house.admin, "p5")
        past = await pipeline.answer(then, RequestPath.split(then.raw_path), PEER, house.aws)
        assert not any(each.done() for each in asking)
        held.let_go()
        return await asyncio.gather(*asking), [contained, past]

    found, answers = asyncio.run(asked())
    assert [answer.status for answer in answers] == [200, 200], answers
    assert all(isinstance(facts, PasswordFacts) for facts in found)


def test_a_call_that_is_given_up_is_answered(house: InProcessServer, bob: Any) -> None:
    """A server that stops waits for its last answers, and not for ever: then they say what is not known."""
    held = Held(house.ledger.writers.connection)
    facts = FactResolver(held, *house.resolvers)
    change = signed_form("iam", "ChangePassword", bob, OldPassword=FIRST, NewPassword=SECOND)

    async def given_up() -> Response:
        house.ledger.committer.deliver_through(asyncio.get_running_loop().call_soon_threadsafe)
        pipeline = house.gate(facts)
        asking = asyncio.create_task(pipeline.answer(change, RequestPath.split(change.raw_path), PEER, house.aws))
        while not held.waiting:  # noqa: ASYNC110  it waits in a thread
            await asyncio.sleep(0)
        asking.cancel()
        held.let_go()
        return await asking

    answer = asyncio.run(given_up())
    assert (answer.status, b"Whether the call was recorded is unknown" in answer.body) == (503, True)


def test_a_full_line_is_an_answer_on_record(house: InProcessServer, bob: Any) -> None:
    """Throttling, which clients try again; with the caller's name in the ledger, and no password set."""

    class Full(FactResolver):
        async def find(self, _turn: Turn, _wanted: FactsQuery) -> Facts:
            raise Throttling("Rate exceeded")

    house.facts = Full(house.ledger.writers.connection, *house.resolvers)
    status, answer = house.aws_does("iam", "ChangePassword", keys=bob, OldPassword=FIRST, NewPassword=SECOND)
    assert (status, "<Code>Throttling</Code>" in answer) == (400, True)
    (call,) = records(house, "ChangePassword")
    assert (call["error_code"], call["user_name"]) == ("Throttling", "bob")


def test_hashes_that_cannot_be_read(house: InProcessServer, bob: Any) -> None:
    """A database that is not there is 503 for the caller, not a wrong password; nothing is on record."""

    def gone() -> Any:
        raise psycopg.OperationalError("the database is gone")

    house.facts = FactResolver(gone, *house.resolvers)
    status, _ = house.aws_does("iam", "ChangePassword", keys=bob, OldPassword=FIRST, NewPassword=SECOND)
    assert status == 503
    assert records(house, "ChangePassword") == []
    with pytest.raises(LedgerUnavailable):
        asyncio.run(
            house.facts.find(Turn(house.account_id, "AIDAME"), PasswordQuery(Secret(SECOND), frozenset({"AIPW1"})))
        )
