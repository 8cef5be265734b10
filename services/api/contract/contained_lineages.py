"""Lineages that are contained as a whole, and their release."""

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from services.api.contract.question import CREDENTIAL_RESOURCE, Answer, HistoricalQuestion, NameText, Question, Text


class ContainedSeed(Answer):
    seed: str
    """Of an access key or session the access key id, of a user or role the unique id, of root the account id."""
    name: str | None
    """Of a user, a role or root as its ARN ends, of a credential its owner; null where that is gone or not of here."""
    compromised_since: datetime | None
    spared: tuple[str, ...]
    position: int
    """From here on nothing of the lineage is honoured."""


class ContainedLineages(Answer):
    account_id: str
    lineages: tuple[ContainedSeed, ...]
    """In the order of their positions."""


class ListContainedLineages(HistoricalQuestion[ContainedLineages]):
    """What is contained in the account."""

    path = "/v1/contained-lineages"
    resource = "contained-lineages"


class ReleasedAccount(Answer):
    account_id: str
    position: int | None
    """From here on the lineage is honoured again; null where it is still contained."""
    reason: str | None
    """Why it is."""


class Release(Answer):
    account_id: str
    seed: str
    accounts: tuple[ReleasedAccount, ...]


class ReleaseLineage(Question[Release]):
    """Honours a contained lineage again. Keys that were deactivated, sessions that were revoked and policies that deny
    everything stay as they are."""

    method = "POST"
    path = "/v1/contained-lineages/release"
    resource = CREDENTIAL_RESOURCE
    read_only = False

    credential: NameText
    """The seed, as Contain or ListContainedLineages have it."""
    reason: Annotated[Text, StringConstraints(max_length=256)] | None = None
    """Recorded with the events."""
