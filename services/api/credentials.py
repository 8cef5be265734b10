"""Access keys and passwords: whose, how old, and last used when."""

from domain.foundation.moments import AsOf
from domain.read_models.credentials import AccessKeyCredential, PasswordCredential
from projections.queries.credentials import credentials_at
from services.api.answer_context import AnswerContext
from services.api.answers import Page
from services.api.page_markers import make_marker
from services.api.question import PagedHistoricalQuestion


class CredentialsPage(Page):
    credentials: tuple[AccessKeyCredential | PasswordCredential, ...]


class ListCredentials(PagedHistoricalQuestion[CredentialsPage]):
    """The access keys that exist, the oldest first."""

    path = "/v1/credentials"
    resource = "credentials"

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> CredentialsPage:
        (after,) = self.place or (0,)
        found = [key for key in credentials_at(reader.cursor, account_id, as_of) if key.created.position > after]
        page = tuple(found[: self.limit])
        return CredentialsPage(
            account_id=account_id,
            limit=self.limit,
            marker=make_marker("ListCredentials", page[-1].created.position) if len(found) > len(page) else None,
            credentials=page,
        )

    @classmethod
    def read(cls, body: bytes) -> CredentialsPage:
        return CredentialsPage.model_validate_json(body)
