"""Sessions, by what people and tables call them, and keys: whose they are."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg

from domain.foundation.identifiers import SESSION, SESSION_KEY
from projections.engine.sql_files import load_statements
from projections.queries.entity_names import own_resource
from projections.queries.readable import require_readable

SQL = load_statements("projections.queries", "lineage.sql")
SESSIONS_NAMED_MAX = 5
"""So many sessions of one name are told, the newest ones."""
EVER = 2**63 - 1
_NAMED = re.compile(r"(?:assumed-role|role)/(?P<role>[^/]+)/(?P<session>[^/]+)", re.IGNORECASE)
_USER_ID = re.compile(r"(?P<role>AROA[A-Za-z0-9]+):(?P<session>[^/:]+)")
_FEDERATED = re.compile(r"(?:federated-user/|(?P<account>[0-9]{12}):)(?P<federated>[^/:]+)")
"""As GetCallerIdentity and CloudTrail have them."""


class CalledSession(NamedTuple):
    session_id: str
    access_key_id: str
    at: datetime
    resource: str
    """As its ARN ends: assumed-role/deploy/build, as the role was called when it began, or federated-user/ann."""

    def __str__(self) -> str:
        return f"{self.access_key_id} of {self.at.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"


def sessions_called(
    cursor: psycopg.Cursor, account_id: str, named: str, position: int = EVER, limit: int = SESSIONS_NAMED_MAX + 1
) -> list[CalledSession]:
    """By `role/deploy/build`, `assumed-role/deploy/build`, the ARN, `AROA…:build`, session id or key id, or of
    federated users by `federated-user/ann`, the ARN or `123456789012:ann`; up to a position, the newest ones first.
    Other sessions have no name of their own."""
    resource = own_resource(account_id, named)
    parts = _NAMED.fullmatch(resource) or _USER_ID.fullmatch(resource)
    federated = federated_user(account_id, named)
    is_id = named.startswith((SESSION, SESSION_KEY))
    if parts is None and federated is None and not is_id:
        return []
    require_readable(cursor, "lineage", "permissions")
    name = {"role": None, "session": None, **(parts.groupdict() if parts else {}), "federated": federated}
    sought = {**name, "account_id": account_id, "position": position, "limit": limit, "id": named if is_id else None}
    return [CalledSession(*row) for row in cursor.execute(SQL["sessions_called"], sought).fetchall()]


def federated_user(account_id: str, named: str) -> str | None:
    """The name that the account's federated user was given; None where it is no name of one."""
    parts = _FEDERATED.fullmatch(own_resource(account_id, named))
    return parts["federated"] if parts is not None and parts["account"] in {None, account_id} else None


def several_sessions(named: str, found: Sequence[object]) -> str:
    """That a name is that of several, for people."""
    told = " or ".join(map(str, found[:SESSIONS_NAMED_MAX]))
    others = ", or an earlier one" if len(found) > SESSIONS_NAMED_MAX else ""
    return f"{named} is the name of several sessions. It may be {told}{others}: give the key id of the one you mean."


def credential_meant(cursor: psycopg.Cursor, account_id: str, named: str) -> str:
    """A sentence, where the name is a key's or a session's, which itself has no policies."""
    require_readable(cursor, "lineage")
    found = sessions_called(cursor, account_id, named, limit=1)
    credential = found[0].session_id if found else named
    row = cursor.execute(SQL["owner_of"], {"account_id": account_id, "credential": credential}).fetchone()
    if row is None:
        return ""
    kind, owner = row
    return f"It is {'an access key' if kind == 'access_key' else 'a session'} of {owner}: ask for that."
