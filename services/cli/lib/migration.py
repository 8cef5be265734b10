"""Bringing a database to this version of the program, as the ledger's owner."""

import argparse

from psycopg.conninfo import conninfo_to_dict

from services.cli.lib.operator_database import database_failures, existing_database, operator_settings
from services.cli.lib.terminal import Failure, print_note
from services.ledger.database import ExternalDatabase
from services.ledger_runtime import migrate_database
from services.settings import Settings


def migrate(args: argparse.Namespace) -> None:
    """Raises Failure when the database is as it was."""
    found = operator_settings(args)
    applied = _migrate_external(found, args.login) if found.owner_database_url else _migrate_embedded(found, args)
    for name in applied:
        print_note(f"Applied {name}.")
    print_note("The database is migrated.")


def _migrate_external(found: Settings, login: str | None) -> list[str]:
    assert found.owner_database_url is not None
    if login is None and found.database_url is not None:
        login = str(conninfo_to_dict(found.database_url).get("user") or "") or None
    with database_failures():
        database = ExternalDatabase(found.database_url or found.owner_database_url, owner_url=found.owner_database_url)
        applied = migrate_database(database, login)
    if login is None:
        print_note("No login was given the roles of a server: name it with --login or in MUNIMENT_DATABASE_URL.")
    return applied


def _migrate_embedded(found: Settings, args: argparse.Namespace) -> list[str]:
    """Every start of the server does it too."""
    if found.database_url is not None:
        raise Failure("The owner's login is missing: MUNIMENT_OWNER_DATABASE_URL takes it.")
    if args.login is not None:
        raise Failure("--login is for your own PostgreSQL; the embedded one has its logins.")
    with existing_database(found, check=False) as database:
        return migrate_database(database)
