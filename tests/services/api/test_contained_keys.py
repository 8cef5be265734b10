"""Keys that a containment finds although the lineage has not made them, or another account's id is in theirs."""

import json

from botocore.credentials import Credentials as Keys

from domain.foundation.identifiers import account_of_access_key_id
from services.accounts import NewAccount, open_account
from tests.services.api.in_process_server import InProcessServer
from tests.services.api.leaked_key import ANYTHING


def test_a_key_from_elsewhere(house: InProcessServer) -> None:
    """A key id that was brought along carries an account that is not its own, or none: its own is the one that has
    claimed it, and there it is looked for and contained."""
    opening = NewAccount(root_access_key_id="AKIAYAAAAAAAAAAAAAAB")
    key = open_account(house.ledger.committer, opening)
    root = Keys(key.access_key_id, opening.secret.reveal())
    assert account_of_access_key_id(root.access_key) != opening.account_id
    told = house.asks(f"/v1/lineage/{root.access_key}", keys=root)
    assert (told.status, told.body["account_id"]) == (200, opening.account_id)
    body = json.dumps({"credential": root.access_key, "include_self": True}).encode()
    (there,) = house.asks("/v1/contain", keys=root, method="POST", body=body).body["accounts"]
    assert (there["account_id"], there["deactivated"]) == (opening.account_id, [root.access_key])


def test_a_key_that_it_activated(house: InProcessServer) -> None:
    """Whose secret somebody may have had for long: it is alive as long as it is active, and contained with the rest."""
    dormant, leaked = house.user("dormant"), house.user("ann", ANYTHING)
    key = {"UserName": "dormant", "AccessKeyId": dormant.access_key}
    house.aws_does("iam", "UpdateAccessKey", Status="Inactive", **key)
    house.aws_does("iam", "UpdateAccessKey", keys=leaked, Status="Active", **key)
    (_, activated) = house.asks(f"/v1/trace/{leaked.access_key}/alive").body["alive"]
    assert (activated["kind"], activated["subject_id"]) == ("activation", dormant.access_key)
    body = json.dumps({"credential": leaked.access_key}).encode()
    told = house.asks("/v1/contain", method="POST", body=body)
    (there,) = told.body["accounts"]
    assert (there["contained"], set(there["deactivated"])) == (True, {leaked.access_key, dormant.access_key})
    assert (told.body["remaining"], told.body["standing"]) == ([], [])
    assert house.aws_does("sts", "GetCallerIdentity", keys=dormant)[0] == 403
    assert house.asks(f"/v1/trace/{leaked.access_key}/alive").body["alive"] == []
