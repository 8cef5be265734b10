"""The command `notify`, beside a server that runs."""

import json

from tests.services.cli.conftest import Desk


def test_from_adding_to_the_end(desk: Desk) -> None:
    """A target is added by a signed question, told to be failing, and removed; its secret is shown once and destroyed.
    A name that is taken and an event that there is not are refused. Each act stands in the ledger, without the
    secret."""
    added = desk.muniment("notify", "add", "pager", "--webhook", "https://10.0.0.1/hook", "--events", "User*")
    secret = json.loads(added.out)["SigningSecret"]
    assert secret.startswith("whsec_")
    again = desk.muniment("notify", "add", "pager", "--email", "ann@example.com")
    assert (again.status, "EntityAlreadyExists" in again.error) == (1, True)
    unknown = desk.muniment("notify", "add", "other", "--email", "ann@example.com", "--events", "Rotatoin*")
    assert "The nearest is Rotation" in unknown.error
    assert desk.muniment("notify", "add", "other", "--file", "/tmp/x").status == 2  # noqa: S108
    tested = desk.muniment("notify", "test", "pager")
    assert (tested.status, "10.0.0.1 is refused: expected an address of the internet" in tested.error) == (1, True)
    (listed,) = desk.rows("notify", "list")
    assert (listed["name"], listed["kind"], listed["waiting"], listed["dead"]) == ("pager", "webhook", 1, False)
    assert secret not in json.dumps(listed)
    shown = desk.muniment("notify", "list").out
    assert "failing since" in shown
    place = ("--local", "--data", str(desk.server.data))
    assert desk.muniment("verify", "--data", str(desk.server.data)).status == 0
    assert desk.muniment("notify", "remove", "pager").status == 0
    assert desk.muniment("verify", "--data", str(desk.server.data)).status == 0
    assert desk.rows("notify", "list") == []
    calls = desk.muniment("history", "--output", "json", "--operation", "AddNotificationTarget").out
    assert "pager" in calls
    assert secret not in calls
    assert desk.muniment("notify", "test", "pager", *place).status == 1


def test_the_operators_own(desk: Desk) -> None:
    """A file on the server's machine is told what happens in every account, and takes its test."""
    told = desk.server.data / "events.jsonl"
    place = ("--local", "--data", str(desk.server.data))
    added = desk.muniment("notify", "add", "log", *place, "--file", str(told), "--events", "*")
    assert added.status == 0, added.error
    desk.aws("iam", "create-user", "--user-name", "told-of")
    tested = desk.muniment("notify", "test", "log", *place)
    assert (tested.status, tested.error) == (0, "muniment: log has taken it.\n")
    lines = [json.loads(line)["data"]["sentence"] for line in told.read_text().splitlines()]
    assert any("told-of" in line for line in lines)
    # Ledgers have no order among each other.
    assert "This is a test of the operator's notification target log." in lines
    assert [each["name"] for each in desk.rows("notify", "list", *place)] == ["log"]
    assert desk.muniment("notify", "remove", "log", *place).status == 0
