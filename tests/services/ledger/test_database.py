"""Migrations: applied once, in one order, and never on a database that another text has made."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from services.ledger.database import (
    Database,
    DatabaseNotMigrated,
    ExternalDatabase,
    MigrationMismatch,
    OwnerLoginRefused,
    connect,
    migrate,
    migrations,
    refuse_unmigrated,
)
from tests.conftest import external_database

_numbers = itertools.count(1)
_SCHEMA = """
select format('%s %s %s %s', table_schema, table_name, column_name, data_type), is_nullable, column_default
from information_schema.columns where table_schema in ('ledger', 'secrets', 'views', 'public')
union all select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint where conrelid <> 0
    and connamespace::regnamespace::text in ('ledger', 'secrets')
union all select indexrelid::regclass::text, pg_get_indexdef(indexrelid), '' from pg_index
    where indrelid::regclass::text similar to '(ledger|secrets).%'
union all select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
union all select oid::regprocedure::text, pg_get_functiondef(oid), proacl::text from pg_proc
    where pronamespace::regnamespace::text in ('ledger', 'secrets')
union all select oid::regclass::text, relacl::text, '' from pg_class
    where relnamespace::regnamespace::text in ('ledger', 'secrets')
union all select nspname, nspacl::text, '' from pg_namespace where nspname in ('ledger', 'secrets', 'views')
order by 1, 2, 3
"""


@pytest.fixture
def empty_database(template: str) -> Iterator[ExternalDatabase]:
    """Nothing has been migrated here."""
    name = f"empty_{next(_numbers)}"
    with psycopg.connect(template, autocommit=True) as connection:
        connection.execute(SQL("create database {}").format(Identifier(name)))
    yield external_database(template, name)
    with psycopg.connect(template, autocommit=True) as connection:
        connection.execute(SQL("drop database {} with (force)").format(Identifier(name)))


def schema(database: Database) -> list[tuple[object, ...]]:
    with connect(database, "owner") as connection:
        return connection.execute(_SCHEMA).fetchall()


def test_a_host_that_is_gone_is_noticed(database: ExternalDatabase) -> None:
    """Every connection has timeouts of its network, ours where the operator's URL names none."""
    theirs = ExternalDatabase(make_conninfo(database.url, tcp_user_timeout=1_234))
    for used, expected in ((database, "10000"), (theirs, "1234")):
        with connect(used, "writer") as connection:
            parameters = connection.info.get_parameters()
        assert (parameters["tcp_user_timeout"], parameters["keepalives_idle"]) == (expected, "5")


def test_migrating_twice_does_nothing(empty_database: Database) -> None:
    """The first run names what it applied, the second finds nothing to do and changes nothing."""
    assert migrate(empty_database) == [name for name, _ in migrations()]
    migrated = schema(empty_database)
    assert migrate(empty_database) == []
    assert schema(empty_database) == migrated


def test_a_fresh_schema_equals_a_migrated_one(database: Database, empty_database: Database) -> None:
    """Tables, constraints, indexes, triggers, functions and rights are the same wherever the migrations have run."""
    migrate(empty_database)
    fresh = schema(empty_database)
    assert fresh == schema(database)
    assert any("append_only" in map(str, row) for row in fresh)


def test_a_changed_text_is_refused(database: Database) -> None:
    """A database that was migrated with another text of the same name is none that this program knows."""
    with connect(database, "owner") as connection:
        connection.execute("update public.muniment_migrations set sha256 = 'another' where name = '0001_ledger.sql'")
    with pytest.raises(MigrationMismatch, match=r"migrated with another 0001_ledger\.sql \(SHA-256 another\)"):
        migrate(database)


def test_a_newer_program_s_migration_is_refused(database: Database) -> None:
    """An older program does not touch what a newer one has made."""
    with connect(database, "owner") as connection:
        connection.execute("insert into public.muniment_migrations values ('9999_later.sql', 'digest')")
    with pytest.raises(MigrationMismatch, match=r"has the migration 9999_later\.sql, which this program does not know"):
        migrate(database)


def test_an_unmigrated_database_is_refused(empty_database: ExternalDatabase) -> None:
    """A server says in one line what to run: on an empty database, on one that lacks a migration, and where its login
    has not been given the roles."""
    with pytest.raises(DatabaseNotMigrated, match="run `muniment migrate`"):
        refuse_unmigrated(empty_database)
    migrate(empty_database)
    refuse_unmigrated(empty_database)
    with connect(empty_database, "owner") as owner:
        owner.execute("delete from public.muniment_migrations where name like '0004%'")
    with pytest.raises(DatabaseNotMigrated, match="run `muniment migrate`"):
        refuse_unmigrated(empty_database)
    with connect(empty_database, "owner") as owner:
        owner.execute("create role stranger login")
    try:
        stranger = ExternalDatabase(make_conninfo(empty_database.url, user="stranger"))
        with pytest.raises(DatabaseNotMigrated, match=r"login stranger lacks the roles.*`muniment migrate`"):
            stranger.refuse_unfit_login()
    finally:
        with connect(empty_database, "owner") as owner:
            owner.execute("drop role stranger")


