"""Exemptions: whose credentials are exempted from the lifecycle profile's rules, why and until when."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from domain.foundation.credential_kind import KIND_NAMES, CredentialKind
from domain.foundation.errors import ValidationError
from domain.foundation.identifiers import canonical_id
from domain.foundation.moments import NamedMoment
from domain.rules.exemptions import REASON_CHARACTERS_MAX
from services.api.contract.question import Answer, HistoricalQuestion, NameText, Question, Text


def time_of(given: str) -> datetime:
    """Raises ValidationError for what is no time."""
    at = NamedMoment.parse(given).at
    if at is None:
        raise ValidationError(
            f"Expected a date or an RFC 3339 time such as 2027-01-31T12:00:00Z, UTC if it has no offset; got {given!r}."
        )
    return at


def is_time(given: str) -> str:
    time_of(given)
    return given


class ShownExemption(Answer):
    exemption_id: str
    owner_id: str
    """The unique id of the user or role; the account's id for root; the id of a server certificate, the ARN of a SAML
    provider."""
    owner_name: str
    kinds: tuple[CredentialKind, ...]
    """Of the owner's credentials; none: all."""
    reason: str
    until: datetime
    granted_at: datetime


class ExemptionList(Answer):
    account_id: str
    exemptions: tuple[ShownExemption, ...]
    """Those that had not ended, in the order of their ends."""


class ListExemptions(HistoricalQuestion[ExemptionList]):
    """What is exempt."""

    path = "/v1/exemptions"
    resource = "exemptions"


class ExemptionEffect(Answer):
    account_id: str
    exemption: ShownExemption
    position: int
    """From which it holds, or holds no more."""


class GrantExemption(Question[ExemptionEffect]):
    """Exempts credentials of an owner from the rules of the lifecycle profile until then. It ends by itself. That a
    credential expires is told all the same."""

    method = "POST"
    path = "/v1/exemptions"
    resource = "exemptions"
    read_only = False

    who: NameText
    """A user or role, root, a server certificate or SAML provider, by name, ARN or id."""
    until: Annotated[Text, AfterValidator(is_time)]
    """A date or an RFC 3339 time."""
    reason: Annotated[Text, StringConstraints(max_length=REASON_CHARACTERS_MAX)]
    kinds: Annotated[tuple[CredentialKind, ...], Field(max_length=len(KIND_NAMES))] = ()


class RevokeExemption(Question[ExemptionEffect]):
    """Ends an exemption before its time."""

    method = "POST"
    path = "/v1/exemptions/{exemption_id}/revoke"
    resource = "exemption/{exemption_id}"
    read_only = False

    exemption_id: Annotated[Text, AfterValidator(canonical_id)]
