"""What another account notices while somebody attacks: each row of ATTACKS goes on, and somebody else calls."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks import attackers
from benchmarks.accounts import Account, open_accounts
from benchmarks.client import Client
from benchmarks.latency import percentiles
from benchmarks.report import circumstances
from benchmarks.servers import NotMeasured, muniment
from benchmarks.signing import HOST, USER_AGENT, get_user, signed
from benchmarks.size import Size
from domain.foundation.identifiers import ACCESS_KEY, new_access_key_id
from domain.foundation.secret import Secret
from tests.domain.policy.expensive import ATTACKS as EXPENSIVE

CALLS, CALLS_MIN = 400, 60
"""Of the account that is not attacked."""
CONTAINMENTS, CONTAINMENTS_MIN = 20, 2
WARM_UP_SECONDS = 1.0
P99_AIM_MS = 250
MIX_SECONDS, MIX_TURN_SECONDS = 660, 10
"""So long the attacks go on in all, in turns of the latter when each has been measured."""
MEMORY_AIM = 1.5
ABOUT = (
    "One connection of an account calls GetUser, GetCallerIdentity and TagUser in turns, and contains a key now and "
    "then, while others attack. Milliseconds of the calls; of the attacks the answers a second, by status."
)
PASSWORD, OTHER_PASSWORD = "Correct-Horse-1", "Battery-Staple-2"
_PATTERNS = "a star and a character, on an agent"
_EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


@dataclass(frozen=True, slots=True)
class Scene:
    """Who attacks, and who calls meanwhile."""

    endpoint: str
    attacker: Account
    """The administrator of an account of its own."""
    bystander: Account
    """The administrator of the account that notices, or does not."""
    insider: Account
    """Another principal of the bystander's account."""


@dataclass(frozen=True, slots=True)
class Attack:
    name: str
    connections: int
    requests: Callable[[Scene], Sequence[bytes]]
    """Sent by every connection over and over, each from another place on."""


def does(scene: Scene, account: Account, service: str, action: str, **parameters: str) -> str:
    """One call that has to succeed; its answer."""
    with Client(scene.endpoint) as client:
        return client.answer(signed(account, service, {"Action": action, **parameters})).decode()


def key_of(scene: Scene, account: Account, user: str) -> Account:
    """A new access key of a user."""
    answer = does(scene, account, "iam", "CreateAccessKey", UserName=user)
    key_id, secret = (answer.partition(f"<{name}>")[2].partition("<")[0] for name in ("AccessKeyId", "SecretAccessKey"))
    return Account(account.account_id, key_id, Secret(secret))


def signed_question(account: Account, method: str, target: str, body: dict[str, object] | None = None) -> bytes:
    """A question of muniment's own."""
    content = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method, f"http://{HOST}{target}", {"Host": HOST}, content)
    SigV4Auth(Credentials(account.access_key_id, account.secret.reveal()), "muniment", "us-east-1").add_auth(request)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"{method} {target} HTTP/1.1\r\n{head}Content-Length: {len(content)}\r\n\r\n".encode("ascii") + content


def _no_key(_scene: Scene) -> list[bytes]:
    return [b"GET /?" + b"a=&" * 20_000 + b" HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n"]


def _unknown_keys(scene: Scene) -> list[bytes]:
    draw = iter(range(10_000))
    strangers = (
        Account(
            scene.attacker.account_id,
            new_access_key_id(ACCESS_KEY, scene.attacker.account_id, lambda size: next(draw).to_bytes(size)),
            scene.attacker.secret,
        )
        for _ in range(2_000)
    )
    return [signed(stranger, "iam", {"Action": "GetUser", "Filler": "a=" * 2_000}) for stranger in strangers]


def _wrong_signature(scene: Scene) -> list[bytes]:
    forged = Account(scene.attacker.account_id, scene.attacker.access_key_id, Secret("of somebody else"))
    return [signed(forged, "iam", {"Action": "GetUser", "Filler": "%" * 300_000})]


def _large_forms(scene: Scene) -> list[bytes]:
    fields = {f"PolicyInputList.member.{number}": "&" * 80 for number in range(1, 3_000)}
    return [signed(scene.attacker, "iam", {"Action": "SimulateCustomPolicy", "Nothing": "a", **fields})]


def _passwords(scene: Scene) -> list[bytes]:
    requests = []
    for number in range(8):
        name = f"typist-{number}"
        does(scene, scene.attacker, "iam", "CreateUser", UserName=name)
        does(scene, scene.attacker, "iam", "CreateLoginProfile", UserName=name, Password=PASSWORD)
        policy = {"UserName": name, "PolicyName": "all", "PolicyDocument": _EVERYTHING}
        does(scene, scene.attacker, "iam", "PutUserPolicy", **policy)
        key = key_of(scene, scene.attacker, name)
        for old, new in ((PASSWORD, OTHER_PASSWORD), (OTHER_PASSWORD, PASSWORD)):
            requests.append(signed(key, "iam", {"Action": "ChangePassword", "OldPassword": old, "NewPassword": new}))
            # A wrong one makes the next wait; this does not, and is hashed as well.
            update = {"Action": "UpdateLoginProfile", "UserName": name, "Password": new}
            requests.append(signed(scene.attacker, "iam", update))
    return requests


