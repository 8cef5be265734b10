"""No secret that was ever issued can be read from the database, the logs or what the server says; and when a key is
inactive, it is so from that very position on."""

import base64
import json
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import psycopg
import pytest
from botocore.credentials import Credentials
from psycopg.sql import SQL, Identifier

from domain.families.sessions import SessionClaims
from domain.foundation.secret import Secret
from domain.ledger_state import LedgerState, empty, evolve
from services.ledger.database import connect
from services.ledger.embedded import EmbeddedPostgres, EmbeddedRole
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import select
from services.ledger.snapshotter import Snapshotter
from services.secrets.master_key_file import provided_master_keys
from services.secrets.session_credentials import SessionCredentials
from services.secrets.session_tokens import SessionTokens
from tests.clients.raw_http import (
    account_of,
    administrator,
    called,
    credentials_in,
    entries,
    form,
    reading,
    recorded_once,
)
from tests.clients.server import Server
from tests.places import place_for_data

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}

TABLES_OF: dict[EmbeddedRole, list[str]] = {"owner": ["ledger", "secrets", "public"], "projector": ["views"]}
"""The schemas whose tables a role may read."""


def document(*statements: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def user_with_key(server: Server, name: str) -> Credentials:
    """A new user who may do everything, and its key."""
    assert called(server, form("CreateUser", UserName=name)).status == 200
    everything = form("PutUserPolicy", UserName=name, PolicyName="everything", PolicyDocument=document(ALLOW_ALL))
    assert called(server, everything).status == 200
    return credentials_in(called(server, form("CreateAccessKey", UserName=name)))


# What was issued cannot be found.


def issued(server: Server) -> list[Credentials]:
    """Long-term and temporary credentials of every kind, each used, one of them deleted, some calls refused."""
    alice, bob = user_with_key(server, "secret-alice"), user_with_key(server, "secret-bob")
    trust = document({"Effect": "Allow", "Principal": {"AWS": account_of(server)}, "Action": "sts:AssumeRole"})
    role = form("CreateRole", RoleName="secret-keeper", AssumeRolePolicyDocument=trust)
    assert called(server, role).status == 200
    arn = f"arn:aws:iam::{account_of(server)}:role/secret-keeper"
    narrowing = document({"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"})
    session = credentials_in(called(server, form("GetSessionToken", "sts"), by=alice, service="sts"))
    assuming = form("AssumeRole", "sts", RoleArn=arn, RoleSessionName="one", Policy=narrowing, ExternalId="shared")
    assumed = credentials_in(called(server, assuming, by=alice, service="sts"))
    credentials = [administrator(server), alice, bob, session, assumed]
    for holder in credentials:
        assert called(server, form("GetCallerIdentity", "sts"), by=holder, service="sts").status == 200
        wrong = Credentials(holder.access_key, holder.secret_key.swapcase(), holder.token)
        assert called(server, form("ListUsers"), by=wrong).status == 403
    # What clients do by mistake: the secret as a parameter's value, name, and as an operation.
    called(server, form("GetUser", SecretAccessKey=alice.secret_key))
    delete = form("DeleteAccessKey", UserName="secret-bob", AccessKeyId=bob.access_key)
    assert called(server, delete).status == 200
    return credentials


PASSWORDS = ("Moat-Drawbridge-41", "Portcullis-Rampart-42", "Gatehouse-Barbican-43", "Parapet-Bailey-44")


def passwords_set(server: Server) -> None:
    """Each of PASSWORDS is sent: set, changed to, guessed, refused for its length, and said where none belongs."""
    carol = user_with_key(server, "secret-carol")
    first, second, guessed, misplaced = PASSWORDS

    def calls(action: str, **members: str) -> int:
        return called(server, form(action, UserName="secret-carol", **members)).status

    def changes(old: str, new: str) -> int:
        return called(server, form("ChangePassword", OldPassword=old, NewPassword=new), by=carol).status

    assert calls("CreateLoginProfile", Password=first) == 200
    assert changes(first, second) == 200
    assert changes(guessed, first) == 403
    assert calls("UpdateLoginProfile", Password=first) == 200
    assert calls("UpdateLoginProfile", Password=guessed * 10) == 400
    assert calls("UpdateLoginProfile", Password=f"{guessed}\u20ac") == 400
    assert calls("UpdateLoginProfile", Pasword=misplaced) == 400
    assert calls("GetLoginProfile", Password=misplaced) == 400


def forms_of(secret: str) -> set[bytes]:
    """A secret as it is, and as encodings would show it."""
    plain = secret.encode()
    inner = plain[:-4]  # Without its end, which changes with what follows.
    return {
        plain,
        quote(secret, safe="").encode(),
        json.dumps(secret).strip('"').encode(),
        plain.hex().encode(),
        plain.hex().upper().encode(),
        *(base64.b64encode(b"\0" * shift + inner)[4:-4] for shift in range(3)),
        *(base64.urlsafe_b64encode(b"\0" * shift + inner)[4:-4] for shift in range(3)),
    }


def everything_stored(server: Server) -> Iterator[tuple[str, bytes]]:
    """Every row of every table of ours as text, snapshots unpacked; and every file beside the database's own."""
    postgres = EmbeddedPostgres((server.data / "postgres").resolve())
    for role, schemas in TABLES_OF.items():
        with psycopg.connect(postgres.conninfo(role)) as connection:
            tables = connection.execute(
                "select schemaname, tablename from pg_tables where schemaname = any(%s)", (schemas,)
            ).fetchall()
            for schema, table in tables:
                for row in connection.execute(SQL("select * from {}").format(Identifier(schema, table))):
                    cells = (cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
                    unpacked = (_unpacked(cell) if table == "snapshots" else cell for cell in cells)
                    yield f"{schema}.{table}", b"\n".join(unpacked)
    yield "the server's output", server.log.read_bytes()
    place = (server.data / "postgres").resolve()
    for file in (*server.data.iterdir(), *place.iterdir()):
        if file.is_file() and file.name not in {"aws-profile", "master.key"}:
            yield file.name, file.read_bytes()


def _unpacked(cell: bytes) -> bytes:
    """A snapshot's state is a digest of 32 bytes and a zlib stream."""
    try:
        return zlib.decompress(cell[32:])
    except zlib.error:
        return cell


def leaks(server: Server, secrets: Iterable[str]) -> set[tuple[str, bytes]]:
    """Where a secret stands, and in which form."""
    needles = {needle for secret in secrets for needle in forms_of(secret)}
    return {(place, needle) for place, text in everything_stored(server) for needle in needles if needle in text}


def folded(server: Server, account_id: str) -> LedgerState:
    """The account as its changes make it."""
    value, mapper = empty(account_id), EntryMapper()
    with reading(server) as connection, connection.cursor() as cursor:
        for row in select(cursor, "select_changes", account_id):
            value = evolve(value, mapper.to_domain_event(row))
    return value


def test_no_secret_can_be_found_anywhere(server: Server) -> None:
    """Every table, a snapshot, the logs and files: no secret access key, token, password, hash of one or master key in
    any form."""
    credentials = issued(server)
    passwords_set(server)
    postgres = EmbeddedPostgres((server.data / "postgres").resolve())
    account_id = account_of(server)
    Snapshotter(lambda: connect(postgres, "writer")).write(folded(server, account_id))
    secrets = [secret for holder in credentials for secret in (holder.secret_key, holder.token) if secret]
    assert len(secrets) == 7
    assert leaks(server, [*secrets, *PASSWORDS]) == set()
    # Nor is there a hash to guess at: those are sealed.
    assert not [place for place, text in everything_stored(server) if b"$argon2" in text]
    master_key = (server.data / "master.key").read_bytes()
    spellings = (master_key, master_key.hex().encode(), base64.b64encode(master_key))
    assert not [place for place, text in everything_stored(server) for spelling in spellings if spelling in text]
    # The search does find what is there: the key id stands in all of these, and so would a secret.
    found = {place for place, _ in leaks(server, [credentials[1].access_key])}
    assert {"ledger.changes", "ledger.snapshots", "secrets.access_key_secrets"} <= found
    assert any(place == "secrets.password_hashes" for place, _ in everything_stored(server))


def test_the_search_for_secrets_bites(server: Server) -> None:
    """What looks like a secret and is planted in a path, and in base64 in the log, is found in both."""
    planted = "wJalrXUtnFEMIzK7MDENGzbPxRfiCYPLANTEDKEY"
    assert called(server, form("CreateUser", UserName="gardener", Path=f"/{planted}/")).status == 200
    with server.log.open("a") as log:
        log.write(base64.b64encode(f"x{planted}x".encode()).decode() + "\n")
    found = {place for place, _ in leaks(server, [planted])}
    assert {"ledger.changes", "ledger.uses_" + datetime.now(UTC).strftime("%Y_%m"), "the server's output"} <= found


# Tokens that do not fit.


def sealed(server: Server, *, expires_in: timedelta) -> Credentials:
    """A session of the administrator that the server's own master key sealed, and that ends then."""
    at = datetime.now(UTC)
    issued_now = credentials_in(called(server, form("GetSessionToken", "sts"), service="sts"))
    (entry,) = [found for found in entries(server, issued_now.access_key) if found["topic"] == "sts.session.issued.v1"]
    session = SessionClaims.model_validate(entry["event"]["session"])
    session = session.model_copy(update={"issued_at": at - timedelta(hours=2), "expires_at": at + expires_in})
    keys = SessionCredentials(SessionTokens(provided_master_keys(server.data / "master.key")))
    token = keys.seal(session.model_copy(update={"issued_at": at}), Secret(issued_now.secret_key))
    return Credentials(issued_now.access_key, issued_now.secret_key, token)


@pytest.mark.parametrize(("seconds", "code"), [(-1, "ExpiredToken"), (-3_600, "ExpiredToken"), (3_600, None)])
def test_a_session_that_is_over_is_refused(server: Server, seconds: int, code: str | None) -> None:
    """Expired, by a second or an hour: ExpiredToken, recorded under the session; one that is not over is answered."""
    holder = sealed(server, expires_in=timedelta(seconds=seconds))
    reply = called(server, form("GetCallerIdentity", "sts"), by=holder, service="sts")
    assert (reply.status, reply.code) == (200 if code is None else 403, code), reply.body
    record = recorded_once(server, reply)
    assert record["event"].get("error_code") == code
    assert record["cause"]["access_key_id"] == holder.access_key


def test_a_token_belongs_to_one_key_and_one_spelling(server: Server) -> None:
    """Of another session, of no session, changed in any place, cut, doubled: InvalidClientTokenId each time."""
    one, other = (credentials_in(called(server, form("GetSessionToken", "sts"), service="sts")) for _ in range(2))
    token = one.token
    assert token is not None
    changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(0, len(token), 37)]
    wrong = [other.token, "x", "x" * 5_000, token[:-4], token + "AAAA", token + "=", token.upper(), *changed]
    for holder in [Credentials(one.access_key, one.secret_key, text) for text in wrong]:
        reply = called(server, form("GetCallerIdentity", "sts"), by=holder, service="sts")
        assert (reply.status, reply.code) == (403, "InvalidClientTokenId"), (holder.token, reply.body)
    long_term = administrator(server)
    reply = called(server, form("ListUsers"), by=Credentials(long_term.access_key, long_term.secret_key, token))
    assert (reply.status, reply.code) == (403, "InvalidClientTokenId")
    bare = called(server, form("ListUsers"), by=Credentials(one.access_key, one.secret_key))
    assert (bare.status, bare.code) == (403, "InvalidClientTokenId")


def test_a_token_of_another_installation_is_refused(server: Server) -> None:
    """Sealed with a master key of its own, for an account and key id of ours."""
    holder = sealed(server, expires_in=timedelta(hours=1))
    (entry,) = [found for found in entries(server, holder.access_key) if found["topic"] == "sts.session.issued.v1"]
    with place_for_data() as place:
        foreign = SessionCredentials(SessionTokens(provided_master_keys(place / "master.key")))
        token = foreign.seal(SessionClaims.model_validate(entry["event"]["session"]), Secret(holder.secret_key))
    forged = Credentials(holder.access_key, holder.secret_key, token)
    reply = called(server, form("GetCallerIdentity", "sts"), by=forged, service="sts")
    assert (reply.status, reply.code) == (403, "InvalidClientTokenId")


# From that very position on.


@pytest.mark.parametrize(
    ("ending", "more"), [("UpdateAccessKey", {"Status": "Inactive"}), ("DeleteAccessKey", {})], ids=str
)
def test_no_call_by_a_key_succeeds_after_the_position_of_its_end(
    server: Server, ending: str, more: dict[str, str | bytes]
) -> None:
    """Four threads call with a key without a pause while it is made inactive, or deleted: what the ledger holds of the
    key behind that position is refused, all of it, and what stands before it was answered."""
    name = f"hammer-{ending.lower()}"
    key = user_with_key(server, name)
    under_way, over = threading.Barrier(5), threading.Event()
    codes: list[str | None] = []

    def hammer() -> None:
        assert called(server, form("ListUsers"), by=key).status == 200
        under_way.wait()
        after_the_end = 0
        while after_the_end < 3:
            ended = over.is_set()
            codes.append(called(server, form("ListUsers"), by=key).code)
            after_the_end += ended

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    under_way.wait()
    fields: dict[str, str | bytes] = {"UserName": name, "AccessKeyId": key.access_key}
    end = called(server, form(ending, "iam", **fields, **more))
    over.set()
    for thread in threads:
        thread.join()
    assert end.status == 200
    assert set(codes) <= {None, "InvalidClientTokenId"}
    record = recorded_once(server, end)
    calls = [
        (entry["position"], entry["event"].get("error_code"))
        for entry in entries(server, key.access_key)
        if entry["topic"] == "api.called.v1" and entry["cause"]["access_key_id"] == key.access_key
    ]
    assert record["position"] == end.position
    assert {code for position, code in calls if position < end.position} == {None}
    assert {code for position, code in calls if position > end.position} == {"InvalidClientTokenId"}
