"""What a question to the native API is. Each family of them is a module, with the shapes of its answers.

A question is one class an operation: its path, its parameters, and how it is answered.
The server reads requests into these classes and the command line writes requests from them, so that both mean the same.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator

from domain.account import Account
from domain.calls import Outcome
from domain.foundation.errors import ValidationError
from domain.foundation.events import Change
from domain.foundation.moments import AsOf
from services.api.answer_context import AnswerContext
from services.api.answers import Answer
from services.api.page_markers import parse_marker
from services.api.requester import Requester

SERVICE = "muniment"
"""As which requests are signed and actions named."""
ROWS_DEFAULT = 100
ROWS_MAX = 1_000

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def parse_time(given: object) -> object:
    """An RFC 3339 time with its offset. Raises ValidationError."""
    if not isinstance(given, str):
        return given
    at = AsOf.parse(given, _END_OF_TIME).at
    if at is None:
        raise ValidationError(f"A time is RFC 3339, such as 2025-01-31T12:00:00Z; got the position {given}.")
    return at


def with_pattern(pattern: str, expected: str) -> BeforeValidator:
    """Says in words what is expected of a text. The pattern itself is for programs that read the schema."""
    form = re.compile(pattern)

    def checked(given: object) -> object:
        if isinstance(given, str) and form.fullmatch(given) is None:
            raise ValidationError(f"{expected}; got {given!r}.")
        return given

    return BeforeValidator(checked)


def check_moment(given: str) -> str:
    """The text itself when it names a moment. Raises ValidationError; whether the moment has come, the server says."""
    AsOf.parse(given, _END_OF_TIME)
    return given


Text = Annotated[str, StringConstraints(min_length=1, max_length=2_048, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Without control characters: what is asked is recorded, and PostgreSQL takes no U+0000."""
ResourceText = Annotated[
    Text,
    with_pattern(
        r"\*|arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", "A resource is an ARN, such as arn:aws:iam::123456789012:user/alice, or *"
    ),
]
"""As authorisation decisions have it: * is that of actions about no single resource."""
MomentText = Annotated[Text, AfterValidator(check_moment)]
Time = Annotated[datetime, BeforeValidator(parse_time)]
Limit = Annotated[int, Field(ge=1, le=ROWS_MAX)]
AnswerT_co = TypeVar("AnswerT_co", bound=Answer, covariant=True)


class Question(BaseModel, ABC, Generic[AnswerT_co]):
    """A class is named like its operation: the action that policies speak of is muniment:<its name>."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: ClassVar[Literal["GET", "POST"]] = "GET"
    path: ClassVar[str]
    """Each {name} in it is the parameter of that name. The others stand in the query, or in the JSON of a POST."""
    resource: ClassVar[str]
    """What follows the account in the ARN that policies speak of."""
    read_only: ClassVar[bool] = True
    reads_everywhere: ClassVar[bool] = False
    """Whether the tables of all accounts have to be up to date, as far as they will be in time."""

    @property
    def moment(self) -> str | None:
        """The past that is asked for; None for now."""
        return None

    @property
    def existing_at(self) -> str | None:
        """The moment at which the account must have begun; None for now, and where it does not matter."""
        return self.moment

    @property
    def also_reads(self) -> str | None:
        """Another ledger whose tables have to be up to date."""
        return None

    def changes(self, _account: Account) -> Sequence[Change]:
        """What it does to the account, decided in the round."""
        return ()

    def perform(self, account: Account, _asker: Requester) -> Outcome:
        """What is decided in the round, for those that concern more than one account or depend on who asks. What the
        outcome answers is for `answered` alone."""
        return Outcome(lambda _after: {}, self.changes(account))

    @abstractmethod
    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> AnswerT_co:
        """The answer as of a moment that the tables have reached. Raises NotYetProjected, and refusals."""

    @classmethod
    @abstractmethod
    def read(cls, body: bytes) -> AnswerT_co:
        """The answer that a server sent. Raises pydantic's ValidationError."""


class HistoricalQuestion(Question[AnswerT_co], ABC, Generic[AnswerT_co]):
    """A question that can be asked about the past."""

    as_of: Text | None = None

    @property
    def moment(self) -> str | None:
        return self.as_of


class PagedQuestion(Question[AnswerT_co], ABC, Generic[AnswerT_co]):
    """A question whose answer comes in pages."""

    place_numbers: ClassVar[int] = 1
    """How many numbers say where a page begins."""

    limit: Limit = ROWS_DEFAULT
    marker: Text | None = None

    @field_validator("marker")
    @classmethod
    def _is_of_this_listing(cls, given: str | None) -> str | None:
        if given is not None:
            parse_marker(given, cls.__name__, cls.place_numbers)
        return given

    @property
    def place(self) -> tuple[int, ...] | None:
        return None if self.marker is None else parse_marker(self.marker, type(self).__name__, self.place_numbers)


class PagedHistoricalQuestion(HistoricalQuestion[AnswerT_co], PagedQuestion[AnswerT_co], ABC, Generic[AnswerT_co]):
    """A read whose answer comes in pages."""
