"""The birth of our own PostgreSQL: data directory, roles, database, passwords; all of it or nothing."""

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Literal, get_args

from services.ledger.embedded_programs import EmbeddedError, Programs

EmbeddedRole = Literal["owner", "writer", "projector", "reader"]
ROLES: tuple[EmbeddedRole, ...] = get_args(EmbeddedRole)
DATABASE = "muniment"

_PASSWORDS = "passwords.json"


def user_name(role: EmbeddedRole) -> str:
    return f"muniment_{role}"


def host_based_authentication() -> str:
    """pg_hba.conf: our roles with SCRAM. No line, no entry: the superuser and replication are refused."""
    return f"local {DATABASE} {','.join(map(user_name, ROLES))} scram-sha-256\n"


def create_cluster(directory: Path, programs: Programs) -> None:
    """Make `directory`/data unless it stands. Killed at any point, it begins anew when called again."""
    data = directory / "data"
    if data.exists():
        return
    unfinished = directory / "data.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    programs.user.give(unfinished)
    # Authentication `reject`, because this pg_hba.conf is not the one we run with: whoever starts PostgreSQL here by
    # hand finds the door closed. Locale C: text is ordered by its bytes, on every machine and for ever.
    programs.run(
        "initdb",
        f"--pgdata={unfinished}",
        "--username=postgres",
        "--auth=reject",
        "--data-checksums",
        "--encoding=UTF8",
        "--locale=C",
        "--no-instructions",
    )
    passwords = {role: secrets.token_urlsafe(32) for role in ROLES}
    _create_roles(unfinished, programs, passwords)
    write_durably(directory / _PASSWORDS, json.dumps(passwords), mode=0o600)
    # A crash before the rename leaves passwords of a database that the next bootstrap throws away with them.
    unfinished.rename(data)
    _sync(directory)


def _create_roles(data: Path, programs: Programs, passwords: dict[EmbeddedRole, str]) -> None:
    """In single-user mode, which asks for no password: so the superuser never needs one, and never gets one."""
    roles = [f"CREATE ROLE {user_name(role)} LOGIN PASSWORD '{password}'" for role, password in passwords.items()]
    statements = [*roles, f"CREATE DATABASE {DATABASE} OWNER {user_name('owner')}", "ALTER ROLE postgres NOLOGIN"]
    programs.run(
        "postgres",
        "--single",
        f"-D{data}",
        "-cpassword_encryption=scram-sha-256",
        "-cexit_on_error=on",
        "-clog_min_error_statement=panic",  # a statement that fails is not repeated in the message: it holds a password
        "postgres",
        text="".join(f"{statement};\n" for statement in statements),
    )


def read_password(directory: Path, role: EmbeddedRole) -> str:
    path = directory / _PASSWORDS
    try:
        passwords = json.loads(path.read_text())
        password = passwords[role]
    except FileNotFoundError:
        raise EmbeddedError(f"{path} is missing: {directory} was never started, or must be restored whole.") from None
    except (ValueError, KeyError, TypeError):
        raise EmbeddedError(f"{path} is damaged: expected a JSON object with a password for {role!r}.") from None
    if not isinstance(password, str):
        raise EmbeddedError(f"{path} is damaged: the password for {role!r} must be a string.")
    return password


def write_durably(path: Path, text: str, *, mode: int) -> None:
    """Replace `path` whole and durably."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    unfinished.replace(path)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
