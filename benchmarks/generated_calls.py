"""Many calls in many accounts, written straight into the ledger: what the access history is measured on."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from uuid import UUID
from zlib import crc32

import psycopg

from benchmarks.entries import SHA256
from domain.calls import ApiCalled, DecisionRecord, StatementRef
from domain.foundation.events import Cause, Entry, Principal, SessionIssuer
from services.ledger.mapper import EntryMapper, timestamp

PRINCIPALS, SESSIONS, ADDRESSES, SHAPES = 24, 6, 24, 300
"""Of an account, each of whose calls is made like one of its shapes. So few that whatever is asked for fits a hundred
calls of ten thousand."""
OPERATIONS = (
    *("GetUser", "ListAttachedUserPolicies", "GetRole", "ListUsers", "GetPolicy", "ListAccessKeys", "GetGroup"),
    *("CreateUser", "AttachUserPolicy", "CreateAccessKey", "TagUser", "PutRolePolicy", "DeleteUser", "CreateRole"),
)
AGENTS = tuple(
    f"Boto3/1.{minor}.0 md/Botocore#1.{minor}.0 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.11.7 "
    f"md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.{minor}.0"
    for minor in range(30, 42)
)
BUSY_KEY, BUSY_ADDRESS = "AKIABUSY", "203.0.113.200"
"""Each in a quarter of an account's calls, and never in the same."""
RARE_KEY = "AKIARARE"
"""In two calls of ten thousand, with the most frequent operation."""
FAULTLESS = 10
"""Every tenth account has no refused call."""
ROWS_A_TURN = 1_000
_POSITION, _EVENT_ID, _REQUEST_ID = 7_777_777_777, "event-id", "request-id"
_AT = datetime.fromisoformat("2000-01-01T00:00:00.000001Z")
_STEP = timedelta(milliseconds=100)
_COPY = "copy ledger.uses (account_id, position, topic, at, state) from stdin (format binary)"


@dataclass(frozen=True, slots=True)
class Trail:
    """An account, and how its calls look."""

    account_id: str
    began_at: datetime
    principals: tuple[Principal, ...]
    lines: tuple[bytes, ...]
    """Of the shapes, to be filled in with position, event id, time, request id and shared id."""
    weights: tuple[float, ...]
    """Added up."""

    @property
    def users(self) -> tuple[Principal, ...]:
        return tuple(principal for principal in self.principals if principal.issuer is None)

    @property
    def sessions(self) -> tuple[Principal, ...]:
        return tuple(principal for principal in self.principals if principal.issuer is not None)

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple({principal.issuer.arn: None for principal in self.principals if principal.issuer is not None})

    @property
    def key_ids(self) -> tuple[str, ...]:
        return tuple(_key_id(principal) for principal in self.principals[3:])


def trail_of(account_id: str, number: int, began_at: datetime) -> Trail:
    draw = random.Random(account_id)  # noqa: S311  the same in every run
    principals = tuple(_principal(account_id, each) for each in range(PRINCIPALS))
    shapes = [_shape(account_id, principals, draw, refusals=number % FAULTLESS != 0) for _ in range(SHAPES)]
    frequent = OPERATIONS[0]
    special = (
        (_called(account_id, principals[0], BUSY_KEY, "203.0.113.100", frequent, draw), 1 / 4),
        (_called(account_id, principals[1], "AKIAOTHER", BUSY_ADDRESS, frequent, draw), 1 / 4),
        (_called(account_id, principals[2], RARE_KEY, "203.0.113.101", frequent, draw), 2e-4),
    )
    weights = [weight for _, weight in special] + [1 / 2 / SHAPES] * SHAPES
    lines = tuple(_line(entry) for entry in (*(entry for entry, _ in special), *shapes))
    return Trail(account_id, began_at, principals, lines, tuple(accumulate(weights)))


