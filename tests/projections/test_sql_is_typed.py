"""SQL that is composed does not pass the type check."""

from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parents[2]
PASSES = """
import psycopg
from psycopg import sql
from projections.engine.sql_files import load_statements

SQL = load_statements("projections.engine", "apply.sql")

def asked(cursor: psycopg.Cursor, connection: psycopg.Connection, name: str) -> None:
    cursor.execute("select 1 where %s", (name,))
    cursor.execute(SQL["head"], {"account_id": name})
    cursor.executemany(SQL["head"], [{"account_id": name}])
    connection.execute(sql.SQL("select * from {}").format(sql.Identifier(name)))
"""
FAILS = """
import psycopg
from psycopg import sql
from projections.engine.sql_files import SqlStatement

def asked(cursor: psycopg.Cursor, connection: psycopg.Connection, name: str, text: bytes) -> None:
    cursor.execute(f"select 1 where {name}")
    cursor.execute("select 1 where " + name)
    cursor.execute(name)
    cursor.execute(text)
    cursor.executemany(text, [])
    connection.execute(text + b" limit 1")
    connection.execute(sql.SQL(name))
    cursor.execute(SqlStatement(text))
"""


@pytest.mark.parametrize(("source", "refused"), [(PASSES, 0), (FAILS, 8)], ids=["literal or loaded", "composed"])
def test_composed_sql_is_refused(tmp_path: Path, source: str, refused: int) -> None:
    """Literals, statements of .sql files and identifiers that psycopg quotes pass; any other line fails."""
    (tmp_path / "snippet.py").write_text(source)
    config = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache")]
    told, _, _ = api.run([*config, str(tmp_path / "snippet.py")])
    lines = {line.split(":")[1] for line in told.splitlines() if "this is composed" in line}
    assert len(lines) == refused, told
    assert ("Success" in told) == (refused == 0), told
