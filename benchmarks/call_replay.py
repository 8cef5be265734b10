"""How fast recorded calls are decided again under other policies, and what others wait for meanwhile."""

import gc
import http.client
import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks import replay_ledger, signing
from benchmarks.accounts import Account
from benchmarks.client import Client
from benchmarks.report import circumstances, spread
from benchmarks.servers import Muniment, NotMeasured, serving, throw_away
from benchmarks.size import Size
from benchmarks.stores import opened, store
from domain.foundation.moments import AsOf
from services.api.contract.least_privilege import GetLeastPrivilege
from services.api.contract.question import SERVICE
from services.api.contract.replay import ReplayedPart, ReplayQuestion
from services.api.contract.what_if import WhatIf, WhatIfPart, merge_parts
from services.api.handlers.handler import AnswerContext, answer_question
from services.heap import GARBAGE_OBJECTS_MIN
from services.ledger_runtime import LedgerRuntime

CALLS, CALLS_BESIDE = 1_000_000, 100_000
CATCHING_UP_SECONDS_MAX = 600
REPLAYED_A_SECOND = "20,000"
LATENCY_CALLS, WARM_UP_CALLS = 500, 50
SCP = json.dumps({
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Deny", "Action": "iam:Get*", "Resource": "*",
         "Condition": {"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}},
        {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*",
         "Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/people/user-1*"}}},
        {"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*"},
    ],
})  # fmt: skip
"""Concerns every call, by conditions; AssumeRole by eleven of a hundred users is refused."""
ABOUT = (
    "GetUser, ListRoles and AssumeRole in turns, by 100 users; between 10,000 calls 100 changes, the recorded uses of "
    "their keys. In one process, read from the database, which is another; answer by answer, as the native API "
    "gives them. A second of processor time is one of that process."
)
ABOUT_BESIDE = (
    "GetUser, one at a time over one connection, of a server of which nothing else is asked, and of the same server "
    "while one `muniment what-if` after the other goes through {calls:,} calls."
)


def measured(directory: Path, size: Size) -> str:
    return f"{_speed(directory, size)}\n{_beside(directory, size)}"


def _speed(directory: Path, size: Size) -> str:
    with throw_away(directory) as data, store(data) as place:
        where = circumstances(data)
        ledger, count = place.ledger(), size.of(CALLS)
        with ledger.readers, ledger.recording():
            account_id = opened(ledger).account_id
            users = replay_ledger.fill(place, ledger, account_id, count)
            _as_in_a_server()
            lines = [
                where,
                f"{count:,} recorded calls. {ABOUT} Medians of {size.repetitions} runs, least and most in brackets.\n",
                "| what | calls/s | calls a second of processor time | aim |",
                "|---|---:|---:|---:|",
                _row("what-if, a service control policy with conditions", ledger, account_id, size, _denied(count)),
                _row("least-privilege, of one user", ledger, account_id, size, _least(users[0])),
            ]
    return "\n".join(lines) + "\n"


Asked = tuple[ReplayQuestion[ReplayedPart], Callable[[list[ReplayedPart]], bool]]
"""And whether the answers are what they must be."""


def _denied(count: int) -> Asked:
    """Of each window the templates are taken in turns. Of the third hundred those of user-1 and user-10 to user-19."""
    kinds = [(1 + number % replay_ledger.CALLS_A_WINDOW) % (3 * replay_ledger.USERS) for number in range(count)]
    refused = {2 * replay_ledger.USERS + user for user in (1, *range(10, 20))}
    expected = sum(kind in refused for kind in kinds)

    def is_right(parts: list[ReplayedPart]) -> bool:
        found = merge_parts(tuple(part for part in parts if isinstance(part, WhatIfPart)))
        return found.now_refused == expected and not found.undecidable

    return WhatIf(since="p1", scp=SCP), is_right


def _least(user_id: str) -> Asked:
    return GetLeastPrivilege(since="p1", principal=user_id), lambda parts: all(
        part.allowed == part.confirmed for part in parts
    )


