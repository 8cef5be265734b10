"""The access history: which calls were made, by whom, from where, and how they were answered."""

import ipaddress
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from domain.foundation.errors import ValidationError
from domain.foundation.moments import format_rfc3339
from domain.read_models.history import HistoryCall
from services.api.contract.question import Page, PagedHistoricalQuestion, ResourceText, Text, Time


def _address(given: str) -> str:
    """The text itself when it is one: the ledger has it as the socket or the proxy wrote it. Raises ValidationError."""
    try:
        ipaddress.ip_address(given)
    except ValueError:
        raise ValidationError(f"An address is like 192.0.2.7 or 2001:db8::7; got {given!r}.") from None
    return given


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
