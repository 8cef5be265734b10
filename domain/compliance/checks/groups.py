"""Groups, and who is in them."""

from collections.abc import Iterator

from domain.account import Account
from domain.compliance.check import CheckFinding, check, violated
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.users import USERS


@check(
    of="group",
    reads=(GROUPS, MEMBERSHIPS),
    title="Groups have members",
    rationale="Of an empty group nobody knows whom its permissions are for.",
    remediation="aws iam delete-group --group-name GROUP",
    severity="low",
)
def group_without_users(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    yield violated(holder_id, not account[MEMBERSHIPS].count_lefts(holder_id))


@check(
    of="user",
    reads=(USERS, GROUPS, MEMBERSHIPS),
    title="Users are in a group",
    rationale="What somebody may do follows from the work only where it comes by a group.",
    remediation="aws iam add-user-to-group --user-name USER --group-name GROUP",
    severity="low",
)
def user_in_no_group(account: Account, holder_id: str, *, groups: tuple[str, ...] = ()) -> Iterator[CheckFinding]:
    """In none of these, by name; in none at all, where none are given."""
    theirs = account[MEMBERSHIPS].rights_of(holder_id)
    wanted = [each for each in theirs if not groups or account[GROUPS].by_id[each].name in groups]
    yield violated(holder_id, not wanted)
