"""A leaked key, what it gave birth to in two accounts, and its containment: asked of a server with signed requests."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from botocore.credentials import Credentials as Keys

from domain.families.containment import CONTAINED_POLICY_NAME
from domain.foundation.errors import OperationNotPermittedException
from domain.foundation.identifiers import account_of_access_key_id
from services.api.contract.containment import Contain
from services.api.contract.lineage import ShowLineage
from services.api.handlers import containment
from services.cli.lib.lineage_tree import tree_lines
from services.cli.lib.local import LocalClient
from services.fair_queue import Turn
from services.ledger.database import Database, connect
from services.ledger.pending_call import LedgerUnavailable
from services.wire.time_travel import RequestPath
from tests.services.api.in_process_server import PEER, Reply, signed_form
from tests.services.api.leaked_key import ANYTHING, Story
from tests.services.api.test_explaining import assumes


def accounts(told: Reply) -> dict[str, dict[str, Any]]:
    assert told.status == 200, told.body
    return {account["account_id"]: account for account in told.body["accounts"]}


def test_the_whole_lineage_is_contained(story: Story) -> None:
    """In two accounts by one call: from the returned positions on none of the five credentials is honoured; the policy
    that was written is left, and told. Asked again nothing is done, and the positions are the same."""
    story.organized()
    assert story.honoured() == [True] * 5
    told = story.contains(reason="found in a public repository")
    here, there = story.house.account_id, story.other.account_id
    found = accounts(told)
    assert found.keys() == {here, there}
    assert all(account["contained"] and account["reason"] is None for account in found.values())
    assert found[here]["deactivated"] == [story.leaked.access_key]
    assert len(found[here]["revoked"]) == 1
    assert found[there]["deactivated"] == [story.mallory.access_key]
    assert (len(found[there]["denied"]), len(found[there]["revoked"])) == (1, 2)
    assert found[here]["position"] <= story.head(here)
    assert told.body["remaining"] == []
    assert [node["kind"] for node in told.body["standing"]] == ["inline_policy"]
    assert found[there]["names"][story.mallory.access_key] == "mallory"
    assert found[there]["names"][found[there]["denied"][0]] == "user/mallory"
    assert told.body["untouched"] == [
        f"arn:aws:iam::{here}:user/ann",
        f"arn:aws:iam::{here}:role/builder",
        f"arn:aws:iam::{there}:role/deployer",
    ]
    assert story.honoured() == [False] * 5
    again = accounts(story.contains())
    for account_id, account in again.items():
        assert account == found[account_id] | {"denied": [], "deactivated": [], "revoked": [], "names": {}}
    assert told.position is not None
    lines = story.house.asks(f"/v1/lineage/{story.leaked.access_key}?as_of=p{told.position}").body["nodes"]
    assert {line["state"] for line in lines if line["kind"] == "session"} == {"revoked"}


def test_what_was_dead_already_moves_no_position(story: Story) -> None:
    """When what was contained is deleted afterwards, nothing of it has been honoured since the containment."""
    story.organized()
    found = accounts(story.contains())
    ann = {"UserName": "ann", "AccessKeyId": story.leaked.access_key}
    mallory = {"UserName": "mallory"}
    for keys, operation, members in (
        (story.house.admin, "DeleteAccessKey", ann),
        (story.theirs, "DeleteAccessKey", {**mallory, "AccessKeyId": story.mallory.access_key}),
        (story.theirs, "DeleteUserPolicy", {**mallory, "PolicyName": "may"}),
        (story.theirs, "DeleteUserPolicy", {**mallory, "PolicyName": CONTAINED_POLICY_NAME}),
        (story.theirs, "DeleteUser", mallory),
    ):
        assert story.house.aws_does("iam", operation, keys=keys, **members)[0] == 200
    again = accounts(story.contains(dry_run=True))
    for account_id, account in again.items():
        assert (account["contained"], account["position"]) == (True, found[account_id]["position"])


def test_a_dry_run_changes_nothing(story: Story) -> None:
    """It tells what would be done, in the words of what is done then."""
    story.organized()
    planned = accounts(story.contains(dry_run=True))
    assert story.honoured() == [True] * 5
    assert not any(account["contained"] for account in planned.values())
    done = accounts(story.contains())
    for account_id, account in done.items():
        for what in ("denied", "deactivated", "revoked"):
            assert planned[account_id][what] == account[what]


def test_an_account_that_one_does_not_manage(story: Story) -> None:
    """Is named with the session that goes there, and is not contained; the other account sees what is its own. With an
    organization that the first account manages, but a policy that does not allow it there, neither."""
    there = story.other.account_id
    found = accounts(story.contains())
    assert (found[there]["contained"], found[there]["position"]) == (False, None)
    assert found[there]["reason"] == f"it is not in an organization managed by {story.house.account_id}"
    assert story.honoured() == [False, False, True, True, True]
    ((way),) = story.shows().body["unfollowed"]
    assert (way["account_id"], way["kind"]) == (there, "session")
    (denied,) = [story.shows(credential=story.mallory.access_key).error]
    assert denied[0] == "AccessDenied"
    seen = story.shows(story.theirs, "mallory").body
    assert [node["kind"] for node in seen["nodes"]] == ["user", "access_key", "session"]
    only_here = {"Effect": "Deny", "Action": "muniment:Contain", "Resource": f"arn:aws:muniment::{there}:*"}
    responder = story.house.user("responder", ANYTHING, only_here)
    story.organized()
    found = accounts(story.contains(responder))
    assert "with an explicit deny in an identity-based policy" in found[there]["reason"]
    assert story.honoured()[2:] == [True] * 3
    assert accounts(story.contains())[there]["contained"]


def test_the_caller_and_the_last_administrator_stay(story: Story) -> None:
    """Whoever calls with a descendant, or as the user itself, is refused, and so is the end of the only key that may
    set everything in order, also to the operator; unless it is said to be meant."""
    story.organized()
    for keys, credential in ((story.first, None), (story.leaked, "ann")):
        code, message = story.contains(keys, credential).error
        assert (code, "would cut off the caller" in message) == ("OperationNotPermittedException", True)
    assert story.honoured() == [True] * 5
    assert story.contains(credential="ann").status == 200
    story.beside()
    operator = LocalClient(story.house.ledger, story.house.account_id)
    with pytest.raises(OperationNotPermittedException, match="last administrator"):
        operator.ask(Contain(credential="admin"))
    assert story.house.aws_does("iam", "ListUsers")[0] == 200
    assert story.contains(credential="admin", include_self=True).status == 200
    assert story.house.aws_does("iam", "ListUsers")[0] == 403


def test_tables_that_lag_are_told(story: Story, database: Database) -> None:
    """Where another account's tables have halted, what they knew is contained, and it is not said that this is all."""
    story.organized()
    there = story.other.account_id
    halt = (
        "update views.cursors set halted_at = now(), halted_reason = 'x'"
        " where projection = 'lineage' and account_id = %s"
    )
    accounts(story.contains(dry_run=True))
    with connect(database, "projector") as projector:
        projector.execute(halt, (there,))
    assumes(story.house, story.mallory, f"arn:aws:iam::{there}:role/deployer")
    found = accounts(story.contains())
    assert found[story.house.account_id]["contained"]
    assert (found[there]["contained"], len(found[there]["revoked"])) == (False, 2)
    assert found[there]["reason"] == "its tables lag behind its ledger: ask again, and see /health/ready"
    assert story.honoured() == [False] * 5
    story.house.ledger.runner.resume("lineage", there)
    assert len(accounts(story.contains())[there]["revoked"]) == 1


