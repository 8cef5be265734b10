"""When something was last used."""

from datetime import datetime
from typing import NamedTuple


class OperationUse(NamedTuple):
    """Of an operation by a user or role."""

    entity_id: str
    service: str
    operation: str
    at: datetime
    region: str | None


class ServiceUse(NamedTuple):
    """Of a service by anybody of an account."""

    service: str
    at: datetime
    region: str | None
