"""Mail through a real SMTP server: one digest a day and person, and at once what cannot wait."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email.message import Message
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from domain.families.notices import CredentialIdle
from domain.foundation.secret import Secret
from domain.rules import notifications as rules
from services.ledger.database import connect
from services.notifications import mail_queue, mailing
from services.notifications.deliverer import Deliverer
from services.notifications.mail_queue import ITEMS_MAX
from services.notifications.mail_text import composed
from services.notifications.mailing import RELAY_PAUSE
from services.notifications.relay import MailFailed, MailRelay
from services.settings import InvalidSetting, SmtpRelay, read_settings
from tests.services.notifications.post import DAY, Post, leaked
from tests.services.notifications.test_messages import AT, mail
from tests.services.outbound.certificates import self_signed

SENDER = "muniment@example.com"


class Mailbox(MessageHandler):
    """What the server was given; some addresses it refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Message] = []
        self.refused: set[str] = set()

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def handle_message(self, message: Message) -> None:
        self.mails.append(message)

    def of(self, address: str) -> list[Message]:
        return [each for each in self.mails if each["X-RcptTo"] == address]


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=0)
    with served(controller) as port:
        yield box, port


@contextmanager
def served(controller: Controller) -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        controller.port = taken.getsockname()[1]
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def text_of(mail: Message) -> str:
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def delivering(post: Post, port: int) -> Deliverer:
    return post.another_process(MUNIMENT_SMTP_URL=f"smtp://127.0.0.1:{port}", MUNIMENT_SMTP_FROM=SENDER)


def test_a_digest_a_day(post: Post, mailbox: tuple[Mailbox, int]) -> None:
    """What a day brings goes out in one mail when the day is over, to each of whom it is for; however many targets have
    the same address, and however often anybody looks."""
    box, port = mailbox
    post.at = post.at.replace(hour=12)
    deliverer = delivering(post, port)
    post.add("email", "sec@example.com")
    post.add("email", "sec@example.com", events=("CredentialIdle",))
    post.add("email_owner", "owner")
    post.tag("Owner", "ann@example.com")
    post.idle(2)
    post.deliver(deliverer, turns=3)
    assert not box.mails
    post.at += timedelta(hours=12)
    post.deliver(deliverer, turns=4)
    post.idle(1)
    post.at += timedelta(hours=11)
    post.deliver(deliverer, turns=4)
    assert [len(box.of(address)) for address in ("sec@example.com", "ann@example.com")] == [1, 1]
    (first,) = box.of("ann@example.com")
    assert (first["From"], first["Subject"]) == (SENDER, "2 events about credentials")
    assert text_of(first).count("was not used for 45 days") == 2
    post.at += timedelta(hours=13)
    post.deliver(deliverer, turns=4)
    assert [len(box.of(address)) for address in ("sec@example.com", "ann@example.com")] == [2, 2]
    post.at += 2 * DAY
    post.deliver(deliverer, turns=4)
    assert len(box.mails) == 4
    assert post.rows("recipients") == post.rows("mail_items") == []


