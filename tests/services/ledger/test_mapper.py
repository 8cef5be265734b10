"""Entries as bytes: pinned for ever, read back whole, and refused when they are not what was written."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from domain.families.users import UserCreated
from domain.foundation import events
from domain.foundation.events import Entry, Event, UnknownTopic, event_from, upcasts
from services.ledger.mapper import CorruptEntry, EntryMapper, UnreadableText
from tests.histories import histories
from tests.vectors.events import generate
from tests.vectors.events.generate import examples, files_of, lines

MAPPER = EntryMapper()
EVENTS = generate.events()
USER_CREATED = MAPPER.to_stored_event(next(examples(UserCreated)))


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A copy of the registry of topics, so that a test may add events to it."""
    with monkeypatch.context() as patch:
        patch.setattr(events, "_events", dict(events._events))
        patch.setattr(events, "_upcasts", dict(events._upcasts))
        yield


def with_state(state: bytes, stored: StoredEvent = USER_CREATED) -> StoredEvent:
    return StoredEvent(stored.originator_id, stored.originator_version, stored.topic, state)


def changed(**members: object) -> bytes:
    """The stored line with other members."""
    return json.dumps(json.loads(USER_CREATED.state) | members, ensure_ascii=False, separators=(",", ":")).encode()


def test_what_no_table_could_take_is_not_written() -> None:
    """U+0000, wherever it stands, for the ledger would be read by no projection from there on. A text that says
    `\\u0000` is one like any other."""
    (entry, *_) = examples(UserCreated)
    for text in ("a\0", "\\\0", "\\\\\0"):
        assert isinstance(entry.event, UserCreated)
        changed = replace(entry, event=entry.event.model_copy(update={"user_name": text}))
        with pytest.raises(UnreadableText, match="UserCreated has U"):
            MAPPER.to_stored_event(changed)
    for text in ("\\u0000", "\\\\u0000"):
        changed = replace(entry, event=entry.event.model_copy(update={"user_name": text}))
        assert MAPPER.to_domain_event(MAPPER.to_stored_event(changed)) == changed


def test_every_event_is_pinned() -> None:
    """A new event without its file fails here, and so does a file whose topic nothing reads any more."""
    topics = EVENTS.keys() | events._upcasts.keys()
    assert all(map(files_of, topics))
    assert {*generate.PINNED.glob("*.json")} == {path for topic in topics for path in files_of(topic)}


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_bytes_are_what_they_were(topic: str) -> None:
    """The same entries give the same bytes as on the day when the event got its last field."""
    assert lines(EVENTS[topic]) == files_of(topic)[-1].read_bytes()


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_pinned_bytes_are_read_back(topic: str) -> None:
    """The bytes of that day decode to the entries that they were made from; those from before it, to entries that give
    the same bytes again."""
    entries = list(examples(EVENTS[topic]))
    for path in files_of(topic):
        pinned = path.read_bytes().splitlines()
        stored = [
            StoredEvent(entry.account_id, entry.position, topic, line)
            for entry, line in zip(entries, pinned, strict=True)
        ]
        read = [MAPPER.to_domain_event(row) for row in stored]
        assert b"".join(MAPPER.to_stored_event(entry).state + b"\n" for entry in read) == path.read_bytes()
    assert read == entries


@given(histories())
def test_every_history_survives_its_bytes(ledger: list[Entry]) -> None:
    """Encoding and decoding gives back equal entries, and encoding those gives back equal bytes."""
    stored = [MAPPER.to_stored_event(entry) for entry in ledger]
    read = [MAPPER.to_domain_event(row) for row in stored]
    assert read == ledger
    assert [MAPPER.to_stored_event(entry) for entry in read] == stored


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_text_survives_its_bytes(text: str) -> None:
    """Whatever text PostgreSQL's neighbours would trip over comes back as it was."""
    entry = Entry(
        generate.ACCOUNT,
        1,
        generate.EVENT_ID,
        generate.AT,
        next(examples(UserCreated)).cause,
        UserCreated(user_id="AIDA", user_name=text, path="/"),
    )
    stored = MAPPER.to_stored_event(entry)
    assert MAPPER.to_domain_event(stored) == entry
    assert b"\n" not in stored.state


