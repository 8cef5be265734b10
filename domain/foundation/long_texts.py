"""Texts that may be longer than an entry: they lie beside the ledger, and events name them by their digest
(docs/adr/0051)."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256


def text_digest(text: str) -> str:
    """SHA-256 of its UTF-8, in hexadecimal digits: what an event says of it."""
    return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TextQuery:
    """The texts of an account that have these digests."""

    sha256s: frozenset[str]


@dataclass(frozen=True, slots=True)
class TextFacts:
    by_sha256: Mapping[str, str]
    """All that were asked for: what an event names is there."""
