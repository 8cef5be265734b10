"""Entities that have a unique id for ever and a name for a while."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, Self, TypeVar

from immutables import Map

from domain.foundation.errors import EntityAlreadyExists, NoSuchEntity


@dataclass(frozen=True, slots=True)
class NamedEntity:
    noun: ClassVar[str]
    id: str
    name: str
    path: str
    created_at: datetime

    @property
    def resource(self) -> str:
        """The last part of the ARN."""
        return f"{self.noun}{self.path}{self.name}"


T = TypeVar("T", bound=NamedEntity)


@dataclass(frozen=True, slots=True)
class EntityIndex(Generic[T]):
    """All users, all groups or all roles of an account. Names are unique without regard to case, as in AWS."""

    kind: str
    """How a refusal speaks of one of them: user, group, role."""
    by_id: Map[str, T] = Map()
    ids: Map[str, str] = Map()
    """Unique ids by lower-cased name."""

    def named(self, name: str) -> T:
        found = self.find(name)
        if found is None:
            raise NoSuchEntity(f"{self._called(name, 'The ')} cannot be found.")
        return found

    def find(self, name: str) -> T | None:
        entity_id = self.ids.get(name.lower())
        return None if entity_id is None else self.by_id[entity_id]

    def refuse_taken(self, name: str, *, by_other_than: T | None = None) -> None:
        found = self.find(name)
        if found is not None and (by_other_than is None or found.id != by_other_than.id):
            raise EntityAlreadyExists(f"{self._called(name)} already exists.")

    def _called(self, name: str, article: str = "") -> str:
        """In AWS's words, which differ for kinds of two."""
        if " " in self.kind:
            return f"{self.kind.title()} {name}"
        phrase = f"{article}{self.kind} with name {name}"
        return phrase[0].upper() + phrase[1:]

    def add(self, entity: T) -> Self:
        """With the new entity. Raises LookupError when its id or its name is another's."""
        if entity.id in self.by_id:
            raise LookupError(f"There is a {self.kind} with the unique id {entity.id} already.")
        return type(self)(self.kind, self.by_id.set(entity.id, entity), _index_name(self.ids, entity))

    def put(self, entity: T) -> Self:
        """With the entity, in the place of the one that has the same id. Raises LookupError when there is none, or when
        the name is another's."""
        ids = self.ids.delete(self.by_id[entity.id].name.lower())
        return type(self)(self.kind, self.by_id.set(entity.id, entity), _index_name(ids, entity))

    def without(self, entity_id: str) -> Self:
        return type(self)(self.kind, self.by_id.delete(entity_id), self.ids.delete(self.by_id[entity_id].name.lower()))

    def __iter__(self) -> Iterator[T]:
        return iter(self.by_id.values())

    def __len__(self) -> int:
        return len(self.by_id)


def _index_name(ids: Map[str, str], entity: NamedEntity) -> Map[str, str]:
    name = entity.name.lower()
    if name in ids:
        raise LookupError(f"The name {entity.name} is that of {ids[name]}.")
    return ids.set(name, entity.id)
