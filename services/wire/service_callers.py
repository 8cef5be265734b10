"""Calls of services of the operator's own, each with the key that it was registered with (docs/adr/0049).

They are in no account: such a call is decided and recorded in that of the role that it asks for.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain.account import Account
from domain.callers import Caller, caller_of_service
from domain.calls import NeedsAccounts
from domain.foundation.errors import AccessDenied, Refusal, ValidationError
from domain.foundation.identifiers import ACCOUNT_ID, INSTALLATION, account_of_arn
from domain.installation import Installation
from services.ledger.pending_call import LedgerStates
from services.wire.authentication import VerifiedCredential
from services.wire.raw_request import RawRequest

_SOURCE_ARN = re.compile(r"arn:[^\s:]+:[^\s:]+:[^\s:]*:[^\s:]*:[!-~]{1,1024}")
SOURCE_ARN_CHARACTERS_MAX = 2_048
_ASSUME_ROLE = "AssumeRole"


def credential_of_service(
    credential: VerifiedCredential, name: str, operation: str, parameters: Mapping[str, Any]
) -> VerifiedCredential:
    """With the account of the role that is asked for; of any other call it stays the installation's."""
    role_arn = parameters.get("role_arn", "") if operation == _ASSUME_ROLE else ""
    return replace(credential, account_id=account_of_arn(role_arn) or INSTALLATION, service_name=name)


def source_of_call(raw: RawRequest) -> Mapping[str, tuple[str, ...]]:
    """For which account, and for what in it, a service says that it calls: in the headers in which those of AWS say it.
    Raises ValidationError."""
    source = {}
    if (account_id := raw.header("x-amz-source-account")) is not None:
        if not ACCOUNT_ID.fullmatch(account_id):
            raise ValidationError("The header x-amz-source-account must have twelve digits.")
        source["aws:sourceaccount"] = (account_id,)
    if (arn := raw.header("x-amz-source-arn")) is not None:
        if len(arn) > SOURCE_ARN_CHARACTERS_MAX or not _SOURCE_ARN.fullmatch(arn):
            raise ValidationError("The header x-amz-source-arn must have an ARN.")
        source["aws:sourcearn"] = (arn,)
    return source


def resolve_service(values: LedgerStates, credential: VerifiedCredential) -> Caller:
    """Raises InvalidClientTokenId for a service that is registered no more, and NeedsAccounts."""
    assert credential.service_name is not None
    if missing := frozenset({INSTALLATION, credential.account_id}) - values.keys():
        raise NeedsAccounts(missing)
    installation = values[INSTALLATION]
    assert isinstance(installation, Installation)
    return caller_of_service(installation, credential.service_name, credential.access_key_id)


def refusal_without_account(
    values: LedgerStates, credential: VerifiedCredential, role_arn: str | None
) -> Refusal | None:
    """None where the service's call can be decided in the account of a role. Raises InvalidClientTokenId and
    NeedsAccounts."""
    resolve_service(values, credential)
    account = values[credential.account_id]
    if isinstance(account, Account) and account.exists:
        return None
    if role_arn is None:
        return AccessDenied(f"The service {credential.service_name} may call sts:{_ASSUME_ROLE} and nothing else.")
    return AccessDenied(
        f"User: {credential.service_name} is not authorized to perform: sts:{_ASSUME_ROLE} on resource: {role_arn} "
        f"because no role trust policy allows the sts:{_ASSUME_ROLE} action"
    )
