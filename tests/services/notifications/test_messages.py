"""What leaves: messages and their signatures, the text of mails, and when it is tried again."""

import json
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP

from domain.account import AccountChange
from domain.families.users import UserCreated
from domain.foundation.events import Change, Entry, event_classes
from domain.foundation.secret import Secret
from services.notifications.backoff import DEAD_AFTER, PAUSE_MAX, is_dead, next_attempt
from services.notifications.cloud_events import MESSAGE_BYTES_MAX, cloud_event
from services.notifications.mail_queue import DueMail, DueRecipient
from services.notifications.mail_text import SUBJECT_CHARACTERS_MAX, composed
from services.notifications.signatures import SECRET_BYTES, new_signing_secret, signed_headers
from tests.domain.accounts import ACCOUNT, CAUSE
from tests.domain.test_notifications import idle
from tests.vectors.events.generate import examples

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_published_signature() -> None:
    """That of the example in the specification of Standard Webhooks."""
    body = b'{"test": 2432232314}'
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    sent_at = datetime.fromtimestamp(1_614_265_330, UTC)
    assert signed_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at, body) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert new_signing_secret(lambda count: b"\0" * count).reveal() == "whsec_" + "A" * 43 + "="
    assert SECRET_BYTES == 32


def entry(event: Change) -> Entry:
    return Entry(ACCOUNT, 7, "0e-1", AT, CAUSE, event)


def test_a_cloud_event() -> None:
    """Its bytes, which others read: what it is about and when, a sentence, and all that the event says."""
    about = '"due_at":"2026-01-31T12:00:00Z","rule":{"profile":"default","version":1,"name":"any","days":45},'
    evidence = '"evidence":{"created_at":"2026-01-31T12:00:00Z"}'
    owner = '"credential_id":"AKIAann","owner_id":"AIDAann","owner_name":"ann",'
    told = json.loads(cloud_event(entry(idle())))
    assert told.pop("data") == {
        "event": "CredentialIdle",
        "sentence": "Access key AKIAann of ann was not used for 45 days.",
        "account_id": ACCOUNT,
        "position": 7,
        "actor": "api",
        "fields": json.loads("{" + owner + about + evidence + ',"credential":"access_key"}'),
    }
    assert told == {
        "specversion": "1.0",
        "id": "0e-1",
        "source": f"urn:muniment:account:{ACCOUNT}",
        "type": idle().topic,
        "subject": "AKIAann",
        "time": "2026-03-01T12:00:00.000000Z",
        "datacontenttype": "application/json",
    }


def test_every_event_can_be_told() -> None:
    """In a message that receivers must take, however long its fields."""
    for event in event_classes().values():
        if issubclass(event, Change):
            for example in examples(event):
                told = json.loads(cloud_event(example))
                assert told["type"] == event.topic
                assert told["data"]["sentence"]
                assert issubclass(event, AccountChange) or "subject" not in told
    long = UserCreated(user_id="AIDAann", user_name="a" * MESSAGE_BYTES_MAX, path="/")
    message = cloud_event(entry(long))
    assert len(message) < MESSAGE_BYTES_MAX
    assert json.loads(message)["data"]["fields_left_out"] is True


def test_pauses() -> None:
    """They double up to an hour, whatever the number; of each the second half is left to chance."""
    longest = [next_attempt(failures, AT, lambda count: b"\xff" * count) - AT for failures in (1, 2, 3, 16, 17, 10**6)]
    shortest = [next_attempt(failures, AT, lambda count: b"\0" * count) - AT for failures in (1, 2, 3, 16, 17, 10**6)]
    assert [round(pause / timedelta(milliseconds=100)) for pause in longest] == [1, 2, 4, 32_768, 36_000, 36_000]
    assert [pause / timedelta(milliseconds=100) for pause in shortest] == [0.5, 1, 2, 16_384, 18_000, 18_000]
    assert max(longest) <= PAUSE_MAX
    assert not is_dead(None, AT)
    assert not is_dead(AT - DEAD_AFTER + timedelta(microseconds=1), AT)
    assert is_dead(AT - DEAD_AFTER, AT)


def mail(*sentences: str, at_once: bool = False, further: int = 0) -> DueMail:
    lines = [
        {
            "at": "2026-02-28T00:00:00Z",
            "sentence": text,
            "event": "CredentialIdle",
            "account_id": ACCOUNT,
            "position": n,
        }
        for n, text in enumerate(sentences, 1)
    ]
    ids = [f"e{n}" for n, _ in enumerate(sentences)]
    return DueMail(
        DueRecipient("ann@example.com", 0, further, digest_is_due=True), at_once, ids, lines, date(2026, 3, 1)
    )


def test_a_mail() -> None:
    """A sentence for each event with its time and place, and how many more there are. What an event says begins no
    other header and no other line; a repeat has the same Message-ID, and another mail another one."""
    evil = "ann\r\nBcc: eve@example.com\n\u202egnp.exe " + "x" * 500
    (one, many) = (
        composed(each, "muniment@example.com", AT) for each in (mail(evil), mail("First.", "Second.", further=3))
    )
    read = message_from_bytes(bytes(one), policy=SMTP)
    assert read["Bcc"] is None
    assert read["Subject"].startswith("ann  Bcc: eve@example.com")
    assert len(read["Subject"]) <= SUBJECT_CHARACTERS_MAX
    assert [read[name] for name in ("From", "To", "Auto-Submitted")] == [
        "muniment@example.com", "ann@example.com", "auto-generated",
    ]  # fmt: skip
    assert "Bcc" not in [line.split(":")[0] for line in read.get_content().splitlines()]
    assert many["Subject"] == "5 events about credentials"
    assert many.get_content().splitlines()[:5] == [
        "- 2026-02-28T00:00:00Z: First.",
        f"  account {ACCOUNT}, position 1, CredentialIdle",
        "- 2026-02-28T00:00:00Z: Second.",
        f"  account {ACCOUNT}, position 2, CredentialIdle",
        "Further events, too many for one mail: 3.",
    ]
    again = composed(mail("First.", "Second."), "muniment@example.com", AT + timedelta(hours=1))
    assert again["Message-ID"] == many["Message-ID"] == one["Message-ID"]
    assert composed(mail("First.", at_once=True), "muniment@example.com", AT)["Message-ID"] != many["Message-ID"]
