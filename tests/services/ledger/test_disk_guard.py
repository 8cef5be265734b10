"""A disk that is nearly full means 503 before it is full."""

import threading
from pathlib import Path

import pytest

from services.ledger import disk_guard
from services.ledger.database import Database
from services.ledger.disk_guard import DiskGuard, find_shortage
from services.ledger.pending_call import LedgerUnavailable
from tests.services.ledger.rounds import ANSWER_SECONDS_MAX, committer_on, creating, found, ledger, running, submit


def test_a_shortage_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the disk as it is: more than there is free is a shortage, nothing is none."""
    monkeypatch.setattr(disk_guard, "FREE_BYTES_MIN", 0)
    assert find_shortage([tmp_path]) is None
    assert find_shortage([tmp_path], 1 << 60) is not None
    monkeypatch.setattr(disk_guard, "FREE_BYTES_MIN", 1 << 60)
    said = find_shortage([tmp_path])
    assert said is not None
    assert "nearly full" in said
    assert str(tmp_path) not in said  # health shows it to anybody


def test_each_look_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A disk that cannot be looked at counts as full; what changes is logged, once each time."""
    monkeypatch.setattr(disk_guard, "CHECK_SECONDS", 0)
    looks = iter([None, "full", "full", FileNotFoundError(2, "No such file", "/place"), None])
    heard: list[str | None] = []
    over = threading.Event()

    def look() -> str | None:
        seen = next(looks, None)
        if isinstance(seen, OSError):
            raise seen
        return seen

    def tell(reason: str | None) -> None:
        heard.append(reason)
        if len(heard) == 5:
            over.set()

    watch = DiskGuard(look, tell)
    watch.start()
    assert over.wait(ANSWER_SECONDS_MAX)
    watch.stop()
    assert heard[:3] == [None, "full", "full"]
    assert heard[3] == "The database's disk cannot be looked at: No such file."
    assert heard[4] is None
    assert [log.levelname for log in caplog.records] == ["ERROR", "WARNING"]


def test_a_held_committer_takes_nothing(database: Database) -> None:
    """Refused at once, with the reason; nothing is recorded, and the next call after it is."""
    found(database)
    with running(committer_on(database)) as committer:
        committer.refusal_reason = "full"
        with pytest.raises(LedgerUnavailable, match="full"):
            submit(committer, creating("ann"))
        committer.refusal_reason = None
        submit(committer, creating("bob")).result(ANSWER_SECONDS_MAX)
    assert len(ledger(database)) == 3