def test_it_needs_permission(story: Story) -> None:
    """Nothing is found out for whoever may not contain."""
    assert story.contains(story.house.user("bob")).error[0] == "AccessDenied"
    assert story.shows(story.house.user("eve")).error[0] == "AccessDenied"
    for credential, code in (
        ("nobody", "NoSuchEntity"),
        ("arn:aws:iam::000000000000:user/ann", "NoSuchEntity"),
        ("arn:aws:iam::999999999999:user/ann", "AccessDenied"),
    ):
        assert story.contains(credential=credential).error[0] == code
        assert story.shows(credential=credential).error[0] == code
    assert story.honoured() == [True] * 5


def test_the_operator_sees_and_contains_everywhere(story: Story) -> None:
    """Without any organization or policy. The tree is drawn, children below their parents."""
    story.beside()
    operator = LocalClient(story.house.ledger, story.house.account_id)
    tree = operator.ask(ShowLineage(credential=story.leaked.access_key))
    assert account_of_access_key_id(story.leaked.access_key) == tree.account_id
    shapes = [
        line.split(" ", 1)[0] if "─" not in line else line.partition("─ ")[2].split(" ")[0]
        for line, _colour in tree_lines(tree)
    ]
    assert shapes == [
        "access", "session", "session", "user", "access", "session", "inline",
    ]  # fmt: skip
    told = operator.ask(Contain(credential=story.leaked.access_key))
    assert all(account.contained for account in told.accounts)
    assert sorted(key for account in told.accounts for key in account.deactivated) == sorted(
        [story.leaked.access_key, story.mallory.access_key]
    )
    assert story.honoured() == [False] * 5


