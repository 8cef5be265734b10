"""Settings, from the environment or from flags of the same meaning."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class InvalidSetting(Exception):  # noqa: N818  said to a person
    """A setting that cannot be meant; the message names it and what was expected."""


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

    @property
    def master_key_file(self) -> Path:
        """Where the master key is, if it is not in the environment."""
        return self.data / "master.key"


def read_settings(environment: Mapping[str, str], *, data: str | None = None, listen: str | None = None) -> Settings:
    """Flags win over the environment. Raises InvalidSetting."""
    host, port = _listen(listen or environment.get("MUNIMENT_LISTEN") or "127.0.0.1:8420")
    if not _is_loopback(host) and environment.get("MUNIMENT_INSECURE_HTTP") != "1":
        raise InvalidSetting(
            f"Listening on {host} without TLS would send secrets over the network in the clear. Put a TLS proxy in "
            "front and listen on loopback, or set MUNIMENT_INSECURE_HTTP=1 if the network itself is trusted."
        )
    return Settings(
        data=Path(data or environment.get("MUNIMENT_DATA") or "data").expanduser().absolute(),
        database_url=environment.get("MUNIMENT_DATABASE_URL") or None,
        owner_database_url=environment.get("MUNIMENT_OWNER_DATABASE_URL") or None,
        host=host,
        port=port,
        trusted_proxies=tuple(
            _network(text) for text in environment.get("MUNIMENT_TRUSTED_PROXIES", "").split(",") if text
        ),
    )


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


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise InvalidSetting(f"MUNIMENT_TRUSTED_PROXIES takes addresses and networks; got {text!r}.") from None
