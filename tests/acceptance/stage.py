"""A data directory with a past: an account whose story boto3 tells to a server in this process, at times of our own."""

import base64
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials as Keys

from domain.families.organization import FULL_AWS_ACCESS, RCP_FULL_AWS_ACCESS, Organization, OrganizationNode
from domain.rules.mfa_devices import time_step
from services.accounts import NewAccount, open_account
from services.ledger.committer import Committer
from services.ledger_runtime import LedgerRuntime, load_master_keys, open_database
from services.managed_policies.catalogue import publish_catalogues
from services.organization import remove_organization, set_organization
from services.secrets.totp import code_at
from services.settings import read_settings
from services.wire.protocol import WireProtocol
from services.wire.raw_request import RawRequest
from tests.services.api.in_process_server import InProcessServer
from tests.services.api.test_credential_lifecycle import Clock, post
from tests.services.endpoint import PROTOCOLS

REGION = "us-east-1"
ENDPOINT = "http://127.0.0.1:8420"
"""Where nobody listens: requests are answered before they are sent."""


@dataclass
class Stage:
    account_id: str
    manager_id: str
    """Of an account that manages an organization for a while."""
    now: datetime
    """When the story is over."""
    clock: Clock
    house: InProcessServer
    keys: dict[str, Keys]
    """By name: `root`, `manager`, or a user's name, whose newest they are."""
    _protocols: Sequence[WireProtocol[Any]] = tuple(dict.fromkeys(PROTOCOLS.values()))
    _session: boto3.Session = field(default_factory=boto3.Session)

    def days_ago(self, days: float) -> None:
        """What follows happens so long before the end."""
        self.clock.now = self.now - timedelta(days=days)
        self.house.ledger.open_months()

    def arn(self, resource: str) -> str:
        return f"arn:aws:iam::{self.account_id}:{resource}"

    def client(self, service: str, by: str = "admin", region: str = REGION) -> Any:
        """A boto3 client whose requests this process answers."""
        keys = self.keys[by]
        client = self._session.client(
            service,
            region_name=region,
            endpoint_url=ENDPOINT,
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
            aws_session_token=keys.token,
            config=Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register("before-send", self._answered)
        return client

    def _answered(self, request: AWSPreparedRequest, **_event: object) -> AWSResponse:
        url = urlsplit(request.url)
        headers = {"host": url.netloc, **{name.lower(): value for name, value in request.headers.items()}}
        raw = RawRequest(
            request.method,
            url.path.encode("ascii"),
            url.query.encode("ascii"),
            tuple((name.encode("ascii"), _bytes(value)) for name, value in headers.items()),
            _bytes(request.body or b""),
        )
        answer = self.house.over_http(raw, *self._protocols)
        told = {name.decode(): value.decode() for name, value in answer.headers}
        return AWSResponse(request.url, answer.status, told, _Body(answer.body))

    def makes_key(self, user: str, by: str = "admin") -> str:
        """An access key's id."""
        key = self.client("iam", by).create_access_key(UserName=user)["AccessKey"]
        self.keys[user] = Keys(key["AccessKeyId"], key["SecretAccessKey"])
        return str(key["AccessKeyId"])

    def uses_key(self, user: str) -> None:
        self.client("sts", user).get_caller_identity()

    def enables_mfa(self, user: str | None = None) -> None:
        """A virtual device of a user, or of root."""
        name, by = user or "root", "admin" if user else "root"
        made = self.client("iam", by).create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
        seed, step = base64.b32decode(made["Base32StringSeed"]), time_step(self.clock.now)
        codes = {f"AuthenticationCode{i}": code_at(seed, step + i - 2) for i in (1, 2)}
        owner = {"UserName": user or self.account_id}
        self.client("iam", by).enable_mfa_device(**owner, SerialNumber=made["SerialNumber"], **codes)

    def adopts(self, framework: Mapping[str, object]) -> None:
        """Reports know it from now on."""
        told = post(self.house, "compliance/frameworks", keys=self.keys["admin"], framework=json.dumps(framework))
        assert told.status == 200, told.body

    def gives_root_a_password(self) -> None:
        """As the account that manages an organization may (sts:AssumeRoot), for as long as there is one."""
        self.organizes(self.manager_id)
        self.client("iam", "manager").enable_organizations_root_credentials_management()
        task = {"arn": "arn:aws:iam::aws:policy/root-task/IAMCreateRootUserPassword"}
        session = self.client("sts", "manager").assume_root(TargetPrincipal=self.account_id, TaskPolicyArn=task)
        given = session["Credentials"]
        self.keys["task"] = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        self.client("iam", "task").create_login_profile()
        remove_organization(self._operator())

    def organizes(self, manager_id: str) -> None:
        """From now on the account is in an organization, which it manages itself or another account does."""
        own = (FULL_AWS_ACCESS.policy.id,), (RCP_FULL_AWS_ACCESS.policy.id,)
        members = dict.fromkeys((self.account_id, manager_id))
        nodes = (
            OrganizationNode("root", "r-ab12", "root", *own),
            *(OrganizationNode("account", account_id, account_id, *own, "r-ab12") for account_id in members),
        )
        policies = (FULL_AWS_ACCESS, RCP_FULL_AWS_ACCESS)
        set_organization(self._operator(), Organization("o-exampleorgid", manager_id, nodes, policies))

    def _operator(self) -> Committer:
        committer = self.house.ledger.committer
        committer.deliver_through(lambda answer: answer())  # The last request's event loop is gone.
        return committer


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


@contextmanager
def staging(data: Path, began_days_ago: float) -> Iterator[Stage]:
    """On a data directory that a server may go on with afterwards. The account has a root user with a key."""
    settings = read_settings({}, data=str(data))
    publish_catalogues(None)
    now, clock = datetime.now(UTC).replace(microsecond=0), Clock()
    clock.now = now - timedelta(days=began_days_ago)
    opening = NewAccount(root_access_key_id="AKIA" + base64.b32encode(secrets.token_bytes(10)).decode("ascii"))
    manager, master_keys = NewAccount(), load_master_keys(settings)
    with (
        open_database(settings) as database,
        patch("botocore.auth.get_current_datetime", side_effect=clock),
        patch("botocore.crt.auth.get_current_datetime", side_effect=clock),
    ):
        ledger = LedgerRuntime(database, master_keys, clock=clock)
        with ledger.running():
            keys = {
                name: Keys(open_account(ledger.committer, account).access_key_id, account.secret.reveal())
                for name, account in (("root", opening), ("manager", manager))
            }
            house = InProcessServer(ledger, opening.account_id, keys["root"])
            yield Stage(opening.account_id, manager.account_id, now, clock, house, keys)
