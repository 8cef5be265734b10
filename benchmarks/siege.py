"""What another account's callers notice while somebody does the worst that quotas allow.

An attack is a function of a running server and an account of its own: it sets up what it needs, and gives requests that
are sent again and again, over several connections, by a process of their own. Add yours to ATTACKS.
"""

import itertools
import multiprocessing
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.accounts import Account, open_accounts
from benchmarks.client import Client
from benchmarks.latency import percentiles
from benchmarks.report import circumstances
from benchmarks.servers import Muniment, NotMeasured, muniment
from benchmarks.signing import USER_AGENT, get_user, signed
from benchmarks.size import Size
from domain.foundation.secret import Secret
from tests.domain.policy.expensive import ATTACKS as EXPENSIVE

CALLS = 1_000
CONNECTIONS = 8
P99_MILLISECONDS_MAX = 250
ABOUT = (
    "GetUser of one account, one at a time over one connection, while another account's caller attacks over "
    f"{CONNECTIONS} connections. None fails. Milliseconds."
)
_KEY = re.compile(r"<AccessKeyId>(.+?)</AccessKeyId>.*?<SecretAccessKey>(.+?)</SecretAccessKey>", re.DOTALL)

Attack = Callable[[Muniment, Account], Sequence[bytes]]


def measured(directory: Path, size: Size) -> str:
    """Raises NotMeasured, too, when one of the other account's calls fails."""
    with muniment(directory) as server:
        [victim, *attackers] = open_accounts(server.data, 1 + len(ATTACKS))
        lines = [
            circumstances(server.data),
            f"{size.of(CALLS):,} calls each. {ABOUT}\n",
            "| while | p50 | p99 | aim |",
            "|---|---:|---:|---:|",
        ]
        quiet = percentiles(_timed(server, victim, size.of(CALLS)))
        lines.append(f"| nothing goes on | {quiet[0]:.1f} | {quiet[1]:.1f} | |")
        for (name, attack), attacker in zip(ATTACKS.items(), attackers, strict=True):
            with _going_on(server, attack(server, attacker)):
                p50, p99 = percentiles(_timed(server, victim, size.of(CALLS)))
            lines.append(f"| {name} | {p50:.1f} | {p99:.1f} | {P99_MILLISECONDS_MAX} |")
            print(lines[-1], file=sys.stderr)
        return "\n".join(lines) + "\n"


def _timed(server: Muniment, account: Account, calls: int) -> list[float]:
    requests = itertools.cycle(list(itertools.islice(get_user(account), calls)))
    with Client(server.endpoint) as client:
        return [client.call(next(requests)) for _ in range(calls)]


@contextmanager
def _going_on(server: Muniment, requests: Sequence[bytes]) -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(
        target=_attack, args=(server.endpoint, requests), daemon=True
    )
    process.start()
    try:
        yield
        if not process.is_alive():
            raise NotMeasured("The attack has ended before what it was to disturb.")
    finally:
        process.terminate()
        process.join()


def _attack(endpoint: str, requests: Sequence[bytes]) -> None:
    threads = [threading.Thread(target=_send, args=(endpoint, requests), daemon=True) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send(endpoint: str, requests: Sequence[bytes]) -> None:
    """For ever; refusals are what an attacker expects."""
    while True:
        with suppress(OSError, NotMeasured), Client(endpoint) as client:
            for request in itertools.cycle(requests):
                with suppress(NotMeasured):
                    client.call(request)


def _burdened(document: str, agent: str, groups: int) -> Attack:
    """A caller in so many groups with ten policies each, and an agent of its own."""

    def requests(server: Muniment, account: Account) -> Sequence[bytes]:
        with Client(server.endpoint) as client:

            def call(action: str, **parameters: str) -> str:
                return client.answer(signed(account, "iam", {"Action": action} | parameters))

            call("CreateUser", UserName="mallory")
            key_id, secret = _KEY.search(call("CreateAccessKey", UserName="mallory")).groups()  # type: ignore[union-attr]
            for group in range(groups):
                call("CreateGroup", GroupName=f"g{group}")
                call("AddUserToGroup", GroupName=f"g{group}", UserName="mallory")
                for number in range(10):
                    name = f"p{group}-{number}"
                    call("CreatePolicy", PolicyName=name, PolicyDocument=document.replace("{", "{" + " " * number, 1))
                    arn = f"arn:aws:iam::{account.account_id}:policy/{name}"
                    call("AttachGroupPolicy", GroupName=f"g{group}", PolicyArn=arn)
        mallory = Account(account.account_id, key_id, Secret(secret))
        sent = itertools.islice(get_user(mallory), 100)
        return [request.replace(USER_AGENT.encode(), agent.encode()) for request in sent]

    return requests


_AGENT = EXPENSIVE["a star and a character, on an agent"].document
ATTACKS: Mapping[str, Attack] = {
    "decisions cost more than they may": _burdened(_AGENT, "x" * 1_000, 10),
    "decisions cost nearly what they may": _burdened(_AGENT, "x" * 400, 10),
    "decisions match as many statements as they may": _burdened(EXPENSIVE["statements"].document, "x", 2),
}
"""By what goes on."""
