"""Names and paths of roles that AWS keeps for itself, and the roles that nobody but it changes
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html)."""

from domain.authorization import SERVICE_LINKED
from domain.families.roles import Role
from domain.foundation.errors import InvalidInput, UnmodifiableEntity

_RESERVED_PATHS = (SERVICE_LINKED, "/aws-reserved/")
_RESERVED_NAMES = ("AWSServiceRoleFor", "AWSReservedSSO_")


def refuse_reserved(role_name: str, path: str) -> None:
    """Raises InvalidInput for a role that only AWS could create; names do not differ by case alone."""
    for reserved in _RESERVED_PATHS:
        if path.startswith(reserved):
            raise InvalidInput(f"The path {reserved} is reserved for roles of AWS services; got {path}.")
    for reserved in _RESERVED_NAMES:
        if role_name.lower().startswith(reserved.lower()):
            raise InvalidInput(f"Names that begin with {reserved} are reserved for roles of AWS services.")


def is_service_linked(entity: object) -> bool:
    return isinstance(entity, Role) and entity.path.startswith(SERVICE_LINKED)


def refuse_protected(entity: object) -> None:
    """Whatever may hold policies. Raises UnmodifiableEntity for a service-linked role."""
    if isinstance(entity, Role) and is_service_linked(entity):
        raise UnmodifiableEntity(
            f"Cannot perform the operation on the protected role '{entity.name}' - this role is only modifiable by AWS"
        )
