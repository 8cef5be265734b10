"""Who is meant by a name at a moment or in a span: whoever was called so then, whatever became of them since."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import psycopg

from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.moments import format_rfc3339
from projections.engine.sql_files import load_statements
from projections.queries.called_sessions import credential_meant
from projections.queries.entity_names import NameOfEntity, names_of_entities, nearest_entity, policy_arns
from projections.queries.ledger_positions import time_at
from projections.queries.readable import require_readable

SQL = load_statements("projections.queries", "queries.sql")
HOLDERS = ("user", "group", "role")
CALLERS = ("user", "role")
BEARERS_TOLD_MAX = 5
_EVER = 2**63 - 1
_ALONE = {"role": "role", "policy": "managed policy"}


@dataclass(frozen=True, slots=True)
class When:
    """A moment, or a span."""

    after: int
    to: int
    """The position of the moment. A span begins with the state at the one and goes up to the other."""
    option: str = "as-of"
    """By which whoever asks may ask about an earlier one."""

    @classmethod
    def at(cls, position: int) -> "When":
        return cls(position, position)

    @property
    def words(self) -> str:
        began = "" if self.after == self.to else f" or since position {self.after + 1}"
        return f"at position {self.to}{began}"


def bearers(
    cursor: psycopg.Cursor, account_id: str, named: str, when: When, kinds: Collection[str] = HOLDERS
) -> list[NameOfEntity]:
    """The users, groups, roles and managed policies of these kinds that were called so, each with its last name that
    fits; in the order in which they came. Raises ProjectionUnreadable."""
    return list({each.entity_id: each for each in _names(cursor, account_id, named, when, kinds)}.values())


def only_bearer(
    cursor: psycopg.Cursor, account_id: str, named: str, when: When, kinds: Sequence[str] = HOLDERS
) -> NameOfEntity:
    """The one of `bearers`. Raises NoSuchEntity, which says what else or when somebody was called so, or what is
    called most like it; and InvalidInput where there are several."""
    found = bearers(cursor, account_id, named, when, kinds)
    if len(found) > 1:
        told = " or ".join(_told(each, when) for each in sorted(found, key=lambda each: each.kind))
        how = "the ARN or the unique id" if len({each.arn for each in found}) == len(found) else "the unique id"
        raise InvalidInput(f"{named} may be {told}: give {how}.")
    if not found:
        raise no_bearer(cursor, account_id, named, when, kinds)
    return found[0]


def no_bearer(
    cursor: psycopg.Cursor, account_id: str, named: str, when: When, kinds: Sequence[str] = HOLDERS
) -> NoSuchEntity:
    """That nobody was called so then, and what may help; it suggests what is called most like it."""
    what = " or ".join(filter(None, [", ".join(kinds[:-1]), kinds[-1]])) if len(kinds) > 1 else _ALONE[kinds[0]]
    none = f"No {what} was called {named} {when.words}"
    if otherwise := list(_otherwise(cursor, account_id, named, when, kinds)):
        return NoSuchEntity(f"{none}. {' '.join(otherwise)}")
    meant = credential_meant(cursor, account_id, named)
    if meant:
        return NoSuchEntity(f"{none}. {meant}")
    return NoSuchEntity(f"{none}, nor ever.", suggestion=nearest_entity(cursor, account_id, named, kinds))


def _names(
    cursor: psycopg.Cursor, account_id: str, named: str, when: When, kinds: Collection[str]
) -> list[NameOfEntity]:
    require_readable(cursor, "permissions")
    asked = {"account_id": account_id, "after": when.after, "to": when.to, "kinds": list(kinds)}
    arns = policy_arns(cursor, account_id, named) if "policy" in kinds else []
    rows = cursor.execute(SQL["bearers"], {**asked, "named": named, "policy_arns": list(arns)}).fetchall()
    return [NameOfEntity(*row) for row in rows]


def _told(bearer: NameOfEntity, when: When) -> str:
    """In a span one may have come after another."""
    if when.after == when.to:
        return bearer.arn
    until = "on" if bearer.valid_to is None else f"to p{bearer.valid_to - 1}"
    return f"{bearer.arn} ({bearer.entity_id}, from p{bearer.valid_from} {until})"


def _otherwise(
    cursor: psycopg.Cursor, account_id: str, named: str, when: When, kinds: Collection[str]
) -> Iterator[str]:
    """Of each who was called so at another time, what became of it."""
    ever = When(0, _EVER)
    last = {each.entity_id: each for each in names_of_entities(cursor, account_id, named)}
    for each in bearers(cursor, account_id, named, ever, kinds)[-BEARERS_TOLD_MAX:]:
        what = f"The {each.kind} {each.name} ({each.entity_id})"
        if each.valid_from > when.to:
            yield f"{what} has been called so since {_place(cursor, account_id, each.valid_from)}."
            continue
        assert each.valid_to is not None, "Whoever is called so still was at the moment, too."
        then = f"ask with --{when.option} p{each.valid_to - 1}, or earlier"
        ended = last.get(each.entity_id, each)
        if ended.valid_to is not None and ended.valid_to <= when.to:
            yield f"{what} was deleted at {_place(cursor, account_id, ended.valid_to)}: {then}."
        else:
            now = f"has been called {ended.name} since {_place(cursor, account_id, each.valid_to)}"
            yield f"{what} {now}: ask for that, or {then}."


def _place(cursor: psycopg.Cursor, account_id: str, position: int) -> str:
    return f"{format_rfc3339(time_at(cursor, account_id, position))} (p{position})"