def _as_in_a_server() -> None:
    """What has been there before is not looked at, and few collections are made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS_MIN)


def _row(what: str, ledger: LedgerRuntime, account_id: str, size: Size, asked: Asked) -> str:
    question, is_right = asked
    walls, processors = [], []
    for _ in range(size.repetitions):
        since, worked = time.perf_counter(), time.process_time()
        parts = list(_answers(ledger, account_id, question))
        seconds, processor = time.perf_counter() - since, time.process_time() - worked
        if not is_right(parts):
            raise NotMeasured(f"{what}: the answers are not what they must be.")
        walls.append(size.of(CALLS) / seconds)
        processors.append(size.of(CALLS) / processor)
    columns = f"{spread(walls, ',.0f')} | {spread(processors, ',.0f')}"
    print(f"{what}: {columns}", file=sys.stderr)
    return f"| {what} | {columns} | {REPLAYED_A_SECOND} |"


def _answers(ledger: LedgerRuntime, account_id: str, question: ReplayQuestion[ReplayedPart]) -> Iterator[ReplayedPart]:
    """As a client asks on, without the way over the network."""
    while True:
        with ledger.readers.connection() as connection, connection.cursor() as cursor:
            context = AnswerContext(cursor, ledger.past, account_id, AsOf(datetime.now(UTC)))
            part = answer_question(question, context)
        yield part
        if part.stopped_position is None:
            return
        going = {"since": f"p{part.stopped_position + 1}", "until": f"p{part.until_position}"}
        question = type(question).model_validate({**question.model_dump(mode="json", exclude_unset=True), **going})


def _beside(directory: Path, size: Size) -> str:
    """Other calls of the same server meanwhile."""
    count = size.of(CALLS_BESIDE)
    with throw_away(directory) as data:
        with store(data) as place:
            ledger = place.ledger()
            with ledger.readers, ledger.recording():
                account = opened(ledger)
                replay_ledger.fill(place, ledger, account.account_id, count)
        with serving(data) as server:
            server.catch_up(CATCHING_UP_SECONDS_MAX)
            alone = _latencies(server, account, size)
            with _asking_on(server, account) as answered:
                beside = _latencies(server, account, size)
            if not answered:
                raise NotMeasured("No what-if was answered meanwhile.")
    lines = [
        ABOUT_BESIDE.format(calls=count) + "\n",
        "| GetUser, ms | p50 | p99 |",
        "|---|---:|---:|",
        f"| alone | {median(alone):.1f} | {quantiles(alone, n=100, method='inclusive')[98]:.1f} |",
        f"| beside what-if | {median(beside):.1f} | {quantiles(beside, n=100, method='inclusive')[98]:.1f} |",
    ]
    print(f"{lines[-2]} {lines[-1]} {len(answered)} answers", file=sys.stderr)
    return "\n".join(lines) + "\n"


def _latencies(server: Muniment, account: Account, size: Size) -> list[float]:
    """In milliseconds."""
    requests = itertools.cycle(list(signing.get_user(account)))
    with Client(server.endpoint) as client:
        for _ in range(WARM_UP_CALLS):
            client.call(next(requests))
        return [client.call(next(requests)) * 1e3 for _ in range(max(WARM_UP_CALLS, size.of(LATENCY_CALLS)))]


@contextmanager
def _asking_on(server: Muniment, account: Account) -> Iterator[list[int]]:
    """Asks what if, over and over, while the block lasts. Gives the positions at which the answers stopped."""
    over, answered = threading.Event(), list[int]()
    signer = SigV4Auth(Credentials(account.access_key_id, account.secret.reveal()), SERVICE, "us-east-1")

    def ask() -> None:
        since = 1
        while not over.is_set():
            body = json.dumps({"since": f"p{since}", "scp": SCP}).encode()
            request = AWSRequest("POST", f"{server.endpoint}/v1/what-if", {"Content-Type": "application/json"}, body)
            signer.add_auth(request)
            connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=60)
            connection.request("POST", "/v1/what-if", body, dict(request.headers.items()))
            response = connection.getresponse()
            part = WhatIfPart.model_validate_json(response.read())
            connection.close()
            answered.append(part.stopped_position or 0)
            since = (part.stopped_position or 0) + 1

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield answered
    finally:
        over.set()
        asking.join()
