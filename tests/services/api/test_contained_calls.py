"""What an intruder did with a contained credential is no example for anybody's policy."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from botocore.credentials import Credentials as Keys

from domain.families.containment import CredentialContained
from domain.foundation.errors import NoSuchEntity
from domain.foundation.events import Entry, topics_of
from domain.queries.what_if import CallToReplay
from services.accounts import NewAccount, open_account
from services.api.handlers import contained_calls
from services.api.handlers.contained_calls import TracedContainment
from tests.domain.accounts import ACCOUNT, AT, CAUSE
from tests.services.api.in_process_server import InProcessServer, signed_form
from tests.services.api.leaked_key import ANYTHING, TRUST, created, organize
from tests.services.api.test_explaining import assumes


def calls(house: InProcessServer, keys: Keys, *actions: str) -> None:
    for action in actions:
        house.answer(signed_form("iam", action, keys), house.aws)


def key_of(house: InProcessServer, name: str) -> Keys:
    """One more."""
    _, answer = house.aws_does("iam", "CreateAccessKey", UserName=name)
    return Keys(
        *(answer.partition(f"<{member}>")[2].partition("<")[0] for member in ("AccessKeyId", "SecretAccessKey"))
    )


def contains(house: InProcessServer, credential: str) -> None:
    answer = house.asks("/v1/contain", method="POST", body=json.dumps({"credential": credential}).encode())
    assert answer.status == 200, answer.body
    assert answer.body["remaining"] == []


def least(house: InProcessServer, principal: str, keys: Keys | None = None, **parameters: str) -> dict[str, Any]:
    query = "&".join(f"{name}={value}" for name, value in {"since": "p1", **parameters}.items())
    answer = house.asks(f"/v1/least-privilege/{quote(principal, safe='')}?{query}", keys=keys)
    assert answer.status == 200, answer.body
    return answer.body


def used(answer: dict[str, Any]) -> list[str]:
    return [each["action"].removeprefix("iam:") for each in answer["used"]]


def left_out(answer: dict[str, Any]) -> list[tuple[str, int]]:
    assert all(each["unknown"] is None for each in answer["contained"])
    return [(each["credential"], each["calls"]) for each in answer["contained"]]


def role(house: InProcessServer, name: str, keys: Keys | None = None) -> None:
    may = json.dumps({"Version": "2012-10-17", "Statement": ANYTHING})
    assert house.aws_does("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=TRUST, keys=keys)[0] == 200
    assert (
        house.aws_does("iam", "PutRolePolicy", RoleName=name, PolicyName="may", PolicyDocument=may, keys=keys)[0] == 200
    )


def test_what_a_contained_lineage_did_is_left_out(house: InProcessServer) -> None:
    """Of the user whose key it was and of the role that it was used to take on, but not what their owners did with
    other credentials; it is told how many calls of which containment, and they are there when asked for. The rest is
    confirmed, and what-if can leave out the same."""
    ann, leaked = house.user("ann", ANYTHING), key_of(house, "ann")
    role(house, "builder")
    builder = f"arn:aws:iam::{house.account_id}:role/builder"
    own, _ = assumes(house, ann, builder)
    theirs, _ = assumes(house, leaked, builder)
    calls(house, ann, "ListUsers")
    calls(house, leaked, "ListRoles", "ListRoles", "NoSuchOperation")
    calls(house, own, "ListUsers")
    calls(house, theirs, "ListGroups")
    before = least(house, "ann")
    assert (used(before), before["contained"]) == (["ListRoles", "ListUsers", "sts:AssumeRole"], [])
    contains(house, leaked.access_key)
    of_ann, of_builder = least(house, "ann"), least(house, "builder")
    assert used(of_ann) == ["ListUsers", "sts:AssumeRole"]
    assert used(of_builder) == ["ListUsers"]
    assert left_out(of_ann) == [(leaked.access_key, 3)]
    assert left_out(of_builder) == [(leaked.access_key, 1)]
    for found in (of_ann, of_builder):
        assert found["confirmed"] == found["allowed"]
        (containment,) = found["contained"]
        assert containment["by"].endswith(":user/admin")
    whole = least(house, "ann", include_contained="true")
    assert used(whole) == used(before)
    assert (left_out(whole), whole["allowed"], whole["confirmed"]) == ([(leaked.access_key, 3)], 5, 5)
    supposing = {"since": "p1", "policy": of_ann["covering"]["document"], "in_place_of_all_of": "ann"}
    refused = {}
    for included in (True, False):
        body = json.dumps({**supposing, "include_contained": included}).encode()
        answer = house.asks("/v1/what-if", method="POST", body=body).body
        refused[included] = answer["now_refused"]
        assert left_out(answer) == [(leaked.access_key, 5)]
    assert refused == {True: 2, False: 0}


def test_who_was_contained_whole_begins_anew(house: InProcessServer) -> None:
    """Every call up to the containment is left out, with keys of before; one with a key of after counts."""
    ann = house.user("ann", ANYTHING)
    calls(house, ann, "ListRoles")
    contains(house, "ann")
    fresh = key_of(house, "ann")
    house.aws_does("iam", "DeleteUserPolicy", UserName="ann", PolicyName="MunimentContained")
    body = json.dumps({"credential": "ann"}).encode()
    assert house.asks("/v1/contained-lineages/release", method="POST", body=body).status == 200
    calls(house, fresh, "ListUsers")
    found = least(house, "ann")
    assert (used(found), left_out(found)) == (["ListUsers"], [("ann", 1)])


def test_a_key_that_was_activated_is_of_the_lineage_from_then_on(house: InProcessServer) -> None:
    """What its owner did before is the owner's."""
    leaked, bob = house.user("ann", ANYTHING), house.user("bob", ANYTHING)
    calls(house, bob, "ListUsers")
    switched = {"UserName": "bob", "AccessKeyId": bob.access_key}
    assert house.aws_does("iam", "UpdateAccessKey", **switched, Status="Inactive")[0] == 200
    assert house.aws_does("iam", "UpdateAccessKey", keys=leaked, **switched, Status="Active")[0] == 200
    calls(house, bob, "ListRoles")
    contains(house, leaked.access_key)
    found = least(house, "bob")
    assert (used(found), left_out(found)) == (["ListUsers"], [(leaked.access_key, 1)])


