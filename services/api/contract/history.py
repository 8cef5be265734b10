"""The access history: which calls were made, by whom, from where, and how they were answered."""

import ipaddress
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from domain.foundation.errors import ValidationError
from domain.foundation.moments import AsOf, Moment, format_rfc3339
from domain.read_models.history import HistoryCall
from services.api.contract.question import MomentText, NameText, Page, PagedHistoricalQuestion, Text, with_pattern


def _network(given: str) -> str:
    """The text itself when it is an address or a network. Raises ValidationError."""
    try:
        ipaddress.ip_network(given, strict=False)
    except ValueError:
        raise ValidationError(
            f"An address is like 192.0.2.7 or 2001:db8::7, a network like 192.0.2.0/24; got {given!r}."
        ) from None
    return given


class HistoryPage(Page):
    """One with a marker may have fewer calls than the limit, or none: there the search stopped for this page."""

    position: int
    """As of which this is so: without `as_of` that of the call that asked for the first page, which is among these."""
    clipped_to: Moment | None
    """Where the account began, if the span was to begin before: it begins there."""
    calls: tuple[HistoryCall, ...]


HistoryResourceText = Annotated[
    NameText,
    with_pattern(
        r"\*|arn:[^:]+:[^:]+:[^:]*:[^:]*:.+|(AROA[A-Z0-9]+:|[0-9]{12}:|https?://)?(?!arn:)[A-Za-z0-9_+=,.@/*-]+",
        "A resource is an ARN, such as arn:aws:iam::123456789012:user/alice, or *, or an entity of the account, such "
        "as user/alice or alice, or the URL of a provider",
    ),
]


class LookupHistory(PagedHistoricalQuestion[HistoryPage]):
    """The calls that fit all filters, in the order of the ledger, refused ones included. What entities are called, they
    are found by too that were called so once. A value that never was is an error, which names the nearest that was;
    but that nobody ever called from an address, or by a user agent, is an answer."""

    path = "/v1/history"
    resource = "history"
    place_numbers = 3

    access_key_id: NameText | None = None
    session_id: NameText | None = None
    principal: NameText | None = None
    """A user or role by name, kind and name (role/deploy), ARN or unique id; root; a session, also of a federated
    user, by ARN or principal id; a key or session id; `operator user@host`."""
    source_address: Annotated[Text, AfterValidator(_network)] | None = None
    """Or a network, such as 192.0.2.0/24."""
    source_identity: Text | None = None
    """Of the session that called, or that AssumeRole asked for, in any case."""
    user_agent: Text | None = None
    """A part of it, in any case."""
    operation: Text | None = None
    """Such as CreateUser or iam:CreateUser, in any case; or an action that is no operation, such as iam:PassRole: the
    calls that asked for it."""
    on: HistoryResourceText | None = None
    """What the call was authorised on, named, changed or created: an entity, credential or device by name, kind and
    name (user/ada), ARN or id; an OIDC provider by its URL; any other ARN."""
    error_code: Text | None = None
    """Of what is answered 500 or 503, or Throttling, not every call is recorded."""
    since: MomentText | None = None
    until: MomentText | None = None
    newest_first: bool = False
    """Whether it begins with the newest."""

    def existing_at(self, now: datetime) -> AsOf | None:
        return super().existing_at(now) if self.until is None else self.until.as_of_end(now)

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        since, until = (None if each is None else each.at for each in (self.since, self.until))
        if since is not None and until is not None and since > until:
            raise ValidationError(
                f"The span ends before it begins: from {format_rfc3339(since)} to {format_rfc3339(until)}."
            )
        return self
