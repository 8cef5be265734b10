"""How the server's process begins and ends."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from tests.clients.prepared import BIN, ROOT
from tests.clients.server import READY, run
from tests.places import place_for_data

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def place() -> Iterator[Path]:
    with place_for_data() as place:
        yield place


@contextmanager
def serving(data: Path, *words: str, address: str = "127.0.0.1:0") -> Iterator[subprocess.Popen[str]]:
    command = [str(BIN / "muniment"), "serve", "--data", str(data), "--listen", address, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def nothing_runs(data: Path) -> bool:
    """Whoever can start the database has found no other that holds its directory."""
    with EmbeddedPostgres(resolve_directory(data / "postgres")):
        return True


def test_the_first_start(place: Path) -> None:
    """What a person sees: where it answers and three commands, no secret, no noise; then a clean end. The next start
    says that it goes on, and proposes to create nothing again."""
    data = place / "data"
    for greeting, proposed in (
        ("The first account is open.", "aws iam create-user --user-name alice"),
        (f"It continues with the data in {data}.", "aws sts get-caller-identity"),
    ):
        with serving(data) as process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(7)]
            process.send_signal(signal.SIGINT)
            out, error = process.communicate()
        assert (process.returncode, out, error) == (0, "", "")
        assert said[0].startswith(READY + "http://127.0.0.1:")
        endpoint = said[0].removeprefix(READY).strip()
        assert said[1:] == [
            "\n",
            f"{greeting} Now type, in another terminal:\n",
            f"  export AWS_CONFIG_FILE={data}/aws-profile AWS_PROFILE=muniment PATH={BIN}:$PATH\n",
            f"  {proposed}\n",
            "  muniment history\n",
            (
                "An aws before 2.13, or 1.29 of version 1, knows no endpoint_url: "
                f"add --endpoint-url {endpoint} to its commands.\n"
            ),
        ]
    assert nothing_runs(data)


def test_interrupted_while_it_starts(place: Path) -> None:
    """A signal in the middle of the start, here after the migration, ends it as cleanly; the next start goes on."""
    data = place / "data"
    with serving(data, "--verbose") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "Applied the migration" in line:
                break
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in error
    assert nothing_runs(data)
    with serving(data) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(READY)
        process.terminate()
        _, error = process.communicate()
    assert (process.returncode, error) == (0, "")


def test_an_address_in_use(place: Path) -> None:
    """One line, before anything is created."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        answer = run(["muniment", "serve", "--data", str(place / "data"), "--listen", address], {})
    assert (answer.status, answer.out) == (1, "")
    assert answer.error == (
        f"muniment: Cannot listen on {address}: Address already in use. "
        "Choose another address with MUNIMENT_LISTEN=HOST:PORT or --listen.\n"
    )
    assert list(place.iterdir()) == []


def test_settings_that_cannot_be_meant(place: Path) -> None:
    """A setting that is refused is named, in one line."""
    for listen, said in (("8420", "MUNIMENT_LISTEN is HOST:PORT"), ("0.0.0.0:0", "without TLS")):
        answer = run(["muniment", "serve", "--data", str(place / "data"), "--listen", listen], {})
        assert (answer.status, answer.error.count("\n")) == (1, 1)
        assert said in answer.error
    (place / "file").touch()
    (place / "foreign" / "postgres" / "data").mkdir(parents=True)
    (place / "foreign" / "postgres" / "data" / "PG_VERSION").write_text("x\n")
    for data, settings, said in (
        ("data", {"MUNIMENT_DATABASE_URL": "postgres//u:sesame@host"}, "MUNIMENT_DATABASE_URL is not understood"),
        ("data", {"MUNIMENT_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "refused Is the server running"),
        ("data", {"MUNIMENT_MASTER_KEY": "abc"}, "MUNIMENT_MASTER_KEY must be the base64"),
        ("file", {}, f"The data directory {place}/file cannot be made: it is not a directory."),
        ("foreign", {}, f"The master key file {place}/foreign/master.key is missing"),
        ("foreign", {"MUNIMENT_MASTER_KEY": "A" * 43 + "="}, "should have a major version of PostgreSQL"),
    ):
        answer = run(["muniment", "serve", "--data", str(place / data), "--listen", "127.0.0.1:0"], settings)
        assert (answer.status, answer.error.count("\n")) == (1, 1), answer.error
        assert said in answer.error
        assert "sesame" not in answer.error
