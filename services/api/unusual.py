"""What is unusual in an account's calls, with the calls that show it."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from domain.foundation.moments import AsOf
from domain.read_models.unusual import CALLS_PER_SESSION_MAX, SILENT_DAYS_DEFAULT, UnusualKind
from projections.queries.unusual import UnusualPosition, position_range, search_unusual
from services.api.answer_context import AnswerContext
from services.api.answers import Answer, Page
from services.api.page_markers import make_marker
from services.api.question import MomentText, PagedHistoricalQuestion

SILENT_DAYS_MAX = 36_500


class EvidenceCall(Answer):
    position: int
    at: datetime
    request_id: str
    source_address: str | None
    user_agent: str | None
    service: str
    operation: str
    error_code: str | None


class Anomaly(Answer):
    kind: UnusualKind
    credential: str
    """A session id, or an access key id."""
    principal_arn: str
    position: int
    """Of the call that is unusual."""
    at: datetime
    silent_since: datetime | None
    calls: int
    evidence: tuple[EvidenceCall, ...]


class UnusualPage(Page):
    silent_days: int
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

    @property
    def existing_at(self) -> str | None:
        """As with all questions about calls: a span may begin before the account did, not end."""
        return self.as_of if self.until is None else self.until

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> UnusualPage:
        until = as_of if self.until is None else AsOf.parse(self.until, as_of.now)
        place = UnusualPosition()
        if self.place is not None:
            *found, end = self.place
            place, until = UnusualPosition(*found), AsOf(as_of.now, position=end)
        since = None if self.since is None else AsOf.parse(self.since, as_of.now)
        over = position_range(reader.cursor, account_id, since, until)
        silence = timedelta(days=self.silent_days)
        page = search_unusual(reader.cursor, account_id, over, silence, after=place, limit=self.limit)
        return UnusualPage(
            account_id=account_id,
            limit=self.limit,
            marker=None if page.after is None else make_marker("FindUnusual", *page.after, over.to),
            silent_days=self.silent_days,
            findings=tuple(Anomaly.model_validate(finding) for finding in page.findings),
            cut_sessions=page.cut_sessions,
        )

    @classmethod
    def read(cls, body: bytes) -> UnusualPage:
        return UnusualPage.model_validate_json(body)
