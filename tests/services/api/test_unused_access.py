"""Unused permissions, as the tables know uses."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from domain.account import Account
from domain.families.unused_permissions import UnusedPermissionsFacts, UnusedPermissionsQuery, UnusedServicePermissions
from domain.families.users import USERS
from tests.services.api.in_process_server import InProcessServer


def test_the_tables_say_what_was_used(house: InProcessServer) -> None:
    """Of a use the action stands out among those that were not used since; of a time with none, the service alone, with
    its last use. Before the user was there nothing was allowed."""
    ann = house.user("ann")
    allowed = {"Effect": "Allow", "Action": ["iam:GetUser", "iam:ListUsers", "s3:GetObject"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    given = {"UserName": "ann", "PolicyName": "reading", "PolicyDocument": policy}
    assert house.aws_does("iam", "PutUserPolicy", **given)[0] == 200
    before = datetime.now(UTC)
    assert house.aws_does("iam", "ListUsers", keys=ann)[0] == 200
    after = datetime.now(UTC)
    with house.ledger.readers.connection() as connection, connection.cursor() as cursor:
        account = house.ledger.past.at(cursor, house.account_id, 1_000)
    assert isinstance(account, Account)
    user = account[USERS].named("ann")

    def unused(since: datetime) -> Mapping[str, tuple[UnusedServicePermissions, ...]]:
        query = UnusedPermissionsQuery(house.account_id, since + timedelta(days=30), 30, (user.id,))
        facts = house.reports.facts(query)
        assert isinstance(facts, UnusedPermissionsFacts)
        return facts.services

    (service,) = unused(before)[user.id]
    assert (service.namespace, [name for name, _ in service.actions]) == ("iam", ["GetUser"])
    (service,) = unused(after)[user.id]
    assert (service.namespace, service.actions) == ("iam", ())
    assert service.last is not None
    assert before <= service.last <= after
    assert unused(user.created_at - timedelta(days=1)) == {}
