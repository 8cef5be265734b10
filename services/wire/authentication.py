"""From a signature to a credential: the secret is looked up, the signature proved."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

import psycopg

from domain.families.sessions import Session
from domain.foundation.identifiers import ACCESS_KEY_ID, account_of_access_key_id
from domain.foundation.secret import Secret, SecretId, SecretKind
from services.ledger.pending_call import LedgerUnavailable
from services.ledger.recorder import ConnectionSource
from services.secrets.session_credentials import SessionCredentials
from services.secrets.store import SecretStore
from services.wire.sigv4 import PresentedSignature, SignatureVerifier

CACHED_SECRETS_MAX = 50_000
CACHED_SIGNING_KEYS_MAX = 50_000
READ_SECONDS_MAX = 5
"""A database that was stopped answers nothing, not even that a statement takes too long."""


@dataclass(frozen=True, slots=True)
class VerifiedCredential:
    """Whoever sent the request holds the secret of this. Whether it is still good for anything, the round decides."""

    account_id: str
    access_key_id: str
    session: Session | None


class Authenticator:
    """One event loop's. The secrets of long-term keys are read from the sealed store once and then held in memory: a
    key that was deleted since is refused by the round, which sees the account as it is."""

    def __init__(self, connections: ConnectionSource, store: SecretStore, sessions: SessionCredentials) -> None:
        self._connections = connections
        self._store = store
        self._sessions = sessions
        self._signing_keys = SignatureVerifier(CACHED_SIGNING_KEYS_MAX)
        self._secrets: OrderedDict[str, tuple[str, Secret]] = OrderedDict()
        """With the account whose key it is, by access key id."""

    async def authenticate(self, presented: PresentedSignature, now: datetime, *, service: str) -> VerifiedCredential:
        """Raises SignatureDoesNotMatch, InvalidClientTokenId, and Unavailable when the secret cannot be read now."""
        access_key_id = presented.access_key_id
        if presented.session_token is not None:
            account_id = account_of_access_key_id(access_key_id)
            if account_id is None:
                self._signing_keys.refuse_unknown(presented, now, service=service)
            session, secret = self._sessions.open(presented.session_token, access_key_id=access_key_id, at=now)
            self._signing_keys.verify(presented, secret, now, service=service)
            return VerifiedCredential(account_id, access_key_id, session)
        held = self._secrets.get(access_key_id) or await self._read(access_key_id)
        if held is None:
            self._signing_keys.refuse_unknown(presented, now, service=service)
        account_id, secret = held
        self._signing_keys.verify(presented, secret, now, service=service)
        return VerifiedCredential(account_id, access_key_id, None)

    def account_of(self, access_key_id: str) -> str | None:
        """Whose key that is, as far as its id or an earlier request has told."""
        held = self._secrets.get(access_key_id)
        return account_of_access_key_id(access_key_id) if held is None else held[0]

    async def _read(self, access_key_id: str) -> tuple[str, Secret] | None:
        if not ACCESS_KEY_ID.fullmatch(access_key_id):
            return None
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                held = await asyncio.to_thread(self._read_now, access_key_id)
        except (psycopg.OperationalError, TimeoutError) as error:
            raise LedgerUnavailable(f"The secret cannot be read: {error!r}") from error
        if held is not None:
            self._secrets[access_key_id] = held
            if len(self._secrets) > CACHED_SECRETS_MAX:
                self._secrets.popitem(last=False)
        return held

    def _read_now(self, access_key_id: str) -> tuple[str, Secret] | None:
        with self._connections() as connection, connection.cursor() as cursor:
            account_id = self._store.account_of_access_key(cursor, access_key_id)
            if account_id is None:
                return None
            secret = self._store.get(cursor, account_id, SecretId(SecretKind.ACCESS_KEY, access_key_id))
            return None if secret is None else (account_id, secret)
