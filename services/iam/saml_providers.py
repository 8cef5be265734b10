"""IAM's operations on SAML providers, of which an account has none yet."""

from domain.account import Account
from domain.calls import Call, Outcome
from services.wire.operations import answers, any_resource


@answers("ListSAMLProviders", on=any_resource)
def list_saml_providers(_account: Account, _call: Call) -> Outcome:
    return Outcome(lambda _after: {"SAMLProviderList": []})
