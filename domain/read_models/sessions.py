"""Sessions that were issued, as they were at a moment."""

from datetime import datetime

from pydantic import computed_field

from domain.families.sessions import SessionPolicy, SessionTag
from domain.read_models.read_model import ReadModel


class SessionDetails(ReadModel):
    position: int
    """At which it was issued."""
    session_id: str
    access_key_id: str
    principal_type: str
    principal_arn: str
    entity_id: str
    entity_arn: str
    minted_by_arn: str
    """Who asked for it, perhaps from another account."""
    minted_by_access_key_id: str
    minted_by_session_id: str | None
    issued_at: datetime
    expires_at: datetime
    source_address: str | None
    user_agent: str | None
    source_identity: str | None = None
    """As whoever asked for the first session of a chain set it."""
    tags: tuple[SessionTag, ...] = ()
    """Those that it was given, and inherited ones."""
    policies: tuple[SessionPolicy, ...] = ()
    """That limit it: session policies, and the task of one that AssumeRoot gave."""
    assumed_root: bool = False
    """Whether AssumeRoot gave it: `minted_by_arn` is of the management account."""
    revoked_position: int | None
    revoked_at: datetime | None
    revoked_by: str | None
    orphaned_at: datetime | None
    """When its role or user was deleted before the session's time was over."""
    active: bool

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way; mypy does not know it
    @property
    def session_name(self) -> str | None:
        """As the caller of AssumeRole or GetFederationToken chose it."""
        named = self.principal_type in {"AssumedRole", "FederatedUser"}
        return self.principal_arn.rsplit("/", 1)[-1] if named else None
