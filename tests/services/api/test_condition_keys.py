"""What a client can choose of the values that conditions ask for: what the reference page says, and no more."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from unittest.mock import patch

import pytest
from botocore.credentials import Credentials

from domain import authorization
from domain.call_context import CallContext, requested_region
from domain.queries.reevaluation import rebuild_context
from services.ledger.database import Database
from tests.docs.test_reference import rows
from tests.services.api.in_process_server import InProcessServer, opened, signed, signed_form
from tests.services.endpoint import PROTOCOLS, Endpoint, allow, deny

TARGET = "X-Amz-Target"
GUARD = deny(Condition={"StringNotEquals": {"aws:RequestedRegion": "eu-central-1"}})


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[InProcessServer]:
    """Time stands still."""
    now = datetime.now(UTC).replace(microsecond=0)
    with opened(database, tmp_path, lambda: now) as house:
        yield house


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> list[CallContext]:
    """The contexts of all decisions from here on."""
    contexts: list[CallContext] = []

    def context(*arguments: object) -> CallContext:
        contexts.append(CallContext(*arguments))  # type: ignore[arg-type]
        return contexts[-1]

    monkeypatch.setattr(authorization, "CallContext", context)
    return contexts


TASKS = {"one": "IAMAuditRootUserCredentials", "https": "S3UnlockBucketPolicy"}


def send_everything(house: InProcessServer, keys: Credentials, word: str, signed_at: datetime) -> None:
    """Calls in which everything that a client may choose is made of one word, but for what they are about."""
    arn = f"arn:aws:iam::{house.account_id}:"
    calls = [
        {"Action": "CreateUser", "UserName": "new", "Tags.member.1.Key": word, "Tags.member.1.Value": word}
        | {"PermissionsBoundary": f"{arn}policy/{word}"},
        {"Action": "AttachUserPolicy", "UserName": "alice", "PolicyArn": f"{arn}policy/{word}"},
        {"Action": "CreateServiceLinkedRole", "AWSServiceName": word},
        {"Action": "AssumeRole", "RoleArn": f"{arn}role/r", "RoleSessionName": word, "ExternalId": word}
        | {"SourceIdentity": word, "TransitiveTagKeys.member.1": word}
        | {"Tags.member.1.Key": word, "Tags.member.1.Value": word},
        {"Action": "AssumeRoot", "TargetPrincipal": "210987654321"}
        | {"TaskPolicyArn.arn": f"arn:aws:iam::aws:policy/root-task/{TASKS[word]}"},
        {"Action": "CreateServiceSpecificCredential", "UserName": "alice", "ServiceName": f"{word}.amazonaws.com"}
        | {"CredentialAgeDays": str(len(word))},
        {"Action": "PutAccountProperties", "Properties.entry.1.key": f"{word}/name", "Properties.entry.1.value": "x"},
        {"Action": "GenerateOrganizationsAccessReport", "EntityPath": "o-a1b2c3d4e5/r-f6g7"}
        | {"OrganizationsPolicyId": f"p-{word * 3}"},
    ]
    documents = {
        "/getAlternateContact": {"AlternateContactType": {"one": "BILLING", "https": "SECURITY"}[word]},
        "/getRegionOptStatus": {"RegionName": word},
    }
    types = {"one": "TAG_POLICY", "https": "BACKUP_POLICY"}
    targeted = {
        "AWSOrganizationsV20161128.ListPolicies": {"Filter": types[word]},
        "AWSOrganizationsV20161128.ListDelegatedAdministrators": {"ServicePrincipal": word},
    }
    unsigned = ("user-agent", "referer", "x-forwarded-for", "x-forwarded-proto", "forwarded", "aws-sourceip")
    headers = tuple((name.encode(), word.encode()) for name in unsigned)
    with patch("botocore.auth.get_current_datetime", return_value=signed_at):
        requests = [
            signed_form("sts" if action.startswith("Assume") else "iam", action, keys, region=word, **members)
            for action, members in ((members.pop("Action"), members) for members in calls)
        ] + [
            signed("POST", path, keys, json.dumps(members).encode(), "account", region=word)
            for path, members in documents.items()
        ]
        requests.append(signed_form("ec2", "DescribeRegions", keys, region=word))
        requests += [
            signed(
                "POST", "/", keys, json.dumps(members).encode(), "organizations", region=word, headers={TARGET: name}
            )
            for name, members in targeted.items()
        ]
    protocols = house.native, *(PROTOCOLS[service] for service in ("account", "ec2", "iam", "organizations"))
    for request in requests:
        told = house.over_http(replace(request, headers=(*request.headers, *headers)), *protocols)
        assert told.status == 403


def test_only_what_comes_from_the_request_is_the_clients(house: InProcessServer, asked_for: list[CallContext]) -> None:
    """Of two clients with one key that choose everything differently, the time of the signature too, conditions tell
    what the page says comes from the request apart, and nothing else."""
    alice, now = house.user("alice"), house.ledger.clock()
    asked_for.clear()
    send_everything(house, alice, "one", now)
    send_everything(house, alice, "https", now - timedelta(minutes=10))
    half = len(asked_for) // 2
    differing = {
        re.sub("/.*", "/key", key)
        for one, other in zip(asked_for[:half], asked_for[half:], strict=True)
        for key in {*one, *other}
        if one.get(key) != other.get(key)
    }
    documented = {names.lower() for names, source, *_ in rows("condition-keys.md") if "request" in source}
    assert differing == documented


@pytest.mark.parametrize(
    ("peer", "forwarded", "source", "tls"),
    [
        ("192.0.2.9", b"198.51.100.1", "192.0.2.9", "false"),
        ("::ffff:192.0.2.9", b"198.51.100.1", "192.0.2.9", "false"),
        ("127.0.0.1", b"198.51.100.1, 203.0.113.5", "203.0.113.5", "true"),
        ("::ffff:127.0.0.1", b"198.51.100.1, ::ffff:203.0.113.5, ::ffff:127.0.0.1", "203.0.113.5", "true"),
        ("127.0.0.1", b"2001:DB8::1", "2001:db8::1", "true"),
    ],
)
def test_where_a_call_comes_from(
    house: InProcessServer, asked_for: list[CallContext], peer: str, forwarded: bytes, source: str, tls: str
) -> None:
    """Only a trusted proxy is believed, and an IPv4 address is one whatever socket tells it."""
    house.trusted_proxies = (ip_network("127.0.0.1"),)
    request = signed_form("iam", "ListUsers", house.admin)
    headers = ((b"x-forwarded-for", forwarded), (b"x-forwarded-proto", b"https"))
    house.over_http(replace(request, headers=(*request.headers, *headers)), peer=peer)
    assert (asked_for[-1]["aws:sourceip"], asked_for[-1]["aws:securetransport"]) == ((source,), (tls,))


def test_a_guard_of_regions_is_not_escaped(house: InProcessServer) -> None:
    """IAM and muniment are where they are, whatever region a client signs for; so it is recorded, and decided again.
    STS is where the client says."""
    eve = house.user("eve", allow(), GUARD)
    for region in ("eu-central-1", "us-east-1"):
        denied = house.over_http(signed_form("iam", "ListUsers", eve, region=region))
        assert denied.status == 403
        explained = house.asks(f"/v1/decisions/{denied.request_id}").body
        (decision,) = explained["decisions"]
        assert decision["context"]["aws:RequestedRegion"] == ["us-east-1"]
        assert decision["agrees"]
        assert house.over_http(signed("GET", "/v1/credentials", eve, region=region)).status == 403
    decode = {"EncodedMessage": "x"}
    assert (
        house.over_http(signed_form("sts", "DecodeAuthorizationMessage", eve, region="us-east-1", **decode)).status
        == 403
    )
    assert (
        house.over_http(signed_form("sts", "DecodeAuthorizationMessage", eve, region="eu-central-1", **decode)).status
        == 400
    )
    recorded = {(call["service"], call["region"]) for call in house.asks("/v1/history?limit=100").body["calls"]}
    assert {("iam", "us-east-1"), ("sts", "us-east-1"), ("sts", "eu-central-1")} <= recorded
    assert ("iam", "eu-central-1") not in recorded


@pytest.mark.parametrize(
    ("partition", "service", "region"),
    [
        ("aws", "iam", "us-east-1"),
        ("aws-cn", "iam", "cn-north-1"),
        ("aws-us-gov", "iam", "us-gov-west-1"),
        ("aws", "muniment", "us-east-1"),
        ("aws-cn", "sts", "eu-west-3"),
        ("aws", "access-analyzer", "eu-west-3"),
        ("aws-cn", "account", "cn-northwest-1"),
        ("aws-us-gov", "account", "eu-west-3"),
        ("aws", "s3", "eu-west-3"),
    ],
)
def test_where_services_are(partition: str, service: str, region: str) -> None:
    """Global ones at one place of their partition, others where the client signs for."""
    assert requested_region(partition, service, "eu-west-3") == region


def test_a_call_recorded_before_is_decided_with_the_region_in_its_record() -> None:
    """IAM's used to be the one in the signature: what was decided so stays so."""
    account = Endpoint()
    account.call(account.root, "ListUsers")
    (record,) = account.record.decisions
    before = account.entries[-1].cause.model_copy(update={"region": "eu-west-3"})
    context = rebuild_context(before, account.at, record, account.account, None)
    assert context["aws:requestedregion"] == ("eu-west-3",)
