"""Times, as files of CloudTrail have them."""

from datetime import UTC, datetime


def timestamp(at: datetime) -> str:
    """Such as 2026-01-31T12:00:00Z: no file of CloudTrail has fractions of seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def compact_timestamp(at: datetime) -> str:
    """As in the names of digests."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def iam_date(at: datetime, comma: str = "") -> str:
    """As IAM writes times into responseElements, such as `Jan 1, 2026 3:07:00 PM`; STS has a comma behind the year."""
    at = at.astimezone(UTC)
    return f"{at:%b} {at.day}, {at.year}{comma} {at.hour % 12 or 12}:{at:%M:%S %p}"


def sts_date(at: datetime) -> str:
    return iam_date(at, ",")
