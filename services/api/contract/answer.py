"""What the shapes of the native API's answers share. Times are RFC 3339 in UTC, ages whole days."""

from domain.read_models.read_model import ReadModel


class Answer(ReadModel):
    """What a server answers, or a part of it."""


class Page(Answer):
    account_id: str
    limit: int
    """At most so many rows are on this page."""
    marker: str | None
    """Asks for the next page, which may turn out empty; null on the last."""