def _refused(account: Callable[[Scene], Account]) -> Callable[[Scene], list[bytes]]:
    def requests(scene: Scene) -> list[bytes]:
        policy = {"PolicyName": "none", "PolicyDocument": _EVERYTHING}
        return [
            signed(account(scene), "iam", {"Action": "PutUserPolicy", "UserName": f"nobody-{number}", **policy})
            for number in range(200)
        ]

    return requests


def _burdened(shape: str, groups: int, agent: str) -> Callable[[Scene], list[bytes]]:
    """A caller in so many groups with ten policies each, of a shape of the attacks on decisions, with that agent."""

    def requests(scene: Scene) -> list[bytes]:
        account, name = scene.attacker, f"burdened-{groups}-{len(agent)}"
        does(scene, account, "iam", "CreateUser", UserName=name)
        for number in range(10 * groups):
            group, policy = f"{name}-{number // 10}", f"{name}-{number}"
            if number % 10 == 0:
                does(scene, account, "iam", "CreateGroup", GroupName=group)
                does(scene, account, "iam", "AddUserToGroup", GroupName=group, UserName=name)
            document = EXPENSIVE[shape].document.replace("{", "{" + " " * number, 1)
            does(scene, account, "iam", "CreatePolicy", PolicyName=policy, PolicyDocument=document)
            arn = f"arn:aws:iam::{account.account_id}:policy/{policy}"
            does(scene, account, "iam", "AttachGroupPolicy", GroupName=group, PolicyArn=arn)
        sent = islice(get_user(key_of(scene, account, name)), 100)
        return [request.replace(USER_AGENT.encode(), agent.encode()) for request in sent]

    return requests


def _deletions(scene: Scene) -> list[bytes]:
    return [
        signed(scene.attacker, "iam", {"Action": "DeleteUser", "UserName": f"nobody-{number}"}) for number in range(200)
    ]


def _lists(scene: Scene) -> list[bytes]:
    for number in range(200):
        does(scene, scene.attacker, "iam", "CreateUser", UserName=f"listed-{number}")
    return [
        signed(scene.attacker, "iam", {"Action": "ListUsers", "MaxItems": "1000"}),
        signed(scene.attacker, "iam", {"Action": "GetAccountAuthorizationDetails", "MaxItems": "1000"}),
    ]


def _history(scene: Scene) -> list[bytes]:
    return [signed_question(scene.attacker, "GET", f"/v1/history?limit={limit}") for limit in range(990, 1_000)]


ATTACKS = (
    Attack("nothing", 0, lambda _scene: []),
    Attack("a query string of 60 kB, without a key", 32, _no_key),
    Attack("keys that nobody has", 32, _unknown_keys),
    Attack("900 kB with a wrong signature", 16, _wrong_signature),
    Attack("forms of 3,000 fields", 16, _large_forms),
    Attack("passwords, in another account", 24, _passwords),
    Attack("refused calls, in another account", 32, _refused(lambda scene: scene.attacker)),
    Attack("refused calls of another principal", 32, _refused(lambda scene: scene.insider)),
    Attack("deletions, which are in the reserved lane", 32, _deletions),
    Attack("long lists", 16, _lists),
    Attack("the history", 24, _history),
    Attack("decisions that cost more than they may", 8, _burdened(_PATTERNS, 10, "x" * 1_000)),
    Attack("decisions that cost nearly what they may", 8, _burdened(_PATTERNS, 10, "x" * 400)),
    Attack("decisions that match as many statements as they may", 8, _burdened("statements", 2, "x")),
)


@dataclass(frozen=True, slots=True)
class Noticed:
    """By who called meanwhile."""

    answers: Counter[int]
    """By status."""
    seconds: Sequence[float]
    contained: Counter[int]
    containing_seconds: Sequence[float]
    attacked: Counter[int]
    """What the attackers were answered, by status; 0 is no answer."""
    attacking_seconds: float

    @property
    def server_errors(self) -> int:
        return sum(count for status, count in (self.answers + self.contained).items() if status >= 500)


def opened_scene(endpoint: str, data: Path) -> Scene:
    attacker, bystander = open_accounts(data, 2)
    scene = Scene(endpoint, attacker, bystander, bystander)
    does(scene, bystander, "iam", "CreateUser", UserName="insider")
    return Scene(endpoint, attacker, bystander, key_of(scene, bystander, "insider"))


