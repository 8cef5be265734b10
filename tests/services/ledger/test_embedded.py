"""Our own PostgreSQL, run for real: what survives which death, who gets in, and who is kept out."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from services.ledger import embedded
from services.ledger.embedded import EmbeddedError, EmbeddedPostgres
from services.ledger.embedded_leftover import poll_attempts
from services.ledger.embedded_programs import SystemUser
from tests.places import place_for_data

SERVER = """
import signal
import sys
from pathlib import Path
import psycopg
from services.ledger.embedded import EmbeddedPostgres
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background begins with it ignored
with EmbeddedPostgres(Path(sys.argv[1])) as postgres:
    try:
        print(postgres._watchdog.pid, flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        with psycopg.connect(postgres.conninfo("owner")) as connection:
            print(*connection.execute("SELECT fact FROM evidence").fetchone(), flush=True)
"""


@contextmanager
def server(directory: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server of its own process and session, ready; and the pid of its watchdog."""
    command = [sys.executable, "-c", SERVER, str(directory)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def eventually(condition: Callable[[], bool]) -> bool:
    return any(condition() for _ in poll_attempts(seconds=30))


def facts(postgres: EmbeddedPostgres) -> list[tuple[str]]:
    with psycopg.connect(postgres.conninfo("owner")) as connection:
        return connection.execute("SELECT fact FROM evidence").fetchall()


def answers(postgres: EmbeddedPostgres) -> bool:
    try:
        return facts(postgres) == [("kept",)]
    except psycopg.OperationalError:
        return False


def is_cut(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return True
    return False


def pid_file(directory: Path) -> list[str]:
    return (directory / "data" / "postmaster.pid").read_text().splitlines()


def postmaster(directory: Path) -> int:
    return int(pid_file(directory)[0])


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_what_was_committed_is_there_after_every_start(directory: Path) -> None:
    """A second start finds the data and the passwords of the first: nothing is initialised again."""
    passwords = (directory / "passwords.json").read_bytes()
    postgres = EmbeddedPostgres(directory)
    for _ in range(2):
        with postgres:
            assert facts(postgres) == [("kept",)]
    assert (directory / "passwords.json").read_bytes() == passwords


def test_stop_leaves_nothing(directory: Path) -> None:
    """After `stop` no process runs and nothing is locked; stopping again does no harm."""
    postgres = EmbeddedPostgres(directory)
    postgres.start()
    pid = postmaster(directory)
    postgres.stop()
    assert is_gone(pid)
    assert not (directory / "data" / "postmaster.pid").exists()
    postgres.stop()
    with EmbeddedPostgres(directory) as another:
        assert answers(another)


def test_postgres_ends_with_its_killed_server(directory: Path) -> None:
    """kill -9 of the server ends the postmaster within the watchdog's reach, and the data is whole."""
    with server(directory) as (process, _watchdog):
        pid = postmaster(directory)
        process.kill()
    assert eventually(lambda: is_gone(pid))
    with EmbeddedPostgres(directory) as postgres:
        assert facts(postgres) == [("kept",)]


def test_a_server_may_follow_its_killed_predecessor_at_once(directory: Path) -> None:
    """A start that meets a postmaster in the act of ending waits for it instead of failing."""
    with server(directory) as (process, _watchdog):
        process.kill()
    with EmbeddedPostgres(directory) as postgres:
        assert facts(postgres) == [("kept",)]


def test_a_postmaster_without_server_and_watchdog_is_taken_over(directory: Path) -> None:
    """With both killed the postmaster lives on; the next server recognises it, ends it and runs its own."""
    with server(directory) as (process, watchdog):
        left_over = postmaster(directory)
        os.kill(watchdog, signal.SIGKILL)
        process.kill()
    assert not is_gone(left_over)
    with EmbeddedPostgres(directory) as postgres:
        assert postmaster(directory) != left_over
        assert facts(postgres) == [("kept",)]


@pytest.mark.parametrize("victim", ["postmaster", "watchdog"])
def test_a_killed_part_is_started_again(directory: Path, victim: str) -> None:
    """kill -9 of the postmaster, or of the watchdog above it, costs the connections and nothing else."""
    with EmbeddedPostgres(directory) as postgres:
        before = postmaster(directory)
        assert postgres._watchdog is not None
        with psycopg.connect(postgres.conninfo("owner"), autocommit=True) as connection:
            os.kill(before if victim == "postmaster" else postgres._watchdog.pid, signal.SIGKILL)
            assert eventually(lambda: is_cut(connection))
        assert eventually(lambda: answers(postgres))
        assert postmaster(directory) != before


def test_stop_ends_a_postmaster_whose_watchdog_was_killed(directory: Path) -> None:
    """Even when the watchdog dies first, `stop` returns only after the postmaster ended."""
    postgres = EmbeddedPostgres(directory)
    postgres.start()
    assert postgres._watchdog is not None
    os.kill(postgres._watchdog.pid, signal.SIGKILL)
    postgres.stop()
    assert not (directory / "data" / "postmaster.pid").exists()


def test_ctrl_c_reaches_the_server_alone(directory: Path) -> None:
    """SIGINT to the server's whole process group leaves PostgreSQL up until the server itself stops it."""
    with server(directory) as (process, _watchdog):
        pid = postmaster(directory)
        os.killpg(process.pid, signal.SIGINT)
        answer, _ = process.communicate()
        assert (answer, process.returncode) == ("kept\n", 0)
    assert is_gone(pid)


def test_a_second_server_is_refused(directory: Path) -> None:
    """One directory, one server: the other is told which directory and which pid, and disturbs nothing."""
    with EmbeddedPostgres(directory) as postgres:
        with pytest.raises(EmbeddedError, match=f"{directory} is in use by the server with pid {os.getpid()}"):
            EmbeddedPostgres(directory).start()
        with pytest.raises(EmbeddedError, match="was started before"):
            postgres.start()
        assert answers(postgres)


def test_a_pid_that_is_now_another_process_is_disregarded(directory: Path) -> None:
    """After a power cut the old pid may be anybody's: PostgreSQL starts, and that process is not touched."""
    with server(directory) as (process, watchdog):
        pid = postmaster(directory)
        for victim in (watchdog, pid, process.pid):
            os.kill(victim, signal.SIGKILL)
    assert eventually(lambda: is_gone(pid))
    user = SystemUser.chosen()
    with subprocess.Popen(["sleep", "600"], user=user.uid, group=user.gid) as bystander:
        try:
            for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
                path = directory / "data" / name
                path.write_text(path.read_text().replace(str(pid), str(bystander.pid), 1))
            with EmbeddedPostgres(directory) as postgres:
                assert answers(postgres)
            assert bystander.poll() is None
        finally:
            bystander.kill()


@pytest.mark.parametrize("line", [1, 4], ids=["data directory", "socket directory"])
def test_a_postmaster_that_does_not_agree_is_refused(directory: Path, line: int) -> None:
    """A live postmaster whose pid file names other directories is neither used nor ended: a person must look."""
    with server(directory) as (process, watchdog):
        pid = postmaster(directory)
        path = directory / "data" / "postmaster.pid"
        true = path.read_text()
        lines = true.splitlines()
        lines[line] = "/elsewhere"
        os.kill(watchdog, signal.SIGKILL)
        process.kill()
        process.wait()
        path.write_text("\n".join(lines) + "\n")
        with pytest.raises(EmbeddedError, match=f"pid={pid}, .*/elsewhere.* is not the PostgreSQL of"):
            EmbeddedPostgres(directory).start()
        assert not is_gone(pid)
        path.write_text(true)
    with EmbeddedPostgres(directory) as postgres:
        assert answers(postgres)


def test_a_bootstrap_that_was_broken_off_is_done_again() -> None:
    """Remains of a killed bootstrap, passwords included, give way to a complete one."""
    with place_for_data() as place:
        (place / "data.new" / "base").mkdir(parents=True)
        (place / "data.new" / "PG_VERSION").write_text("18\n")
        (place / "passwords.json").write_text('{"owner": "of the broken one"}')
        with EmbeddedPostgres(place) as postgres, psycopg.connect(postgres.conninfo("owner")) as connection:
            assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
            assert not (place / "data.new").exists()


def test_a_path_too_long_for_a_socket_is_served_from_elsewhere(directory: Path) -> None:
    """The socket goes to a private temporary directory, which other processes find, and which goes with the server."""
    deep = directory / ("long" * 30) / "with,comma"
    deep.parent.mkdir(mode=0o711)
    deep.parent.chmod(0o711)
    subprocess.run(["cp", "-a", f"{directory}/.", f"{directory}.copy"], check=True)
    Path(f"{directory}.copy").rename(deep)
    shutil.rmtree(deep / deep.parent.name, ignore_errors=True)
    places = set()
    for _ in range(2):
        with EmbeddedPostgres(deep):
            assert answers(EmbeddedPostgres(deep))
            place = Path((deep / "socket-directory").read_text())
            assert stat.S_IMODE(place.stat().st_mode) == 0o700
            places.add(place)
        assert not place.exists()
    assert len(places) == 2


def test_a_start_that_fails_says_what_postgres_said(directory: Path) -> None:
    """PostgreSQL's own words reach the person, and the directory is free again at once."""
    control = directory / "data" / "global" / "pg_control"
    control.rename(control.with_name("lost"))
    for _ in range(2):
        with pytest.raises(EmbeddedError, match=r"ended while it was started [^$]*pg_control"):
            EmbeddedPostgres(directory).start()
    control.with_name("lost").rename(control)
    with EmbeddedPostgres(directory) as postgres:
        assert answers(postgres)


def test_passwords_that_do_not_fit_fail_the_start(directory: Path) -> None:
    """Lost, damaged or foreign passwords are told at the start, not at the first request; and nothing stays up."""
    passwords = directory / "passwords.json"
    for text, complaint in (('{"owner": "foreign"}', "authentication failed"), ("{", "damaged"), (None, "is missing")):
        passwords.unlink()
        if text is not None:
            passwords.write_text(text)
        with pytest.raises(EmbeddedError, match=complaint):
            EmbeddedPostgres(directory).start()
        assert not (directory / "data" / "postmaster.pid").exists()


def test_the_log_is_bounded_at_start(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log above the limit is put aside when PostgreSQL starts; one generation is kept."""
    monkeypatch.setattr(embedded, "LOG_BYTES_MAX", 10)
    (directory / "postgres.log").write_text("of an earlier run")
    with EmbeddedPostgres(directory):
        assert (directory / "postgres.log.1").read_text() == "of an earlier run"
        assert "of an earlier run" not in (directory / "postgres.log").read_text()
