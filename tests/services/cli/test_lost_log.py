"""A server on a database that was put back: it does not start, until somebody accepts the loss, which is on record."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.clients.server import PROGRAM, Server, run, serving
from tests.places import place_for_data
from tests.services.cli.conftest import Desk

ACCEPTING = ("sh", "-c", f'exec {PROGRAM[0]} "$@" --accept-loss', "sh")


def published(server: Server, user_name: str) -> None:
    """A call whose entry is in a checkpoint."""
    desk = Desk(server)
    desk.aws("iam", "create-user", "--user-name", user_name)
    call = desk.rows("history", "--operation", "CreateUser", "--limit", "1")[0]
    assert desk.muniment("receipt", str(call["position"])).status == 0


def origin(server: Server) -> str:
    return str(Desk(server).rows("log")[0]["origin"])


def put_back(place: Path, saved: Path, database: Path, settings: Mapping[str, str] | None = None) -> str:
    """What a start says then."""
    shutil.rmtree(database)
    subprocess.run(["cp", "-a", saved, database], check=True)
    refused = run(["muniment", "serve", "--data", str(place / "data"), "--listen", "127.0.0.1:0"], settings or {})
    assert refused.status == 1
    assert "This database is not the one of which checkpoints were published." in refused.error
    return refused.error


def test_a_database_that_was_put_back(tmp_path: Path) -> None:
    with place_for_data() as place:
        with serving(place) as server:
            published(server, "kept")
            former = origin(server)
        database = (place / "data" / "postgres").resolve()
        saved = database.with_name("saved")
        subprocess.run(["cp", "-a", database, saved], check=True)
        with serving(place) as server:
            published(server, "lost")
        assert "entries of the log of heads were published; there are" in put_back(place, saved, database)
        with serving(place, program=ACCEPTING) as server:
            renamed = origin(server)
            assert re.fullmatch(re.escape(former) + "-r[0-9]{14}", renamed)
            published(server, "after")
            bundle = tmp_path / "b.zip"
            answer = Desk(server).muniment("bundle", str(bundle), "--from", "1h")
            assert answer.status == 0, answer.error
            assert f"signed by {renamed} (ED25519)" in answer.out
            verified = run(["muniment", "verify", "--data", str(place / "data"), "--output", "json"], {})
            assert verified.status == 0, verified.error
            ledgers = [json.loads(line) for line in verified.out.splitlines()]
            assert {each["finding"] for each in ledgers if "account_id" in each} == {None}
        with serving(place) as server:
            assert origin(server) == renamed
        # To before the loss was accepted.
        kept = (place / "data" / "checkpoint").rename(place / "kept")
        said = put_back(place, saved, database, {"MUNIMENT_CHECKPOINT_FILE": str(kept)})
        assert f"{kept}: " in said
        assert f"entries were published as {renamed}, of which nothing is here; the log here is {former}." in said
