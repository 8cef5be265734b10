"""What the native API is asked, one class an operation: its path, its parameters, and how the tables answer it.

The server reads requests into these classes and the command line writes requests from them, so that both mean the same.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Generic, Literal, TypeVar

import psycopg
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator

from domain.account import Account
from domain.errors import NoSuchEntity, ValidationError
from domain.events import Change
from domain.identifiers import INSTALLATION
from domain.rules import sessions as rules
from projections.asof import AsOf
from projections.credentials import credentials
from projections.permissions import permissions
from projections.sessions import sessions
from projections.statements import statements
from projections.trail import Filters, Place, history
from services.api import answers
from services.api.markers import marker, place_in
from services.api.reach import Permissions, account_at, reach

SERVICE = "muniment"
"""As which requests are signed and actions named."""
SQL = statements("services.api", "session.sql")
ROWS_DEFAULT = 100
ROWS_MAX = 1_000

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def instant(given: object) -> object:
    """An RFC 3339 time with its offset. Raises ValidationError."""
    if not isinstance(given, str):
        return given
    at = AsOf.parse(given, _END_OF_TIME).at
    if at is None:
        raise ValidationError(f"A time is RFC 3339, such as 2025-01-31T12:00:00Z; got the position {given}.")
    return at


def moment(given: str) -> str:
    """The text itself when it names a moment. Raises ValidationError; whether the moment has come, the server says."""
    AsOf.parse(given, _END_OF_TIME)
    return given


Text = Annotated[str, StringConstraints(min_length=1, max_length=2_048, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Without control characters: what is asked is recorded, and PostgreSQL takes no U+0000."""
Time = Annotated[datetime, BeforeValidator(instant)]
Limit = Annotated[int, Field(ge=1, le=ROWS_MAX)]
A_co = TypeVar("A_co", bound=answers.Answer, covariant=True)


class Question(BaseModel, ABC, Generic[A_co]):
    """A class is named like its operation: the action that policies speak of is muniment:<its name>."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: ClassVar[Literal["GET", "POST"]] = "GET"
    path: ClassVar[str]
    """Each {name} in it is the parameter of that name. The others stand in the query, or in the JSON of a POST."""
    resource: ClassVar[str]
    """What follows the account in the ARN that policies speak of."""

    @property
    def moment(self) -> str | None:
        """The past that is asked for; None for now."""
        return None

    @property
    def also_reads(self) -> str | None:
        """Another ledger whose tables have to be up to date."""
        return None

    def changes(self, _account: Account) -> Sequence[Change]:
        """What it does to the account, decided in the round."""
        return ()

    @abstractmethod
    def answered(self, cursor: psycopg.Cursor, account_id: str, as_of: AsOf) -> A_co:
        """The answer as of a moment that the tables have reached. Raises NotYetProjected, and refusals."""

    @classmethod
    @abstractmethod
    def read(cls, body: bytes) -> A_co:
        """The answer that a server sent. Raises pydantic's ValidationError."""


class Reading(Question[A_co], ABC, Generic[A_co]):
    """A question that can be asked about the past."""

    as_of: Text | None = None

    @property
    def moment(self) -> str | None:
        return self.as_of


class Paged(Reading[A_co], ABC, Generic[A_co]):
    """A read whose answer comes in pages."""

    place_numbers: ClassVar[int] = 1
    """How many numbers say where a page begins."""

    limit: Limit = ROWS_DEFAULT
    marker: Text | None = None

    @field_validator("marker")
    @classmethod
    def _is_of_this_listing(cls, given: str | None) -> str | None:
        if given is not None:
            place_in(given, cls.__name__, cls.place_numbers)
        return given

    @property
    def place(self) -> tuple[int, ...] | None:
        return None if self.marker is None else place_in(self.marker, type(self).__name__, self.place_numbers)


class LookupHistory(Paged[answers.HistoryPage]):
    """The calls that fit all filters, in the order of the ledger, refused ones included."""

    path = "/v1/history"
    resource = "history"
    place_numbers = 3

    access_key_id: Text | None = None
    session_id: Text | None = None
    principal: Text | None = None
    source_address: Text | None = None
    operation: Text | None = None
    error_code: Text | None = None
    since: Time | None = None
    until: Time | None = None

    @property
    def also_reads(self) -> str | None:
        """Those who claim a key and cannot prove it stand in the installation's ledger."""
        return None if self.access_key_id is None else INSTALLATION

    def answered(self, cursor: psycopg.Cursor, account_id: str, as_of: AsOf) -> answers.HistoryPage:
        after, end = Place(), as_of.position or 0
        if self.place is not None:
            position, installation_position, end = self.place
            after = Place(position, installation_position)
            # Every page ends where the first did: the calls that turn the pages are calls too.
            as_of = as_of if self.as_of is not None else AsOf(as_of.now, position=end)
        filters = Filters(
            access_key_id=self.access_key_id,
            session_id=self.session_id,
            principal=self.principal,
            source_address=self.source_address,
            operation=self.operation,
            error_code=self.error_code,
            since=self.since,
            until=self.until,
        )
        found = history(cursor, account_id, filters, as_of, after=after, limit=self.limit)
        following = marker("LookupHistory", found.after.position, found.after.installation_position, end)
        return answers.HistoryPage(
            account_id=account_id,
            limit=self.limit,
            marker=None if found.complete else following,
            calls=tuple(answers.Call.model_validate(call) for call in found.calls),
        )

    @classmethod
    def read(cls, body: bytes) -> answers.HistoryPage:
        return answers.HistoryPage.model_validate_json(body)


