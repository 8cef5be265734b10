"""Clients that call without a pause, whatever happens to the server, and write everything down."""

import itertools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.credentials import Credentials

from tests.clients.raw_http import Reply, connected, credentials_in, form, raw, received, signed
from tests.clients.server import Server
from tests.failures.meter import Answer, Intent, acknowledged, unacknowledged

SECONDS_MAX = 90
PAUSE_SECONDS = 0.02
"""Between two tries of a client that finds nobody listening, or that was answered 503."""
ATTEMPTS_MAX = 2
"""Of a user's creation that had no answer. The other calls are sent once."""
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:Get*", "Resource": "*"}]}'
GIVING = frozenset({"CreateAccessKey", "AssumeRole"})
_TOLD = re.compile(r"<(UserId|AccessKeyId)>([^<]*)<")


@dataclass(frozen=True)
class Caller:
    """Whose calls these are, and what they may assume."""

    key: Credentials
    role_arn: str


class Load:
    """`server` need not run yet, or still; only its address is used."""

    def __init__(self, server: Server, caller: Caller, prefix: str, clients: int) -> None:
        self._server = server
        self._caller = caller
        self._prefix = prefix
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(clients)]
        self._failures: list[BaseException] = []
        self.journal: list[Intent] = []
        """Appended to by every client; each intent is changed by its own alone."""
        self.given: list[Credentials] = []
        """Every key and every session that a client was given."""

    @contextmanager
    def going_on(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in self._threads:
                thread.join()
        assert self._failures == []

    def until(self, reached: Callable[[], bool], what: str) -> None:
        """Returns as soon as it is so."""
        end = time.monotonic() + SECONDS_MAX
        while not reached():
            assert self._failures == []
            assert time.monotonic() < end, f"Not after {SECONDS_MAX} seconds: {what}"
            self._stopped.wait(PAUSE_SECONDS)

    def until_acknowledged(self, count: int) -> None:
        """Until that many more calls were acknowledged than now."""
        goal = len(acknowledged(self.journal)) + count
        self.until(lambda: len(acknowledged(self.journal)) >= goal, f"{count} more calls acknowledged")

    def until_unavailable(self, count: int) -> None:
        goal = len(unacknowledged(self.journal)) + count
        self.until(lambda: len(unacknowledged(self.journal)) >= goal, f"{count} more calls answered 503")

    def first_answer_since(self, moment: float) -> float:
        """Seconds from then until the first acknowledgement of a call that was sent after it."""

        def found() -> list[float]:
            return [answer.at for _, answer in acknowledged(self.journal) if answer.begun_at > moment]

        self.until(lambda: bool(found()), "a call acknowledged again")
        return min(found()) - moment

    def _client(self, client: int) -> None:
        try:
            for number in itertools.count():
                name = f"{self._prefix}-{client}-{number}"
                for intent, service in self._wanted(name):
                    if self._stopped.is_set():
                        return
                    self.journal.append(intent)
                    for _ in range(ATTEMPTS_MAX if intent.operation == "CreateUser" else 1):
                        if self._asked(intent, service):
                            break
        except BaseException as failure:  # noqa: BLE001  told by the thread that waits
            self._failures.append(failure)

    def _wanted(self, name: str) -> list[tuple[Intent, str]]:
        """What is asked about one user, in this order; the second is refused."""
        return [
            (Intent("CreateUser", {"UserName": name}), "iam"),
            (Intent("CreateUser", {"UserName": name, "Path": "/again/"}), "iam"),
            (Intent("CreateAccessKey", {"UserName": name}), "iam"),
            (Intent("PutUserPolicy", {"UserName": name, "PolicyName": name, "PolicyDocument": POLICY}), "iam"),
            (Intent("GetUser", {"UserName": name}), "iam"),
            (Intent("AssumeRole", {"RoleArn": self._caller.role_arn, "RoleSessionName": name}), "sts"),
        ]

    def _asked(self, intent: Intent, service: str) -> bool:
        """Whether an answer came, of whatever kind."""
        body = form(intent.operation, service, **intent.parameters)
        connection = self._connected()
        if connection is None:
            return False
        with connection:
            request = raw(signed(self._server, body, by=self._caller.key, service=service), body)
            intent.sent += 1
            begun_at = time.monotonic()
            try:
                connection.sendall(request)
                reply = received(connection)
            except (OSError, ValueError):
                return False
        if len(reply.body) < int(reply.headers.get("content-length", "0")):
            return False  # cut off in the middle
        intent.answers.append(_answer(reply, begun_at))
        if reply.status == 200 and intent.operation in GIVING:
            self.given.append(credentials_in(reply))
        if reply.status == 503:
            self._stopped.wait(PAUSE_SECONDS)
        return True

    def _connected(self) -> socket.socket | None:
        while not self._stopped.is_set():
            try:
                return connected(self._server)
            except ConnectionError:
                self._stopped.wait(PAUSE_SECONDS)
        return None


def _answer(reply: Reply, begun_at: float) -> Answer:
    position = reply.headers.get("x-muniment-position")
    return Answer(
        status=reply.status,
        code=reply.code,
        request_id=reply.request_id,
        position=None if position is None else int(position),
        begun_at=begun_at,
        at=time.monotonic(),
        told=dict(_TOLD.findall(reply.body.decode())) if reply.status == 200 else {},
    )
