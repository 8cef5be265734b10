"""Signatures of webhook messages, as Standard Webhooks has them (https://www.standardwebhooks.com, specification 1.0):
any of its libraries verifies them."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from domain.foundation.identifiers import Random
from domain.foundation.secret import Secret

PREFIX = "whsec_"
SECRET_BYTES = 32
"""Between 24 and 64 are expected."""


def new_signing_secret(random: Random) -> Secret:
    return Secret(PREFIX + base64.b64encode(random(SECRET_BYTES)).decode("ascii"))


def signed_headers(secret: Secret, message_id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The time is that of the attempt: receivers refuse old ones, and the id tells a repeat."""
    timestamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.reveal().removeprefix(PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode('ascii')}",
    }
