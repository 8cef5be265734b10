"""The credential report: a row for root and for each user, with the state of all their credentials.

Columns, their order and their words: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import chain, cycle, islice, repeat
from operator import attrgetter
from typing import NamedTuple

from domain.account import Account
from domain.families.access_keys import ACCESS_KEYS
from domain.families.credential_use import LAST_USES
from domain.families.passwords import LOGIN_PROFILES, PASSWORD_POLICY
from domain.families.user_credentials import SIGNING_CERTIFICATE, USER_CREDENTIALS
from domain.families.users import USERS
from domain.rules.mfa_devices import has_mfa

ROOT = "<root_account>"
NOT_APPLICABLE, NOT_SUPPORTED, NO_INFORMATION = "N/A", "not_supported", "no_information"
ACCESS_KEYS_SHOWN = CERTIFICATES_SHOWN = 2

Cell = str | bool | datetime | None
"""None where it is not applicable."""


def _password(account: Account, owner_id: str) -> Sequence[Cell]:
    """Whether there is one; when it was last used, last changed, and is to be changed again."""
    login, policy = account[LOGIN_PROFILES].get(owner_id), account[PASSWORD_POLICY]
    if owner_id == account.id:
        return login is not None, NO_INFORMATION, NOT_SUPPORTED, NOT_SUPPORTED
    if login is None:
        return False, None, None, None
    days = None if policy is None else policy.max_password_age
    rotation = None if days is None else login.changed_at + timedelta(days=days)
    return True, NO_INFORMATION, login.changed_at, rotation


def _mfa(account: Account, owner_id: str) -> Sequence[Cell]:
    """Whether there is a device."""
    return (has_mfa(account, owner_id),)


def _access_keys(account: Account, owner_id: str) -> Sequence[Cell]:
    """Of each, the oldest first: whether it is active, when it was last changed, and when, where and for what used."""
    cells: list[Cell] = []
    for key in account[ACCESS_KEYS].of(owner_id):
        use = account[LAST_USES].get(key.id)
        used = (None, None, None) if use is None else (use.at, use.region or None, use.service)
        cells += [key.status == "Active", key.changed_at, *used]
    return cells


def _certificates(account: Account, owner_id: str) -> Sequence[Cell]:
    """Of each, the oldest first: whether it is active, and when it was last changed."""
    certificates = account[USER_CREDENTIALS].of(owner_id, SIGNING_CERTIFICATE)
    return [cell for each in certificates for cell in (each.status == "Active", each.changed_at)]


class _Columns(NamedTuple):
    """Some that stand together."""

    names: Sequence[str]
    cells: Callable[[Account, str], Sequence[Cell]]
    """By account and unique id of the user, or account id for root. As many as there are names, or fewer."""
    absent: Sequence[Cell] = ()
    """What stands, over and over, for those that are missing."""


_PER_KEY = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_PER_CERTIFICATE = ("active", "last_rotated")


def _numbered(what: str, count: int, names: Sequence[str]) -> Sequence[str]:
    return [f"{what}_{number}_{name}" for number in range(1, count + 1) for name in names]


COLUMNS = (
    _Columns(("password_enabled", "password_last_used", "password_last_changed", "password_next_rotation"), _password),
    _Columns(("mfa_active",), _mfa),
    _Columns(
        _numbered("access_key", ACCESS_KEYS_SHOWN, _PER_KEY), _access_keys, (False, *repeat(None, len(_PER_KEY) - 1))
    ),
    _Columns(_numbered("cert", CERTIFICATES_SHOWN, _PER_CERTIFICATE), _certificates, (False, None)),
)
"""Behind the first three, which say whose they are."""


def credential_report(account: Account) -> bytes:
    """As CSV. Root comes first, users follow by name; the last line is not ended."""
    text = StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["user", "arn", "user_creation_time", *chain.from_iterable(columns.names for columns in COLUMNS)])
    rows.writerow(_row(account, account.id, ROOT, account.arn("root"), account.created_at))
    for user in sorted(account[USERS], key=attrgetter("name")):
        rows.writerow(_row(account, user.id, user.name, account.arn(user.resource), user.created_at))
    return text.getvalue().removesuffix("\n").encode()


def _row(account: Account, owner_id: str, name: str, arn: str, created_at: datetime | None) -> list[str]:
    cells = chain((name, arn, created_at), *(_filled(columns, account, owner_id) for columns in COLUMNS))
    return [_written(cell) for cell in cells]


def _filled(columns: _Columns, account: Account, owner_id: str) -> Iterable[Cell]:
    cells = columns.cells(account, owner_id)
    missing = len(columns.names) - len(cells)
    return (*cells, *islice(cycle(columns.absent), missing)) if missing else cells


def _written(cell: Cell) -> str:
    if cell is None:
        return NOT_APPLICABLE
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.astimezone(UTC).isoformat(timespec="seconds")
