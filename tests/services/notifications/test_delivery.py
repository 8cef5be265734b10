"""Delivery on a real database to a real receiver: each event, in order, whatever the target does."""

import hmac
import json
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from domain.families.leak_reports import CredentialReportedLeaked
from domain.families.notifications import NotificationTargetRemoved
from domain.families.users import UserCreated
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.secret import SecretId, SecretKind
from domain.installation import AccountOpened, OperatorTargetRemoved
from services.ledger.database import connect
from services.notifications import deliveries, turns
from services.notifications.deliverer import LEADER_LOCK_KEY
from services.notifications.deliveries import TurnProgress
from services.notifications.senders import CommandSender
from services.notifications.turns import EVENTS_A_SAVE
from tests.services.notifications.post import DAY, Post, leaked
from tests.services.outbound.receiver import Exchange, Received, Receiver, accept, receiving
from tests.services.outbound.test_fetcher import slow_body, ten_gigabytes


def ids(receiver: Receiver) -> list[str]:
    """Of what it was told, in order."""
    return [json.loads(received.body)["id"] for received in receiver.received]


def failing(exchange: Exchange) -> None:
    exchange.status(503)


def test_from_its_beginning_on_and_in_order(post: Post) -> None:
    """A target is told the notices behind the event that added it, each once, signed by its own secret with the event's
    id, and nothing else that happens."""
    post.idle(2)
    with receiving() as receiver:
        target_id = post.add("webhook", receiver.url)
        told = post.idle(3)
        post.append(UserCreated(user_id="AIDABOB", user_name="bob", path="/"))
        post.deliver()
        told += post.idle(1)
        post.deliver()
    assert ids(receiver) == told
    with post.writer.cursor() as cursor:
        secret = post.runtime.secrets.get(
            cursor, post.account.account_id, SecretId(SecretKind.WEBHOOK_SECRET, target_id)
        )
    assert secret is not None
    for got in receiver.received:
        assert got.headers["content-type"].startswith("application/cloudevents+json")
        assert got.headers["webhook-timestamp"] == str(int(post.at.timestamp()))
        assert got.headers["webhook-signature"] == signature(secret.reveal(), got)
    assert post.state(target_id)[:4] == (4, post.at, None, None)
    assert post.state(target_id).waiting == 0


def signature(secret: str, got: Received) -> str:
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    return "v1," + b64encode(hmac.digest(b64decode(secret.removeprefix("whsec_")), content, sha256)).decode()


def test_one_in_three_fails(post: Post) -> None:
    """What was refused is told again at once, under the same id and before anything later."""
    with receiving() as receiver:
        receiver.answer = lambda exchange: exchange.status(503 if len(receiver.received) % 3 == 0 else 204)
        target_id = post.add("webhook", receiver.url)
        told = post.idle(10)
        post.deliver()
    got = ids(receiver)
    assert list(dict.fromkeys(got)) == told
    assert len(got) > len(told)
    assert post.state(target_id).failing_since is None


def redirecting(exchange: Exchange) -> None:
    exchange.status(302, Location="http://127.0.0.1:1/")


def hanging_up(exchange: Exchange) -> None:
    exchange.handler.connection.close()


@pytest.mark.parametrize("answer", [Exchange.hang, slow_body, redirecting, failing, hanging_up])
def test_a_bad_target_holds_up_no_other(post: Post, answer: Callable[[Exchange], None]) -> None:
    """It hangs, trickles, redirects, fails or hangs up: the others are told in the same turn. It is tried less and less
    often, and when it comes back after a day it is told everything, in order."""
    with receiving() as good, receiving(answer) as bad:
        bad_id, good_id = post.add("webhook", bad.url), post.add("webhook", good.url)
        told = post.idle(3)
        post.deliver()
        assert ids(good) == told
        before = len(bad.received)
        post.deliver()
        assert len(bad.received) == before  # its time has not come
        state = post.state(bad_id)
        assert (state.delivered, state.waiting, state.failing_since) == (0, 3, post.at)
        assert state.last_error
        assert state.next_attempt_at is not None
        assert post.at < state.next_attempt_at <= post.at + timedelta(seconds=1)
        post.at += DAY
        bad.answer = accept
        told += post.idle(1)
        post.deliver()
        assert ids(good) == told
        assert ids(bad)[before:] == told
    assert post.state(bad_id).failing_since is None
    assert post.state(good_id).failing_since is None


def test_ten_gigabytes_of_answer(post: Post) -> None:
    """They are not read: its status has said that the message was taken."""
    with receiving(ten_gigabytes) as receiver:
        target_id = post.add("webhook", receiver.url)
        told = post.idle(2)
        post.deliver()
        assert ids(receiver) == told
    assert post.state(target_id).delivered == 2


