"""Comparing the tables with new ones: on a disk that is nearly full, and what is said of it."""

from collections.abc import Iterator

import pytest

from projections.engine.rebuild import REBUILD_SCHEMA, RebuildComparison
from projections.engine.upgrade import ROOM_BYTES
from services.cli.lib.progress import Progress
from services.cli.lib.rebuild_output import NotCompared, comparison_problems, rebuild_and_compare
from services.ledger.database import Database, DatabaseRole, connect
from tests.conftest import PROJECTED_TEMPLATE, copied


class NearlyFull:
    """The same database on a disk with as much room as is asked for, so many times."""

    def __init__(self, database: Database, looks: int) -> None:
        self._database = database
        self._looks = looks
        self.asked: set[int] = set()

    def conninfo(self, role: DatabaseRole) -> str:
        return self._database.conninfo(role)

    def shortage(self, room_bytes: int = 0) -> str | None:
        self.asked.add(room_bytes)
        self._looks -= 1
        return "nearly full" if self._looks < 0 else None


@pytest.fixture
def database(projected_template: str) -> Iterator[Database]:
    with copied(projected_template, PROJECTED_TEMPLATE) as database:
        yield database


def test_the_room_of_calls_is_not_written_into(database: Database) -> None:
    """`rebuild` and `verify` end, with the reason, where new tables would leave less room than calls need, and leave
    nothing behind."""
    full = NearlyFull(database, 0)
    with pytest.raises(NotCompared, match="nearly full"), rebuild_and_compare(full, [], None, Progress()):
        raise AssertionError
    assert min(full.asked) >= ROOM_BYTES
    with connect(database, "projector") as connection:
        tables = "select count(*) from pg_class where relnamespace = to_regnamespace(%s)::oid"
        assert connection.execute(tables, (REBUILD_SCHEMA,)).fetchone() == (0,)


def test_checks_of_ones_own_may_be_why_tables_differ() -> None:
    """Whoever verifies without them is told so, and not only that a rebuild would help."""
    comparison = RebuildComparison((), ("compliance", "trail"), (), (), ())
    of_checks, of_trail = comparison_problems(comparison)
    assert "MUNIMENT_COMPLIANCE_CHECKS" in of_checks
    assert "MUNIMENT_COMPLIANCE_CHECKS" not in of_trail
