"""Mail on its way out: to the operator's relay, by SMTP."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage

from services.settings import SmtpRelay

STEP_SECONDS_MAX = 8.0
TOTAL_SECONDS_MAX = 20.0
"""For one mail, from connecting to the relay's last word."""


class MailFailed(Exception):  # noqa: N818  reads as what happened
    """The relay has not taken the mail, as far as is known."""

    def __init__(self, why: str, *, is_of_recipient: bool) -> None:
        super().__init__(why)
        self.is_of_recipient = is_of_recipient
        """Whether others may be told all the same."""


class MailRelay:
    """With TLS, unless the relay is on this machine."""

    def __init__(
        self, relay: SmtpRelay, *, tls: ssl.SSLContext | None = None, total_seconds: float = TOTAL_SECONDS_MAX
    ) -> None:
        self.sender = relay.sender
        self._relay = relay
        self._tls = tls or ssl.create_default_context()
        self._total_seconds = total_seconds

    def send(self, message: EmailMessage, address: str) -> None:
        """Raises MailFailed."""
        try:
            with self._connected() as smtp:
                smtp.send_message(message, self.sender, [address])
        except smtplib.SMTPRecipientsRefused as error:
            status, _ = next(iter(error.recipients.values()))
            raise MailFailed(f"The relay refuses the address, with status {status}.", is_of_recipient=True) from error
        except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
            why = f"The relay refuses the mail, with status {error.smtp_code}."
            raise MailFailed(why, is_of_recipient=True) from error
        except smtplib.SMTPResponseException as error:
            raise MailFailed(f"The relay answers with status {error.smtp_code}.", is_of_recipient=False) from error
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise MailFailed(f"The relay cannot be reached: {type(error).__name__}.", is_of_recipient=False) from error

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        relay = self._relay
        smtp = (
            smtplib.SMTP_SSL(timeout=STEP_SECONDS_MAX, context=self._tls)
            if relay.is_tls
            else smtplib.SMTP(timeout=STEP_SECONDS_MAX)
        )
        timer = threading.Timer(self._total_seconds, _cut_off, [smtp])
        timer.daemon = True
        timer.start()
        try:
            # Of which host the certificate has to be; connecting alone does not tell.
            smtp._host = relay.host  # type: ignore[attr-defined]  # noqa: SLF001
            smtp.connect(relay.host, relay.port)
            smtp.ehlo()
            if relay.needs_starttls:
                smtp.starttls(context=self._tls)
            if relay.user is not None:
                smtp.login(relay.user, relay.password.reveal())
            yield smtp
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
        finally:
            timer.cancel()
            smtp.close()


def _cut_off(smtp: smtplib.SMTP) -> None:
    """Whatever it is waiting for: each line of an answer may be in time."""
    if smtp.sock is not None:
        with suppress(OSError):
            smtp.sock.shutdown(socket.SHUT_RDWR)
