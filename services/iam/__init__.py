"""IAM, one module a family. Importing this registers every operation."""

from services.iam import (
    access_keys,
    aliases,
    authorization_details,
    boundaries,
    groups,
    held_policies,
    passwords,
    policies,
    roles,
    simulation,
    tags,
    users,
)

__all__ = [
    "access_keys",
    "aliases",
    "authorization_details",
    "boundaries",
    "groups",
    "held_policies",
    "passwords",
    "policies",
    "roles",
    "simulation",
    "tags",
    "users",
]
