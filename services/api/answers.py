"""What the native API answers: the shapes of its JSON. Times are RFC 3339 in UTC, ages whole days."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, computed_field

from domain.calls import DecisionRecord
from projections.credentials import Credential, Password


class Answer(BaseModel):
    """Read leniently: a client of this version understands what a later server adds."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page(Answer):
    account_id: str
    limit: int
    """At most so many rows are on this page."""
    marker: str | None
    """Asks for the next page, which may turn out empty; null on the last."""


class Call(Answer):
    """A call as the ledger has it; where nobody was authenticated, `requests` such calls at once, and what they
    claimed."""

    account_id: str
    """Whose ledger it stands in."""
    position: int
    at: datetime
    event_id: str
    request_id: str
    shared_id: str
    service: str
    operation: str
    read_only: bool | None
    principal_type: str | None
    principal_id: str | None
    principal_arn: str | None
    user_name: str | None
    issuer_arn: str | None
    operator: str | None
    """user@host, for what a person did at the server's own machine."""
    access_key_id: str | None
    session_id: str | None
    peer_address: str | None
    forwarded_address: str | None
    user_agent: str | None
    region: str | None
    tls: bool
    error_code: str | None
    error_message: str | None
    concerns_account_id: str | None
    requests: int
    parameters: Mapping[str, object]
    decisions: tuple[DecisionRecord, ...]

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way; mypy does not know it
    @property
    def source_address(self) -> str | None:
        """The client's, as a trusted proxy reported it, or else the peer's."""
        return self.forwarded_address or self.peer_address


class HistoryPage(Page):
    calls: tuple[Call, ...]


class Session(Answer):
    position: int
    """At which it was issued."""
    session_id: str
    access_key_id: str
    principal_type: str
    principal_arn: str
    entity_id: str
    entity_arn: str
    minted_by_arn: str
    """Who asked for it, perhaps from another account."""
    minted_by_access_key_id: str
    minted_by_session_id: str | None
    issued_at: datetime
    expires_at: datetime
    source_address: str | None
    user_agent: str | None
    revoked_position: int | None
    revoked_at: datetime | None
    revoked_by: str | None
    orphaned_at: datetime | None
    """When its role or user was deleted before the session's time was over."""
    active: bool

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way; mypy does not know it
    @property
    def session_name(self) -> str | None:
        """As the caller of AssumeRole chose it."""
        return self.principal_arn.rsplit("/", 1)[-1] if self.principal_type == "AssumedRole" else None


class SessionsPage(Page):
    sessions: tuple[Session, ...]


class CredentialsPage(Page):
    credentials: tuple[Credential | Password, ...]


class RevokedSession(Answer):
    account_id: str
    session_id: str
    principal_arn: str
    revoked_position: int
    """From here on no decision honours the session."""
    revoked_at: datetime


class Mismatch(Answer):
    element: str
    """Principal, NotPrincipal, Resource, NotResource, or a condition such as `StringEquals aws:username`."""
    had: tuple[str, ...]
    """What the call had there: nothing where it does not have the condition key."""
    wanted: tuple[str, ...]


class ExplainedStatement(Answer):
    """A statement about the action. Another account's is named by policy, digest and index: Sid and mismatch, which
    would tell its text, are null."""

    layer: str
    level: str | None
    """Of an organisation: the root, unit or account that the policy is attached to."""
    account_id: str
    """Whose policy it is."""
    source_type: str
    source_id: str
    version_id: str | None
    sha256: str
    """Of the document's text."""
    index: int
    sid: str | None
    effect: str
    applies: bool
    mismatch: Mismatch | None
    """The first element that does not match."""


class ExplainedDecision(Answer):
    action: str
    resource: str
    recorded_result: str
    recorded_layer: str
    recorded_evaluator: int
    result: str
    """As the decision comes out when it is made again from the ledger."""
    layer: str
    evaluator: int
    agrees: bool
    """Whether it came out as it was recorded, by the same statements. If not, and the evaluators are the same, the
    ledger is no longer what it was."""
    verdict: str
    """One line, in AWS's words."""
    positions: Mapping[str, int]
    """Of the last change that was folded into each account that was read."""
    context: Mapping[str, tuple[str, ...]]
    """Of the condition keys that the account's policies asked for, those that the call had."""
    missing_keys: tuple[str, ...]
    """And those that it did not have."""
    statements: tuple[ExplainedStatement, ...]


class ExplainedCall(Answer):
    account_id: str
    request_id: str
    position: int
    at: datetime
    principal_arn: str | None
    service: str
    operation: str
    error_code: str | None
    error_message: str | None
    decisions: tuple[ExplainedDecision, ...]
    """Of policies, in the order in which they were made; none where no policy was asked."""
