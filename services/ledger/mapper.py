"""The one place where an entry becomes bytes and bytes become an entry (docs/adr/0002)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from eventsourcing.persistence import Mapper, StoredEvent

from domain.foundation.events import Caused, Entry, Value, read_entry

_UNREADABLE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""U+0000, but not a text that only says so."""


class UnreadableText(ValueError):  # noqa: N818  reads as the verdict that it is
    """PostgreSQL's JSON does not take it: the projections would halt at this entry, for ever. It is not written."""


class EntryMapper(Mapper[str]):
    """The bytes of an entry say everything by themselves: account, position, time, cause and event, as one line of
    JSON. The table's columns are an index over them. The bytes are final: later they are hashed."""

    def __init__(self, on_written: Callable[[Caused, int], None] = lambda _caused, _bytes: None) -> None:
        """Without the library's transcoder, cipher and compressor: what is stored is plain JSON. `on_written` is told
        of each entry on its way into a ledger, and how many bytes it has; the round tells it of what lies beside."""
        self.on_written = on_written

    def to_stored_event(self, domain_event: object) -> StoredEvent:
        entry = domain_event
        assert isinstance(entry, Entry)
        event = entry.event
        stored = StoredEvent(
            originator_id=entry.account_id,
            originator_version=entry.position,
            topic=event.topic,
            state=b'{"account_id":"%b","position":%d,"event_id":"%b","at":"%b","topic":"%b","cause":%b,"event":%b}'
            % (
                entry.account_id.encode(),
                entry.position,
                entry.event_id.encode(),
                timestamp(entry.at).encode(),
                event.topic.encode(),
                _encoded(entry.cause),
                _encoded(event),
            ),
        )
        self.on_written(entry, len(stored.state))
        return stored

    def to_domain_event(self, stored_event: StoredEvent) -> Entry:
        """Raises CorruptEntry when the bytes are no entry, or not the one that the columns promise."""
        try:
            topic, entry = read_entry(stored_event.state)
            expected = (stored_event.originator_id, stored_event.originator_version, stored_event.topic)
            if (entry.account_id, entry.position, topic) != expected:
                raise ValueError(  # noqa: TRY301  one more way of being broken, told like the others
                    f"the bytes say {entry.account_id}, {entry.position}, {topic}"
                )
        except (ValueError, LookupError, TypeError) as error:
            raise CorruptEntry(stored_event, str(error)) from error
        return entry


class CorruptEntry(Exception):  # noqa: N818  reads as the verdict that it is
    """Stored bytes that are no entry, or another entry than their row says."""

    def __init__(self, row: StoredEvent, why: str) -> None:
        super().__init__(f"Account {row.originator_id}, position {row.originator_version}, topic {row.topic}: {why}")


def _encoded(value: Value) -> bytes:
    encoded = value.__pydantic_serializer__.to_json(value, exclude_none=True)
    if b"\\u0000" in encoded and _UNREADABLE.search(encoded):
        raise UnreadableText(f"A text in {type(value).__name__} has U+0000.")
    return encoded


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC, always with six digits of the second."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
