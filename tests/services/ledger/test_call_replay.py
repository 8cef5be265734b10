"""Calls are read from stored bytes in one go, and mean what EntryMapper says that they mean."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from domain.calls import ApiCalled
from domain.queries.what_if import CallToReplay
from services.ledger.call_replay import parse_recorded_call
from services.ledger.mapper import CorruptEntry, EntryMapper
from tests.domain.call_histories import histories_of_calls
from tests.services.endpoint import Endpoint

MAPPER = EntryMapper()


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(histories_of_calls())
def test_the_fast_reading_is_the_mappers(endpoint: Endpoint) -> None:
    """Of every call in a random history: of users, of sessions, allowed, refused, and without decisions."""
    for entry in endpoint.entries:
        if isinstance(entry.event, ApiCalled):
            row = MAPPER.to_stored_event(entry)
            found = MAPPER.to_domain_event(row)
            assert isinstance(found.event, ApiCalled)
            assert parse_recorded_call(row) == CallToReplay.of(found, found.event)


def test_broken_bytes_are_told() -> None:
    """Bytes that are no entry, another entry than their row says, or have a field that no event has: as the mapper
    refuses them."""
    endpoint = Endpoint()
    endpoint.call(endpoint.root, "ListUsers")
    row = MAPPER.to_stored_event(endpoint.entries[-1])
    broken = [
        replace(row, state=row.state[:-1]),
        replace(row, originator_version=row.originator_version + 1),
        replace(row, originator_id="210987654321"),
        replace(row, state=row.state.replace(b'"tls":', b'"lts":')),
        replace(row, state=row.state.replace(b'"layer":', b'"lawyer":')),
    ]
    for each in broken:
        for read in (parse_recorded_call, MAPPER.to_domain_event):
            with pytest.raises(CorruptEntry, match=f"Account {each.originator_id}, position"):
                read(each)
