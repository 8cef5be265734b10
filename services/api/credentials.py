"""Access keys and passwords: whose, how old, and last used when."""

from projections.asof import AsOf
from projections.credentials import Credential, Password, credentials
from services.api.answers import Page
from services.api.markers import marker
from services.api.question import Paged
from services.api.reader import Reader


class CredentialsPage(Page):
    credentials: tuple[Credential | Password, ...]


class ListCredentials(Paged[CredentialsPage]):
    """The access keys that exist, the oldest first."""

    path = "/v1/credentials"
    resource = "credentials"

    def answered(self, reader: Reader, account_id: str, as_of: AsOf) -> CredentialsPage:
        (after,) = self.place or (0,)
        found = [key for key in credentials(reader.cursor, account_id, as_of) if key.created.position > after]
        page = tuple(found[: self.limit])
        return CredentialsPage(
            account_id=account_id,
            limit=self.limit,
            marker=marker("ListCredentials", page[-1].created.position) if len(found) > len(page) else None,
            credentials=page,
        )

    @classmethod
    def read(cls, body: bytes) -> CredentialsPage:
        return CredentialsPage.model_validate_json(body)
