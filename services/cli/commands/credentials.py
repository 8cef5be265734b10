"""The command that asks for access keys, passwords, MFA devices and other credentials of users."""

import argparse
from collections.abc import Sequence
from datetime import datetime

from domain.read_models.credentials import (
    AccessKeyCredential,
    AccessKeyLastUsed,
    Credential,
    HeldUserCredential,
    MFADeviceCredential,
    PasswordCredential,
)
from services.api.contract.credentials import ListCredentials
from services.cli.lib.arguments import add_historical_arguments
from services.cli.lib.client import show_pages
from services.cli.lib.output import Column, arn_resource, short_time
from services.cli.lib.terminal import Colour, print_note

_LAST_USED = (
    "LAST USED is written at most once in 15 minutes: the last use may be up to 15 minutes later. Each call is in "
    "`muniment history --access-key-id KEY`."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _LAST_USED
    add_historical_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    if not show_pages(args, ListCredentials, {"as_of": args.as_of}, lambda page: page.credentials, CREDENTIALS):
        print_note("There was no access key, no password, no MFA device and no other credential.")


def _credential(held: Credential) -> str:
    if isinstance(held, HeldUserCredential):
        return held.credential_id
    if isinstance(held, MFADeviceCredential):
        return f"MFA {arn_resource(held.serial_number).removeprefix('mfa/')}"
    return held.access_key_id if isinstance(held, AccessKeyCredential) else "password"


def _status(held: Credential) -> str:
    if isinstance(held, AccessKeyCredential):
        return held.status
    if isinstance(held, MFADeviceCredential):
        return "Active"
    if held.expired:
        return "expired"
    if isinstance(held, HeldUserCredential):
        return held.status
    return "to be reset" if held.reset_required else "Active"


def _expires_at(held: Credential) -> datetime | None:
    return None if isinstance(held, AccessKeyCredential | MFADeviceCredential) else held.expires_at


def _service(held: Credential) -> str | None:
    if isinstance(held, HeldUserCredential):
        return held.service_name
    used = _last_used(held)
    return used.service if used else None


def _last_used(held: Credential) -> AccessKeyLastUsed | None:
    return held.last_used if isinstance(held, AccessKeyCredential) else None


def _notice(held: Credential) -> str | None:
    """What the scheduler has text of a key, and what stands."""
    if not isinstance(held, AccessKeyCredential):
        return None
    text = [f"rotation {held.rotation}"] if held.rotation else []
    return ", ".join([*text, "idle"] if held.idle else text) or None


CREDENTIALS: Sequence[Column[Credential]] = (
    Column("CREDENTIAL", _credential),
    Column("USER", lambda held: held.user_name or "root"),
    Column("STATUS", _status),
    Column(
        "CREATED", lambda held: short_time((held.changed if isinstance(held, PasswordCredential) else held.created).at)
    ),
    Column("AGE DAYS", lambda held: str(held.age_days)),
    Column("EXPIRES", lambda held: short_time(expires_at) if (expires_at := _expires_at(held)) else None),
    Column("LAST USED", lambda held: short_time(used.at) if (used := _last_used(held)) else None),
    Column("SERVICE", _service, wide=True),
    Column("REGION", lambda held: used.region if (used := _last_used(held)) else None, wide=True),
    Column("NOTICE", _notice, colour=lambda _text: Colour.YELLOW),
)
