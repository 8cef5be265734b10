"""The processes of `muniment serve` and `muniment worker`."""

import argparse
import os
import shlex
import sys
from pathlib import Path

import psycopg
from psycopg_pool import PoolTimeout

from domain.account import CorruptLedger
from services.app import WorkerStopped, run_server, run_worker
from services.bootstrap import LogRefused
from services.cli.lib.operator_database import database_failures, running_database
from services.cli.lib.terminal import Failure, os_error_text
from services.compliance_checks import load_own_checks
from services.ledger.database import DatabaseUnfit
from services.ledger.durability import UnsafeDatabaseError
from services.ledger.embedded_programs import EmbeddedError
from services.ledger.mapper import CorruptEntry
from services.ledger.pending_call import LedgerUnavailable
from services.secrets.master_key import InvalidMasterKey
from services.settings import InvalidSetting, Settings, read_settings


def serve(args: argparse.Namespace) -> None:
    """Until it is interrupted. Raises Failure, when everything that was started is stopped again."""
    try:
        found = read_settings(os.environ, data=args.data, listen=args.listen)
        load_own_checks(found.compliance_checks)
        run_server(
            found,
            lambda endpoint, founded: _print_ready(endpoint, found, founded=founded),
            frozenset(args.without),
            accept_loss=args.accept_loss,
        )
    except psycopg.OperationalError as error:
        raise Failure(str(error)) from error
    except (psycopg.Error, CorruptLedger, CorruptEntry):
        with database_failures():
            raise
    except (
        *(InvalidSetting, InvalidMasterKey, OSError, EmbeddedError, UnsafeDatabaseError),
        *(DatabaseUnfit, LedgerUnavailable, LogRefused, PoolTimeout),
    ) as error:
        raise Failure(os_error_text(error) if isinstance(error, OSError) else str(error)) from error


def _print_ready(endpoint: str, settings: Settings, *, founded: bool) -> None:
    here = shlex.quote(str(Path(sys.executable).parent))
    profile = settings.profile_file
    sys.stdout.write(f"muniment ready on {endpoint}\n\n")
    if profile.exists():
        stored = "the database" if settings.database_url else f"the data in {settings.data}"
        sys.stdout.write(
            f"{'The first account is open.' if founded else f'It continues with {stored}.'} "
            "Now type, in another terminal:\n"
            f"  export AWS_CONFIG_FILE={shlex.quote(str(profile))} AWS_PROFILE=muniment PATH={here}:$PATH\n"
            f"  aws {'iam create-user --user-name alice' if founded else 'sts get-caller-identity'}\n"
            "  muniment history\n"
            "An aws before 2.13, or 1.29 of version 1, knows no endpoint_url: "
            f"add --endpoint-url {endpoint} to its commands.\n"
        )
    else:
        sys.stdout.write(
            "The accounts here were created with `muniment account create`: use the credentials that it printed,\n"
            f"with AWS_ENDPOINT_URL={endpoint}\n"
        )
    sys.stdout.flush()


def work(args: argparse.Namespace) -> None:
    """Until it is interrupted. Raises Failure, when everything that was started is stopped again."""
    try:
        found = read_settings(os.environ, data=args.data)
        load_own_checks(found.compliance_checks)
        where = "MUNIMENT_DATABASE_URL" if found.database_url is not None else f"the database in {found.data}"
        with database_failures():
            run_worker(running_database(found), lambda: _print_worker_ready(where))
    except (InvalidSetting, WorkerStopped) as error:
        raise Failure(str(error)) from error


def _print_worker_ready(where: str) -> None:
    sys.stdout.write(f"muniment worker ready on {where}: scheduler and projections\n")
    sys.stdout.flush()
