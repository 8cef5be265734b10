"""Temporary credentials: a session and its secret, sealed into the session token and read from it again."""

from collections import OrderedDict
from datetime import datetime

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from domain.callers import INVALID_TOKEN
from domain.families.sessions import SessionClaims
from domain.foundation.errors import InvalidClientTokenId
from domain.foundation.secret import Secret
from services.secrets.session_tokens import SessionTokens

OPENED_TOKENS_MAX = 10_000


class SessionCredentials:
    """Seals and opens. Tokens that were opened are remembered, because a client sends the same one with every call.

    `seal` may be called by any thread, `open` by one."""

    def __init__(self, tokens: SessionTokens) -> None:
        self._tokens = tokens
        self._master_keys = tokens.master_keys.latest()
        self._opened: OrderedDict[tuple[str, str], tuple[SessionClaims, Secret]] = OrderedDict()

    def seal(self, session: SessionClaims, secret: Secret, characters_min: int = 0) -> str:
        claims = to_json({"secret": secret.reveal(), "session": session.model_dump(mode="json", exclude_defaults=True)})
        return self._tokens.seal(
            claims,
            account_id=session.principal.account_id,
            access_key_id=session.access_key_id,
            at=session.issued_at,
            characters_min=characters_min,
        )

    def open(self, token: str, *, access_key_id: str, at: datetime) -> tuple[SessionClaims, Secret]:
        """Raises InvalidClientTokenId for anything but a token of ours that belongs to this access key id.

        Whether the session is over is decided in the round, on the account's value.
        """
        master_keys = self._tokens.master_keys.latest()
        if master_keys is not self._master_keys:
            # What one of the former keys has opened, it may not open any more.
            self._opened.clear()
            self._master_keys = master_keys
        known = self._opened.get((token, access_key_id))
        if known is not None:
            self._opened.move_to_end((token, access_key_id))
            return known
        try:
            claims = from_json(self._tokens.open(token, access_key_id=access_key_id, at=at))
            opened = SessionClaims.model_validate(claims["session"]), Secret(claims["secret"])
        except (ValidationError, ValueError, LookupError, TypeError):
            raise InvalidClientTokenId(INVALID_TOKEN) from None
        self._opened[token, access_key_id] = opened
        if len(self._opened) > OPENED_TOKENS_MAX:
            self._opened.popitem(last=False)
        return opened
