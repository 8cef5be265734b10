"""What is unusual in an account's calls, with the calls that show it."""

from enum import StrEnum

SILENT_DAYS_DEFAULT = 90

CALLS_PER_SESSION_MAX = 10_000
"""So many of a session's calls in the span are looked at, the first ones."""


class UnusualKind(StrEnum):
    """In the order in which they are told."""

    SEVERAL_ADDRESSES = "session from several addresses"
    SILENT_KEY = "silent key used"
    ROOT = "root used"
