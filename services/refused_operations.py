"""The operations of AWS's models that this server refuses, each with its reason: it answers all others."""

from collections.abc import Mapping

from services.wire.operations import refuse_always

DELEGATION = "only Amazon holds delegation requests between its partners and their customers"
TEMPLATES = "only Amazon holds role templates"
PROVIDERS = "this server does not take the tokens of identity providers yet"
OUTBOUND = "this server does not issue web identity tokens yet"
PREVIEWS = "this server does not analyze policies that are not in force yet"
GENERATION = "this server does not read the logs of CloudTrail, of which AWS generates policies"
RECOMMENDATIONS = "AWS recommends by what it learns of all services; muniment least-privilege proposes policies"
SERVICE_LINKED = "only services of Amazon may have analyzers of their own"

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
    "sts": {
        "AssumeRoleWithSAML": PROVIDERS,
        "AssumeRoleWithWebIdentity": PROVIDERS,
        "GetDelegatedAccessToken": DELEGATION,
        "GetWebIdentityToken": OUTBOUND,
    },
}
"""The reason, by service and name (docs/adr/0054)."""

for _service, _operations in REFUSED.items():
    for _name, _reason in _operations.items():
        refuse_always(_service, _name, _reason)
