"""Access keys, passwords, MFA devices and other credentials of users: whose, how old, and last used when."""

from domain.read_models.credentials import Credential
from services.api.contract.question import Page, PagedHistoricalQuestion


class CredentialsPage(Page):
    credentials: tuple[Credential, ...]


class ListCredentials(PagedHistoricalQuestion[CredentialsPage]):
    """The access keys, passwords, MFA devices and other credentials that exist, the oldest first."""

    path = "/v1/credentials"
    resource = "credentials"
