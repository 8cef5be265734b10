"""When a request was signed: the dates of Signature Version 4, read and written."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from domain.foundation.errors import IncompleteSignature

_ISO_8601_BASIC = re.compile(rb"[0-9]{8}T(?:[01][0-9]|2[0-3])[0-9]{4}Z")
_IMF_FIXDATE = re.compile(
    rb"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} (?:[0-9]{2}:){2}[0-9]{2} (?:GMT|UTC|[+-]0000)"
)


def date_in_header(fields: dict[bytes, bytes]) -> datetime:
    """Of `X-Amz-Date`, or of `Date` in either format. Raises IncompleteSignature."""
    if (date := fields.get(b"x-amz-date")) is not None:
        return instant(date.strip())
    if (date := fields.get(b"date")) is None:
        raise IncompleteSignature(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    date = date.strip()
    if _IMF_FIXDATE.fullmatch(date) is None:
        return instant(date)
    try:
        return parsedate_to_datetime(date.decode("ascii")).replace(tzinfo=UTC)
    except ValueError as error:
        raise IncompleteSignature("The 'Date' header names a day or a time of day that does not exist.") from error


def instant(date: bytes) -> datetime:
    """From ISO 8601's basic format. Raises IncompleteSignature."""
    if _ISO_8601_BASIC.fullmatch(date) is None:
        raise IncompleteSignature("Date must be in ISO-8601 'basic format', such as 20260131T235959Z.")
    try:
        return datetime.fromisoformat(date.decode("ascii"))
    except ValueError as error:
        raise IncompleteSignature("The date names a day or a time of day that does not exist.") from error


def basic(at: datetime) -> str:
    """Back into that format. Not strftime, which writes years before 1000 with fewer than four digits."""
    return f"{at.year:04}{at.month:02}{at.day:02}T{at.hour:02}{at.minute:02}{at.second:02}Z"
