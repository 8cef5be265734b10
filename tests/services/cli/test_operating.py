"""`rebuild` and `verify` as processes: beside a server, without one, and where one does not start."""

import getpass
import json
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import ANY
from urllib.request import urlopen

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from projections.engine.definition import PROJECTION_NAMES
from projections.engine.rebuild import open_rebuild
from services.cli.commands.verify import BLIND_SPOT, UNTRIED
from services.cli.entry_point import EXIT_INTERRUPTED, EXIT_USAGE, main
from services.ledger.database import DatabaseRole, connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from tests.clients.server import Answer, Server, run, running_server, serving
from tests.places import place_for_data
from tests.services.cli.conftest import Desk

LOOKUPS = 8
"""psycopg prepares what is sent for the sixth time."""


@pytest.fixture(scope="module")
def own() -> Iterator[Desk]:
    """A server of this file's own, whose tables it may spoil."""
    with running_server() as server:
        yield Desk(server)


def muniment(data: Path, *words: str) -> Answer:
    return run(["muniment", *words, "--data", str(data)], {})


def test_verdicts_are_told_while_a_server_upgrades(
    own: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tables cannot be compared then, and which those are is said; what is known of the ledgers is told, as a table
    and as JSON."""
    monkeypatch.setattr("services.cli.lib.rebuild_output.WAIT_SECONDS_MAX", 0.0)
    words = ["verify", "--data", str(own.server.data)]
    with open_rebuild(lambda: opened(own.server.data, "projector")):
        assert main(words) == 1
        told = capsys.readouterr()
        assert "000000000000" in told.out
        tables = ", ".join(PROJECTION_NAMES)
        assert told.err.splitlines()[-1] == (
            f"muniment: The ledgers are intact. The tables of {tables} were not compared with them: Somebody else is "
            "rebuilding, or verifying, or a server is upgrading the tables."
        )
        assert main([*words, "--output", "json"]) == 1
        verdicts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert {verdict["finding"] for verdict in verdicts} == {None}


def opened(data: Path, role: DatabaseRole) -> psycopg.Connection:
    return connect(EmbeddedPostgres(resolve_directory(data / "postgres")), role)


def lines(answer: Answer) -> list[dict[str, object]]:
    return [json.loads(line) for line in answer.out.splitlines()]


def acts(data: Path) -> list[tuple[str, dict[str, object], bool]]:
    """What the installation's ledger holds of this operator."""
    with opened(data, "reader") as reader:
        rows = reader.execute(
            "select convert_from(state, 'UTF8')::jsonb from ledger.uses"
            " where account_id = '000000000000' and topic = 'api.called.v1' order by position"
        ).fetchall()
    return [
        (entry["cause"]["operation"], entry["event"]["parameters"], entry["event"]["read_only"])
        for (entry,) in rows
        if entry["cause"]["operator"]["user"] == getpass.getuser() and entry["cause"]["origin"] == "operator"
    ]


def test_beside_a_server(own: Desk) -> None:
    """All is equal and all is whole; a swap under the running server disturbs nobody; each act stands in the
    installation's ledger."""
    data = own.server.data
    before = len(acts(data))
    for _ in range(LOOKUPS):
        own.rows("history", "--limit", "1")
    rebuilt = muniment(data, "rebuild")
    assert (rebuilt.status, rebuilt.error) == (0, "")
    title, *tables = [line.split() for line in rebuilt.out.splitlines()]
    assert title == ["PROJECTION", "TABLE", "ROWS", "NEW", "ROWS", "RESULT"]
    assert ["trail", "trail", "equal"] in [[cells[0], cells[1], cells[-1]] for cells in tables]
    assert {cells[-1] for cells in tables} == {"equal"}
    swapped = muniment(data, "rebuild", "--swap", "--output", "json")
    assert (swapped.status, [line["equal"] for line in lines(swapped)]) == (0, [True])
    assert "The new tables have taken the place of the live ones and go on from there." in swapped.error
    for number in range(LOOKUPS):
        own.aws("iam", "create-user", "--user-name", f"after{number}")
        assert own.rows("history", "--operation", "CreateUser")[-1]["parameters"] == {"user_name": f"after{number}"}
    assert own.server.log.read_text() == ""
    verified = muniment(data, "verify")
    assert (verified.status, verified.error) == (0, f"muniment: {BLIND_SPOT}\nmuniment: {UNTRIED}\n")
    account_id = str(own.aws("sts", "get-caller-identity")["Account"])
    assert verified.out.startswith("LEDGERS\nLEDGER ")
    assert "\n\nPROJECTIONS, BESIDE NEW ONES BUILT FROM THE LEDGERS\nPROJECTION " in verified.out
    ledgers = [line.split() for line in verified.out.splitlines()][2:4]
    assert [(ledger, result) for ledger, _, result in ledgers] == [("000000000000", "ok"), (account_id, "ok")]
    one = lines(muniment(data, "verify", "--account-id", account_id, "--output", "json"))
    assert [(line["account_id"], line["finding"]) for line in one[:2]] == [("000000000000", None), (account_id, None)]
    assert one[2]["equal"] is True
    assert acts(data)[before:] == [
        ("RebuildProjections", {"projections": [], "swap": False}, True),
        ("RebuildProjections", {"projections": [], "swap": True}, False),
        ("VerifyLedgers", {"checkpoints": ANY}, True),
        ("VerifyLedgers", {"account_id": account_id, "checkpoints": ANY}, True),
    ]
    (_, parameters, _) = acts(data)[-1]
    assert parameters["checkpoints"] == {line["account_id"]: [line["positions"], line["sha256"]] for line in one[:2]}


def test_a_table_that_was_altered(own: Desk) -> None:
    """Both commands show the row and the two values, and fail, until the new tables have taken the place."""
    data = own.server.data
    own.aws("iam", "create-user", "--user-name", "victim")
    own.rows("credentials")
    with opened(data, "projector") as projector:
        assert projector.execute("update views.key_owners set user_name = 'x' where user_name = 'victim'").rowcount == 1
    said = 'user_name is "x" in the live table and "victim" in the new one'
    for command, ends in (
        ("rebuild", "Use --swap to replace them with the new ones."),
        ("verify", "see `muniment rebuild`."),
    ):
        altered = muniment(data, command)
        assert (altered.status, said in altered.error) == (1, True)
        assert "credentials, first difference in key_owners: in the row of account_id" in altered.error
        assert altered.error.rstrip().endswith(ends)
    swapped = muniment(data, "rebuild", "credentials", "--swap")
    assert (swapped.status, said in swapped.error) == (0, True)
    assert "which differed or could not be compared" in swapped.error
    assert muniment(data, "verify").status == 0


def test_a_ledger_that_was_set_back(tmp_path: Path) -> None:
    """Both commands end, and say how far the tables had read and where the ledger ends; with the tables set back too,
    the verification before tells, and what was kept of it elsewhere."""
    with running_server() as server:
        data, kept = server.data, tmp_path / "kept.jsonl"
        account_id = str(Desk(server).aws("sts", "get-caller-identity")["Account"])
        Desk(server).rows("history", "--limit", "1")  # Waits until the tables have come to this very call.
        kept.write_text(muniment(data, "verify", "--output", "json").out)
        assert muniment(data, "verify", "--earlier", str(kept)).status == 0
        with opened(data, "owner") as owner:
            position = set_back(owner, account_id)
        end = f"read up to position {position}, and the ledger ends at {position - 1}"
        for words in (["rebuild"], ["rebuild", "--swap"], ["verify"]):
            told = muniment(data, *words)
            assert (told.status, f"trail of {account_id}: the live tables have {end}" in told.error) == (1, True)
        with opened(data, "projector") as projector:
            projector.execute(
                "update views.cursors set position = %s where account_id = %s", (position - 1, account_id)
            )
        assert muniment(data, "rebuild", "--swap").status == 0
        for words in (["verify"], ["verify", "--earlier", str(kept)]):
            told = muniment(data, *words)
            assert (told.status, "must not be relied on" in told.error) == (1, True)
            assert f"position {position}: expected an event, for the verification at" in told.out
            assert "The database: expected no row of ledger.uses" in told.error


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "it has no verdict of a ledger that was found whole"),
        ('{"account_id": "1", "finding": null}', "line 1 is none of"),
        ("LEDGER  POSITIONS", "line 1 is none of"),
        (" " * 101, "it is longer than 100 bytes"),
    ],
)
def test_an_earlier_verification_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str, why: str
) -> None:
    """It is refused before anything is looked at, and never taken for one that found nothing."""
    monkeypatch.setattr("services.cli.lib.earlier_verification.EARLIER_BYTES_MAX", 100)
    kept = tmp_path / "kept.jsonl"
    kept.write_text(content)
    assert main(["verify", "--data", str(tmp_path), "--earlier", str(kept)]) == EXIT_USAGE
    assert f"Cannot use {kept}: {why}" in capsys.readouterr().err
    assert main(["verify", "--data", str(tmp_path), "--earlier", str(tmp_path / "none")]) == EXIT_USAGE


