"""Who gets into the embedded PostgreSQL, as whom it runs, and what it keeps from others."""

import os
import pwd
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from services.ledger.embedded import EmbeddedError, EmbeddedPostgres
from services.ledger.embedded_cluster import ROLES
from services.ledger.embedded_programs import OWN_USER, SystemUser, find_programs
from tests.services.ledger.test_embedded import answers, pid_file, postmaster
from tests.services.ledger.test_embedded_programs import as_root


def refusal(conninfo: str) -> str:
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(conninfo)
    return str(caught.value)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's table of sockets")
def test_nothing_listens_on_the_network(directory: Path) -> None:
    """None of the postmaster's sockets is in the system's TCP tables, and it knows of no address."""
    with EmbeddedPostgres(directory):
        pid = postmaster(directory)
        opened = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        sockets = {name.removeprefix("socket:[").removesuffix("]") for name in opened if name.startswith("socket:")}
        tables = [Path(f"/proc/net/{table}").read_text().splitlines()[1:] for table in ("tcp", "tcp6")]
        assert sockets
        assert sockets.isdisjoint(row.split()[9] for table in tables for row in table)
        assert pid_file(directory)[5] == ""


def test_every_role_gets_in_with_its_own_password_only(directory: Path) -> None:
    """Each role logs in; with a wrong password, none, or another role's, it does not."""
    with EmbeddedPostgres(directory) as postgres:
        for role in set(ROLES) - {"backup"}:
            with psycopg.connect(postgres.conninfo(role)) as connection:
                assert connection.info.user == f"muniment_{role}"
                found = connection.execute(
                    "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
                )
                assert found.fetchone() == (False,)
        reader = postgres.conninfo("reader")
        assert "password authentication failed" in refusal(make_conninfo(reader, password="guess"))
        assert "no password supplied" in refusal(make_conninfo(reader, password=""))
        assert "password authentication failed" in refusal(make_conninfo(reader, user="muniment_owner"))


def test_the_superuser_cannot_log_in(directory: Path) -> None:
    """Nor may anybody replicate but who backs up, and who does reads no table: no line of pg_hba.conf admits them, no
    superuser has a password or the right to log in."""
    with EmbeddedPostgres(directory) as postgres:
        owner = postgres.conninfo("owner")
        for database in ("muniment", "postgres", "template1"):
            assert "no pg_hba.conf entry" in refusal(make_conninfo(owner, user="postgres", dbname=database))
        assert "no pg_hba.conf entry" in refusal(make_conninfo(owner, replication="true"))
        assert "no pg_hba.conf entry" in refusal(postgres.conninfo("backup"))
        with psycopg.connect(owner) as connection:
            assert connection.execute("SELECT rolname FROM pg_roles WHERE rolsuper AND rolcanlogin").fetchall() == []
    # Only single-user mode reads pg_authid. The verifiers it shows are SCRAM's, and the superuser has none.
    programs = find_programs(directory, SystemUser.chosen())
    query = (
        "SELECT count(*) FILTER (WHERE rolpassword LIKE 'SCRAM-SHA-256$%') AS scram, count(rolpassword) AS any "
        "FROM pg_authid\n"
    )
    shown = programs.user.run(programs.bin / "postgres", "--single", f"-D{directory / 'data'}", "postgres", text=query)
    assert 'scram = "5"' in shown.stdout
    assert 'any = "5"' in shown.stdout


def test_files_are_private(directory: Path) -> None:
    """Others may neither list nor read: passwords are the server's alone, the data PostgreSQL's alone."""
    user = SystemUser.chosen()
    owner = os.geteuid() if user.uid is None else user.uid
    with EmbeddedPostgres(directory):
        (directory / "data" / ".s.PGSQL.5432").stat()
        modes = {path.name: (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) for path in directory.iterdir()}
        assert stat.S_IMODE(directory.stat().st_mode) == (0o700 if user.uid is None else 0o710)
        assert modes.pop("pg_hba.conf") == (0o644, os.geteuid())
        assert modes.pop("data") == (0o700, owner)
        # Where PostgreSQL's user cannot reach the wheel (a private clone), its programs are here too, for all to read.
        for copy in [name for name in modes if name.startswith("postgresql-")]:
            assert modes.pop(copy) == (0o755, os.geteuid())
        assert modes == dict.fromkeys(["passwords.json", "postgres.log", "lock"], (0o600, os.geteuid()))


@as_root
def test_root_s_postgres_has_a_user_of_its_own(directory: Path) -> None:
    """Made for it, who is not `nobody`; data of a version that ran as `nobody` is taken over, and no link in it
    followed. While somebody still runs on that, nothing is."""
    other = directory / "not theirs"
    other.touch()
    nobody = pwd.getpwnam("nobody")
    subprocess.run(["chown", "-R", "nobody", directory / "data"], check=True)
    link, hard = directory / "data" / "base" / "link", directory / "data" / "base" / "hard"
    link.symlink_to(other)
    hard.hardlink_to(other)
    os.chown(link, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    (directory / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    with pytest.raises(EmbeddedError, match="names a process that is alive"):
        EmbeddedPostgres(directory).start()
    (directory / "data" / "postmaster.pid").unlink()
    with EmbeddedPostgres(directory) as postgres:
        assert answers(postgres)
        own = pwd.getpwnam(OWN_USER)
        assert Path(f"/proc/{postmaster(directory)}").stat().st_uid == own.pw_uid not in {0, nobody.pw_uid}
        assert (other.stat().st_uid, hard.stat().st_uid, link.lstat().st_uid) == (0, 0, own.pw_uid)
        assert own.pw_shell.endswith("nologin")
