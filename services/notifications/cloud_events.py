"""An event as others are told it: a CloudEvent in structured mode (CloudEvents 1.0.2, "JSON Event Format")."""

import json

from domain.account import AccountChange
from domain.foundation.events import Change, Entry
from services.ledger.mapper import timestamp

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
MESSAGE_BYTES_MAX = 64 * 1024
"""Which receivers must take (CloudEvents 1.0.2, "Size Limits"). Of a longer event the fields are left out."""
SENTENCE_CHARACTERS_MAX = 1_000
"""Of a longer event, so that the message is not too long all the same."""


def cloud_event(entry: Entry) -> bytes:
    """With what the event says, for people as a sentence. No event has a secret in it."""
    event = entry.event
    assert isinstance(event, Change)
    sentence = event.describe()
    told: dict[str, object] = {
        "event": type(event).__name__,
        "sentence": sentence,
        "account_id": entry.account_id,
        "position": entry.position,
        "actor": entry.cause.actor,
    }
    subject = _subject(entry.account_id, event)
    message = {
        "specversion": "1.0",
        "id": entry.event_id,
        "source": f"urn:muniment:account:{entry.account_id}",
        "type": event.topic,
        **({} if subject is None else {"subject": subject}),
        "time": timestamp(entry.at),
        "datacontenttype": "application/json",
    }
    fields = event.model_dump(mode="json", exclude_none=True)
    whole = _encoded({**message, "data": {**told, "fields": fields}})
    if len(whole) <= MESSAGE_BYTES_MAX:
        return whole
    return _encoded(
        {**message, "data": {**told, "sentence": sentence[:SENTENCE_CHARACTERS_MAX], "fields_left_out": True}}
    )


def _subject(account_id: str, event: Change) -> str | None:
    """The credential, or else what the event says that it is about, if that is one thing."""
    credential_id: object = getattr(event, "credential_id", None)
    if isinstance(credential_id, str):
        return credential_id
    changed = list(event.changed_subjects(account_id)) if isinstance(event, AccountChange) else []
    return changed[0] if len(changed) == 1 else None


def _encoded(message: object) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
