"""The kinds of entities that an account has many of: each with unique ids that begin alike, a name and a path."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, Generic, Protocol, TypedDict, TypeVar

from pydantic import AfterValidator

from domain.account import Account, AffectsSubject, Component
from domain.facts import Fact, FactValue, capitalized, tells_facts
from domain.foundation.entity_index import EntityIndex, NamedEntity
from domain.foundation.errors import DeleteConflict
from domain.lineage_kinds import Parts, Setting, SettingDelta


class Entity(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def resource(self) -> str:
        """The last part of the ARN."""

    @property
    def created_at(self) -> datetime: ...


E = TypeVar("E", bound=NamedEntity)
E_co = TypeVar("E_co", bound=Entity, covariant=True)
FactValues = Iterator[tuple[Fact, FactValue]]


class EntityNames(TypedDict):
    entity: str
    entity_id: str
    entity_name: str


@dataclass(frozen=True, slots=True, eq=False)
class EntityKind(Generic[E_co]):
    """A row of the table of kinds: a family makes its own. Raises TypeError when there is one of this noun."""

    noun: str
    """In events, sentences and refusals."""
    id_prefix: str
    """Of unique ids (IAM User Guide, "IAM identifiers")."""
    by_id: Callable[[Account], Mapping[str, E_co]]
    """All of an account, by the id that is the subject of their facts."""
    named: Callable[[Account, str], E_co]
    """The one that a caller names, by name or ARN. Raises NoSuchEntity."""
    facts: Callable[[Account, Any], FactValues]
    """Those that say what it is itself."""
    find: Callable[[Account, str], E_co | None]
    """The one whose ARN it is today."""
    resource_type: str
    """How the last part of its ARN begins."""
    subject: Callable[[Any], str] = attrgetter("id")
    """The key of `by_id`: its unique id, or the ARN."""
    reference: Callable[[Any], str] = attrgetter("name")
    """By which callers name it: `named` finds it."""

    def __post_init__(self) -> None:
        if self.noun in _kinds:
            raise TypeError(f"There is a kind of entity {self.noun} already.")
        _kinds[self.noun] = self

    def naming(self, entity: Entity) -> "EntityNames":
        """The fields by which an event names one of them."""
        return {"entity": self.noun, "entity_id": self.subject(entity), "entity_name": entity.name}

    @property
    def title(self) -> str:
        """As AWS writes it in names of quotas and operations: User, MFADevice."""
        return "".join(map(capitalized, self.noun.split()))


AnyKind = EntityKind[Entity]
_kinds: dict[str, AnyKind] = {}


def kind_of_index(
    noun: str, id_prefix: str, component: Component[EntityIndex[E]], facts: Callable[[Account, E], FactValues]
) -> EntityKind[E]:
    """Of entities with a name that is unique among them."""

    def find(account: Account, arn: str) -> E | None:
        found = account[component].find(arn.rpartition("/")[2])
        return found if found is not None and account.arn(found.resource) == arn else None

    return EntityKind(
        noun,
        id_prefix,
        by_id=lambda account: account[component].by_id,
        named=lambda account, name: account[component].named(name),
        facts=facts,
        find=find,
        resource_type=noun.replace(" ", "-"),
    )


def entity_kinds() -> Mapping[str, AnyKind]:
    """All, by noun."""
    return _kinds


def find_entity(account: Account, entity_id: str) -> tuple[AnyKind, Entity] | None:
    for kind in _kinds.values():
        entity = kind.by_id(account).get(entity_id)
        if entity is not None:
            return kind, entity
    return None


def is_there(account: Account, owner_id: str) -> bool:
    """Whether something can have settings, by its id: an entity, or the account, with what is root's."""
    return owner_id == account.id or find_entity(account, owner_id) is not None


def find_entity_by_arn(account: Account, arn: str) -> tuple[AnyKind, Entity] | None:
    """Whose ARN it is today."""
    resource_type = arn.split(":", 5)[-1].partition("/")[0]
    for kind in _kinds.values():
        if kind.resource_type == resource_type:
            entity = kind.find(account, arn)
            return None if entity is None else (kind, entity)
    return None


def entity_title(account: Account, entity_id: str) -> str:
    """What people call it: user ann. Raises LookupError when it is not there."""
    found = find_entity(account, entity_id)
    if found is None:
        raise LookupError(f"Nothing has the unique id {entity_id}.")
    kind, entity = found
    return f"{kind.noun} {entity.name}"


def naming_setting(component: Component[EntityIndex[E]], renamed: Callable[[E, str, str], E]) -> Setting:
    """Name and path together; `renamed` gives the entity others."""

    def parts(account: Account, entity_id: str, _subject: str) -> Parts:
        entity = account[component].by_id.get(entity_id)
        return {} if entity is None else {entity_id: f"{entity.path}{entity.name}"}

    def without(delta: SettingDelta, parts: Parts) -> Account:
        """As it is, where there was no former name, or it is another's by now."""
        entities, former = delta.account[component], parts.get(delta.owner_id)
        if former is None:
            return delta.account
        path, slash, name = former.rpartition("/")
        taken = entities.find(name)
        if taken is not None and taken.id != delta.owner_id:
            return delta.account
        entity = renamed(entities.by_id[delta.owner_id], name, path + slash)
        return delta.account.put(component, entities.put(entity))

    def openings(delta: SettingDelta) -> Iterator[str]:
        now = parts(delta.account, delta.owner_id, "")[delta.owner_id]
        yield from (f"is named by policies as {now}, not as {former}" for former in delta.dropped.values())

    return Setting(parts, without, openings, is_keyed=True, is_name=True)


_conflicts: list[tuple[int, str, Callable[[Account, str], object]]] = []


def prevents_deletion(place: int, remedy: str, held: Callable[[Account, str], object]) -> None:
    """An entity is not deleted while `held` finds something of the family, by the entity's id. `place` is that in the
    list of what has to go first (IAM API Reference, DeleteUser); what a group alone has comes before."""
    _conflicts.append((place, remedy, held))
    _conflicts.sort(key=lambda conflict: conflict[:2])


def refuse_deletion(account: Account, entity_id: str) -> None:
    """Raises DeleteConflict while something hangs on the entity."""
    for _, remedy, held in _conflicts:
        if held(account, entity_id):
            raise DeleteConflict(f"Cannot delete entity, must {remedy} first.")


@tells_facts
def _own_facts(account: Account, subject: str) -> FactValues:
    found = find_entity(account, subject)
    if found is not None:
        kind, entity = found
        yield from kind.facts(account, entity)


def _registered(noun: str) -> str:
    if noun not in _kinds:
        raise ValueError(f"There is no kind of entity {noun}, but {', '.join(sorted(_kinds))}.")
    return noun


EntityNoun = Annotated[str, AfterValidator(_registered)]


class EntityChange(AffectsSubject):
    """Of what an entity of any kind has: tags, a boundary, policies."""

    entity: EntityNoun
    entity_id: str
    entity_name: str
    subject = "entity_id"
