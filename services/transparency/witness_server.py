"""A witness (C2SP tlog-witness): signs checkpoints of logs that it knows, while each goes on from the one before."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from domain.evidence.checkpoints import parse_checkpoint, parse_decimal
from domain.evidence.merkle import PROOF_HASHES_MAX, InvalidProof
from domain.evidence.note_keys import SigningKey, VerifierKey, verify_note
from domain.evidence.signed_notes import InvalidNote, SignedNote, decode_base64, parse_note
from services.transparency.witness_state import SizeConflict, WitnessState

PATH = b"/add-checkpoint"
BODY_BYTES_MAX = 64 << 10
TEXT, SIZE_TEXT = b"text/plain; charset=utf-8", b"text/x.tlog.size"
OK, BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, TOO_LARGE, UNPROCESSABLE, UNAVAILABLE = (
    *(200, 400, 403, 404, 409, 413, 422, 503),
)
_OLD = "old "

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_Answer = tuple[int, bytes, bytes]
"""Status, type of content, and body."""

log = logging.getLogger("muniment.witness")


class _Refused(Exception):  # noqa: N818  an answer
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class WitnessApp:
    """The ASGI application."""

    def __init__(self, keys: Sequence[SigningKey], logs: Sequence[VerifierKey], state: WitnessState) -> None:
        """`logs` are the keys of the logs that it knows; their names are the origins."""
        self._keys = keys
        self._logs = logs
        self._state = state

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        status, content_type, body = await self._answer(scope, receive)
        headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: _Scope, receive: _Receive) -> _Answer:
        if scope["method"] != "POST" or scope["raw_path"] != PATH:
            return _told(NOT_FOUND, "Expected POST /add-checkpoint.")
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > BODY_BYTES_MAX:
                return _told(TOO_LARGE, f"A request has at most {BODY_BYTES_MAX} bytes.")
            if not message.get("more_body"):
                break
        try:
            return await asyncio.to_thread(self.add_checkpoint, body)
        except sqlite3.Error:
            log.exception("Nothing can be remembered.")
            return _told(UNAVAILABLE, "The witness cannot remember anything now.")

    def add_checkpoint(self, body: bytes) -> _Answer:
        """Raises sqlite3.Error."""
        try:
            old_size, proof, note = self._proved(body)
            self._state.accept(old_size, parse_checkpoint(note.text), proof)
        except _Refused as refused:
            return _told(refused.status, str(refused))
        except SizeConflict as conflict:
            return CONFLICT, SIZE_TEXT, b"%d\n" % conflict.size
        except InvalidProof as error:
            log.warning("A checkpoint does not go on from the one before: %s", error)
            return _told(UNPROCESSABLE, str(error))
        # It is remembered. A crash before the answer loses a signature, not what was signed.
        at = int(time.time())
        return OK, TEXT, "".join(f"{key.sign(note.text, at)}\n" for key in self._keys).encode()

    def _proved(self, body: bytes) -> tuple[int, list[bytes], SignedNote]:
        """Of a log that is known, signed by it. Raises _Refused."""
        try:
            old_size, proof, note = parse_request(body)
            checkpoint = parse_checkpoint(note.text)
        except InvalidNote as error:
            raise _Refused(BAD_REQUEST, str(error)) from error
        if old_size > checkpoint.size:
            raise _Refused(BAD_REQUEST, f"The old size {old_size} is larger than that of the checkpoint.")
        known = [key for key in self._logs if key.name == checkpoint.origin]
        if not known:
            raise _Refused(NOT_FOUND, f"The log {checkpoint.origin} is not known here.")
        try:
            verify_note(note, known)
        except InvalidNote as error:
            raise _Refused(FORBIDDEN, str(error)) from error
        return old_size, proof, note


def parse_request(body: bytes) -> tuple[int, list[bytes], SignedNote]:
    """Old size, consistency proof and checkpoint. Raises InvalidNote."""
    head, separator, note = body.partition(b"\n\n")
    old, *lines = head.decode(errors="replace").split("\n")
    if not separator or not old.startswith(_OLD) or len(lines) > PROOF_HASHES_MAX:
        raise InvalidNote(
            f"Expected a line `old SIZE`, at most {PROOF_HASHES_MAX} hashes, an empty line, a checkpoint."
        )
    return parse_decimal(old.removeprefix(_OLD), "old size"), [decode_base64(line) for line in lines], parse_note(note)


def _told(status: int, why: str) -> _Answer:
    return status, TEXT, f"{why}\n".encode()
