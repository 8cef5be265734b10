"""The command `service-principal`: registers services of the operator's own, as the operator on the database itself."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from domain.foundation.suggested_commands import suggested_command
from projections.queries.lineage import lagging_accounts
from projections.queries.readable import ProjectionUnreadable
from projections.queries.service_keys import counted, service_sessions, told_endings
from services.cli.lib.arguments import (
    add_command,
    add_operator_arguments,
    add_operator_table_arguments,
    add_subcommands,
)
from services.cli.lib.operator_database import existing_database, operator_ledger, operator_settings, recording_ledger
from services.cli.lib.output import Column, make_output, short_time
from services.cli.lib.terminal import print_note
from services.service_principals import deregister_service, list_services, register_service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    register = add_command(
        commands, "register", "let a service assume the roles that trust it, and print its key, as JSON"
    )
    register.epilog = "The key is printed once. It may call sts:AssumeRole and nothing else."
    add_operator_arguments(register, _register)
    register.add_argument("name", metavar="NAME", help="such as backup.example.com, for trust policies")
    list_ = add_command(commands, "list", "list the registered services; those of AWS are known without that")
    add_operator_table_arguments(list_, _list)
    deregister = add_command(commands, "deregister", "destroy a service's key; sessions that it has live on")
    add_operator_arguments(deregister, _deregister)
    deregister.add_argument("name", metavar="NAME", help="the service")


def _register(args: argparse.Namespace) -> None:
    with recording_ledger(operator_settings(args), existing_database) as ledger:
        key = register_service(ledger.committer, args.name)
    credential = {
        "ServicePrincipal": key.service_name,
        "AccessKeyId": key.access_key_id,
        "SecretAccessKey": key.secret.reveal(),
    }
    sys.stdout.write(json.dumps(credential, indent=2) + "\n")


def _deregister(args: argparse.Namespace) -> None:
    with operator_ledger(args) as ledger:
        key_id = deregister_service(ledger.committer, args.name)
        print_note(f"The service {args.name} is deregistered: its key is not accepted any more.")
        with ledger.readers, ledger.readers.connection() as connection, connection.cursor() as cursor:
            _tell_sessions(cursor, args.name, key_id, ledger.clock())


def _tell_sessions(cursor: psycopg.Cursor, name: str, key_id: str, at: datetime) -> None:
    """Which live on."""
    try:
        alive = [each for each in service_sessions(cursor, [key_id], at) if not each.is_over]
        is_known = not lagging_accounts(cursor)
    except ProjectionUnreadable as error:
        print_note(f"Sessions that it has live on; which there are cannot be told now: {error}")
        return
    print_note(f"Sessions of it that live on: {counted(alive)}.{told_endings(alive)}")
    if not is_known:
        history = suggested_command("muniment", "history", principal=name)
        print_note(f"There may be others, which the tables do not show yet: see `{history}` in each account.")


def _list(args: argparse.Namespace) -> None:
    with operator_ledger(args) as ledger:
        registered = list_services(ledger.committer)
    rows = [
        ServiceRow(name, service.access_key_id, short_time(service.registered_at))
        for name, service in sorted(registered.items())
    ]
    make_output(args, SERVICES).show(rows)
    if not rows:
        print_note("There is no registered service.")


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A line of the list. Times are RFC 3339."""

    name: str
    access_key_id: str
    registered_at: str


SERVICES: Sequence[Column[ServiceRow]] = (
    Column("SERVICE", lambda listed: listed.name),
    Column("ACCESS KEY", lambda listed: listed.access_key_id),
    Column("REGISTERED", lambda listed: listed.registered_at),
)