def test_nothing_is_born_meanwhile(story: Story) -> None:
    """Between the event and the end of the last credential nothing of the lineage is honoured: while it is still being
    found out what there is, and where that cannot be found out at all."""
    story.organized()
    house = story.house

    class Late(type(house.facts)):  # type: ignore[misc]  # the house's own kind
        async def find(self, _turn: Turn, _wanted: Any) -> Any:
            members = {"RoleArn": f"arn:aws:iam::{house.account_id}:role/builder", "RoleSessionName": "late"}
            request = signed_form("sts", "AssumeRole", story.leaked, **members)
            answer = await house.gate(plain).answer(request, RequestPath.split(request.raw_path), PEER, house.aws)
            late.append(answer.status)
            raise LedgerUnavailable("The tables lag.")

    plain, late = house.facts, list[int]()
    house.facts = Late(house.ledger.writers.connection, *house.resolvers)
    told = story.contains()
    assert (late, story.honoured()) == ([403], [False] * 5)
    found = accounts(told)
    assert [(each["contained"], each["deactivated"], each["revoked"]) for each in found.values()] == [
        (True, [], []),
        (True, [], []),
    ]
    house.facts = plain
    again = accounts(story.contains())
    assert {each: there["position"] for each, there in again.items()} == {
        each: there["position"] for each, there in found.items()
    }
    assert again[house.account_id]["deactivated"] == [story.leaked.access_key]


def test_who_is_spared_and_what_is_released(story: Story) -> None:
    """Mallory's user and key are let be, with what they have made; then they are not. What was contained is honoured
    again, but for what was ended by itself."""
    story.organized()
    assert story.contains(spare=["nobody"]).status == 404
    mallory = f"arn:aws:iam::{story.other.account_id}:user/mallory"
    told = story.contains(spare=[mallory, story.mallory.access_key])
    assert story.honoured() == [False, False, False, True, True]
    assert (told.body["remaining"], {node["name"] for node in told.body["left"]}) == ([], {"mallory", "deployer"})
    told = story.contains()
    assert story.honoured() == [False] * 5
    assert "Release it first" in story.contains(spare=[mallory]).error[1]
    (lineage,) = story.house.asks("/v1/contained-lineages").body["lineages"]
    assert (lineage["seed"], lineage["name"], lineage["position"]) == (
        story.leaked.access_key,
        "user/ann",
        accounts(told)[story.house.account_id]["position"],
    )
    body = json.dumps({"credential": story.leaked.access_key}).encode()
    released = story.house.asks("/v1/contained-lineages/release", method="POST", body=body)
    assert [each["reason"] for each in released.body["accounts"]] == [None, None]
    assert story.house.asks("/v1/contained-lineages").body["lineages"] == []
    assert story.house.asks("/v1/contained-lineages/release", method="POST", body=body).status == 404
    activated = {"UserName": "ann", "AccessKeyId": story.leaked.access_key, "Status": "Active"}
    assert story.house.aws_does("iam", "UpdateAccessKey", **activated)[0] == 200
    assert story.honoured() == [True, False, False, False, False]


