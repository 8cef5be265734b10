"""`muniment backup` beside a server that is being written to, and `muniment restore`: what is in it, what is gone, and
what is refused."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from domain.foundation.identifiers import INSTALLATION
from services.cli.commands import backup as command
from services.cli.entry_point import EXIT_INTERRUPTED, main
from services.ledger import embedded_backup
from services.ledger.database import connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from tests.clients.prepared import BIN, ROOT
from tests.clients.server import Server, run, serving
from tests.places import place_for_data
from tests.services.cli.conftest import Desk

CALLS_MIN = 5


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with place_for_data() as place:
        yield place


@pytest.fixture(scope="module")
def acknowledged() -> dict[str, list[str]]:
    return {"before": [], "meanwhile": []}


@pytest.fixture(scope="module")
def taken(place: Path, acknowledged: dict[str, list[str]]) -> Path:
    """A backup taken while a client creates users without a pause, and one more user after it. The server has ended."""
    target = place / "backups" / "first"
    with serving(place) as server:
        create(server, "before", acknowledged["before"])
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        words = [str(BIN / "muniment"), "backup", str(target), "--data", str(server.data)]
        with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as backup:
            while backup.poll() is None or len(acknowledged["meanwhile"]) < CALLS_MIN:
                create(server, f"meanwhile{len(acknowledged['meanwhile'])}", acknowledged["meanwhile"])
            assert backup.stdout is not None
            assert (backup.returncode, "2 ledgers with" in backup.stdout.read()) == (0, True)
        create(server, "after", [])
        verified = run(["muniment", "verify", "--data", str(server.data), "--output", "json"], {})
        (place / "later.jsonl").write_text(verified.out)
    return target


def create(server: Server, name: str, told: list[str]) -> None:
    iam(server).create_user(UserName=name)
    told.append(name)


def iam(server: Server) -> Any:
    """boto3 makes its clients' classes when they are asked for."""
    keys = dict(line.split(" = ") for line in (server.data / "aws-profile").read_text().splitlines() if " = " in line)
    return boto3.client(
        "iam",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["aws_access_key_id"],
        aws_secret_access_key=keys["aws_secret_access_key"],
    )


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def recorded(data: Path) -> list[dict[str, Any]]:
    with EmbeddedPostgres(resolve_directory(data / "postgres")) as embedded, connect(embedded, "reader") as reader:
        rows = reader.execute(
            "select account_id, convert_from(state, 'UTF8')::jsonb from ledger.uses where topic = 'api.called.v1'"
            " order by account_id, position"
        ).fetchall()
    return [
        {"account": account_id, **entry["event"]["parameters"]}
        for account_id, entry in rows
        if entry["cause"]["operation"] == "RestoreDatabase"
    ]


