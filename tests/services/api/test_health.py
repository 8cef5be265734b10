"""What monitors are told."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from projections.engine.definition import PROJECTION_NAMES
from services.api.server.health import Health
from services.ledger.database import Database, connect
from services.ledger.round import system_clock
from tests.services.api.in_process_server import InProcessServer


def test_ready(house: InProcessServer) -> None:
    """All is well, and each projection is named."""
    status, told = house.health()
    assert (status, told["status"], told["database"], told["committer"]) == (200, "ready", "reachable", "alive")
    assert tuple(projection["name"] for projection in told["projections"]) == PROJECTION_NAMES
    assert not any("rebuild" in projection for projection in told["projections"])


def test_tables_of_a_newer_version(house: InProcessServer, database: Database) -> None:
    """Calls are answered. That nobody builds, and why, is told; nothing that is not built is at so many percent."""
    with connect(database, "projector") as projector:
        projector.execute("insert into views.replaced_definitions select sha256 from views.schemas where name = 'due'")
        projector.execute("update views.schemas set sha256 = 'newer' where name = 'due'")
    status, told = house.health()
    assert (status, told["status"]) == (200, "degraded")
    (rebuild,) = (projection["rebuild"] for projection in told["projections"] if "rebuild" in projection)
    assert rebuild == {"state": "superseded", "position": 0, "head": 0, "percent": None, "answers_meanwhile": False}


def test_without_a_committer(house: InProcessServer) -> None:
    """Who cannot record cannot answer."""
    house.ledger.committer.deliver_through(lambda answer: answer())
    house.ledger.committer.stop()
    status, told = house.health()
    assert (status, told["status"], told["committer"]) == (503, "not ready", "stopped")


def test_while_calls_are_refused(house: InProcessServer) -> None:
    """Such as on a disk that is nearly full: red, with the reason, until there is none."""
    house.ledger.committer.refusal_reason = "There is no room."
    status, told = house.health()
    assert (status, told["status"], told["calls"], told["reason"]) == (503, "not ready", "refused", "There is no room.")
    house.ledger.committer.refusal_reason = None
    assert house.health()[0] == 200


def test_without_a_database(house: InProcessServer) -> None:
    """Unreachable is said, the reason is not: it may name hosts and users."""

    async def once() -> tuple[int, bytes]:
        unreachable = Health(
            house.ledger.committer, house.ledger.runner, lambda: psycopg.connect("host=/nowhere user=somebody"), None
        )
        response = await unreachable.answer(b"/health/ready")
        return response.status, response.body

    status, body = asyncio.run(once())
    assert (status, json.loads(body)["database"]) == (503, "unreachable")
    assert b"nowhere" not in body


def test_a_projection_that_has_halted(house: InProcessServer, database: Database) -> None:
    """Calls are still answered, so the server is ready to be asked; the views are degraded, and what halted is told
    without the reason's text, which may hold what somebody sent."""
    house.asks("/v1/history")
    house.ledger.runner.stop()
    with connect(database, "owner") as connection:
        connection.execute(
            "update views.cursors set halted_at = now(), halted_reason = 'DataError: of alice' "
            "where account_id = %s and projection = 'trail'",
            (house.account_id,),
        )
    status, told = house.health()
    assert (status, told["status"]) == (200, "degraded")
    (halted,) = told["projections"][PROJECTION_NAMES.index("trail")]["halted"]
    assert (halted["account_id"], halted["error"]) == (house.account_id, "DataError")
    assert "alice" not in json.dumps(told)


@pytest.mark.parametrize("jump", [timedelta(minutes=-20), timedelta(minutes=20)])
def test_a_clock_that_is_wrong(house: InProcessServer, monkeypatch: pytest.MonkeyPatch, jump: timedelta) -> None:
    """A clock that disagrees with the database's is red as long as it does, and only so long."""
    rounds = house.ledger.committer._rounds
    wrong = replace(rounds, clock=lambda: system_clock() + jump)
    monkeypatch.setattr(house.ledger.committer, "_rounds", wrong)
    status, told = house.health()
    assert (status, told["status"], told["clock"]) == (503, "not ready", "wrong")
    monkeypatch.setattr(house.ledger.committer, "_rounds", rounds)
    status, told = house.health()
    assert (status, told["status"], told["clock"]) == (200, "ready", "right")
