"""The first start: an account, its administrator, and the profile file with which the AWS CLI speaks for it."""

import base64
import configparser
import getpass
import os
import secrets
import socket
from datetime import datetime
from pathlib import Path

from domain.access_keys import AccessKeyCreated
from domain.calls import NewSecret
from domain.events import Cause, Operator
from domain.identifiers import INSTALLATION, Random, new_account_id
from domain.installation import Installation
from domain.rules.founding import first_administrator, found_installation, open_account
from domain.secret import Secret, SecretId, SecretKind
from services.ledger.committer import Committer
from services.ledger.work import Append, Decided, Values

PROFILE = "muniment"
REGION = "us-east-1"


def operator_cause(operation: str, random: Random) -> Cause:
    """For what a person does at the server's own machine."""
    request_id = random(16).hex()
    return Cause(
        origin="operator",
        request_id=request_id,
        shared_id=request_id,
        service="muniment",
        operation=operation,
        operator=Operator(user=getpass.getuser(), host=socket.gethostname()),
    )


def found(committer: Committer, profile: Path, endpoint: str, random: Random = secrets.token_bytes) -> str | None:
    """Opens the first account; gives its id, or None when there is one already.

    The profile file is written before the round commits: a crash between the two leaves a file that the next start
    overwrites, never an account whose only credential nobody has.
    """
    account_id = new_account_id(random)
    secret = Secret(base64.b64encode(random(30)).decode("ascii"))
    cause = operator_cause("CreateAccount", random)

    def decide(values: Values, _at: datetime) -> Decided:
        installation = values[INSTALLATION]
        assert isinstance(installation, Installation)
        if installation.accounts:
            return Decided(None, [])
        claims, beginning = open_account(installation, account_id, "aws", random)
        administrator = first_administrator(account_id, beginning, random)
        key = administrator[-1]
        assert isinstance(key, AccessKeyCreated)
        write_profile(profile, endpoint, key.access_key_id, secret)
        new_secret = NewSecret(SecretId(SecretKind.ACCESS_KEY, key.access_key_id), key.user_id, secret)
        return Decided(
            account_id,
            [
                Append(INSTALLATION, cause, [*found_installation(installation, random), *claims]),
                Append(account_id, cause, [*beginning, *administrator], new_secrets=[new_secret]),
            ],
        )

    opened = committer.decide(
        frozenset({INSTALLATION}), lambda values, _at: Decided(_accounts(values), []), founding=True
    )
    if opened.result:
        return None
    founded: str | None = committer.decide(frozenset({INSTALLATION, account_id}), decide, founding=True).result
    return founded


def _accounts(values: Values) -> int:
    installation = values[INSTALLATION]
    assert isinstance(installation, Installation)
    return len(installation.accounts)


def write_profile(path: Path, endpoint: str, access_key_id: str, secret: Secret) -> None:
    """A file for AWS_CONFIG_FILE, readable by its owner alone."""
    profile = configparser.ConfigParser(interpolation=None)
    profile[f"profile {PROFILE}"] = {
        "aws_access_key_id": access_key_id,
        "aws_secret_access_key": secret.reveal(),
        "region": REGION,
        "endpoint_url": endpoint,
    }
    _write(path, profile)


def keep_endpoint(path: Path, endpoint: str) -> None:
    """Brings the profile file to the address at which the server listens now."""
    profile = configparser.ConfigParser(interpolation=None)
    section = f"profile {PROFILE}"
    if profile.read(path) and profile.has_section(section) and profile.get(section, "endpoint_url") != endpoint:
        profile.set(section, "endpoint_url", endpoint)
        _write(path, profile)


def _write(path: Path, profile: configparser.ConfigParser) -> None:
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        profile.write(file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
