"""Addresses of e-mail, as far as they are taken here."""

import re
from typing import Final

CHARACTERS_MAX: Final = 254
"""RFC 5321, 4.5.3.1.3, without the angle brackets."""
_ADDRESS = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
"""A dot-atom and a domain (RFC 5322, 3.4.1): no quoted local part, no comment, no address in brackets."""


def is_email_address(text: str) -> bool:
    return len(text) <= CHARACTERS_MAX and _ADDRESS.fullmatch(text) is not None
