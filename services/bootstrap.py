"""The first start: an account, its administrator, and the profile file with which the AWS CLI speaks for it."""

import configparser
import os
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from domain.account import Account
from domain.calls import ApiCalled, NewSecret
from domain.families.aws_managed_policies import adopt_catalogue, published_catalogue
from domain.foundation.identifiers import INSTALLATION, new_unique_id
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.installation import Installation, StartedLog, TransparencyLogStarted
from domain.policy import PARTITION
from domain.rules.accounts import publish_action_catalogue, publish_managed_catalogue
from services.accounts import NewAccount, installation_in, operator_cause
from services.api.action_catalogue import CATALOGUE
from services.ledger.committer import Committer
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates
from services.ledger.round import Clock
from services.transparency.log_keys import LogKeys

PROFILE_NAME = "muniment"
_RENAMED = re.compile(r"-r[0-9]{14}$")
"""Behind the name of a log that was begun after a loss: when. A number would be given twice by a database that was put
back to before the loss."""
SIGNING_KEY_ID = "SIGK"
"""What the ids of signing keys begin with."""
REGION = "us-east-1"


class LogRefused(Exception):  # noqa: N818  said to a person
    """The transparency log cannot go on as it is."""


def bootstrap(committer: Committer, profile: Path, endpoint: str) -> str | None:
    """Opens the first account; gives its id, or None when there is one already.

    The profile file is written before the round commits: a crash between the two leaves a file that the next start
    puts aside, never an account whose only credential nobody has. Nor is a file of another installation lost.
    """
    opening = NewAccount()
    cause = operator_cause("CreateAccount")

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        installation = installation_in(values)
        if installation.accounts:
            return CallResult(None, [])
        key, appends = opening.begin(installation, cause, secrets.token_bytes)
        write_profile(profile, endpoint, key.access_key_id, opening.secret)
        return CallResult(opening.account_id, appends)

    opened = committer.decide(
        frozenset({INSTALLATION}),
        lambda values, _at: CallResult(len(installation_in(values).accounts), []),
        founding=True,
    )
    if opened.result:
        return None
    if profile.exists():
        profile.replace(profile.with_name(f"{profile.name}.before-{opening.account_id}"))
    accounts = frozenset({INSTALLATION, opening.account_id})
    founded: str | None = committer.decide(accounts, decide, founding=True).result
    return founded


def publish_catalogue(committer: Committer) -> None:
    """Records by which catalogue of actions this installation lints from now on, when it is not the recorded one."""
    cause = operator_cause("PublishActionCatalogue")
    # Reading all files for the digest takes 50 ms, ten times that from a cold disk, so it happens outside the round.
    digest, version = CATALOGUE.digest, CATALOGUE.version
    in_use = committer.decide(
        frozenset({INSTALLATION}), lambda values, _at: CallResult(installation_in(values).action_catalogue, [])
    ).result
    if in_use == digest:
        return
    counts = {"services": len(CATALOGUE.services), "actions": CATALOGUE.count_actions()}

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        events = publish_action_catalogue(installation_in(values), digest=digest, version=version, **counts)
        called = ApiCalled(read_only=False, parameters={"digest": digest, "version": version})
        return CallResult(None, [LedgerAppend(INSTALLATION, cause, [*events, called])] if events else [])

    committer.decide(frozenset({INSTALLATION}), decide)


def adopt_managed_policies(committer: Committer) -> None:
    """Has every account know the AWS-managed policies that this program brings along, unless they do.

    That all know them is recorded last: a crash before leaves some that do, and the next start goes on."""
    catalogue = published_catalogue(PARTITION)

    def find_accounts(values: LedgerStates, _at: datetime) -> CallResult:
        installation = installation_in(values)
        in_use = installation.managed_catalogue == catalogue.digest
        opened = () if in_use else installation.accounts.items()
        return CallResult([account_id for account_id, known in opened if known.retired_at is None], [])

    cause = operator_cause("AdoptManagedPolicies")
    called = ApiCalled(read_only=False, parameters={"digest": catalogue.digest})

    def adopt(values: LedgerStates, _at: datetime) -> CallResult:
        (account,) = values.values()
        assert isinstance(account, Account)
        events = list(adopt_catalogue(account, published_catalogue(account.partition)))
        return CallResult(None, [LedgerAppend(account.id, cause, [*events, called])] if events else [])

    def publish(values: LedgerStates, _at: datetime) -> CallResult:
        events = publish_managed_catalogue(installation_in(values), catalogue)
        return CallResult(None, [LedgerAppend(INSTALLATION, cause, [*events, called])] if events else [])

    account_ids = committer.decide(frozenset({INSTALLATION}), find_accounts).result
    for account_id in account_ids:
        committer.decide(frozenset({account_id}), adopt)
    if account_ids:
        committer.decide(frozenset({INSTALLATION}), publish)


