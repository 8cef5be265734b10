"""Users and groups: what may be done with them, and what may not any more."""

import pytest

from domain.account import Account
from domain.families.access_keys import ACCESS_KEYS, AccessKeyCreated, AccessKeyStatus
from domain.families.groups import GROUP, GROUPS
from domain.families.users import USER, USERS
from domain.foundation.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from domain.rules import access_keys, groups, policy_holders, quotas, users
from tests.domain.accounts import (
    ADMINISTRATOR_ACCESS,
    ALLOW_ALL,
    after,
    names,
    new_account,
    user_arn,
    with_groups,
    with_users,
)


def create_user(account: Account, name: str, user_id: str = "AIDA0", path: str = "/") -> Account:
    return after(account, users.create_user(account, user_id=user_id, user_name=name, path=path))


def delete_user(account: Account, name: str) -> Account:
    return after(account, users.delete_user(account, user_name=name))


def rename(account: Account, name: str, new_name: str | None = None, new_path: str | None = None) -> Account:
    return after(account, users.update_user(account, user_name=name, new_path=new_path, new_user_name=new_name))


def add(account: Account, group: str, user: str) -> Account:
    return after(account, *groups.add_user_to_group(account, group_name=group, user_name=user))


@pytest.mark.parametrize("taken", ["ann", "ANN", "Ann"])
def test_user_names_are_unique_without_regard_to_case(taken: str) -> None:
    """A name in another spelling is the same name, even on another path."""
    account = create_user(new_account(), "Ann")
    with pytest.raises(EntityAlreadyExists, match=f"User with name {taken} already exists"):
        users.create_user(account, user_id="AIDA1", user_name=taken, path="/other/")


def test_names_are_found_without_regard_to_case() -> None:
    """Whoever is looked for in another spelling is found, and shown as it was created."""
    assert create_user(new_account(), "Ann")[USERS].named("aNN").name == "Ann"


def test_user_and_group_names_do_not_meet() -> None:
    """A group may be called as a user is."""
    account = with_groups(with_users(new_account(), "ops"), "ops")
    assert (account[USERS].named("ops").id, account[GROUPS].named("ops").id) == ("AIDAops", "AGPAops")


def test_users_per_account() -> None:
    """The 5,000th user fits, the next does not, and fits when one has gone."""
    account = with_users(new_account(), *(f"u{number}" for number in range(quotas.USERS_MAX - 1)))
    full = create_user(account, "last")
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for UsersPerAccount: 5000"):
        users.create_user(full, user_id="AIDA1", user_name="more", path="/")
    assert len(create_user(delete_user(full, "u7"), "more", "AIDA1")[USERS]) == quotas.USERS_MAX


def test_groups_per_account() -> None:
    """The 300th group fits, the next does not."""
    account = with_groups(new_account(), *(f"g{number}" for number in range(quotas.GROUPS_MAX - 1)))
    full = after(account, groups.create_group(account, group_id="AGPA0", group_name="last", path="/"))
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for GroupsPerAccount: 300"):
        groups.create_group(full, group_id="AGPA1", group_name="more", path="/")


def test_groups_of_a_user() -> None:
    """The tenth group fits, the eleventh does not, and being added again to one of the ten is still no error."""
    wanted = [f"g{number}" for number in range(quotas.GROUPS_OF_A_USER_MAX + 1)]
    account = with_groups(with_users(new_account(), "ann"), *wanted)
    for group in wanted[:-1]:
        account = add(account, group, "ann")
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for GroupsPerUser: 10"):
        groups.add_user_to_group(account, group_name=wanted[-1], user_name="ann")
    assert groups.add_user_to_group(account, group_name=wanted[0], user_name="ann") == ()


def test_renaming_keeps_who_it_is() -> None:
    """With a new name and path a user keeps unique id, date, groups, keys and policies; the old name is free."""
    account = with_groups(with_users(new_account(), "ann"), "ops")
    account = add(account, "ops", "ann")
    account = after(account, AccessKeyCreated(access_key_id="AKIA1", user_id="AIDAann", user_name="ann"))
    account = after(account, *policy_holders.attach(account, USER, "ann", policy_arn=ADMINISTRATOR_ACCESS))
    renamed = rename(account, "ann", "eva", "/away/")
    user = renamed[USERS].named("eva")
    assert (user.id, user.created_at) == ("AIDAann", account[USERS].named("ann").created_at)
    assert renamed.arn(user.resource) == user_arn("eva", "/away/")
    assert names(groups.groups_of(renamed, user.id)) == ["ops"]
    assert names(groups.members(renamed, "AGPAops")) == ["eva"]
    assert names(policy_holders.attached(renamed, USER, "eva")) == ["AdministratorAccess"]
    assert access_keys.owned_key(renamed, user.id, "AKIA1").user_id == user.id
    assert create_user(renamed, "ann")[USERS].named("ann").id == "AIDA0"