def test_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that was broken off says so, and ends with a code of neither finding nor all-clear."""

    def interrupt(_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("services.cli.commands.verify.operator_database", interrupt)
    assert main(["verify", "--data", str(tmp_path)]) == EXIT_INTERRUPTED
    assert capsys.readouterr().err == "muniment: Interrupted.\n"


def set_back(owner: psycopg.Connection, account_id: str) -> int:
    """Removes the last use, as the owner can, and sets the head back. Gives the position."""
    found = owner.execute("select position from ledger.heads where account_id = %s", (account_id,)).fetchone()
    assert found is not None
    for table, trigger in (("uses", "append_only"), ("heads", "never_back")):
        owner.execute(SQL("alter table ledger.{} disable trigger {}").format(Identifier(table), Identifier(trigger)))
    owner.execute("delete from ledger.uses where account_id = %s and position = %s", (account_id, found[0]))
    events = "(select * from ledger.uses union all select * from ledger.changes) as events"
    last = SQL("select position, at from {} where account_id = %s order by position desc limit 1").format(SQL(events))
    owner.execute(
        SQL("update ledger.heads set (position, at) = ({}) where account_id = %s").format(last),
        (account_id, account_id),
    )
    for table, trigger in (("uses", "append_only"), ("heads", "never_back")):
        owner.execute(SQL("alter table ledger.{} enable trigger {}").format(Identifier(table), Identifier(trigger)))
    return int(found[0])


def test_what_cannot_be_meant(own: Desk, tmp_path: Path) -> None:
    """Nothing is done, or recorded, for a projection, an account or a database that is not there."""
    data = own.server.data
    before = acts(data)
    unknown = muniment(data, "rebuild", "trial")
    assert (unknown.status, unknown.out) == (2, "")
    assert unknown.error.startswith("muniment: There is no projection trial; there are compliance, credentials, ")
    account = muniment(data, "verify", "--account-id", "999999999999")
    assert (account.status, account.error) == (1, "muniment: There is no account 999999999999 here.\n")
    for command in ("rebuild", "verify"):
        nowhere = muniment(tmp_path, command)
        assert (nowhere.status, "There is no database in" in nowhere.error) == (1, True)
    assert acts(data) == before
    assert list(tmp_path.iterdir()) == []


def health(server: Server) -> dict[str, list[dict[str, object]]]:
    with urlopen(f"{server.endpoint}/health/ready", timeout=30) as answer:  # noqa: S310  our own
        told: dict[str, list[dict[str, object]]] = json.loads(answer.read())
    return told


def test_an_organization(own: Desk, tmp_path: Path) -> None:
    """Set beside the server, shown as a tree and as the file that it could be set from again, and removed; each act is
    recorded, and the accounts' projections go on."""
    data, file = own.server.data, tmp_path / "organization.json"
    account_id = str(own.aws("sts", "get-caller-identity")["Account"])
    before = len(acts(data))
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}}
    policies = {"deny": {"type": "SERVICE_CONTROL_POLICY", "content": deny}}
    unit = {"name": "Locked", "scps": ["deny"]}
    tree = {"management_account": account_id, "root": {"units": [unit]}, "policies": policies}
    file.write_text(json.dumps(tree))
    first = muniment(data, "organization", "set", str(file), "--output", "json")
    assert first.status == 0, first.error
    (joined,) = lines(first)
    assert (joined["account_id"], joined["change"]) == (account_id, "joined")
    again = muniment(data, "organization", "set", str(file))
    assert [line.split() for line in again.out.splitlines()] == [
        ["ACCOUNT", "CHANGE", "FROM", "POSITION"],
        [account_id, "unchanged", "-"],
    ]
    assert "No policy attached to the unit Locked" in again.error
    shown = muniment(data, "organization", "show").out.splitlines()
    assert shown[2] == f"    {account_id}, management account: FullAWSAccess, RCPFullAWSAccess"
    assert shown[3].endswith(" Locked: deny, RCPFullAWSAccess")
    file.write_text(muniment(data, "organization", "show", "--output", "json").out)
    (same,) = lines(muniment(data, "organization", "set", str(file), "--output", "json"))
    assert same["change"] == "unchanged"
    file.write_text(json.dumps(tree | {"root": {"accounts": [{"id": "999999999999"}]}}))
    refused = muniment(data, "organization", "set", str(file))
    assert (refused.status, refused.error) == (1, "muniment: NoSuchEntity: There is no account 999999999999.\n")
    file.write_text(json.dumps(tree | {"root": {"units": [{"nmae": "Locked"}]}}))
    unread = muniment(data, "organization", "set", str(file))
    assert (unread.status, "root.units[0].name: Field required." in unread.error) == (1, True)
    removed = muniment(data, "organization", "remove")
    assert removed.out.splitlines()[1].split()[:2] == [account_id, "left"]
    gone = muniment(data, "organization", "show")
    assert (gone.status, gone.out, gone.error) == (0, "", "muniment: There is no organization.\n")
    said = {"SetOrganization": False, "DescribeOrganization": True, "RemoveOrganization": False}
    assert {(operation, reads) for operation, _, reads in acts(data)[before:]} == set(said.items())
    changes = own.rows("history", "--operation", "SetOrganization")
    assert [row["principal_arn"] for row in changes] == [None]
    assert muniment(data, "verify").status == 0


