"""Findings as Access Analyzer's answers have them. All are as of the call: nothing is analyzed earlier."""

from datetime import datetime

from domain.account import Account
from domain.families.unused_permissions import UnusedServicePermissions
from domain.queries.access_findings import AccessFinding

FindingMembers = dict[str, object]


def summary(account: Account, at: datetime, finding: AccessFinding) -> FindingMembers:
    """Of ListFindingsV2."""
    return _common(account, at, finding) | {"findingType": finding.type}


def external(account: Account, at: datetime, finding: AccessFinding) -> FindingMembers:
    """Of ListFindings and GetFinding."""
    return _common(account, at, finding) | _access(finding)


def details(finding: AccessFinding) -> list[FindingMembers]:
    """Of GetFindingV2, which has them in pages: one of each service of which permissions are not used."""
    used: FindingMembers = {} if finding.last is None else {"lastAccessed": finding.last}
    match finding.type:
        case "ExternalAccess":
            return [{"externalAccessDetails": _access(finding)}]
        case "UnusedIAMRole":
            return [{"unusedIamRoleDetails": used}]
        case "UnusedIAMUserAccessKey":
            return [{"unusedIamUserAccessKeyDetails": {"accessKeyId": finding.access_key_id, **used}}]
        case "UnusedIAMUserPassword":
            return [{"unusedIamUserPasswordDetails": used}]
        case "UnusedPermission":
            return [{"unusedPermissionDetails": _service(service)} for service in finding.services]


def _common(account: Account, at: datetime, finding: AccessFinding) -> FindingMembers:
    return {
        "id": finding.id,
        "resource": finding.resource,
        "resourceType": finding.resource_type,
        "resourceOwnerAccount": account.id,
        "createdAt": finding.created_at,
        "analyzedAt": at,
        "updatedAt": finding.updated_at,
        "status": finding.status,
    }


def _access(finding: AccessFinding) -> FindingMembers:
    grant = finding.grant
    assert grant is not None
    return {
        "principal": finding.principal,
        "action": list(grant.actions),
        "condition": finding.condition,
        "isPublic": grant.is_public,
    }


def _service(service: UnusedServicePermissions) -> FindingMembers:
    members: FindingMembers = {"serviceNamespace": service.namespace}
    if service.last is not None:
        members["lastAccessed"] = service.last
    if service.actions:
        members["actions"] = [
            {"action": name} | ({} if last is None else {"lastAccessed": last}) for name, last in service.actions
        ]
    return members
