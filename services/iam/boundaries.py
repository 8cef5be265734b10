"""IAM's operations on permissions boundaries: those of users and of roles alike."""

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.rules import permissions_boundaries
from services.iam import condition_keys, entities
from services.iam.entities import IamEntity
from services.wire.operations import answers


def _answer(entity: IamEntity, *, put: str, delete: str) -> None:
    """Answers the operations of one kind of entity, by their AWS names."""
    kind, on, holder = entity.kind, entity.on, entity.holder
    put_records = f"{holder} permissions_boundary"

    @answers(put, on=on, holder=holder, records=put_records, context=condition_keys.requested_boundary)
    def put_boundary(account: Account, _call: Call, *, name: str, permissions_boundary: str) -> Outcome:
        return done(*permissions_boundaries.put(account, kind, name, policy_arn=permissions_boundary))

    @answers(delete, on=on, holder=holder, records=holder, context=entity.boundary)
    def delete_boundary(account: Account, _call: Call, *, name: str) -> Outcome:
        return done(permissions_boundaries.delete(account, kind, name))


_answer(entities.USER, put="PutUserPermissionsBoundary", delete="DeleteUserPermissionsBoundary")
_answer(entities.ROLE, put="PutRolePermissionsBoundary", delete="DeleteRolePermissionsBoundary")
