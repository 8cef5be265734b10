"""The lineage that a containment wants to know, once the tables have come to where the ledgers end (docs/adr/0026)."""

import time
from collections.abc import Mapping

import psycopg

from domain.families.containment import Descendant, DescendantKind, LineageFacts, LineageQuery, Seed
from domain.foundation.moments import AsOf
from domain.queries.contained_lineages import without_spared
from domain.queries.open_doors import made_by
from domain.read_models.lineage import LineageNode
from projections.engine.runner import ProjectionRunner
from projections.queries.lineage import lagging_accounts, trace_lineage
from projections.queries.readable import ProjectionUnreadable, same_tables
from services.ledger.door_uses import DoorUseFinder
from services.ledger.historical_states import HistoricalStates
from services.ledger.pending_call import LedgerUnavailable
from services.ledger.recorder import ConnectionSource

WAIT_SECONDS_MAX = 5.0
"""For all accounts together."""


def accounts_behind(cursor: psycopg.Cursor, runner: ProjectionRunner) -> frozenset[str]:
    """The accounts whose births are not all known even after waiting: of those that there were when this was asked."""
    until = time.monotonic() + WAIT_SECONDS_MAX
    return frozenset(
        account_id
        for account_id, position in lagging_accounts(cursor).items()
        if not runner.wait(account_id, position, max(0.0, until - time.monotonic()))
    )


class LineageResolver:
    """What containments want to know."""

    def __init__(self, readers: ConnectionSource, runner: ProjectionRunner, past: HistoricalStates) -> None:
        self._readers = readers
        self._runner = runner
        self._past = past

    def found(self, wanted: LineageQuery) -> LineageFacts:
        """In all accounts. Blocks for some seconds at most.

        Raises what `trace_lineage` raises of the seed, and LedgerUnavailable when the tables of its account lag.
        Those of another account may: an account that has halted must not protect what leaked from the first one. What
        is missing shows afterwards as remaining.
        """
        with self._readers() as connection, connection.cursor() as cursor:
            if wanted.account_id in accounts_behind(cursor, self._runner):
                raise LedgerUnavailable(f"The lineage of {wanted.account_id} lags behind its ledger.")
            try:
                with same_tables(cursor):
                    finder = DoorUseFinder(cursor, self._past)
                    lineage = trace_lineage(
                        cursor,
                        wanted.account_id,
                        wanted.seed,
                        AsOf(wanted.asked_at),
                        compromised_since=wanted.compromised_since,
                        door_uses=finder,
                    )
                    nodes = without_spared(lineage.nodes, wanted.spared)
                    altered = finder.altered(nodes, lineage.moments, lineage.compromised_since).found
            except ProjectionUnreadable as error:
                raise LedgerUnavailable(str(error)) from error
        descendants = tuple(_descendant(node) for node in nodes if node.kind in _CONTAINABLE)
        return LineageFacts(
            wanted, _seed(lineage.seed), descendants, tuple(altered), made_by(nodes), lineage.compromised_since
        )


_CONTAINABLE: Mapping[str, DescendantKind] = {
    "user": "user",
    "role": "role",
    "access_key": "access_key",
    "activation": "access_key",
    "session": "session",
}
"""What else is of a lineage containment cannot end; it shows as remaining while it gives access."""


def _seed(node: LineageNode) -> Seed:
    if node.access_key_id is not None:
        return Seed(node.access_key_id, node.owner_id)
    return Seed(node.subject_id, None)


def _descendant(node: LineageNode) -> Descendant:
    return Descendant(
        node.account_id,
        _CONTAINABLE[node.kind],
        node.subject_id,
        node.owner_id,
        node.access_key_id,
        node.expires_at,
        node.parent.account_id if node.parent is not None else None,
    )
