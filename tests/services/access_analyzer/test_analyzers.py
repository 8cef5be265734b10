"""Analyzers, archive rules and findings, as boto3 has them."""

from collections.abc import Iterator
from typing import Any

import pytest

from domain.foundation.errors import AccessDenied, ResourceNotFoundException, ValidationError
from domain.rules.analyzers import ConflictException, ServiceQuotaExceededException
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, document, trusting

OTHER, THIRD = "210987654321", "333333333333"
ORGANIZATION = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}


def analyzer_arn(name: str, region: str = "eu-central-1") -> str:
    return f"arn:aws:access-analyzer:{region}:{ACCOUNT}:analyzer/{name}"


OUTSIDE, UNUSED = analyzer_arn("outside"), analyzer_arn("unused")


def created(endpoint: Endpoint, name: str, kind: str = "ACCOUNT", **members: object) -> str:
    answer = endpoint.call(endpoint.root, "CreateAnalyzer", analyzerName=name, type=kind, **members)
    arn_: str = answer["arn"]
    return arn_


def role(endpoint: Endpoint, name: str, *statements: dict[str, object]) -> None:
    trust = document(*statements)
    endpoint.call(endpoint.root, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)


def retrusted(endpoint: Endpoint, name: str, *statements: dict[str, object]) -> None:
    trust = document(*statements)
    endpoint.call(endpoint.root, "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=trust)


def found(endpoint: Endpoint, analyzer: str = OUTSIDE, **members: object) -> list[dict[str, Any]]:
    """Of all pages."""
    operation = "ListFindings" if analyzer == OUTSIDE else "ListFindingsV2"
    findings: list[dict[str, Any]] = []
    for page in pages(endpoint, operation, analyzerArn=analyzer, **members):
        findings += page["findings"]
    return findings


def pages(endpoint: Endpoint, operation: str, **members: object) -> Iterator[dict[str, Any]]:
    token: dict[str, object] = {}
    while True:
        page = endpoint.call(endpoint.root, operation, **members, **token)
        yield page
        if "nextToken" not in page:
            return
        token = {"nextToken": page["nextToken"]}


def statuses(endpoint: Endpoint, analyzer: str = OUTSIDE) -> dict[str, str]:
    """By the principals' names."""
    return {next(iter(each["principal"].values())): each["status"] for each in found(endpoint, analyzer)}


def test_an_analyzer_belongs_to_its_region() -> None:
    """It is found, listed and counted where it was created; elsewhere there may be another one of its name."""
    endpoint = Endpoint()
    began = endpoint.at
    assert created(endpoint, "outside", tags={"team": "ops"}) == OUTSIDE
    with pytest.raises(ConflictException):
        created(endpoint, "outside", "ACCOUNT_UNUSED_ACCESS")
    with pytest.raises(ServiceQuotaExceededException):
        created(endpoint, "another")
    endpoint.signed_for = "us-east-1"
    with pytest.raises(ResourceNotFoundException):
        endpoint.call(endpoint.root, "GetAnalyzer", analyzerName="outside")
    with pytest.raises(ResourceNotFoundException):
        endpoint.call(endpoint.root, "ListFindings", analyzerArn=OUTSIDE)
    assert endpoint.call(endpoint.root, "ListAnalyzers") == {"analyzers": []}
    assert created(endpoint, "outside") == analyzer_arn("outside", "us-east-1")
    endpoint.signed_for = "eu-central-1"
    endpoint.call(endpoint.root, "DeleteAnalyzer", analyzerName="outside")
    endpoint.later(hours=1)
    created(endpoint, "outside")
    created(endpoint, "unused", "ACCOUNT_UNUSED_ACCESS")
    listed = [page["analyzers"] for page in pages(endpoint, "ListAnalyzers", maxResults=1)]
    assert [[each["name"] for each in page] for page in listed] == [["outside"], ["unused"]]
    analyzer = endpoint.call(endpoint.root, "GetAnalyzer", analyzerName="outside")["analyzer"]
    assert (analyzer["status"], analyzer["tags"], analyzer["createdAt"] > began) == ("ACTIVE", {}, True)


def test_what_is_configured() -> None:
    """Days and exclusions of unused access, with AWS's default; what is left out of an update stays; organizations'
    analyzers are refused."""
    endpoint = Endpoint()
    created(endpoint, "unused", "ACCOUNT_UNUSED_ACCESS")

    def configuration() -> object:
        return endpoint.call(endpoint.root, "GetAnalyzer", analyzerName="unused")["analyzer"]["configuration"]

    assert configuration() == {"unusedAccess": {"unusedAccessAge": 90}}
    rule = {"exclusions": [{"resourceTags": [{"team": "ops"}]}]}
    for said in ({"analysisRule": rule}, {"unusedAccessAge": 30}):
        endpoint.call(endpoint.root, "UpdateAnalyzer", analyzerName="unused", configuration={"unusedAccess": said})
    assert configuration() == {"unusedAccess": {"unusedAccessAge": 30, "analysisRule": rule}}
    wrongs: list[dict[str, object]] = [
        {"unusedAccess": {"unusedAccessAge": 366}},
        {"unusedAccess": {"analysisRule": {"exclusions": [{"accountIds": [OTHER]}]}}},
        {"internalAccess": {}},
    ]
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            endpoint.call(endpoint.root, "UpdateAnalyzer", analyzerName="unused", configuration=wrong)
    for kind in ("ORGANIZATION", "ORGANIZATION_UNUSED_ACCESS", "ACCOUNT_INTERNAL_ACCESS"):
        with pytest.raises(ValidationError, match=f"got {kind}"):
            created(endpoint, "more", kind)


def test_tags_decide_who_may() -> None:
    """By the analyzer's own tags and by those of the request; both spellings of ListFindings are one action."""
    endpoint = Endpoint()
    created(endpoint, "outside", tags={"team": "ops"})
    tagged = {"StringEquals": {"aws:ResourceTag/team": "ops"}}
    ann = endpoint.user("ann", {**allow("access-analyzer:ListFindings", OUTSIDE), "Condition": tagged})
    for operation in ("ListFindings", "ListFindingsV2"):
        assert endpoint.call(ann, operation, analyzerArn=OUTSIDE) == {"findings": []}
    endpoint.call(endpoint.root, "TagResource", resourceArn=OUTSIDE, tags={"team": "dev", "stage": "live"})
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "ListFindings", analyzerArn=OUTSIDE)
    for keys in (["stage", "none"], ["none"]):
        endpoint.call(endpoint.root, "UntagResource", resourceArn=OUTSIDE, tagKeys=keys)
    assert endpoint.call(endpoint.root, "access-analyzer:ListTagsForResource", resourceArn=OUTSIDE) == {
        "tags": {"team": "dev"}
    }
    requesting = {"StringEquals": {"aws:RequestTag/team": "ops"}}
    bob = endpoint.user("bob", {**allow("access-analyzer:TagResource"), "Condition": requesting})
    endpoint.call(bob, "TagResource", resourceArn=OUTSIDE, tags={"Team": "ops"})
    with pytest.raises(AccessDenied):
        endpoint.call(bob, "TagResource", resourceArn=OUTSIDE, tags={"team": "dev"})


