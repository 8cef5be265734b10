"""The account: the value that a ledger's changes fold into. Everything that a decision reads is in it.

It knows no family of IAM. A family declares the components that it keeps in every account, and its changes say
themselves what they make of them (docs/adr/0029).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar, get_args

from immutables import Map

from domain.foundation.events import Change, Entry
from domain.foundation.identifiers import arn

T = TypeVar("T")
V = TypeVar("V")
T_co = TypeVar("T_co", covariant=True)
SCHEMA_VERSION = 1
NOBODY: frozenset[str] = frozenset()


class Readable(Protocol[T_co]):
    """A component, as far as reading it goes: where something wider is expected, it serves."""

    @property
    def empty(self) -> T_co: ...


class Component(Generic[T]):
    """A part of every account, and the key to it: `account[USERS]` is of the type that USERS was declared with.

    Declared with that type, which snapshots need: `USERS = Component[Users]("users", EntityIndex("user"))`.
    """

    def __init__(
        self,
        name: str,
        empty: T,
        *,
        ids: Callable[[T], Collection[str]] = lambda _value: (),
        forget: Callable[[T, str], T] | None = None,
    ) -> None:
        """Raises TypeError when the name is taken.

        `empty` is the value before anything has happened. `ids` are those of the things in it that count for its size
        and have facts. `forget` drops what is kept about something else, by its id, when that is deleted.
        """
        if name in _components:
            raise TypeError(f"There is a component {name} already.")
        self.name, self.empty, self.ids, self.forget = name, empty, ids, forget
        _components[name] = self

    @property
    def type(self) -> Any:
        return get_args(self.__orig_class__)[0]  # type: ignore[attr-defined]  # typing sets it on what it calls

    def __repr__(self) -> str:
        return f"Component({self.name})"


_components: dict[str, Component[Any]] = {}


def forget_key(kept: Map[str, V], deleted_id: str) -> Map[str, V]:
    """The `forget` of a component that keeps things by the ids of what they are about."""
    return kept.delete(deleted_id) if deleted_id in kept else kept


def components() -> list[Component[Any]]:
    """All that are declared, in the order of their names."""
    return [_components[name] for name in sorted(_components)]


@dataclass(frozen=True, eq=False)
class Account:
    """An immutable value. Evolving gives a new one that shares what has not changed: old ones cost little to keep.

    Without slots, because a dictionary is copied at once (see `replace`).
    """

    id: str
    position: int = 0
    """Of the last change that is folded in."""
    ledger_id: str = ""
    partition: str = "aws"
    created_at: datetime | None = None
    closed_at: datetime | None = None
    parts: Mapping[Any, Any] = field(default_factory=dict)
    """What was ever put, by its component; read through the account itself."""

    def __getitem__(self, component: Readable[T_co]) -> T_co:
        part: T_co = self.parts.get(component, component.empty)
        return part

    def put(self, component: Component[T], value: T) -> "Account":
        return replace(self, parts={**self.parts, component: value})

    def forget(self, deleted_id: str) -> "Account":
        """Without what is kept about the thing that had this id: its tags, its boundary, when it was last used."""
        parts = {c: part if c.forget is None else c.forget(part, deleted_id) for c, part in self.parts.items()}
        return replace(self, parts=parts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Account):
            return NotImplemented
        if self.__dict__ | {"parts": ()} != other.__dict__ | {"parts": ()}:
            return False
        return all(self[component] == other[component] for component in {*self.parts, *other.parts})

    __hash__ = None  # type: ignore[assignment]  # Nothing asks for that of so large a value.

    @property
    def exists(self) -> bool:
        return self.position > 0

    @property
    def is_open(self) -> bool:
        """Whether it was created and is not closed: no credential of another one is honoured."""
        return self.exists and self.closed_at is None

    def arn(self, resource: str, service: str = "iam") -> str:
        return arn(self.partition, service, self.id, resource)


if TYPE_CHECKING:
    from dataclasses import replace  # It is checked which fields there are.
else:

    def replace(account: Account, **changes: Any) -> Account:
        """As that of dataclasses, which sets one field after the other: several µs, where this takes 0.5. Two are
        needed to fold a change."""
        changed = object.__new__(Account)
        object.__setattr__(changed, "__dict__", account.__dict__ | changes)
        return changed


class AccountChange(Change, ABC):
    """Alters an account. What else it means there, it says itself too."""

    subject: ClassVar[str] = ""
    """The field with the id of what it changes, where that is one thing."""

    @abstractmethod
    def fold(self, account: Account, at: datetime) -> Account:
        """The account afterwards. Never refuses; raises LookupError where no legal history leads here."""

    def fold_entry(self, account: Account, entry: Entry) -> Account:
        """As `fold`, for a change that means something besides by who has made it."""
        return self.fold(account, entry.at)

    @abstractmethod
    def affected_principals(self, before: Account, after: Account) -> frozenset[str] | None:
        """The principals whose access may be another afterwards: unique ids, and the account's for root; None:
        everybody's. That the resource which is asked about has changed, with its tags or its trust policy, is for
        whoever knows which it is."""

    def changed_subjects(self, account_id: str) -> Iterable[str]:
        """The ids of what has other facts afterwards (`domain.facts`); none where it is bookkeeping."""
        return (getattr(self, self.subject),)

    @classmethod
    def _left_out(cls) -> set[str]:
        unsaid = cls.subject not in cls.model_fields and cls.changed_subjects is AccountChange.changed_subjects
        return super()._left_out() | ({"changed_subjects"} if unsaid else set())


class AffectsSubject(AccountChange):
    """The principal that it changes, and nobody else."""

    def affected_principals(self, before: Account, after: Account) -> frozenset[str]:
        return frozenset({getattr(self, self.subject)})


class AffectsNobody(AccountChange):
    """None of it is what a policy says, or to whom: whether a credential is honoured is asked before."""

    def affected_principals(self, before: Account, after: Account) -> frozenset[str]:
        return NOBODY


class Bookkeeping(AffectsNobody):
    """No difference that anybody asks about."""

    def changed_subjects(self, account_id: str) -> Iterable[str]:
        return ()


class OfAccount(AccountChange):
    """Facts of the account itself."""

    def changed_subjects(self, account_id: str) -> Iterable[str]:
        return (account_id,)


class OfWholeAccount(OfAccount):
    """Everybody's access, too."""

    def affected_principals(self, before: Account, after: Account) -> None:
        return None


