"""Stored data that PostgreSQL cannot read any more: a broken page, a file that is gone, a disk that fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

_DAMAGE_SQLSTATES = ("XX", "58")
"""Internal error, with data_corrupted and index_corrupted, and system error (PostgreSQL, Appendix A)."""


def damage_text(error: psycopg.Error) -> str | None:
    """What cannot be read, in PostgreSQL's words; None for an error that speaks of something else."""
    if error.sqlstate is None or not error.sqlstate.startswith(_DAMAGE_SQLSTATES):
        return None
    return f"what PostgreSQL cannot read ({str(error).strip().partition(chr(10))[0]})"


@contextmanager
def damage_raised(connection: psycopg.Connection, as_error: Callable[[str], Exception]) -> Iterator[None]:
    """What cannot be read within the block is raised as that, and the transaction around it goes on."""
    try:
        with connection.transaction():
            yield
    except psycopg.Error as error:
        damage = damage_text(error)
        if damage is None:
            raise
        raise as_error(damage) from error
