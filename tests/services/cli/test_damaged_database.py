"""`verify` and `rebuild` on a database with broken pages, as a disk leaves them, and on a disk that is nearly full."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.account import AccountCreated
from domain.foundation.identifiers import INSTALLATION
from domain.installation import AccountOpened
from projections.engine.apply import apply_batch
from projections.engine.definition import create_tables, load_projections
from projections.engine.rebuild import Rebuild
from services.cli.entry_point import main
from services.ledger.database import connect, migrate
from services.ledger.disk_guard import FREE_BYTES_MIN
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from services.secrets.master_key import load_or_create
from tests.histories import folded
from tests.places import place_for_data
from tests.services.ledger.rounds import ACCOUNT, OTHER
from tests.services.ledger.whole_ledger import (
    CALLED,
    HISTORY,
    LEDGER_ID,
    entry,
    write,
    write_installation,
    write_secrets,
    write_snapshot,
)

PAGE_BYTES = 8192
CALLS = 60
TABLES = """
    select oid::regclass::text, pg_relation_filepath(oid) from pg_class
    where relnamespace in ('ledger'::regnamespace, 'secrets'::regnamespace, 'views'::regnamespace)
        and relkind in ('r', 'i')
"""
FIRST_OF_PAGES = """
    select account_id, (ctid::text::point)[0]::int, min(position) from ledger.uses_other group by account_id, 2
"""


@dataclass(frozen=True)
class Seed:
    """An installation of two accounts, whose database is stopped."""

    place: Path
    files: Mapping[str, str]
    first_of_pages: Mapping[tuple[str, int], int]
    """By account and page of the uses: the first position there."""


@pytest.fixture(scope="module")
def seed() -> Iterator[Seed]:
    history = [entry(ACCOUNT, position, event) for position, event in enumerate([*HISTORY, *[CALLED] * CALLS], 1)]
    first = AccountCreated(ledger_id="2f", kind="live", partition="aws", schema_version=1)
    other = [entry(OTHER, position, event) for position, event in enumerate([first, *[CALLED] * CALLS], 1)]
    with place_for_data() as place:
        postgres = place / "data" / "postgres"
        postgres.mkdir(parents=True)
        with EmbeddedPostgres(resolve_directory(postgres)) as embedded:
            migrate(embedded)
            with connect(embedded, "writer") as writer:
                write_installation(writer, LEDGER_ID, AccountOpened(opened_account_id=OTHER, ledger_id="2f"))
                write(writer, history)
                write(writer, other)
                write_secrets(writer, folded(history))
                write_snapshot(writer, folded(history[:5]))
            with connect(embedded, "projector") as projector:
                project(projector)
            with connect(embedded, "owner") as owner:
                files: dict[str, str] = dict(owner.execute(TABLES).fetchall())
                pages = {(account, page): found for account, page, found in owner.execute(FIRST_OF_PAGES)}
                owner.execute("vacuum")
        assert max(page for account, page in pages if account == ACCOUNT) >= 2
        yield Seed(place, files, pages)


def project(projector: psycopg.Connection) -> None:
    create_tables(projector, load_projections())
    for projection in load_projections():
        for account_id in (INSTALLATION, ACCOUNT, OTHER):
            followed = apply_batch(projector, projection, account_id, 1_000)
            assert followed is not None
            assert followed.position == followed.head


@pytest.fixture
def data(seed: Seed) -> Iterator[Path]:
    with place_for_data() as place:
        subprocess.run(["cp", "-a", f"{seed.place}/data", place], check=True)
        yield place / "data"


def spoil(data: Path, seed: Seed, table: str, page: int) -> None:
    """A few bytes of a page, which its checksum then does not fit."""
    with (resolve_directory(data / "postgres") / "data" / seed.files[table]).open("r+b") as file:
        file.seek(page * PAGE_BYTES + 4_000)
        file.write(b"spoilt" * 20)


class Told:
    """What a command has printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        self.status = main([*words, "--output", "json"])
        out, self.error = capsys.readouterr()
        lines = [json.loads(line) for line in out.splitlines()]
        self.findings = {line["account_id"]: line["finding"] for line in lines if "account_id" in line}
        self.database = [found for line in lines for found in line.get("database", ())]
        self.tables = {table["table"]: table for line in lines for table in line.get("tables", ())}

    def unreadable(self, account_id: str) -> tuple[int | None, str]:
        found: Mapping[str, Any] = self.findings[account_id]
        assert "what PostgreSQL cannot read (invalid page in block" in found["found"]
        return found["position"], found["expected"]


