"""Settings, from the environment or from flags of the same meaning."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from domain.foundation.email_addresses import is_email_address
from domain.foundation.secret import Secret

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SMTP_PORTS = {"smtp": 587, "smtps": 465}
"""Of message submission (RFC 6409, RFC 8314)."""
_LOG_ORIGIN = re.compile(r"(?=.{1,200}$)[A-Za-z0-9._~:-]+(/[A-Za-z0-9._~:-]+)*")


class InvalidSetting(Exception):  # noqa: N818  said to a person
    """A setting that cannot be meant; the message names it and what was expected."""


@dataclass(frozen=True, slots=True)
class SmtpRelay:
    """Through which mail goes out."""

    host: str
    port: int
    is_tls: bool
    """From the first byte on (RFC 8314)."""
    user: str | None
    password: Secret = field(repr=False)
    sender: str
    """Whom mails are from."""

    @property
    def needs_starttls(self) -> bool:
        """Whether without it the mail, and the password, could be read on the way."""
        return not self.is_tls and not _is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Settings:
    data: Path
    """Directory of the embedded database, the master key and the AWS profile file."""
    database_url: str | None
    """None: the embedded PostgreSQL."""
    owner_database_url: str | None
    """With the login of the ledger's owner, for `muniment migrate` alone."""
    host: str
    port: int
    trusted_proxies: tuple[Network, ...]
    """Whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    managed_policies: Path | None
    """Directory with further policies of AWS's kind, a JSON file each."""
    account_bytes_an_hour: int
    """That the callers of one account may add to ledgers; zero for no limit."""
    secret_scanning_keys: Path | None
    """File with the public keys of a secret scanner, which may report leaked keys."""
    compliance_checks: tuple[str, ...] = ()
    """Python modules in which the operator's own checks are."""
    outbound_allow: tuple[Network, ...] = ()
    """Besides the internet: where webhooks may be."""
    smtp: SmtpRelay | None = None
    """None: there is no mail."""
    log_origin: str | None = None
    """The name of the transparency log; None for one that the first start makes."""
    witness_policy: Path | None = None
    """File that says which witnesses are asked, and how many have to sign (C2SP tlog-policy)."""
    witness_alarm_seconds: int = 3_600
    """That a checkpoint may wait for witnesses before health says so."""
    published_to: Path | None = None
    """File of the newest checkpoint that this server has published; None for one in the data directory."""
    serves_log: bool = False
    """Whether anybody may read the log's checkpoints and tiles."""

    def make_data_directory(self) -> None:
        """Others may pass through to what is theirs (the database's user, when we are root), but not look around.
        Raises InvalidSetting."""
        try:
            self.data.mkdir(mode=0o711, parents=True, exist_ok=True)
        except OSError as error:
            said = "it is not a directory" if isinstance(error, FileExistsError) else error.strerror
            raise InvalidSetting(
                f"The data directory {self.data} cannot be made: {said}. Choose another with MUNIMENT_DATA or --data."
            ) from error

    @property
    def master_key_file(self) -> Path:
        """Where the master key is, if it is not in the environment."""
        return self.data / "master.key"

    @property
    def checkpoint_file(self) -> Path:
        """The newest checkpoint of the transparency log that this server has published."""
        return self.published_to or self.data / "checkpoint"

    @property
    def profile_file(self) -> Path:
        """With the first administrator's keys, for AWS's tools."""
        return self.data / "aws-profile"


