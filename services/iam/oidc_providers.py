"""IAM's operations on OpenID Connect providers, of which an account has none yet."""

from domain.account import Account
from domain.calls import Call, Outcome
from services.wire.operations import answers, any_resource


@answers("ListOpenIDConnectProviders", on=any_resource)
def list_open_id_connect_providers(_account: Account, _call: Call) -> Outcome:
    return Outcome(lambda _after: {"OpenIDConnectProviderList": []})
