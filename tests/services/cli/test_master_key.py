"""`muniment master-key` as a process, beside a server that goes on answering."""

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from services.cli.entry_point import main
from services.ledger.database import ExternalDatabase, connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from services.secrets.master_key import KEY_BYTES, MasterKey, MasterKeys, change, load, load_or_create
from services.secrets.rewrapping import rotation_lock
from tests.clients.server import Answer, Server, run, running_server, serving
from tests.places import place_for_data
from tests.services.cli.test_operating import acts, lines

SESSION, MAKING = boto3.Session(), threading.Lock()
"""What it has read of the services is kept; two threads must not make clients at the same time."""
ONCE = Config(retries={"total_max_attempts": 1})
KILLED_BETWEEN_BATCHES = """
import os, signal, sys
from services.cli.commands import master_key
from services.cli.entry_point import main
from services.secrets import rewrapping

def until_killed(connection, store, tell):
    def die(done, total):
        if done == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    return rewrapping.rewrap_all(connection, store, die)

rewrapping.DATA_KEYS_A_BATCH = 1
master_key.rewrap_all = until_killed
main(["master-key", "rotate", "--data", sys.argv[1]])
"""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of each test's own, whose keys it rotates."""
    with running_server() as server:
        yield server


def master_key(data: Path, *words: str, **environment: str) -> Answer:
    return run(["muniment", "master-key", *words, "--output", "json", "--data", str(data)], environment)


def client(server: Server, service: str, **credentials: str):  # type: ignore[no-untyped-def]  # noqa: ANN201
    given = credentials or _profile(server)
    with MAKING:
        return SESSION.client(service, endpoint_url=server.endpoint, region_name="us-east-1", config=ONCE, **given)


def _profile(server: Server) -> dict[str, str]:
    said = dict(
        line.strip().split(" = ") for line in (server.data / "aws-profile").read_text().splitlines() if " = " in line
    )
    return {name: said[name] for name in ("aws_access_key_id", "aws_secret_access_key")}


def session_of(server: Server) -> dict[str, str]:
    issued = client(server, "sts").get_session_token()["Credentials"]
    return {
        "aws_access_key_id": issued["AccessKeyId"],
        "aws_secret_access_key": issued["SecretAccessKey"],
        "aws_session_token": issued["SessionToken"],
    }


