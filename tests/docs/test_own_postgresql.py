"""What the pages say about one's own PostgreSQL, done as it is written, with the programs that Debian has."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from services.ledger.database import ExternalDatabase
from tests.clients.prepared import BIN
from tests.clients.server import run, serving
from tests.docs.pages import ROOT
from tests.places import place_for_data
from tests.services.ledger.throwaway import throwaway_postgres

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/nonexistent"))
SECONDS_MAX = 120
pytestmark = pytest.mark.skipif(not (PROGRAMS / "pg_dumpall").exists(), reason="needs a PostgreSQL of the system's")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with place_for_data() as place:
        yield place


@pytest.fixture(scope="module")
def own(place: Path) -> Iterator[str]:
    """A server with an installation on it, made as the page says, and served from once."""
    with throwaway_postgres(programs_in=PROGRAMS) as conninfo:
        for title in ("1. Create the logins and the database", "2. Migrate"):
            does("own-postgresql.md", title, conninfo, ROOT)
        with serving(place, settings={"MUNIMENT_DATABASE_URL": url(conninfo)}) as server:
            assert run(["aws", "iam", "create-user", "--user-name", "ann"], server.profile).status == 0
        yield conninfo


def url(conninfo: str) -> str:
    return f"postgresql://muniment@{quote(str(conninfo_to_dict(conninfo)['host']), safe='')}/muniment"


def commands(page: str, title: str) -> list[str]:
    """Of the section of that title, in their order; those aside that run until they are interrupted."""
    text = (ROOT / "docs" / "how-to" / page).read_text()
    section = re.split(r"^##+ ", text.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"^\$ (?!muniment serve)(.+)$", section, re.MULTILINE)
    assert found, f"{page} has no command under {title}"
    return found


def does(page: str, title: str, conninfo: str, directory: Path) -> str:
    """A person types what the section says, in one shell; each command has to succeed. Gives what they printed."""
    host = str(conninfo_to_dict(conninfo)["host"])
    script = "\n".join(commands(page, title))
    script = script.replace("@HOST/", f"@{quote(host, safe='')}/").replace("-h HOST", f"-h {host}")
    environment = {
        "PATH": f"{PROGRAMS}:{BIN}:{os.environ['PATH']}",
        "PGHOST": host,
        "PGUSER": "postgres",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
    assert [line for line in errors if not line.endswith('role "postgres" already exists')] == []
    return done.stdout


def rights(conninfo: str) -> Mapping[str, object]:
    """Who may what: roles and their members, the owners and rights of schemas, tables, columns and functions."""
    with psycopg.connect(conninfo, dbname="muniment") as connection:
        return {
            what: connection.execute(query.encode()).fetchall()
            for what, query in {
                "roles": "select rolname, rolcanlogin, rolcreaterole, rolsuper from pg_roles order by 1",
                "members": "select roleid::regrole::text, member::regrole::text from pg_auth_members order by 1, 2",
                "schemas": "select nspname, nspowner::regrole::text, nspacl::text from pg_namespace order by 1",
                "tables": "select oid::regclass::text, relowner::regrole::text, relacl::text from pg_class"
                " where relnamespace::regnamespace::text !~ '^pg_' order by 1",
                "columns": "select attrelid::regclass::text, attname, attacl::text from pg_attribute"
                " where attacl is not null order by 1, 2",
                "functions": "select oid::regprocedure::text, proowner::regrole::text, proacl::text from pg_proc"
                " where pronamespace::regnamespace::text = 'ledger' order by 1",
                "triggers": "select tgrelid::regclass::text, tgname, tgenabled from pg_trigger"
                " where not tgisinternal order by 1, 2",
            }.items()
        }


def is_served(place: Path, conninfo: str) -> None:
    """With the same master key, the same access key signs; and the login may do what it could, no more."""
    ExternalDatabase(url(conninfo)).refuse_unfit_login()
    (place / "data" / "checkpoint").unlink()  # As on another machine, which has published nothing.
    with serving(place, settings={"MUNIMENT_DATABASE_URL": url(conninfo)}) as server:
        users = run(["aws", "iam", "list-users", "--query", "Users[].UserName"], server.profile)
        assert "ann" in users.out
        verified = run(["muniment", "verify"], {"MUNIMENT_DATABASE_URL": url(conninfo)})
        assert verified.status == 0, verified.out


def test_a_dump_on_a_new_server(own: str, place: Path) -> None:
    """It has the roles, schemas, owners and rights of the old one, and the ledgers verify."""
    does("backup-and-restore.md", "As a dump", own, place)
    with throwaway_postgres(programs_in=PROGRAMS) as restored:
        told = does("backup-and-restore.md", "Restore the dump", restored, place)
        assert len(re.findall(r"^[0-9]{12} .* ok$", told, re.MULTILINE)) == 2
        assert rights(restored) == rights(own)
        is_served(place, restored)


def test_a_base_backup(own: str, place: Path) -> None:
    """PostgreSQL starts on it, and so does the server."""
    told = does("backup-and-restore.md", "As a base backup", own, place)
    assert "backup successfully verified" in told
    with throwaway_postgres(programs_in=PROGRAMS, base=place / "muniment-base") as restored:
        assert rights(restored) == rights(own)
        is_served(place, restored)
