"""What monitors ask: whether the server lives, and whether it can do its work. Unsigned, so it tells no reason and no
name that comes from a request."""

import asyncio
import json
import logging
import time
import uuid

import psycopg
from psycopg_pool import PoolTimeout

from projections.engine.runner import ProjectionRunner, ProjectionStatus
from projections.engine.upgrade import RebuildProgress
from services.ledger.committer import Committer
from services.ledger.pending_call import LedgerUnavailable
from services.ledger.recorder import ConnectionSource
from services.ledger.storage_probe import ReadOnlyDatabase, StorageProbe
from services.notifications.deliverer import Deliverer
from services.scheduler import Scheduler, SchedulerStatus
from services.secrets.envelope import InvalidSeal
from services.transparency.log_health import LogHealth, LogStatus
from services.wire.request_pipeline import Response

log = logging.getLogger("muniment.health")
KEPT_SECONDS = 1.0
"""Anybody may ask, so the database is asked once a second at most."""
OK, NOT_FOUND, UNAVAILABLE = 200, 404, 503


class Health:
    """One event loop's."""

    def __init__(
        self,
        committer: Committer,
        runner: ProjectionRunner,
        writers: ConnectionSource,
        probe: StorageProbe,
        scheduler: Scheduler | None,
        deliverer: Deliverer | None = None,
        transparency: LogHealth | None = None,
    ) -> None:
        """Without a scheduler, a deliverer or a log, none runs in this process."""
        self._transparency = transparency
        self._deliverer = deliverer
        self._probe = probe
        self._scheduler = scheduler
        self._committer = committer
        self._runner = runner
        self._writers = writers
        self._checking = asyncio.Lock()
        self._checked: tuple[float, int, dict[str, object]] = (-KEPT_SECONDS, UNAVAILABLE, {})

    async def answer(self, path: bytes) -> Response:
        if path == b"/health/live":
            return _response(OK, {"status": "live"})
        if path == b"/health/ready":
            return _response(*await self._ready())
        return _response(NOT_FOUND, {"status": "unknown", "expected": ["/health/live", "/health/ready"]})

    async def _ready(self) -> tuple[int, dict[str, object]]:
        async with self._checking:
            if time.monotonic() - self._checked[0] >= KEPT_SECONDS:
                self._checked = (time.monotonic(), *await asyncio.to_thread(self._check))
            return self._checked[1:]

    def _check(self) -> tuple[int, dict[str, object]]:
        """Not ready is who cannot record calls: no committer, no database, or a clock that disagrees with the
        database's or with what is recorded; and who cannot read what calls read, unless that is the ledger of one
        account among several. No authorization reads a projection, so one that has halted degrades the
        views alone; were it a reason for 503, one event that cannot be projected would take every server away."""
        committing, refused_because = self._committer.alive, self._committer.refusal_reason
        found: dict[str, object] = {"status": "not ready", "committer": _alive(committing)}
        if refused_because is not None:
            found |= {"calls": "refused", "reason": refused_because}
        try:
            with self._writers() as connection:
                [(database_now,)] = connection.execute("select clock_timestamp()").fetchall()
            found["storage"] = self._storage()
            status = self._runner.status()
        except ReadOnlyDatabase:
            return UNAVAILABLE, found | {"database": "read-only"}
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("The database cannot be reached: %s", error)
            return UNAVAILABLE, found | {"database": "unreachable"}
        found |= {
            "database": "reachable",
            "projector": "elsewhere" if status.running is None else _alive(status.running),
            "projections": [_projection(projection) for projection in status.projections],
        }
        try:
            self._committer.refuse_wrong_clock(database_now)
        except LedgerUnavailable as error:
            log.warning("%s", error)
            return UNAVAILABLE, found | {"clock": "wrong"}
        found["clock"] = "right"
        if not committing or refused_because is not None or found["storage"] == "damaged":
            return UNAVAILABLE, found
        if self._scheduler is not None:
            found["scheduler"] = _scheduler(self._scheduler.status)
        if self._deliverer is not None:
            # No part of the verdict either: a target that is down is its owner's affair.
            told = self._deliverer.status
            found["notifications"] = {"leader": told.leader, "dead_targets": told.dead_targets}
        transparent = self._log_status()
        if transparent is not None:
            found["log"] = transparent.told
        following = (
            status.running is not False
            and (transparent is None or transparent.is_well)
            and found["storage"] == "readable"
            and not any(_needs_help(each) for each in status.projections)
        )
        return OK, found | {"status": "ready" if following else "degraded"}

    def _log_status(self) -> LogStatus | None:
        if self._transparency is None:
            return None
        with self._writers() as connection:
            return self._transparency.status(connection)

    def _storage(self) -> str:
        """Damaged is what all calls may need, or the ledger of every account."""
        try:
            with self._writers() as connection:
                self._probe.read(connection)
            self._probe.load(self._writers)
        except psycopg.OperationalError:
            raise
        except (InvalidSeal, psycopg.DatabaseError) as error:
            log.error("What calls read cannot be read: %s", error)  # noqa: TRY400  the message says it all
            return "damaged"
        if self._probe.serves_nobody:
            return "damaged"
        return "damaged in part" if self._probe.unreadable else "readable"


def _alive(alive: bool) -> str:  # noqa: FBT001  names a boolean
    return "alive" if alive else "stopped"


def _scheduler(status: SchedulerStatus) -> dict[str, object]:
    """Not a part of the verdict: expiry is decided by comparing, and what was not recorded now is recorded later."""
    return {
        "leader": status.leader,
        "last_tick": None if status.last_tick is None else status.last_tick.isoformat(timespec="seconds"),
        "error": status.last_error,
    }


def _needs_help(status: ProjectionStatus) -> bool:
    """Whether its views stand still, or are refused, until somebody does something."""
    return bool(status.halted) or (status.rebuild is not None and status.rebuild.state in {"failed", "superseded"})


def _projection(status: ProjectionStatus) -> dict[str, object]:
    return {
        "name": status.name,
        "lag_positions": status.lag_positions,
        "lag_positions_max": status.lag_positions_max,
        **({} if status.rebuild is None else {"rebuild": _rebuild(status.rebuild)}),
        "halted": [
            {
                "account_id": halted.account_id,
                "position": halted.position,
                "since": halted.since.isoformat(timespec="seconds"),
                # The error's kind. Its text may repeat what somebody did; that is in the log.
                "error": halted.reason.partition(":")[0],
            }
            for halted in status.halted
        ],
    }


def _rebuild(progress: RebuildProgress) -> dict[str, object]:
    """Present while this version's tables are not there."""
    return {
        "state": progress.state,
        **({} if progress.reason is None else {"reason": progress.reason}),
        "position": progress.position,
        "head": progress.head,
        "percent": progress.percent,
        "answers_meanwhile": progress.answers_meanwhile,
    }


def _response(status: int, what: dict[str, object]) -> Response:
    return Response(status, json.dumps(what).encode() + b"\n", str(uuid.uuid4()), content_type="application/json")
