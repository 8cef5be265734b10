"""The ground floor of everything that is recorded: events, their causes, and the entries that a ledger is made of."""

from abc import ABC
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

from domain.foundation.secret import SecretId


class Value(BaseModel):
    """A frozen record that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Event(Value):
    """Something that has happened, in the past tense. Its topic, chosen by hand, is its name in storage for ever:
    a class may be renamed or moved, a topic and the bytes under it never change. An optional field may be added. Any
    other new shape is a new version in the topic and an `upcasts` function from the old one.
    """

    topic: ClassVar[str]

    def __init_subclass__(cls, *, topic: str | None = None, **config: Any) -> None:
        super().__init_subclass__(**config)

    @classmethod
    def __pydantic_init_subclass__(cls, *, topic: str | None = None, **config: Any) -> None:
        """Raises TypeError when the topic is taken, or when the class leaves out what events of its kind say. A base of
        others has no topic; one that leaves nothing out says that it is a base with ABC among its own."""
        super().__pydantic_init_subclass__(**config)
        if topic is None:
            if ABC not in cls.__bases__ and not cls._left_out():
                raise TypeError(f"The event {cls.__name__} has no topic.")
            return
        if left_out := cls._left_out():
            raise TypeError(f"The event {cls.__name__} does not say: {', '.join(sorted(left_out))}.")
        _claim(topic)
        cls.topic = topic
        _events[topic] = cls

    @classmethod
    def _left_out(cls) -> set[str]:
        return set(cls.__abstractmethods__)


class Change(Event, ABC):
    """Alters something that a later decision reads. Folding reads only these, and each says itself what it means: the
    sentence here, and the abstract methods in what is derived from it."""

    long_texts: ClassVar[tuple[str, ...]] = ()
    """The fields with digests of texts that lie beside the ledger (docs/adr/0051), where they have any."""

    sentence: ClassVar[str] = ""
    """What happened, in English, for people who read a ledger; fields stand in braces. Names of things are as they were
    called at the time. An event that cannot say it in one way overrides `describe`."""

    def describe(self) -> str:
        return self.sentence.format_map(vars(self))

    def long_text_digests(self) -> list[str]:
        return [digest for name in self.long_texts if (digest := getattr(self, name)) is not None]

    def destroyed_secrets(self) -> Iterable[SecretId]:
        """What of the ledger's secrets goes with it, as far as the event itself says which."""
        return ()

    @classmethod
    def _left_out(cls) -> set[str]:
        """Raises TypeError for a sentence about a field that the event does not have."""
        try:
            cls.sentence.format_map(dict.fromkeys(cls.model_fields, cls))
        except KeyError as error:
            raise TypeError(f"The event {cls.__name__} has no field {error}, which its sentence names.") from None
        unsaid = not cls.sentence and cls.describe is Change.describe
        return super()._left_out() | ({"describe"} if unsaid else set())


class Use(Event, ABC):
    """A fact that no later decision reads: a call answered, a session issued. There are many of them."""


_events: dict[str, type[Event]] = {}
_upcasts: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
Upcast = TypeVar("Upcast", bound=Callable[[dict[str, Any]], dict[str, Any]])


def _claim(topic: str) -> None:
    if topic in _events or topic in _upcasts:
        raise TypeError(f"The topic {topic!r} is taken; a topic names one shape for ever.")


def upcasts(old: str, new: str) -> Callable[[Upcast], Upcast]:
    """Registers how the fields stored under a topic of the past become those of its successor, which is declared
    before. Raises TypeError where it is not, and when the old topic is taken."""

    def register(upcast: Upcast) -> Upcast:
        _claim(old)
        if new not in _events and new not in _upcasts:
            raise TypeError(f"The topic {old!r} is upcast to {new!r}, which nothing before it declares.")
        _upcasts[old] = (new, upcast)
        return upcast

    return register


def topics_of(topic: str) -> tuple[str, ...]:
    """Under which events of this topic are stored: itself, and those of the past that are read as it."""
    return topic, *(old for old in _upcasts if current_topic(old) == topic)