def test_restored_while_calls_went_on(
    taken: Path, place: Path, acknowledged: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever was acknowledged before the backup began is in it, what came meanwhile up to some point, and nothing
    behind that. The ledgers are whole; what is gone is told by position, in the answer and in each ledger; the same
    keys sign."""
    data = place / "restored" / "data"
    data.mkdir(parents=True)
    shutil.copy(place / "data" / "master.key", data)
    shutil.copy(place / "data" / "aws-profile", data)
    words = ["restore", str(taken), "--data", str(data), "--output", "json"]
    assert main([*words, "--earlier", str(place / "later.jsonl")]) == 0
    told = capsys.readouterr()
    assert "do it again" in told.err
    assert "which is not here" not in told.err
    ledgers = {row["account_id"]: row for row in map(json.loads, told.out.splitlines())}
    (account_id,) = ledgers.keys() - {INSTALLATION}
    later = {row["account_id"]: row["positions"] for row in lines(place / "later.jsonl") if "account_id" in row}
    assert ledgers[account_id]["gone_to"] == later[account_id]
    assert {row["finding"] for row in ledgers.values()} == {None}
    manifest = json.loads((taken / "backup.json").read_text())
    for account_id, (position, _) in manifest["ledgers"].items():
        assert position <= ledgers[account_id]["positions"]
    (of_installation, own) = recorded(data)
    gap = {"last_position": ledgers[account_id]["positions"], "gone_to": later[account_id]}
    assert (own["account"], own["backup"], own["taken_at"]) == (account_id, str(taken), of_installation["taken_at"])
    assert {name: own[name] for name in gap} == of_installation["ledgers"][account_id] == gap
    assert of_installation["checkpoints"] == manifest["ledgers"]
    with serving(data.parent) as server:
        pages = iam(server).get_paginator("list_users").paginate()
        found = {user["UserName"] for page in pages for user in page["Users"]} - {"admin"}
        meanwhile = acknowledged["meanwhile"]
        assert found == {*acknowledged["before"], *meanwhile[: len(found) - 1]}
        assert run(["muniment", "verify", "--data", str(data)], {}).status == 0
        assert [row["operation"] for row in Desk(server).rows("history", "--operation", "RestoreDatabase")]


def test_what_it_replaces_is_kept_and_tells(taken: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that is there is replaced when that is said, and put aside; by itself it tells what is gone. Without
    its key, what is missing is named."""
    data = place / "replaced" / "data"
    shutil.copytree(place / "data", data, symlinks=True)
    subprocess.run(["cp", "-a", f"{resolve_directory(place / 'data' / 'postgres')}/.", data / "postgres"], check=True)
    (data / "master.key").unlink()
    assert main(["restore", str(taken), "--data", str(data)]) == 1
    assert "is not empty (postgres)" in capsys.readouterr().err
    with EmbeddedPostgres(data / "postgres").held():
        assert main(["restore", str(taken), "--data", str(data), "--replace"]) == 1
        assert "is in use by the server with pid" in capsys.readouterr().err
    assert main(["restore", str(taken), "--data", str(data), "--replace", "--output", "json"]) == 0
    told = capsys.readouterr()
    assert {row["gone_says"] for row in map(json.loads, told.out.splitlines())} == {"the database before"}
    assert "which is not here: put it into" in told.err
    (aside,) = data.glob("postgres.replaced-*")
    assert (aside / "data" / "PG_VERSION").exists()


def spoil(taken: Path, how: str) -> None:
    database = taken / "database"
    if how == "a page":
        large = max((database / "base").rglob("*"), key=lambda path: path.stat().st_size)
        with large.open("r+b") as file:
            file.seek(9000)
            file.write(b"spoilt")
    elif how == "the log":
        next((database / "pg_wal").glob("0*")).write_bytes(b"")
    elif how == "a file too few":
        (database / "PG_VERSION").rename(database / "global" / "PG_VERSION")
    elif how == "a file too many":
        (database / "standby.signal").touch()
    elif how == "a link":
        (database / "base" / "link").symlink_to("/etc/passwd")
    elif how == "a pipe":
        os.mkfifo(database / "base" / "pipe")
    elif how == "other ledgers":
        path = taken / "backup.json"
        manifest = json.loads(path.read_text())
        manifest["ledgers"] = {each: [position, "0" * 64] for each, (position, _) in manifest["ledgers"].items()}
        path.write_text(json.dumps(manifest))
    elif how == "no end":
        (taken / "backup.json").unlink()
    else:
        (taken / "backup.json").write_text('{"format": 2}')


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("a page", "is not the file that was backed up"),
        ("the log", "is not the file that was backed up"),
        ("a file too few", "PG_VERSION"),
        ("a file too many", "standby.signal is not the file that was backed up"),
        ("a link", "link is neither a file nor a directory"),
        ("a pipe", "pipe is neither a file nor a directory"),
        ("other ledgers", "is not the one that was backed up"),
        ("no end", "is no backup, or one that was broken off"),
        ("a newer version", "or was written by a newer version: format"),
    ],
)
def test_a_backup_that_is_not_whole(
    taken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str, said: str
) -> None:
    """It is refused, with what is wrong, and leaves nothing where it was to be restored."""
    with place_for_data() as room:
        spoilt = tmp_path / "spoilt"
        shutil.copytree(taken, spoilt)
        spoil(spoilt, how)
        assert main(["restore", str(spoilt), "--data", str(room / "data")]) == 1
        assert said in capsys.readouterr().err
        assert not (room / "data").exists() or list((room / "data").iterdir()) == []


