"""One server for all the tests that do it no lasting harm."""

import itertools
from collections.abc import Iterator

import pytest

from tests.clients.raw_http import called, form
from tests.clients.server import Server, running_server

_addresses = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running
        # Whatever the tests sent, none of it was a defect, and no projection stumbled over what was recorded.
        said = running.log.read_text()
    assert "a defect" not in said, said
    assert "halts" not in said, said


@pytest.fixture
def source() -> str:
    """An address that nobody has called from, so that its first failure is recorded by itself."""
    high, low = divmod(next(_addresses), 250)
    return f"127.2.{high}.{low + 1}"


@pytest.fixture
def goes_on(server: Server) -> Iterator[None]:
    """After whatever the test did, the next caller is served."""
    yield
    assert called(server, form("ListUsers")).status == 200