def test_whom_a_trust_policy_lets_in() -> None:
    """One finding of each principal outside and condition. None of services and of the account's own; none where a
    condition or a Deny leaves only these."""
    endpoint = Endpoint()
    created(endpoint, "outside")
    provider = "accounts.google.com"
    federated = {**trusting(), "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"}
    role(endpoint, "within", trusting(ACCOUNT), {**trusting(), "Principal": {"Service": "ec2.amazonaws.com"}})
    role(endpoint, "own", trusting("*", Condition={"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}))
    role(endpoint, "own-arns", trusting("*", Condition={"ArnLike": {"aws:PrincipalArn": arn("role/*")}}))
    role(endpoint, "denied", trusting(OTHER), trusting("*", Effect="Deny"))
    role(endpoint, "several", trusting(OTHER), trusting(OTHER, Action="sts:TagSession"), trusting(THIRD), federated)
    role(endpoint, "anyone", trusting("*"))
    role(endpoint, "organization", trusting("*", Condition=ORGANIZATION))
    role(endpoint, "others", trusting("*", Condition={"StringNotEquals": ORGANIZATION["StringEquals"]}))
    told = {
        (each["resource"], *each["principal"].items(), each["isPublic"]): (each["action"], each["condition"])
        for each in found(endpoint)
    }
    assert told == {
        (arn("role/several"), ("AWS", OTHER), False): (["sts:AssumeRole", "sts:TagSession"], {}),
        (arn("role/several"), ("AWS", THIRD), False): (["sts:AssumeRole"], {}),
        (arn("role/several"), ("Federated", provider), True): (["sts:AssumeRoleWithWebIdentity"], {}),
        (arn("role/anyone"), ("AWS", "*"), True): (["sts:AssumeRole"], {}),
        (arn("role/organization"), ("AWS", "*"), False): (["sts:AssumeRole"], {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}),
        (arn("role/others"), ("AWS", "*"), True): (
            ["sts:AssumeRole"],
            {"aws:PrincipalOrgID": "StringNotEquals o-a1b2c3d4e5"},
        ),
    }
    listed = endpoint.call(endpoint.root, "ListAnalyzedResources", analyzerArn=OUTSIDE)["analyzedResources"]
    assert len(listed) == 8
    for name, is_public in (("several", True), ("organization", False)):
        of_role = {"analyzerArn": OUTSIDE, "resourceArn": arn(f"role/{name}")}
        resource = endpoint.call(endpoint.root, "GetAnalyzedResource", **of_role)["resource"]
        assert (resource["status"], resource["isPublic"]) == ("ACTIVE", is_public)
    assert endpoint.call(endpoint.root, "StartResourceScan", **of_role) == {}
    statistics = endpoint.call(endpoint.root, "GetFindingsStatistics", analyzerArn=OUTSIDE)["findingsStatistics"]
    assert statistics == [
        {
            "externalAccessFindingsStatistics": {
                "resourceTypeStatistics": {
                    "AWS::IAM::Role": {"totalActivePublic": 3, "totalActiveCrossAccount": 3, "totalActiveErrors": 0}
                },
                "totalActiveFindings": 6,
                "totalArchivedFindings": 0,
            }
        }
    ]
    with pytest.raises(ResourceNotFoundException):
        endpoint.call(endpoint.root, "StartResourceScan", analyzerArn=OUTSIDE, resourceArn=arn("role/none"))


def test_when_a_finding_began() -> None:
    """With the analyzer, or when the principal was let in; another statement beside it changes nothing but when it was
    updated. Taken away and put back it begins anew, under the same id; and a past moment tells its own."""
    endpoint = Endpoint()
    role(endpoint, "ops", trusting(OTHER))
    endpoint.later(days=1)
    created(endpoint, "outside")
    analyzed = endpoint.at
    (first,) = found(endpoint)
    assert (first["createdAt"], first["updatedAt"], first["analyzedAt"]) == (analyzed, analyzed, analyzed)
    endpoint.later(days=1)
    retrusted(endpoint, "ops", trusting(OTHER), trusting(THIRD))
    both = len(endpoint.entries)
    began = {each["principal"]["AWS"]: (each["createdAt"], each["updatedAt"]) for each in found(endpoint)}
    assert began == {OTHER: (analyzed, endpoint.at), THIRD: (endpoint.at, endpoint.at)}
    retrusted(endpoint, "ops", trusting(ACCOUNT))
    assert found(endpoint) == []
    endpoint.later(days=1)
    retrusted(endpoint, "ops", trusting(OTHER))
    (again,) = found(endpoint)
    assert (again["id"], again["createdAt"]) == (first["id"], endpoint.at)
    endpoint.moment = f"p{both}"
    assert [each["createdAt"] for each in found(endpoint, filter={"id": {"eq": [first["id"]]}})] == [analyzed]


def test_archiving_one_by_one() -> None:
    """It holds for as long as the finding does: a door that is opened again is told. What is not there is refused."""
    endpoint = Endpoint()
    created(endpoint, "outside")
    role(endpoint, "ops", trusting(OTHER), trusting(THIRD))
    ids = {each["principal"]["AWS"]: each["id"] for each in found(endpoint)}

    def update(status: str, **members: object) -> None:
        endpoint.call(endpoint.root, "UpdateFindings", analyzerArn=OUTSIDE, status=status, **members)

    update("ARCHIVED", ids=[ids[OTHER]])
    assert statuses(endpoint) == {OTHER: "ARCHIVED", THIRD: "ACTIVE"}
    assert [each["id"] for each in found(endpoint, filter={"status": {"eq": ["ACTIVE"]}})] == [ids[THIRD]]
    update("ACTIVE", resourceArn=arn("role/ops"))
    assert statuses(endpoint) == {OTHER: "ACTIVE", THIRD: "ACTIVE"}
    update("ARCHIVED", resourceArn=arn("role/ops"))
    endpoint.later(minutes=1)
    retrusted(endpoint, "ops", trusting(THIRD))
    assert statuses(endpoint) == {THIRD: "ARCHIVED"}
    endpoint.later(minutes=1)
    retrusted(endpoint, "ops", trusting(OTHER), trusting(THIRD))
    assert statuses(endpoint) == {OTHER: "ACTIVE", THIRD: "ARCHIVED"}
    for members in ({"ids": ["0" * 36]}, {"resourceArn": arn("role/none")}):
        with pytest.raises(ResourceNotFoundException):
            update("ARCHIVED", **members)
    with pytest.raises(ValidationError):
        update("ARCHIVED")


def test_archive_rules() -> None:
    """They archive what begins behind them, and what there was when they are applied. What they have archived stays so
    when they are changed or gone; what somebody has made active again does, too."""
    endpoint = Endpoint()
    created(endpoint, "outside")
    known = {"analyzerName": "outside", "ruleName": "known"}

    def rule(operation: str, **members: object) -> None:
        endpoint.later(minutes=1)
        endpoint.call(endpoint.root, operation, **known, **members)
        endpoint.later(minutes=1)

    role(endpoint, "first", trusting(OTHER))
    rule("CreateArchiveRule", filter={"principal.AWS": {"eq": [OTHER]}, "isPublic": {"neq": ["true"]}})
    role(endpoint, "second", trusting(OTHER, THIRD))

    def archived() -> list[tuple[str, str]]:
        each = (finding for finding in found(endpoint) if finding["status"] == "ARCHIVED")
        return sorted((finding["resource"].rpartition("/")[2], finding["principal"]["AWS"]) for finding in each)

    assert archived() == [("second", OTHER)]
    endpoint.later(minutes=1)
    endpoint.call(endpoint.root, "ApplyArchiveRule", analyzerArn=OUTSIDE, ruleName="known")
    assert archived() == [("first", OTHER), ("second", OTHER)]
    endpoint.call(endpoint.root, "UpdateFindings", analyzerArn=OUTSIDE, status="ACTIVE", resourceArn=arn("role/first"))
    rule("UpdateArchiveRule", filter={"principal.AWS": {"contains": [THIRD]}})
    role(endpoint, "third", trusting(OTHER, THIRD))
    assert archived() == [("second", OTHER), ("third", THIRD)]
    listed = endpoint.call(endpoint.root, "ListArchiveRules", analyzerName="outside")["archiveRules"]
    assert [each["filter"] for each in listed] == [{"principal.AWS": {"contains": [THIRD]}}]
    rule("DeleteArchiveRule")
    role(endpoint, "fourth", trusting(THIRD))
    assert archived() == [("second", OTHER), ("third", THIRD)]
    with pytest.raises(ResourceNotFoundException):
        endpoint.call(endpoint.root, "GetArchiveRule", **known)
    wrongs: list[dict[str, object]] = [{}, {"principal.AWS": {}}, {"a": {"exists": True}}, {"id": {"eq": ["b"]}}]
    for wrong in wrongs:
        with pytest.raises(ValidationError, match="filter"):
            rule("CreateArchiveRule", filter=wrong)


def test_pages_while_others_write() -> None:
    """Each finding once, in either order, though roles come and go between the pages."""
    endpoint = Endpoint()
    created(endpoint, "outside")
    for number in range(7):
        role(endpoint, f"r{number}", trusting(OTHER, THIRD))
    first = {each["id"] for each in found(endpoint)}
    for sort in ({}, {"sort": {"attributeName": "resource", "orderBy": "DESC"}}):
        told: list[str] = []
        resources: list[str] = []
        for number, page in enumerate(pages(endpoint, "ListFindings", analyzerArn=OUTSIDE, maxResults=3, **sort)):
            role(endpoint, f"other{number}{len(sort)}", trusting(ACCOUNT))
            told += [each["id"] for each in page["findings"]]
            resources += [each["resource"] for each in page["findings"]]
        assert (len(told), set(told)) == (14, first)
        assert sort == {} or resources == sorted(resources, reverse=True)
    page = endpoint.call(endpoint.root, "ListFindings", analyzerArn=OUTSIDE, maxResults=3)
    with pytest.raises(ValidationError, match="nextToken"):
        endpoint.call(endpoint.root, "ListFindingsV2", analyzerArn=OUTSIDE, nextToken=page["nextToken"])
    with pytest.raises(ValidationError, match="not kept"):
        found(endpoint, filter={"status": {"eq": ["RESOLVED"]}})


def unused(endpoint: Endpoint, **members: object) -> list[tuple[str, str]]:
    return sorted(
        (each["findingType"], each["resource"].rpartition(":")[2]) for each in found(endpoint, UNUSED, **members)
    )


def test_what_nobody_uses() -> None:
    """Roles, active keys, passwords and permissions, once they are so old and were not used for so long; but not of
    those who are excluded. A use ends it."""
    endpoint = Endpoint()
    configuration = {
        "unusedAccess": {"unusedAccessAge": 30, "analysisRule": {"exclusions": [{"resourceTags": [{"team": "ops"}]}]}}
    }
    created(endpoint, "unused", "ACCOUNT_UNUSED_ACCESS", configuration=configuration)
    used_and_not = ["iam:GetUser", "iam:ListUsers", "sts:GetCallerIdentity", "s3:GetObject"]
    ann = endpoint.user("ann", {**allow(), "Action": used_and_not})
    endpoint.call(endpoint.root, "CreateLoginProfile", UserName="ann", Password="Correct-Horse-1")
    endpoint.user("bob", allow("iam:*"))
    endpoint.call(endpoint.root, "TagUser", UserName="bob", Tags=[{"Key": "Team", "Value": "ops"}])
    role(endpoint, "idle", trusting(ACCOUNT))
    endpoint.later(days=29)
    assert unused(endpoint) == []
    endpoint.call(ann, "ListUsers")
    used = endpoint.at
    endpoint.later(days=1)
    password, permission = ("UnusedIAMUserPassword", "user/ann"), ("UnusedPermission", "user/ann")
    assert unused(endpoint) == [("UnusedIAMRole", "role/idle"), password, permission]
    assert unused(endpoint, filter={"findingType": {"eq": ["UnusedPermission"]}}) == [permission]
    (finding,) = (each for each in found(endpoint, UNUSED) if each["findingType"] == "UnusedPermission")
    asked = {"analyzerArn": UNUSED, "id": finding["id"]}
    details = [page["findingDetails"] for page in pages(endpoint, "GetFindingV2", maxResults=1, **asked)]
    assert details == [
        [
            {
                "unusedPermissionDetails": {
                    "serviceNamespace": "iam",
                    "lastAccessed": used,
                    "actions": [{"action": "GetUser"}],
                }
            }
        ],
        [{"unusedPermissionDetails": {"serviceNamespace": "sts"}}],
    ]
    endpoint.call(endpoint.root, "UpdateFindings", analyzerArn=UNUSED, status="ARCHIVED", ids=[finding["id"]])
    (archived,) = found(endpoint, UNUSED, filter={"status": {"eq": ["ARCHIVED"]}})
    assert archived["id"] == finding["id"]
    statistics = endpoint.call(endpoint.root, "GetFindingsStatistics", analyzerArn=UNUSED)["findingsStatistics"]
    totals = statistics[0]["unusedAccessFindingsStatistics"]
    assert (totals["totalActiveFindings"], totals["totalArchivedFindings"]) == (2, 1)
    endpoint.later(days=30)
    keys = [each for each in found(endpoint, UNUSED) if each["findingType"] == "UnusedIAMUserAccessKey"]
    (key,) = keys
    got = endpoint.call(endpoint.root, "GetFindingV2", analyzerArn=UNUSED, id=key["id"])["findingDetails"]
    assert got == [{"unusedIamUserAccessKeyDetails": {"accessKeyId": ann.access_key_id, "lastAccessed": used}}]
    assert "UnusedIAMRole" in {each["findingType"] for each in found(endpoint, UNUSED)}
    with pytest.raises(ValidationError, match="external access"):
        endpoint.call(endpoint.root, "ListFindings", analyzerArn=UNUSED)


def test_a_permission_that_is_new_is_not_unused() -> None:
    """Though the user is old: what was allowed on all the days counts."""
    endpoint = Endpoint()
    created(endpoint, "unused", "ACCOUNT_UNUSED_ACCESS")
    endpoint.user("ann", allow("s3:GetObject"))
    endpoint.later(days=100)
    policy = {"UserName": "ann", "PolicyName": "more", "PolicyDocument": document(allow("iam:GetUser"))}
    endpoint.call(endpoint.root, "PutUserPolicy", **policy)
    endpoint.later(days=1)
    assert ("UnusedPermission", "user/ann") not in unused(endpoint)
    endpoint.later(days=90)
    assert ("UnusedPermission", "user/ann") in unused(endpoint)


def test_unused_access_goes_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more users and roles are looked through for a page than its bound: it ends early, and the next one goes on."""
    endpoint = Endpoint()
    created(endpoint, "unused", "ACCOUNT_UNUSED_ACCESS")
    for number in range(7):
        role(endpoint, f"r{number}", trusting(ACCOUNT))
    endpoint.later(days=90)
    monkeypatch.setattr("services.access_analyzer.findings.ENTITIES_A_PAGE_MAX", 3)
    sizes = [len(page["findings"]) for page in pages(endpoint, "ListFindingsV2", analyzerArn=UNUSED)]
    assert sizes == [3, 3, 1]
    assert len(unused(endpoint, maxResults=2)) == 7
    monkeypatch.setattr("services.access_analyzer.found_findings.ENTITIES_AT_ONCE_MAX", 6)
    with pytest.raises(ValidationError, match="page by page"):
        found(endpoint, UNUSED, sort={"attributeName": "createdAt"})