@pytest.mark.parametrize(
    "members",
    [
        {"account_id": "123456789013"},
        {"position": 9007199254740994},
        {"topic": "iam.user.deleted.v1"},
        {"topic": "iam.user.created.v0"},
        {"at": "yesterday"},
        {"at": None},
        {"cause": {}},
        {"cause": None},
        {"event": {"user_id": "user_id", "user_name": "user_name"}},
        {"event": {"user_id": "user_id", "user_name": "user_name", "path": "path", "more": 1}},
        {"event": []},
    ],
    ids=str,
)
def test_another_entry_than_the_row_promises_is_refused(members: dict[str, object]) -> None:
    """A row's account, position and topic must be those of its bytes, and each part must be whole. The message names
    the row."""
    assert MAPPER.to_domain_event(with_state(changed()))  # the line as json.dumps writes it is good: it is the change
    with pytest.raises(CorruptEntry, match="Account 123456789012, position 9007199254740993, topic "):
        MAPPER.to_domain_event(with_state(changed(**members)))


@pytest.mark.parametrize("member", ["account_id", "position", "event_id", "at", "topic", "cause", "event"])
def test_a_missing_member_is_refused(member: str) -> None:
    """Each of the seven members of a line must be there."""
    line = json.loads(USER_CREATED.state)
    del line[member]
    with pytest.raises(CorruptEntry):
        MAPPER.to_domain_event(with_state(json.dumps(line).encode()))


@given(st.data(), st.sampled_from(["account_id", "position", "topic"]))
def test_a_changed_byte_is_refused(data: st.DataObject, member: str) -> None:
    """Any one byte of the values of account, position and topic, put to any other value, is noticed."""
    state = USER_CREATED.state
    begin = state.index(b'"%b":' % member.encode()) + len(member) + 3
    place = data.draw(st.integers(begin, state.index(b",", begin) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != state[place]))
    with pytest.raises(CorruptEntry):
        MAPPER.to_domain_event(with_state(state[:place] + bytes([byte]) + state[place + 1 :]))


@pytest.mark.parametrize("state", [b"", b"null", b"[]", b'"text"', b"{", b"\xff", USER_CREATED.state[:-1]])
def test_bytes_that_are_no_entry_are_refused(state: bytes) -> None:
    """What is no JSON object, or not all of one, is told like everything else that is broken."""
    with pytest.raises(CorruptEntry):
        MAPPER.to_domain_event(with_state(state))


def test_an_unknown_topic_is_loud() -> None:
    """An event of a newer program stops an older one, with the topic's name."""
    with pytest.raises(UnknownTopic, match=r"No event has the topic 'iam\.user\.frozen\.v1'"):
        event_from("iam.user.frozen.v1", {})
    stored = StoredEvent(
        USER_CREATED.originator_id,
        USER_CREATED.originator_version,
        "iam.user.frozen.v1",
        changed(topic="iam.user.frozen.v1"),
    )
    with pytest.raises(CorruptEntry, match=r"iam\.user\.frozen\.v1"):
        MAPPER.to_domain_event(stored)


@pytest.mark.usefixtures("registry")
def test_a_topic_is_taken_once() -> None:
    """Neither a second event nor an upcast may have the topic of another event."""
    with pytest.raises(TypeError, match=r"'iam\.user\.created\.v1' is taken"):

        class _UserMade(Event, topic="iam.user.created.v1"):
            pass

    with pytest.raises(TypeError, match=r"'iam\.user\.created\.v1' is taken"):
        upcasts("iam.user.created.v1", "iam.user.created.v2")(lambda fields: fields)
    assert events.event_class("iam.user.created.v1") is UserCreated


@pytest.mark.usefixtures("registry")
def test_an_upcast_topic_is_never_used_again() -> None:
    """A topic of the past stays taken: its bytes are in ledgers."""
    upcasts("test.past.v1", "iam.user.created.v1")(lambda fields: fields)
    with pytest.raises(TypeError, match=r"'test\.past\.v1' is taken"):

        class _Past(Event, topic="test.past.v1"):
            pass

    with pytest.raises(TypeError, match=r"'test\.past\.v1' is taken"):
        upcasts("test.past.v1", "iam.user.deleted.v1")(lambda fields: fields)


@pytest.mark.usefixtures("registry")
def test_upcasts_run_one_after_the_other() -> None:
    """Bytes of the first version become the third by way of the second; the row's topic stays that of the bytes."""

    class _Third(Event, topic="test.thing.v3"):
        first: str
        second: str
        third: str

    @upcasts("test.thing.v2", "test.thing.v3")
    def _third(fields: dict[str, Any]) -> dict[str, Any]:
        return fields | {"third": fields["second"] + "3"}

    @upcasts("test.thing.v1", "test.thing.v2")
    def _second(fields: dict[str, Any]) -> dict[str, Any]:
        return fields | {"second": fields["first"] + "2"}

    stored = StoredEvent(
        USER_CREATED.originator_id,
        USER_CREATED.originator_version,
        "test.thing.v1",
        changed(topic="test.thing.v1", event={"first": "1"}),
    )
    assert MAPPER.to_domain_event(stored).event == _Third(first="1", second="12", third="123")
