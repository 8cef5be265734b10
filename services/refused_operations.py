"""The operations of AWS's models that this server refuses, each with its reason: it answers all others."""

from collections.abc import Mapping

from services.wire.operations import refuse_always

DELEGATION = "only Amazon holds delegation requests between its partners and their customers"
TEMPLATES = "only Amazon holds role templates"
PROVIDERS = "this server does not take the tokens of identity providers yet"
OUTBOUND = "this server does not issue web identity tokens yet"
EMAIL = "accounts have no e-mail address of a root user here"
PHONE = "this server verifies no phone numbers"
REGIONS = "every Region that is listed is enabled, and stays so"
NAMES = "the operator names accounts, with `muniment organization set`"
GOVCLOUD = "accounts are not linked with others in AWS GovCloud (US) here"

REFUSED: Mapping[str, Mapping[str, str]] = {
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
