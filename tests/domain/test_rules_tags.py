"""Tags and permissions boundaries of users and roles: what may be put on them, and what goes when they go."""

import pytest

from domain.account import Account
from domain.call_context import CallContext
from domain.callers import Caller, principal_of
from domain.calls import Call
from domain.entity_kinds import Entity, EntityKind
from domain.families.boundaries import BOUNDARIES, boundary_arn
from domain.families.roles import ROLE
from domain.families.tags import TAGS, Tag, tags_of
from domain.families.users import USER, USERS
from domain.foundation.errors import DeleteConflict, InvalidInput, LimitExceeded, NoSuchEntity
from domain.rules import permissions_boundaries, policies, quotas, roles, tagging, users
from tests.domain.accounts import (
    AT,
    CAUSE,
    after,
    new_account,
    policy_arn,
    role_arn,
    user_arn,
    with_policies,
    with_role,
    with_users,
)


def tagged(account: Account, name: str, **tags: str) -> Account:
    return after(account, *tagging.tag(account, USER, name, tags=[Tag(key, value) for key, value in tags.items()]))


def tags_by_name(account: Account, name: str) -> set[Tag]:
    return set(tags_of(account, account[USERS].named(name).id).values())


def test_a_key_in_another_spelling_is_the_same_key() -> None:
    """The later tag takes the place of the earlier one and is shown as it was given; in any spelling it goes."""
    account = tagged(with_users(new_account(), "ann"), "ann", Department="finance", shift="night")
    account = tagged(account, "ann", department="hr")
    assert tags_by_name(account, "ann") == {Tag("department", "hr"), Tag("shift", "night")}
    account = after(account, *tagging.untag(account, USER, "ann", keys=["DEPARTMENT", "nothing"]))
    assert tags_by_name(account, "ann") == {Tag("shift", "night")}


def test_what_changes_nothing_is_no_event() -> None:
    """Neither a tag that is there already, nor the removal of one that is not."""
    account = tagged(with_users(new_account(), "ann"), "ann", team="a", shift="night")
    assert tagging.tag(account, USER, "ann", tags=[Tag("team", "a")]) == ()
    (changed,) = tagging.tag(account, USER, "ann", tags=[Tag("team", "a"), Tag("Shift", "night")])
    assert changed.tags == {"Shift": "night"}
    assert tagging.untag(account, USER, "ann", keys=["other"]) == ()


@pytest.mark.parametrize(
    "tags", [[Tag("aws:x", "")], [Tag("AWS:x", "")], [Tag("x", "aws:y")], [Tag("Team", "a"), Tag("team", "b")]], ids=str
)
def test_tags_that_do_not_fit(tags: list[Tag]) -> None:
    """What AWS keeps for itself, and one key twice, on a new user as on one that is there."""
    account = with_users(new_account(), "ann")
    with pytest.raises(InvalidInput):
        tagging.tag(account, USER, "ann", tags=tags)
    with pytest.raises(InvalidInput):
        tagging.tags_on_create(USER, "AIDA0", "eva", tags)


def test_tags_of_a_user() -> None:
    """Fifty fit, though not given at once; then values may change, but no key comes."""
    account = with_users(new_account(), "ann")
    for first in (0, 25):
        account = tagged(account, "ann", **{f"k{number}": "" for number in range(first, first + 25)})
    assert len(tags_of(account, account[USERS].named("ann").id)) == quotas.TAGS_MAX
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for TagsPerUser: 50"):
        tagged(account, "ann", K1="new", more="")
    assert Tag("K1", "new") in tags_by_name(tagged(account, "ann", K1="new"), "ann")


