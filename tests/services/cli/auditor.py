"""Commands typed in this process about an account that is served in it, whose clock is ours."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSPreparedRequest

from services.cli.entry_point import main
from services.wire.raw_request import RawRequest
from tests.services.quarter import Quarter


@dataclass(frozen=True)
class Auditor:
    """Who types commands, as Ada."""

    account: Quarter

    def asks(self, *words: str) -> list[dict[str, Any]]:
        """The answer of one command."""
        return [json.loads(line) for line in self.types(*words, "--output", "json").splitlines()]

    def types(self, *words: str) -> str:
        """What one command prints."""
        out, notes = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(notes):
            status = main(words)
        assert status == 0, notes.getvalue()
        return out.getvalue()

    def key(self, access_key_id: str) -> str:
        """What the story calls it."""
        keys = self.account.keys.items()
        return next(name for name, keys_ in keys if "/" in name and keys_.access_key == access_key_id)


class InProcess:
    """The HTTP of the command, without a network."""

    def __init__(self, account: Quarter) -> None:
        self._house = account.house

    def send(self, request: AWSPreparedRequest) -> SimpleNamespace:
        url = urlsplit(request.url)
        headers = [("Host", url.netloc), *request.headers.items()]
        sent = tuple(
            (name.lower().encode(), each if isinstance(each, bytes) else each.encode()) for name, each in headers
        )
        body = request.body or b""
        raw = RawRequest(request.method, url.path.encode(), url.query.encode(), sent, body)
        response = self._house.answer(raw, self._house.native)
        return SimpleNamespace(status_code=response.status, content=response.body)


@contextmanager
def auditing(account: Quarter, place: Path) -> Iterator[Auditor]:
    """With Ada's key in the environment."""
    ada = account.keys["ada"]
    environment = {
        "AWS_CONFIG_FILE": str(place / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(place / "none"),
        "AWS_ACCESS_KEY_ID": ada.access_key,
        "AWS_SECRET_ACCESS_KEY": ada.secret_key,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:8420",
    }
    with pytest.MonkeyPatch.context() as patched:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patched.delenv(name, raising=False)
        for name, value in environment.items():
            patched.setenv(name, value)
        patched.setattr("services.cli.lib.remote.URLLib3Session", lambda **_: InProcess(account))
        yield Auditor(account)
