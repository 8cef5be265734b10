"""What an event costs in the tables: as much as it changes, and no more where there is much."""

from datetime import timedelta

import psycopg
from psycopg.types.json import Jsonb
from pydantic_core import from_json

from domain.account import AccountChange
from domain.foundation.events import Entry, event_classes
from projections.engine.definition import load_projections
from tests.domain.fold_work import BEGINNINGS, account_history, event
from tests.projections.conftest import Project
from tests.projections.ledger import MAPPER, Ledger, cause_of
from tests.projections.use_events import issued

SMALL, LARGE = 5, 60
HELD = frozenset(
    f"iam.{topic}.v1"
    for topic in (
        *("instance_profile.role_added", "instance_profile.role_removed"),
        *("group.user_added", "group.user_removed", "inline_policy.put", "inline_policy.deleted"),
        *("policy.attached", "policy.detached", "policy.version_created", "policy.version_deleted"),
        *("policy.default_version_set", "role.deleted"),
    )
)
"""Whose sections look at what one owner has of a kind now, of which quotas let it have few; a role's deletion, once, at
its sessions that have run out."""
ROWS = """select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::int,
    coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int
from pg_stat_xact_user_tables where schemaname = 'views'"""
"""Read and changed by the session's statements, as far as it has not yet reported them."""


def with_history(writer: psycopg.Connection, n: int) -> Ledger:
    """With n of everything, and n of it over: sessions that have run out, former documents, activations and uses."""
    ledger = Ledger(writer)
    ledger.append(*(change for change in account_history(n) if change.topic != "account.created.v1"))
    for i in range(n):
        for owner in ("AIDA0", "AROA0"):
            ledger.append(issued(ledger, f"SESN{owner}{i}", entity_id=owner, at=ledger.at, lasts=timedelta(seconds=1)))
        ledger.append(event("iam.inline_policy.put.v1"), event("iam.role.trust_policy_replaced.v1"))
        ledger.append(event("iam.access_key.deactivated.v1"), event("iam.access_key.activated.v1"))
        ledger.append(event("iam.credential.used.v1"), event("iam.user.updated.v1"), event("iam.group.updated.v1"))
        ledger.append(event("iam.policy.default_version_set.v1"), event("iam.password.changed.v1"))
    return ledger


def rows_read(projector: psycopg.Connection, ledger: Ledger, topic: str) -> dict[str, tuple[int, int]]:
    """By projection: rows read and rows changed for one event. Nothing is kept."""
    change, position = event(topic), ledger.position + 1
    at = ledger.at + timedelta(days=1)
    stored = MAPPER.to_stored_event(Entry(ledger.account_id, position, "e", at, cause_of(ledger.account_id), change))
    said = {
        "account_id": ledger.account_id,
        "position": position,
        "at": at,
        "topic": topic,
        "entry": Jsonb(from_json(stored.state)),
    }
    found = {}
    for projection in load_projections():
        if (statement := projection.entry_statements.get(topic)) is not None:
            with projector.transaction(force_rollback=True), projector.cursor() as cursor:
                # The tables are small: without this the planner reads them whole.
                cursor.execute("set local enable_seqscan = off")
                ((read_before, changed_before),) = cursor.execute(ROWS).fetchall()
                cursor.execute(statement, said)
                ((read, changed),) = cursor.execute(ROWS).fetchall()
                found[projection.name] = (read - read_before, changed - changed_before)
    return found


def test_no_event_reads_more_rows_where_there_are_more(
    writer: psycopg.Connection, projector: psycopg.Connection, project: Project
) -> None:
    """With twelve times as much of everything, and of what is over, the section of an event reads more rows only as it
    changes more, or as its owner has more now."""
    small, large = (with_history(writer, n) for n in (SMALL, LARGE))
    for ledger in (small, large):
        project(ledger.account_id)
    projector.execute("analyze")
    for topic, of in event_classes().items():
        if issubclass(of, AccountChange) and topic not in BEGINNINGS:
            fewer, more = (rows_read(projector, ledger, topic) for ledger in (small, large))
            for name, (read, changed) in more.items():
                read_before, changed_before = fewer[name]
                held = 3 * (LARGE - SMALL) if topic in HELD else 0
                assert read <= read_before + 3 * (changed - changed_before) + held + SMALL, (topic, name)
