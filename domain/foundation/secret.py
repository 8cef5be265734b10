"""A value that must never be seen: it prints as dots and no serialiser takes it."""

from enum import StrEnum
from typing import Any, NamedTuple, NoReturn

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema


class Secret:
    """A secret text. `reveal` is the one way out, so that `grep reveal` lists every place that sees one."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __eq__(self, _other: object) -> NoReturn:
        raise TypeError(
            "Secrets are not compared with ==, which leaks timing: use hmac.compare_digest on what reveal() gives."
        )

    __hash__ = None  # type: ignore[assignment]  # what cannot be compared cannot be hashed

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("A Secret refuses to be serialised.")

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        raise TypeError("A Secret cannot be a field of an event or of any other model.")


class SecretKind(StrEnum):
    """What a sealed secret is for. It opens for nothing else: the text is part of what it is bound to."""

    ACCESS_KEY = "access-key-secret"
    MFA_SEED = "mfa-seed"
    PASSWORD = "password-hash"  # noqa: S105  no password
    SERVER_KEY = "server-certificate-key"
    SIGNING_KEY = "signing-key"
    SERVICE_PASSWORD = "service-password"  # noqa: S105  no password
    SAML_PRIVATE_KEY = "saml-private-key"
    TRAIL_KEY = "trail-signing-key"
    WEBHOOK_SECRET = "webhook-secret"  # noqa: S105  what it is for


class SecretId(NamedTuple):
    """Under which a secret lies sealed beside its account's ledger."""

    kind: SecretKind
    name: str
    """The access key id, or the id of the password, seed or private key."""
