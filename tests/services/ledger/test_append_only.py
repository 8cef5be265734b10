"""What has been recorded stays: no role may rewrite it, and where rights end a trigger stands."""

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, IntegrityConstraintViolation
from psycopg.sql import SQL, Identifier

from services.ledger.database import Database, DatabaseRole, connect

ROLES: tuple[DatabaseRole, ...] = ("writer", "projector", "reader")
MONTH = "uses_2026_01"
EVENTS = ("changes", "uses", MONTH, "uses_other")
REWRITINGS: dict[str, LiteralString] = {
    "update": "update ledger.{} set state = ''",
    "move": "update ledger.{} set position = position + 1",
    "delete": "delete from ledger.{}",
    "truncate": "truncate ledger.{}",
}
RIGHTS: dict[str, dict[str, str]] = {
    # What each role may do: select, insert, update, delete, truncate, references, trigger.
    "ledger.heads": {"writer": "SI", "projector": "S", "reader": "S"},
    "ledger.changes": {"writer": "SI", "projector": "S", "reader": "S"},
    "ledger.uses": {"writer": "SI", "projector": "S", "reader": "S"},
    f"ledger.{MONTH}": {},
    "ledger.uses_other": {},
    "ledger.snapshots": {"writer": "SI", "reader": "S"},
    "ledger.texts": {"writer": "SI", "reader": "S"},
    "secrets.data_keys": {"writer": "SID"},
    "secrets.access_key_secrets": {"writer": "SID"},
    "secrets.access_key_accounts": {"writer": "SI"},
    "secrets.mfa_seeds": {"writer": "SID"},
    "secrets.password_hashes": {"writer": "SID"},
    "secrets.service_passwords": {"writer": "SID"},
    "secrets.server_certificate_keys": {"writer": "SID"},
    "secrets.saml_private_keys": {"writer": "SID"},
    "secrets.webhook_secrets": {"writer": "SID"},
    "secrets.signing_keys": {"writer": "SID"},
    **{f"log.{table}": {"writer": "SI", "reader": "S"} for table in ("tiles", "heads")},
    **{f"log.{table}": {"writer": "SIU", "reader": "S"} for table in ("progress", "witnesses")},
    "log.state": {"writer": "SU", "reader": "S"},
    "log.checkpoints": {"writer": "SIUD", "reader": "S"},
    "secrets.trail_signing_keys": {"writer": "SID"},
    **{f"lifecycle.{table}": {"writer": "SIUD", "reader": "S"} for table in ("schedule", "progress")},
    **{
        f"notifications.{table}": {"writer": "SIUD", "reader": "S"}
        for table in ("cursors", "deliveries", "recipients", "mail_items")
    },
    "public.muniment_migrations": {"reader": "S"},
}
UPDATABLE = {
    # The columns that a role may update, of tables that it may not update as a whole.
    ("writer", "ledger.heads", "position"),
    ("writer", "ledger.heads", "last_change"),
    ("writer", "ledger.heads", "at"),
    ("writer", "ledger.heads", "tree_size"),
    ("writer", "ledger.heads", "tree"),
    ("writer", "secrets.data_keys", "master_key_id"),
    ("writer", "secrets.data_keys", "wrapped"),
}
PRIVILEGES = {
    "S": "SELECT",
    "I": "INSERT",
    "U": "UPDATE",
    "D": "DELETE",
    "T": "TRUNCATE",
    "R": "REFERENCES",
    "G": "TRIGGER",
}


@pytest.fixture
def recorded(database: Database) -> Database:
    """A database whose tables of events have a row each, the month's and the default partition included."""
    with connect(database, "writer") as writer:
        writer.execute("select ledger.open_month('2026-01-31 23:59:59.999999+00')")
        for table, month in (("changes", "2026-01-01"), ("uses", "2026-01-31"), ("uses", "1999-12-31")):
            writer.execute(
                SQL("insert into ledger.{} values ('123456789012', 1, 'test.v1', %s, 'bytes')").format(
                    Identifier(table)
                ),
                (month,),
            )
    return database


@pytest.fixture
def owner(recorded: Database) -> Iterator[psycopg.Connection]:
    with connect(recorded, "owner") as connection:
        yield connection


@pytest.mark.parametrize("table", EVENTS)
@pytest.mark.parametrize("rewriting", REWRITINGS)
def test_no_role_rewrites(recorded: Database, rewriting: str, table: str) -> None:
    """Those who write, project and read have no right to change, remove or empty what is recorded."""
    statement = SQL(REWRITINGS[rewriting]).format(Identifier(table))
    for role in ROLES:
        with connect(recorded, role) as connection, pytest.raises(InsufficientPrivilege):
            connection.execute(statement)


