"""Fixtures of those who deliver."""

from collections.abc import Iterator
from functools import partial

import pytest

from services import notification_runtime
from services.ledger.database import Database
from services.outbound.fetcher import Fetcher
from tests.services.notifications.post import Post, opened_post


@pytest.fixture
def post(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """Whose patience with targets is short."""
    monkeypatch.setattr(notification_runtime, "Fetcher", partial(Fetcher, total_seconds=0.5))
    with opened_post(database) as post:
        yield post
