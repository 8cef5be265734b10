"""What a call was answered, as CloudTrail's responseElements has it, from the events that the call has left: nothing
else is known of an answer. Secrets and session tokens are no part of any event."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from domain.families.access_keys import AccessKeyCreated
from domain.families.groups import GroupCreated
from domain.families.passwords import LoginProfileCreated
from domain.families.policies import PolicyCreated
from domain.families.roles import RoleCreated
from domain.families.sessions import SessionIssued
from domain.families.users import UserCreated
from domain.foundation.events import Entry, Event
from domain.foundation.identifiers import arn
from services.trail_files.identities import RecordPart
from services.trail_files.times import iam_date, sts_date

MakeElements = Callable[[Entry, Any, str], RecordPart]
"""Of an entry, its event, and the partition."""


def response_elements(
    service: str, operation: str, parameters: Mapping[str, object], events: Sequence[Entry], partition: str
) -> RecordPart | None:
    """`parameters` as CloudTrail has them. None of an answer that is not known."""
    found = _ELEMENTS.get(f"{service}:{operation}")
    entry = None if found is None else next((each for each in events if isinstance(each.event, found[0])), None)
    if found is None or entry is None or "permissionsBoundary" in parameters:
        return None
    told = found[1](entry, entry.event, partition)
    if service == "iam" and "tags" in parameters:
        ((noun, entity),) = told.items()
        assert isinstance(entity, dict)
        return {noun: entity | {"tags": parameters["tags"]}}
    return told


def _identity(noun: str, entry: Entry, event: Any, partition: str) -> RecordPart:
    name, path = getattr(event, f"{noun}_name"), event.path
    return {
        "path": path,
        f"{noun}Name": name,
        f"{noun}Id": getattr(event, f"{noun}_id"),
        "arn": arn(partition, "iam", entry.account_id, f"{noun}{path}{name}"),
        "createDate": iam_date(entry.at),
    }


def _user(entry: Entry, event: UserCreated, partition: str) -> RecordPart:
    return {"user": _identity("user", entry, event, partition)}


def _group(entry: Entry, event: GroupCreated, partition: str) -> RecordPart:
    return {"group": _identity("group", entry, event, partition)}


def _role(entry: Entry, event: RoleCreated, partition: str) -> RecordPart:
    document = {"assumeRolePolicyDocument": quote(event.trust_policy, safe="")}
    return {"role": _identity("role", entry, event, partition) | document}


def _policy(entry: Entry, event: PolicyCreated, _partition: str) -> RecordPart:
    created = iam_date(entry.at)
    policy = {
        "policyName": event.policy_name,
        "policyId": event.policy_id,
        "arn": event.policy_arn,
        "path": event.path,
        "defaultVersionId": "v1",
        "attachmentCount": 0,
        "permissionsBoundaryUsageCount": 0,
        "isAttachable": True,
    }
    return {"policy": policy | {"createDate": created, "updateDate": created}}


def _access_key(entry: Entry, event: AccessKeyCreated, _partition: str) -> RecordPart:
    key = {"accessKeyId": event.access_key_id, "status": "Active", "userName": event.user_name}
    return {"accessKey": key | {"createDate": iam_date(entry.at)}}


def _login_profile(entry: Entry, event: LoginProfileCreated, _partition: str) -> RecordPart:
    profile: RecordPart = {"passwordResetRequired": event.reset_required, "userName": event.user_name}
    return {"loginProfile": profile | {"createDate": iam_date(entry.at)}}


def _credentials(event: SessionIssued) -> RecordPart:
    session = event.session
    return {"credentials": {"accessKeyId": session.access_key_id, "expiration": sts_date(session.expires_at)}}


def _assumed_role(_entry: Entry, event: SessionIssued, _partition: str) -> RecordPart:
    principal = event.session.principal
    user = {"assumedRoleUser": {"assumedRoleId": principal.principal_id, "arn": principal.arn}}
    return _credentials(event) | user | _source_identity(event)


def _federated(_entry: Entry, event: SessionIssued, _partition: str) -> RecordPart:
    principal = event.session.principal
    return _credentials(event) | {"federatedUser": {"federatedUserId": principal.principal_id, "arn": principal.arn}}


def _session(_entry: Entry, event: SessionIssued, _partition: str) -> RecordPart:
    return _credentials(event) | _source_identity(event)


def _source_identity(event: SessionIssued) -> RecordPart:
    found = event.session.principal.source_identity
    return {} if found is None else {"sourceIdentity": found}


_ELEMENTS: Mapping[str, tuple[type[Event], MakeElements]] = {
    "iam:CreateUser": (UserCreated, _user),
    "iam:CreateGroup": (GroupCreated, _group),
    "iam:CreateRole": (RoleCreated, _role),
    "iam:CreatePolicy": (PolicyCreated, _policy),
    "iam:CreateAccessKey": (AccessKeyCreated, _access_key),
    "iam:CreateLoginProfile": (LoginProfileCreated, _login_profile),
    "sts:AssumeRole": (SessionIssued, _assumed_role),
    "sts:AssumeRoot": (SessionIssued, _session),
    "sts:GetFederationToken": (SessionIssued, _federated),
    "sts:GetSessionToken": (SessionIssued, _session),
}