def test_killed_between_delivery_and_cursor(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was told and not saved is told again under the same ids, a few at most, and nothing is lost."""
    save = deliveries.save

    def killed(*_arguments: object) -> None:
        raise psycopg.OperationalError

    with receiving() as receiver:
        post.add("webhook", receiver.url)
        told = post.idle(EVENTS_A_SAVE + 5)
        monkeypatch.setattr(turns, "save", killed)
        post.deliver(turns=1)
        assert ids(receiver) == told[:EVENTS_A_SAVE]
        monkeypatch.setattr(turns, "save", save)
        post.deliver()
        assert ids(receiver) == told[:EVENTS_A_SAVE] + told


def test_two_processes(post: Post) -> None:
    """One delivers; when its connection is gone the other does, from where the first has come to. One that does not
    know that it leads no more sets no cursor back."""
    other = post.another_process()
    with receiving() as receiver:
        target_id = post.add("webhook", receiver.url)
        told = post.idle(2)
        post.deliver()
        post.deliver(other)
        assert (post.deliverer.status.leader, other.status.leader) == (True, False)
        assert ids(receiver) == told
        post.deliverer._resign()
        told += post.idle(2)
        post.deliver(other)
        assert other.status.leader
        assert ids(receiver) == told
        cursor = post.rows("cursors")
        target = other._directory.current(post.writer, post.at)[target_id]
        deliveries.save(post.writer, target, post.account.account_id, TurnProgress(1), post.at)
        assert post.rows("cursors") == cursor


def test_a_leader_without_its_lock_notices(post: Post) -> None:
    """The session that held it was ended: the next turn asks for the lock anew."""
    with receiving() as receiver:
        post.add("webhook", receiver.url)
        post.deliver()
        with connect(post.database, "owner") as owner:
            owner.execute(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = %s",
                (LEADER_LOCK_KEY,),
            )
        told = post.idle(1)
        assert not post.deliverer.tick()
        assert not post.deliverer._connection
        post.deliver()
        assert ids(receiver) == told


def test_dead_and_alive(post: Post) -> None:
    """After three days without success a target is dead, which is told and changes nothing: it is tried once an hour,
    and at once when somebody asks for a test; the test comes behind what waits."""
    with receiving(failing) as receiver:
        target_id = post.add("webhook", receiver.url)
        told = post.idle(2)
        began = post.at
        attempts = 0
        while post.at < began + 3 * DAY:
            post.deliver(turns=1)
            attempts += 1
            post.at += timedelta(hours=1)
        post.deliver(turns=1)
        state = post.state(target_id)
        assert (state.dead, state.failing_since, state.last_error) == (True, began, "It answered with status 503.")
        post.deliver(turns=1)
        assert post.deliverer.status.dead_targets == 1
        assert attempts <= len(receiver.received) <= attempts + 12
        before = len(receiver.received)
        post.deliver()
        assert len(receiver.received) == before
        receiver.answer = accept
        post.test(target_id)
        post.deliver()
    assert ids(receiver)[before:-1] == told
    assert json.loads(receiver.received[-1].body)["type"] == "notification_target.tested.v1"
    assert not post.state(target_id).dead


def test_a_test_that_fails_is_tried_at_once_only_once(post: Post) -> None:
    with receiving(failing) as receiver:
        target_id = post.add("webhook", receiver.url)
        post.idle(1)
        post.deliver()
        post.test(target_id)
        before = len(receiver.received)
        post.deliver(turns=3)
        assert len(receiver.received) == before + 1


def test_filters(post: Post) -> None:
    """What is about others is passed over, and does not wait."""
    with receiving() as receiver:
        target_id = post.add("webhook", receiver.url, owner="root", events=("Credential*",))
        post.idle(3)
        assert post.state(target_id).waiting == 0
        post.deliver()
    assert not receiver.received
    account_id = post.account.account_id
    assert post.rows("cursors") == [(target_id, account_id, post.account.position)]


def test_the_operators_are_told_of_all_accounts(post: Post, tmp_path: Path) -> None:
    """Those that are opened later, and the installation, too: from the time on at which the target was added. One of a
    single account is told of no other. Removed, nothing of them is kept."""
    place, other_place = tmp_path / "all", tmp_path / "one"
    post.idle(1)
    second = post.another_account()
    post.at += DAY
    all_id = post.add_operators("file", str(place))
    one_id = post.add_operators(
        "file", str(other_place), of=second.account_id, events=("CredentialIdle", "AccountOpened")
    )
    post.append(AccountOpened(opened_account_id=post.account.account_id, ledger_id="0f"), ledger=post.installation)
    post.deliver()
    told = [*post.idle(2), *post.idle(1, second)]
    third = post.another_account()
    told += post.idle(2, third)
    post.deliver()
    post.test(all_id)
    post.deliver()
    *written, last = [json.loads(line) for line in place.read_text().splitlines()]
    assert {each["id"] for each in written} == set(told)
    assert len(written) == len(told)
    assert last["source"] == f"urn:muniment:account:{INSTALLATION}"
    assert [json.loads(line)["id"] for line in other_place.read_text().splitlines()] == [told[2]]
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    post.remove(all_id)
    post.remove(one_id)
    post.idle(1)
    post.deliver(turns=3)
    assert [json.loads(line)["type"] for line in other_place.read_text().splitlines()][1:] == [
        OperatorTargetRemoved.topic
    ]
    assert post.rows("cursors") == post.rows("deliveries") == []


def test_nobody_is_silenced_unnoticed(post: Post) -> None:
    """A webhook that is removed is told so, signed by the secret that was destroyed with it, and nothing else that
    waited; once, whoever leads afterwards. Every other target is told too."""
    with receiving() as receiver, receiving() as other:
        target_id = post.add("webhook", receiver.url, events=("RotationDue",), owner="root")
        post.add("webhook", other.url)
        post.deliver()
        secret_id = SecretId(SecretKind.WEBHOOK_SECRET, target_id)
        with post.writer.transaction(), post.writer.cursor() as cursor:
            secret = post.runtime.secrets.get(cursor, post.account.account_id, secret_id)
            post.runtime.secrets.delete(cursor, post.account.account_id, secret_id)
        assert secret is not None
        post.append(leaked())
        post.remove(target_id)
        removed = f"{post.account.account_id}-{post.account.position}"
        post.deliver()
        post.deliver()
        post.deliver(post.another_process(), turns=3)
        assert ids(receiver) == [removed]
        (got,) = receiver.received
        assert got.headers["webhook-signature"] == signature(secret.reveal(), got)
        assert [json.loads(each.body)["type"] for each in other.received][-2:] == [
            CredentialReportedLeaked.topic, NotificationTargetRemoved.topic,
        ]  # fmt: skip


def test_a_farewell_that_is_not_taken_ends(post: Post) -> None:
    """After a day nothing is kept of the target."""
    with receiving(failing) as receiver:
        target_id = post.add("webhook", receiver.url)
        post.deliver()
        post.remove(target_id)
        post.deliver(turns=3)
        assert receiver.received
        before = len(receiver.received)
        assert post.rows("cursors")
        post.at += DAY
        post.deliver()
        assert post.rows("cursors") == post.rows("deliveries") == []
        assert len(receiver.received) == before


def test_a_file(post: Post, tmp_path: Path) -> None:
    """A line that a crash has cut is ended; what is no regular file is not written to, and holds up nothing."""
    place, pipe, link = tmp_path / "events", tmp_path / "pipe", tmp_path / "link"
    place.write_text('{"cut')
    os.mkfifo(pipe)
    link.symlink_to(place)
    post.add_operators("file", str(place))
    bad = [post.add_operators("file", str(each)) for each in (pipe, link, tmp_path, tmp_path / "no" / "where")]
    (told,) = post.idle(1)
    post.deliver()
    cut, line = place.read_text().splitlines()
    assert (cut, json.loads(line)["id"]) == ('{"cut', told)
    for target_id in bad:
        error = post.state(target_id).last_error
        assert error is not None
        assert error.startswith("The file cannot be written")


def test_a_command(post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event is its standard input. Nothing of the server's environment is in its own; exit codes are failures, and
    one that does not end is ended with all that it has started."""
    monkeypatch.setenv("MUNIMENT_MASTER_KEY", "secret")
    place, pid = tmp_path / "told", tmp_path / "pid"
    post.add_operators("command", f"/bin/sh -c 'cat > {place}; env > {place}.env'")
    failed = post.add_operators("command", "/bin/sh -c 'exit 3'")
    missing = post.add_operators("command", "/no/where")
    (told,) = post.idle(1)
    post.deliver()
    assert json.loads(place.read_text())["id"] == told
    assert "MUNIMENT" not in Path(f"{place}.env").read_text()
    assert post.state(failed).last_error == "The command ended with exit code 3."
    assert post.state(missing).last_error == "The command cannot be run: No such file or directory."
    post.deliverer._turns.senders["command"] = CommandSender(seconds_max=0.3)  # type: ignore[index]
    hanging = post.add_operators("command", f"/bin/sh -c 'sleep 1000 & echo $! > {pid}; wait'")
    post.idle(1)
    post.deliver()
    assert post.state(hanging).last_error == "The command has not ended in 0.3 seconds."
    assert has_ended(int(pid.read_text()))


def has_ended(pid: int) -> bool:
    """Gone, or a zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
