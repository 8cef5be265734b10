"""Stock clients of services that are not here, and tokens of Kubernetes clusters, against the running server."""

import base64
import io
import json
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from services.refused_operations import PROVIDERS
from tests.clients.raw_http import administrator
from tests.clients.server import Server, run

ONCE = Config(retries={"mode": "standard", "max_attempts": 1}, s3={"addressing_style": "path"})
Asked = Callable[[Any], object]
SIGNED: dict[str, Asked] = {
    "kms": lambda client: client.list_keys(),
    "cloudwatch": lambda client: client.list_metrics(),
    "codebuild": lambda client: client.list_projects(),
    "dynamodb": lambda client: client.list_tables(),
    "lambda": lambda client: client.list_functions(),
    "route53": lambda client: client.list_hosted_zones(),
    "s3": lambda client: client.list_buckets(),
    "ses": lambda client: client.list_identities(),
    "sns": lambda client: client.list_topics(),
    "sqs": lambda client: client.list_queues(),
}
UNSIGNED: dict[str, Asked] = {
    "cognito-identity": lambda client: client.get_id(IdentityPoolId="eu-west-1:0"),
    "sso": lambda client: client.list_accounts(accessToken="t"),
    "sso-oidc": lambda client: client.register_client(clientName="a", clientType="public"),
}


def client(server: Server, service: str, secret: str | None = None) -> Any:
    key = administrator(server)
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        aws_access_key_id=key.access_key,
        aws_secret_access_key=secret or key.secret_key,
        region_name="eu-central-1",
        config=ONCE,
    )


def refused(ask: Callable[[], object]) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        ask()
    told = caught.value.response
    return told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"], told["Error"]["Message"]


@pytest.mark.parametrize("service", [*SIGNED, *UNSIGNED])
def test_a_client_of_another_service_is_told_so(server: Server, service: str) -> None:
    """In its protocol and with a status that no client tries again; with a wrong secret it is told that."""
    ask = (SIGNED | UNSIGNED)[service]
    status, code, message = refused(lambda: ask(client(server, service)))
    assert (status, code) == (400, "UnsupportedService")
    assert (
        "It has access-analyzer, account, cloudtrail, config, ec2, iam, muniment, organizations, securityhub and sts."
        in message
    )
    if service in SIGNED:
        assert client(server, service).meta.service_model.signing_name in message
        status, code, message = refused(lambda: ask(client(server, service, secret="wrong" * 8)))
        assert (status, code) in {(403, "SignatureDoesNotMatch"), (403, "InvalidSignatureException")}
        assert "does not match the signature you provided" in message


@pytest.mark.parametrize(
    "ask",
    [
        lambda s3: s3.get_object(Bucket="v1", Key="a b//../ü+(x)~"),
        lambda s3: s3.put_object(Bucket="policy", Key="validation", Body=b"x"),
        lambda s3: s3.put_object(Bucket="b", Key="k", Body=io.BytesIO(b"x" * 3_000_000)),
        lambda s3: s3.upload_fileobj(io.BytesIO(b"x" * 9_000_000), "b", "k"),
    ],
)
def test_s3_whatever_its_path_and_body(server: Server, ask: Asked) -> None:
    """Paths are not normalised and may be those of our own API; a body need not fit, for nobody reads it."""
    assert refused(lambda: ask(client(server, "s3")))[:2] == (400, "UnsupportedService")


def test_the_aws_command(server: Server) -> None:
    """What a person reads, and what the history says about it."""
    listed = run(["aws", "s3", "ls"], server.profile)
    assert listed.status != 0
    assert "This server does not have the service s3." in listed.error
    assert run(["aws", "kms", "list-keys"], server.profile).status != 0
    history = run(["muniment", "history", "--operation", "ListKeys", "--output", "json"], server.profile)
    call = json.loads(history.out.splitlines()[-1])
    assert (call["service"], call["operation"], call["error_code"]) == ("kms", "ListKeys", "UnsupportedService")


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        (
            "AssumeRoleWithWebIdentity",
            lambda sts: sts.assume_role_with_web_identity(
                RoleArn="arn:aws:iam::123456789012:role/r", RoleSessionName="ci", WebIdentityToken="tttt"
            ),
        ),
        (
            "AssumeRoleWithSAML",
            lambda sts: sts.assume_role_with_saml(
                RoleArn="arn:aws:iam::123456789012:role/r",
                PrincipalArn="arn:aws:iam::123456789012:saml-provider/p",
                SAMLAssertion="tttt",
            ),
        ),
    ],
)
def test_operations_that_are_not_signed(server: Server, operation: str, ask: Asked) -> None:
    """They are told that they are not here yet, not that a signature is missing."""
    told = refused(lambda: ask(client(server, "sts")))
    assert told[:2] == (400, "InvalidAction")
    assert told[2] == f"Could not find operation {operation} for version 2011-06-15 ({PROVIDERS})"


def test_a_token_for_a_kubernetes_cluster(server: Server) -> None:
    """What `aws eks get-token` makes is a URL; whoever is handed it asks who the caller is, and reads JSON."""
    made = run(["aws", "eks", "get-token", "--cluster-name", "c"], server.profile)
    token = json.loads(made.out)["status"]["token"].removeprefix("k8s-aws-v1.")
    url = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    asked = Request(url, headers={"x-k8s-aws-id": "c", "Accept": "application/json"})  # noqa: S310  our own server
    with urlopen(asked, timeout=30) as answer:  # noqa: S310  as above
        assert answer.headers["content-type"] == "application/json"
        told = json.load(answer)["GetCallerIdentityResponse"]
    assert told["GetCallerIdentityResult"]["Arn"].endswith(":user/admin")
    assert told["ResponseMetadata"]["RequestId"] == answer.headers["x-amzn-requestid"]
