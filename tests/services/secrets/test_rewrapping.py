"""Rewrapping beside transactions that seal."""

import psycopg
import pytest

from domain.foundation.secret import Secret, SecretId, SecretKind
from services.ledger.database import Database, connect
from services.secrets import rewrapping
from services.secrets.envelope import Envelope
from services.secrets.master_key import MasterKey, MasterKeys
from services.secrets.rewrapping import RotationRefused, await_earlier_transactions, rewrap_all
from services.secrets.store import SecretStore

ACCOUNT = "123456789012"
OLD, NEW = MasterKey(bytes(32)), MasterKey(bytes([1]) * 32)
BEFORE, AFTER = SecretStore(Envelope(MasterKeys(OLD))), SecretStore(Envelope(MasterKeys(NEW, (OLD,))))


def put(connection: psycopg.Connection, name: str, store: SecretStore = BEFORE) -> None:
    with connection.cursor() as cursor:
        store.put(cursor, ACCOUNT, f"AIDA{name}", SecretId(SecretKind.ACCESS_KEY, f"AKIA{name}"), Secret(name))


def test_nothing_that_is_under_way_is_overlooked(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a transaction has sealed by the former key before the switch, and commits behind it, is waited for, and
    rewrapped. Whoever waits keeps nobody waiting: in between others go on."""
    monkeypatch.setattr(rewrapping, "_LOCK_ATTEMPTS_MAX", 2)
    with connect(database, "writer") as slow, connect(database, "writer") as other, connect(database, "writer") as ours:
        with slow.transaction():
            put(slow, "SLOW")
            with pytest.raises(RotationRefused, match="goes on reading"):
                await_earlier_transactions(ours, AFTER)
            put(other, "OTHER", AFTER)
            assert rewrap_all(ours, AFTER, lambda *_: None) == (0, [])
        await_earlier_transactions(ours, AFTER)
        told: list[tuple[int, int]] = []
        assert rewrap_all(ours, AFTER, lambda *done: told.append(done)) == (1, [])
        assert told == [(0, 1), (1, 1)]
        with ours.cursor() as cursor:
            assert AFTER.master_key_uses(cursor) == {NEW.key_id: 2}
