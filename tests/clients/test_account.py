"""`aws account` and boto3's, unmodified."""

from typing import Any

import boto3
import pytest

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
