"""An account of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.ledger.database import Database
from tests.services.api.in_process_server import InProcessServer, opened


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[InProcessServer]:
    with opened(database, tmp_path) as house:
        yield house