def test_renaming_to_a_taken_name() -> None:
    """Not to another's name, but to another spelling of one's own."""
    account = with_users(new_account(), "ann", "bob")
    with pytest.raises(EntityAlreadyExists):
        users.update_user(account, user_name="ann", new_path=None, new_user_name="BOB")
    assert rename(account, "ann", "ANN")[USERS].named("ann").name == "ANN"


def test_what_is_not_given_stays() -> None:
    """A rename keeps the path, and a move keeps the name."""
    account = with_users(new_account(), "ann", path="/a/")
    assert rename(account, "ann", "eva")[USERS].named("eva").resource == "user/a/eva"
    assert rename(account, "ann", None, "/b/")[USERS].named("ann").resource == "user/b/ann"


def test_a_recreated_user_is_somebody_else() -> None:
    """After deletion the name is free, and whoever gets it has another unique id and nothing of the former one."""
    account = with_groups(with_users(new_account(), "ann"), "ops")
    account = add(account, "ops", "ann")
    gone = after(account, groups.remove_user_from_group(account, group_name="ops", user_name="ann"))
    gone = delete_user(gone, "ann")
    with pytest.raises(NoSuchEntity, match="The user with name ann cannot be found"):
        gone[USERS].named("ann")
    again = create_user(gone, "ann", "AIDAagain")
    assert again[USERS].named("ann").id == "AIDAagain"
    assert groups.groups_of(again, "AIDAagain") == []


def test_what_hangs_on_a_user_is_told_in_order() -> None:
    """A user with everything is refused for its access keys, then inline policies, then attached ones, then groups, as
    the API Reference lists them; when all of that is gone it goes."""
    account = with_groups(with_users(new_account(), "ann"), "ops")
    account = add(account, "ops", "ann")
    account = after(
        account,
        *policy_holders.attach(account, USER, "ann", policy_arn=ADMINISTRATOR_ACCESS),
        policy_holders.put_inline(account, USER, "ann", policy_name="p", document=ALLOW_ALL),
        access_keys.create_access_key(account, user_id="AIDAann", access_key_id="AKIA1"),
    )
    removals = (
        (
            "must delete access keys",
            lambda a: access_keys.delete_access_key(a, user_id="AIDAann", access_key_id="AKIA1")[0],
        ),
        ("must delete policies", lambda a: policy_holders.delete_inline(a, USER, "ann", policy_name="p")),
        ("must detach all policies", lambda a: policy_holders.detach(a, USER, "ann", policy_arn=ADMINISTRATOR_ACCESS)),
        ("must remove users from group", lambda a: groups.remove_user_from_group(a, group_name="ops", user_name="ann")),
    )
    for sentence, removal in removals:
        with pytest.raises(DeleteConflict, match=f"Cannot delete entity, {sentence} first"):
            users.delete_user(account, user_name="ann")
        account = after(account, removal(account))
    assert delete_user(account, "ann")[USERS].find("ann") is None


def test_a_group_goes_when_it_is_empty() -> None:
    """Members come first, then inline policies, then attached ones."""
    account = with_groups(with_users(new_account(), "ann"), "ops")
    account = add(account, "ops", "ann")
    account = after(
        account,
        policy_holders.put_inline(account, GROUP, "ops", policy_name="p", document=ALLOW_ALL),
        *policy_holders.attach(account, GROUP, "ops", policy_arn=ADMINISTRATOR_ACCESS),
    )
    removals = (
        ("must remove users", lambda a: groups.remove_user_from_group(a, group_name="ops", user_name="ann")),
        ("must delete policies", lambda a: policy_holders.delete_inline(a, GROUP, "ops", policy_name="p")),
        ("must detach", lambda a: policy_holders.detach(a, GROUP, "ops", policy_arn=ADMINISTRATOR_ACCESS)),
    )
    for sentence, removal in removals:
        with pytest.raises(DeleteConflict, match=sentence):
            groups.delete_group(account, group_name="ops")
        account = after(account, removal(account))
    gone = after(account, groups.delete_group(account, group_name="OPS"))
    assert gone[GROUPS].find("ops") is None


