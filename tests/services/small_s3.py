"""A bucket as stock clients read and write one: what they ask of S3 here, and no more. Requests are not authenticated.

https://docs.aws.amazon.com/AmazonS3/latest/API/Type_API_Reference.html
"""

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

KEYS_A_PAGE = 7
"""So that listings have several."""
META = "x-amz-meta-"


class StoredObject(NamedTuple):
    content: bytes
    metadata: Mapping[str, str]


@dataclass
class SmallS3:
    endpoint: str
    buckets: dict[str, dict[str, StoredObject]] = field(default_factory=dict)
    """Objects by their keys."""


class _Server(ThreadingHTTPServer):
    def __init__(self, buckets: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store: dict[str, dict[str, StoredObject]] = {name: {} for name in buckets}


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name in the base
        pass

    def do_GET(self) -> None:
        bucket, key, query = self._asked()
        if bucket not in self.server.store:
            self._refuse(404, "NoSuchBucket")
        elif key:
            self._give(self.server.store[bucket].get(key))
        elif "location" in query:
            self._answer(200, b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>')
        else:
            self._list(sorted(self.server.store[bucket]), query)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        bucket, key, _query = self._asked()
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if bucket not in self.server.store:
            return self._refuse(404, "NoSuchBucket")
        if self.headers.get("If-None-Match") == "*" and key in self.server.store[bucket]:
            return self._refuse(412, "PreconditionFailed")
        given = {name.lower(): value for name, value in self.headers.items()}
        metadata = {name.removeprefix(META): value for name, value in given.items() if name.startswith(META)}
        self.server.store[bucket][key] = StoredObject(content, metadata)
        return self._answer(200, b"", {"ETag": _etag(content)})

    def _asked(self) -> tuple[str, str, dict[str, str]]:
        url = urlsplit(self.path)
        bucket, _, key = unquote(url.path).removeprefix("/").partition("/")
        query = parse_qs(url.query, keep_blank_values=True)
        return bucket, key, {name: values[0] for name, values in query.items()}

    def _give(self, found: StoredObject | None) -> None:
        if found is None:
            self._refuse(404, "NoSuchKey")
        else:
            headers = {META + name: value for name, value in found.metadata.items()}
            self._answer(200, found.content, {"ETag": _etag(found.content), **headers})

    def _list(self, keys: list[str], query: dict[str, str]) -> None:
        after = query.get("marker") or query.get("continuation-token") or query.get("start-after") or ""
        fitting = [key for key in keys if key.startswith(query.get("prefix", "")) and key > after]
        page, truncated = fitting[:KEYS_A_PAGE], len(fitting) > KEYS_A_PAGE
        following = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if truncated else ""
        contents = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in page)
        truth = f"<IsTruncated>{str(truncated).lower()}</IsTruncated>"
        body = f"<ListBucketResult>{truth}{following}{contents}</ListBucketResult>"
        self._answer(200, body.encode())

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def small_s3(*buckets: str) -> Iterator[SmallS3]:
    with _Server(buckets) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield SmallS3(f"http://127.0.0.1:{server.server_port}", server.store)
        finally:
            server.shutdown()
            thread.join()


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
