"""What a credential's name means: whose keys and sessions it could be, now or before."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import psycopg

from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.identifiers import SESSION
from domain.foundation.moments import AsOf, EventRef, Moment
from domain.foundation.suggested_commands import suggested_command
from domain.read_models.lineage import LineageKindName, LineageNode, LineageState
from projections.engine.sql_files import load_statements
from projections.queries.bearers import When, bearers
from projections.queries.called_sessions import sessions_called, several_sessions
from projections.queries.entity_names import names_of_entities, nearest_seed
from projections.queries.ledger_positions import resolve_in_projection
from projections.queries.service_keys import told_of_service

SQL = load_statements("projections.queries", "lineage.sql")


class CreatedNode(NamedTuple):
    """A row: the node as it was created, and how it ended for good."""

    node: LineageNode
    ended: tuple[LineageState, EventRef] | None

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Self:
        *columns, ended_as, position, at, by = row
        return cls(LineageNode.of_row(columns), None if ended_as is None else (ended_as, EventRef(position, at, by)))


class SeedOwner(NamedTuple):
    """Who has a credential, or is it, at the moment."""

    kind: LineageKindName
    """Of the credential's node."""
    owner_id: str
    arn: str | None
    """Of the owner at the newest position; None of one who is gone, and of root."""


def seed_owners(cursor: psycopg.Cursor, account_id: str, seed: str, as_of: AsOf) -> list[SeedOwner]:
    """Of all that `trace_lineage` might take the seed for. Raises what `resolve_in_projection` raises."""
    moment = resolve_in_projection(cursor, "lineage", account_id, as_of)
    found, called, _ = _seeds(cursor, account_id, seed, moment)
    if found is not None:
        nodes = [found]
    else:
        nodes = [row for entity_id, _ in called if (row := _seed_by_id(cursor, account_id, entity_id, moment))]
    owned = {"account_id": account_id, "owners": [each.node.owner_id for each in nodes]}
    arns: dict[str, str] = dict(cursor.execute(SQL["owner_arns"], owned).fetchall())
    return [SeedOwner(each.node.kind, each.node.owner_id, arns.get(each.node.owner_id)) for each in nodes]


def find_seed(cursor: psycopg.Cursor, account_id: str, seed: str, moment: Moment) -> CreatedNode:
    found, called, is_group = _seeds(cursor, account_id, seed, moment)
    if is_group:
        raise InvalidInput(f"{seed} is a group: it has no credentials. Ask for one of its users.")
    if len(called) > 1 and all(entity_id.startswith(SESSION) for entity_id, _ in called):
        raise InvalidInput(several_sessions(seed, [told for _, told in called]))
    if len(called) > 1:
        raise InvalidInput(f"{seed} may be {' or '.join(arn for _, arn in called)}: give the one that you mean.")
    for entity_id, _ in called:
        found = _seed_by_id(cursor, account_id, entity_id, moment)
    if found is None and (told := told_of_service(cursor, account_id, seed, moment)) is not None:
        raise InvalidInput(told)
    if found is None:
        _refuse_otherwise(cursor, account_id, seed, moment)
        raise NoSuchEntity(
            f"{account_id} had no access key, session, user or role {seed} at position {moment.position}, nor before: "
            "expected an access key id, a session id, the id of another credential, a name, a unique id or an ARN.",
            suggestion=nearest_seed(cursor, account_id, seed),
        )
    return found


def _refuse_otherwise(cursor: psycopg.Cursor, account_id: str, seed: str, moment: Moment) -> None:
    """Raises InvalidInput for what is there, but neither a credential nor has any."""
    sought = {"account_id": account_id, "position": moment.position, "seed": seed}
    row = cursor.execute(SQL["no_seed"], sought).fetchone()
    if row is None:
        return
    kind, name, by = row
    if kind in {"mfa_enabled", "mfa_deactivated"}:
        told = f"{seed} is an MFA device, which signs nothing by itself."
        raise InvalidInput(f"{told} Ask for whom it was enabled: {name}.")
    raise InvalidInput(
        f"{seed} is no credential and has none. Ask for who made it, {by}, or for a key of theirs: "
        f"{suggested_command('muniment', 'history', on=seed)}"
    )


def _seeds(
    cursor: psycopg.Cursor, account_id: str, seed: str, moment: Moment
) -> tuple[CreatedNode | None, list[tuple[str, str]], bool]:
    """What has the id; otherwise what is called so, by ids and as people know it; and whether that is a group."""
    if (found := _seed_by_id(cursor, account_id, seed, moment)) is not None:
        return found, [], False
    resolve_in_projection(cursor, "permissions", account_id, AsOf(moment.at, position=moment.position))
    named = bearers(cursor, account_id, seed, When.at(moment.position))
    called = [(each.entity_id, each.arn) for each in named if each.kind != "group"]
    if named and not called:
        return None, [], True
    if not called:
        sessions = sessions_called(cursor, account_id, seed, moment.position)
        called = [(account_id, "root")] if seed == "root" else [(each.session_id, str(each)) for each in sessions]
    return None, called or _former_holders(cursor, account_id, seed, moment), False


def _seed_by_id(cursor: psycopg.Cursor, account_id: str, seed: str, moment: Moment) -> CreatedNode | None:
    sought = {"account_id": account_id, "position": moment.position, "seed": seed}
    row = cursor.execute(SQL["seed"], sought).fetchone()
    return None if row is None else CreatedNode.of_row(row)


def _former_holders(cursor: psycopg.Cursor, account_id: str, seed: str, moment: Moment) -> list[tuple[str, str]]:
    """The users and roles that were called so before, by their ids, twice: as such and for people."""
    names = names_of_entities(cursor, account_id, seed)
    ids = sorted({each.entity_id for each in names if each.kind != "group" and each.valid_from <= moment.position})
    return [(entity_id, entity_id) for entity_id in ids]
