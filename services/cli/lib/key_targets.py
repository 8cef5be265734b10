"""Where the secret of a new access key goes: a file, a profile of AWS's tools, or a command's standard input."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from services.cli.lib.credentials_file import ACCESS_KEY_ID, find_section, parse_sections, with_access_key
from services.cli.lib.replaced_file import read_if_there, replacing
from services.cli.lib.terminal import Failure, UsageError

COMMAND_SECONDS_MAX = 300
USER = "{user}"
"""In a target, stands for the user's name."""


@dataclass(frozen=True, slots=True)
class NewKey:
    access_key_id: str
    secret_access_key: str
    account_id: str
    user_name: str

    def to_json(self) -> bytes:
        """As the tools of AWS read it from a `credential_process`, with whose it is besides (AWS SDKs and Tools
        Reference Guide, "Process credential provider")."""
        told = {
            "Version": 1,
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key,
            "AccountId": self.account_id,
            "UserName": self.user_name,
        }
        return json.dumps(told).encode() + b"\n"


HandOver = Callable[[NewKey], None]
"""Raises Failure; the target is then as it was, as far as we know."""


class KeyTarget(ABC):
    kind: ClassVar[Literal["file", "profile", "command"]]
    name: str

    @property
    def place(self) -> str:
        """What people are told that it is."""
        return f"{self.kind} {self.name}"

    @abstractmethod
    def prepared(self) -> AbstractContextManager[HandOver]:
        """A context in which the target takes a key. Raises Failure, before there is any, when it would not."""

    def holds(self, _access_key_id: str) -> bool:
        """Whether it is known to have this key with its secret."""
        return False


@dataclass(frozen=True)
class FileTarget(KeyTarget):
    name: str
    kind = "file"

    @contextmanager
    def prepared(self) -> Iterator[HandOver]:
        with replacing(Path(self.name), keeps_mode=False) as put:
            yield lambda key: put(lambda _former: key.to_json())

    def holds(self, access_key_id: str) -> bool:
        try:
            found = json.loads(read_if_there(Path(self.name)))
        except (ValueError, RecursionError):
            return False
        return isinstance(found, dict) and found.get("AccessKeyId") == access_key_id and "SecretAccessKey" in found


@dataclass(frozen=True)
class ProfileTarget(KeyTarget):
    """Where it has its key now: that is where the tools read it. A new one stands in the credentials file."""

    name: str
    kind = "profile"

    @property
    def place(self) -> str:
        return f"profile {self.name} in {self._place()[0]}"

    @contextmanager
    def prepared(self) -> Iterator[HandOver]:
        path, is_config = self._place()
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, parents=True)

        def rewrite(former: bytes, key: NewKey) -> bytes:
            text, change = _text(path, former), (self.name, key.access_key_id, key.secret_access_key)
            try:
                return with_access_key(text, *change, is_config=is_config).encode()
            except Failure as failure:
                raise Failure(f"{path}: {failure}") from failure

        rewrite(read_if_there(path), NewKey("AKIAEXAMPLE", "example", "", ""))
        with replacing(path, keeps_mode=True) as put:
            yield lambda key: put(lambda former: rewrite(former, key))

    def holds(self, access_key_id: str) -> bool:
        path, is_config = self._place()
        return _options(path, self.name, is_config=is_config).get(ACCESS_KEY_ID) == access_key_id

    def _place(self) -> tuple[Path, bool]:
        """The file, and whether it is the one of configuration: of both the credentials file goes first."""
        credentials = _aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")
        config = _aws_file("AWS_CONFIG_FILE", "config")
        in_config = ACCESS_KEY_ID in _options(config, self.name, is_config=True)
        if in_config and ACCESS_KEY_ID not in _options(credentials, self.name, is_config=False):
            return config, True
        return credentials, False


@dataclass(frozen=True)
class CommandTarget(KeyTarget):
    """Started without a shell. What it prints goes to standard error."""

    words: tuple[str, ...]
    kind = "command"

    @property
    def name(self) -> str:  # type: ignore[override]  # its arguments may be secrets
        return self.words[0]

    @contextmanager
    def prepared(self) -> Iterator[HandOver]:
        program = shutil.which(self.words[0])
        if program is None:
            raise Failure(f"There is no command {self.words[0]} that could take the key.")
        yield lambda key: self._run(program, key)

    def _run(self, program: str, key: NewKey) -> None:
        try:
            done = subprocess.run(  # noqa: S603  the caller's own command
                [program, *self.words[1:]],
                input=key.to_json(),
                stdout=sys.stderr,
                check=False,
                timeout=COMMAND_SECONDS_MAX,
            )
        except OSError as error:
            raise Failure(f"The command {self.name} could not be run: {error.strerror}.") from error
        except subprocess.TimeoutExpired:
            # It was killed. The exception has what it was given.
            raise Failure(f"The command {self.name} did not end within {COMMAND_SECONDS_MAX} seconds.") from None
        if done.returncode != 0:
            raise Failure(f"The command {self.name} ended with {done.returncode}: expected 0.")


def target_for(user: str, *, file: str | None, profile: str | None, command: str | None) -> KeyTarget | None:
    """The one that is given, with the user's name in its place. Raises UsageError."""
    if user in {".", ".."} and file is not None and USER in file:
        raise UsageError(f"A user called {user} has no file of that name: give the file without {USER}.")
    if file is not None:
        return FileTarget(file.replace(USER, user))
    if profile is not None:
        return ProfileTarget(profile.replace(USER, user))
    if command is None:
        return None
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--to-command is not understood: {error}.") from error
    if not words:
        raise UsageError("--to-command is empty: expected a program and its arguments.")
    return CommandTarget(tuple(word.replace(USER, user) for word in words))


def _aws_file(variable: str, name: str) -> Path:
    return Path(os.environ.get(variable) or Path("~/.aws") / name).expanduser()


def _options(path: Path, profile: str, *, is_config: bool) -> dict[str, str]:
    """Raises Failure."""
    try:
        sections = parse_sections(_text(path, read_if_there(path)))
    except Failure as failure:
        raise Failure(f"{path}: {failure}") from failure
    name = find_section(sections, profile, is_config=is_config)
    return {} if name is None else sections[name]


def _text(path: Path, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Failure(f"{path} is not in UTF-8, as AWS's tools expect.") from None