def test_what_is_there_is_not_overwritten(taken: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a backup, nor anything else of its name, nor what another backup is writing."""
    for target in (taken, place / "later.jsonl", place):
        assert main(["backup", str(target), "--data", str(place / "data")]) == 1
        assert "overwrites nothing" in capsys.readouterr().err
    (place / "busy.unfinished").mkdir()
    assert main(["backup", str(place / "busy"), "--data", str(place / "data")]) == 1
    assert "busy.unfinished is there: another backup writes it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        (KeyboardInterrupt(), EXIT_INTERRUPTED, "Interrupted"),
        (OSError(28, "No space left on device"), 1, "Cannot write"),
        (None, 1, "Fewer than 64 MiB are left on the disk"),
    ],
)
def test_half_a_backup_is_none(
    place: Path,
    taken: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    end: BaseException | None,
    status: int,
    said: str,
) -> None:
    """Broken off, by whatever, it leaves nothing of its name or beside it; a disk that gets full is left in time."""
    del taken

    def break_off(*_arguments: object, **_more: object) -> None:
        assert end is not None
        raise end

    if end is None:
        monkeypatch.setattr(embedded_backup, "free_bytes", lambda _place: 0)
    else:
        monkeypatch.setattr(command, "write_durably", break_off)
    assert main(["backup", str(place / "half"), "--data", str(place / "data")]) == status
    assert said in capsys.readouterr().err
    assert list(place.glob("half*")) == []


def test_the_master_key_is_apart(place: Path, taken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file of a backup has its bytes, or the profile's secret, unless it is asked for; then restoring puts it back,
    closed to others."""
    key = (place / "data" / "master.key").read_bytes()
    secret = (place / "data" / "aws-profile").read_text().split("aws_secret_access_key = ")[1].split()[0]
    for path in (path for path in taken.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert key not in content
        assert secret.encode() not in content
    with_key = place / "with-key"
    assert main(["backup", str(with_key), "--data", str(place / "data"), "--with-master-key"]) == 0
    assert "whoever has this directory has every secret" in capsys.readouterr().err
    (place / "data" / "master.key").rename(place / "right.key")
    for wrong in (None, bytes(32)):
        if wrong is not None:
            (place / "data" / "master.key").write_bytes(wrong)
            (place / "data" / "master.key").chmod(0o400)
        assert main(["backup", str(place / "wrong"), "--data", str(place / "data"), "--with-master-key"]) == 1
        assert "back up without --with-master-key" in capsys.readouterr().err
    (place / "right.key").replace(place / "data" / "master.key")
    data = place / "keyed"
    assert main(["restore", str(with_key), "--data", str(data)]) == 0
    assert ((data / "master.key").read_bytes(), (data / "master.key").stat().st_mode & 0o777) == (key, 0o400)


def test_a_database_of_before_there_were_backups(place: Path, taken: Path) -> None:
    """It has no role for that: the next start makes it, even after one that was killed between the role and its
    password."""
    del taken
    directory = place / "older" / "data" / "postgres"
    directory.parent.mkdir(parents=True, mode=0o711)
    directory.parent.parent.chmod(0o711)
    subprocess.run(["cp", "-a", resolve_directory(place / "data" / "postgres"), directory], check=True)
    passwords = json.loads((directory / "passwords.json").read_text())
    del passwords["backup"]
    (directory / "passwords.json").write_text(json.dumps(passwords))
    assert main(["backup", str(place / "of-older"), "--data", str(directory.parent)]) == 0
    assert (place / "of-older" / "backup.json").exists()


def test_your_own_postgresql(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither command takes it for the embedded one."""
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", "postgresql://nowhere/muniment")
    for words in (["backup", str(place / "x")], ["restore", str(place)]):
        assert main(words) == 1
        assert "docs/how-to/backup-and-restore.md" in capsys.readouterr().err
