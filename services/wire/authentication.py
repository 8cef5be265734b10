"""From a signature to a credential: the secret is looked up, the signature proved."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

import psycopg

from domain.families.sessions import Session
from domain.foundation.identifiers import ACCESS_KEY_ID, account_of_access_key_id
from domain.foundation.secret import Secret, SecretId, SecretKind
from services.fair_pool import FairPool
from services.fair_queue import Places, Turn, turn_of_stranger
from services.ledger.pending_call import LedgerUnavailable
from services.ledger.recorder import ConnectionSource
from services.secrets.session_credentials import SessionCredentials
from services.secrets.store import SecretStore
from services.wire.sigv4 import PresentedSignature, SignatureClaim, SignatureVerifier, refuse_untimely, unknown_key

CACHED_SECRETS_MAX = 50_000
CACHED_SIGNING_KEYS_MAX = 50_000
UNKNOWN_KEYS_MAX = 50_000
UNKNOWN_SECONDS = 2.0
"""For which an access key id that nobody had is not looked up again. It may be given to somebody in the meantime
(docs/adr/0010); ids that are made here are random, and nobody has asked for one before."""
LOOKUP_THREADS = 4
"""Half of which are at work at a time: who is not proved is nobody's account."""
LOOKUPS_WAITING_MAX, LOOKUPS_AN_ADDRESS_MAX = 2_048, 512
READ_SECONDS_MAX = 5
"""A database that was stopped answers nothing, not even that a statement takes too long."""

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class VerifiedCredential:
    """Whoever sent the request holds the secret of this. Whether it is still good for anything, the round decides."""

    account_id: str
    access_key_id: str
    session: Session | None
    service_name: str | None = None
    """Of a service of the operator's own: then the account is that of the role that it asks for."""


@dataclass(frozen=True, slots=True)
class ClaimedCredential:
    """Of a credential that somebody has, and that is still to be proved."""

    credential: VerifiedCredential
    owner_id: str
    """The unique id of the user or role, or the account id of root."""
    secret: Secret = field(repr=False)

    def turn(self, *, reserved: bool = False) -> Turn:
        """Whose turn it is when something has to wait. All keys of a user and all sessions of a role are one caller:
        who can ask for many has no more turns than others."""
        return Turn(self.credential.account_id, self.owner_id, reserved)


class Authenticator:
    """One event loop's. The secrets of long-term keys are read from the sealed store once and then held in memory: a
    key that was deleted since is refused by the round, which sees the account as it is."""

    def __init__(self, connections: ConnectionSource, store: SecretStore, sessions: SessionCredentials) -> None:
        self._connections = connections
        self._store = store
        self._sessions = sessions
        self._signing_keys = SignatureVerifier(CACHED_SIGNING_KEYS_MAX)
        self._held: OrderedDict[str, ClaimedCredential] = OrderedDict()
        """Of long-term keys, by access key id."""
        self._unknown: OrderedDict[str, float] = OrderedDict()
        """Access key ids that nobody had, and until when that counts, on the monotonic clock."""
        self._lookups = FairPool(
            "keys",
            threads=LOOKUP_THREADS,
            places=Places(LOOKUPS_WAITING_MAX, LOOKUPS_WAITING_MAX, LOOKUPS_AN_ADDRESS_MAX),
        )

    async def find(self, claim: SignatureClaim, now: datetime, *, service: str, source: str) -> ClaimedCredential:
        """Before anything is made of the request that takes time. Raises SignatureDoesNotMatch for another service or
        time, InvalidClientTokenId for a credential that nobody has, LedgerUnavailable when that cannot be read now,
        and Overloaded when too many of the source are looked up."""
        refuse_untimely(claim, now, service=service)
        if claim.session_token is None:
            held = self._held.get(claim.access_key_id) or await self._read(claim.access_key_id, source)
        else:
            held = self._opened(claim, now)
        if held is None:
            raise unknown_key()
        return held

    def verify(
        self, presented: PresentedSignature, held: ClaimedCredential, now: datetime, *, service: str
    ) -> VerifiedCredential:
        """Raises SignatureDoesNotMatch."""
        self._signing_keys.verify(presented, held.secret, now, service=service)
        return held.credential

    def account_of(self, access_key_id: str) -> str | None:
        """Whose key that is, as far as its id or an earlier request has told."""
        held = self._held.get(access_key_id)
        return account_of_access_key_id(access_key_id) if held is None else held.credential.account_id

    def close(self) -> None:
        self._lookups.close()

    def _opened(self, claim: SignatureClaim, now: datetime) -> ClaimedCredential | None:
        account_id = account_of_access_key_id(claim.access_key_id)
        if account_id is None:
            return None
        assert claim.session_token is not None
        session, secret = self._sessions.open(claim.session_token, access_key_id=claim.access_key_id, at=now)
        credential = VerifiedCredential(account_id, claim.access_key_id, session)
        return ClaimedCredential(credential, session.entity_id, secret)

    async def _read(self, access_key_id: str, source: str) -> ClaimedCredential | None:
        if not ACCESS_KEY_ID.fullmatch(access_key_id) or self._unknown.get(access_key_id, 0.0) > time.monotonic():
            return None
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                held = await self._lookups.run(turn_of_stranger(source), partial(self._read_now, access_key_id))
        except (psycopg.OperationalError, TimeoutError) as error:
            raise LedgerUnavailable(f"The secret cannot be read: {error!r}") from error
        if held is None:
            _keep(self._unknown, access_key_id, time.monotonic() + UNKNOWN_SECONDS, UNKNOWN_KEYS_MAX)
        else:
            _keep(self._held, access_key_id, held, CACHED_SECRETS_MAX)
        return held

    def _read_now(self, access_key_id: str) -> ClaimedCredential | None:
        with self._connections() as connection, connection.cursor() as cursor:
            account_id = self._store.account_of_access_key(cursor, access_key_id)
            if account_id is None:
                return None
            secret_id = SecretId(SecretKind.ACCESS_KEY, access_key_id)
            found = self._store.get_with_owner(cursor, account_id, secret_id)
        if found is None:
            return None
        owner_id, secret = found
        return ClaimedCredential(VerifiedCredential(account_id, access_key_id, None), owner_id, secret)


def _keep(kept: OrderedDict[str, V], name: str, value: V, most: int) -> None:
    kept[name] = value
    kept.move_to_end(name)
    if len(kept) > most:
        kept.popitem(last=False)
