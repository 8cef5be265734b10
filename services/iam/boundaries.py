"""IAM's operations on permissions boundaries: those of users and of roles alike."""

from dataclasses import dataclass

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.rules import bounding
from domain.rules.bounding import ROLE, USER, Kind
from services.iam import conditions, resources
from services.wire.operations import Context, Resource, answers


@dataclass(frozen=True, slots=True)
class _Family:
    """The operations of one kind of entity, by their AWS names."""

    kind: Kind
    on: Resource
    boundary: Context
    """The condition key that tells the boundary it has."""
    holder: str
    """The parameter that names the entity."""
    put: str
    delete: str


_FAMILIES = (
    _Family(
        kind=USER,
        on=resources.user,
        boundary=conditions.boundary_of_user,
        holder="user_name",
        put="PutUserPermissionsBoundary",
        delete="DeleteUserPermissionsBoundary",
    ),
    _Family(
        kind=ROLE,
        on=resources.role,
        boundary=conditions.boundary_of_role,
        holder="role_name",
        put="PutRolePermissionsBoundary",
        delete="DeleteRolePermissionsBoundary",
    ),
)


def _answer(family: _Family) -> None:
    kind, on, holder = family.kind, family.on, family.holder

    @answers(
        family.put, on=on, holder=holder, records=f"{holder} permissions_boundary", context=conditions.boundary_given
    )
    def put(account: Account, _call: Call, *, name: str, permissions_boundary: str) -> Outcome:
        return done(*bounding.put(account, kind, name, policy_arn=permissions_boundary))

    @answers(family.delete, on=on, holder=holder, records=holder, context=family.boundary)
    def delete(account: Account, _call: Call, *, name: str) -> Outcome:
        return done(bounding.delete(account, kind, name))


for _family in _FAMILIES:
    _answer(_family)
