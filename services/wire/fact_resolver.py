"""What decisions want to know and rounds have no time for, found out beside them (docs/adr/0013)."""

import os
import sys
from functools import partial

import psycopg

from domain.calls import Facts, FactsQuery
from domain.families.access_reviews import ReviewQuery, UndecidedQuery
from domain.families.authorization_messages import MessageFacts, MessageQuery
from domain.families.containment import LineageQuery
from domain.families.credential_owners import OwnerQuery
from domain.families.mfa_devices import MFACodeQuery
from domain.families.passwords import PasswordQuery
from domain.families.reports import GrantsQuery, ReportQuery
from domain.families.resource_compliance import ComplianceQuery
from domain.families.saml_providers import SAMLQuery
from domain.families.trails import NewTrailKeyQuery, TrailKeysFacts, TrailKeysQuery
from domain.families.unused_permissions import UnusedPermissionsQuery
from domain.foundation.errors import Throttling
from domain.foundation.key_material import KeyMaterialQuery
from domain.foundation.long_texts import TextQuery
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.policy.comparison import PolicyCheck, PolicyCheckFacts
from domain.time_travel import PastQuery
from projections.queries.readable import ProjectionBehind
from services.fair_pool import FairPool
from services.fair_queue import Overloaded, Places, Turn
from services.ledger.historical_states import HistoricalStateResolver
from services.ledger.lineage_resolver import LineageResolver
from services.ledger.long_texts import get_texts
from services.ledger.pending_call import LedgerUnavailable
from services.ledger.recorder import ConnectionSource
from services.ledger.report_resolver import ReportResolver
from services.saml_documents import read_saml
from services.secrets import totp
from services.secrets.key_material import read_key_material
from services.secrets.passwords import PasswordHashes
from services.secrets.store import SecretStore
from services.secrets.trail_keys import new_trail_key
from services.wire.denial_messages import DenialMessages
from services.wire.errors import ServiceUnavailable

HASHING_THREADS = 2
"""Hashing a password takes 64 MiB and a processor for a tenth of a second, and up to 24 are compared for one call."""
HASHING_PLACES = (64, 16, 8)
"""Of which some are at work: in all, of an account, of a principal."""
LOOKING_THREADS = 4
LOOKING_PLACES = (128, 32, 16)
HASHING_NICENESS = 10
"""Whoever answers calls goes first where processors are few."""


class FactResolver:
    """Passwords are hashed by threads of their own, so that nothing else waits for them, a containment least of all: it
    wants a lineage, and comes in the reserved lane."""

    def __init__(
        self,
        connections: ConnectionSource,
        store: SecretStore,
        hashes: PasswordHashes,
        denials: DenialMessages,
        pasts: HistoricalStateResolver,
        lineages: LineageResolver,
        reports: ReportResolver,
    ) -> None:
        self._connections = connections
        self._store = store
        self._hashes = hashes
        self._denials = denials
        self._pasts = pasts
        self._lineages = lineages
        self._reports = reports
        self._hashing = FairPool(
            "hashing", threads=HASHING_THREADS, places=Places(*HASHING_PLACES), initializer=_let_others_go_first
        )
        self._looking = FairPool("facts", threads=LOOKING_THREADS, places=Places(*LOOKING_PLACES))

    async def find(self, turn: Turn, wanted: FactsQuery) -> Facts:
        """What an account wants to know of itself. Raises Throttling when too many wait, ServiceUnavailable when tables
        lag or cannot be trusted, LedgerUnavailable when the database cannot be read, Stopping, and refusals of what is
        asked for."""
        pool = self._hashing if isinstance(wanted, PasswordQuery | NewTrailKeyQuery) else self._looking
        try:
            return await pool.run(turn, partial(self._found, turn.account_id, wanted))
        except Overloaded as full:
            raise Throttling(str(full)) from full
        except ProjectionBehind as error:
            raise ServiceUnavailable(str(error)) from error
        except psycopg.OperationalError as error:
            raise LedgerUnavailable(f"Facts cannot be read: {error!r}") from error

    def close(self) -> None:
        """Nothing new is begun; what is under way is not waited for."""
        self._hashing.close()
        self._looking.close()

    def _found(self, account_id: str, wanted: FactsQuery) -> Facts:  # noqa: PLR0911  one for each kind of facts
        if isinstance(wanted, MessageQuery):
            return MessageFacts(self._denials.decoded(account_id, wanted.encoded))
        if isinstance(wanted, PastQuery | ReviewQuery | UndecidedQuery):
            return self._pasts.found(wanted)
        if isinstance(wanted, LineageQuery):
            return self._lineages.found(wanted)
        if isinstance(wanted, OwnerQuery):
            return self._lineages.owners(wanted)
        if isinstance(wanted, ReportQuery | GrantsQuery | UnusedPermissionsQuery | ComplianceQuery):
            return self._reports.facts(wanted)
        if isinstance(wanted, NewTrailKeyQuery):
            return new_trail_key()
        if isinstance(wanted, MFACodeQuery | PasswordQuery | TrailKeysQuery):
            return self._of_secrets(account_id, wanted)
        return self._read(account_id, wanted)

    def _read(self, account_id: str, wanted: TextQuery | KeyMaterialQuery | SAMLQuery | PolicyCheck) -> Facts:
        """Long texts, keys, certificates, SAML metadata and policies."""
        if isinstance(wanted, PolicyCheck):
            return PolicyCheckFacts(wanted.compare())
        if isinstance(wanted, SAMLQuery):
            return read_saml(wanted)
        if not isinstance(wanted, TextQuery):
            return read_key_material(wanted)
        with self._connections() as connection, connection.cursor() as cursor:
            return get_texts(cursor, account_id, wanted.sha256s)

    def _of_secrets(self, account_id: str, wanted: MFACodeQuery | PasswordQuery | TrailKeysQuery) -> Facts:
        """What is told by secrets of the account, or are secrets of it."""

        def kept(kind: SecretKind, name: str) -> Secret | None:
            with self._connections() as connection, connection.cursor() as cursor:
                return self._store.get(cursor, account_id, SecretId(kind, name))

        if isinstance(wanted, TrailKeysQuery):
            found = {name: kept(SecretKind.TRAIL_KEY, name) for name in sorted(wanted.fingerprints)}
            return TrailKeysFacts({name: key for name, key in found.items() if key is not None})
        if isinstance(wanted, MFACodeQuery):
            return totp.found(wanted, kept(SecretKind.MFA_SEED, wanted.seed_id))
        return self._hashes.found(wanted, partial(kept, SecretKind.PASSWORD))


def _let_others_go_first() -> None:
    """Linux keeps the niceness of each thread apart, and gives it to those that a thread begins."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, HASHING_NICENESS)