def test_no_server_logs_in_as_the_owner(database: ExternalDatabase) -> None:
    """Neither as the owner itself nor as one who may become it, and migrating gives such a login nothing."""
    database.refuse_unfit_login()
    owner_url = database.conninfo("owner")
    with pytest.raises(OwnerLoginRefused, match=r"login postgres .*owns the ledger"):
        ExternalDatabase(owner_url).refuse_unfit_login()
    with pytest.raises(OwnerLoginRefused, match="login postgres owns the ledger"):
        migrate(database, "postgres")
    with pytest.raises(OwnerLoginRefused, match="no login nobody_such"):
        migrate(database, "nobody_such")
    with pytest.raises(OwnerLoginRefused, match="MUNIMENT_OWNER_DATABASE_URL"):
        connect(ExternalDatabase(database.url), "owner")


@pytest.mark.parametrize(
    ("given", "power"),
    [
        ("alter role risky createrole", "has CREATEROLE"),
        ("grant pg_write_all_data to risky", "has pg_write_all_data"),
        ("grant pg_execute_server_program to risky", "has pg_execute_server_program"),
        ("create role between createrole; grant between to risky", "has CREATEROLE"),
        ("alter table ledger.changes owner to risky", "owns the ledger"),
        ("alter table public.muniment_migrations owner to risky", "owns the ledger"),
        ("alter role risky superuser", "owns the ledger"),
    ],
)
def test_no_server_logs_in_as_one_who_can_become_the_owner(database: ExternalDatabase, given: str, power: str) -> None:
    """Whatever lets a login change the ledger in the end, by itself or through a role that it can take on, is refused,
    and migrating gives it nothing."""
    risky = ExternalDatabase(make_conninfo(database.url, user="risky"), owner_url=database.conninfo("owner"))
    with connect(database, "owner") as owner:
        owner.execute("create role risky login in role muniment_writer, muniment_projector, muniment_reader")
        try:
            risky.refuse_unfit_login()
            owner.execute(given.encode())
            with pytest.raises(OwnerLoginRefused, match=f"login risky in MUNIMENT_DATABASE_URL {power}"):
                risky.refuse_unfit_login()
            with pytest.raises(OwnerLoginRefused, match=f"login risky {power}"):
                migrate(risky, "risky")
        finally:
            owner.execute("reassign owned by risky to postgres; drop role risky; drop role if exists between")


def test_what_a_server_s_login_may(database: ExternalDatabase) -> None:
    """In whatever role, it neither drops nor alters what the owner has made, nor moves a head elsewhere than as the
    writer does; the projector makes and drops tables in its two schemas and nowhere else."""
    for role in ("writer", "projector", "reader"):
        with connect(database, role) as connection:
            for act in (
                "drop table ledger.changes",
                "alter table ledger.changes disable trigger append_only",
                "truncate ledger.uses",
                "delete from ledger.heads",
                "create table ledger.mine ()",
                "drop schema views cascade",
                "drop schema views_rebuilt",
                "create schema mine",
                "update public.muniment_migrations set sha256 = ''",
                "set role postgres",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(act.encode())
            if role != "writer":
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("update ledger.heads set position = 1")
    with connect(database, "projector") as projector:
        for schema in ("views", "views_rebuilt"):
            projector.execute(f"create table {schema}.mine (); drop table {schema}.mine".encode())


def test_a_migration_that_fails_leaves_nothing(empty_database: Database) -> None:
    """All migrations of a run are one transaction: here the schema is in the way, and no trace is left of the try."""
    with connect(empty_database, "owner") as connection:
        connection.execute("create schema views")
    before = schema(empty_database)
    with pytest.raises(psycopg.errors.DuplicateSchema):
        migrate(empty_database)
    assert schema(empty_database) == before


def test_statements_of_the_doors_time_out(database: Database) -> None:
    """Writers and readers do not hang; migrations and rebuilds may take their time."""
    limits = {}
    for role in ("owner", "writer", "projector", "reader"):
        with connect(database, role) as connection:
            limits[role] = [
                connection.execute("select current_setting(%s)", (setting,)).fetchone()
                for setting in ("statement_timeout", "idle_in_transaction_session_timeout")
            ]
    assert limits["writer"] == limits["reader"] == [("2s",), ("2s",)]
    assert limits["owner"] == limits["projector"] == [("0",), ("0",)]
