"""Contacts that a leaked key has changed."""

import json

from botocore.credentials import Credentials as Keys

from domain.read_models.lineage import LineageNode
from services.accounts import NewAccount, open_account
from services.cli.lib.trace_phrases import node_label
from tests.services.api.in_process_server import InProcessServer, Reply, signed
from tests.services.api.incident import Incident
from tests.services.api.leaked_key import organize
from tests.services.contacts import ALTERNATE_CONTACT, CONTACT_INFORMATION
from tests.services.endpoint import PROTOCOLS

MEMBER = "210987654321"
EVIL = ALTERNATE_CONTACT | {"EmailAddress": "mallory@example.com"}


def asks(house: InProcessServer, operation: str, keys: Keys | None = None, **members: object) -> Reply:
    body = json.dumps(members).encode()
    path = operation[:1].lower() + operation[1:]
    answer = house.answer(signed("POST", f"/{path}", keys or house.admin, body, "account"), PROTOCOLS["account"])
    return Reply(answer.status, json.loads(answer.body), answer.position)


def puts(house: InProcessServer, kind: str, contact: dict[str, str], keys: Keys | None = None, **more: str) -> None:
    assert asks(house, "PutAlternateContact", keys, AlternateContactType=kind, **contact, **more).status == 200


def test_contacts_that_a_thief_changed_are_told_and_put_back(incident: Incident) -> None:
    """Those of the account and those of a member that it manages: what there was before, or nothing."""
    house = incident.house
    house.ledger.committer.deliver_through(lambda answer: answer())  # Nobody's event loop runs here.
    open_account(house.ledger.committer, NewAccount(MEMBER, "aws"))
    organize(house, MEMBER)
    puts(house, "SECURITY", ALTERNATE_CONTACT)
    puts(house, "OPERATIONS", ALTERNATE_CONTACT)
    puts(house, "SECURITY", ALTERNATE_CONTACT, AccountId=MEMBER)
    puts(house, "SECURITY", EVIL, incident.eve)
    puts(house, "BILLING", EVIL, incident.eve)
    puts(house, "SECURITY", EVIL, incident.eve, AccountId=MEMBER)
    asks(house, "DeleteAlternateContact", incident.eve, AlternateContactType="OPERATIONS")
    assert asks(house, "PutContactInformation", incident.eve, ContactInformation=CONTACT_INFORMATION).status == 200
    nodes = house.asks(f"/v1/lineage/{incident.eve.access_key}").body["nodes"]
    labels = {node_label(LineageNode.model_validate(node)) for node in nodes}
    assert {f"SECURITY contact of {MEMBER}", f"contact information of {house.account_id}"} <= labels
    restored = incident.contains(restore=True).body["restored"]
    assert {(each["account_id"], each["what"], each["refused"]) for each in restored} == {
        (house.account_id, "SECURITY contact of the account", None),
        (house.account_id, "BILLING contact of the account", None),
        (house.account_id, "OPERATIONS contact of the account", None),
        (house.account_id, "contact information of the account", None),
        (MEMBER, "SECURITY contact of the account", None),
    }
    for more in ({}, {"AccountId": MEMBER}):
        told = asks(house, "GetAlternateContact", AlternateContactType="SECURITY", **more).body
        assert told["AlternateContact"]["EmailAddress"] == "ann@example.com"
    assert asks(house, "GetAlternateContact", AlternateContactType="OPERATIONS").status == 200
    assert asks(house, "GetAlternateContact", AlternateContactType="BILLING").status == 404
    assert asks(house, "GetContactInformation").status == 404
