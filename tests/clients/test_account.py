"""`aws account`, `aws ec2 describe-regions`, `aws organizations` and boto3's, unmodified."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.clients.raw_http import administrator
from tests.clients.server import Server, run
from tests.services.contacts import ALTERNATE_CONTACT

PUT = ("put-alternate-contact", "--name", "Ann", "--title", "CISO", "--email-address", "ann@example.com")


def test_the_security_contact(server: Server) -> None:
    """Put and told by the command; boto3 has a class for one that is not there, and reads it as of before."""

    def account(*words: str) -> Any:
        answer = run(["aws", "account", *words, "--alternate-contact-type", "SECURITY"], server.profile)
        assert answer.status == 0, answer.error
        return answer.out and answer.json

    assert account(*PUT, "--phone-number", "+49 30 1") == ""
    told = account("get-alternate-contact")["AlternateContact"]
    assert told == ALTERNATE_CONTACT | {"Name": "Ann", "Title": "CISO", "AlternateContactType": "SECURITY"}
    key = administrator(server)
    session = boto3.Session(key.access_key, key.secret_key, region_name="eu-central-1")
    client = session.client("account", endpoint_url=f"{server.endpoint}/as-of/p1")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_alternate_contact(AlternateContactType="SECURITY")
    account("delete-alternate-contact")


def test_an_account_in_no_organization(server: Server) -> None:
    """Is told so, by the command and by boto3's class; with a wrong secret that is told, in Organizations' form."""
    answer = run(["aws", "organizations", "describe-organization"], server.profile)
    assert answer.status != 0
    assert "(AWSOrganizationsNotInUseException)" in answer.error
    key = administrator(server)
    session = boto3.Session(key.access_key, key.secret_key, region_name="eu-central-1")
    client = session.client("organizations", endpoint_url=f"{server.endpoint}/as-of/p9")
    with pytest.raises(client.exceptions.AWSOrganizationsNotInUseException):
        client.list_accounts()
    impostor = boto3.Session(key.access_key, "x" * 40, region_name="eu-central-1")
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        impostor.client("organizations", endpoint_url=server.endpoint).list_roots()


def test_regions(server: Server) -> None:
    """EC2's answer as the command and boto3 read it, of now and of then, and its errors: of a wrong secret, and of an
    operation that is not there."""
    words = ["aws", "ec2", "describe-regions", "--filters", "Name=region-name,Values=eu-north-1,us-east-*"]
    answer = run([*words, "--query", "Regions[].RegionName"], server.profile)
    assert (answer.error, json.loads(answer.out)) == ("", ["eu-north-1", "us-east-1", "us-east-2"])
    key = administrator(server)
    for endpoint, secret, code in (
        (f"{server.endpoint}/as-of/p9", key.secret_key, "InvalidAction"),
        (server.endpoint, "x" * 40, "AuthFailure"),
    ):
        session = boto3.Session(key.access_key, secret, region_name="eu-central-1")
        client = session.client("ec2", endpoint_url=endpoint)
        with pytest.raises(ClientError) as refused:
            client.describe_vpcs()
        assert refused.value.response["Error"]["Code"] == code
        assert refused.value.response["ResponseMetadata"]["RequestId"]
        if code == "InvalidAction":
            assert len(client.describe_regions(AllRegions=True)["Regions"]) == 17
