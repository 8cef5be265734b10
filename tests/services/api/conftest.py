"""An account of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.ledger.database import Database
from tests.services.api.house import House, opened


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    with opened(database, tmp_path) as house:
        yield house
