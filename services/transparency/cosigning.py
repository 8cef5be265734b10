"""Having checkpoints signed by witnesses: one thread for each of them, which asks for the newest (docs/adr/0069)."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import psycopg

from domain.evidence.checkpoints import parse_checkpoint
from domain.evidence.merkle import consistency_proof
from domain.evidence.note_keys import verify_note
from domain.evidence.signed_notes import InvalidNote, NoteSignature, parse_note
from domain.evidence.witness_policies import NONE, Witness, WitnessPolicy
from services.outbound.fetcher import Fetcher
from services.transparency.head_log import newest_checkpoint
from services.transparency.tiles import HEADS, SQL, node_reader
from services.transparency.witness_client import WitnessContradicts, WitnessUnavailable, ask_witness

REST_SECONDS = 1.0
"""After an answer: a checkpoint is signed so often."""
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 1.0, 60.0
COMPARING_THREADS_MAX = 8
OVERTAKEN_MAX = 10
"""How often another server may have a newer checkpoint signed while this one asks."""

log = logging.getLogger("muniment.log")


@dataclass(frozen=True, slots=True)
class WitnessStatus:
    name: str
    size: int
    """Of the log of heads that it signed last."""
    signed_at: datetime | None
    error: str | None
    """Why it has not signed since."""


class Cosigning:
    """Of one process; several may do so at a time."""

    def __init__(self, connect: Callable[[], psycopg.Connection], policy: WitnessPolicy, fetcher: Fetcher) -> None:
        """`connect` gives a connection in autocommit, as muniment_writer."""
        self._connect = connect
        self._policy = policy
        self._fetcher = fetcher
        self._stopping = threading.Event()
        self._published = {name: threading.Event() for name, witness in policy.witnesses.items() if witness.url}
        self._threads = [
            threading.Thread(target=self._run, args=(name,), name=f"muniment-witness-{number}", daemon=True)
            for number, name in enumerate(self._published)
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the witnesses that are asked."""
        return tuple(self._published)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self.notify_published()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def notify_published(self, _note: str = "") -> None:
        for published in self._published.values():
            published.set()

    def compare(self) -> list[str]:
        """Asks each witness for a signature of the newest checkpoint that is here: what it says where it knows of more,
        or of something else. Who cannot be asked is told in the log."""
        with ThreadPoolExecutor(COMPARING_THREADS_MAX) as threads:
            return [said for said in threads.map(self._compare, self._published) if said is not None]

    def _compare(self, name: str) -> str | None:
        try:
            with self._connect() as connection:
                self._cosign(connection, name, self._policy.witnesses[name], again=True)
        except WitnessContradicts as contradiction:
            return f"The witness {name} {contradiction}."
        except WitnessUnavailable as error:
            log.warning("The witness %s could not be asked at the start: %s", name, error)
        return None

    def _run(self, name: str) -> None:
        witness, retry = self._policy.witnesses[name], RETRY_SECONDS_MIN
        while True:
            # In this order: it would wait for ever if it cleared what wakes it to stop.
            self._published[name].clear()
            if self._stopping.is_set():
                return
            try:
                with self._connect() as connection:
                    self._turn(connection, name, witness)
                retry = RETRY_SECONDS_MIN
            except (WitnessUnavailable, WitnessContradicts, psycopg.OperationalError):
                self._stopping.wait(retry)
                retry = min(2 * retry, RETRY_SECONDS_MAX)
                continue
            except Exception:
                log.exception("The witness %s is asked no more.", name)
                return
            self._stopping.wait(REST_SECONDS)
            self._published[name].wait()

    def _turn(self, connection: psycopg.Connection, name: str, witness: Witness) -> None:
        """Raises WitnessUnavailable and WitnessContradicts, which are noted."""
        try:
            self._cosign(connection, name, witness)
        except (WitnessUnavailable, WitnessContradicts) as error:
            noted = connection.execute(SQL["note_witness_error"], {"name": name, "error": str(error)}).fetchone()
            if noted == (True,):
                log.warning("The witness %s: %s", name, error)
            raise

    def _cosign(self, connection: psycopg.Connection, name: str, witness: Witness, *, again: bool = False) -> None:
        """Asks for the newest checkpoint; where the witness has signed it already, only if `again`. Raises
        WitnessUnavailable and WitnessContradicts."""
        for _ in range(OVERTAKEN_MAX):
            try:
                self._ask(connection, name, witness, again=again)
            except WitnessContradicts as contradiction:
                # Another server may have published that in the meantime: what a witness is offered is committed.
                newest = newest_checkpoint(connection.cursor())
                if newest is None or not 0 < contradiction.size <= newest.size:
                    raise
            else:
                return
        raise WitnessUnavailable("has signed a newer checkpoint each time, of another server")

    def _ask(self, connection: psycopg.Connection, name: str, witness: Witness, *, again: bool) -> None:
        with connection.cursor() as cursor:
            newest = newest_checkpoint(cursor)
            if newest is None:
                return
            row = cursor.execute(SQL["witness"], {"name": name}).fetchone()
            known_size = 0 if row is None else row[0]
            note = parse_note(newest.note.encode())
            if not again and known_size == newest.size and witness.key in _signers(newest.note, witness):
                return

            def prove(old_size: int, new_size: int) -> list[bytes]:
                if old_size > new_size:
                    return []
                return consistency_proof(old_size, new_size, node_reader(cursor, HEADS, new_size))

            # What we remember may be ahead of what is here, if the database was put back.
            signatures = ask_witness(self._fetcher, witness, note, min(known_size, newest.size), prove)
        with connection.transaction(), connection.cursor() as cursor:
            self._keep(cursor, name, newest.size, list(signatures))

    def _keep(self, cursor: psycopg.Cursor, name: str, size: int, signatures: list[NoteSignature]) -> None:
        cursor.execute(SQL["note_witness"], {"name": name, "size": size})
        row = cursor.execute(SQL["lock_checkpoint"], {"size": size}).fetchone()
        if row is None:
            return
        note = parse_note(row[0].encode()).with_signatures(signatures)
        text = parse_checkpoint(note.text)
        is_witnessed = self._policy.quorum != NONE and self._policy.has_quorum(note)
        cosigned = {"size": text.size, "note": str(note), "witnessed": is_witnessed}
        cursor.execute(SQL["cosign"], cosigned)


def _signers(note: str, witness: Witness) -> set[object]:
    try:
        return {*verify_note(parse_note(note.encode()), [witness.key])}
    except InvalidNote:
        return set()
