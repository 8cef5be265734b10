"""The access history: which calls were made, by whom, from where, and how they were answered."""

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, computed_field, model_validator

from domain.calls import DecisionRecord
from domain.foundation.errors import ValidationError
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf, format_rfc3339
from projections.queries.history import HistoryFilters, HistoryPosition, search_history
from services.api.answer_context import AnswerContext
from services.api.answers import Answer, Page
from services.api.page_markers import make_marker
from services.api.question import PagedHistoricalQuestion, ResourceText, Text, Time


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

    @property
    def also_reads(self) -> str | None:
        """Those who claim a key and cannot prove it stand in the installation's ledger."""
        return None if self.access_key_id is None else INSTALLATION

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> HistoryPage:
        if self.since is not None:
            AsOf.time(self.since, as_of.now)
        after, end = HistoryPosition(), as_of.position or 0
        if self.place is not None:
            position, installation_position, end = self.place
            after = HistoryPosition(position, installation_position)
            # Every page ends where the first did: the calls that turn the pages are calls too.
            as_of = as_of if self.as_of is not None else AsOf(as_of.now, position=end)
        filters = HistoryFilters(
            access_key_id=self.access_key_id,
            session_id=self.session_id,
            principal=self.principal,
            source_address=self.source_address,
            user_agent=self.user_agent,
            operation=self.operation,
            resource=self.on,
            error_code=self.error_code,
            since=self.since,
            until=self.until,
        )
        found = search_history(reader.cursor, account_id, filters, as_of, after=after, limit=self.limit)
        following = make_marker("LookupHistory", found.after.position, found.after.installation_position, end)
        return HistoryPage(
            account_id=account_id,
            limit=self.limit,
            marker=None if found.complete else following,
            calls=tuple(HistoryCall.model_validate(call) for call in found.calls),
        )

    @classmethod
    def read(cls, body: bytes) -> HistoryPage:
        return HistoryPage.model_validate_json(body)
