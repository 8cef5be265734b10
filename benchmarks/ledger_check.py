"""Whether the ledger holds what was answered."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.servers import NotMeasured
from services.ledger.database import connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory

CALLS = """
    select call #>> '{cause,operation}', count(*), count(distinct call #>> '{cause,request_id}'),
        count(call #> '{event,error_code}')
    from (select convert_from(state, 'UTF8')::jsonb as call from ledger.uses where topic = 'api.called.v1') as calls
    group by 1
"""
GAPS = """
    select count(*) from ledger.heads where position <>
        (select count(*) from ledger.changes where changes.account_id = heads.account_id)
        + (select count(*) from ledger.uses where uses.account_id = heads.account_id)
"""


def compare(data: Path, answered: Mapping[str, int], under_way: Mapping[str, int]) -> None:
    """Of each operation, the ledger must hold as many calls as there were answers, and at most those besides that were
    still under way when a run ended. Raises NotMeasured otherwise."""
    with connect(EmbeddedPostgres(resolve_directory(data / "postgres")), "owner") as connection:
        calls = {operation: counts for operation, *counts in connection.execute(CALLS).fetchall()}
        [(gaps,)] = connection.execute(GAPS).fetchall()
    if gaps:
        raise NotMeasured(f"{gaps} ledgers have positions without an event.")
    for operation, count in answered.items():
        found, distinct, refused = calls.get(operation, (0, 0, 0))
        if not count <= found <= count + under_way[operation] or distinct != found or refused:
            raise NotMeasured(
                f"{operation}: {count} calls were answered and at most {under_way[operation]} more were under way; the "
                f"ledger holds {found} with {distinct} request ids, {refused} of them refused."
            )
