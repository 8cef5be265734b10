"""Who holds which policy, and how, at any moment."""

from dataclasses import dataclass

import psycopg

from domain.families.policies import HolderNoun
from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.moments import AsOf, EventRef, Moment
from domain.read_models.permissions import GroupMembership, HeldPolicy
from projections.engine.sql_files import load_statements
from projections.queries.entity_names import nearest_entity
from projections.queries.ledger_positions import resolve_in_projection

SQL = load_statements("projections.queries", "queries.sql")


@dataclass(frozen=True, slots=True)
class PrincipalPermissions:
    kind: HolderNoun
    entity_id: str
    name: str
    arn: str
    moment: Moment
    policies: tuple[HeldPolicy, ...]


def permissions_of(cursor: psycopg.Cursor, account_id: str, principal: str, as_of: AsOf) -> PrincipalPermissions:
    """What a user, group or role held itself, and a user through its groups.

    The principal is an ARN, a unique id, or a name, by what it was called at the moment. Raises NoSuchEntity,
    InvalidInput when a name is that of several, and what `resolve_in_projection` raises.
    """
    moment = resolve_in_projection(cursor, "permissions", account_id, as_of)
    parameters = {"account_id": account_id, "position": moment.position, "principal": principal}
    found = cursor.execute(SQL["principals"], parameters).fetchall()
    if not found:
        near = nearest_entity(cursor, account_id, principal)
        raise NoSuchEntity(f"No user, group or role was called {principal} at position {moment.position}.", near)
    if len(found) > 1:
        raise InvalidInput(f"{principal} may be {' or '.join(arn for *_, arn in found)}: give the ARN.")
    kind, entity_id, name, arn = found[0]
    held = cursor.execute(SQL["held_policies"], {**parameters, "entity_id": entity_id}).fetchall()
    policies = tuple(
        HeldPolicy(
            policy_name=row[0],
            policy_arn=row[1],
            version_id=row[2],
            document=row[3],
            since=EventRef(*row[4:7]),
            document_since=EventRef(*row[7:10]),
            through=None if row[10] is None else GroupMembership(row[10], row[11], EventRef(*row[12:15])),
        )
        for row in held
    )
    return PrincipalPermissions(kind, entity_id, name, arn, moment, policies)