def start_log(
    committer: Committer,
    secrets_of: Callable[[SecretId], Secret | None],
    clock: Clock,
    origin: str | None,
    lost: Sequence[str] = (),
) -> LogKeys:
    """The keys of this installation's log, which the first start makes, under the given name or one of its own. Where
    published entries are lost, and the operator says so, another log begins, with other keys, and both are recorded.
    Raises LogRefused."""
    found: Installation = committer.decide(
        frozenset({INSTALLATION}), lambda values, _at: CallResult(installation_in(values), [])
    ).result
    log = found.log
    if log is None or lost:
        name = log.origin if log is not None else origin or f"muniment.invalid/{found.ledger_id}"
        if lost:
            name = f"{_RENAMED.sub('', name)}-r{clock():%Y%m%d%H%M%S}"
        log = _begin_log(committer, clock, name, log, lost)
    if origin not in (None, log.origin, _RENAMED.sub("", log.origin)):
        raise LogRefused(
            f"MUNIMENT_LOG_ORIGIN is {origin}, and the log of this database is {log.origin}. A log keeps its name: "
            "witnesses and proofs know it by that."
        )
    secret = secrets_of(SecretId(SecretKind.SIGNING_KEY, log.signing_key_id))
    if secret is None:
        raise LogRefused(f"The keys of the log {log.origin} are missing.")
    return LogKeys(log.origin, secret, clock)


def _begin_log(
    committer: Committer, clock: Clock, origin: str, former: StartedLog | None, lost: Sequence[str]
) -> StartedLog:
    """The keys of the former one are destroyed."""
    secret, key_id = LogKeys.new_secret(), new_unique_id(SIGNING_KEY_ID, secrets.token_bytes)
    keys = LogKeys(origin, secret, clock).verifier_keys
    former_key_id = None if former is None else former.signing_key_id
    started = TransparencyLogStarted(
        origin=origin, verifier_keys=keys, signing_key_id=key_id, former_signing_key_id=former_key_id
    )
    cause = operator_cause("AcceptLossOfLog" if lost else "StartTransparencyLog")
    sealed = [NewSecret(SecretId(SecretKind.SIGNING_KEY, key_id), INSTALLATION, secret)]

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        log = installation_in(values).log
        if log is not None and log != former:
            return CallResult(log, [])  # Another server was faster.
        called = ApiCalled(read_only=False, parameters={"origin": origin, **({"lost": list(lost)} if lost else {})})
        destroyed = list(started.destroyed_secrets())
        append = LedgerAppend(INSTALLATION, cause, [started, called], sealed, destroyed)
        return CallResult(StartedLog(origin, keys, key_id), [append])

    log: StartedLog = committer.decide(frozenset({INSTALLATION}), decide).result
    return log


def write_profile(path: Path, endpoint: str, access_key_id: str, secret: Secret) -> None:
    """A file for AWS_CONFIG_FILE, readable by its owner alone."""
    profile = configparser.ConfigParser(interpolation=None)
    profile[f"profile {PROFILE_NAME}"] = {
        "aws_access_key_id": access_key_id,
        "aws_secret_access_key": secret.reveal(),
        "region": REGION,
        "endpoint_url": endpoint,
    }
    _write(path, profile)


def update_endpoint(path: Path, endpoint: str) -> None:
    """Brings the profile file to the address at which the server listens now."""
    profile = configparser.ConfigParser(interpolation=None)
    section = f"profile {PROFILE_NAME}"
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
