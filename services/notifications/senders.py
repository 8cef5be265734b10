"""What takes a message: a webhook, a file, a command. Each is told one event at a time, in the order of its ledger."""

import os
import shlex
import signal
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from domain.foundation.events import Entry
from domain.foundation.secret import Secret
from services.notifications.cloud_events import CONTENT_TYPE
from services.notifications.signatures import signed_headers
from services.notifications.targets import DeliveryTarget
from services.outbound.fetcher import Fetcher, OutboundError, OutboundRefused, OutboundTimeout

COMMAND_SECONDS_MAX = 10.0
COMMAND_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
"""Nothing of ours is inherited: the master key may be in our environment."""


class DeliveryFailed(Exception):  # noqa: N818  reads as what happened
    """The target has not taken the message, as far as is known. The text is for people."""

    def __init__(self, why: str, *, may_repeat: bool = False) -> None:
        super().__init__(why)
        self.may_repeat = may_repeat
        """Whether it makes sense to try again at once, and takes no long time."""


SendMessage = Callable[[Entry, bytes, datetime], None]
"""Hands over the message of an event at that time. Raises DeliveryFailed."""


class Sender(Protocol):
    def to(self, target: DeliveryTarget) -> SendMessage:
        """For one turn of the target. Raises DeliveryFailed."""
        ...


class WebhookSender:
    """Any 2xx says that the message was taken (Standard Webhooks, "Delivery")."""

    def __init__(self, fetcher: Fetcher, secret_of: Callable[[DeliveryTarget], Secret | None]) -> None:
        self._fetcher = fetcher
        self._secret_of = secret_of

    def to(self, target: DeliveryTarget) -> SendMessage:
        secret = self._secret_of(target)
        if secret is None:
            raise DeliveryFailed("Its signing secret is gone: remove the target and add it again.")

        def send(entry: Entry, message: bytes, at: datetime) -> None:
            headers = {"Content-Type": CONTENT_TYPE, **signed_headers(secret, entry.event_id, at, message)}
            self._post(target.definition.destination, headers, message)

        return send

    def _post(self, url: str, headers: Mapping[str, str], message: bytes) -> None:
        try:
            answer = self._fetcher.fetch("POST", url, headers=headers, body=message)
        except OutboundError as error:
            is_quick = not isinstance(error, OutboundRefused | OutboundTimeout)
            raise DeliveryFailed(str(error), may_repeat=is_quick) from error
        if not 200 <= answer.status < 300:  # noqa: PLR2004  what HTTP calls successful
            raise DeliveryFailed(f"It answered with status {answer.status}.", may_repeat=True)


class FileSender:
    """A line of JSON an event, on the disk before the next one. A line that a crash has cut is ended first."""

    def to(self, target: DeliveryTarget) -> SendMessage:
        def send(_entry: Entry, message: bytes, _at: datetime) -> None:
            try:
                _append_line(Path(target.definition.destination), message)
            except OSError as error:
                raise DeliveryFailed(f"The file cannot be written: {error.strerror or error}.") from error

        return send


def _append_line(path: Path, line: bytes) -> None:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "rb+", buffering=0) as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is no regular file")
        torn = found.st_size > 0 and os.pread(descriptor, 1, found.st_size - 1) != b"\n"
        rest = memoryview((b"\n" if torn else b"") + line + b"\n")
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(descriptor)


class CommandSender:
    """A program on this machine, without a shell, that reads the message from its standard input. Exit code 0 says that
    it has taken it. What it has started is ended with it when its time is over."""

    def __init__(self, seconds_max: float = COMMAND_SECONDS_MAX) -> None:
        self._seconds_max = seconds_max

    def to(self, target: DeliveryTarget) -> SendMessage:
        command = shlex.split(target.definition.destination)
        return lambda _entry, message, _at: self._run(command, message)

    def _run(self, command: Sequence[str], message: bytes) -> None:
        try:
            process = subprocess.Popen(  # noqa: S603  the operator's own
                command,
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                cwd="/", env=COMMAND_ENVIRONMENT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise DeliveryFailed(f"The command cannot be run: {error.strerror}.") from error
        try:
            process.communicate(message, timeout=self._seconds_max)
        except subprocess.TimeoutExpired:
            raise DeliveryFailed(f"The command has not ended in {self._seconds_max:g} seconds.") from None
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        if process.returncode != 0:
            raise DeliveryFailed(f"The command ended with exit code {process.returncode}.")
