"""A throw-away PostgreSQL for the tests, and a freshly migrated database of it for each test that asks."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from services.ledger.database import Database, YourDatabase, migrate
from services.ledger.embedded_programs import SystemUser, find_programs

# Nothing here is timed: machines are shared, and an example that took long proves nothing.
settings.register_profile("untimed", parent=settings.default, deadline=None)
settings.load_profile("untimed")

TEMPLATE = "muniment_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Conninfo of a server's superuser. The server syncs nothing to disk."""
    with running_postgres("fsync=off") as conninfo:
        yield conninfo


@contextmanager
def running_postgres(*settings: str) -> Iterator[str]:
    """Conninfo of the superuser of a throw-away server, which listens on a socket only."""
    user = SystemUser.chosen()
    # Not below pytest's own directory: that is root's alone, and PostgreSQL does not run as root.
    home = Path(tempfile.mkdtemp(prefix="muniment-"))
    try:
        home.chmod(0o755)  # the programs may be copied there, for `user` to run
        programs = find_programs(home, user)
        data = home / "data"
        data.mkdir(mode=0o700)
        user.give(data)
        programs.run(
            "initdb",
            f"--pgdata={data}",
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={data} -c timezone=UTC"
        options += "".join(f" -c {setting}" for setting in settings)
        control = ("pg_ctl", f"--pgdata={data}", "--silent")
        # With a log file the server does not keep our end of the pipe open.
        programs.run(*control, "start", "--wait", f"--log={data / 'log'}", f"--options={options}")
        try:
            yield make_conninfo(host=str(data), user="postgres", dbname="postgres")
        finally:
            programs.run(*control, "stop", "--mode=immediate")
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """Conninfo of the server, in which a migrated database waits to be copied."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(SQL("create database {}").format(Identifier(TEMPLATE)))
    migrate(YourDatabase(make_conninfo(postgres, dbname=TEMPLATE)))
    return postgres


@pytest.fixture
def database(template: str) -> Iterator[Database]:
    """A migrated, empty database. Its owner is the server's superuser; the other roles have the rights of real life."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(template, autocommit=True) as connection:
        connection.execute(SQL("create database {} template {}").format(Identifier(name), Identifier(TEMPLATE)))
    yield YourDatabase(make_conninfo(template, dbname=name))
    with psycopg.connect(template, autocommit=True) as connection:
        connection.execute(SQL("drop database {} with (force)").format(Identifier(name)))
