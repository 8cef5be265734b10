"""Access keys and passwords: whose, how old, and last used when."""

from domain.read_models.credentials import AccessKeyCredential, PasswordCredential
from services.api.contract.question import Page, PagedHistoricalQuestion


class CredentialsPage(Page):
    credentials: tuple[AccessKeyCredential | PasswordCredential, ...]


class ListCredentials(PagedHistoricalQuestion[CredentialsPage]):
    """The access keys that exist, the oldest first."""

    path = "/v1/credentials"
    resource = "credentials"
