"""Who is calling: a credential, resolved on the newest value of its account."""

from dataclasses import dataclass
from datetime import datetime

from domain.account import Account
from domain.descent import Descent, DescentLink, descent_of_key, known_descent, made
from domain.families.access_keys import ACCESS_KEYS, AccessKey
from domain.families.containment import ContainedLineage, containing
from domain.families.roles import ROLES
from domain.families.sessions import REVOCATIONS, Session, SessionClaims
from domain.families.users import USERS
from domain.foundation.errors import ExpiredToken, InvalidClientTokenId
from domain.foundation.events import Principal
from domain.foundation.identifiers import INSTALLATION
from domain.installation import Installation

INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105  AWS's sentence, no password


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal that has proved itself, and the credential with which it did."""

    principal: Principal
    entity_id: str
    """The unique id of the user or role whose policies count; the account id for root."""
    access_key_id: str
    session: Session | None = None

    @property
    def is_root(self) -> bool:
        return self.entity_id == self.principal.account_id

    @property
    def is_assumed_root(self) -> bool:
        """In a session of AssumeRoot."""
        return self.session is not None and self.session.assumed_root is True

    @property
    def service_name(self) -> str | None:
        """Of a service, which belongs to no account; None for all others."""
        return self.principal.principal_id if self.principal.type == "AWSService" else None


def caller_of_key(account: Account, access_key_id: str) -> Caller:
    """Whose long-term key this is. Raises InvalidClientTokenId when it is unknown, inactive, deleted or contained, or
    the account is closed."""
    _refuse_closed(account)
    key = account[ACCESS_KEYS].by_id.get(access_key_id)
    if key is None or key.status != "Active":
        raise InvalidClientTokenId(INVALID_TOKEN)
    if containing_key(account, key) is not None:
        raise InvalidClientTokenId(INVALID_TOKEN)
    return Caller(principal_of(account, key.user_id), key.user_id, key.id)


def caller_of_service(installation: Installation, name: str, access_key_id: str) -> Caller:
    """The operator's own service that has this key. Raises InvalidClientTokenId when it is registered no more, or with
    another key."""
    registered = installation.service_principals.get(name)
    if registered is None or registered.access_key_id != access_key_id:
        raise InvalidClientTokenId(INVALID_TOKEN)
    principal = Principal(type="AWSService", principal_id=name, arn=name, account_id=INSTALLATION)
    return Caller(principal, name, access_key_id)


def containing_key(account: Account, key: AccessKey) -> ContainedLineage | None:
    return containing(account, lambda: descent_of_key(account, key.id, key.user_id))


def _refuse_closed(account: Account) -> None:
    if account.closed_at is not None:
        raise InvalidClientTokenId(INVALID_TOKEN)


def principal_of(account: Account, user_id: str) -> Principal:
    """A user, or root by the account's id. A key outlives no user: the lookup finds one."""
    if user_id == account.id:
        return Principal(type="Root", principal_id=account.id, arn=account.arn("root"), account_id=account.id)
    user = account[USERS].by_id[user_id]
    return Principal(
        type="IAMUser", principal_id=user.id, arn=account.arn(user.resource), account_id=account.id, user_name=user.name
    )


def descent_of(account: Account, caller: Caller) -> Descent:
    if caller.session is not None:
        return descent_of_session(account, caller.session)
    return descent_of_key(account, caller.access_key_id, caller.entity_id)


def descent_of_session(account: Account, session: Session) -> Descent:
    """As its token says; of a token from before there was a descent in it, as the account knows."""
    if isinstance(session, SessionClaims) and session.descent is not None:
        return session.descent
    origin = DescentLink(session.access_key_id, session.minted_by_access_key_id, session.issued_at, session.entity_id)
    return made(account, origin, known_descent(account, session.minted_by_access_key_id)).shortened()


def caller_of_session(account: Account, session: Session, at: datetime) -> Caller:
    """Who acts in a session whose token was opened. Raises ExpiredToken when it is over, by time, by revocation or by
    containment, and InvalidClientTokenId when the role or user behind it is gone, or the account is closed."""
    _refuse_closed(account)
    if session.expires_at <= at or session.session_id in account[REVOCATIONS]:
        raise ExpiredToken("The security token included in the request is expired")
    if containing(account, lambda: descent_of_session(account, session)) is not None:
        raise ExpiredToken("The security token included in the request is expired")
    entity_id = session.entity_id
    if not (entity_id in account[ROLES].by_id or entity_id in account[USERS].by_id or entity_id == account.id):
        raise InvalidClientTokenId(INVALID_TOKEN)
    principal = session.principal
    if principal.type == "IAMUser":
        # The name, and with it the ARN, may have gone to somebody else since the session was issued.
        named = principal_of(account, entity_id)
        principal = principal.model_copy(update={"arn": named.arn, "user_name": named.user_name})
    elif principal.type == "FederatedUser" and principal.issuer is not None:
        named = principal_of(account, entity_id)
        issuer = principal.issuer.model_copy(update={"arn": named.arn, "user_name": named.user_name})
        principal = principal.model_copy(update={"issuer": issuer})
    return Caller(principal, entity_id, session.access_key_id, session)
