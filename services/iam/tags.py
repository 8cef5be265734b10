"""IAM's operations on tags: those of users and of roles alike."""

from collections.abc import Mapping

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.families.tags import tags_of
from domain.rules import tagging
from services.iam import condition_keys, entities
from services.iam.entities import IamEntity
from services.iam.entity_members import tag_members, tag_sort_key, tags_from_request
from services.wire.operations import answers
from services.wire.pagination import page_request


def _answer(entity: IamEntity, *, tag: str, untag: str, list_tags: str) -> None:
    """Answers the operations of one kind of entity, by their AWS names."""
    kind, on, holder = entity.kind, entity.on, entity.holder

    @answers(tag, on=on, holder=holder, records=f"{holder} tags", context=condition_keys.request_tags)
    def tag_entity(account: Account, _call: Call, *, name: str, tags: list[Mapping[str, str]]) -> Outcome:
        return done(*tagging.tag(account, kind, name, tags=tags_from_request(tags)))

    @answers(untag, on=on, holder=holder, records=f"{holder} tag_keys", context=condition_keys.request_tag_keys)
    def untag_entity(account: Account, _call: Call, *, name: str, tag_keys: list[str]) -> Outcome:
        return done(*tagging.untag(account, kind, name, keys=tag_keys))

    @answers(list_tags, on=on, holder=holder, records=f"{holder} marker max_items")
    def list_entity_tags(
        account: Account, _call: Call, *, name: str, marker: str | None = None, max_items: int | None = None
    ) -> Outcome:
        tags, pages = tags_of(account, kind.named(account, name).id), page_request("Tags", marker, max_items)
        return Outcome(lambda _after: pages.of(tags.values(), key=tag_sort_key, render=tag_members))


_answer(entities.USER, tag="TagUser", untag="UntagUser", list_tags="ListUserTags")
_answer(entities.ROLE, tag="TagRole", untag="UntagRole", list_tags="ListRoleTags")
