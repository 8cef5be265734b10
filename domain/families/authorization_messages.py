"""Encoded authorization messages: what answers of denied calls carry, for those who may ask why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """What only the ledger's past can tell."""

    encoded: str


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What the message says. The past does not change: facts about it always hold."""

    decoded: str | None
    """A JSON document; None where this account was never given such a message, or what it is about is not kept."""