def test_a_renamed_group_keeps_its_members() -> None:
    """Unique id and members stay; the old name is free, another's is not to be had."""
    account = add(with_groups(with_users(new_account(), "ann"), "ops", "dev"), "ops", "ann")
    renamed = after(account, groups.update_group(account, group_name="ops", new_path="/x/", new_group_name="night"))
    assert names(groups.members(renamed, "AGPAops")) == ["ann"]
    assert renamed[GROUPS].named("NIGHT").resource == "group/x/night"
    with pytest.raises(EntityAlreadyExists, match="Group with name DEV already exists"):
        groups.update_group(renamed, group_name="night", new_path=None, new_group_name="DEV")


def test_who_is_not_in_a_group_cannot_leave_it() -> None:
    """Neither who never was nor who has left already, nor who does not exist."""
    account = with_groups(with_users(new_account(), "ann"), "ops")
    with pytest.raises(NoSuchEntity):
        groups.remove_user_from_group(account, group_name="ops", user_name="ann")
    account = add(account, "ops", "ann")
    account = after(account, groups.remove_user_from_group(account, group_name="ops", user_name="ann"))
    with pytest.raises(NoSuchEntity):
        groups.remove_user_from_group(account, group_name="ops", user_name="ann")
    with pytest.raises(NoSuchEntity, match="The user with name bob cannot be found"):
        groups.add_user_to_group(account, group_name="ops", user_name="bob")
    with pytest.raises(NoSuchEntity, match="The group with name dev cannot be found"):
        groups.add_user_to_group(account, group_name="dev", user_name="ann")


def test_access_keys_of_a_user() -> None:
    """Two keys and no third, an inactive one counts; when one is deleted there is room again."""
    account = with_users(new_account(), "ann", "bob")
    for key_id in ("AKIA1", "AKIA2"):
        account = after(account, access_keys.create_access_key(account, user_id="AIDAann", access_key_id=key_id))
    account = after(
        account, *access_keys.update_access_key(account, user_id="AIDAann", access_key_id="AKIA1", status="Inactive")
    )
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for AccessKeysPerUser: 2"):
        access_keys.create_access_key(account, user_id="AIDAann", access_key_id="AKIA3")
    access_keys.create_access_key(account, user_id="AIDAbob", access_key_id="AKIA3")
    account = after(account, *access_keys.delete_access_key(account, user_id="AIDAann", access_key_id="AKIA1"))
    account = after(account, access_keys.create_access_key(account, user_id="AIDAann", access_key_id="AKIA3"))
    assert [key.id for key in account[ACCESS_KEYS].of("AIDAann")] == ["AKIA2", "AKIA3"]


def test_a_key_is_its_owners_alone() -> None:
    """A key named with another user does not exist, neither to change nor to delete."""
    account = with_users(new_account(), "ann", "bob")
    account = after(account, access_keys.create_access_key(account, user_id="AIDAann", access_key_id="AKIA1"))
    with pytest.raises(NoSuchEntity, match="The Access Key with id AKIA1 cannot be found"):
        access_keys.delete_access_key(account, user_id="AIDAbob", access_key_id="AKIA1")
    with pytest.raises(NoSuchEntity):
        access_keys.update_access_key(account, user_id="AIDAbob", access_key_id="AKIA1", status="Inactive")


def test_a_status_set_twice_is_one_event() -> None:
    """Active and inactive there and back; what is so already makes no event."""
    account = with_users(new_account(), "ann")
    account = after(account, access_keys.create_access_key(account, user_id="AIDAann", access_key_id="AKIA1"))
    steps: list[tuple[AccessKeyStatus, int]] = [("Active", 0), ("Inactive", 1), ("Inactive", 0), ("Active", 1)]
    for status, events in steps:
        changes = access_keys.update_access_key(account, user_id="AIDAann", access_key_id="AKIA1", status=status)
        assert len(changes) == events
        account = after(account, *changes)
        assert account[ACCESS_KEYS].by_id["AKIA1"].status == status


def test_keys_of_root() -> None:
    """Root's keys count by themselves and are named after the account."""
    account = new_account()
    created = access_keys.create_access_key(account, user_id=account.id, access_key_id="AKIA1")
    assert created.user_name == account.id
    assert [key.id for key in after(account, created)[ACCESS_KEYS].of(account.id)] == ["AKIA1"]
