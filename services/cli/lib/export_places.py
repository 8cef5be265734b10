"""Where files are delivered to: a bucket of S3, or a directory in its place. What is there stays as it is."""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from services.cli.lib.terminal import Failure, os_error_text

METADATA_SUFFIX = ".metadata.json"
"""Of the file beside, in a directory, with what S3 has as an object's metadata."""
CONTENT_BYTES_MAX = 64 * 1_048_576
_KEY = re.compile(r"(?!\.{1,2}(?:/|\Z))[^\x00/]+(?:/(?!\.{1,2}(?:/|\Z))[^\x00/]+)*")
"""Of parts that are names, none of which is another directory's."""
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})


class Delivered(NamedTuple):
    content: bytes
    metadata: Mapping[str, str]


class ExportPlace(Protocol):
    """Each of its methods raises Failure where the place cannot be reached, read or written."""

    def keys(self, prefix: str) -> Iterator[str]:
        """In their order, those that begin so."""

    def read(self, key: str) -> Delivered | None: ...

    def create(self, key: str, content: bytes, metadata: Mapping[str, str]) -> None:
        """Of what is not there. Once it is there, all of it is."""


class Directory:
    """Which is laid out as a bucket is."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def keys(self, prefix: str) -> Iterator[str]:
        folder = self._root / prefix
        if folder.is_dir():
            found = (path.relative_to(self._root).as_posix() for path in folder.rglob("*") if path.is_file())
            yield from sorted(found)

    def read(self, key: str) -> Delivered | None:
        path = self._root / key
        try:
            with path.open("rb") as file:
                content = file.read(CONTENT_BYTES_MAX + 1)
            beside = path.with_name(path.name + METADATA_SUFFIX)
            metadata = json.loads(beside.read_bytes()) if beside.exists() else {}
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Failure(f"{path} cannot be read: {os_error_text(error)}.") from error
        except ValueError as error:
            raise Failure(f"{path}{METADATA_SUFFIX} is no JSON.") from error
        if len(content) > CONTENT_BYTES_MAX or not isinstance(metadata, dict):
            raise Failure(f"{path} is no file of a trail: it has more than {CONTENT_BYTES_MAX} bytes, or odd metadata.")
        return Delivered(content, metadata)

    def create(self, key: str, content: bytes, metadata: Mapping[str, str]) -> None:
        if not _KEY.fullmatch(key):
            raise Failure(f"The server has named a file {key!r}, which is none below {self._root}.")
        path = self._root / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if metadata:  # Before the file: no digest stands without its signature.
                _write(path.with_name(path.name + METADATA_SUFFIX), json.dumps(metadata, indent=2).encode() + b"\n")
            _write(path, content)
        except OSError as error:
            raise Failure(f"{path} cannot be written: {os_error_text(error)}.") from error


def _write(path: Path, content: bytes) -> None:
    """By a rename: whoever reads sees all of it, or nothing."""
    number, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with open(number, "wb") as file:  # noqa: PTH123  it is open already
            file.write(content)
            file.flush()
            os.fsync(number)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


class Bucket:
    """Of S3, or of whatever speaks as it does."""

    def __init__(self, name: str, profile: str | None, endpoint_url: str | None) -> None:
        self._name = name
        # Others than AWS have no host for each bucket.
        config = Config(s3={"addressing_style": "path"}) if endpoint_url else None
        try:
            session = Session(profile=profile)
            self._client: Any = session.create_client("s3", endpoint_url=endpoint_url, config=config)
        except BotoCoreError as error:
            raise Failure(str(error)) from error

    def keys(self, prefix: str) -> Iterator[str]:
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix))
        while (page := self._asked(lambda: next(pages, None))) is not None:
            yield from (each["Key"] for each in page.get("Contents", ()))

    def read(self, key: str) -> Delivered | None:
        def read() -> Delivered:
            found = self._client.get_object(Bucket=self._name, Key=key)
            return Delivered(found["Body"].read(CONTENT_BYTES_MAX), found["Metadata"])

        found: Delivered | None = self._asked(read, f"s3://{self._name}/{key}")
        return found

    def create(self, key: str, content: bytes, metadata: Mapping[str, str]) -> None:
        said = {"Bucket": self._name, "Key": key, "ContentType": "application/json", "ContentEncoding": "gzip"}
        put = {**said, "Body": content, "Metadata": dict(metadata), "IfNoneMatch": "*"}
        self._asked(lambda: self._client.put_object(**put), f"s3://{self._name}/{key}")

    def _asked(self, ask: Any, what: str | None = None) -> Any:
        """None of what is not there."""
        try:
            return ask()
        except ClientError as error:
            said = error.response["Error"]
            if said["Code"] in _MISSING and what is not None and error.operation_name == "GetObject":
                return None
            raise Failure(f"{what or f's3://{self._name}'}: {said['Code']}: {said.get('Message', '')}") from error
        except BotoCoreError as error:
            raise Failure(f"{what or f's3://{self._name}'}: {error}") from error
