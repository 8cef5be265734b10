"""The birth of our own PostgreSQL: data directory, roles, database, passwords; all of it or nothing."""

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from services.ledger.embedded_programs import ENVIRONMENT, EmbeddedError, Programs

EmbeddedRole = Literal["owner", "writer", "projector", "reader", "backup"]
ROLES: tuple[EmbeddedRole, ...] = get_args(EmbeddedRole)
DATABASE = "muniment"
FillCluster = Callable[[Path], None]
"""Puts a whole cluster into an empty directory, durably."""

_PASSWORDS = "passwords.json"


def user_name(role: EmbeddedRole) -> str:
    return f"muniment_{role}"


def host_based_authentication() -> str:
    """pg_hba.conf: our roles with SCRAM. No line, no entry: the superuser is refused; who backs up reads no table."""
    users = ",".join(user_name(role) for role in ROLES if role != "backup")
    return f"local {DATABASE} {users} scram-sha-256\nlocal replication {user_name('backup')} scram-sha-256\n"


def create_cluster(directory: Path, programs: Programs, fill: FillCluster | None = None) -> None:
    """Make `directory`/data unless it stands, new or as `fill` has it from a backup. Killed at any point, it begins
    anew when called again."""
    data = directory / "data"
    if data.exists():
        return
    unfinished = directory / "data.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    passwords = {role: secrets.token_urlsafe(32) for role in ROLES}
    if fill is None:
        _initialise(unfinished, programs)
        roles = [_role("CREATE", role, password) for role, password in passwords.items()]
        database = f"CREATE DATABASE {DATABASE} OWNER {user_name('owner')}"
        _execute(unfinished, programs, [*roles, database, "ALTER ROLE postgres NOLOGIN"])
    else:
        fill(unfinished)
        programs.user.give_tree(unfinished)
        _execute(unfinished, programs, [_role("ALTER", role, password) for role, password in passwords.items()])
    write_durably(directory / _PASSWORDS, json.dumps(passwords), mode=0o600)
    # A crash before the rename leaves passwords of a database that the next bootstrap throws away with them.
    unfinished.rename(data)
    sync_directory(directory)


def add_backup_role(directory: Path, programs: Programs, environment: Mapping[str, str]) -> None:
    """To a cluster of before there was one. It must not run."""
    passwords = json.loads((directory / _PASSWORDS).read_text())
    if "backup" in passwords:
        return
    passwords["backup"] = secrets.token_urlsafe(32)
    # A crash behind this has made the role, and forgotten its password.
    forgotten = f"DROP ROLE IF EXISTS {user_name('backup')}"
    created = _role("CREATE", "backup", passwords["backup"])
    _execute(directory / "data", programs, [forgotten, created], environment)
    write_durably(directory / _PASSWORDS, json.dumps(passwords), mode=0o600)


def _initialise(data: Path, programs: Programs) -> None:
    programs.user.give(data)
    # Authentication `reject`, because this pg_hba.conf is not the one we run with: whoever starts PostgreSQL here by
    # hand finds the door closed. Locale C: text is ordered by its bytes, on every machine and for ever.
    programs.run(
        "initdb",
        f"--pgdata={data}",
        "--username=postgres",
        "--auth=reject",
        "--data-checksums",
        "--encoding=UTF8",
        "--locale=C",
        "--no-instructions",
    )


def _role(verb: Literal["CREATE", "ALTER"], role: EmbeddedRole, password: str) -> str:
    replication = " REPLICATION" if role == "backup" else ""
    return f"{verb} ROLE {user_name(role)} LOGIN{replication} PASSWORD '{password}'"


def _execute(
    data: Path, programs: Programs, statements: Sequence[str], environment: Mapping[str, str] = ENVIRONMENT
) -> None:
    """In single-user mode, which asks for no password: so the superuser never needs one, and never gets one."""
    programs.run(
        "postgres",
        "--single",
        f"-D{data}",
        "-cpassword_encryption=scram-sha-256",
        "-cexit_on_error=on",
        "-clog_min_error_statement=panic",  # a statement that fails is not repeated in the message: it holds a password
        "postgres",
        text="".join(f"{statement};\n" for statement in statements),
        environment=environment,
    )


def read_password(directory: Path, role: EmbeddedRole) -> str:
    path = directory / _PASSWORDS
    try:
        passwords = json.loads(path.read_text())
        password = passwords[role]
    except FileNotFoundError:
        raise EmbeddedError(f"{path} is missing: {directory} was never started, or must be restored whole.") from None
    except (ValueError, KeyError, TypeError):
        if role == "backup":
            raise EmbeddedError(
                f"The PostgreSQL in {directory} was started by a version that took no backups: start the server again."
            ) from None
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
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
