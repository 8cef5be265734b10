"""An account of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.ledger.database import Database, ExternalDatabase, connect
from services.ledger.verification import verify
from services.transparency.log_check import check_log
from tests.conftest import PROJECTED_TEMPLATE, copied
from tests.services.api.in_process_server import InProcessServer, opened
from tests.services.api.incident import Incident
from tests.services.api.leaked_key import Story, leaked_key


@pytest.fixture
def database(projected_template: str) -> Iterator[ExternalDatabase]:
    """With the tables of all projections."""
    with copied(projected_template, PROJECTED_TEMPLATE) as database:
        yield database


@pytest.fixture
def house(database: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """Whatever a test did there, its ledgers are found to be whole afterwards."""
    with opened(database, tmp_path) as house:
        yield house
    if request.node.get_closest_marker("damages_ledgers"):
        return
    with connect(database, "writer") as writer:
        assert [each for each in (*verify(writer), check_log(writer)) if each.finding is not None] == []


@pytest.fixture
def incident(house: InProcessServer) -> Incident:
    return Incident(house)


@pytest.fixture
def story(house: InProcessServer) -> Story:
    return leaked_key(house)
