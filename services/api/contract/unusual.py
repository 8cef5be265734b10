"""What is unusual in an account's calls, with the calls that show it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.foundation.moments import AsOf, Moment
from domain.read_models.unusual import CALLS_PER_SESSION_MAX, SILENT_DAYS_DEFAULT, Anomaly
from services.api.contract.question import MomentText, Page, PagedHistoricalQuestion

SILENT_DAYS_MAX = 36_500


class UnusualPage(Page):
    silent_days: int
    clipped_to: Moment | None
    """Where the account began, if the span was to begin before: it begins there."""
    findings: tuple[Anomaly, ...]
    cut_sessions: tuple[str, ...]
    """Of these sessions only the first `calls_a_session` calls in the span were looked at."""
    calls_a_session: int = CALLS_PER_SESSION_MAX


class FindUnusual(PagedHistoricalQuestion[UnusualPage]):
    """Sessions used from several addresses, keys that were silent for days and then used, and use of root, in that
    order. A page looks at so many credentials and days, and may turn out empty before the last.

    Addresses and uses of root are those of the span. A silence is told exactly, by the last call before it, and where
    its end is in the span; the beginning may lie before.
    """

    path = "/v1/unusual"
    resource = "unusual"
    place_numbers = 4

    since: MomentText | None = None
    until: MomentText | None = None
    silent_days: Annotated[int, Field(ge=1, le=SILENT_DAYS_MAX)] = SILENT_DAYS_DEFAULT

    def existing_at(self, now: datetime) -> AsOf | None:
        return super().existing_at(now) if self.until is None else self.until.as_of_end(now)
