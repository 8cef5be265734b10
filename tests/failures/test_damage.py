"""A database of which a part cannot be read, as a disk leaves it: the server says so, in a sentence or in red."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest

from services.ledger.database import DatabaseRole, connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from tests.clients.server import Server, run, serving, started
from tests.places import place_for_data

FILES = """
    select oid::regclass::text, pg_relation_filepath(oid) from pg_class
    where relnamespace in ('ledger'::regnamespace, 'secrets'::regnamespace) and relkind in ('r', 'i')
"""
PAGE_BYTES = 8192
WITHIN_A_PAGE = 4000


@pytest.fixture(scope="module")
def seed() -> Iterator[tuple[Path, Mapping[str, str]]]:
    """A server's data, and the files of its tables and indexes."""
    with place_for_data() as place:
        with serving(place) as server:
            for name in ("ann", "bob"):
                assert run(["aws", "iam", "create-user", "--user-name", name], server.profile).status == 0
            with opened(server.data, "owner") as owner:
                files: dict[str, str] = dict(owner.execute(FILES).fetchall())
        yield place, files


@pytest.fixture
def place(seed: tuple[Path, Mapping[str, str]]) -> Iterator[Path]:
    with place_for_data() as place:
        subprocess.run(["cp", "-a", f"{seed[0]}/data", place], check=True)
        yield place


def opened(data: Path, role: DatabaseRole) -> psycopg.Connection:
    return connect(EmbeddedPostgres(resolve_directory(data / "postgres")), role)


def spoil(place: Path, files: Mapping[str, str], names: list[str]) -> None:
    """A few bytes of each page, which its checksum then does not fit."""
    for name in names:
        path = resolve_directory(place / "data" / "postgres") / "data" / files[name]
        assert path.stat().st_size > 0, name
        with path.open("r+b") as file:
            for page in range(0, path.stat().st_size, PAGE_BYTES):
                file.seek(page + WITHIN_A_PAGE)
                file.write(b"spoilt" * 20)


def health(server: Server) -> tuple[int, dict[str, Any]]:
    try:
        with urlopen(f"{server.endpoint}/health/ready", timeout=30) as answer:  # noqa: S310  our own
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.parametrize(
    "what", ["secrets.access_key_secrets", "secrets.access_key_secrets_pkey", "uses of this month"]
)
def test_a_broken_page_that_calls_need(seed: tuple[Path, Mapping[str, str]], place: Path, what: str) -> None:
    """Calls are answered 5xx. The server has said so at its start, and health is red before the first of them."""
    _, files = seed
    months = [
        max(
            name
            for name in files
            if name.startswith("ledger.uses_2") and "pkey" not in name and used(place, files[name])
        )
    ]
    spoil(place, files, months if what.startswith("uses") else [what])
    with serving(place) as server:
        assert "is damaged are answered 5xx: invalid page in block 0" in server.log.read_text()
        status, told = health(server)
        assert (status, told["status"], told["storage"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "not ready", "damaged")
        called = run(["aws", "iam", "list-users"], {**server.profile, "AWS_MAX_ATTEMPTS": "1"})
        assert "ServiceFailure" in called.error


def used(place: Path, file: str) -> bool:
    return (resolve_directory(place / "data" / "postgres") / "data" / file).stat().st_size > 0


@pytest.mark.parametrize("what", ["ledger.changes", "ledger.heads_pkey", "secrets.data_keys"])
def test_a_broken_page_that_the_start_needs(seed: tuple[Path, Mapping[str, str]], place: Path, what: str) -> None:
    """The server does not start, and says what to do; so does a command."""
    spoil(place, seed[1], [what])
    for words in (["serve", "--listen", "127.0.0.1:0"], ["backup", str(place / "backup")]):
        told = started(["muniment", *words, "--data", str(place / "data")], {})
        assert told.status == 1
        *_, line = told.error.splitlines()
        assert line.startswith("muniment: The database is damaged: invalid page in block 0")
        assert "restore a backup beside it" in line


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("revoke select on ledger.heads from muniment_writer", "lacks a right that migrating had given it: permission"),
        ("insert into public.muniment_migrations values ('9999_newer.sql', '')", "has the migration 9999_newer.sql"),
        ("update public.muniment_migrations set sha256 = ''", "was migrated with another 0001_ledger.sql"),
        ("drop table secrets.data_keys cascade", 'The database cannot be used: relation "secrets.data_keys"'),
        (
            "alter table ledger.changes disable trigger append_only;"  # noqa: ISC004
            "update ledger.changes set state = '{}' where account_id = '000000000000'",
            "A ledger is broken, see `muniment verify`",
        ),
    ],
)
def test_a_start_that_fails_is_a_sentence(place: Path, statement: str, said: str) -> None:
    """Never a traceback, whatever is wrong with the schema, its rights or the installation's ledger."""
    with EmbeddedPostgres(resolve_directory(place / "data" / "postgres")), opened(place / "data", "owner") as owner:
        owner.execute(statement.encode())
    told = started(["muniment", "serve", "--listen", "127.0.0.1:0", "--data", str(place / "data")], {})
    assert told.status == 1
    assert said in told.error.splitlines()[-1]
    assert "Traceback" not in told.error
