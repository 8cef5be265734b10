"""IAM's operations on service-specific credentials."""

import base64

from domain.account import Account
from domain.calls import Call, NewSecret, Outcome, done
from domain.families.user_credentials import SERVICE_SPECIFIC_CREDENTIAL, USER_CREDENTIALS, UserCredential
from domain.foundation.errors import ValidationError
from domain.foundation.identifiers import SERVICE_PASSWORD_ID, SERVICE_SPECIFIC_CREDENTIAL_ID
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.rules import user_credentials
from domain.rules.user_credentials import API_KEY_SERVICES
from domain.rules.users import user_id_or_caller
from services.iam import resources
from services.iam.condition_keys import ConditionKeys
from services.iam.user_credential_members import credential_sort_key, secret_member, service_specific_credential_members
from services.wire.operations import Parameters, TargetResource, answers
from services.wire.pagination import page_request

_SECRET_BYTES = 32


def _requested(_account: Account, parameters: Parameters) -> ConditionKeys:
    keys = {"iam:servicespecificcredentialservicename": (parameters["service_name"],)}
    age_days = parameters.get("credential_age_days")
    return keys if age_days is None else keys | {"iam:servicespecificcredentialagedays": (str(age_days),)}


def _existing(account: Account, parameters: Parameters) -> ConditionKeys:
    credential = account[USER_CREDENTIALS].by_id.get(parameters["service_specific_credential_id"])
    if credential is None or credential.service_name is None:
        return {}
    return {"iam:servicespecificcredentialservicename": (credential.service_name,)}


def _listed(account: Account, call: Call, parameters: Parameters) -> TargetResource:
    if parameters.get("all_users"):
        return TargetResource.of_arn(account.arn("user/*"))
    return resources.user(account, call, parameters)


def _new_secret(call: Call, service_name: str, service_user_name: str) -> Secret:
    """Of an API key with its prefix and its name inside, as AWS's are."""
    drawn = base64.b64encode(call.random(_SECRET_BYTES)).decode("ascii")
    prefix = API_KEY_SERVICES.get(service_name)
    if prefix is None:
        return Secret(drawn)
    return Secret(prefix + base64.b64encode(f"{service_user_name}:{drawn}".encode()).decode("ascii"))


@answers(
    "CreateServiceSpecificCredential",
    on=resources.user,
    records="user_name service_name credential_age_days",
    context=_requested,
)
def create_service_specific_credential(
    account: Account, call: Call, *, user_name: str, service_name: str, credential_age_days: int | None = None
) -> Outcome:
    """The only answer that ever shows the password, but for those of resets."""
    created = user_credentials.create_service_specific_credential(
        account,
        call,
        user_name=user_name,
        service_name=service_name,
        credential_id=call.unique_id(SERVICE_SPECIFIC_CREDENTIAL_ID),
        secret_id=call.unique_id(SERVICE_PASSWORD_ID),
        age_days=credential_age_days,
    )
    secret = _new_secret(call, service_name, created.service_user_name)
    return Outcome(
        lambda after: _shown(after, call, created.credential_id, secret),
        [created],
        new_secrets=[NewSecret(_secret_id(created.secret_id), created.user_id, secret)],
    )


@answers(
    "ResetServiceSpecificCredential",
    on=resources.user,
    records="user_name service_specific_credential_id",
    context=_existing,
)
def reset_service_specific_credential(
    account: Account, call: Call, *, service_specific_credential_id: str, user_name: str | None = None
) -> Outcome:
    """The former password is destroyed in the same transaction."""
    user_id = user_id_or_caller(account, call, user_name)
    event, former = user_credentials.reset(
        account,
        user_id=user_id,
        credential_id=service_specific_credential_id,
        secret_id=call.unique_id(SERVICE_PASSWORD_ID),
    )
    credential = account[USER_CREDENTIALS].by_id[event.credential_id]
    secret = _new_secret(call, credential.service_name or "", credential.mark)
    return Outcome(
        lambda after: _shown(after, call, credential.id, secret),
        [event],
        new_secrets=[NewSecret(_secret_id(event.secret_id), user_id, secret)],
        destroyed_secrets=[_secret_id(former)],
    )


@answers("ListServiceSpecificCredentials", on=_listed, records="user_name service_name all_users marker max_items")
def list_service_specific_credentials(
    account: Account,
    call: Call,
    *,
    user_name: str | None = None,
    service_name: str | None = None,
    all_users: bool = False,
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    if all_users and user_name is not None:
        raise ValidationError("AllUsers cannot be specified together with UserName.")
    if service_name is not None:
        user_credentials.require_service(service_name)
    user_id = None if all_users else user_id_or_caller(account, call, user_name)
    pages = page_request("ServiceSpecificCredentials", marker, max_items)

    def listed(after: Account) -> list[UserCredential]:
        credentials = after[USER_CREDENTIALS]
        found = (
            [each for each in credentials.by_id.values() if each.kind == SERVICE_SPECIFIC_CREDENTIAL]
            if user_id is None
            else credentials.of(user_id, SERVICE_SPECIFIC_CREDENTIAL)
        )
        return [each for each in found if service_name in {None, each.service_name}]

    return Outcome(
        lambda after: pages.of(
            listed(after),
            key=credential_sort_key,
            render=lambda each: service_specific_credential_members(after, each, call.at),
        )
    )


@answers(
    "UpdateServiceSpecificCredential",
    on=resources.user,
    records="user_name service_specific_credential_id status",
    context=_existing,
    ends_access=lambda parameters: parameters.get("status") == "Inactive",
)
def update_service_specific_credential(
    account: Account, call: Call, *, service_specific_credential_id: str, status: str, user_name: str | None = None
) -> Outcome:
    user_id = user_id_or_caller(account, call, user_name)
    events = user_credentials.update(
        account,
        user_id=user_id,
        kind=SERVICE_SPECIFIC_CREDENTIAL,
        credential_id=service_specific_credential_id,
        status=status,
    )
    return done(*events)


@answers(
    "DeleteServiceSpecificCredential",
    on=resources.user,
    records="user_name service_specific_credential_id",
    context=_existing,
)
def delete_service_specific_credential(
    account: Account, call: Call, *, service_specific_credential_id: str, user_name: str | None = None
) -> Outcome:
    """The sealed password is destroyed in the same transaction."""
    user_id = user_id_or_caller(account, call, user_name)
    deleted, credential = user_credentials.delete(
        account, user_id=user_id, kind=SERVICE_SPECIFIC_CREDENTIAL, credential_id=service_specific_credential_id
    )
    assert credential.secret_id is not None
    return Outcome(lambda _after: {}, deleted, destroyed_secrets=[_secret_id(credential.secret_id)])


def _shown(account: Account, call: Call, credential_id: str, secret: Secret) -> dict[str, object]:
    credential = account[USER_CREDENTIALS].by_id[credential_id]
    members = service_specific_credential_members(account, credential, call.at) | secret_member(credential, secret)
    return {"ServiceSpecificCredential": members}


def _secret_id(name: str) -> SecretId:
    return SecretId(SecretKind.SERVICE_PASSWORD, name)
