"""The access history: which calls were made, by whom, from where, and how they were answered."""

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, computed_field, model_validator

from domain.calls import DecisionRecord
from domain.foundation.errors import ValidationError
from domain.foundation.moments import format_rfc3339
from services.api.contract.answer import Answer, Page
from services.api.contract.question import PagedHistoricalQuestion, ResourceText, Text, Time


def _address(given: str) -> str:
    """The text itself when it is one: the ledger has it as the socket or the proxy wrote it. Raises ValidationError."""
    try:
        ipaddress.ip_address(given)
    except ValueError:
        raise ValidationError(f"An address is like 192.0.2.7 or 2001:db8::7; got {given!r}.") from None
    return given


class HistoryCall(Answer):
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
    """One with a marker may have fewer calls than the limit, or none: there the search stopped for this page."""

    calls: tuple[HistoryCall, ...]


class LookupHistory(PagedHistoricalQuestion[HistoryPage]):
    """The calls that fit all filters, in the order of the ledger, refused ones included."""

    path = "/v1/history"
    resource = "history"
    place_numbers = 3

    access_key_id: Text | None = None
    session_id: Text | None = None
    principal: Text | None = None
    source_address: Annotated[Text, AfterValidator(_address)] | None = None
    user_agent: Text | None = None
    operation: Text | None = None
    on: ResourceText | None = None
    """The ARN of a resource that an authorisation decision of the call was about."""
    error_code: Text | None = None
    since: Time | None = None
    until: Time | None = None

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValidationError(
                f"The span ends before it begins: from {format_rfc3339(self.since)} to {format_rfc3339(self.until)}."
            )
        return self
