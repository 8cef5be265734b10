"""Requests signed in advance, byte for byte what boto3 would send."""

import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.accounts import Account
from services.wire.model import load_model

HOST = "127.0.0.1:8420"
"""It is signed, so both servers get this one whatever port they listen on; muniment answers under every name."""
ROLE = "measured"
USERS_AN_ACCOUNT = 4_900
"""IAM's quota is 5,000."""
CYCLED = 1_000

USER_AGENT = (
    "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython "
    "m/Z,b cfg/retry-mode#legacy Botocore/1.44.5"
)
_VERSIONS = {name: load_model(name).api_version for name in ("iam", "sts")}


def signed(account: Account, service: str, parameters: dict[str, str]) -> bytes:
    """A whole HTTP request. Its signature is good for 15 minutes."""
    headers = {
        "Host": HOST,
        "Accept-Encoding": "identity",
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "User-Agent": USER_AGENT,
        "amz-sdk-invocation-id": str(uuid.uuid4()),
        "amz-sdk-request": "attempt=1",
    }
    body = urlencode(parameters | {"Version": _VERSIONS[service]}).encode("ascii")
    request = AWSRequest("POST", f"http://{HOST}/", headers, body)
    credentials = Credentials(account.access_key_id, account.secret.reveal())
    SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"POST / HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body


def get_caller_identity(account: Account) -> Iterator[bytes]:
    for _ in range(CYCLED):
        yield signed(account, "sts", {"Action": "GetCallerIdentity"})


def get_user(account: Account) -> Iterator[bytes]:
    for _ in range(CYCLED):
        yield signed(account, "iam", {"Action": "GetUser", "UserName": "admin"})


def assume_role(account: Account) -> Iterator[bytes]:
    arn = f"arn:aws:iam::{account.account_id}:role/{ROLE}"
    for number in range(CYCLED):
        parameters = {"Action": "AssumeRole", "RoleArn": arn, "RoleSessionName": f"session-{number}"}
        yield signed(account, "sts", parameters)


def create_user(account: Account) -> Iterator[bytes]:
    """As many as the quota lets the account have, no name twice."""
    for number in range(USERS_AN_ACCOUNT):
        yield signed(account, "iam", {"Action": "CreateUser", "UserName": f"user-{number}"})


def write(path: Path, requests: Iterable[bytes]) -> None:
    """As replay.lua reads them."""
    path.write_bytes(b"".join(b"%d\n%b" % (len(request), request) for request in requests))
