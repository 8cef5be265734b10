"""Exemptions: who is exempted from the lifecycle profile's rules or from controls, why and until when."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from domain.foundation.credential_kind import KIND_NAMES, CredentialKind
from domain.foundation.errors import ValidationError
from domain.foundation.identifiers import canonical_id
from domain.foundation.moments import Moment, NamedMoment
from domain.read_models.compliance import ReportedExemption
from domain.rules.exemptions import REASON_CHARACTERS_MAX
from services.api.contract.compliance import PeriodQuestion
from services.api.contract.question import Answer, NameText, Question, Text

CONTROLS_MAX = 50
ControlText = Annotated[str, StringConstraints(max_length=129, pattern=r"^[^/]+/.+$")]


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


class ExemptionList(Answer):
    account_id: str
    since: Moment
    """Equal to `until` where one moment is looked at."""
    clipped_to: Moment | None
    until: Moment
    exemptions: tuple[ReportedExemption, ...]
    """In the order of their ends."""


class ListExemptions(PeriodQuestion[ExemptionList]):
    """What was exempt at a moment, or at any time of a period."""

    path = "/v1/exemptions"
    resource = "exemptions"


class ShownExemption(Answer):
    exemption_id: str
    owner_id: str
    """The unique id of the user, group or role; the account's id for root and the account; the id of a server
    certificate, the ARN of a policy or provider."""
    owner_name: str
    kinds: tuple[CredentialKind, ...]
    """Of the owner's credentials; none: all, where there are no controls."""
    controls: tuple[str, ...]
    """FRAMEWORK/CONTROL."""
    reason: str
    until: datetime
    granted_at: datetime


class ExemptionEffect(Answer):
    account_id: str
    exemption: ShownExemption
    position: int
    """From which it holds, or holds no more."""


class GrantExemption(Question[ExemptionEffect]):
    """Exempts credentials of an owner from the rules of the lifecycle profile, or whoever it is from controls, until
    then. It ends by itself. That a credential expires is told all the same; that a control is violated is, too, and
    reports count it apart."""

    method = "POST"
    path = "/v1/exemptions"
    resource = "exemptions"
    read_only = False

    who: NameText
    """A user or role, root, a server certificate or SAML provider, by name, ARN or id; from controls also a group, a
    policy or another provider. The account's id is root's."""
    until: Annotated[Text, AfterValidator(is_time)]
    """A date or an RFC 3339 time."""
    reason: Annotated[Text, StringConstraints(max_length=REASON_CHARACTERS_MAX)]
    kinds: Annotated[tuple[CredentialKind, ...], Field(max_length=len(KIND_NAMES))] = ()
    controls: Annotated[tuple[ControlText, ...], Field(max_length=CONTROLS_MAX)] = ()
    """FRAMEWORK/CONTROL, such as cis-5.0/1.13: from these alone."""


class RevokeExemption(Question[ExemptionEffect]):
    """Ends an exemption before its time."""

    method = "POST"
    path = "/v1/exemptions/{exemption_id}/revoke"
    resource = "exemption/{exemption_id}"
    read_only = False

    exemption_id: Annotated[Text, AfterValidator(canonical_id)]
