"""IAM, one module a family. Importing this registers every operation."""

from services.iam import access_keys, aliases, groups, held_policies, passwords, policies, roles, users

__all__ = ["access_keys", "aliases", "groups", "held_policies", "passwords", "policies", "roles", "users"]
