"""Calls of the access history."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import computed_field

from domain.calls import DecisionRecord
from domain.read_models.read_model import ReadModel


class HistoryCall(ReadModel):
    """A call as the ledger has it; or `requests` calls at once, refused alike, that were counted. Where nobody was
    authenticated, what they claimed."""

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
    counted_from: datetime | None
    """When the first of calls was refused that were counted, and not recorded one by one."""
    counted_to: datetime | None
    """And the last."""
    parameters: Mapping[str, object]
    decisions: tuple[DecisionRecord, ...]
    resources: tuple[str, ...]
    """What the call was about, refused or not: entities of the account by kind and name, such as user/ada, all else by
    ARN or id. First what was authorised, then what its parameters name, then what it changed or created."""

    source_identity: str | None = None
    """Of the session that called, or that AssumeRole asked for."""
    root_assumed_by: str | None = None
    """Of a session of root that AssumeRoot gave, the ARN of who got it."""

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way; mypy does not know it
    @property
    def source_address(self) -> str | None:
        """The client's, as a trusted proxy reported it, or else the peer's."""
        return self.forwarded_address or self.peer_address
