"""How fast a lineage is contained that goes on while it is: with many sessions, and threads that make more."""

import http.client
import itertools
import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.accounts import Account, create_role, open_accounts
from benchmarks.report import circumstances
from benchmarks.servers import Muniment, NotMeasured, muniment
from benchmarks.size import Size
from domain.families.containment import LineageContained
from services.ledger.database import connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory

NODES, THREADS = 100_000, 8
GOING_ON_SECONDS = 3
LOOK_SECONDS = 0.5
ROLE = "measured"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
OF_LINEAGE = """
    select count(*) filter (where entry #>> '{event,error_code}' is null), count(*)
    from (select convert_from(state, 'UTF8')::jsonb as entry from ledger.uses
        where account_id = %(account)s and position > %(position)s and topic = 'api.called.v1') as calls
    where entry #>> '{cause,principal,arn}' is distinct from %(innocent)s
"""
ABOUT = (
    "{threads} threads with the leaked key: sessions of a role, and users with keys that go on likewise. Meanwhile an "
    "administrator contains the key. Behind the event's position no call of the lineage was allowed."
)


@dataclass(slots=True)
class _Caller:
    """Signs and sends, one connection for each thread."""

    endpoint: str
    made: "itertools.count[int]" = field(default_factory=itertools.count)

    def calls(self, keys: Credentials, service: str, **parameters: str) -> tuple[int, bytes]:
        version = {"iam": "2010-05-08", "sts": "2011-06-15"}[service]
        return self.sends(keys, service, "/", urlencode(parameters | {"Version": version}).encode())

    def sends(self, keys: Credentials, service: str, path: str, body: bytes) -> tuple[int, bytes]:
        kind = "application/json" if path != "/" else "application/x-www-form-urlencoded; charset=utf-8"
        request = AWSRequest("POST", f"{self.endpoint}{path}", {"Content-Type": kind}, body)
        SigV4Auth(keys, service, "us-east-1").add_auth(request)
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=60)
        try:
            connection.request("POST", path, body, dict(request.headers.items()))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def measured(directory: Path, size: Size) -> str:
    with muniment(directory) as server:
        where = circumstances(server.data)
        (account,) = open_accounts(server.data, 1)
        create_role(server.endpoint, account, ROLE)
        caller, admin = _Caller(server.endpoint), Credentials(account.access_key_id, account.secret.reveal())
        leaked = _leaked(caller, admin)
        nodes, seconds, answered = _contained(caller, admin, leaked, account, size.of(NODES))
        events, honoured, refused = _counted(server, account)
    lines = [
        where,
        ABOUT.format(threads=THREADS) + "\n",
        "| nodes | events that contain | seconds until it held | until the answer | calls behind, allowed | refused |",
        "|---:|---:|---:|---:|---:|---:|",
        f"| {nodes:,} | {events} | {seconds:.2f} | {answered:.1f} | {honoured} | {refused:,} |",
    ]
    return "\n".join(lines) + "\n"


def _leaked(caller: _Caller, admin: Credentials) -> Credentials:
    _expect(caller.calls(admin, "iam", Action="CreateUser", UserName="leaked"))
    attach = {"Action": "AttachUserPolicy", "UserName": "leaked", "PolicyArn": ADMINISTRATOR}
    _expect(caller.calls(admin, "iam", **attach))
    return _keys(_expect(caller.calls(admin, "iam", Action="CreateAccessKey", UserName="leaked")))


def _contained(
    caller: _Caller, admin: Credentials, leaked: Credentials, account: Account, nodes: int
) -> tuple[int, float, float]:
    """How many there were, and the seconds from the call to the first refusal of any of them, and to its answer."""
    refused, over = threading.Event(), threading.Event()
    threads = [threading.Thread(target=_go_on, args=(caller, leaked, account, refused, over)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    while (reached := next(caller.made)) < nodes:
        print(f"\r{reached:,} nodes", end="", file=sys.stderr)
        time.sleep(LOOK_SECONDS)
    since = time.monotonic()
    contain = threading.Thread(
        target=caller.sends,
        args=(admin, "muniment", "/v1/contain", json.dumps({"credential": leaked.access_key}).encode()),
    )
    contain.start()
    refused.wait()
    seconds = time.monotonic() - since
    contain.join()
    answered = time.monotonic() - since
    time.sleep(GOING_ON_SECONDS)
    over.set()
    for thread in threads:
        thread.join()
    return reached, seconds, answered


def _go_on(
    caller: _Caller, leaked: Credentials, account: Account, refused: threading.Event, over: threading.Event
) -> None:
    """Until it is over, whatever is answered: with the key itself, with sessions, and with users' keys."""
    role = f"arn:aws:iam::{account.account_id}:role/{ROLE}"
    keys = [leaked]
    for number in itertools.count():
        if over.is_set():
            return
        signer = keys[number % len(keys)]
        status, body = caller.calls(
            signer, "sts", Action="AssumeRole", RoleArn=role, RoleSessionName=f"s{number}", DurationSeconds="900"
        )
        if status == http.HTTPStatus.FORBIDDEN:
            refused.set()
        elif number % 100 == 0 and len(keys) < 40:
            name = f"u{threading.get_ident()}-{number}"
            caller.calls(leaked, "iam", Action="CreateUser", UserName=name)
            caller.calls(leaked, "iam", Action="AttachUserPolicy", UserName=name, PolicyArn=ADMINISTRATOR)
            made, body = caller.calls(leaked, "iam", Action="CreateAccessKey", UserName=name)
            keys += [_keys(body)] if made == http.HTTPStatus.OK else []
        next(caller.made)


def _counted(server: Muniment, account: Account) -> tuple[int, int, int]:
    """Events that contain, and of the calls behind the first how many of the lineage were allowed and refused."""
    with connect(EmbeddedPostgres(resolve_directory(server.data / "postgres")), "owner") as connection:
        select = "select position from ledger.changes where account_id = %s and topic = %s order by position"
        positions = [row[0] for row in connection.execute(select, (account.account_id, LineageContained.topic))]
        if not positions:
            raise NotMeasured("Nothing was contained.")
        innocent = f"arn:aws:iam::{account.account_id}:user/admin"
        wanted = {"account": account.account_id, "position": positions[0], "innocent": innocent}
        [(honoured, calls)] = connection.execute(OF_LINEAGE, wanted).fetchall()
    return len(positions), honoured, calls - honoured


def _expect(answer: tuple[int, bytes]) -> bytes:
    status, body = answer
    if status != http.HTTPStatus.OK:
        raise NotMeasured(f"Expected an answer of success, got {status}: {body[:500]!r}")
    return body


def _keys(body: bytes) -> Credentials:
    found = {each.tag.rpartition("}")[2]: each.text or "" for each in _elements(body)}
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"])


def _elements(body: bytes) -> Iterator[ET.Element]:
    yield from ET.fromstring(body).iter()  # noqa: S314  our own server's
