"""What the shapes of projected rows share."""

from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict


class ReadModel(BaseModel):
    """One shape from the row to the answer. Times are in UTC. Read leniently: a client of this version understands what
    a later server adds."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    @classmethod
    def of_row(cls, row: Iterable[object]) -> Self:
        """From the columns, in the order of the fields."""
        return cls.model_validate(dict(zip(cls.model_fields, row, strict=True)))
