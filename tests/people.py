"""People for histories to begin with, so that what follows concerns somebody."""

from collections.abc import Sequence
from datetime import datetime

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.families.boundaries import PermissionsBoundaryPut
from domain.families.groups import GROUP, GroupCreated, UserAddedToGroup
from domain.families.policies import POLICY, InlinePolicyPut, PolicyAttached, PolicyCreated
from domain.families.roles import ROLE, RoleCreated
from domain.families.users import USER, UserCreated
from domain.foundation.events import Event
from domain.foundation.identifiers import Random, new_unique_id
from tests.domain.accounts import trusting
from tests.steps import DOCUMENTS


def people(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    """Ann, who is in the group ops and holds a boundary, bob, and the role ops; each holds something."""
    ann, bob, group, role, policy = (
        new_unique_id(kind.id_prefix, random) for kind in (USER, USER, GROUP, ROLE, POLICY)
    )
    policy_arn = account.arn("policy/ops")
    named = {"policy_id": policy, "policy_arn": policy_arn}
    of_ann = {"entity": "user", "entity_id": ann, "entity_name": "ann"}
    of_group = {"entity": "group", "entity_id": group, "entity_name": "ops"}
    of_role = {"entity": "role", "entity_id": role, "entity_name": "ops"}
    trusted = draw(st.sampled_from([[], [account.arn("user/ann")]]))
    return [
        UserCreated(user_id=ann, user_name="ann", path="/"),
        UserCreated(user_id=bob, user_name="bob", path="/"),
        GroupCreated(group_id=group, group_name="ops", path="/"),
        UserAddedToGroup(group_id=group, group_name="ops", user_id=ann, user_name="ann"),
        RoleCreated(
            role_id=role,
            role_name="ops",
            path="/",
            session_seconds_max=3_600,
            trust_policy=trusting(*(trusted or [account.id])),
            trusted=dict.fromkeys(trusted, ann),
        ),
        PolicyCreated(**named, policy_name="ops", path="/", document=draw(DOCUMENTS)),
        PolicyAttached(**of_group, **named),
        PermissionsBoundaryPut(**of_ann, **named),
        InlinePolicyPut(**of_role, policy_name="own", document=draw(DOCUMENTS)),
        InlinePolicyPut(**of_ann, policy_name="own", document=draw(DOCUMENTS)),
    ]