def test_where_no_server_runs() -> None:
    """Tables of another version are replaced by a command too, which starts the database itself; otherwise the server
    does it. What had halted is left so by who only looks, and tried again by the next start."""
    with place_for_data() as place:
        data = place / "data"
        with serving(place) as server:
            Desk(server).aws("iam", "create-user", "--user-name", "alice")
            Desk(server).rows("history")
            with opened(data, "projector") as projector:
                projector.execute("update views.schemas set sha256 = 'another' where name = 'trail'")
        swapped = muniment(data, "rebuild", "trail", "--swap")
        assert swapped.status == 0, swapped.error
        assert "trail: the live tables are missing, or were made by another version" in swapped.error
        assert muniment(data, "verify").status == 0
        with serving(place) as server:
            with opened(data, "projector") as projector:
                projector.execute(
                    "update views.cursors set halted_at = now(), halted_reason = 'Test: x'"
                    " where projection = 'sessions'"
                )
            looked = muniment(data, "credentials", "--local")
            assert (looked.status, "lag" in looked.error) == (1, True)
            assert [bool(projection["halted"]) for projection in health(server)["projections"]].count(True) == 1
            verified = muniment(data, "verify")
            assert (verified.status, "the live tables halt at position" in verified.error) == (1, True)
        with serving(place) as server:
            assert [projection["halted"] for projection in health(server)["projections"]] == [[]] * len(
                PROJECTION_NAMES
            )


def test_a_broken_ledger() -> None:
    """It is named with the place, and the exit code is 1. Into the installation's own ledger, if that is the broken
    one, nothing more is written, and a rebuild is refused."""
    with place_for_data() as place:
        data = place / "data"
        with serving(place):
            with opened(data, "owner") as owner:
                owner.execute("alter table ledger.changes disable trigger append_only")
                owner.execute(
                    "update ledger.changes set state = state || ' ' where position = 2 and account_id <> '000000000000'"
                )
            broken = muniment(data, "verify")
            assert broken.status == 1
            (line,) = [line for line in broken.out.splitlines() if "position 2" in line]
            assert "position 2: expected bytes as this program writes them, found others that mean the same" in line
            assert "must not be relied on" in broken.error
            with opened(data, "owner") as owner:
                owner.execute(
                    "update ledger.changes set state = '{}' where account_id = '000000000000' and position = 1"
                )
            before = acts(data)
            broken = muniment(data, "verify")
            assert (broken.status, "this verification is not recorded" in broken.error) == (1, True)
            assert acts(data) == before
            refused = muniment(data, "rebuild")
            assert (refused.status, "is broken, see `muniment verify`" in refused.error) == (1, True)