def noticed(scene: Scene, attack: Attack, calls: int, containments: int) -> Noticed:
    """One connection calls, another one contains, one after the other."""
    leaked = []
    for number in range(containments):
        name = f"leaked-{time.monotonic_ns()}-{number}"
        does(scene, scene.bystander, "iam", "CreateUser", UserName=name)
        leaked.append(key_of(scene, scene.bystander, name).access_key_id)
    usual = [
        signed(scene.bystander, "iam", {"Action": "GetUser", "UserName": "insider"}),
        signed(scene.bystander, "sts", {"Action": "GetCallerIdentity"}),
        signed(scene.bystander, "iam", {"Action": "TagUser", "UserName": "insider"}
               | {"Tags.member.1.Key": "a", "Tags.member.1.Value": "b"}),
    ]  # fmt: skip
    answers, seconds, contained, containing = Counter[int](), list[float](), Counter[int](), list[float]()
    with _attackers(scene, attack) as told:
        began = time.monotonic()
        time.sleep(WARM_UP_SECONDS if attack.connections else 0.0)
        with Client(scene.endpoint) as client:
            every = max(calls // max(containments, 1), 1)
            for number, request in enumerate(islice(cycle(usual), calls)):
                status, took = client.timed(request)
                answers[status] += 1
                seconds.append(took)
                if number % every == every - 1 and leaked:
                    question = signed_question(scene.bystander, "POST", "/v1/contain", {"credential": leaked.pop()})
                    status, took = client.timed(question)
                    contained[status] += 1
                    containing.append(took)
        attacking_seconds = time.monotonic() - began
        attacked = told()
    return Noticed(answers, seconds, contained, containing, attacked, attacking_seconds)


@contextmanager
def _attackers(scene: Scene, attack: Attack) -> Iterator[Callable[[], Counter[int]]]:
    """In a process of their own. Gives what ends them, and tells how they were answered."""
    requests = [request.decode("latin-1") for request in attack.requests(scene)]
    command = [sys.executable, "-m", "benchmarks.attackers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        orders, answers = process.stdin, process.stdout
        try:
            print(json.dumps([scene.endpoint, requests, attack.connections]), file=orders, flush=True)
            if answers.readline().strip() != attackers.READY:
                raise NotMeasured("The attackers did not begin.")

            def told() -> Counter[int]:
                print(file=orders, flush=True)
                return Counter({int(status): count for status, count in json.loads(answers.readline()).items()})

            yield told
        finally:
            process.kill()


def measured(directory: Path, size: Size) -> str:
    with muniment(directory) as server:
        scene = opened_scene(server.endpoint, server.data)
        calls, containments = max(size.of(CALLS), CALLS_MIN), max(size.of(CONTAINMENTS), CONTAINMENTS_MIN)
        lines = [
            circumstances(server.data),
            f"{calls} calls and {containments} containments each. {ABOUT}\n",
            "| attack | connections | its answers/s | p50 | p99 | aim | 5xx | containments answered | p50 |",
            "|---|---:|---|---:|---:|---:|---:|---:|---:|",
        ]
        began, before = time.monotonic(), 0
        attacks = [prepared_once(attack) for attack in ATTACKS]
        for attack in attacks:
            found = noticed(scene, attack, calls, containments)
            lines.append(row(attack, found))
            print(lines[-1], file=sys.stderr)
            server.catch_up()
            before = before or server.resident_bytes()
        for attack in cycle(attacks[1:]):
            if time.monotonic() - began > size.of(MIX_SECONDS):
                break
            with _attackers(scene, attack):
                time.sleep(MIX_TURN_SECONDS)
        minutes = (time.monotonic() - began) / 60
        server.catch_up()
        server.rest()
        after = server.resident_bytes()
        lines += [
            "",
            (
                f"Resident memory of the server after {minutes:.0f} minutes of these, at rest: {after / before:.2f} of "
                f"before ({before / 2**20:.0f} MiB, behind the first row); the aim is at most {MEMORY_AIM}."
            ),
        ]
        return "\n".join(lines) + "\n"


def prepared_once(attack: Attack) -> Attack:
    """What it has made in the account stands when its turn comes again."""
    made: list[bytes] = []

    def requests(scene: Scene) -> list[bytes]:
        if attack.connections and not made:
            made.extend(attack.requests(scene))
        return made

    return replace(attack, requests=requests)


def row(attack: Attack, found: Noticed) -> str:
    p50, p99 = percentiles(found.seconds)
    contained, _ = percentiles(found.containing_seconds)
    attacked = ", ".join(
        f"{status}: {count / found.attacking_seconds:,.0f}" for status, count in sorted(found.attacked.items())
    )
    return (
        f"| {attack.name} | {attack.connections} | {attacked} | {p50:.1f} | {p99:.1f} | {P99_AIM_MS} "
        f"| {found.server_errors} | {found.contained[200]} of {found.contained.total()} | {contained:.0f} |"
    )
