"""How people name entities, and which of an account's entities a name has ever meant."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import psycopg

from domain.foundation.identifiers import account_of_arn
from domain.foundation.nearest import NEAREST_OF_MAX, nearest
from projections.engine.sql_files import load_statements

SQL = load_statements("projections.queries", "queries.sql")
ENTITY_KINDS = ("root", "user", "group", "role", "policy")
_OWN = re.compile(r"(user|group|role|policy|instance-profile|server-certificate)/(.*/)?([^/]+)")


class NameOfEntity(NamedTuple):
    """That a user, group or role was called so, from one position on and before another; None while it is."""

    kind: str
    entity_id: str
    name: str
    arn: str
    valid_from: int
    valid_to: int | None


def own_resource(account_id: str, named: str) -> str:
    """What follows the account in an ARN of its own, of IAM or STS; all else as it is."""
    parts = named.split(":", 5)
    return parts[5] if account_of_arn(named) == account_id and parts[2] in {"iam", "sts"} else named


def resource_name(account_id: str, named: str) -> str:
    """As the function of this name in trail.sql has it: without the path, where it has one."""
    resource = own_resource(account_id, named)
    parts = _OWN.fullmatch(resource)
    return resource if parts is None else f"{parts[1]}/{parts[3]}"


def names_of_entities(cursor: psycopg.Cursor, account_id: str, named: str) -> list[NameOfEntity]:
    """All names that those users, groups and roles ever had which were ever called so: by name, kind and name, ARN, or
    unique id."""
    rows = cursor.execute(SQL["names"], {"account_id": account_id, "principal": named}).fetchall()
    return [NameOfEntity(*row) for row in rows]


def policy_arns(cursor: psycopg.Cursor, account_id: str, named: str) -> Sequence[str]:
    """Of the managed policies that were ever called so: by name, `policy/` and name, ARN, or unique id."""
    rows = cursor.execute(SQL["policies"], {"account_id": account_id, "policy": named}).fetchall()
    return [arn for (arn,) in rows]


def nearest_seed(cursor: psycopg.Cursor, account_id: str, named: str) -> str:
    """A sentence that names what is most like it of that which has credentials, or is one."""
    kind = {"AKIA": "access_key_id", "ASIA": "access_key_id", "SESN": "session_id"}.get(named[:4])
    if kind is not None:
        return nearest_credential(cursor, account_id, named, kind)
    return nearest_session(cursor, account_id, named) or nearest_entity(cursor, account_id, named)


def nearest_credential(cursor: psycopg.Cursor, account_id: str, named: str, kind: str) -> str:
    """Of the newest access keys, or sessions, as `kind` is access_key_id or session_id."""
    sought = {"account_id": account_id, "column": kind, "limit": NEAREST_OF_MAX}
    return nearest(named, [each for (each,) in cursor.execute(SQL["credential_ids"], sought).fetchall()])


def nearest_session(cursor: psycopg.Cursor, account_id: str, named: str) -> str:
    """Of the newest sessions of a role, one of the same role, and of federated users another; empty where the name is
    not of that form."""
    resource = own_resource(account_id, named)
    parts = re.fullmatch("(?:assumed-role|role)/([^/]+)/[^/]+|federated-user/[^/]+", resource)
    if parts is None:
        return ""
    sought = {"account_id": account_id, "role": parts[1], "limit": NEAREST_OF_MAX}
    return nearest(resource, [each for (each,) in cursor.execute(SQL["session_names"], sought).fetchall()])


def nearest_entity(cursor: psycopg.Cursor, account_id: str, named: str, kinds: Collection[str] = ENTITY_KINDS) -> str:
    """A sentence that names what of these kinds is called most like it, or was called last; or else was ever."""
    rows = cursor.execute(SQL["known"], {"account_id": account_id, "limit": NEAREST_OF_MAX}).fetchall()

    def known(*, is_last: bool) -> Iterator[str]:
        if "root" in kinds:
            yield "root"
        for kind, entity_id, name, arn, last in rows:
            form = arn if named.startswith("arn:") else f"{kind}/{name}" if "/" in named else name
            if kind in kinds and last is is_last:
                yield entity_id if re.fullmatch("A[A-Z0-9]{19,20}", named) else form

    return nearest(named, known(is_last=True)) or nearest(named, known(is_last=False))
