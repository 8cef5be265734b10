"""What the shapes of the native API's answers share. Times are RFC 3339 in UTC, ages whole days."""

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Read leniently: a client of this version understands what a later server adds."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page(Answer):
    account_id: str
    limit: int
    """At most so many rows are on this page."""
    marker: str | None
    """Asks for the next page, which may turn out empty; null on the last."""
