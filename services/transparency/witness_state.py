"""What a witness remembers of logs: of each the newest checkpoint that it has signed, and its own keys."""

import json
import os
import secrets
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from domain.evidence.checkpoints import LogCheckpoint
from domain.evidence.merkle import EMPTY_ROOT, verify_consistency
from domain.evidence.note_keys import SEED_BYTES, KeyKind, SigningKey

KEY_FILE, STATE_FILE = "witness.key", "logs.sqlite3"
KINDS = (KeyKind.ED25519_COSIGNATURE, KeyKind.ML_DSA_44)
BUSY_SECONDS = 5.0


class SizeConflict(Exception):  # noqa: N818  an answer
    """The witness has signed another size of this log than the caller goes on from, or another root of this size."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The newest checkpoint that this witness has signed has the size {size}.")
        self.size = size


class WitnessKeysInvalid(Exception):  # noqa: N818  said to a person
    """The message names the file and what was expected."""


def load_keys(directory: Path, name: str | None) -> list[SigningKey]:
    """The keys in a witness's directory, which the first start makes, under the given name. Raises
    WitnessKeysInvalid."""
    path = directory / KEY_FILE
    try:
        if name is not None and not path.exists():
            _create(path, name)
        said = json.loads(path.read_bytes())
        seeds = b64decode(said["seeds"], validate=True)
        if len(seeds) != len(KINDS) * SEED_BYTES:
            raise WitnessKeysInvalid(f"{path} holds {len(seeds)} bytes of keys; expected {len(KINDS) * SEED_BYTES}.")
    except FileNotFoundError as error:
        raise WitnessKeysInvalid(f"There is no {path}: the first start makes it, and needs --name.") from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise WitnessKeysInvalid(f"{path} cannot be used: {error}") from error
    if name not in (None, said["name"]):
        raise WitnessKeysInvalid(f"{path} is of the witness {said['name']}, not of {name}: a witness keeps its name.")
    parts = [seeds[at : at + SEED_BYTES] for at in range(0, len(seeds), SEED_BYTES)]
    return [SigningKey(said["name"], kind, seed) for kind, seed in zip(KINDS, parts, strict=True)]


def _create(path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    seeds = b64encode(secrets.token_bytes(len(KINDS) * SEED_BYTES)).decode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps({"name": name, "seeds": seeds}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)  # Or a loss of power takes the name of the file away, and the next start makes other keys.
    finally:
        os.close(directory)


class WitnessState:
    """In a file of SQLite's, durable before anything is signed. For several processes and threads."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / STATE_FILE
        with closing(self._opened()) as connection:
            connection.execute("pragma journal_mode = wal")
            connection.execute(
                "create table if not exists logs (origin text primary key, size integer not null, root blob not null)"
            )

    def accept(self, old_size: int, checkpoint: LogCheckpoint, proof: Sequence[bytes]) -> None:
        """Remembers the checkpoint, when it goes on from the one that is remembered. Raises SizeConflict and
        InvalidProof."""
        with closing(self._opened()) as connection:
            connection.execute("begin immediate")
            found = connection.execute("select size, root from logs where origin = ?", (checkpoint.origin,)).fetchone()
            size, root = found or (0, EMPTY_ROOT)
            if old_size != size or (checkpoint.size == size and checkpoint.root != root):
                raise SizeConflict(size)
            verify_consistency(size, root, checkpoint.size, checkpoint.root, proof)
            row = (checkpoint.origin, checkpoint.size, checkpoint.root)
            connection.execute("insert or replace into logs values (?, ?, ?)", row)
            connection.execute("commit")

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("pragma synchronous = full")
        return connection
