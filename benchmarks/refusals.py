"""What a refused call leaves on the disk: recorded by itself, and counted."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import botocore.session
import psycopg
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.accounts import Account, create_role, open_accounts
from benchmarks.report import circumstances
from benchmarks.servers import Muniment, NotMeasured, muniment
from benchmarks.size import Size
from services.ledger.database import connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from services.wire.refusal_counts import RECORDED_AT_ONCE_MAX

USERS, COUNTED_MIN, COUNTED = 40, 1_000, 5_000
AIM_BYTES = 2_500
LONG = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "x" * 131_000}]})
SESSION_POLICY = LONG[:2_000]
"""STS refuses longer ones before it asks who may."""
ROLE = "measured"
ABOUT = (
    "Growth of all tables and indexes of ledgers and projections, over the calls, and over their records: a call into "
    "another account has two. Then without the decision, as it stands in the record; and without the call's values "
    "that the decision read, which stand there too: principal, addresses, user agent, TLS and region.\n"
)
_STORED = """
    select sum(pg_total_relation_size(pg_class.oid))::bigint from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname in ('ledger', 'views') and relkind = 'r'
"""
_REFUSED = """
    select count(*), coalesce(sum(octet_length(entry #>> '{event,decisions}')), 0)::bigint,
        coalesce(sum(octet_length(concat(entry #>> '{cause,principal}', entry #>> '{cause,peer_address}',
            entry #>> '{cause,forwarded_address}', entry #>> '{cause,user_agent}', entry #>> '{cause,tls}',
            entry #>> '{cause,region}'))), 0)::bigint
    from (select convert_from(state, 'UTF8')::json as entry from ledger.uses where topic = 'api.called.v1') as called
    where entry #>> '{event,error_code}' is not null
"""
_SESSION = botocore.session.Session()
_Call = Callable[[Any, Any], object]


def measured(directory: Path, size: Size) -> str:
    """Raises NotMeasured where calls are missing."""
    with muniment(directory) as server:
        where = circumstances(server.data)
        home, other = open_accounts(server.data, 2)
        create_role(server.endpoint, other, ROLE)
        role = f"arn:aws:iam::{other.account_id}:role/{ROLE}"
        users = list(_users(server, home, size.of(USERS)))
        calls: dict[str, tuple[_Call, int]] = {
            "GetUser": (lambda iam, _: iam.get_user(UserName="admin"), 1),
            "PutUserPolicy of 131 kB": (
                lambda iam, _: iam.put_user_policy(UserName="admin", PolicyName="long", PolicyDocument=LONG),
                1,
            ),
            "AssumeRole into another account, with a policy of 2 kB": (
                lambda _, sts: sts.assume_role(RoleArn=role, RoleSessionName="nobody", Policy=SESSION_POLICY),
                2,
            ),
        }
        rows = [_row(server, name, call, users, ledgers) for name, (call, ledgers) in calls.items()]
        times = max(COUNTED_MIN, size.of(COUNTED))
        rows += [_counted(server, name, call, users[0], times) for name, (call, _) in calls.items()]
    return "\n".join([
        where,
        ABOUT,
        "| refused | calls | records | bytes a call | a record | without decisions | without what they read | aim |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *rows,
    ]) + "\n"  # fmt: skip


def _users(server: Muniment, home: Account, count: int) -> Iterator[tuple[Any, Any]]:
    """Clients of users who may do nothing."""
    iam = _client(server, "iam", home.access_key_id, home.secret.reveal())
    for number in range(count):
        name = f"nobody-{number}"
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        pair = key["AccessKeyId"], key["SecretAccessKey"]
        yield _client(server, "iam", *pair), _client(server, "sts", *pair)


def _client(server: Muniment, service: str, access_key_id: str, secret: str) -> Any:
    return _SESSION.create_client(
        service,
        region_name="us-east-1",
        endpoint_url=server.endpoint,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


def _row(server: Muniment, name: str, call: _Call, users: list[tuple[Any, Any]], ledgers: int) -> str:
    for user in users:
        _refused(call, user, 1)  # The first use of a key in a while is an event of its own.
    times = RECORDED_AT_ONCE_MAX - 2
    before, count = _stored(server), times * len(users)
    for user in users:
        _refused(call, user, times)
    grown = _stored(server).since(before)
    if grown.records != count * ledgers:
        raise NotMeasured(f"Of {count} refused calls {grown.records} records were found.")
    without = grown.stored - grown.decisions
    bytes_each = (each / grown.records for each in (grown.stored, without, without - grown.values))
    return (
        f"| {name}, recorded one by one | {count:,} | {grown.records:,} | {grown.stored / count:,.0f} | "
        f"{' | '.join(f'{each:,.0f}' for each in bytes_each)} | {AIM_BYTES:,} |"
    )


def _counted(server: Muniment, name: str, call: _Call, user: tuple[Any, Any], count: int) -> str:
    before = _stored(server)
    _refused(call, user, count)
    grown = _stored(server).since(before)
    return (
        f"| {name}, again and again by one user | {count:,} | {grown.records:,} | {grown.stored / count:,.0f} | | | | "
        f"{AIM_BYTES:,} |"
    )


def _refused(call: _Call, user: tuple[Any, Any], count: int) -> None:
    for _ in range(count):
        with suppress(ClientError):
            call(*user)
            raise NotMeasured("A call was not refused.")


class _Stored(NamedTuple):
    """Bytes but for the records."""

    stored: int
    """Of all tables."""
    records: int
    """Of refused calls."""
    decisions: int
    """In those."""
    values: int
    """Of the calls that the decisions read, in those."""

    def since(self, before: "_Stored") -> "_Stored":
        return _Stored(*(now - then for now, then in zip(self, before, strict=True)))


def _stored(server: Muniment) -> _Stored:
    server.catch_up()
    database = EmbeddedPostgres(resolve_directory(server.data / "postgres"))
    connection: psycopg.Connection
    with connect(database, "owner") as connection:
        ((stored,),) = connection.execute(_STORED).fetchall()
        (of_refused,) = connection.execute(_REFUSED).fetchall()
        return _Stored(stored, *of_refused)