class ListPermissions(Reading[Permissions]):
    """The policies of a user, group or role, through which group a user has them, and what can be done with them and
    with all that limits them."""

    path = "/v1/permissions/{principal}"
    resource = "permissions"

    principal: Text

    def answered(self, cursor: psycopg.Cursor, account_id: str, as_of: AsOf) -> Permissions:
        found = permissions(cursor, account_id, self.principal, as_of)
        return Permissions(
            account_id=account_id,
            kind=found.kind,
            entity_id=found.entity_id,
            name=found.name,
            arn=found.arn,
            position=found.moment.position,
            policies=found.policies,
            can=reach(account_at(cursor, account_id, found.moment), found.entity_id),
        )

    @classmethod
    def read(cls, body: bytes) -> Permissions:
        return Permissions.model_validate_json(body)


class ListSessions(Paged[answers.SessionsPage]):
    """The sessions that were issued, in that order, or those that are alive."""

    path = "/v1/sessions"
    resource = "sessions"

    active: bool = False

    def answered(self, cursor: psycopg.Cursor, account_id: str, as_of: AsOf) -> answers.SessionsPage:
        (after,) = self.place or (0,)
        size = self.limit
        found = sessions(cursor, account_id, as_of, active_only=self.active, after_position=after, limit=size)
        return answers.SessionsPage(
            account_id=account_id,
            limit=size,
            marker=marker("ListSessions", found[-1].position) if len(found) == size else None,
            sessions=tuple(answers.Session.model_validate(session) for session in found),
        )

    @classmethod
    def read(cls, body: bytes) -> answers.SessionsPage:
        return answers.SessionsPage.model_validate_json(body)


class ListCredentials(Paged[answers.CredentialsPage]):
    """The access keys that exist, the oldest first."""

    path = "/v1/credentials"
    resource = "credentials"

    def answered(self, cursor: psycopg.Cursor, account_id: str, as_of: AsOf) -> answers.CredentialsPage:
        (after,) = self.place or (0,)
        found = [key for key in credentials(cursor, account_id, as_of) if key.created.position > after]
        page = tuple(found[: self.limit])
        return answers.CredentialsPage(
            account_id=account_id,
            limit=self.limit,
            marker=marker("ListCredentials", page[-1].created.position) if len(found) > len(page) else None,
            credentials=page,
        )

    @classmethod
    def read(cls, body: bytes) -> answers.CredentialsPage:
        return answers.CredentialsPage.model_validate_json(body)


class ExplainDecision(Question[answers.ExplainedCall]):
    """Why a call was allowed or denied: its decisions, made again from the ledger, statement by statement."""

    path = "/v1/decisions/{request_id}"
    resource = "decision/{request_id}"

    request_id: Text

    def answered(self, cursor: psycopg.Cursor, account_id: str, _as_of: AsOf) -> answers.ExplainedCall:
        # The ledger is read here and not only tables, with what the command line need not import to ask.
        from services.api.explaining import explained  # noqa: PLC0415

        return explained(cursor, account_id, self.request_id)

    @classmethod
    def read(cls, body: bytes) -> answers.ExplainedCall:
        return answers.ExplainedCall.model_validate_json(body)


class RevokeSession(Question[answers.RevokedSession]):
    """Ends one session. Asked again it changes nothing."""

    method = "POST"
    path = "/v1/sessions/{session_id}/revoke"
    resource = "session/{session_id}"

    session_id: Annotated[str, StringConstraints(pattern=rf"^{rules.SESSION}[A-Z2-7]{{17}}$")]

    def changes(self, account: Account) -> Sequence[Change]:
        """The account keeps no list of live sessions, so any id that can be one is revoked: a session that was issued
        a moment ago, and that no table knows yet, must not slip through."""
        revoked = self.session_id in account.revoked_sessions
        return () if revoked else (rules.revoke_session(session_id=self.session_id),)

    def answered(self, cursor: psycopg.Cursor, account_id: str, _as_of: AsOf) -> answers.RevokedSession:
        parameters = {"account_id": account_id, "session_id": self.session_id}
        row = cursor.execute(SQL["revoked"], parameters).fetchone()
        if row is None:
            raise NoSuchEntity(
                f"Account {account_id} has issued no session {self.session_id}. The revocation stands nevertheless."
            )
        return answers.RevokedSession(
            account_id=account_id,
            session_id=self.session_id,
            principal_arn=row[0],
            revoked_position=row[1],
            revoked_at=row[2],
        )

    @classmethod
    def read(cls, body: bytes) -> answers.RevokedSession:
        return answers.RevokedSession.model_validate_json(body)
