"""Tags: what is written on a user, a role, a policy and other things of IAM, for people to sort by and for policies to
ask about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from immutables import Map

from domain.account import Account, Component, forget_key
from domain.entity_kinds import EntityChange, entity_title
from domain.facts import Fact, FactKind, FactValue, capitalized, tells_facts
from domain.lineage_kinds import LineageKind, Parts, Setting, SettingDelta


@dataclass(frozen=True, slots=True)
class Tag:
    key: str
    value: str


Tags = Map[str, Tag]
"""By `tag_id`."""
_CASELESS = frozenset({"user", "role"})


def tag_id(noun: str, key: str) -> str:
    """By which a tag of that kind of entity is the only one: the keys of users and roles do not differ by case alone,
    those of others may. They are shown as they were given (IAM User Guide, "Tagging IAM resources", Case
    sensitivity)."""
    return key.lower() if noun in _CASELESS else key


PRINCIPAL_TAG = "aws:principaltag/"
RESOURCE_TAG, IAM_RESOURCE_TAG = "aws:resourcetag/", "iam:resourcetag/"
"""The latter of users and roles only (Service Authorization Reference, IAM, Resource types)."""
RESOURCE_TAGS = (RESOURCE_TAG, IAM_RESOURCE_TAG)
"""Before the tag's key: condition keys, lower-cased."""
NO_TAGS: Tags = Map()
TAGS = Component[Map[str, Tags]]("tags", Map(), forget=forget_key)
"""By the unique id of what carries them, whatever it is; nothing where there are none."""
TAG_FACT = FactKind("tag", "was put", "was removed")


def _parts(account: Account, entity_id: str, _subject: str) -> Parts:
    return {key: tag.value for key, tag in tags_of(account, entity_id).items()}


def _without(delta: SettingDelta, parts: Parts) -> Account:
    return _put(delta.account, delta.owner_id, Map({key: Tag(key, value) for key, value in parts.items()}))


def _openings(delta: SettingDelta) -> Iterator[str]:
    """Of the tags that a policy asks about, in a condition or a variable."""
    for key in sorted({key.lower() for key in (*delta.introduced, *delta.dropped)}):
        if delta.is_asked_for(*(prefix + key for prefix in (PRINCIPAL_TAG, *RESOURCE_TAGS))):
            title = entity_title(delta.account, delta.owner_id)
            yield f"gives {title} another tag {key}, and policies ask about that"


TAGGING = Setting(_parts, _without, _openings, is_keyed=True)
LineageKind("tags", "tags of {name}", setting=TAGGING)


def tags_of(account: Account, entity_id: str) -> Tags:
    return account[TAGS].get(entity_id, NO_TAGS)


def _put(account: Account, entity_id: str, tags: Tags) -> Account:
    every = account[TAGS]
    return account.put(TAGS, every.set(entity_id, tags) if tags else forget_key(every, entity_id))


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    for key, tag in tags_of(account, subject).items():
        name = f"{tag.key} of {entity_title(account, subject)}"
        yield Fact(TAG_FACT, f"{subject}/{key}"), FactValue(name, {"key": tag.key, "value": tag.value})


class EntityTagged(EntityChange, topic="iam.entity.tagged.v1"):
    """The tags are added, each in the place of the one that has its key."""

    tags: Mapping[str, str]
    """Values by key."""

    def fold(self, account: Account, at: datetime) -> Account:
        entity_title(account, self.entity_id)
        news = {tag_id(self.entity, key): Tag(key, value) for key, value in self.tags.items()}
        return _put(account, self.entity_id, tags_of(account, self.entity_id).update(news))

    def describe(self) -> str:
        told = ", ".join(f"{key}={value}" for key, value in self.tags.items())
        return f"{capitalized(self.entity)} {self.entity_name} was tagged {told}."


class EntityUntagged(EntityChange, topic="iam.entity.untagged.v1"):
    keys: tuple[str, ...]

    def fold(self, account: Account, at: datetime) -> Account:
        tags = tags_of(account, self.entity_id)
        for key in self.keys:
            tags = tags.delete(tag_id(self.entity, key))
        return _put(account, self.entity_id, tags)

    def describe(self) -> str:
        return f"{capitalized(self.entity)} {self.entity_name} lost the tags {', '.join(self.keys)}."
