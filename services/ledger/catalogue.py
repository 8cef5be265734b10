"""What PostgreSQL knows of the ledger's tables beside their rows: who may alter them, what keeps them from being
altered, and how many rows it has seen altered."""

from collections.abc import Iterator

import psycopg

from projections.engine.sql_files import load_statements
from services.ledger.database import migrations
from services.ledger.discrepancy import Discrepancy

SQL = load_statements("services.ledger", "catalogue.sql")


def compare_catalogue(connection: psycopg.Connection) -> Iterator[Discrepancy]:
    """Everything that is not as the migrations have made it, and each table whose rows were altered since PostgreSQL
    began to count. A crash of PostgreSQL, an upgrade to its next version and a superuser set the counts back."""
    for table, trigger in connection.execute(SQL["triggers"]).fetchall():
        yield Discrepancy(
            None, f"the trigger {trigger} on {table}", "none, or one that is switched off or lets through"
        )
    texts = [bytes(text).decode() for _, text in migrations()]
    for name, source in connection.execute(SQL["functions"]).fetchall():
        if not any(source in text for text in texts):
            yield Discrepancy(None, f"the function ledger.{name} as this program makes it", "another")
    for role, table, privilege in connection.execute(SQL["rights"]).fetchall():
        yield Discrepancy(None, f"{role} without the right to {privilege} {table}", "the right")
    for table, updated, deleted in connection.execute(SQL["rewritings"]).fetchall():
        found = f"{updated} updated and {deleted} deleted, counted by PostgreSQL"
        yield Discrepancy(None, f"no row of {table} ever altered", found)
