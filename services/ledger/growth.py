"""Each account's share of the growth of the disk, so that none can fill it for the others (docs/adr/0041)."""

import logging
import threading
import time
from collections.abc import Callable

from domain.foundation.events import Caused
from domain.foundation.identifiers import INSTALLATION

SECONDS_AN_HOUR = 3_600
log = logging.getLogger("muniment.ledger")


class GrowthShares:
    """Token buckets of bytes, one an account, which hold what may be written in an hour. Rounds charge them on their
    threads; a call is charged to the account of whoever made it, whatever ledgers it is recorded in."""

    def __init__(self, bytes_an_hour: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Zero: nobody is limited. The clock tells seconds, and only goes forward."""
        self._bytes_an_hour = bytes_an_hour
        self._clock = clock
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._used: dict[str, tuple[float, float]] = {}
        """Bytes that are not regained yet, at a time; by account, of which an installation has a bounded number."""

    def charge(self, written: Caused, size_bytes: int) -> None:
        """What is written for callers. The operator's own acts, and requests that prove nothing, are nobody's."""
        cause = written.cause
        payer = written.account_id if cause.principal is None else cause.principal.account_id
        if not self._bytes_an_hour or cause.origin != "api" or payer == INSTALLATION:
            return
        now = self._clock()
        with self._lock:
            before = self._unregained(payer, now)
            self._used[payer] = before + size_bytes, now
        if before <= self._bytes_an_hour < before + size_bytes:
            log.warning("The callers of %s have written the account's share of an hour, and are throttled.", payer)

    def is_used_up(self, account_id: str, *, ends_access: bool) -> bool:
        """Whether the account's callers have written their share. There is another one for what ends access."""
        if not self._bytes_an_hour:
            return False
        with self._lock:
            used = self._unregained(account_id, self._clock())
        return used >= self._bytes_an_hour * (2 if ends_access else 1)

    def _unregained(self, account_id: str, now: float) -> float:
        used, at = self._used.get(account_id, (0.0, now))
        return max(0.0, used - (now - at) * self._bytes_an_hour / SECONDS_AN_HOUR)


UNLIMITED = GrowthShares(0)
