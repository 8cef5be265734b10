"""Rotations of access keys, step by step, and which keys there are to be rotated."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from domain.foundation.errors import ValidationError
from services.api.contract.question import (
    CREDENTIAL_RESOURCE,
    Answer,
    HistoricalQuestion,
    NameText,
    Question,
    Text,
    with_pattern,
)

OBSERVE_DAYS_DEFAULT, OBSERVE_DAYS_MAX = 7, 365
KeyRotationStage = Literal["started", "handed over", "observing", "finished", "stopped"]
KeyIdText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{16,128}$")]


class KeyRotationDetails(Answer):
    user_id: str
    user_name: str
    old_access_key_id: str
    new_access_key_id: str
    stage: KeyRotationStage
    """`started`: the new key is made. `handed over`: somebody has its secret. `observing`: the old key is inactive."""
    started_at: datetime
    observe_days: int
    """So long the old key stays inactive before it is deleted."""
    new_key_used: bool
    """Whether the new key has ever signed a call."""
    waits_for: str
    """What the next step needs, in words; of a rotation that has ended, why."""
    waits_until: datetime | None
    """When that is over, where time alone decides."""


class KeyRotationStep(Answer):
    account_id: str
    rotation: KeyRotationDetails
    done: tuple[str, ...]
    """What this call has changed, in words."""


class StartedKeyRotation(KeyRotationStep):
    secret_access_key: str | None
    """Of the key that this call has made, and no other call ever tells; null where it has made none."""


class StartKeyRotation(Question[StartedKeyRotation]):
    """Makes the second key of a user, which is to replace the first. Where a rotation is under way it tells how far
    that is. Needs `iam:CreateAccessKey`, `iam:UpdateAccessKey` and `iam:DeleteAccessKey` on the user besides."""

    method = "POST"
    path = "/v1/key-rotations/start"
    resource = CREDENTIAL_RESOURCE
    read_only = False

    credential: NameText
    """The user, by name, unique id or ARN, or the key that is to be replaced."""
    old_access_key_id: KeyIdText | None = None
    """Of a user with two keys the one that is to be replaced by the other: no key is made then."""
    replaces: KeyIdText | None = None
    """The new key of a rotation that was started, if its secret was lost before anybody got it: it is deleted, and
    another one made."""
    observe_days: Annotated[int, Field(ge=0, le=OBSERVE_DAYS_MAX)] = OBSERVE_DAYS_DEFAULT


class RecordKeyHandover(Question[KeyRotationStep]):
    """Tells that whoever uses the key has the new secret. From here on the first use of the new key is waited for."""

    method = "POST"
    path = "/v1/key-rotations/handover"
    resource = CREDENTIAL_RESOURCE
    read_only = False

    credential: NameText
    """The user."""
    new_access_key_id: KeyIdText
    to: Literal["file", "profile", "command"]


class AdvanceKeyRotation(Question[KeyRotationStep]):
    """Takes the next step, if it may be taken: deactivates the old key when the new one was seen in use, and deletes it
    when the observation is over. Needs `iam:UpdateAccessKey` or `iam:DeleteAccessKey` on the user for it."""

    method = "POST"
    path = "/v1/key-rotations/advance"
    resource = CREDENTIAL_RESOURCE
    read_only = False

    credential: NameText
    """The user."""
    force: bool = False
    """Whether the old key is deactivated although the new one was not seen in use, because the old one has leaked."""


class StopKeyRotation(Question[KeyRotationStep]):
    """Ends a rotation that is under way. The keys stay as they are, but for a new one of which nobody has got the
    secret: that is deleted, for which `iam:DeleteAccessKey` on the user is needed."""

    method = "POST"
    path = "/v1/key-rotations/stop"
    resource = CREDENTIAL_RESOURCE
    read_only = False

    credential: NameText
    """The user."""
    reason: Annotated[Text, StringConstraints(max_length=256)] | None = None


class KeyRotations(Answer):
    account_id: str
    rotations: tuple[KeyRotationDetails, ...]
    """The oldest first."""


class ListKeyRotations(HistoricalQuestion[KeyRotations]):
    """The rotations that are under way, and what each waits for."""

    path = "/v1/key-rotations"
    resource = "key-rotations"


class KeyToRotate(Answer):
    user_name: str
    access_key_id: str
    created_at: datetime
    notice: Literal["due", "overdue"] | None
    """Of its age, that stands."""
    stage: KeyRotationStage | None
    """Of a rotation that is under way."""


class KeysToRotate(Answer):
    account_id: str
    keys: tuple[KeyToRotate, ...]
    """By user name."""


class ListKeysToRotate(HistoricalQuestion[KeysToRotate]):
    """Active access keys of users that are to be replaced: those due or overdue by the profile in force or, with
    `older_than_days`, that are older; and those whose rotation is under way."""

    path = "/v1/keys-to-rotate"
    resource = "key-rotations"

    path_prefix: Annotated[Text, with_pattern(r"/.*", "A path begins with a slash, such as /ci/")] | None = None
    """Only of users below this path, such as `/ci/`."""
    tag_key: Text | None = None
    """Only of users with this tag."""
    tag_value: Text | None = None
    older_than_days: Annotated[int, Field(ge=0, le=36_500)] | None = None

    @model_validator(mode="after")
    def _names_the_tag(self) -> Self:
        if self.tag_value is not None and self.tag_key is None:
            raise ValidationError(f"A tag has a key: expected one beside the value {self.tag_value!r}.")
        return self
