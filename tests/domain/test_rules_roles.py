"""Roles and whom they trust."""

import pytest

from domain.families.roles import ROLE, ROLES, RoleCreated
from domain.foundation.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    InvalidInput,
    LimitExceeded,
    MalformedPolicyDocument,
    NoSuchEntity,
)
from domain.rules import policy_holders, quotas, roles, users
from tests.domain.accounts import (
    ACCOUNT,
    ADMINISTRATOR_ACCESS,
    ALLOW_ALL,
    after,
    new_account,
    role_arn,
    trusting,
    user_arn,
    with_role,
    with_users,
)


def test_role_names_are_unique_without_regard_to_case() -> None:
    """Another spelling on another path is taken too."""
    with pytest.raises(EntityAlreadyExists, match="Role with name OPS already exists"):
        with_role(with_role(new_account(), "ops"), "OPS", path="/x/")


def test_no_role_passes_for_a_service_linked_one() -> None:
    """No organization limits those, so their path is nobody's to choose."""
    with pytest.raises(InvalidInput, match="is reserved for roles of AWS services; got /aws-service-role/x/"):
        with_role(new_account(), "ops", path="/aws-service-role/x/")


def test_roles_per_account() -> None:
    """The 1,000th role fits, the next does not."""
    account = after(
        new_account(),
        *(
            RoleCreated(
                role_id=f"AROA{n}",
                role_name=f"r{n}",
                path="/",
                session_seconds_max=3_600,
                trust_policy=trusting(ACCOUNT),
                trusted={},
            )
            for n in range(quotas.ROLES_MAX - 1)
        ),
    )
    full = with_role(account, "last")
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for RolesPerAccount: 1000"):
        with_role(full, "more")


def test_a_trust_policy_is_resolved_when_it_is_written() -> None:
    """ARNs of users and roles are kept with the unique ids that they mean; accounts and sessions need none."""
    account = with_role(with_users(new_account(), "ann", path="/team/"), "worker")
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/night"
    principals = (user_arn("ann", "/team/"), role_arn("worker"), session, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")
    role = with_role(account, "ops", trusting(*principals))[ROLES].named("ops")
    assert dict(role.trusted) == {user_arn("ann", "/team/"): "AIDAann", role_arn("worker"): "AROAworker"}


@pytest.mark.parametrize(
    "unknown",
    [
        user_arn("bob"),
        user_arn("ann", "/team/"),
        user_arn("ANN"),
        role_arn("ann"),
        role_arn("ops"),
        "arn:aws-cn:iam::123456789012:user/ann",
        "AIDAQQQQQQQQQQQQQQQQQ",
    ],
)
def test_unknown_principals_are_refused(unknown: str) -> None:
    """Somebody who does not exist, exists on another path or in another spelling, or is the very role that
    is being created, is no principal: whoever came to be so called later would be trusted unseen."""
    account = with_users(new_account(), "ann")
    with pytest.raises(MalformedPolicyDocument, match=f'Invalid principal in policy: "AWS":"{unknown}"'):
        with_role(account, "ops", trusting(unknown))


def test_a_unique_id_is_a_principal() -> None:
    """A unique id that exists may stand for itself; it needs no resolving."""
    account = after(
        new_account(), users.create_user(new_account(), user_id="AIDA234567ABCDEF", user_name="x", path="/")
    )
    assert dict(with_role(account, "ops", trusting("AIDA234567ABCDEF"))[ROLES].named("ops").trusted) == {}


def test_size_of_a_trust_policy() -> None:
    """2,048 characters fit and 2,049 do not, neither at first nor as a replacement."""

    def sized(characters: int) -> str:
        short = trusting(ACCOUNT, Sid="").replace(" ", "")
        return short.replace('"Sid":""', f'"Sid":"{"a" * (characters - len(short))}"')

    account = with_role(new_account(), "ops", sized(2_048))
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for ACLSizePerRole: 2048"):
        with_role(account, "more", sized(2_049))
    with pytest.raises(LimitExceeded):
        with_role(account, "more", "9" * 2_049)
    with pytest.raises(LimitExceeded):
        roles.replace_trust_policy(account, role_name="ops", trust_policy=sized(2_049))


@pytest.mark.parametrize("document", ["", "{", ALLOW_ALL])
def test_a_trust_policy_has_to_be_one(document: str) -> None:
    """What cannot be parsed, or is an identity policy, is refused, at first and as a replacement."""
    account = with_role(new_account(), "ops")
    with pytest.raises(MalformedPolicyDocument):
        with_role(account, "more", document)
    with pytest.raises(MalformedPolicyDocument):
        roles.replace_trust_policy(account, role_name="ops", trust_policy=document)


def test_a_replaced_trust_policy_is_resolved_anew() -> None:
    """An ARN that meant a user who is gone means the one who has it now, from the replacement on."""
    account = with_role(with_users(new_account(), "ann"), "ops", trusting(user_arn("ann")))
    account = after(account, users.delete_user(account, user_name="ann"))
    account = after(account, users.create_user(account, user_id="AIDAagain", user_name="ann", path="/"))
    assert dict(account[ROLES].named("ops").trusted) == {user_arn("ann"): "AIDAann"}
    replaced = roles.replace_trust_policy(account, role_name="ops", trust_policy=trusting(user_arn("ann")))
    assert dict(after(account, replaced)[ROLES].named("ops").trusted) == {user_arn("ann"): "AIDAagain"}


def test_updating_a_role() -> None:
    """What is not given stays, in the rule; the rest is new."""
    account = with_role(new_account(), "ops")
    account = after(
        account, roles.update_role(account, role_name="OPS", description="night shift", session_seconds_max=7_200)
    )
    account = after(account, roles.update_role(account, role_name="ops", description=None, session_seconds_max=None))
    role = account[ROLES].named("ops")
    assert (role.description, role.session_seconds_max) == ("night shift", 7_200)


def test_a_role_with_policies_stays() -> None:
    """Inline policies first, then attached ones; then it goes and its name is free for another role."""
    account = with_role(new_account(), "ops")
    account = after(
        account,
        *policy_holders.attach(account, ROLE, "ops", policy_arn=ADMINISTRATOR_ACCESS),
        policy_holders.put_inline(account, ROLE, "ops", policy_name="p", document=ALLOW_ALL),
    )
    with pytest.raises(DeleteConflict, match="must delete policies first"):
        roles.delete_role(account, role_name="ops")
    account = after(account, policy_holders.delete_inline(account, ROLE, "ops", policy_name="p"))
    with pytest.raises(DeleteConflict, match="must detach all policies first"):
        roles.delete_role(account, role_name="ops")
    account = after(account, policy_holders.detach(account, ROLE, "ops", policy_arn=ADMINISTRATOR_ACCESS))
    account = after(account, roles.delete_role(account, role_name="ops"))
    with pytest.raises(NoSuchEntity, match="The role with name ops cannot be found"):
        roles.delete_role(account, role_name="ops")
