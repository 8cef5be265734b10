"""Permissions boundaries: managed policies that say what a user or a role may do at most."""

from collections.abc import Iterator
from datetime import datetime

from domain.account import Account, Component
from domain.entity_kinds import EntityChange, entity_title
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.foundation.many_to_many import ManyToMany

BOUNDARIES = Component[ManyToMany]("boundaries", ManyToMany(), forget=ManyToMany.without)
"""Unique ids of what is bounded on the left, and on the right the ARN of the one policy that bounds it. A boundary goes
with its user or role."""
BOUNDARY_FACT = FactKind("boundary", "was put", "was deleted")


def boundary_arn(account: Account, entity_id: str) -> str | None:
    """Of the policy that bounds the entity; None where none does."""
    arns = account[BOUNDARIES].rights_of(entity_id)
    return arns[0] if arns else None


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    policy_arn = boundary_arn(account, subject)
    if policy_arn is not None:
        name = f"of {entity_title(account, subject)}"
        yield Fact(BOUNDARY_FACT, subject), FactValue(name, {"policy_arn": policy_arn})


class BoundaryChange(EntityChange):
    policy_id: str
    policy_arn: str


class PermissionsBoundaryPut(BoundaryChange, topic="iam.permissions_boundary.put.v1"):
    """In the place of the one before, if there was one."""

    sentence = "Policy {policy_arn} became the boundary of {entity} {entity_name}."

    def fold(self, account: Account, at: datetime) -> Account:
        entity_title(account, self.entity_id)
        others = account[BOUNDARIES].without(self.entity_id)
        return account.put(BOUNDARIES, others.add(self.entity_id, self.policy_arn))


class PermissionsBoundaryDeleted(BoundaryChange, topic="iam.permissions_boundary.deleted.v1"):
    sentence = "Policy {policy_arn} is no longer the boundary of {entity} {entity_name}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(BOUNDARIES, account[BOUNDARIES].remove(self.entity_id, self.policy_arn))