class AccountCreated(OfWholeAccount, topic="account.created.v1"):
    """The first event of every account's ledger."""

    ledger_id: str
    """Random: two ledgers of the same account id, say a restored and a live one, can be told apart."""
    kind: Literal["live", "imported"]
    partition: Literal["aws", "aws-cn", "aws-us-gov"]
    schema_version: int
    sentence = "The account was created."

    def fold(self, account: Account, at: datetime) -> Account:
        return replace(account, ledger_id=self.ledger_id, partition=self.partition, created_at=at)


class AccountClosed(OfWholeAccount, topic="account.closed.v1"):
    """From here on none of the account's credentials is honoured, sessions included. The id is never used again."""

    sentence = "The account was closed."

    def fold(self, account: Account, at: datetime) -> Account:
        return replace(account, closed_at=at)


FoldStep = tuple[Account, Entry, Account]
"""A change, with the values of the account before and after it."""


class CorruptLedger(Exception):  # noqa: N818  reads as the verdict that it is
    """A ledger that no legal history explains. Whoever meets it stops."""


def evolve(account: Account, entry: Entry) -> Account:
    """Folds one change into the account. Never refuses: what is in the ledger has happened."""
    event = entry.event
    if entry.account_id != account.id:
        raise CorruptLedger(f"Account {account.id}: position {entry.position} is of the ledger of {entry.account_id}.")
    if entry.position <= account.position:
        raise CorruptLedger(f"Account {account.id}: position {entry.position} comes after {account.position}.")
    if isinstance(event, AccountCreated) == account.exists:
        raise CorruptLedger(
            f"Account {account.id}: AccountCreated is the first event, once; not so at {entry.position}."
        )
    try:
        if not isinstance(event, AccountChange):
            raise TypeError(f"{type(event).__name__} is no change of an account.")  # noqa: TRY301
        return replace(event.fold_entry(account, entry), position=entry.position)
    except (LookupError, TypeError) as error:
        raise CorruptLedger(f"Account {account.id}, position {entry.position}: {event!r} does not fit.") from error
