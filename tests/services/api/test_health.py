"""What monitors are told."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from projections.engine.definition import PROJECTION_NAMES
from services.accounts import NewAccount, open_account
from services.api.server.health import Health
from services.ledger import storage_probe
from services.ledger.database import Database, connect
from services.ledger.round import system_clock
from services.ledger.storage_probe import StorageProbe
from services.ledger_runtime import LedgerRuntime
from services.secrets.master_key import KEY_BYTES, MasterKey, MasterKeys
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
        nowhere = lambda: psycopg.connect("host=/nowhere user=somebody")  # noqa: E731
        ledger = house.ledger
        unreachable = Health(ledger.committer, ledger.runner, nowhere, ledger.probe, None)
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


def test_a_secret_that_does_not_open(house: InProcessServer, database: Database) -> None:
    """Whoever has such a key is answered 500. Red says so, whichever key it is, as long as it is so."""
    with connect(database, "owner") as owner:
        swap = "update secrets.access_key_secrets set sealed = set_byte(sealed, 20, 255 - get_byte(sealed, 20))"
        owner.execute(swap)
        assert house.asks("/v1/history").status == 500
        for _ in range(2):
            status, told = house.health()
            assert (status, told["status"], told["storage"]) == (503, "not ready", "damaged")
        owner.execute(swap)
    status, told = house.health()
    assert (status, told["status"], told["storage"]) == (200, "ready", "readable")
    assert house.asks("/v1/history").status == 200


def test_all_secrets_are_looked_at_in_turn(
    house: InProcessServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many at a time, however many there are: behind the last one it begins again, and at a bad one it stays."""
    monkeypatch.setattr(storage_probe, "SECRETS_A_PROBE", 2)
    for name in ("ann", "bob", "eve", "joe"):
        house.user(name)
    with connect(database, "owner") as owner:
        found = owner.execute("select access_key_id from secrets.access_key_secrets order by account_id, 1").fetchall()
        assert len(found) == 5
        bad = "update secrets.access_key_secrets set sealed = sealed || '.' where access_key_id = %s"
        owner.execute(bad, found[-1])
        assert [house.health()[0] for _ in range(5)] == [200, 200, 503, 503, 503]


@pytest.mark.damages_ledgers
def test_a_ledger_that_cannot_be_read(house: InProcessServer, database: Database) -> None:
    """A new process meets it at once. Where it is the only account's, nobody is served; where another account is there,
    that one is, and the server is ready for it."""
    with connect(database, "owner") as owner:
        owner.execute("alter table ledger.changes disable trigger append_only")
        owner.execute(
            "update ledger.changes set state = '{}' where account_id = %s and position = 2", (house.account_id,)
        )
    for others, expected in ((False, (503, "not ready", "damaged")), (True, (200, "degraded", "damaged in part"))):
        if others:
            open_account(house.ledger.committer, NewAccount())
        ledger = LedgerRuntime(database, MasterKeys(MasterKey(bytes(KEY_BYTES))))
        with ledger.running():
            probe = StorageProbe(house.ledger.secrets, ledger.committer)
            health = Health(ledger.committer, ledger.runner, ledger.writers.connection, probe, None)
            response = asyncio.run(health.answer(b"/health/ready"))
        told = json.loads(response.body)
        assert (response.status, told["status"], told["storage"]) == expected


def test_a_standby(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers, and no call can be recorded there."""
    monkeypatch.setitem(storage_probe.SQL, "writable", "select false")
    status, told = house.health()
    assert (status, told["status"], told["database"]) == (503, "not ready", "read-only")
