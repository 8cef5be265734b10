"""The application that does nothing, on the HTTP server that muniment runs on: what a call costs before it means
anything. `python -m benchmarks.nothing` serves it."""

import socket

import uvicorn

from services.app import BACKLOG, http_config
from services.asgi import Receive, Scope, Send

READY = "nothing ready on "
BODY = b"." * 700
"""GetCallerIdentity is answered with 460 bytes, AssumeRole with 1,500."""
HEADERS = [
    (b"content-type", b"text/xml"),
    (b"content-length", b"%d" % len(BODY)),
    (b"x-amzn-requestid", b"00000000-0000-4000-8000-000000000000"),
    (b"cache-control", b"no-store"),
]


async def nothing(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    # From here on whoever connects is answered, if only when the loop runs.
    print(f"{READY}http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(http_config(nothing)).run(sockets=[listener])


if __name__ == "__main__":
    main()
