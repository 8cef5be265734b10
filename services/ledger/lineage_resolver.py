"""The lineage that a containment wants to know, once the tables have come to where the ledgers end (docs/adr/0026); and
whose a credential is."""

import time
from collections.abc import Mapping
from typing import Final

import psycopg

from domain.families.containment import Descendant, DescendantKind, LineageFacts, LineageQuery, Seed
from domain.families.credential_owners import CredentialOwner, OwnerFacts, OwnerQuery
from domain.foundation.errors import ValidationError
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf
from domain.installation import Installation
from domain.queries.contained_lineages import parted_by_spared
from domain.queries.named import home_account_of
from domain.queries.open_doors import made_by
from domain.read_models.lineage import LineageNode
from domain.registry import lineage_kind
from projections.engine.runner import ProjectionRunner
from projections.queries.ledger_positions import position_at, resolve_in_ledger
from projections.queries.lineage import lagging_accounts, trace_lineage
from projections.queries.lineage_seeds import SeedOwner, seed_owners
from projections.queries.readable import ProjectionBehind, ProjectionUnreadable, same_tables
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
        if not runner.wait(account_id, position, max(0.0, until - time.monotonic()), computed=False)
    )


class LineageResolver:
    """What containments want to know, and what is to be known before anybody may ask about a credential."""

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
                    nodes, _ = parted_by_spared(lineage.nodes, wanted.spared)
                    altered = finder.altered(nodes, lineage.moments, lineage.compromised_since).found
            except ProjectionUnreadable as error:
                raise LedgerUnavailable(str(error)) from error
        descendants = tuple(_descendant(node) for node in nodes if _containable(node.kind) is not None)
        return LineageFacts(
            wanted, _seed(lineage.seed), descendants, tuple(altered), made_by(nodes), lineage.compromised_since
        )

    def owners(self, wanted: OwnerQuery) -> OwnerFacts:
        """Blocks for some seconds at most. Refuses nothing: whoever asks may not be allowed to know."""
        with self._readers() as connection, connection.cursor() as cursor:
            installation = self._past.at(cursor, INSTALLATION, position_at(cursor, INSTALLATION, wanted.asked_at))
            assert isinstance(installation, Installation)
            home = home_account_of(wanted.credential, wanted.account_id, installation)
            row = cursor.execute(HEAD, (home,)).fetchone()
            if row is None:
                return OwnerFacts(wanted, home, (), complete=True)
            (head,) = row
            complete = self._runner.wait(home, head, WAIT_SECONDS_MAX, computed=False)
            try:
                with same_tables(cursor):
                    found = seed_owners(cursor, home, wanted.credential, _moment_at_home(cursor, wanted, home))
            except (ProjectionBehind, ProjectionUnreadable):
                return OwnerFacts(wanted, home, (), complete=False)
            except ValidationError:  # A moment that is none, which is for the answer to say.
                found = []
        return OwnerFacts(wanted, home, tuple(_owner(home, each) for each in found), complete)


HEAD: Final = "select position from ledger.heads where account_id = %s"


def _moment_at_home(cursor: psycopg.Cursor, wanted: OwnerQuery, home: str) -> AsOf:
    as_of = AsOf(wanted.asked_at) if wanted.as_of is None else wanted.as_of
    if home == wanted.account_id or as_of.position is None:
        return as_of
    # A position is one of the ledger of whoever asks; in others the moment is found by its time.
    at = resolve_in_ledger(cursor, wanted.account_id, as_of).at
    return AsOf.time(at, at)


def _owner(account_id: str, owner: SeedOwner) -> CredentialOwner:
    gone_or_root = "root" if owner.owner_id == account_id else owner.owner_id
    resource = gone_or_root if owner.arn is None else owner.arn.split(":", 5)[-1]
    return CredentialOwner(owner.kind, owner.owner_id, resource)


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


def _containable(kind_name: str) -> DescendantKind | None:
    kind = lineage_kind(kind_name)
    return "credential" if kind is not None and kind.cut_off is not None else _CONTAINABLE.get(kind_name)


def _descendant(node: LineageNode) -> Descendant:
    kind = _containable(node.kind)
    assert kind is not None
    return Descendant(
        node.account_id,
        kind,
        node.subject_id,
        node.owner_id,
        node.access_key_id,
        node.expires_at,
        node.parent.account_id if node.parent is not None else None,
    )
