"""IAM's operations on SSH public keys."""

from typing import Literal

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.families.user_credentials import SSH_PUBLIC_KEY, USER_CREDENTIALS
from domain.families.users import USERS
from domain.foundation.identifiers import SSH_PUBLIC_KEY_ID
from domain.rules import user_credentials
from domain.rules.key_material import read_ssh_public_key
from domain.rules.users import user_id_or_caller
from services.iam import resources
from services.iam.user_credential_members import (
    credential_sort_key,
    listed_ssh_public_key_members,
    ssh_public_key_members,
)
from services.wire.operations import answers
from services.wire.pagination import page_request


@answers("UploadSSHPublicKey", on=resources.user, records="user_name")
def upload_ssh_public_key(account: Account, call: Call, *, user_name: str, ssh_public_key_body: str) -> Outcome:
    user_id = account[USERS].named(user_name).id
    key = read_ssh_public_key(call, ssh_public_key_body)
    credential_id = call.unique_id(SSH_PUBLIC_KEY_ID)
    uploaded = user_credentials.upload_ssh_public_key(account, user_id=user_id, credential_id=credential_id, key=key)

    # As GetSSHPublicKey gives it back: without a comment.
    body = key.pem if ssh_public_key_body.lstrip().startswith("-----BEGIN ") else key.openssh

    def answer(after: Account) -> dict[str, object]:
        members = ssh_public_key_members(after, after[USER_CREDENTIALS].by_id[credential_id], body)
        return {"SSHPublicKey": members}

    return Outcome(answer, [uploaded], new_texts=[key.openssh, key.pem])


@answers("GetSSHPublicKey", on=resources.user, records="user_name ssh_public_key_id encoding")
def get_ssh_public_key(
    account: Account, call: Call, *, user_name: str, ssh_public_key_id: str, encoding: Literal["SSH", "PEM"]
) -> Outcome:
    user_id = account[USERS].named(user_name).id
    key = user_credentials.owned(account, user_id, SSH_PUBLIC_KEY, ssh_public_key_id)
    digest = key.body_sha256 if encoding == "SSH" else key.pem_sha256
    assert digest is not None
    body = call.long_texts(digest)[digest]
    return Outcome(lambda after: {"SSHPublicKey": ssh_public_key_members(after, key, body)})


@answers("ListSSHPublicKeys", on=resources.user, records="user_name marker max_items")
def list_ssh_public_keys(
    account: Account,
    call: Call,
    *,
    user_name: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    user_id, pages = user_id_or_caller(account, call, user_name), page_request("SSHPublicKeys", marker, max_items)
    return Outcome(
        lambda after: pages.of(
            after[USER_CREDENTIALS].of(user_id, SSH_PUBLIC_KEY),
            key=credential_sort_key,
            render=lambda key: listed_ssh_public_key_members(after, key),
        )
    )


@answers(
    "UpdateSSHPublicKey",
    on=resources.user,
    records="user_name ssh_public_key_id status",
    ends_access=lambda parameters: parameters.get("status") == "Inactive",
)
def update_ssh_public_key(
    account: Account, _call: Call, *, user_name: str, ssh_public_key_id: str, status: str
) -> Outcome:
    user_id = account[USERS].named(user_name).id
    events = user_credentials.update(
        account, user_id=user_id, kind=SSH_PUBLIC_KEY, credential_id=ssh_public_key_id, status=status
    )
    return done(*events)


@answers("DeleteSSHPublicKey", on=resources.user, records="user_name ssh_public_key_id")
def delete_ssh_public_key(account: Account, _call: Call, *, user_name: str, ssh_public_key_id: str) -> Outcome:
    user_id = account[USERS].named(user_name).id
    deleted, _ = user_credentials.delete(account, user_id=user_id, kind=SSH_PUBLIC_KEY, credential_id=ssh_public_key_id)
    return done(*deleted)
