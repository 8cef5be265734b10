"""How the transparency log is, for monitors: whether it is signed, and how long it has waited for witnesses."""

from collections.abc import Mapping
from typing import NamedTuple

import psycopg

from services.transparency.checkpointer import Checkpointer
from services.transparency.cosigning import Cosigning, WitnessStatus
from services.transparency.tiles import SQL


class LogStatus(NamedTuple):
    told: Mapping[str, object]
    is_well: bool


class LogHealth:
    """Of one server."""

    def __init__(self, checkpointer: Checkpointer, cosigning: Cosigning | None, alarm_seconds: int) -> None:
        """Where checkpoints wait longer for witnesses, it is not well."""
        self._checkpointer = checkpointer
        self._cosigning = cosigning
        self._alarm_seconds = alarm_seconds

    def status(self, connection: psycopg.Connection) -> LogStatus:
        is_signed = self._checkpointer.failure is None
        told: dict[str, object] = {"checkpoints": "signed" if is_signed else "stopped"}
        if self._cosigning is None:
            return LogStatus(told, is_signed)
        ((waits,),) = connection.execute(SQL["unwitnessed"]).fetchall()
        found = connection.execute(SQL["witnesses"], {"names": list(self._cosigning.names)}).fetchall()
        witnesses = [WitnessStatus(*row) for row in found]
        told |= {
            "unwitnessed_seconds": 0 if waits is None else int(waits),
            "witnesses": [_told(witness) for witness in witnesses],
        }
        return LogStatus(told, is_signed and (waits is None or waits <= self._alarm_seconds))


def _told(witness: WitnessStatus) -> dict[str, object]:
    signed_at = None if witness.signed_at is None else witness.signed_at.isoformat(timespec="seconds")
    return {
        "name": witness.name,
        "size": witness.size,
        "signed_at": signed_at,
        "signs": "no" if witness.error is not None else "yes",
    }
