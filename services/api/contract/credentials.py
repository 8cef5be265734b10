"""Credentials of every kind: whose, how old, last used when, and where each stands in its life."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from domain.foundation.credential_kind import KIND_NAMES
from domain.foundation.errors import ValidationError
from domain.foundation.moments import NamedMoment
from domain.foundation.nearest import nearest
from domain.read_models.credentials import Credential
from services.api.contract.question import NameText, Page, PagedHistoricalQuestion, Text

SPAN_MAX = timedelta(days=3_650)


def _kinds(given: str) -> str:
    """Raises ValidationError, which names the nearest kind."""
    for kind in given.split(","):
        if kind not in KIND_NAMES:
            raise ValidationError(
                f"There is no kind of credential {kind}.{nearest(kind, KIND_NAMES)} There are {', '.join(KIND_NAMES)}."
            )
    return given


def span_of(given: str) -> timedelta:
    """Raises ValidationError."""
    try:
        span = NamedMoment.parse(given).age
    except (ValidationError, OverflowError):
        span = None
    if span is None or span > SPAN_MAX:
        raise ValidationError(
            f"Expected a span such as 12h, 14d or 2w, of at most {SPAN_MAX.days} days; got {given!r}."
        )
    return span


def _is_span(given: str) -> str:
    span_of(given)
    return given


KindsText = Annotated[Text, AfterValidator(_kinds)]
"""Kinds of credentials, with commas between them."""
SpanText = Annotated[Text, AfterValidator(_is_span)]
"""A length of time: 12h, 14d, 2w."""


class CredentialsPage(Page):
    """One with a marker may have fewer than the limit, or none."""

    at: datetime
    """As of which this is so."""
    credentials: tuple[Credential, ...]


class ListCredentials(PagedHistoricalQuestion[CredentialsPage]):
    """The credentials that exist and fit all filters, the oldest first: access keys, passwords, MFA devices and others
    of users and root, certificates of servers and providers, and users and roles, of which it counts how long nobody
    has used them. What has become of each with time is said as of the moment itself, whether or not the scheduler has
    come by."""

    path = "/v1/credentials"
    resource = "credentials"
    place_numbers = 2

    kind: KindsText | None = None
    user: NameText | None = None
    """Whose: a user or role, root, a server certificate or SAML provider, by name, ARN or id."""
    due_within: SpanText | None = None
    """Only what has to be replaced, ends, or is deactivated or deleted by its profile within this time or should have
    been."""
    overdue: bool = False
    """Only what should have been replaced, has been and is active still, or has expired."""
    idle: bool = False
    """Only what nobody has used for as long as the profile allows."""
