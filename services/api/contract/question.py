"""What a question to the native API is, and its answer. Each family is a module, with the shapes of its answers.

A question is one class an operation: its path and its parameters. `services.api.handlers` answers it.
The server reads requests into these classes and the command line writes requests from them, so that both mean the same.
"""

import re
from abc import ABC
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    StringConstraints,
    field_validator,
)
from pydantic_core import CoreSchema, core_schema

from domain.foundation.errors import ValidationError
from domain.foundation.identifiers import canonical_id
from domain.foundation.moments import AsOf, NamedMoment
from domain.read_models.read_model import ReadModel
from services.api.contract.page_markers import parse_marker

SERVICE = "muniment"
"""As which requests are signed and actions named."""
ROWS_DEFAULT = 100
ROWS_MAX = 1_000


def with_pattern(pattern: str, expected: str) -> BeforeValidator:
    """Says in words what is expected of a text, in any case. The pattern itself is for programs that read the
    schema."""
    form = re.compile(pattern, re.IGNORECASE)

    def checked(given: object) -> object:
        if isinstance(given, str) and form.fullmatch(given) is None:
            raise ValidationError(f"{expected}; got {given!r}.")
        return given

    return BeforeValidator(checked)


def _moment_schema(_source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Read from its text, written and recorded as that text."""
    written = core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema())
    return core_schema.no_info_after_validator_function(
        NamedMoment.parse, handler.generate_schema(Text), serialization=written
    )


Text = Annotated[str, StringConstraints(min_length=1, max_length=2_048, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Without control characters: what is asked is recorded, and PostgreSQL takes no U+0000."""
NameText = Annotated[Text, AfterValidator(canonical_id)]
"""By which something is called: an id in any case, an ARN, a name, kind and name."""
ResourceText = Annotated[
    NameText,
    with_pattern(
        r"\*|arn:[^:]+:[^:]+:[^:]*:[^:]*:.+|(AROA[A-Z0-9]+:)?(?!arn:)[A-Za-z0-9_+=,.@/*-]+",
        "A resource is an ARN, such as arn:aws:iam::123456789012:user/alice, or *, or an entity of the account, such "
        "as user/alice or alice",
    ),
]
"""As authorisation decisions have it, of which * is that of actions about no single resource; or as tables show it."""
MomentText = Annotated[NamedMoment, GetPydanticSchema(_moment_schema)]
"""As `NamedMoment` reads it."""
AnswerT_co = TypeVar("AnswerT_co", bound="Answer", covariant=True)


class Answer(ReadModel):
    """What a server answers, or a part of it. Times are RFC 3339 in UTC, ages whole days."""


class Page(Answer):
    account_id: str
    limit: int
    """At most so many rows are on this page."""
    marker: str | None
    """Asks for the next page, which may turn out empty; null on the last."""


CREDENTIAL_RESOURCE = "credential/{owner}"
"""Of questions about a `credential`, however it is called: whose it is, as the owner's ARN ends (user/team/ann, role/ci
or root), or the unique id of one who is gone."""


class Question(BaseModel, ABC, Generic[AnswerT_co]):
    """A class is named like its operation: the action that policies speak of is muniment:<its name>."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: ClassVar[Literal["GET", "POST"]] = "GET"
    path: ClassVar[str]
    """Each {name} in it is the parameter of that name. The others stand in the query, or in the JSON of a POST."""
    resource: ClassVar[str]
    """What follows the account in the ARN that policies speak of."""
    read_only: ClassVar[bool] = True
    ends_access: ClassVar[bool] = False
    """Whether it is served in the reserved lane, which nothing else can fill."""

    @classmethod
    def __pydantic_init_subclass__(cls, **config: Any) -> None:
        """Raises TypeError for a question without a path or a resource. A base of others has ABC among its own."""
        super().__pydantic_init_subclass__(**config)
        is_base = ABC in cls.__bases__ or cls.__pydantic_generic_metadata__["origin"] is not None
        if not is_base and (left_out := [name for name in ("path", "resource") if not hasattr(cls, name)]):
            raise TypeError(f"The question {cls.__name__} does not say: {', '.join(left_out)}.")

    @property
    def moment(self) -> NamedMoment | None:
        """The past that is asked for; None for now."""
        return None

    def existing_at(self, now: datetime) -> AsOf | None:
        """The moment at which the account must have begun; None for now. Of a span that is its end: before the account
        began nothing happened, which is an answer."""
        return None if self.moment is None else self.moment.as_of(now)

    @classmethod
    def answer_type(cls) -> type[AnswerT_co]:
        """The class of its answer, as it stands between the brackets of one of its bases."""
        bases = (base for base in cls.__mro__ if issubclass(base, BaseModel))
        arguments = (argument for base in bases for argument in base.__pydantic_generic_metadata__["args"])
        answer: type[AnswerT_co] = next(each for each in arguments if isinstance(each, type))
        return answer

    @classmethod
    def read(cls, body: bytes) -> AnswerT_co:
        """The answer that a server sent. Raises pydantic's ValidationError."""
        return cls.answer_type().model_validate_json(body)


class HistoricalQuestion(Question[AnswerT_co], ABC, Generic[AnswerT_co]):
    """A question that can be asked about the past."""

    as_of: Text | None = None

    @property
    def moment(self) -> NamedMoment | None:
        """Raises ValidationError, so that what is wrong with all other parameters is told first."""
        named = None if self.as_of is None else NamedMoment.parse(self.as_of)
        return None if named is None or named.is_now else named


class PagedQuestion(Question[AnswerT_co], ABC, Generic[AnswerT_co]):
    """A question whose answer comes in pages."""

    place_numbers: ClassVar[int] = 1
    """How many numbers say where a page begins."""

    limit: Annotated[int, Field(ge=1, le=ROWS_MAX)] = ROWS_DEFAULT
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
