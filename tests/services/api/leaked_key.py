"""A leaked key, and what came of it in two accounts."""

import json
from dataclasses import dataclass
from urllib.parse import quote

from botocore.credentials import Credentials as Keys

from domain.families.organization import FULL_AWS_ACCESS, RCP_FULL_AWS_ACCESS, Organization, OrganizationNode
from services.accounts import NewAccount, open_account
from services.organization import set_organization
from tests.services.api.in_process_server import InProcessServer, Reply
from tests.services.api.test_explaining import assumes

ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}})


@dataclass
class Story:
    """Ann's key has leaked: key -> session -> chained session in the other account -> user with key -> its session."""

    house: InProcessServer
    other: NewAccount
    theirs: Keys
    """The other account's administrator."""
    leaked: Keys
    first: Keys
    chained: Keys
    mallory: Keys
    last: Keys

    @property
    def credentials(self) -> tuple[Keys, ...]:
        return self.leaked, self.first, self.chained, self.mallory, self.last

    def contains(self, keys: Keys | None = None, credential: str | None = None, **parameters: object) -> Reply:
        body = {"credential": credential or self.leaked.access_key, **parameters}
        return self.house.asks("/v1/contain", keys=keys, method="POST", body=json.dumps(body).encode())

    def shows(self, keys: Keys | None = None, credential: str | None = None, query: str = "") -> Reply:
        path = quote(credential or self.leaked.access_key, safe="")
        return self.house.asks(f"/v1/lineage/{path}{query}", keys=keys)

    def honoured(self) -> list[bool]:
        """Of the credentials, in the order of their births."""
        return [self.house.aws_does("sts", "GetCallerIdentity", keys=keys)[0] == 200 for keys in self.credentials]

    def head(self, account_id: str) -> int:
        with self.house.ledger.readers.connection() as connection:
            row = connection.execute(
                "select position from ledger.heads where account_id = %s", (account_id,)
            ).fetchone()
        assert row is not None
        (position,) = row
        return int(position)

    def organized(self) -> None:
        """From here on the first account manages both."""
        self.beside()
        organize(self.house, self.other.account_id)

    def beside(self) -> None:
        """The next call is one of the operator's: the last request's event loop is gone."""
        self.house.ledger.committer.deliver_through(lambda answer: answer())


def organize(house: InProcessServer, other_id: str) -> None:
    """From here on the house's account manages both."""
    own = (FULL_AWS_ACCESS.policy.id,), (RCP_FULL_AWS_ACCESS.policy.id,)
    nodes = [OrganizationNode("root", "r-ab12", "root", *own)] + [
        OrganizationNode("account", account_id, account_id, *own, "r-ab12")
        for account_id in (house.account_id, other_id)
    ]
    policies = (FULL_AWS_ACCESS, RCP_FULL_AWS_ACCESS)
    organization = Organization("o-exampleorgid", house.account_id, tuple(nodes), policies)
    set_organization(house.ledger.committer, organization)


def leaked_key(house: InProcessServer) -> Story:
    """What happens before each of the tests."""
    other = NewAccount()
    key = open_account(house.ledger.committer, other)
    theirs = Keys(key.access_key_id, other.secret.reveal())
    may = json.dumps({"Version": "2012-10-17", "Statement": ANYTHING})
    for keys, name in ((house.admin, "builder"), (theirs, "deployer")):
        assert house.aws_does("iam", "CreateRole", keys=keys, RoleName=name, AssumeRolePolicyDocument=TRUST)[0] == 200
        put = {"RoleName": name, "PolicyName": "may", "PolicyDocument": may}
        assert house.aws_does("iam", "PutRolePolicy", keys=keys, **put)[0] == 200
    leaked = house.user("ann", ANYTHING)
    first, _ = assumes(house, leaked, f"arn:aws:iam::{house.account_id}:role/builder")
    deployer = f"arn:aws:iam::{other.account_id}:role/deployer"
    chained, _ = assumes(house, first, deployer)
    mallory = created(house, chained, "mallory")
    put = {"UserName": "mallory", "PolicyName": "may", "PolicyDocument": may}
    assert house.aws_does("iam", "PutUserPolicy", keys=chained, **put)[0] == 200
    last, _ = assumes(house, mallory, deployer)
    return Story(house, other, theirs, leaked, first, chained, mallory, last)


def created(house: InProcessServer, by: Keys, name: str) -> Keys:
    """A user of the caller's account, with a key."""
    assert house.aws_does("iam", "CreateUser", keys=by, UserName=name)[0] == 200
    status, answer = house.aws_does("iam", "CreateAccessKey", keys=by, UserName=name)
    assert status == 200
    return Keys(
        *(answer.partition(f"<{member}>")[2].partition("<")[0] for member in ("AccessKeyId", "SecretAccessKey"))
    )
