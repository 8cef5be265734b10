"""Where a server and a worker are constructed, from their settings."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Collection
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import partial
from secrets import token_bytes
from time import sleep
from typing import Literal

import uvicorn

from projections.engine.progress import ProgressWatcher
from projections.engine.runner import ProjectionRunner
from services import heap
from services.api.action_catalogue import CATALOGUE
from services.api.server.answer_runner import AnswerRunner
from services.api.server.health import Health
from services.api.server.log_endpoint import LogEndpoint
from services.api.server.native_protocol import NativeProtocol
from services.api.server.secret_scanning import ScanningKeys, SecretScanning, load_scanning_keys
from services.asgi import AsgiApp, Receive, Scope, Send
from services.aws_services import aws_protocols
from services.bootstrap import adopt_managed_policies, bootstrap, publish_catalogue, update_endpoint
from services.bounded_http import BoundedHttp, connections_max
from services.cosigning_runtime import build_cosigning
from services.ledger.database import Database
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.growth import GrowthShares
from services.ledger.historical_states import HistoricalStateResolver
from services.ledger.lineage_resolver import LineageResolver
from services.ledger.pending_call import LedgerUnavailable
from services.ledger.report_resolver import ReportResolver
from services.ledger_runtime import LedgerRuntime, check_database, load_master_keys, open_database
from services.managed_policies.catalogue import publish_catalogues
from services.notification_runtime import build_deliverer
from services.notifications.deliverer import Deliverer
from services.secrets.master_key import KEY_BYTES, MasterKey, MasterKeys
from services.secrets.passwords import PasswordHashes
from services.settings import InvalidSetting, Settings
from services.transparency.cosigning import Cosigning
from services.transparency.log_health import LogHealth
from services.transparency.published import PublishedFile
from services.wire.absent_services import AbsentServices
from services.wire.authentication import Authenticator
from services.wire.fact_resolver import FactResolver
from services.wire.operations import require_served
from services.wire.refusal_counts import RefusalCounts, RefusalRecorder
from services.wire.request_pipeline import RequestPipeline
from services.wire.unauthenticated import UnauthenticatedRecorder

log = logging.getLogger("muniment")
BackgroundTask = Literal["scheduler", "projections"]
"""What a server does besides answering, and a worker can do in its place."""
HOUSEKEEPING_SECONDS = 60
KEEP_ALIVE_SECONDS = 75
STOP_SECONDS_MAX = 8
"""For which a server that stops waits for its last answers: longer than any round, or than a reading that has begun."""
WORKER_SWEEP_SECONDS = 1.0
"""Servers do not tell a worker of their commits, and those who read there wait for what it projects."""
BACKLOG = 1_024
ACCEPTING_TURNS = 3
"""Of the loop: one accepts, and makes what reads in the next."""


class WorkerStopped(Exception):  # noqa: N818  said to a person
    """A worker that has ended although nobody told it to."""


def run_server(
    settings: Settings,
    on_ready: Callable[[str, bool], None],
    without: Collection[BackgroundTask] = (),
    *,
    accept_loss: bool = False,
) -> None:
    """Runs until it is interrupted, `without` what a worker does elsewhere. `on_ready` is told the address as soon as
    requests are answered, and whether the first account was opened at this start. With `accept_loss`, also where
    published entries of the log are missing.

    Raises InvalidSetting when the address cannot be listened on, before anything is started, and LogRefused.
    """
    heap.keep_small()
    if settings.database_url is None and (place := settings.data / "postgres").exists():
        EmbeddedPostgres(place).refuse_used()  # It may be what listens there.
    publish_catalogues(settings.managed_policies)
    scanning_keys = load_scanning_keys(settings.secret_scanning_keys)
    with _listening_socket(settings) as listener:
        keys = load_master_keys(settings)
        with open_database(settings) as database:
            ledger = LedgerRuntime(
                database,
                keys,
                follower=ProgressWatcher if "projections" in without else ProjectionRunner,
                shares=GrowthShares(settings.account_bytes_an_hour),
            )
            cosigning = build_cosigning(database, settings)
            with ExitStack() as running:
                running.enter_context(ledger.running())
                ledger.refuse_unknown_master_keys()
                ledger.refuse_lost_log(PublishedFile(settings.checkpoint_file), cosigning, accept_loss=accept_loss)
                if "scheduler" not in without:
                    running.enter_context(ledger.scheduler.running())
                ledger.probe.report(ledger.writers.connection)
                deliverer = build_deliverer(ledger, database, settings)
                # A new program may be able to read what the last one stumbled over.
                if "projections" not in without:
                    ledger.runner.resume()
                    ledger.runner.upgrade()
                if cosigning is not None:
                    cosigning.start()
                    running.callback(cosigning.stop)
                with deliverer.running():
                    server = _Server(ledger, deliverer, cosigning, settings, on_ready, without, scanning_keys)
                    server.run(sockets=[listener])


def run_worker(database: Database, on_ready: Callable[[], None]) -> None:
    """The scheduler and the projections, beside servers on the same database, until it is interrupted. It seals
    nothing and opens nothing, so it needs no master key.

    Raises WorkerStopped when it cannot go on.
    """
    keys = MasterKeys(MasterKey(token_bytes(KEY_BYTES)))
    ledger = LedgerRuntime(
        check_database(database), keys, follower=partial(ProjectionRunner, sweep_seconds=WORKER_SWEEP_SECONDS)
    )
    with ledger.running(), ledger.scheduler.running():
        ledger.runner.resume()
        ledger.runner.upgrade()
        on_ready()
        # Only an exception ends the wait in good order: the interruption is one.
        while ledger.committer.alive:
            sleep(1)
    raise WorkerStopped("The worker can no longer write to the ledger; see its log for the reason.")


def _listening_socket(settings: Settings) -> socket.socket:
    """The address is ours from here on; connections are refused until the server listens."""
    place = (settings.host, settings.port)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise InvalidSetting(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Choose another address with "
            f"MUNIMENT_LISTEN=HOST:PORT or --listen."
        ) from error
    return listener


def http_config(application: Callable[[Scope, Receive, Send], Awaitable[None]]) -> uvicorn.Config:
    """How HTTP is served, whatever stands behind it: the benchmarks put an application that does nothing there."""
    return uvicorn.Config(
        application,
        loop="uvloop",
        http=BoundedHttp,
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        backlog=BACKLOG,
        limit_concurrency=connections_max(),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS_MAX,
    )


class _Server(uvicorn.Server):
    def __init__(
        self,
        ledger: LedgerRuntime,
        deliverer: Deliverer,
        cosigning: Cosigning | None,
        settings: Settings,
        on_ready: Callable[[str, bool], None],
        without: Collection[BackgroundTask],
        scanning_keys: ScanningKeys,
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._published = PublishedFile(settings.checkpoint_file)
        self._cosigning = cosigning
        self._on_ready = on_ready
        self._unauthenticated = UnauthenticatedRecorder(ledger.committer, ledger.random)
        self._refusals = RefusalRecorder(ledger.committer, RefusalCounts())
        pasts = HistoricalStateResolver(ledger.readers.connection, ledger.past)
        lineages = LineageResolver(ledger.readers.connection, ledger.runner, ledger.past)
        reports = ReportResolver(ledger.readers.connection, ledger.runner, ledger.past, CATALOGUE)
        facts = FactResolver(
            ledger.writers.connection, ledger.secrets, PasswordHashes(), ledger.denials, pasts, lineages, reports
        )
        pipeline = RequestPipeline(
            ledger.committer,
            Authenticator(ledger.writers.connection, ledger.secrets, ledger.sessions),
            self._unauthenticated,
            self._refusals,
            facts,
            ledger.denials,
            ledger.shares,
            clock=ledger.clock,
            random=ledger.random,
            seal_session=ledger.sessions.seal,
        )
        answers = AnswerRunner(ledger.runner, ledger.readers.connection, ledger.past, log_keys=lambda: ledger.log_keys)
        native = NativeProtocol(answers)
        scheduler = None if "scheduler" in without else ledger.scheduler
        health = Health(
            *(ledger.committer, ledger.runner, ledger.writers.connection, ledger.probe, scheduler, deliverer),
            LogHealth(ledger.checkpointer, cosigning, settings.witness_alarm_seconds),
        )
        served = (native, *aws_protocols())
        require_served([service for protocol in served for service in protocol.services])
        protocols = (AbsentServices(served), *served)
        scanning = SecretScanning(
            scanning_keys, ledger.committer, self._unauthenticated, clock=ledger.clock, random=ledger.random
        )
        log_endpoint = LogEndpoint(ledger.readers.connection, lambda: ledger.log_keys) if settings.serves_log else None
        self._application = AsgiApp(
            *(pipeline, protocols, health, settings.trusted_proxies),
            scanning=scanning if scanning_keys else None,
            log=log_endpoint,
        )
        super().__init__(http_config(self._application))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._ledger.committer.deliver_through(asyncio.get_running_loop().call_soon_threadsafe)
        await super().startup(sockets)
        self._housekeeping = asyncio.create_task(self._run_housekeeping())
        port = self.servers[0].sockets[0].getsockname()[1]
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        endpoint = f"http://{host}:{port}"
        founded = await asyncio.to_thread(_bootstrap, self._ledger, self._settings, endpoint, self._tell_published)
        self._ledger.space.start()
        heap.set_old_aside()
        if not self.should_exit:
            self._on_ready(endpoint, founded)

    def _tell_published(self, note: str) -> None:
        if self._cosigning is not None:
            self._cosigning.notify_published()
        self._published.write(note)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._housekeeping.cancel()
        with suppress(asyncio.CancelledError):
            await self._housekeeping
        self._application.stop()
        # What waits to be accepted would be reset with the listening socket: the loop accepts it first.
        for _ in range(ACCEPTING_TURNS):
            await asyncio.sleep(0)
        await super().shutdown(sockets)
        if unanswered := tuple(self.server_state.tasks):  # which have been cancelled, and say so
            await asyncio.wait(unanswered, timeout=1)
        with suppress(LedgerUnavailable):
            await self._unauthenticated.flush(self._ledger.clock() + timedelta(minutes=1))
        with suppress(LedgerUnavailable):
            await self._refusals.flush()
        # The loop ends now; what rounds still answer, nobody waits for there.
        self._ledger.committer.deliver_through(lambda answer: answer())

    async def _run_housekeeping(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            try:
                await self._refusals.flush()
                await self._unauthenticated.flush(self._ledger.clock())
                await asyncio.to_thread(self._ledger.open_months)
                await asyncio.to_thread(self._ledger.forget_master_keys)
                await asyncio.to_thread(heap.give_back)
            except Exception:
                log.exception("Housekeeping failed; it is tried again in a minute.")


def _bootstrap(ledger: LedgerRuntime, settings: Settings, endpoint: str, on_published: Callable[[str], object]) -> bool:
    """Whether it was the first start."""
    account_id = bootstrap(ledger.committer, settings.profile_file, endpoint)
    if account_id is not None:
        log.info("Opened the account %s.", account_id)
    else:
        update_endpoint(settings.profile_file, endpoint)
    publish_catalogue(ledger.committer)
    adopt_managed_policies(ledger.committer)
    ledger.publish(settings.log_origin, on_published)
    return account_id is not None
