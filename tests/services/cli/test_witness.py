"""A witness and a server as processes, over HTTP: the witness remembers, also after it was started again."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from domain.evidence.signed_notes import parse_note
from domain.evidence.witness_policies import parse_policy
from services.transparency.witness_state import load_keys
from tests.clients.server import PROGRAM, _environment, run, serving
from tests.places import place_for_data
from tests.services.cli.conftest import Desk

NAME = "witness.example/w"


@contextmanager
def witnessing(state: Path, log_key: str) -> Iterator[tuple[str, list[str]]]:
    """Its address and keys."""
    words = ["witness", "serve", "--state", str(state), "--name", NAME, "--listen", "127.0.0.1:0", "--log", log_key]
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, text=True, env=_environment({})) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removeprefix("witness ready on ").strip()
            yield url, [process.stdout.readline().strip() for _ in range(2)]
        finally:
            process.terminate()
            process.communicate(timeout=30)


def signed_by(desk: Desk, policy: bytes) -> set[str]:
    return set(parse_policy(policy).signed_by(parse_note(str(desk.rows("log")[0]["checkpoint"]).encode())))


def test_a_witness_over_http(tmp_path: Path) -> None:
    state, policy_file = tmp_path / "witness", tmp_path / "policy"
    with place_for_data() as place:
        data = place / "data"
        with serving(place) as server:
            keys = cast("list[str]", Desk(server).rows("log")[0]["verifier_keys"])
        database = (data / "postgres").resolve()
        saved = database.with_name("saved")
        subprocess.run(["cp", "-a", database, saved], check=True)
        settings = {"MUNIMENT_WITNESS_POLICY": str(policy_file), "MUNIMENT_OUTBOUND_ALLOW": "127.0.0.0/8"}
        with witnessing(state, keys[0]) as (url, (first, second)):
            lines = [f"log {key}" for key in keys]
            lines += [f"witness w {first} {url}", f"witness m {second} {url}", "group g all w m", "quorum g"]
            policy_file.write_text("".join(f"{line}\n" for line in lines))
            policy = policy_file.read_bytes()
            with serving(place, settings=settings) as server:
                desk = Desk(server)
                desk.aws("iam", "create-user", "--user-name", "witnessed")
                position = desk.rows("history", "--operation", "CreateUser", "--limit", "1")[0]["position"]
                assert desk.muniment("receipt", str(position)).status == 0
                assert any(signed_by(desk, policy) == {"w", "m"} for _ in range(60))
        assert run(["muniment", "witness", "key", "--state", str(state)], {}).out.splitlines() == [first, second]
        shutil.rmtree(database)
        saved.rename(database)
        (data / "checkpoint").unlink()
        with witnessing(state, keys[0]) as (url, found):
            assert found == [first, second]
            lines[2:4] = [f"witness w {first} {url}", f"witness m {second} {url}"]
            policy_file.write_text("".join(f"{line}\n" for line in lines))
            refused = run(["muniment", "serve", "--data", str(data), "--listen", "127.0.0.1:0"], settings)
        assert refused.status == 1
        for name in ("w", "m"):
            assert f"The witness {name} has signed " in refused.error
        with serving(place, settings=settings) as server:
            assert "The witness w could not be asked at the start" in server.log.read_text()


def test_no_such_port(tmp_path: Path) -> None:
    """And not the one that 16 bits of it are."""
    key = load_keys(tmp_path, NAME)[0].verifier
    words = ["witness", "serve", "--state", str(tmp_path), "--listen", "127.0.0.1:65616", "--log", str(key)]
    answer = run(["muniment", *words], {})
    assert answer.status == 2
    assert "a port of at most 65535; got '127.0.0.1:65616'" in answer.error
