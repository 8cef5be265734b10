"""Whether the tables that are there are those that this program's questions were written for."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from projections.engine.definition import SQL, digests, fitting_names, load_projections
from projections.engine.upgrade import rebuild_progress


class ProjectionBehind(Exception):  # noqa: N818  a state of the tables, which passes
    """The tables have not come as far as the moment that was asked for. An answer now could leave something out."""


class ProjectionUnreadable(ProjectionBehind):
    """The tables were made by another version of the program, and what this one would read there is not known."""


def require_readable(cursor: psycopg.Cursor, *names: str) -> None:
    """Raises ProjectionUnreadable unless this program's questions can be asked of the tables of these projections."""
    fitting = fitting_names(_made(cursor), load_projections())
    for name in names:
        if name not in fitting:
            raise unreadable(cursor, name)


def is_readable(cursor: psycopg.Cursor, name: str) -> bool:
    """Whether they can be."""
    return name in fitting_names(_made(cursor), load_projections())


@contextmanager
def same_tables(cursor: psycopg.Cursor) -> Iterator[None]:
    """For questions of several statements. Raises ProjectionUnreadable when tables that this program does not know took
    the place of others meanwhile: what was read may be of both."""
    before = fitting_names(_made(cursor), load_projections())
    try:
        yield
    except psycopg.errors.ProgrammingError as error:
        _refuse_lost(cursor, before, error)
        raise
    _refuse_lost(cursor, before, None)


def _refuse_lost(cursor: psycopg.Cursor, before: frozenset[str], cause: BaseException | None) -> None:
    if lost := sorted(before - fitting_names(_made(cursor), load_projections())):
        raise unreadable(cursor, lost[0]) from cause


def _made(cursor: psycopg.Cursor) -> dict[str, str]:
    return dict(cursor.execute(SQL["live"]).fetchall())


def unreadable(cursor: psycopg.Cursor, name: str) -> ProjectionUnreadable:
    """What to say of the tables of this projection."""
    progress = rebuild_progress(cursor.connection, load_projections()).get(name)
    match progress and progress.state:
        case "superseded":
            return ProjectionUnreadable(
                f"The tables of {name} are those of a newer version of muniment: update this server, or go back with "
                "`muniment rebuild --swap`."
            )
        case "building":
            assert progress is not None
            so_far = (
                "being built beside them"
                if progress.percent is None
                else f"being built beside them, {progress.position} of {progress.head} positions so far "
                f"({progress.percent} %)"
            )
        case _:
            so_far = "still to be built"
    made, own = (of.get(name, "") for of in (_made(cursor), digests(load_projections())))
    if made != own and made.partition(":")[0] == own.partition(":")[0]:
        return ProjectionUnreadable(
            f"The tables of {name} were made with another MUNIMENT_COMPLIANCE_CHECKS than this process has; those made "
            f"with its own are {so_far}. Give it the setting that the server has, or start a server with this one."
        )
    return ProjectionUnreadable(
        f"The tables of {name} are those of another version of muniment; this version's are {so_far}. Ask again, and "
        "see /health/ready."
    )