def read_settings(environment: Mapping[str, str], *, data: str | None = None, listen: str | None = None) -> Settings:
    """Flags win over the environment. Raises InvalidSetting."""
    host, port = _listen(listen or environment.get("MUNIMENT_LISTEN") or "127.0.0.1:8420")
    if not _is_loopback(host) and environment.get("MUNIMENT_INSECURE_HTTP") != "1":
        raise InvalidSetting(
            f"Listening on {host} without TLS would send secrets over the network in the clear. Put a TLS proxy in "
            "front and listen on loopback, or set MUNIMENT_INSECURE_HTTP=1 if the network itself is trusted."
        )
    scanning_keys = environment.get("MUNIMENT_SECRET_SCANNING_KEYS")
    return Settings(
        data=Path(data or environment.get("MUNIMENT_DATA") or "data").expanduser().absolute(),
        database_url=_database_url(environment, "MUNIMENT_DATABASE_URL"),
        owner_database_url=_database_url(environment, "MUNIMENT_OWNER_DATABASE_URL"),
        host=host,
        port=port,
        trusted_proxies=tuple(
            _network(text, "MUNIMENT_TRUSTED_PROXIES")
            for text in environment.get("MUNIMENT_TRUSTED_PROXIES", "").split(",")
            if text
        ),
        managed_policies=Path(found).absolute() if (found := environment.get("MUNIMENT_MANAGED_POLICIES")) else None,
        account_bytes_an_hour=_mebibytes(environment.get("MUNIMENT_ACCOUNT_MIB_AN_HOUR") or "1024") << 20,
        secret_scanning_keys=Path(scanning_keys).absolute() if scanning_keys else None,
        compliance_checks=_module_names(environment.get("MUNIMENT_COMPLIANCE_CHECKS", "")),
        outbound_allow=tuple(
            _network(text, "MUNIMENT_OUTBOUND_ALLOW")
            for text in environment.get("MUNIMENT_OUTBOUND_ALLOW", "").split(",")
            if text
        ),
        smtp=_smtp(environment),
        log_origin=_log_origin(environment.get("MUNIMENT_LOG_ORIGIN") or None),
        witness_policy=Path(found).absolute() if (found := environment.get("MUNIMENT_WITNESS_POLICY")) else None,
        witness_alarm_seconds=_seconds("MUNIMENT_WITNESS_ALARM_SECONDS", environment, 3_600),
        published_to=Path(found).absolute() if (found := environment.get("MUNIMENT_CHECKPOINT_FILE")) else None,
        serves_log=environment.get("MUNIMENT_SERVE_LOG") == "1",
    )


def _database_url(environment: Mapping[str, str], variable: str) -> str | None:
    url = environment.get(variable) or None
    try:
        conninfo_to_dict(url or "")
    except ProgrammingError:
        # What PostgreSQL says of it may have a piece of a password.
        raise InvalidSetting(
            f"{variable} is not understood: expected postgresql://LOGIN:PASSWORD@HOST/DATABASE with parameters that "
            "PostgreSQL knows."
        ) from None
    return url


def _module_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise InvalidSetting(f"MUNIMENT_COMPLIANCE_CHECKS takes names of Python modules; got {name!r}.")
    return names


def _log_origin(text: str | None) -> str | None:
    if text is not None and not _LOG_ORIGIN.fullmatch(text):
        raise InvalidSetting(
            "MUNIMENT_LOG_ORIGIN is a URL without its scheme, such as iam.example.com/log, of at most 200 letters, "
            f"digits and -._~/:; got {text!r}."
        )
    return text


def _seconds(variable: str, environment: Mapping[str, str], default: int) -> int:
    text = environment.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or len(text) > len("1000000000"):
        raise InvalidSetting(f"{variable} is a whole number of seconds; got {text!r}.")
    return int(text)


def _mebibytes(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len("1000000000"):
        raise InvalidSetting(f"MUNIMENT_ACCOUNT_MIB_AN_HOUR is a whole number, 0 for no limit; got {text!r}.")
    return int(text)


def _listen(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004
        raise InvalidSetting(f"MUNIMENT_LISTEN is HOST:PORT, such as 127.0.0.1:8420; got {text!r}.")
    return host.strip("[]"), int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _network(text: str, variable: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise InvalidSetting(f"{variable} takes addresses and networks; got {text!r}.") from None


def _smtp(environment: Mapping[str, str]) -> SmtpRelay | None:
    """Raises InvalidSetting, without a piece of a password in it."""
    url, sender = environment.get("MUNIMENT_SMTP_URL"), environment.get("MUNIMENT_SMTP_FROM", "")
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        is_one = parts.scheme in SMTP_PORTS and host and not (parts.path.strip("/") or parts.query or parts.fragment)
    except ValueError:
        is_one = host = port = None
    if not is_one or host is None:
        raise InvalidSetting(
            "MUNIMENT_SMTP_URL is not understood: expected smtp://USER:PASSWORD@HOST:PORT, with STARTTLS, or smtps://."
        )
    if not is_email_address(sender):
        raise InvalidSetting(
            f"MUNIMENT_SMTP_FROM is the address that mails are from, such as muniment@example.com; got {sender!r}."
        )
    user = None if parts.username is None else unquote(parts.username)
    return SmtpRelay(
        host=host,
        port=port or SMTP_PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        user=user,
        password=Secret(unquote(parts.password or "")),
        sender=sender,
    )
