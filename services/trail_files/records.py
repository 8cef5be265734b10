"""A call as a record of CloudTrail
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html).

What the ledger does not have is left out: the version of TLS, and of most calls that change something the
responseElements.
"""

from collections.abc import Sequence

from domain.calls import ApiCalled, RefusalsCounted
from domain.foundation.events import Cause, Entry
from domain.foundation.identifiers import account_of_arn
from domain.foundation.moments import format_rfc3339
from services.trail_files.identities import OWN, IsAssumedRoot, RecordPart, user_identity
from services.trail_files.long_values import with_long_values
from services.trail_files.response_elements import response_elements
from services.trail_files.times import timestamp
from services.trail_files.wire_names import DIRECTORIES, WireNames, wire_names

EVENT_VERSION = "1.11"
AS_OF = "as_of"
"""Under which a call's moment of the past stands among the parameters of AWS's operations."""
ROLE = "AWS::IAM::Role"


def render_record(
    partition: str, entry: Entry, events: Sequence[Entry], is_assumed_root: IsAssumedRoot
) -> RecordPart | None:
    """Of ApiCalled and RefusalsCounted. `events` are those of the call in this ledger. None of what CloudTrail does not
    tell this account: that a role of it was refused to a caller from elsewhere stands in the caller's trail alone."""
    called, cause, account_id = entry.event, entry.cause, entry.account_id
    assert isinstance(called, ApiCalled | RefusalsCounted)
    identity = user_identity(account_id, cause, is_assumed_root)
    if identity.get("type") == "AWSAccount" and called.error_code is not None:
        return None
    done = called if isinstance(called, ApiCalled) and called.error_code is None else None
    names = wire_names(cause.service, cause.operation)
    is_operators = cause.principal is None and cause.access_key_id is None
    record: RecordPart = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": identity,
        "eventTime": timestamp(entry.at),
        "eventSource": f"{cause.service}.amazonaws.com" if cause.service in DIRECTORIES else cause.service,
        "eventName": cause.operation,
        "awsRegion": cause.region,
        "sourceIPAddress": OWN if is_operators else cause.forwarded_address or cause.peer_address,
        "userAgent": OWN if is_operators else cause.user_agent,
    }
    record |= _called(partition, called, cause, names, events)
    record |= {
        "requestID": cause.request_id,
        "eventID": entry.event_id,
        # STS hands out sessions, and CloudTrail takes none of that for a write.
        "readOnly": called.read_only or cause.service == "sts",
        "resources": _resources(cause, done) if done else None,
        "eventType": "AwsServiceEvent" if is_operators else "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account_id,
        "sharedEventID": cause.shared_id if done and _is_shared(account_id, cause, done) else None,
        "eventCategory": "Management",
    }
    return {name: value for name, value in record.items() if value is not None or name in _NULL}


_NULL = frozenset({"requestParameters", "responseElements"})
"""What is null where there is none, as in CloudTrail; all else is left out."""


def _called(
    partition: str, called: ApiCalled | RefusalsCounted, cause: Cause, names: WireNames, events: Sequence[Entry]
) -> RecordPart:
    """What was asked and how it was answered."""
    told: RecordPart = {}
    if called.error_code is not None:
        told["errorCode"] = names.errors.get(called.error_code, called.error_code)
    if isinstance(called, RefusalsCounted):
        told["errorMessage"] = (
            f"Refused {called.count} times more, from {format_rfc3339(called.first)} to "
            f"{format_rfc3339(called.last)}: counted, not recorded one by one."
        )
        more: RecordPart = {"refusals": called.count, "firstRefusal": timestamp(called.first)}
        more |= {"lastRefusal": timestamp(called.last), "about": list(called.named)}
        return told | {"requestParameters": None, "responseElements": None, "additionalEventData": more}
    given = with_long_values(called.parameters, [each.event for each in events])
    as_of = given.pop(AS_OF, None) if cause.service in DIRECTORIES else None
    parameters = names.parameters(given)
    told["errorMessage"] = called.error_message
    told["requestParameters"] = parameters or None
    elements = (
        None if called.error_code else response_elements(cause.service, cause.operation, parameters, events, partition)
    )
    if elements is not None or called.error_code or called.read_only or not names.answers:
        told["responseElements"] = elements
    operator = None if cause.operator is None else f"{cause.operator.user}@{cause.operator.host}"
    known = {"asOf": as_of, "operator": operator}
    if more := {name: value for name, value in known.items() if value is not None}:
        told["additionalEventData"] = more
    return told


def _resources(cause: Cause, called: ApiCalled) -> list[RecordPart] | None:
    """Of AssumeRole, as CloudTrail has them."""
    if (cause.service, cause.operation) != ("sts", "AssumeRole"):
        return None
    arn = called.parameters.get("role_arn")
    account_id = account_of_arn(arn) if isinstance(arn, str) else None
    return [{"accountId": account_id, "type": ROLE, "ARN": arn}] if account_id else None


def _is_shared(account_id: str, cause: Cause, called: ApiCalled) -> bool:
    """Whether it stands in another account's ledger too: by who called, or by what it was about."""
    principal = cause.principal
    if principal is not None and principal.type != "AWSService" and principal.account_id != account_id:
        return True
    named = {account_of_arn(arn) for decision in called.decisions for arn in decision.resources}
    return bool(named - {None, account_id})
