"""Values of members with which random calls of all operations are made."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import strategies as st

from tests.saml import private_key, saml_metadata
from tests.services.contacts import CONTACT_INFORMATION
from tests.services.endpoint import ACCOUNT, allow, arn, document, trusting
from tests.services.iam.certificates import certificate, public_key

NAMES = st.sampled_from(["ann", "Ann", "bob", "ops"])
ARNS = st.sampled_from(
    [
        "arn:aws:iam::aws:policy/AdministratorAccess",
        *(arn(f"policy/{name}") for name in ("ann", "Ann", "bob", "ops")),
        arn("policy/a/ann"),
    ]
)
IDENTITY_POLICIES = st.sampled_from(
    [
        document(allow()),
        document(allow("iam:*")),
        document(allow(Sid="a" * 2_200)),
        document(allow(Sid="a" * 6_200)),
        "{",
    ]
)
TRUST_POLICIES = st.sampled_from(
    [
        document(trusting(ACCOUNT)),
        document(trusting(arn("user/ann"))),
        document(trusting(ACCOUNT, Sid="a" * 2_100)),
        "{",
    ]
)
PASSWORDS = st.sampled_from(["Correct-Horse", "Battery-Staple-7", "weak"])
ANALYZER_ARNS = NAMES.map(lambda name: f"arn:aws:access-analyzer:eu-central-1:{ACCOUNT}:analyzer/{name}")
FILTERS = st.sampled_from(
    [{"isPublic": {"eq": ["false"]}}, {"principal.AWS": {"neq": ["1"]}}, {"none": {"exists": True}}, {"error": {}}]
)
LATER = datetime(2026, 2, 2, tzinfo=UTC)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "UserName": NAMES,
    "NewUserName": NAMES,
    "GroupName": NAMES,
    "NewGroupName": NAMES,
    "RoleName": NAMES,
    "PolicyName": NAMES,
    "InstanceProfileName": NAMES,
    "AWSServiceName": st.sampled_from(["autoscaling.amazonaws.com", "ecs.amazonaws.com", "s3.amazonaws.com"]),
    "CustomSuffix": NAMES,
    "DeletionTaskId": st.sampled_from(["task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/1", "1"]),
    "Path": st.sampled_from(["/", "/a/"]),
    "NewPath": st.sampled_from(["/", "/a/"]),
    "PathPrefix": st.sampled_from(["/", "/a/"]),
    "PolicyArn": ARNS,
    "PolicyDocument": IDENTITY_POLICIES,
    "AssumeRolePolicyDocument": TRUST_POLICIES,
    "VersionId": st.sampled_from(["v1", "v2", "v3", "v9"]),
    "SetAsDefault": st.booleans(),
    "Description": st.just("for the night shift"),
    "MaxSessionDuration": st.sampled_from([3_600, 7_200]),
    "Marker": st.just("bm8"),
    "MaxItems": st.integers(1, 3),
    "Scope": st.sampled_from(["All", "AWS", "Local"]),
    "OnlyAttached": st.booleans(),
    "EntityFilter": st.sampled_from(["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"]),
    "Filter": st.sampled_from([["User"], ["Role", "AWSManagedPolicy"], ["Group", "LocalManagedPolicy"]]),
    "Status": st.sampled_from(["Active", "Inactive"]),
    "RoleArn": st.sampled_from([arn("role/ann"), arn("role/a/bob"), "arn:aws:iam::210987654321:role/ann"]),
    "RoleSessionName": st.just("night"),
    "DurationSeconds": st.sampled_from([900, 3_600, 7_200, 43_200]),
    "Policy": st.sampled_from([document(allow()), document(allow(Sid="a" * 1_900)), "{"]),
    "PolicyArns": st.lists(ARNS.map(lambda arn: {"arn": arn}), min_size=1, max_size=11),
    "AccountAlias": st.sampled_from(["first", "second", "third"]),
    "ExternalId": st.just("a secret handshake"),
    "Password": PASSWORDS,
    "OldPassword": PASSWORDS,
    "NewPassword": PASSWORDS,
    "PasswordResetRequired": st.booleans(),
    "MinimumPasswordLength": st.sampled_from([6, 12]),
    "RequireSymbols": st.booleans(),
    "RequireNumbers": st.booleans(),
    "RequireUppercaseCharacters": st.booleans(),
    "RequireLowercaseCharacters": st.booleans(),
    "AllowUsersToChangePassword": st.booleans(),
    "MaxPasswordAge": st.just(90),
    "PasswordReusePrevention": st.sampled_from([1, 24]),
    "HardExpiry": st.booleans(),
    "Arn": st.sampled_from([arn("user/ann"), arn("group/ann"), arn("root")]),
    "Granularity": st.sampled_from(["SERVICE_LEVEL", "ACTION_LEVEL"]),
    "JobId": st.just("0" * 36),
    "ServiceNamespace": st.just("iam"),
    "ServiceNamespaces": st.sampled_from([["iam"], ["nosuch"]]),
    "EntityPath": st.just("o-a1b2c3d4e5/r-ab12"),
    "OrganizationsPolicyId": st.just("p-abcdefgh"),
    "SortKey": st.just("SERVICE_NAMESPACE_DESCENDING"),
    "PermissionsBoundary": ARNS,
    "PolicyUsageFilter": st.sampled_from(["PermissionsPolicy", "PermissionsBoundary"]),
    "Tags": st.lists(
        st.sampled_from(["team", "Team", "shift", "aws:x"]).map(lambda key: {"Key": key, "Value": ""}), max_size=2
    ),
    "TagKeys": st.lists(st.sampled_from(["TEAM", "shift"]), min_size=1, max_size=2),
    "Url": st.sampled_from(["https://a.example.com", "https://b.example.com/a", "http://c.example.com"]),
    "OpenIDConnectProviderArn": st.sampled_from(
        [arn("oidc-provider/a.example.com"), arn("oidc-provider/b.example.com/a"), arn("oidc-provider/c")]
    ),
    "ClientID": NAMES,
    "ClientIDList": st.lists(NAMES, max_size=3),
    "ThumbprintList": st.sampled_from([[], ["a" * 40], ["x" * 40]]),
    "Name": NAMES,
    "SAMLProviderArn": st.sampled_from([arn("saml-provider/ann"), arn("saml-provider/bob"), arn("saml-provider/none")]),
    "SAMLMetadataDocument": st.sampled_from([saml_metadata(), saml_metadata("b"), "x" * 1_000]),
    "AssertionEncryptionMode": st.sampled_from(["Required", "Allowed"]),
    "AddPrivateKey": st.sampled_from([private_key(), "no key"]),
    "RemovePrivateKey": st.just("SAMLK" + "A" * 17),
    "Properties": st.sampled_from([{"RoleManager/Enabled": "true"}, {"a/b": "c", "b/c": "d"}, {"a": "b"}]),
    "GlobalEndpointTokenVersion": st.sampled_from(["v1Token", "v2Token"]),
    "EncodedMessage": st.just("muniment_msg_v1_"),
    "TransitiveTagKeys": st.lists(st.sampled_from(["TEAM", "shift"]), min_size=1, max_size=2),
    "SourceIdentity": st.just("somebody"),
    "ProvidedContexts": st.just([{"ProviderArn": arn("x/yyyyyyyyyyyyyyy"), "ContextAssertion": "abcd"}]),
    "MinimumSessionTokenSize": st.sampled_from([0, 4_096]),
    "TargetPrincipal": st.sampled_from(["210987654321", arn("root")]),
    "TaskPolicyArn": st.just({"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"}),
    "policyDocument": IDENTITY_POLICIES,
    "newPolicyDocument": IDENTITY_POLICIES,
    "existingPolicyDocument": IDENTITY_POLICIES,
    "access": st.sampled_from([[], [{"actions": ["iam:*"]}], [{"resources": ["no resource"]}]]),
    "policyType": st.just("IDENTITY_POLICY"),
    "locale": st.sampled_from(["DE", "EN"]),
    "maxResults": st.integers(0, 3),
    "nextToken": st.just("bm8"),
    "validatePolicyResourceType": st.just("AWS::S3::Bucket"),
    "analyzerName": NAMES,
    "analyzerArn": ANALYZER_ARNS,
    "resourceArn": ANALYZER_ARNS | st.sampled_from([arn("role/ann"), arn("user/ann")]),
    "type": st.sampled_from(["ACCOUNT", "ACCOUNT_UNUSED_ACCESS", "ORGANIZATION"]),
    "archiveRules": FILTERS.map(lambda said: [{"ruleName": "ann", "filter": said}]),
    "ruleName": NAMES,
    "filter": FILTERS,
    "tags": st.sampled_from([{}, {"team": "ops"}, {"aws:x": "y"}]),
    "tagKeys": st.just(["team"]),
    "clientToken": st.just("x"),
    "configuration": st.sampled_from(
        [
            {"unusedAccess": {"unusedAccessAge": 1, "analysisRule": {"exclusions": [{"resourceTags": [{"a": "b"}]}]}}},
            {"unusedAccess": {"unusedAccessAge": 366}},
            {"internalAccess": {}},
        ]
    ),
    "sort": st.sampled_from([{"attributeName": "resource", "orderBy": "DESC"}, {"attributeName": "none"}]),
    "status": st.sampled_from(["ACTIVE", "ARCHIVED"]),
    "id": st.just("0" * 36),
    "ids": st.sampled_from([[], ["0" * 36]]),
    "resourceType": st.just("AWS::S3::Bucket"),
    "resourceOwnerAccount": st.sampled_from([ACCOUNT, "210987654321"]),
    "PolicyInputList": st.lists(IDENTITY_POLICIES, min_size=1, max_size=2),
    "PermissionsBoundaryPolicyInputList": st.lists(IDENTITY_POLICIES, min_size=1, max_size=2),
    "OrderedOrganizationPolicyInputList": IDENTITY_POLICIES.map(
        lambda text: [{"ServiceControlPolicyInputList": [text]}]
    ),
    "PolicySourceArn": st.sampled_from([arn("user/ann"), arn("group/ann"), arn("role/ann"), arn("policy/ann")]),
    "PolicyExclusionList": st.sampled_from([[{"PolicyType": "inline"}], [{"PolicyArn": arn("user/ann")}]]),
    "ActionNames": st.sampled_from([["iam:GetUser"], ["sts:AssumeRole", "s3:GetObject"], ["everything"]]),
    "ResourceArns": st.sampled_from([["*"], [arn("user/ann"), "arn:aws:s3:::bucket"], ["bucket"]]),
    "ResourcePolicy": st.one_of(st.just(document(allow(Principal="*"))), TRUST_POLICIES),
    "ResourceOwner": st.sampled_from([ACCOUNT, "arn:aws:iam::210987654321:root", "somebody"]),
    "CallerArn": st.sampled_from([arn("user/ann"), arn("role/a/bob"), arn("root")]),
    "ContextEntries": st.sampled_from(["10.0.0.1", "nowhere"]).map(
        lambda address: [{"ContextKeyName": "aws:SourceIp", "ContextKeyType": "ip", "ContextKeyValues": [address]}]
    ),
    "VirtualMFADeviceName": NAMES,
    "SerialNumber": st.sampled_from([arn("mfa/ann"), arn("mfa/a/bob"), "GAHT12345678"]),
    "AuthenticationCode1": st.just("000000"),
    "AuthenticationCode2": st.just("000001"),
    "TokenCode": st.just("000000"),
    "AllUsers": st.booleans(),
    "AssignmentStatus": st.sampled_from(["Any", "Assigned", "Unassigned"]),
    "ServiceName": st.sampled_from(["codecommit.amazonaws.com", "bedrock.amazonaws.com", "s3.amazonaws.com"]),
    "CredentialAgeDays": st.integers(1, 3),
    "SSHPublicKeyBody": st.sampled_from(
        [public_key("first", Encoding.OpenSSH), public_key("first", Encoding.PEM), "-"]
    ),
    "SSHPublicKeyId": st.just("APKAQNZGKIQY56JQ7WMLA"),
    "Encoding": st.sampled_from(["SSH", "PEM"]),
    "CertificateBody": st.sampled_from([certificate("site", "top").body, certificate("ann").body, "-"]),
    "CertificateId": st.just("A" * 28),
    "ServerCertificateName": NAMES,
    "NewServerCertificateName": NAMES,
    "PrivateKey": st.sampled_from([certificate("site", "top").key, certificate("ann").key]),
    "CertificateChain": st.sampled_from([certificate("top").body, "-"]),
    "ServiceSpecificCredentialId": st.just("ACCAQNZGKIQY56JQ7WMLA"),
    "ResourceHandlingOption": st.just("EC2-VPC-EBS"),
    "AccountId": st.sampled_from([ACCOUNT, "210987654321"]),
    "AlternateContactType": st.sampled_from(["BILLING", "SECURITY"]),
    "ContactInformation": st.sampled_from([CONTACT_INFORMATION, CONTACT_INFORMATION | {"CountryCode": "xx"}]),
    "EmailAddress": st.just("ann@example.com"),
    "PhoneNumber": st.just("+49 30 1"),
    "Title": NAMES,
    "RegionName": st.sampled_from(["eu-central-1", "me-south-1"]),
    "MaxResults": st.integers(1, 3),
    "NextToken": st.just("bm8"),
    "ChildId": st.sampled_from([ACCOUNT, "ou-ab12-11111111"]),
    "ChildType": st.sampled_from(["ACCOUNT", "ORGANIZATIONAL_UNIT"]),
    "OrganizationalUnitId": st.just("ou-ab12-11111111"),
    "ParentId": st.sampled_from(["r-ab12", "ou-ab12-11111111"]),
    "PolicyId": st.sampled_from(["p-FullAWSAccess", "p-abcdefgh"]),
    "ResourceId": st.sampled_from(["r-ab12", "p-FullAWSAccess"]),
    "ServicePrincipal": st.just("config.amazonaws.com"),
    "TargetId": st.sampled_from(["r-ab12", ACCOUNT]),
    "AllRegions": st.booleans(),
    "DryRun": st.booleans(),
    "Filters": st.sampled_from([[{"Name": "region-name", "Values": ["eu-*"]}], [{"Name": "x", "Values": ["y"]}]]),
    "ComplianceTypes": st.sampled_from([["COMPLIANT"], ["NON_COMPLIANT", "INSUFFICIENT_DATA"], ["NOT_APPLICABLE"]]),
    "ConfigRuleName": st.sampled_from(["iam-user-mfa-enabled", "nope"]),
    "ConfigRuleNames": st.sampled_from([["iam-user-mfa-enabled"], ["nope"]]),
    "HubArn": st.just(f"arn:aws:securityhub:eu-central-1:{ACCOUNT}:hub/default"),
    "Limit": st.integers(0, 3),
    "Providers": st.sampled_from([["AWS"], ["Azure"]]),
    "ResourceEvaluationId": st.just("x"),
    "ResourceType": st.sampled_from(["AWS::IAM::User", "AWS::::Account", "AWS::EC2::Instance"]),
    "SortCriteria": st.sampled_from([[{"Field": "UpdatedAt", "SortOrder": "desc"}], [{"Field": "x"}]]),
    "StandardsSubscriptionArns": st.just(["x"]),
    "RegionNames": st.sampled_from([["eu-central-1", "us-east-1"], ["me-south-1"]]),
    "StartTime": st.sampled_from([LATER - timedelta(days=2), LATER]),
    "EndTime": st.just(LATER - timedelta(days=1)),
    "trailNameList": st.sampled_from([["main"], ["a"], ["arn:aws:s3:::bucket"]]),
    "includeShadowTrails": st.booleans(),
    "RegionOptStatusContains": st.sampled_from([["ENABLED_BY_DEFAULT"], ["DISABLED", "ENABLED"]]),
}

OF_SERVICES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "cloudtrail": {"Name": st.sampled_from(["main", "a", "arn:aws:s3:::bucket"])},
    "config": {
        "Filters": st.sampled_from([{"EvaluationMode": "DETECTIVE"}, {"RuleEvaluationVisibility": "INTERNAL"}]),
        "ResourceId": st.sampled_from([ACCOUNT, "AIDA"]),
    },
    "organizations": {"Filter": st.sampled_from(["SERVICE_CONTROL_POLICY", "TAG_POLICY"])},
    "securityhub": {
        "Filters": st.sampled_from(
            [
                {"ComplianceStatus": [{"Value": "FAILED", "Comparison": "EQUALS"}]},
                {"CreatedAt": [{"DateRange": {"Value": 1, "Unit": "DAYS"}}]},
                {"MalwareName": [{"Value": "x", "Comparison": "EQUALS"}]},
            ]
        )
    },
}
"""Where a member means something else."""