def test_what_is_beyond_the_bound_is_contained(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the lineage has more members than are looked at."""
    story.organized()
    monkeypatch.setattr(containment, "NODES_MAX", 2)
    told = story.contains()
    assert told.body["stopped_after_nodes"] == 2
    assert {account["contained"] for account in accounts(told).values()} == {True}
    assert story.honoured() == [False] * 5


def test_a_containment_is_among_what_changed(story: Story) -> None:
    """It is told in words, with what it did; and what spans over it is answered as ever."""
    assert story.contains().status == 200
    changes = story.house.asks("/v1/changes?since=p1&limit=1000").body["changes"]
    assert changes[-1]["event"] == (
        f"Credential {story.leaked.access_key} was contained with all its descendants: 0 users and roles were "
        "denied everything, 1 access keys deactivated, 1 sessions revoked."
    )
    for target in ("/v1/diff?", "/v1/could-assume/builder?", "/v1/who-could?action=iam%3AGetUser&on=%2A&"):
        assert story.house.asks(f"{target}since=p1").status == 200


def test_other_credentials_are_cut_off(story: Story) -> None:
    """What the leaked key has made for somebody else to sign in to a service with is inactive, and a command takes it
    away; with the user, what the user has. What somebody else has made for somebody else stays."""
    house = story.house
    house.user("bob")

    def made(keys: Keys | None, user_name: str, service: str) -> str:
        members = {"UserName": user_name, "ServiceName": service}
        status, answer = house.aws_does("iam", "CreateServiceSpecificCredential", keys=keys, **members)
        assert status == 200, answer
        return answer.partition("<ServiceSpecificCredentialId>")[2].partition("<")[0]

    theirs, own = made(story.leaked, "bob", "bedrock.amazonaws.com"), made(None, "ann", "cassandra.amazonaws.com")
    spared = made(None, "bob", "cassandra.amazonaws.com")
    told = accounts(story.contains())[house.account_id]
    assert (told["contained"], told["deactivated"]) == (True, [story.leaked.access_key, theirs])
    credential = quote(story.leaked.access_key)
    plan = house.asks(f"/v1/trace/{credential}").body["containment"]["accounts"]
    (commands,) = (each["commands"] for each in plan if each["account_id"] == house.account_id)
    removal = f"delete-service-specific-credential --user-name bob --service-specific-credential-id {theirs}"
    assert [removal in command for command in commands].count(True) == 1
    told = accounts(story.contains(credential="ann"))[house.account_id]
    assert told["deactivated"] == [own]
    status, listed = house.aws_does("iam", "ListServiceSpecificCredentials", AllUsers="true")
    assert status == 200
    assert listed.count("<Status>Active<") == 1
    assert spared in listed


def test_a_credential_that_was_taken_over(story: Story) -> None:
    """Whoever resets a credential of a service has its password: it stands in the lineage, is cut off with it, and is
    reset again by a command. One that is activated again after its user was contained is told, and cut off again."""
    house = story.house
    house.user("bob")

    def does(operation: str, keys: Keys | None = None, **members: str) -> str:
        status, answer = house.aws_does("iam", f"{operation}ServiceSpecificCredential", keys=keys, **members)
        assert status == 200, answer
        return answer.partition("<ServiceSpecificCredentialId>")[2].partition("<")[0]

    def alive(credential: str) -> list[str]:
        found = house.asks(f"/v1/trace/{quote(credential)}/alive").body["alive"]
        return [node["kind"] for node in found if node["account_id"] == house.account_id]

    theirs = does("Create", UserName="bob", ServiceName="cassandra.amazonaws.com")
    does("Reset", story.leaked, UserName="bob", ServiceSpecificCredentialId=theirs)
    assert "service_specific_credential_reset" in alive(story.leaked.access_key)
    assert alive("bob") == ["user", "access_key", "service_specific_credential_reset"]
    told = story.contains()
    assert accounts(told)[house.account_id]["deactivated"] == [story.leaked.access_key, theirs]
    assert "service_specific_credential_reset" not in alive(story.leaked.access_key)
    plan = house.asks(f"/v1/trace/{quote(story.leaked.access_key)}").body["containment"]["accounts"]
    (commands,) = (each["commands"] for each in plan if each["account_id"] == house.account_id)
    again = f"reset-service-specific-credential --user-name bob --service-specific-credential-id {theirs}"
    assert [again in command for command in commands].count(True) == 1
    assert accounts(story.contains(credential="bob"))[house.account_id]["contained"] is True
    assert alive("bob") == []
    does("Update", UserName="bob", ServiceSpecificCredentialId=theirs, Status="Active")
    assert alive("bob") == ["service_specific_credential_reset", "credential_activation"]
    there = accounts(story.contains(credential="bob"))[house.account_id]
    assert (there["contained"], there["deactivated"]) == (True, [theirs])
    assert alive("bob") == []
