"""What a mail says: a sentence for each event, and where to read on."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from services.notifications.mail_queue import DueMail

SUBJECT_CHARACTERS_MAX = 120


def composed(mail: DueMail, sender: str, at: datetime) -> EmailMessage:
    """A repeat, after a crash, has the same Message-ID. What is said of an event can begin no other header."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = mail.recipient.address
    message["Subject"] = _subject(mail)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{_digest(mail)}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answer is wanted
    message.set_content("\n".join(_lines(mail)) + "\n")
    return message


def _subject(mail: DueMail) -> str:
    if len(mail.lines) == 1:
        return _visible(mail.lines[0]["sentence"])[:SUBJECT_CHARACTERS_MAX]
    return f"{len(mail.lines) + (0 if mail.at_once else mail.recipient.further)} events about credentials"


def _lines(mail: DueMail) -> Iterator[str]:
    for line in mail.lines:
        yield f"- {line['at']}: {_visible(line['sentence'])}"
        yield f"  account {line['account_id']}, position {line['position']}, {line['event']}"
    if not mail.at_once and mail.recipient.further:
        yield f"Further events, too many for one mail: {mail.recipient.further}."
    yield ""
    yield "muniment history shows who did what; muniment notify list shows who is told what."


def _visible(text: str) -> str:
    """On one line."""
    return "".join(character if character.isprintable() else " " for character in text)


def _digest(mail: DueMail) -> str:
    parts = [mail.recipient.address, *(mail.event_ids if mail.at_once else (mail.today.isoformat(), "digest"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
