"""An account whose ledger is full of calls by many, as their entries would stand there had they come in by the door."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from benchmarks.signing import ROLE, USER_AGENT
from benchmarks.stores import MOVE, Store
from domain.account import Account
from domain.authorization import authorize, authorize_assume_role
from domain.callers import Caller, principal_of
from domain.calls import ApiCalled, Call
from domain.families import roles
from domain.families.credential_use import CredentialUsed
from domain.families.policies import InlinePolicyPut
from domain.families.roles import ROLES, RoleCreated
from domain.families.users import USER, UserCreated
from domain.foundation.events import Cause, Change, Entry
from domain.foundation.identifiers import ACCESS_KEY, new_access_key_id, new_unique_id
from services.accounts import operator_cause
from services.ledger.database import connect
from services.ledger.mapper import EntryMapper
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates
from services.ledger_runtime import LedgerRuntime

USERS = 100
CALLS_A_WINDOW = 10_000
"""Between two uses of a credential that are recorded as changes: those of fifteen minutes, at eleven calls a second."""
_POSITION, _EVENT_ID, _REQUEST_ID = 7_777_777_777, "event-id", "request-id"
_AT = datetime.fromisoformat("2000-01-01T00:00:00.000001Z")
_STEP = timedelta(microseconds=1)
"""So that the ledger does not run ahead of the clock. Nothing that is measured depends on it."""
FILL = """
    insert into ledger.uses (account_id, position, topic, at, state)
    select %(account_id)s, position, %(topic)s, at, convert_to(format(line,
        position, event_id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), request_id), 'UTF8')
    from (
        select heads.position + number as position, gen_random_uuid() as event_id, gen_random_uuid() as request_id,
            heads.at + number * %(step)s as at, (%(lines)s::text[])[1 + number %% %(kinds)s] as line
        from ledger.heads, generate_series(1, %(count)s) as number where account_id = %(account_id)s
    ) as uses
"""


def fill(place: Store, ledger: LedgerRuntime, account_id: str, count: int) -> list[str]:
    """So many calls, after changes that make 100 users and a role. In each window every user's key is used for the
    first time once, which is a change. Gives the unique ids of the users."""
    draw = random.Random(account_id).randbytes  # noqa: S311  the same in every run
    users = [new_unique_id(USER.id_prefix, draw) for _ in range(USERS)]
    keys = [new_access_key_id(ACCESS_KEY, account_id, draw) for _ in range(USERS)]
    account = _appended(
        ledger, account_id, list(_changes(account_id, users, new_unique_id(roles.ROLE.id_prefix, draw)))
    )
    for done in range(0, count, CALLS_A_WINDOW):
        used = [CredentialUsed(credential="access_key", credential_id=key, service="iam", region="") for key in keys]
        account = _appended(ledger, account_id, used)
        _fill(place, account, list(_lines(account, users, keys)), min(CALLS_A_WINDOW, count - done))
    with connect(place.database, "owner") as connection:
        # As the database does by itself, sooner or later: not while something is measured.
        connection.execute("vacuum (analyze) ledger.uses")
    return users


def _changes(account_id: str, users: Sequence[str], role_id: str) -> Iterator[Change]:
    trust = {"Effect": "Allow", "Principal": {"AWS": account_id}, "Action": "sts:AssumeRole"}
    yield RoleCreated(
        role_id=role_id,
        role_name=ROLE,
        path="/",
        session_seconds_max=3_600,
        trust_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        trusted={},
    )
    for number, user_id in enumerate(users):
        name = f"user-{number}"
        yield UserCreated(user_id=user_id, user_name=name, path="/people/")
        reading = {
            "Effect": "Allow",
            "Action": ["iam:Get*", "iam:List*", "sts:AssumeRole"],
            "Resource": f"arn:aws:iam::{account_id}:*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        keeping = {"Effect": "Deny", "Action": "iam:Delete*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [reading, keeping]})
        yield InlinePolicyPut(entity="user", entity_id=user_id, entity_name=name, policy_name="may", document=document)


def _appended(ledger: LedgerRuntime, account_id: str, events: Sequence[Change]) -> Account:
    """The account after them."""
    append = LedgerAppend(account_id, operator_cause("Enlarge"), events)

    def decide(_values: LedgerStates, _at: datetime) -> CallResult:
        return CallResult(None, [append])

    ledger.committer.decide(frozenset({account_id}), decide)
    with ledger.readers.connection() as connection, connection.cursor() as cursor:
        account = ledger.past.at(cursor, account_id, 2**62)
    assert isinstance(account, Account)
    return account


def _fill(place: Store, account: Account, lines: Sequence[str], count: int) -> None:
    values = {
        "account_id": account.id,
        "topic": ApiCalled.topic,
        "lines": list(lines),
        "kinds": len(lines),
        "count": count,
        "step": _STEP,
    }
    with connect(place.database, "owner") as connection, connection.transaction():
        connection.execute(FILL, values)
        connection.execute(MOVE + "%(account_id)s", values)


def _lines(account: Account, users: Sequence[str], keys: Sequence[str]) -> Iterator[str]:
    """Bytes of EntryMapper's with places for what differs: GetUser, ListRoles and AssumeRole of each user, as the
    account now decides them."""
    role = account[ROLES].named(ROLE)
    role_arn = account.arn(role.resource)
    for operation in ("GetUser", "ListRoles", "AssumeRole"):
        for user_id, key in zip(users, keys, strict=True):
            principal = principal_of(account, user_id)
            cause = Cause(
                origin="api",
                request_id=_REQUEST_ID,
                shared_id=_REQUEST_ID,
                service="sts" if operation == "AssumeRole" else "iam",
                operation=operation,
                principal=principal,
                access_key_id=key,
                peer_address="127.0.0.1",
                user_agent=USER_AGENT,
                region="us-east-1",
            )
            call = Call.to_check(Caller(principal, user_id, key), cause, _AT)
            match operation:
                case "GetUser":
                    authorize(account, call, "iam:GetUser", principal.arn)
                case "ListRoles":
                    authorize(account, call, "iam:ListRoles", account.arn("role/"))
                case _:
                    authorize_assume_role(account, account, call, role_arn, role, {"sts:rolesessionname": ("s",)})
            called = ApiCalled(read_only=operation != "AssumeRole", parameters={}, decisions=tuple(call.decisions))
            yield _line(Entry(account.id, _POSITION, _EVENT_ID, _AT, cause, called))


def _line(entry: Entry) -> str:
    line = EntryMapper().to_stored_event(entry).state.decode().replace("%", "%%")
    line = line.replace(str(_POSITION), "%1$s").replace(_EVENT_ID, "%2$s").replace(_REQUEST_ID, "%4$s")
    return line.replace(_AT.isoformat().replace("+00:00", "Z"), "%3$s")
