"""IAM's operations on tags: those of users and of roles alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.rules import tagging
from domain.rules.tagging import ROLE, USER, Kind
from services.iam import conditions, resources
from services.iam.shapes import by_key_of_tag, tag_members, tags_in
from services.wire.operations import Resource, answers
from services.wire.paginate import listing


@dataclass(frozen=True, slots=True)
class _Family:
    """The operations of one kind of entity, by their AWS names."""

    kind: Kind
    on: Resource
    holder: str
    """The parameter that names the entity."""
    tag: str
    untag: str
    list_tags: str


_FAMILIES = (
    _Family(
        kind=USER, on=resources.user, holder="user_name", tag="TagUser", untag="UntagUser", list_tags="ListUserTags"
    ),
    _Family(
        kind=ROLE, on=resources.role, holder="role_name", tag="TagRole", untag="UntagRole", list_tags="ListRoleTags"
    ),
)


def _answer(family: _Family) -> None:
    kind, on, holder = family.kind, family.on, family.holder

    @answers(family.tag, on=on, holder=holder, records=f"{holder} tags", context=conditions.tags_given)
    def tag(account: Account, _call: Call, *, name: str, tags: list[Mapping[str, str]]) -> Outcome:
        return done(*tagging.tag(account, kind, name, tags=tags_in(tags)))

    @answers(family.untag, on=on, holder=holder, records=f"{holder} tag_keys", context=conditions.tag_keys_given)
    def untag(account: Account, _call: Call, *, name: str, tag_keys: list[str]) -> Outcome:
        return done(*tagging.untag(account, kind, name, keys=tag_keys))

    @answers(family.list_tags, on=on, holder=holder, records=f"{holder} marker max_items")
    def list_tags(
        account: Account, _call: Call, *, name: str, marker: str | None = None, max_items: int | None = None
    ) -> Outcome:
        tags, pages = kind.named(account, name).tags, listing("Tags", marker, max_items)
        return Outcome(lambda _after: pages.of(tags.values(), key=by_key_of_tag, render=tag_members))


for _family in _FAMILIES:
    _answer(_family)