def grow(connection: psycopg.Connection, trails: Sequence[Trail], calls: int) -> Iterator[int]:
    """So many more calls, in turns of a thousand an account, as the mapper would have written them down. Gives after
    each turn how many there are. The connection is the owner's."""
    draw = random.Random(calls)  # noqa: S311  the same in every run
    rest, done = {trail.account_id: calls // len(trails) for trail in trails}, 0
    while any(rest.values()):
        for trail in trails:
            count = min(ROWS_A_TURN, rest[trail.account_id])
            _append(connection, trail, count, draw)
            rest[trail.account_id] -= count
            done += count
            yield done


def _append(connection: psycopg.Connection, trail: Trail, count: int, draw: random.Random) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        head = cursor.execute(
            "select position, at from ledger.heads where account_id = %s for update", (trail.account_id,)
        ).fetchone()
        assert head is not None
        position, at = head
        with cursor.copy(_COPY) as copy:
            copy.set_types(("text", "int8", "text", "timestamptz", "bytea"))
            for line in draw.choices(trail.lines, cum_weights=trail.weights, k=count):
                position, at = position + 1, at + _STEP
                request_id = _id(draw)
                written = timestamp(at).encode()
                state = line % (position, _id(draw), written, request_id, request_id)
                copy.write_row((trail.account_id, position, ApiCalled.topic, at, state))
        cursor.execute(
            "update ledger.heads set position = %s, at = %s where account_id = %s", (position, at, trail.account_id)
        )


def _id(draw: random.Random) -> bytes:
    return str(UUID(int=draw.getrandbits(128))).encode()


def _line(entry: Entry) -> bytes:
    state = EntryMapper().to_stored_event(entry).state.replace(b"%", b"%%")
    for known, place in (
        (str(_POSITION).encode(), b"%d"),
        (_EVENT_ID.encode(), b"%b"),
        (timestamp(_AT).encode(), b"%b"),
        (_REQUEST_ID.encode(), b"%b"),
    ):
        state = state.replace(known, place)
    return state


def _principal(account_id: str, number: int) -> Principal:
    """The last are sessions of two roles, the others users."""
    if number < PRINCIPALS - SESSIONS:
        name = f"user-{number}"
        arn = f"arn:aws:iam::{account_id}:user/people/{name}"
        unique_id = f"AIDAMEASURED{number:09}".replace("0", "A").replace("1", "B").replace("8", "C").replace("9", "D")
        return Principal(type="IAMUser", principal_id=unique_id, arn=arn, account_id=account_id, user_name=name)
    role, session = f"role-{number % 2}", f"session-{number}"
    issuer = SessionIssuer(
        type="Role",
        principal_id=f"AROAMEASURED23456789{'AB'[number % 2]}",
        arn=f"arn:aws:iam::{account_id}:role/{role}",
        user_name=role,
    )
    return Principal(
        type="AssumedRole",
        principal_id=f"{issuer.principal_id}:{session}",
        arn=f"arn:aws:sts::{account_id}:assumed-role/{role}/{session}",
        account_id=account_id,
        issuer=issuer,
        session_issued_at=_AT + _STEP,
    )


def _key_id(principal: Principal) -> str:
    return f"{'AKIA' if principal.issuer is None else 'ASIA'}{crc32(principal.arn.encode()):012}"


def _shape(account_id: str, principals: Sequence[Principal], draw: random.Random, *, refusals: bool) -> Entry:
    principal = draw.choice(principals[3:])
    address = f"198.51.100.{draw.randrange(ADDRESSES)}"
    return _called(
        account_id,
        principal,
        _key_id(principal),
        address,
        draw.choice(OPERATIONS),
        draw,
        refused=refusals and draw.random() < 0.05,
    )


def _called(
    account_id: str,
    principal: Principal,
    key_id: str,
    address: str,
    operation: str,
    draw: random.Random,
    *,
    refused: bool = False,
) -> Entry:
    on = f"arn:aws:iam::{account_id}:user/people/user-{draw.randrange(PRINCIPALS)}"
    statement = StatementRef(
        source_type="managed", source_id="arn:aws:iam::aws:policy/IAMFullAccess", sha256=SHA256, index=0
    )
    decision = DecisionRecord(
        action=f"iam:{operation}",
        resources=("*",) if operation.startswith("List") else (on,),
        result="implicitly denied" if refused else "allowed",
        layer="identity",
        matched=() if refused else (statement,),
        context={},
        positions={account_id: 7},
        evaluator=1,
    )
    cause = Cause(
        origin="api",
        request_id=_REQUEST_ID,
        shared_id=_REQUEST_ID,
        service="iam",
        operation=operation,
        principal=principal,
        access_key_id=key_id,
        session_id=f"SESN{key_id[4:]}" if principal.issuer else None,
        peer_address=address,
        user_agent=draw.choice(AGENTS),
        region="us-east-1",
    )
    called = ApiCalled(
        read_only=operation.startswith(("Get", "List")),
        parameters={"UserName": on.rsplit("/", 1)[-1]},
        error_code="AccessDenied" if refused else None,
        error_message=f"User: {principal.arn} is not authorized to perform: iam:{operation}" if refused else None,
        decisions=(decision,),
    )
    return Entry(account_id, _POSITION, _EVENT_ID, _AT.astimezone(UTC), cause, called)
