"""Tags of entities (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html)."""

from collections.abc import Iterable, Sequence

from domain.account import Account
from domain.entity_kinds import AnyKind
from domain.families.tags import EntityTagged, EntityUntagged, Tag, tag_id, tags_of
from domain.foundation.errors import InvalidInput
from domain.rules.quotas import TAGS_MAX, refuse_beyond

_RESERVED = "aws:"
"""AWS keeps this beginning for itself, in keys and in values."""


def tag(account: Account, kind: AnyKind, name: str, *, tags: Sequence[Tag]) -> tuple[EntityTagged, ...]:
    """What it carries already, key and value spelt alike, is no error and no event."""
    entity = kind.named(account, name)
    _refuse_unfit(kind, tags)
    there = tags_of(account, kind.subject(entity))
    news = [given for given in tags if there.get(tag_id(kind.noun, given.key)) != given]
    added = sum(tag_id(kind.noun, given.key) not in there for given in news)
    if added:
        refuse_beyond(f"TagsPer{kind.title}", len(there) + added - 1, TAGS_MAX)
    return _tagged(kind, kind.subject(entity), entity.name, news)


def tags_on_create(kind: AnyKind, entity_id: str, entity_name: str, tags: Sequence[Tag]) -> tuple[EntityTagged, ...]:
    """What follows the creation of an entity that is given these tags, or none."""
    _refuse_unfit(kind, tags)
    return _tagged(kind, entity_id, entity_name, tags)


def _tagged(kind: AnyKind, entity_id: str, entity_name: str, tags: Sequence[Tag]) -> tuple[EntityTagged, ...]:
    if not tags:
        return ()
    given = {given.key: given.value for given in tags}
    return (EntityTagged(entity=kind.noun, entity_id=entity_id, entity_name=entity_name, tags=given),)


def untag(account: Account, kind: AnyKind, name: str, *, keys: Iterable[str]) -> tuple[EntityUntagged, ...]:
    """Taking away what is not there is no error and no event."""
    entity = kind.named(account, name)
    tags = tags_of(account, kind.subject(entity))
    gone = tuple(sorted(tags[key].key for key in {tag_id(kind.noun, key) for key in keys} if key in tags))
    if not gone:
        return ()
    return (EntityUntagged(**kind.naming(entity), keys=gone),)


def _refuse_unfit(kind: AnyKind, tags: Sequence[Tag]) -> None:
    """Raises InvalidInput. Lengths, characters, and how many tags one call may give, the model says."""
    for given in tags:
        if given.key.lower().startswith(_RESERVED) or given.value.lower().startswith(_RESERVED):
            raise InvalidInput(
                "aws: prefixed tag key names are not allowed for external use.",
                f"the tag {given.key} begins so in its key or value",
            )
    keys = [tag_id(kind.noun, given.key) for given in tags]
    twice = next((given.key for given in tags if keys.count(tag_id(kind.noun, given.key)) > 1), None)
    if twice is not None:
        raise InvalidInput(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            f"{twice} is given more than once",
        )
