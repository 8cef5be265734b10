"""How far a verification has found a ledger whole, and under which digest, for a later one to begin with.

Each verification records its checkpoints in the installation's ledger, and prints them for whoever keeps them elsewhere
(docs/adr/0038). The newest one of a ledger is enough: its digest covers every byte up to there.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import psycopg

from projections.engine.sql_files import load_statements

SQL = load_statements("services.ledger", "checkpoints.sql")
OPERATION = "VerifyLedgers"
"""Of the installation's ledger: a call of this name has them among its parameters."""
PARAMETER = "checkpoints"
CHECKPOINTS_A_RECORD_MAX = 400
"""Some 40 kB: an entry stays below 64."""
RECORDS_A_FETCH = 100
"""So many are in memory at a time."""


class LedgerDigest:
    """Of the bytes of all entries up to a position, each behind its length in 8 bytes, big-endian."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def update(self, state: bytes) -> None:
        self._digest.update(len(state).to_bytes(8, "big") + state)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class Checkpoint(NamedTuple):
    position: int
    sha256: str
    """A `LedgerDigest`."""
    source: str
    """Who says so, for people to read."""


class InvalidCheckpoints(ValueError):  # noqa: N818  said to a person
    """What should be the output of an earlier verification is not."""


def recorded_checkpoints(connection: psycopg.Connection) -> dict[str, Checkpoint]:
    """The newest of each ledger that the installation's ledger holds, in the caller's transaction. Whether that ledger
    itself is right, verifying it tells: what is no checkpoint is passed over here."""
    newest: dict[str, Checkpoint] = {}
    with connection.cursor("checkpoints") as cursor:
        cursor.itersize = RECORDS_A_FETCH
        for position, state in cursor.execute(SQL["recorded"], {"operation": OPERATION}, binary=True):
            source = f"the verification at position {position} of the installation's ledger"
            for account_id, (reached, sha256) in _recorded_in(state).items():
                newest[account_id] = Checkpoint(reached, sha256, source)
    return newest


def _recorded_in(state: bytes) -> dict[str, tuple[int, str]]:
    try:
        entry = json.loads(state)
        if (entry["cause"]["origin"], entry["cause"]["operation"]) != ("operator", OPERATION):
            return {}
        recorded = entry["event"]["parameters"].get(PARAMETER, {}).items()
        return {str(account_id): (int(reached), str(sha256)) for account_id, (reached, sha256) in recorded}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def split_checkpoints(found: Mapping[str, tuple[int, str]]) -> Iterator[Mapping[str, Mapping[str, tuple[int, str]]]]:
    """Position and digest of ledgers, as the parameters of the calls that record them. One at least."""
    account_ids = sorted(found)
    for first in range(0, max(len(account_ids), 1), CHECKPOINTS_A_RECORD_MAX):
        yield {PARAMETER: {each: found[each] for each in account_ids[first : first + CHECKPOINTS_A_RECORD_MAX]}}


def parse_checkpoints(lines: Iterable[str], source: str) -> dict[str, Checkpoint]:
    """From what `muniment verify --output json` has printed. Raises InvalidCheckpoints."""
    found: dict[str, Checkpoint] = {}
    for number, line in enumerate(lines, 1):
        try:
            said = json.loads(line)
            if "account_id" in said and said["finding"] is None:
                found[str(said["account_id"])] = Checkpoint(int(said["positions"]), str(said["sha256"]), source)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidCheckpoints(f"line {number} is none of `muniment verify --output json`") from error
    if not found:
        raise InvalidCheckpoints("it has no verdict of a ledger that was found whole")
    return found