def test_a_broken_page_of_a_ledger(data: Path, seed: Seed, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named with account and position, although PostgreSQL reads ahead; the other ledgers and all tables that do
    not need it are still looked at."""
    spoil(data, seed, "ledger.uses_other", 1)
    told = Told(capsys, "verify", "--data", str(data))
    assert told.status == 1
    assert told.unreadable(ACCOUNT) == (seed.first_of_pages[ACCOUNT, 1], "an event that can be read")
    assert (told.findings[INSTALLATION], told.findings[OTHER]) == (None, None)
    assert f"The ledger of {ACCOUNT} must not be relied on." in told.error
    assert told.tables["principals"]["difference"] is None


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("ledger.changes", {INSTALLATION: (1, "an event that can be read"), ACCOUNT: (1, "an event that can be read")}),
        ("ledger.heads", {INSTALLATION: (None, "a head"), ACCOUNT: (None, "a head"), OTHER: (None, "a head")}),
        ("ledger.snapshots", {ACCOUNT: (None, "snapshots")}),
        ("secrets.access_key_secrets", {ACCOUNT: (None, "sealed secrets and data keys")}),
        ("secrets.data_keys", {ACCOUNT: (None, "sealed secrets and data keys")}),
        ("ledger.uses_other_pkey", {}),
    ],
)
def test_other_broken_pages(
    data: Path, seed: Seed, capsys: pytest.CaptureFixture[str], table: str, named: Mapping[str, tuple[int | None, str]]
) -> None:
    """Whatever they are of, each ledger has its verdict, and nothing ends in a traceback or passes as whole."""
    spoil(data, seed, table, 0)
    told = Told(capsys, "verify", "--data", str(data))
    assert told.status == 1
    assert {account_id: told.unreadable(account_id) for account_id in named} == named
    assert told.findings.keys() == {INSTALLATION, ACCOUNT, OTHER}
    assert "Traceback" not in told.error


def test_a_broken_page_of_a_table(data: Path, seed: Seed, capsys: pytest.CaptureFixture[str]) -> None:
    """The ledgers are whole; the table is named, by `rebuild` too, and the others are compared."""
    spoil(data, seed, "views.trail", 0)
    for command in ("verify", "rebuild"):
        told = Told(capsys, command, "--data", str(data))
        assert told.status == 1
        assert "invalid page in block 0" in told.tables["trail"]["unreadable"]
        assert (told.tables["trail"]["rows_live"], told.tables["trail"]["difference"]) == (None, None)
        others = [table for name, table in told.tables.items() if name != "trail"]
        assert others
        assert all(table["difference"] is None and table["unreadable"] is None for table in others)
    assert main(["rebuild", "--swap", "--data", str(data)]) == 0
    capsys.readouterr()
    assert Told(capsys, "verify", "--data", str(data)).status == 0


class Disk:
    """With so much room, and less after the first batch of new tables."""

    def __init__(self, free: int, then: int | None = None) -> None:
        self.free, self._then, self.asked = free, then, list[int]()

    def shortage(self, _database: EmbeddedPostgres, room_bytes: int = 0) -> str | None:
        self.asked.append(room_bytes)
        if self._then is not None and self._followed:
            self.free = self._then
        return f"{self.free} bytes are left." if self.free < FREE_BYTES_MIN + room_bytes else None

    _followed = False

    def follow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(EmbeddedPostgres, "shortage", lambda database, room=0: self.shortage(database, room))
        read = Rebuild.read

        def reading(rebuild: Rebuild) -> None:
            self._followed = True
            read(rebuild)

        monkeypatch.setattr(Rebuild, "read", reading)


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_without_room_nothing_is_built(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Where the new tables would take what calls need, they are not begun, and their size is told; when the room goes
    while they are built, they are thrown away. What verifying has found by then is told and recorded."""
    for disk, said in (
        (Disk(FREE_BYTES_MIN + 1), "bytes. 67108865 bytes are left."),
        (Disk(1 << 40, FREE_BYTES_MIN + 1), "There is too little room for new tables beside them. 67108865 bytes"),
    ):
        disk.follow(monkeypatch)
        told = Told(capsys, command, "--data", str(data))
        assert (told.status, told.tables) == (1, {})
        assert said in told.error
        if command == "verify":
            assert set(told.findings.values()) == {None}
            assert "The ledgers are intact. The tables of " in told.error
        assert max(disk.asked) > 64 << 20
        monkeypatch.undo()
        with EmbeddedPostgres(resolve_directory(data / "postgres")) as embedded, connect(embedded, "owner") as owner:
            asked = "select count(*) from pg_tables where schemaname = 'views_rebuilt' and tablename = 'trail'"
            assert owner.execute(asked).fetchall() == [(0,)]


def test_a_disk_that_is_nearly_full(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verifying reads, and tells; it writes nothing, and says so. What would write is refused."""
    Disk(FREE_BYTES_MIN - 1).follow(monkeypatch)
    told = Told(capsys, "verify", "--data", str(data))
    assert (told.status, set(told.findings.values())) == (1, {None})
    assert "This verification is not recorded: 67108863 bytes are left." in told.error
    load_or_create(data / "master.key")
    for words in (["rebuild"], ["master-key", "rotate"], ["account", "list"]):
        assert main([*words, "--data", str(data)]) == 1
        assert "67108863 bytes are left." in capsys.readouterr().err
