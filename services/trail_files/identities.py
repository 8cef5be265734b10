"""Who called, as CloudTrail's userIdentity has it
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html)."""

from collections.abc import Callable, Mapping

from domain.foundation.events import Cause, Principal, SessionIssuer
from services.trail_files.times import timestamp

RecordPart = dict[str, object]
IsAssumedRoot = Callable[[str], bool]
"""Of a session's id: whether AssumeRoot gave it."""
ISSUER_TYPES: Mapping[str, str] = {"Role": "Role", "User": "IAMUser", "Root": "Root"}
OWN = "muniment"
"""In place of the name of a service of AWS, where the operator did something at the server's machine."""


def user_identity(account_id: str, cause: Cause, is_assumed_root: IsAssumedRoot) -> RecordPart:
    """As the trail of this account tells it: of a caller from another account, which one that is, and no more."""
    principal = cause.principal
    if principal is None:
        if cause.access_key_id is None:
            return {"accountId": account_id, "invokedBy": OWN}
        # The credential was proved, and is good for nothing any more.
        return {"type": "Unknown", "accountId": account_id, "accessKeyId": cause.access_key_id}
    if principal.type == "AWSService":
        return {"type": "AWSService", "invokedBy": principal.principal_id}
    if principal.account_id != account_id:
        return {"type": "AWSAccount", "principalId": principal.principal_id, "accountId": principal.account_id}
    identity: RecordPart = {
        "type": principal.type,
        "principalId": principal.principal_id,
        "arn": principal.arn,
        "accountId": principal.account_id,
        "accessKeyId": cause.access_key_id,
    }
    if principal.user_name is not None:
        identity["userName"] = principal.user_name
    if principal.session_issued_at is not None:
        is_root = principal.type == "Root" and cause.session_id is not None and is_assumed_root(cause.session_id)
        identity["sessionContext"] = _session_context(principal, timestamp(principal.session_issued_at), is_root)
    return {name: value for name, value in identity.items() if value is not None}


def _session_context(principal: Principal, issued_at: str, is_assumed_root: bool) -> RecordPart:  # noqa: FBT001  one of them
    context: RecordPart = {
        "sessionIssuer": {} if principal.issuer is None else _issuer(principal.account_id, principal.issuer),
        "webIdFederationData": {},
        "attributes": {"creationDate": issued_at, "mfaAuthenticated": str(principal.mfa_authenticated).lower()},
    }
    if principal.source_identity is not None:
        context["sourceIdentity"] = principal.source_identity
    if is_assumed_root:
        context["assumedRoot"] = "true"
    return context


def _issuer(account_id: str, issuer: SessionIssuer) -> RecordPart:
    members: RecordPart = {
        "type": ISSUER_TYPES[issuer.type],
        "principalId": issuer.principal_id,
        "arn": issuer.arn,
        "accountId": account_id,
        "userName": issuer.user_name,
    }
    return {name: value for name, value in members.items() if value is not None}