class UnknownTopic(LookupError):  # noqa: N818  stands beside Refusal's subclasses in reports
    """A stored event whose topic this version of the program does not know."""


def event_from(topic: str, fields: dict[str, Any]) -> Event:
    """The event that was stored under `topic`, brought to its newest shape and validated. Raises UnknownTopic."""
    while topic in _upcasts:
        topic, upcast = _upcasts[topic]
        fields = upcast(fields)
    return event_class(topic).model_validate(fields)


def current_topic(topic: str) -> str:
    """Under which events of this kind are stored now. Raises UnknownTopic."""
    while topic in _upcasts:
        topic, _ = _upcasts[topic]
    return event_class(topic).topic


def event_class(topic: str) -> type[Event]:
    try:
        return _events[topic]
    except KeyError:
        raise UnknownTopic(f"No event has the topic {topic!r}.") from None


def event_classes() -> Mapping[str, type[Event]]:
    """Every event there is, by topic."""
    return dict(_events)


Origin = Literal["api", "operator", "scheduler", "import"]
PrincipalType = Literal["AWSService", "FederatedUser", "Root", "IAMUser", "AssumedRole"]


class SessionIssuer(Value):
    """Who stands behind a session: the role that was assumed, or the user or root user that asked for it."""

    type: Literal["Role", "User", "Root"]
    principal_id: str
    arn: str
    user_name: str | None = None


class Principal(Value):
    """Who made a call, with what CloudTrail's userIdentity needs of it."""

    type: PrincipalType
    principal_id: str
    """The unique id; for an assumed role followed by a colon and the session's name, for a federated user the account's
    id and its name."""
    arn: str
    account_id: str
    user_name: str | None = None
    issuer: SessionIssuer | None = None
    session_issued_at: datetime | None = None
    mfa_authenticated: bool = False
    source_identity: str | None = None


class Operator(Value):
    """A person at the server's own machine."""

    user: str
    host: str


class Cause(Value):
    """Why an event is there. The append stamps it on every event of a call; no decision writes it."""

    origin: Origin
    request_id: str
    shared_id: str
    """Equal in every ledger that one call touches."""
    service: str
    operation: str
    principal: Principal | None = None
    operator: Operator | None = None
    access_key_id: str | None = None
    session_id: str | None = None
    peer_address: str | None = None
    forwarded_address: str | None = None
    """The client's address as a trusted proxy reported it."""
    user_agent: str | None = None
    tls: bool = False
    region: str | None = None
    """From the signature's credential scope."""

    @property
    def actor(self) -> str:
        """Who did it, for people to read, as the tables tell it too: a principal's ARN, an operator, or what else
        events come from."""
        if self.principal is not None:
            return self.principal.arn
        return self.origin if self.operator is None else f"operator {self.operator.user}@{self.operator.host}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in its place: a line of the ledger."""

    account_id: str
    position: int
    """1, 2, 3… without gaps. It, never a clock, orders events."""
    event_id: str
    at: datetime
    cause: Cause
    event: Event

    # The names under which the eventsourcing library knows a ledger and a position.
    @property
    def originator_id(self) -> str:
        return self.account_id

    @property
    def originator_version(self) -> int:
        return self.position


def read_entry(stored: bytes | str) -> tuple[str, Entry]:
    """The topic under which it was stored, and the entry. Raises ValueError, LookupError and TypeError where the bytes
    are none."""
    line = from_json(stored)
    topic = line["topic"]
    return topic, Entry(
        account_id=line["account_id"],
        position=line["position"],
        event_id=line["event_id"],
        at=datetime.fromisoformat(line["at"]),
        cause=Cause.model_validate(line["cause"]),
        event=event_from(topic, line["event"]),
    )


class Caused(Protocol):
    """What is written into an account's ledger, or beside it, on somebody's account."""

    @property
    def account_id(self) -> str: ...
    @property
    def cause(self) -> Cause: ...
