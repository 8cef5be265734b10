"""A wire between us and PostgreSQL that can be cut at the worst moment."""

import select
import shutil
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from services.ledger.database import Database, ExternalDatabase
from tests.conftest import url_of

_SOCKET = ".s.PGSQL.5432"
_COMMIT = b"Q\0\0\0\x0bCOMMIT\0"
"""A simple query, as PostgreSQL's protocol frames it ("Message Formats" in its documentation)."""
_CHUNK = 65_536


When = Literal["before", "after", "late"]


class _Cut(NamedTuple):
    when: When
    meanwhile: Callable[[], None]
    of: bytes


class Proxy:
    """Listens on a socket of its own and passes everything on, until it is told to cut."""

    def __init__(self, directory: Path, server: str) -> None:
        self._path = directory / _SOCKET
        self._server = server
        self._cuts: deque[_Cut] = deque()
        self._listener: socket.socket | None = None
        self._ends: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def cut_at_commit(self, when: When, meanwhile: Callable[[], None] = lambda: None, of: bytes = b"") -> None:
        """The next commit is lost on its way to the server (before), or only its answer is (after): it is durable then
        and nobody hears of it. `meanwhile` runs when the server's end is closed and ours is not yet. A commit that is
        late reaches the server when our end has been closed for long and `meanwhile` has run. `of` stands in the
        startup message of the connections that count, such as the name of their role."""
        self._cuts.append(_Cut(when, meanwhile, of))

    def accept(self) -> None:
        """Lets connections in."""
        listener = self._listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen()
        self._begin(partial(self._accept, listener))

    def refuse(self) -> None:
        """Ends all connections and lets none in."""
        listener, self._listener = self._listener, None
        if listener is not None:
            self._path.unlink()
            _shut(listener)
        for end in tuple(self._ends):
            _shut(end)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="test-proxy", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with listener, suppress(OSError):  # accept() fails when the listener is shut
            while True:
                client, _ = listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                self._ends |= {client, server}
                self._begin(partial(self._pass_on, client, server))

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, suppress(OSError):  # an end that was shut
            startup = client.recv(_CHUNK)
            server.sendall(startup)
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(_CHUNK)
                    if not data:
                        return
                    if source is client and data == _COMMIT and self._cuts and self._cuts[0].of in startup:
                        self._cut(self._cuts.popleft(), client, server)
                        return
                    (server if source is client else client).sendall(data)

    @staticmethod
    def _cut(cut: _Cut, client: socket.socket, server: socket.socket) -> None:
        if cut.when == "late":
            client.close()
            cut.meanwhile()
        if cut.when != "before":
            server.sendall(_COMMIT)
            assert b"COMMIT" in server.recv(_CHUNK)
        server.close()
        if cut.when != "late":
            cut.meanwhile()


def _shut(end: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxied(database: Database) -> Iterator[tuple[Proxy, ExternalDatabase]]:
    """A proxy, and the database as it is reached through it."""
    direct = url_of(database)
    directory = Path(tempfile.mkdtemp(prefix="muniment-proxy-"))  # short: the path of a socket has at most 107 bytes
    proxy = Proxy(directory, f"{conninfo_to_dict(direct)['host']}/{_SOCKET}")
    proxy.accept()
    try:
        yield proxy, ExternalDatabase(make_conninfo(direct, host=str(directory)))
    finally:
        proxy.refuse()
        proxy.join()
        shutil.rmtree(directory)
