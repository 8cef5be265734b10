"""Reports of leaked access keys."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from domain.foundation.abridged import url_place
from domain.foundation.errors import ValidationError
from domain.foundation.identifiers import canonical_id
from services.api.contract.question import Answer, Question, Text

KEYS_MAX = 20
_KEY_ID = re.compile(r"[A-Za-z0-9_]{16,128}")
_SECRET_CHARACTERS = 40
"""Of an AWS secret access key."""


def _key_id(given: object) -> object:
    """What is given is not repeated: where an id belongs, people put secrets. Raises ValidationError."""
    if not isinstance(given, str) or not _KEY_ID.fullmatch(given) or len(given) == _SECRET_CHARACTERS:
        raise ValidationError("An access key is reported by its id, such as AKIAIOSFODNN7EXAMPLE, without its secret.")
    return canonical_id(given)


class LeakedKey(Answer):
    access_key_id: str
    known: bool
    """Whether it is a key that whoever asks may know of. Of any other nothing is said."""
    account_id: str | None
    owner: str | None
    """The ARN of the user or root user whose it is."""
    status: Literal["Active", "Inactive"] | None
    """After the report."""
    reports: int
    """With this one."""
    response: Literal["record", "deactivate", "contain"] | None
    """What the account wants done to leaked keys."""
    done: tuple[str, ...]
    """What this report has changed, in words."""
    not_done: str | None
    """Why the response was not carried out, or not in whole."""
    descendants: int | None
    """So many users, roles, keys, sessions and changes it has made, and they in turn; null where they are unknown."""
    alive: int | None
    """Those of them that somebody could act with or as."""
    next_commands: tuple[str, ...]


class LeakedKeys(Answer):
    account_id: str
    keys: tuple[LeakedKey, ...]


class ReportLeakedKeys(Question[LeakedKeys]):
    """Records that access keys have leaked, does what their accounts want done to such keys, and looks up what they
    have made. Reported again, what is done already stays as it is."""

    method = "POST"
    path = "/v1/leaked-keys"
    resource = "leaked-keys"
    read_only = False
    ends_access = True

    access_key_ids: Annotated[
        tuple[Annotated[str, BeforeValidator(_key_id)], ...], Field(min_length=1, max_length=KEYS_MAX)
    ]
    source: Annotated[Text, StringConstraints(max_length=64)] | None = None
    """What kind of place they were found in, such as `commit`."""
    url: Annotated[Text, AfterValidator(url_place)] | None = None
    """Where. Recorded without its query."""
