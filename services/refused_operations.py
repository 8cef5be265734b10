"""The operations of AWS's models that this server refuses, each with its reason: it answers all others."""

from collections.abc import Mapping

from services.wire.operations import refuse_always, refuse_others

DELEGATION = "only Amazon holds delegation requests between its partners and their customers"
TEMPLATES = "only Amazon holds role templates"
PROVIDERS = "this server does not take the tokens of identity providers yet"
OUTBOUND = "this server does not issue web identity tokens yet"
PREVIEWS = "this server does not analyze policies that are not in force yet"
GENERATION = "this server does not read the logs of CloudTrail, of which AWS generates policies"
RECOMMENDATIONS = "AWS recommends by what it learns of all services; muniment least-privilege proposes policies"
SERVICE_LINKED = "only services of Amazon may have analyzers of their own"
EMAIL = "accounts have no e-mail address of a root user here"
PHONE = "this server verifies no phone numbers"
REGIONS = "every Region that is listed is enabled, and stays so"
NAMES = "the operator names accounts, with `muniment organization set`"
ORGANIZATION = "the operator sets the organization, with `muniment organization set`"
CREATIONS = "the operator creates and closes accounts, with `muniment account`"
HANDSHAKES = "accounts join an organization without being invited here"
EFFECTIVE = "only management policies have effective ones, and there are none here"
RESOURCE_POLICIES = "an organization has no resource policy here"
TAGS = "nothing in an organization has tags here"
TRUSTED = "which services an organization trusts is not kept here"
DELEGATES = "there are no delegated administrators here"
TRANSFERS = "nobody pays for others here"
GOVCLOUD = "accounts are not linked with others in AWS GovCloud (US) here"

REFUSED: Mapping[str, Mapping[str, str]] = {
    "access-analyzer": {
        "CancelPolicyGeneration": GENERATION,
        "CreateAccessPreview": PREVIEWS,
        "CreateServiceLinkedAnalyzer": SERVICE_LINKED,
        "DeleteServiceLinkedAnalyzer": SERVICE_LINKED,
        "GenerateFindingRecommendation": RECOMMENDATIONS,
        "GetAccessPreview": PREVIEWS,
        "GetFindingRecommendation": RECOMMENDATIONS,
        "GetGeneratedPolicy": GENERATION,
        "ListAccessPreviewFindings": PREVIEWS,
        "ListAccessPreviews": PREVIEWS,
        "ListPolicyGenerations": GENERATION,
        "StartPolicyGeneration": GENERATION,
    },
    "account": {
        "AcceptPrimaryEmailUpdate": EMAIL,
        "DisableRegion": REGIONS,
        "EnableRegion": REGIONS,
        "GetGovCloudAccountInformation": GOVCLOUD,
        "GetPrimaryEmail": EMAIL,
        "GetPrimaryEmailUpdateStatus": EMAIL,
        "PutAccountName": NAMES,
        "SendPhoneNumberVerification": PHONE,
        "StartPrimaryEmailUpdate": EMAIL,
        "VerifyPhoneNumber": PHONE,
    },
    "iam": {
        "AcceptDelegationRequest": DELEGATION,
        "AcquireRole": TEMPLATES,
        "AssociateDelegationRequest": DELEGATION,
        "CreateDelegationRequest": DELEGATION,
        "DisableOutboundWebIdentityFederation": OUTBOUND,
        "EnableOutboundWebIdentityFederation": OUTBOUND,
        "GetDelegationRequest": DELEGATION,
        "GetHumanReadableSummary": DELEGATION,
        "GetOutboundWebIdentityFederationInfo": OUTBOUND,
        "GetRoleTemplateVersion": TEMPLATES,
        "ListDelegationRequests": DELEGATION,
        "RejectDelegationRequest": DELEGATION,
        "SendDelegationToken": DELEGATION,
        "UpdateDelegationRequest": DELEGATION,
    },
    "organizations": {
        "AcceptHandshake": HANDSHAKES,
        "AttachPolicy": ORGANIZATION,
        "CancelHandshake": HANDSHAKES,
        "CloseAccount": CREATIONS,
        "CreateAccount": CREATIONS,
        "CreateGovCloudAccount": CREATIONS,
        "CreateOrganization": ORGANIZATION,
        "CreateOrganizationalUnit": ORGANIZATION,
        "CreatePolicy": ORGANIZATION,
        "DeclineHandshake": HANDSHAKES,
        "DeleteOrganization": ORGANIZATION,
        "DeleteOrganizationalUnit": ORGANIZATION,
        "DeletePolicy": ORGANIZATION,
        "DeleteResourcePolicy": RESOURCE_POLICIES,
        "DeregisterDelegatedAdministrator": DELEGATES,
        "DescribeCreateAccountStatus": CREATIONS,
        "DescribeEffectivePolicy": EFFECTIVE,
        "DescribeHandshake": HANDSHAKES,
        "DescribeResourcePolicy": RESOURCE_POLICIES,
        "DescribeResponsibilityTransfer": TRANSFERS,
        "DetachPolicy": ORGANIZATION,
        "DisableAWSServiceAccess": TRUSTED,
        "DisablePolicyType": ORGANIZATION,
        "EnableAWSServiceAccess": TRUSTED,
        "EnableAllFeatures": ORGANIZATION,
        "EnablePolicyType": ORGANIZATION,
        "InviteAccountToOrganization": HANDSHAKES,
        "InviteOrganizationToTransferResponsibility": TRANSFERS,
        "LeaveOrganization": ORGANIZATION,
        "ListAWSServiceAccessForOrganization": TRUSTED,
        "ListAccountsWithInvalidEffectivePolicy": EFFECTIVE,
        "ListCreateAccountStatus": CREATIONS,
        "ListDelegatedServicesForAccount": DELEGATES,
        "ListEffectivePolicyValidationErrors": EFFECTIVE,
        "ListHandshakesForAccount": HANDSHAKES,
        "ListHandshakesForOrganization": HANDSHAKES,
        "ListInboundResponsibilityTransfers": TRANSFERS,
        "ListOutboundResponsibilityTransfers": TRANSFERS,
        "MoveAccount": ORGANIZATION,
        "PutResourcePolicy": RESOURCE_POLICIES,
        "RegisterDelegatedAdministrator": DELEGATES,
        "RemoveAccountFromOrganization": ORGANIZATION,
        "TagResource": TAGS,
        "TerminateResponsibilityTransfer": TRANSFERS,
        "UntagResource": TAGS,
        "UpdateOrganizationalUnit": ORGANIZATION,
        "UpdatePolicy": ORGANIZATION,
        "UpdateResponsibilityTransfer": TRANSFERS,
    },
    "sts": {
        "AssumeRoleWithSAML": PROVIDERS,
        "AssumeRoleWithWebIdentity": PROVIDERS,
        "GetDelegatedAccessToken": DELEGATION,
        "GetWebIdentityToken": OUTBOUND,
    },
}
"""The reason, by service and name (docs/adr/0054)."""

REFUSED_OTHERS: Mapping[str, str] = {
    "cloudtrail": "this server has what checks files of CloudTrail; `muniment export cloudtrail` delivers them",
    "config": "this server has what AWS Config's rules say of IAM, and nothing else of AWS Config",
    "securityhub": "this server has Security Hub's findings on IAM, and nothing else of Security Hub",
}
"""The reason for all operations of a service that are not answered."""

for _service, _operations in REFUSED.items():
    for _name, _reason in _operations.items():
        refuse_always(_service, _name, _reason)
for _service, _reason in REFUSED_OTHERS.items():
    refuse_others(_service, _reason)