def test_keys_for_conditions() -> None:
    """The tags of the user or role that an ARN names, under both prefixes and lower-cased; no other ARN has any. Those
    of the caller under a prefix of their own."""
    account = tagged(with_role(with_users(new_account(), "ann"), "ann"), "ann", Team="A")
    account = after(account, *tagging.tag(account, ROLE, "ann", tags=[Tag("Team", "B")]))

    def keys(arn: str) -> dict[str, tuple[str, ...]]:
        caller = Caller(principal_of(account, "AIDAann"), "AIDAann", "k")
        call = Call(caller, CAUSE, AT, random=lambda _count: b"", seal_session=lambda *_: "")
        found = CallContext(call, account, account, arn, {})
        return {key: found[key] for key in found if "tag/" in key}

    caller = {"aws:principaltag/team": ("A",)}
    assert keys(user_arn("ann")) == caller | {"aws:resourcetag/team": ("A",), "iam:resourcetag/team": ("A",)}
    assert keys(role_arn("ann"))["iam:resourcetag/team"] == ("B",)
    for arn in (user_arn("bob"), user_arn("ann", "/x/"), policy_arn("ann"), "*"):
        assert keys(arn) == caller


def bounded(account: Account, kind: EntityKind[Entity], name: str, policy: str) -> Account:
    return after(account, *permissions_boundaries.put(account, kind, name, policy_arn=policy_arn(policy)))


def test_a_boundary_takes_the_place_of_the_one_before() -> None:
    """The former policy is free again, the present one is not to be deleted; putting it twice is no event."""
    account = with_policies(with_users(new_account(), "ann"), "p", "q")
    account = bounded(bounded(account, USER, "ann", "p"), USER, "ann", "q")
    assert boundary_arn(account, "AIDAann") == policy_arn("q")
    assert permissions_boundaries.put(account, USER, "ann", policy_arn=policy_arn("q")) == ()
    policies.delete_policy(account, policy_arn=policy_arn("p"))
    with pytest.raises(DeleteConflict, match="permissions boundary"):
        policies.delete_policy(account, policy_arn=policy_arn("q"))
    account = after(account, permissions_boundaries.delete(account, USER, "ann"))
    assert boundary_arn(account, "AIDAann") is None
    policies.delete_policy(account, policy_arn=policy_arn("q"))
    with pytest.raises(NoSuchEntity, match="does not have a permissions boundary"):
        permissions_boundaries.delete(account, USER, "ann")


def test_only_a_policy_that_exists_bounds() -> None:
    """CreateRole says so with the one code that it has for it."""
    account = with_users(new_account(), "ann")
    for kind, refusal in ((USER, NoSuchEntity), (ROLE, InvalidInput)):
        with pytest.raises(refusal, match="does not exist or is not attachable"):
            permissions_boundaries.boundary_on_create(account, kind, "X", "x", policy_arn("gone"), missing=refusal)
    with pytest.raises(NoSuchEntity):
        permissions_boundaries.put(account, USER, "ann", policy_arn=policy_arn("gone"))


def test_tags_and_boundary_go_with_their_user_or_role() -> None:
    """Nothing hinders the deletion, the policy is free, and whoever gets the name has neither."""
    account = with_policies(with_role(with_users(new_account(), "ann"), "ann"), "p")
    account = bounded(bounded(tagged(account, "ann", team="a"), USER, "ann", "p"), ROLE, "ann", "p")
    account = after(account, *tagging.tag(account, ROLE, "ann", tags=[Tag("team", "b")]))
    assert account[BOUNDARIES].count_lefts(policy_arn("p")) == 2
    account = after(account, users.delete_user(account, user_name="ann"))
    account = after(account, roles.delete_role(account, role_name="ann"))
    policies.delete_policy(account, policy_arn=policy_arn("p"))
    account = after(account, users.create_user(account, user_id="AIDAagain", user_name="ann", path="/"))
    assert (dict(tags_of(account, "AIDAagain")), boundary_arn(account, "AIDAagain")) == ({}, None)
    assert (dict(account[TAGS]), dict(account[BOUNDARIES].forward)) == ({}, {})


def test_renaming_keeps_tags_and_boundary() -> None:
    """They are the user's, whatever it is called."""
    account = with_policies(tagged(with_users(new_account(), "ann"), "ann", team="a"), "p")
    account = bounded(account, USER, "ann", "p")
    account = after(account, users.update_user(account, user_name="ann", new_path=None, new_user_name="eva"))
    assert tags_by_name(account, "eva") == {Tag("team", "a")}
    assert boundary_arn(account, "AIDAann") == policy_arn("p")
