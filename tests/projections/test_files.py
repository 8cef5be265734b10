"""The .sql files against the events that there are, and the tables that they make."""

from dataclasses import replace

import psycopg
import pytest

from domain.foundation import events
from domain.foundation.events import Use
from domain.registry import event_classes
from projections.engine.definition import Projection, create_tables, load_projections
from projections.engine.sql_files import SqlStatement


@pytest.mark.parametrize("projection", load_projections(), ids=lambda projection: projection.name)
def test_sections_are_named_after_events(projection: Projection) -> None:
    """No file reads an event that never existed."""
    known = event_classes().keys() | events._upcasts.keys()
    assert {*projection.entry_statements, *projection.batch_statements} <= known


def test_what_may_be_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that the file has no section for, but neither one that nobody knows nor the past shape of one that the
    file reads."""
    monkeypatch.setattr(events, "_upcasts", {"iam.user.made.v1": ("iam.user.created.v1", lambda fields: fields)})
    trail, permissions = Projection.load("trail"), Projection.load("permissions")
    assert trail.skips("iam.user.created.v1")
    assert trail.skips("iam.user.made.v1")
    assert not permissions.skips("iam.user.created.v1")
    assert not permissions.skips("iam.user.made.v1")
    assert not trail.skips("iam.user.frozen.v1")


@pytest.mark.parametrize("projection", load_projections(), ids=lambda projection: projection.name)
def test_batches_are_of_uses(projection: Projection) -> None:
    """What is read a batch at a time comes before what is read one by one, which is right for uses alone."""
    assert all(issubclass(event_classes()[topic], Use) for topic in projection.batch_statements)
    for statement in projection.batch_statements.values():
        assert b"%(after)s" in bytes(statement)
        assert b"%(to)s" in bytes(statement)


def test_preparing_twice_changes_nothing(projector: psycopg.Connection) -> None:
    """A second start finds the tables made."""
    before = projector.execute("select * from schemas order by name").fetchall()
    create_tables(projector, load_projections())
    assert projector.execute("select * from schemas order by name").fetchall() == before
    assert [name for name, _ in before] == sorted(["views", *(projection.name for projection in load_projections())])


def test_a_definition_is_what_it_does() -> None:
    """Another column or another statement makes another definition; another comment does not."""
    projection = Projection.load("permissions")
    assert (
        replace(projection, schema=SqlStatement(b"-- said otherwise\n" + projection.schema)).digest == projection.digest
    )
    assert (
        replace(projection, schema=SqlStatement(projection.schema + b"\ncreate table another ();")).digest
        != projection.digest
    )
    topic = min(projection.entry_statements)
    changed = {**projection.entry_statements, topic: SqlStatement(projection.entry_statements[topic] + b" and false")}
    assert replace(projection, entry_statements=changed).digest != projection.digest


def test_the_doors_read_but_do_not_write(projector: psycopg.Connection, reader: psycopg.Cursor) -> None:
    """The reader's role sees every table of the views and alters none."""
    tables = projector.execute("select tablename from pg_tables where schemaname = 'views'").fetchall()
    assert len(tables) > 10
    for (table,) in tables:
        rights = reader.execute(
            "select has_table_privilege(t, 'select'), has_table_privilege(t, 'insert, update, delete')"
            " from (select format('views.%%I', %s::text)) as named (t)",
            (table,),
        ).fetchone()
        assert rights == (True, False), table


def test_what_a_text_makes_can_be_compared_and_moved(projector: psycopg.Connection) -> None:
    """A rebuild knows tables with an account_id and a primary key, and functions; nothing else stands in the schema."""
    others = projector.execute(
        "select relname from pg_class where relnamespace = 'views'::regnamespace and relkind not in ('r', 'i')"
        " union all select typname from pg_type where typnamespace = 'views'::regnamespace"
        " and typrelid = 0 and typelem = 0"
    ).fetchall()
    assert others == []
    unfit = projector.execute(
        """
        select relname from pg_class where relnamespace = 'views'::regnamespace and relkind = 'r'
            and relname not in ('schemas', 'replaced_definitions', 'intervals') and not (
                exists (select from pg_index where indrelid = pg_class.oid and indisprimary)
                and exists (select from pg_attribute where attrelid = pg_class.oid and attname = 'account_id')
            )
        """
    ).fetchall()
    assert unfit == []
