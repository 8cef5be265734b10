"""Account ids, unique ids, access key ids that carry their account, and ARNs."""

import base64
import binascii
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from domain.foundation.errors import InvalidInput

Random = Callable[[int], bytes]
"""Gives that many random bytes. The domain draws from what a call brings, so that a test can know what is drawn."""

INSTALLATION = "000000000000"
"""The account id of the installation ledger; AWS gives it to nobody."""

PARTITION: Final = "aws"
"""Of the accounts that an installation opens."""

_BASE32_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_UNIQUE_ID_DIGITS = 17
_CARRYING_ACCESS_KEY_ID = re.compile(r"A[A-Z]{3}[A-Z2-7]{16}")

ACCOUNT_ID = re.compile(r"[0-9]{12}")
ACCESS_KEY_ID = re.compile(r"(?!ASIA)[A-Za-z0-9_]{16,128}")
"""What the IAM model allows for one, if it is none of a session. Not all carry their account."""

ACCESS_KEY, SESSION_KEY = "AKIA", "ASIA"
"""Prefixes of access key ids: long-term, and temporary from STS."""
SESSION = "SESN"
EXEMPTION = "EXMP"
"""Prefix of session ids, which are ours alone."""
SSH_PUBLIC_KEY_ID, SERVER_CERTIFICATE_ID, SERVICE_SPECIFIC_CREDENTIAL_ID = "APKA", "ASCA", "ACCA"
SERVICE_PASSWORD_ID, SERVER_KEY_ID = "AISP", "AISK"
"""Prefixes of the ids of secrets, of which AWS has none."""
_SIGNING_CERTIFICATE_DIGITS = 28
_ISSUED_ID = re.compile(
    rf"(?:{ACCESS_KEY}|{SESSION_KEY}|{SESSION}|{EXEMPTION}|AIDA|AROA|AGPA|AIPA|ANPA|APKA|ASCA|ACCA|SAML[KP])[A-Z0-9]{{16,17}}(?=:|$)",
    re.IGNORECASE,
)


def new_account_id(random: Random) -> str:
    """Twelve digits that do not begin with zero, so that no program which reads it as a number loses a digit."""
    return str(100_000_000_000 + int.from_bytes(random(8)) % 900_000_000_000)


def canonical_id(text: str) -> str:
    """An id as it was issued, in upper case, however it is written; a session's name behind it, and all else, as it
    is."""
    return _ISSUED_ID.sub(lambda found: found[0].upper(), text, count=1) if _ISSUED_ID.match(text) else text


def new_unique_id(prefix: str, random: Random) -> str:
    """Such as AIDACKCEVSQ6C2EXAMPLE: the prefix and 17 base-32 digits, of which each carries five random bits."""
    return prefix + "".join(_BASE32_DIGITS[byte & 31] for byte in random(_UNIQUE_ID_DIGITS))


def new_signing_certificate_id(random: Random) -> str:
    """Base-32 digits without a prefix, as many as in AWS's examples."""
    return "".join(_BASE32_DIGITS[byte & 31] for byte in random(_SIGNING_CERTIFICATE_DIGITS))


def new_uuid(random: Random) -> str:
    """A UUID of version 4 (RFC 9562), as AWS's request and event ids are. Twice as fast as through the uuid module."""
    digits = random(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_access_key_id(prefix: str, account_id: str, random: Random) -> str:
    """A key id from which `account_of_access_key_id` reads the account, as it does from those of AWS.

    Of the ten bytes behind the prefix, bit 0 is set (AWS's key ids without an account have it clear), the next
    40 bits are the account's number, and 39 are random.
    """
    bits = 1 << 79 | int(account_id) << 39 | int.from_bytes(random(5)) >> 1
    return prefix + base64.b32encode(bits.to_bytes(10)).decode("ascii")


@lru_cache(maxsize=65_536)
def account_of_access_key_id(access_key_id: str) -> str | None:
    """The account that a key id of AWS's newer shape carries; None for any other text."""
    if not _CARRYING_ACCESS_KEY_ID.fullmatch(access_key_id):
        return None
    try:
        bits = int.from_bytes(base64.b32decode(access_key_id[4:]))
    except binascii.Error:
        return None
    account = (bits >> 39) & ((1 << 40) - 1)
    return f"{account:012d}" if bits >> 79 and account < 10**12 else None


def account_of_arn(text: str) -> str | None:
    """The twelve digits of the account in an ARN; None for anything else."""
    parts = text.split(":", 5)
    if len(parts) == 6 and parts[0] == "arn" and ACCOUNT_ID.fullmatch(parts[4]):  # noqa: PLR2004  an ARN has six parts
        return parts[4]
    return None


def arn(partition: str, service: str, account_id: str, resource: str, region: str = "") -> str:
    """IAM and STS are global: the region part of their ARNs is empty."""
    return f"arn:{partition}:{service}:{region}:{account_id}:{resource}"


def refuse_other_arn(given: str, resource_type: str, account_id: str | None = None) -> None:
    """Raises InvalidInput for what is no ARN of such a resource of IAM, or of another account where one is given: that
    it is not there would be true, and hide the mistake."""
    parts = given.split(":", 5)
    is_one = len(parts) == 6 and parts[0] == "arn" and parts[2:4] == ["iam", ""]  # noqa: PLR2004  an ARN has six parts
    if not is_one or not parts[5].startswith(f"{resource_type}/") or account_id not in {None, parts[4]}:
        of = "" if account_id is None else f" of {account_id}"
        raise InvalidInput(f"ARN {given} is not valid.", f"expected one of {resource_type}/{of}")
