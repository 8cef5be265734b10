"""Encoded authorization messages: who is told what is in one."""

from domain.calls import Call, NeedsFacts
from domain.families.authorization_messages import MessageFacts, MessageQuery
from domain.foundation.errors import InvalidAuthorizationMessageException


def decode(call: Call, *, encoded_message: str) -> str:
    """Raises NeedsFacts. Which account the message belongs to is part of its seal: others than that account cannot
    tell it from a text that somebody made up."""
    invalid = InvalidAuthorizationMessageException("The message is not one that this account was given, or is expired.")
    facts = call.facts
    if not isinstance(facts, MessageFacts):
        raise NeedsFacts(MessageQuery(encoded_message), unsettled=invalid)
    if facts.decoded is None:
        raise invalid
    return facts.decoded