def new_user_with_key(server: Server, name: str) -> dict[str, str]:
    iam = client(server, "iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


@contextmanager
def calling(server: Server) -> Iterator[list[str]]:
    """Somebody who creates users with keys, and calls with them and with new and old sessions, without a pause and
    without a second attempt. Gives the names of the users whose calls were all answered."""
    answered, failures, over = list[str](), list[Exception](), threading.Event()
    old = session_of(server)

    def call() -> None:
        number = 0
        while not over.is_set():
            name = f"{threading.get_ident()}-{number}"
            number += 1
            try:
                client(server, "sts", **new_user_with_key(server, name)).get_caller_identity()
                client(server, "sts", **session_of(server)).get_caller_identity()
                client(server, "sts", **old).get_caller_identity()
            except Exception as error:  # noqa: BLE001  told below
                failures.append(error)
                return
            answered.append(name)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []


def wait_for_more(answered: list[str]) -> None:
    """So many that the last ones began after this was asked."""
    reached, pause = len(answered) + 3, threading.Event()
    for _ in range(6_000):
        if len(answered) >= reached:
            return
        pause.wait(0.01)
    raise AssertionError("Calls are not answered any more.")


def test_rotations_beside_calls(server: Server) -> None:
    """One that is killed between two batches and gone on with, and two more: each call is answered at the first
    attempt, by keys and sessions from before and after, whichever of the two keys they need at that moment. The ledger
    says who, from which key to which, and how many data keys."""
    for number in range(4):
        new_user_with_key(server, f"early-{number}")
    data, before, first = server.data, len(acts(server.data)), load(server.data / "master.key").current.key_id
    with calling(server) as answered:
        killed = subprocess.run(
            [sys.executable, "-c", KILLED_BETWEEN_BATCHES, str(data)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=False,
        )
        assert killed.returncode == -9
        listed = {row["state"]: row for row in lines(master_key(data, "list"))}
        assert listed["former"]["master_key_id"] == first
        assert (listed["former"]["opens_until"], int(str(listed["former"]["data_keys"])) > 0) == (None, True)
        second = str(listed["current"]["master_key_id"])
        assert int(str(listed["current"]["data_keys"])) >= 2
        wait_for_more(answered)
        rotated = []
        for _ in range(3):
            told = master_key(data, "rotate")
            assert told.status == 0, told.error
            rotated += lines(told)
            wait_for_more(answered)
    assert [row["former_master_key_ids"] for row in rotated] == [[first], [second], [rotated[1]["master_key_id"]]]
    assert rotated[0]["master_key_id"] == second
    done = [
        (operation, parameters["done"], parameters["master_key_id"], parameters["former_master_key_ids"])
        for operation, parameters, _ in acts(data)[before:]
        if operation == "RotateMasterKey"
    ]
    third, fourth = (str(row["master_key_id"]) for row in rotated[1:])
    steps = [(False, second, [first]), (False, second, [first]), (True, second, [first])]
    steps += [(ended, new, [old]) for new, old in ((third, second), (fourth, third)) for ended in (False, True)]
    assert done == [("RotateMasterKey", *step) for step in steps]
    kept = load(data / "master.key")
    assert [key.key_id for key in kept.all] == [fourth, third, second, first]
    assert kept.ends.keys() == {third, second, first}
    assert {row["master_key_id"]: row["data_keys"] > 0 for row in lines(master_key(data, "list"))} == {  # type: ignore[operator]
        fourth: True,
        third: False,
        second: False,
        first: False,
    }


def test_a_leaked_master_key_is_of_no_use(server: Server) -> None:
    """With --end-sessions no former key is kept: sessions of before end at once, access keys and new sessions go on."""
    user, session = new_user_with_key(server, "mallory"), session_of(server)
    client(server, "sts", **session).get_caller_identity()
    told = master_key(server.data, "rotate", "--end-sessions")
    assert told.status == 0, told.error
    assert len(load(server.data / "master.key").all) == 1
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client(server, "sts", **session).get_caller_identity()
    for credentials in (user, session_of(server)):
        client(server, "sts", **credentials).get_caller_identity()


def test_the_environment_rotates_step_by_step() -> None:
    """As docs/how-to/rotate-the-master-key.md says: without a new key there is nothing to do; with it, and the former
    one beside it, all is rewrapped; then the former one is of no use. A server with a wrong key does not start, and
    says so in a sentence."""
    old, new = (base64.b64encode(bytes([number]) * KEY_BYTES).decode() for number in (1, 2))
    with place_for_data() as place:
        data = place / "data"
        with serving(place, settings={"MUNIMENT_MASTER_KEY": old}) as server:
            user = new_user_with_key(server, "ann")
            refused = master_key(data, "rotate", MUNIMENT_MASTER_KEY=old)
            assert (refused.status, "Every data key is under" in refused.error) == (1, True)
        both = {"MUNIMENT_MASTER_KEY": new, "MUNIMENT_MASTER_KEY_PREVIOUS": old}
        told = master_key(data, "rotate", **both)
        assert told.status == 0, told.error
        (row,) = lines(told)
        assert (row["data_keys"], row["sessions_until"]) == (3, None)
        assert "MUNIMENT_MASTER_KEY_PREVIOUS for 48 hours" in told.error
        wrong = run(["muniment", "serve", "--data", str(data), "--listen", "127.0.0.1:0"], {"MUNIMENT_MASTER_KEY": old})
        assert (wrong.status, wrong.error.splitlines()[-1][:10]) == (1, "muniment: ")
        assert f"sealed under the master key {MasterKey(bytes([2]) * KEY_BYTES).key_id}" in wrong.error
        with serving(place, settings={"MUNIMENT_MASTER_KEY": new}) as server:
            client(server, "sts", **user).get_caller_identity()


def test_what_nobody_can_open(server: Server) -> None:
    """A data key that was altered is named, and hinders nothing: the others are rewrapped, the master key is rotated
    again, and sessions are ended; its former key stays for it alone, until nothing is sealed under it."""
    new_user_with_key(server, "carol")
    session, before = session_of(server), load(server.data / "master.key").current.key_id
    user_id = client(server, "iam").get_user(UserName="carol")["User"]["UserId"]
    with connect(EmbeddedPostgres(resolve_directory(server.data / "postgres")), "owner") as owner:
        owner.execute("update secrets.data_keys set wrapped = '' where principal_id = %s", (user_id,))
    for words in (["rotate"], ["rotate", "--end-sessions"]):
        told = master_key(server.data, *words)
        assert (told.status, user_id in told.error, "1 of the data keys" in told.error) == (1, True, True)
    assert [key.key_id for key in load(server.data / "master.key").previous] == [before]
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client(server, "sts", **session).get_caller_identity()
    iam = client(server, "iam")
    (key,) = iam.list_access_keys(UserName="carol")["AccessKeyMetadata"]
    iam.delete_access_key(UserName="carol", AccessKeyId=key["AccessKeyId"])
    told = master_key(server.data, "rotate", "--end-sessions")
    assert told.status == 0, told.error
    assert load(server.data / "master.key").previous == ()


def test_wherever_it_was_broken_off(server: Server) -> None:
    """Right behind the new key, or before the former one got its end: it goes on to that key, and makes no other. One
    beside another is refused."""
    path, new = server.data / "master.key", MasterKey(os.urandom(KEY_BYTES))
    change(path, lambda keys: keys.rotated(new))
    (row,) = lines(master_key(server.data, "rotate"))
    assert (row["master_key_id"], int(str(row["data_keys"])) >= 2) == (new.key_id, True)
    change(path, lambda keys: MasterKeys(keys.current, keys.previous))
    (row,) = lines(master_key(server.data, "rotate"))
    assert (row["master_key_id"], row["data_keys"], load(path).rotating_from) == (new.key_id, 0, ())
    with (
        connect(EmbeddedPostgres(resolve_directory(server.data / "postgres")), "writer") as other,
        rotation_lock(other),
    ):
        refused = master_key(server.data, "rotate")
    assert (refused.status, "Somebody else is rotating" in refused.error) == (1, True)
    assert load(path).current.key_id == new.key_id


def test_servers_on_other_machines_are_thought_of(
    database: ExternalDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a PostgreSQL of one's own a key is made here only for servers that read this file."""
    monkeypatch.setattr(
        "services.ledger_runtime.refuse_unsafe_settings", lambda _connection: None
    )  # Tests run without fsync.
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", database.url)
    load_or_create(tmp_path / "master.key")
    before = (tmp_path / "master.key").read_bytes()
    assert main(["master-key", "rotate", "--data", str(tmp_path)]) == 1
    assert "say so with --shared-file" in capsys.readouterr().err
    assert (tmp_path / "master.key").read_bytes() == before