def test_a_lineage_of_another_account(house: InProcessServer) -> None:
    """The key is of one account, and what was done with its session in the other is left out there."""
    other = NewAccount()
    key = open_account(house.ledger.committer, other)
    theirs = Keys(key.access_key_id, other.secret.reveal())
    role(house, "deployer", theirs)
    leaked = house.user("ann", ANYTHING)
    session, _ = assumes(house, leaked, f"arn:aws:iam::{other.account_id}:role/deployer")
    created(house, session, "mallory")
    house.ledger.committer.deliver_through(lambda answer: answer())
    organize(house, other.account_id)
    contains(house, leaked.access_key)
    found = least(house, "deployer", theirs)
    assert (used(found), left_out(found)) == ([], [(leaked.access_key, 2)])
    assert used(least(house, "deployer", theirs, include_contained="true")) == ["CreateAccessKey", "CreateUser"]


def test_what_is_not_known_of_a_containment_is_said(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are more than are followed, and where a lineage cannot be found again."""
    for name in ("ann", "bob"):
        keys = house.user(name, ANYTHING)
        calls(house, keys, "ListUsers")
        contains(house, keys.access_key)
    monkeypatch.setattr(contained_calls, "CONTAINMENTS_MAX", 1)
    first, second = least(house, "bob")["contained"] + least(house, "ann")["contained"][:1]
    assert first["unknown"] == "this containment and later ones were not examined, after 1 others"
    assert (second["calls"], second["unknown"]) == (1, None)

    def untraceable(*_arguments: object, **_named: object) -> None:
        raise NoSuchEntity("It is gone.")

    monkeypatch.setattr(contained_calls, "trace_lineage", untraceable)
    (lost, _) = least(house, "ann")["contained"]
    assert (lost["calls"], lost["unknown"]) == (0, "it cannot be traced: It is gone.")


@pytest.mark.parametrize(("after_seconds", "made"), [(None, True), (-1, True), (0, True), (1, False)])
def test_calls_may_begin_to_be_an_intruder_s(after_seconds: int | None, made: bool) -> None:  # noqa: FBT001
    """Where it is known since when a credential was in other hands, calls before are its owner's."""
    contained = Entry(ACCOUNT, 9, "e", AT, CAUSE, CredentialContained(seed="k", denied=(), deactivated=(), revoked=()))
    since = None if after_seconds is None else AT + timedelta(seconds=after_seconds)
    lineage = TracedContainment(contained, credentials={"AKIAEXAMPLE": 1}, since=since)
    cause = CAUSE.model_copy(update={"access_key_id": "AKIAEXAMPLE"})
    assert lineage.made(CallToReplay(5, AT, cause, ())) is made
    assert not lineage.made(CallToReplay(5, AT, CAUSE, ()))
    assert not lineage.made(CallToReplay(1, AT, cause, ()))
    assert not lineage.made(CallToReplay(10, AT, cause, ()))


def test_from_a_moment_on(house: InProcessServer) -> None:
    """A containment that says since when the key was in other hands leaves its owner's calls before that in; and the
    moment can be given without any containment, of which the span ends there."""
    ann = house.user("ann", ANYTHING)
    calls(house, ann, "ListUsers")
    since = datetime.now(UTC).isoformat()
    calls(house, ann, "ListRoles")
    assert used(least(house, "ann", compromised_since=quote(since))) == ["ListUsers"]
    house.asks(
        "/v1/contain",
        method="POST",
        body=json.dumps({"credential": ann.access_key, "compromised_since": since}).encode(),
    )
    answer = least(house, "ann")
    assert (used(answer), left_out(answer)) == (["ListUsers"], [(ann.access_key, 1)])


def test_containments_that_an_earlier_version_recorded() -> None:
    """Are looked for under their topic of then, too."""
    assert set(topics_of(CredentialContained.topic)) == {
        f"account.credential.contained.{each}" for each in ("v1", "v2")
    }
