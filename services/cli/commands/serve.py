"""The command that serves, until it is interrupted."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from services.cli.lib.failures import Failure

INTERRUPT_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(chosen: argparse.Namespace) -> None:
    """Raises Failure, when everything that was started is stopped again."""
    with _interruptible():
        _serve(chosen)


def work(chosen: argparse.Namespace) -> None:
    """Raises Failure, when everything that was started is stopped again."""
    with _interruptible():
        from services.app import WorkerStopped, run_worker  # noqa: PLC0415
        from services.cli.lib.local import database_failures, running_database  # noqa: PLC0415
        from services.settings import InvalidSetting, read_settings  # noqa: PLC0415

        try:
            found = read_settings(os.environ, data=chosen.data)
            where = "MUNIMENT_DATABASE_URL" if found.database_url is not None else f"the database in {found.data}"
            with database_failures():
                run_worker(running_database(found), lambda: _print_worker_ready(where))
        except (InvalidSetting, WorkerStopped) as error:
            raise Failure(str(error)) from error


def _print_worker_ready(where: str) -> None:
    sys.stdout.write(f"muniment worker ready on {where}: scheduler and projections\n")
    sys.stdout.flush()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the block in good order, at whatever point it is; both are the usual end of a server."""
    former = {number: signal.signal(number, _interrupt) for number in INTERRUPT_SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # A second one must not break off the stopping of the database. No SIG_IGN, which the programs that we run to stop
    # it would inherit.
    for number in INTERRUPT_SIGNALS:
        signal.signal(number, lambda _number, _frame: None)
    raise KeyboardInterrupt


def _serve(chosen: argparse.Namespace) -> None:
    # The other commands need not wait for the server's imports, and this one can be interrupted in them.
    import psycopg  # noqa: PLC0415
    from psycopg_pool import PoolTimeout  # noqa: PLC0415

    from services.app import profile_path, run_server  # noqa: PLC0415
    from services.ledger.database import DatabaseUnfit  # noqa: PLC0415
    from services.ledger.durability import UnsafeDatabaseError  # noqa: PLC0415
    from services.ledger.embedded import EmbeddedPostgresError  # noqa: PLC0415
    from services.ledger.pending_call import LedgerUnavailable  # noqa: PLC0415
    from services.secrets.master_key import InvalidMasterKey  # noqa: PLC0415
    from services.settings import InvalidSetting, read_settings  # noqa: PLC0415

    try:
        found = read_settings(os.environ, data=chosen.data, listen=chosen.listen)
        run_server(found, lambda endpoint: _print_ready(endpoint, profile_path(found)), frozenset(chosen.without))
    except (
        *(InvalidSetting, InvalidMasterKey, OSError, EmbeddedPostgresError, UnsafeDatabaseError),
        *(DatabaseUnfit, LedgerUnavailable, psycopg.OperationalError, PoolTimeout),
    ) as error:
        raise Failure(str(error)) from error


def _print_ready(endpoint: str, profile: Path) -> None:
    here = shlex.quote(str(Path(sys.executable).parent))
    sys.stdout.write(f"muniment ready on {endpoint}\n\n")
    if not profile.exists():
        sys.stdout.write(
            "The accounts here were created with `muniment account create`: use the credentials that it printed,\n"
            f"with AWS_ENDPOINT_URL={endpoint}\n"
        )
        sys.stdout.flush()
        return
    sys.stdout.write(
        "Now type, in another terminal:\n"
        f"  export AWS_CONFIG_FILE={shlex.quote(str(profile))} AWS_PROFILE=muniment PATH={here}:$PATH\n"
        "  aws iam create-user --user-name alice\n"
        "  muniment history\n"
    )
    sys.stdout.flush()
