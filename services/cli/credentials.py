"""The command that asks for access keys and passwords."""

import argparse
from collections.abc import Sequence

from projections.credentials import Credential, LastUsed, Password
from services.api.credentials import ListCredentials
from services.cli.asking import show
from services.cli.output import Column, say, time
from services.cli.words import Commands, reading


def add(commands: Commands) -> None:
    reading(commands, "credentials", _credentials, "access keys and passwords: whose, how old, last used when")


def _credentials(chosen: argparse.Namespace) -> None:
    if not show(chosen, ListCredentials, {"as_of": chosen.as_of}, lambda page: page.credentials, CREDENTIALS):
        say("There was no access key and no password.")


def _status(held: Credential | Password) -> str:
    if isinstance(held, Credential):
        return held.status
    if held.expired:
        return "expired"
    return "to be reset" if held.reset_required else "Active"


def _last_used(held: Credential | Password) -> LastUsed | None:
    return held.last_used if isinstance(held, Credential) else None


def _notice(held: Credential | Password) -> str | None:
    """What the scheduler has told of a key, and what stands."""
    if isinstance(held, Password):
        return None
    told = [f"rotation {held.rotation}"] if held.rotation else []
    return ", ".join([*told, "idle"] if held.idle else told) or None


CREDENTIALS: Sequence[Column[Credential | Password]] = (
    Column("CREDENTIAL", lambda held: "password" if isinstance(held, Password) else held.access_key_id),
    Column("USER", lambda held: held.user_name or "root", shrinks=True),
    Column("STATUS", _status),
    Column("CREATED", lambda held: time((held.changed if isinstance(held, Password) else held.created).at)),
    Column("AGE DAYS", lambda held: str(held.age_days)),
    Column("EXPIRES", lambda held: time(held.expires_at) if isinstance(held, Password) and held.expires_at else None),
    Column("LAST USED", lambda held: time(used.at) if (used := _last_used(held)) else None),
    Column("SERVICE", lambda held: used.service if (used := _last_used(held)) else None),
    Column("REGION", lambda held: used.region if (used := _last_used(held)) else None),
    Column("NOTICE", _notice),
)