def test_a_compromise_at_once(post: Post, mailbox: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """As a test is; the digest of the day still comes, and only then."""
    box, port = mailbox
    deliverer = delivering(post, port)
    target_id = post.add("email_owner", "mail")
    post.tag("mail", "ann@example.com")
    post.idle(1)
    post.deliver(deliverer)
    monkeypatch.setattr(rules, "TOLD_AT_ONCE", (CredentialIdle,))
    post.idle(1)
    post.deliver(deliverer, turns=3)
    (urgent,) = box.mails
    assert urgent["Subject"].endswith("was not used for 45 days.")
    post.test(target_id)
    post.deliver(deliverer, turns=3)
    assert box.mails[1]["Subject"] == f"This is a test of notification target {target_id}."
    post.at += DAY
    post.deliver(deliverer, turns=3)
    assert len(box.mails) == 3


def test_owners_without_an_address(post: Post, mailbox: tuple[Mailbox, int]) -> None:
    """They are counted and named, and nobody else is told in their place; with a tag they are told from then on."""
    box, port = mailbox
    deliverer = delivering(post, port)
    target_id = post.add("email_owner", "owner")
    post.tag("owner", "Ann from next door")
    post.idle(2)
    post.deliver(deliverer)
    state = post.state(target_id)
    assert (state.unresolved_owners, state.last_unresolved_owner, state.delivered) == (2, "AIDAANN", 0)
    post.tag("owner", "ann@example.com")
    post.idle(1)
    post.at += DAY
    post.deliver(deliverer)
    post.at += DAY
    post.deliver(deliverer, turns=3)
    assert len(box.mails) == 1
    assert post.state(target_id).unresolved_owners == 2


def test_an_address_that_is_refused(post: Post, mailbox: tuple[Mailbox, int]) -> None:
    """Its mail waits, and is told of in the list; others get theirs. When it is taken after days, all is in it."""
    box, port = mailbox
    box.refused.add("a@no.example")
    deliverer = delivering(post, port)
    bad_id, good_id = post.add("email", "a@no.example"), post.add("email", "z@example.com")
    post.idle(2)
    post.deliver(deliverer)
    post.at += DAY
    began = post.at
    post.deliver(deliverer, turns=3)
    assert [each["X-RcptTo"] for each in box.mails] == ["z@example.com"]
    bad, good = post.state(bad_id), post.state(good_id)
    assert (bad.waiting_mail, bad.failing_since, bad.last_error) == (
        2, began, "The relay refuses the address, with status 550.",
    )  # fmt: skip
    assert (good.waiting_mail, good.failing_since) == (0, None)
    post.at += 3 * DAY
    post.deliver(deliverer, turns=3)
    assert post.state(bad_id).dead
    box.refused.clear()
    post.at += timedelta(hours=1)
    post.deliver(deliverer, turns=3)
    assert text_of(box.of("a@no.example")[0]).count("was not used") == 2
    assert post.state(bad_id).waiting_mail == 0


def test_a_relay_that_is_gone(post: Post, mailbox: tuple[Mailbox, int]) -> None:
    """It is asked once in half a minute, for whomever; webhooks and files go on. When it is back all is sent."""
    box, port = mailbox
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        deliverer = delivering(post, closed.getsockname()[1])
    for name in ("a", "b"):
        post.add("email", f"{name}@example.com")
    post.idle(1)
    post.deliver(deliverer)
    post.at += DAY
    post.deliver(deliverer, turns=3)
    failures = [row[3] for row in post.rows("recipients")]
    assert failures == [1, 0]
    deliverer._mailing._relay = MailRelay(relay(port))
    post.at += RELAY_PAUSE
    post.deliver(deliverer, turns=3)
    assert len(box.mails) == 2


def test_sent_and_not_saved(post: Post, mailbox: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail is sent again, with the same Message-ID, by which mail servers drop it."""
    box, port = mailbox
    deliverer = delivering(post, port)
    target_id = post.add("email", "ann@example.com")
    post.test(target_id)

    def killed(*_arguments: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(mailing, "save_mailed", killed)
    post.deliver(deliverer)
    monkeypatch.undo()
    post.at += RELAY_PAUSE
    post.deliver(deliverer, turns=3)
    first, second = box.mails
    assert first["Message-ID"] == second["Message-ID"]


def test_too_much_for_one_mail(post: Post, mailbox: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond is counted in it."""
    assert ITEMS_MAX == 200
    monkeypatch.setattr(mail_queue, "ITEMS_MAX", 3)
    box, port = mailbox
    deliverer = delivering(post, port)
    post.add("email", "ann@example.com")
    post.idle(5)
    post.deliver(deliverer)
    post.at += DAY
    post.deliver(deliverer, turns=3)
    (told,) = box.mails
    assert told["Subject"] == "5 events about credentials"
    assert "too many for one mail: 2." in text_of(told)
    assert post.rows("recipients")[0][2] == 0


def test_nothing_takes_the_place_of_a_compromise(
    post: Post, mailbox: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much waits for the digest; and what one account has too much of, is no other's loss."""
    monkeypatch.setattr(mail_queue, "ITEMS_MAX", 2)
    box, port = mailbox
    deliverer = delivering(post, port)
    post.add("email", "sec@example.com")
    post.idle(3)
    post.deliver(deliverer)
    other = post.another_account()
    post.add("email", "sec@example.com", other)
    post.idle(1, other)
    post.append(leaked())
    post.deliver(deliverer, turns=3)
    (urgent,) = box.mails
    assert "was reported leaked" in urgent["Subject"]
    post.at += DAY
    post.deliver(deliverer, turns=3)
    assert f"account {other.account_id}" in text_of(box.mails[1])


def test_a_removed_target_takes_nothing_from_another(post: Post, mailbox: tuple[Mailbox, int]) -> None:
    """Whoever adds the address of another target, and takes it away again, has silenced nobody."""
    box, port = mailbox
    deliverer = delivering(post, port)
    first = post.add("email", "sec@example.com")
    post.idle(1)
    post.deliver(deliverer)
    post.add("email", "sec@example.com")
    post.idle(1)
    post.deliver(deliverer)
    assert len(post.rows("mail_items")) == 3
    post.remove(first)
    post.deliver(deliverer, turns=4)
    assert [each["Subject"] for each in box.mails] == [f"Notification target {first} was removed."]
    post.at += DAY
    post.deliver(deliverer, turns=3)
    _, told = box.mails
    assert text_of(told).count("was not used for 45 days") == 1


def test_nobody_is_forgotten_while_mail_begins_to_wait(post: Post) -> None:
    """Or else it would be forgotten with them: those who forget recipients pass over who is held."""
    mail_queue.hold_recipients(post.writer, ["bob@example.com", "sec@example.com"])
    with connect(post.database, "writer") as queueing, queueing.transaction():
        mail_queue.hold_recipients(queueing, ["sec@example.com"])
        post.writer.execute("set lock_timeout = '5s'")
        mail_queue.forget_recipients(post.writer, post.at)
    assert [row[0] for row in post.rows("recipients")] == ["sec@example.com"]


def relay(port: int, **more: object) -> SmtpRelay:
    environment = {"MUNIMENT_SMTP_URL": f"smtp://127.0.0.1:{port}", "MUNIMENT_SMTP_FROM": SENDER}
    settings = read_settings(environment).smtp
    assert settings is not None
    return replace(settings, **more)  # type: ignore[arg-type]


def test_a_relay_that_hangs() -> None:
    """Whether it says nothing, or something again and again: when the time is over, it is over."""
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def trickle() -> None:
            for said in (b"", b"220-x\r\n"):
                connection, _ = listener.accept()
                with connection:
                    while said and not stopped.wait(0.01):
                        try:
                            connection.sendall(said)
                        except OSError:
                            break
                    connection.recv(1)

        threading.Thread(target=trickle, daemon=True).start()
        hanging = MailRelay(relay(listener.getsockname()[1]), total_seconds=0.3)
        for _ in range(2):
            with pytest.raises(MailFailed) as failed:
                hanging.send(composed(mail("x"), SENDER, AT), "ann@example.com")
            assert not failed.value.is_of_recipient
        stopped.set()


def test_encrypted_and_with_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay elsewhere gets neither the password nor a mail before TLS, with a certificate of its name that is
    trusted; one that has no STARTTLS gets nothing."""
    box, seen = Mailbox(), list[object]()
    certificate = self_signed(tmp_path / "certificate.pem", "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    message = composed(mail("x"), SENDER, AT)
    monkeypatch.setattr(SmtpRelay, "needs_starttls", True)

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _kind: str, data: object) -> AuthResult:
        seen.append(data)
        return AuthResult(success=True)

    with served(Controller(box, hostname="127.0.0.1", authenticator=authenticate, tls_context=context)) as port:
        elsewhere = relay(port, host="localhost", user="ann", password=Secret("secret"))
        with pytest.raises(MailFailed):
            MailRelay(elsewhere).send(message, "ann@example.com")
        assert not seen
        MailRelay(elsewhere, tls=trusting).send(message, "ann@example.com")
        assert len(seen) == len(box.mails) == 1
    with served(Controller(box, hostname="127.0.0.1", authenticator=authenticate)) as port:
        with pytest.raises(MailFailed):
            MailRelay(relay(port, host="localhost"), tls=trusting).send(message, "ann@example.com")
        assert len(seen) == len(box.mails) == 1


@pytest.mark.parametrize(
    ("url", "sender", "told"),
    [
        ("http://mail.example.com", SENDER, "MUNIMENT_SMTP_URL"),
        ("smtp://", SENDER, "MUNIMENT_SMTP_URL"),
        ("smtp://u:secret@h:99999", SENDER, "MUNIMENT_SMTP_URL"),
        ("smtp://mail.example.com", "", "MUNIMENT_SMTP_FROM"),
    ],
)
def test_settings_that_cannot_be_meant(url: str, sender: str, told: str) -> None:
    with pytest.raises(InvalidSetting, match=told) as refused:
        read_settings({"MUNIMENT_SMTP_URL": url, "MUNIMENT_SMTP_FROM": sender})
    assert "secret" not in str(refused.value)


def test_settings() -> None:
    read = read_settings(
        {"MUNIMENT_SMTP_URL": "smtps://a%40b:p%2Fw@mail.example.com", "MUNIMENT_SMTP_FROM": SENDER}
    ).smtp
    assert read is not None
    assert (read.host, read.port, read.is_tls, read.user, read.password.reveal(), read.needs_starttls) == (
        "mail.example.com", 465, True, "a@b", "p/w", False,
    )  # fmt: skip
