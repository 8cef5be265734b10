"""Lifecycle profiles: which rules the account's credentials live by, others in their place, and what those would do."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from domain.families.lifecycle_profiles import DAYS_MAX, LifecycleProfile
from domain.families.notices import Protection
from domain.foundation.credential_kind import CredentialKind
from domain.foundation.errors import ValidationError
from domain.foundation.nearest import nearest
from domain.queries.lifecycle_forecast import ForecastChange
from domain.rules.lifecycle_profiles import BUILT_IN_PROFILES, PROFILE_CHARACTERS_MAX, read_profile
from services.api.contract.question import Answer, HistoricalQuestion, Page, PagedHistoricalQuestion, Question, Text

BUILT_IN = "built-in"


def profile_of(given: str) -> LifecycleProfile:
    """From its JSON, or a built-in one by its name. Raises ValidationError and LimitExceeded."""
    if given in BUILT_IN_PROFILES:
        return BUILT_IN_PROFILES[given]
    if given.lstrip().startswith("{"):
        return read_profile(given)
    raise ValidationError(
        f"Expected a profile as JSON, or the name of a built-in one, {', '.join(BUILT_IN_PROFILES)}; got "
        f"{given[:64]!r}.{nearest(given[:64], BUILT_IN_PROFILES)}"
    )


def _is_profile(given: str) -> str:
    profile_of(given)
    return given


ProfileText = Annotated[
    str, StringConstraints(min_length=1, max_length=PROFILE_CHARACTERS_MAX), AfterValidator(_is_profile)
]
"""A profile as JSON, or the name of a built-in one."""


class ShownProfile(Answer):
    account_id: str
    profile: LifecycleProfile
    source: str
    """The account's id where it is its own, the id of the organizational unit, root or account in the organization that
    it is of, or `built-in`."""
    in_force: bool
    """Whether the account's credentials lived by it at the moment."""


class ShowLifecycleProfile(HistoricalQuestion[ShownProfile]):
    """The profile in force, or another one by its name: a built-in one, or one that the account has had, NAME its
    newest version or NAME@VERSION."""

    path = "/v1/lifecycle-profile"
    resource = "lifecycle-profile"

    name: Annotated[Text, StringConstraints(max_length=80)] | None = None


class ProfileEffect(Answer):
    """Of a change, or of none where it was so already."""

    account_id: str
    in_force: LifecycleProfile
    """From here on."""
    source: str
    position: int | None
    """From which it holds; null where nothing has changed."""


class SetLifecycleProfile(Question[ProfileEffect]):
    """Makes it the account's own: a built-in one, or any other, which is given the version behind the newest of its
    name unless it says the same."""

    method = "POST"
    path = "/v1/lifecycle-profile/set"
    resource = "lifecycle-profile"
    read_only = False

    profile: ProfileText


class RemoveLifecycleProfile(Question[ProfileEffect]):
    """Takes the account's own away: that of the nearest level of the organization holds, or the built-in default."""

    method = "POST"
    path = "/v1/lifecycle-profile/remove"
    resource = "lifecycle-profile"
    read_only = False


class ForecastByProfile(Answer):
    """What would be recorded of a credential by one profile."""

    at: datetime
    """When: at once where it has been due for a while."""
    due_at: datetime
    rule: str
    days: int
    override: str | None
    protects: Protection | None
    """Why an action would be withheld."""


class ForecastCredential(Answer):
    """A notice, by the proposed profile and by the one in force; null where there would be none by it."""

    kind: CredentialKind
    credential_id: str
    owner_id: str
    owner_name: str
    what: str
    """Of the notice: rotation_warned, rotation_due, rotation_overdue, rotation_overlap_exceeded, idle, expiry_warned,
    expired, deactivated, deleted, withheld."""
    change: ForecastChange
    proposed: ForecastByProfile | None
    in_force: ForecastByProfile | None


class LifecycleForecast(Page):
    at: datetime
    until: datetime
    proposed: str
    """Name and version that the profile would have."""
    in_force: str
    rows: tuple[ForecastCredential, ...]


class ForecastLifecycle(PagedHistoricalQuestion[LifecycleForecast]):
    """What would become of the account's credentials by another profile, beside what becomes of them by the one in
    force, if nobody does anything and nobody uses them until then. Nothing is changed."""

    method = "POST"
    path = "/v1/lifecycle-profile/forecast"
    resource = "lifecycle-profile"
    place_numbers = 2

    profile: ProfileText
    days: Annotated[int, Field(ge=0, le=DAYS_MAX)] = 90
    unchanged: bool = False
    """Whether what is the same by both is told too."""
