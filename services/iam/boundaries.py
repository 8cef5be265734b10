"""IAM's operations on permissions boundaries: those of users and of roles alike."""

from dataclasses import dataclass

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.rules import permissions_boundaries
from services.iam import condition_keys, entities
from services.iam.entities import IamEntity
from services.wire.operations import answers


@dataclass(frozen=True, slots=True)
class _BoundaryOperations:
    """The operations of one kind of entity, by their AWS names."""

    entity: IamEntity
    put: str
    delete: str


_FAMILIES = (
    _BoundaryOperations(entity=entities.USER, put="PutUserPermissionsBoundary", delete="DeleteUserPermissionsBoundary"),
    _BoundaryOperations(entity=entities.ROLE, put="PutRolePermissionsBoundary", delete="DeleteRolePermissionsBoundary"),
)


def _answer(family: _BoundaryOperations) -> None:
    kind, on, holder = family.entity.kind, family.entity.on, family.entity.holder

    @answers(
        family.put,
        on=on,
        holder=holder,
        records=f"{holder} permissions_boundary",
        context=condition_keys.requested_boundary,
    )
    def put(account: Account, _call: Call, *, name: str, permissions_boundary: str) -> Outcome:
        return done(*permissions_boundaries.put(account, kind, name, policy_arn=permissions_boundary))

    @answers(family.delete, on=on, holder=holder, records=holder, context=family.entity.boundary)
    def delete(account: Account, _call: Call, *, name: str) -> Outcome:
        return done(permissions_boundaries.delete(account, kind, name))


for _family in _FAMILIES:
    _answer(_family)