@pytest.mark.parametrize("table", EVENTS)
@pytest.mark.parametrize("rewriting", REWRITINGS)
def test_not_even_the_owner_rewrites(owner: psycopg.Connection, rewriting: str, table: str) -> None:
    """The owner, here even a superuser, is refused by the trigger, which names what was tried and where."""
    statement = SQL(REWRITINGS[rewriting]).format(Identifier(table))
    said = {"move": "UPDATE"}.get(rewriting, rewriting.upper())
    before = owner.execute("select * from ledger.changes union all select * from ledger.uses").fetchall()
    with pytest.raises(IntegrityConstraintViolation, match=rf"append-only: {said} on ledger\.\w+ is refused"):
        owner.execute(statement)
    assert owner.execute("select * from ledger.changes union all select * from ledger.uses").fetchall() == before
    assert len(before) == 3


@pytest.mark.parametrize("role", ROLES)
def test_rights_are_exactly_these(owner: psycopg.Connection, role: DatabaseRole) -> None:
    """For every table there is: what the role may do, and nothing besides. A new table must be entered above."""
    tables = owner.execute(
        "select schemaname || '.' || tablename from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    ).fetchall()
    assert {name for (name,) in tables} == RIGHTS.keys()
    for table, rights in RIGHTS.items():
        may = {
            letter
            for letter, privilege in PRIVILEGES.items()
            if owner.execute(
                "select has_table_privilege(%s, %s, %s)", (f"muniment_{role}", table, privilege)
            ).fetchone()
            == (True,)
        }
        assert may == set(rights.get(role, "")), table


def test_columns_that_are_updated_are_exactly_these(owner: psycopg.Connection) -> None:
    """Of tables beside the events too, a role may update what a server moves on, and nothing besides."""
    rows = owner.execute(
        "select role, schemaname || '.' || tablename, attname from pg_tables"
        " cross join unnest(%s::text[]) as roles (role)"
        " join pg_attribute on attrelid = format('%%I.%%I', schemaname, tablename)::regclass and attnum > 0"
        " where schemaname in ('ledger', 'secrets', 'public')"
        " and has_column_privilege('muniment_' || role, attrelid, attnum, 'UPDATE')",
        (list(ROLES),),
    ).fetchall()
    assert set(rows) == UPDATABLE


@pytest.mark.parametrize("role", ["writer", "owner"])
def test_a_head_only_moves_on(recorded: Database, role: DatabaseRole) -> None:
    """Neither a server's login nor the owner sets a head back, or takes one away: positions would be given twice, and
    the events that are cut off would not be missed."""
    with connect(recorded, "writer") as writer:
        writer.execute("insert into ledger.heads values ('123456789012', 1, 1, '2026-01-31')")
        writer.execute("update ledger.heads set position = 2, last_change = 2, at = '2026-02-01'")
    for statement in (
        "update ledger.heads set position = 1",
        "update ledger.heads set last_change = 1",
        "update ledger.heads set at = '2026-01-31 23:59:59'",
        "update ledger.heads set account_id = '123456789013'",
        "delete from ledger.heads",
        "truncate ledger.heads",
    ):
        with (
            connect(recorded, role) as connection,
            pytest.raises((IntegrityConstraintViolation, InsufficientPrivilege)),
        ):
            connection.execute(statement)
    with connect(recorded, "reader") as reader:
        assert reader.execute("select account_id, position, last_change from ledger.heads").fetchall() == [
            ("123456789012", 2, 2)
        ]


def test_only_the_writer_opens_months(recorded: Database) -> None:
    """Room is added by the writer alone, and once: a month that is open stays as it is."""
    opened = "select count(*) from pg_inherits where inhparent = 'ledger.uses'::regclass"
    with connect(recorded, "writer") as writer:
        for moment in ("2026-01-01", "2026-01-31 23:59:59.999999", "2026-02-01"):
            writer.execute("select ledger.open_month(%s)", (f"{moment}+00",))
        assert writer.execute(opened).fetchone() == (3,)  # January, February, and all other times
    for role in ("projector", "reader"):
        with connect(recorded, role) as connection, pytest.raises(InsufficientPrivilege):
            connection.execute("select ledger.open_month('2026-03-01+00')")


@pytest.mark.parametrize("role", ROLES)
def test_nobody_takes_a_trigger_away(recorded: Database, role: DatabaseRole) -> None:
    """Neither may a role drop a table of events or its trigger, nor switch triggers off for its session."""
    for statement in (
        "drop table ledger.changes",
        "drop trigger append_only on ledger.changes",
        "alter table ledger.changes disable trigger append_only",
        "set session_replication_role = replica",
        "create table ledger.more (id int)",
        "create or replace function ledger.refuse_rewriting() returns trigger language sql as 'select null'",
    ):
        with connect(recorded, role) as connection, pytest.raises(InsufficientPrivilege):
            connection.execute(statement)
