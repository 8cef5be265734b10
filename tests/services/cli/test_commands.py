"""The commands as processes, against a running server."""

import csv
import getpass
import http.client
import io
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.clients.prepared import BIN, ROOT
from tests.clients.server import run
from tests.services.cli.conftest import Desk


def user_with_key(desk: Desk, name: str) -> dict[str, str]:
    desk.aws("iam", "create-user", "--user-name", name)
    return desk.aws("iam", "create-access-key", "--user-name", name)["AccessKey"]


def test_an_operation_of_another_service_is_none(desk: Desk) -> None:
    """No service has every operation: iam:GetCallerIdentity never was, though sts has one that was called."""
    desk.aws("sts", "get-caller-identity")
    assert desk.muniment("history", "--operation", "sts:GetCallerIdentity").status == 0
    refused = desk.muniment("history", "--operation", "iam:GetCallerIdentity")
    assert (refused.status, "nothing is or was called so" in refused.error) == (1, True)


def test_an_arn_with_a_path_is_its_bearer_s(desk: Desk) -> None:
    """Not of whoever has the name below another path; one that nobody ever had is an error that names the nearest."""
    first = desk.aws("iam", "create-user", "--user-name", "twice", "--path", "/first/")["User"]["Arn"]
    below = first.replace("/first/", "/")
    refused = desk.muniment("history", "--resource", below)
    assert (refused.status, first in refused.error) == (1, True)
    desk.aws("iam", "delete-user", "--user-name", "twice")
    desk.aws("iam", "create-user", "--user-name", "twice")
    for arn, operations in ((first, ["CreateUser", "DeleteUser"]), (below, ["CreateUser"])):
        assert [row["operation"] for row in desk.rows("history", "--resource", arn)] == operations


def test_whom_a_document_names(desk: Desk) -> None:
    """Outsiders of a trust policy, by ARN, account and root, and what a policy is about, are found in the history."""
    outside, account_id = "arn:aws:iam::999988887777:root", str(desk.aws("sts", "get-caller-identity")["Account"])
    trust = {"Effect": "Allow", "Principal": {"AWS": [outside, account_id, "888877776666"]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    desk.aws("iam", "create-role", "--role-name", "ajar", "--assume-role-policy-document", document)
    about = f"arn:aws:iam::{account_id}:user/spelt-out"
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:*", "Resource": about}}
    )
    desk.aws("iam", "create-policy", "--policy-name", "about-one", "--policy-document", policy)
    for form, operation in (
        *((each, "CreateRole") for each in (outside, "888877776666", "root", account_id)),
        (about, "CreatePolicy"),
    ):
        assert desk.rows("history", "--resource", form, "--last", "1")[0]["operation"] == operation


def test_history(desk: Desk) -> None:
    """What a key did, refusals included, in order; as a table and as JSON lines; and the newest alone."""
    key = user_with_key(desk, "historic")
    theirs = desk.server.credentials(key["AccessKeyId"], key["SecretAccessKey"])
    refused = desk.muniment("sessions", environment=theirs)
    assert refused.status == 1
    assert refused.error.startswith("muniment: AccessDenied: User: arn:aws:iam::")
    assert desk.muniment("credentials", environment=theirs).status == 1
    asked = ("history", "--access-key-id", key["AccessKeyId"])
    rows = desk.rows(*asked)
    assert [(row["operation"], row["error_code"]) for row in rows] == [
        ("ListSessions", "AccessDenied"),
        ("ListCredentials", "AccessDenied"),
    ]
    assert {row["user_agent"] for row in rows} == {"muniment/0.1.0"}
    title, *lines = desk.muniment(*asked).out.splitlines()
    assert title.split() == ["TIME", "WHO", "OPERATION", "ON", "RESULT", "FROM"]
    assert [line.split()[1:] for line in lines] == [
        ["user/historic", "muniment:ListSessions", "sessions", "AccessDenied", "127.0.0.1"],
        ["user/historic", "muniment:ListCredentials", "credentials", "AccessDenied", "127.0.0.1"],
    ]
    assert desk.rows(*asked, "--last", "1") == desk.rows(*asked, "--limit", "1") == rows[1:]
    assert desk.rows(*asked, "--last", "3") == rows
    since = str(rows[1]["at"])
    copied = lines[1].split()[0]
    assert desk.rows(*asked, "--since", copied, "--until", copied) == [rows[1]], "As the table shows it."
    assert desk.rows(*asked, "--since", since) == rows[1:]
    resource = f"arn:aws:muniment::{rows[1]['account_id']}:credentials"
    assert desk.rows(*asked, "--resource", resource, "--user-agent", "muniment/0.1.0") == rows[1:]
    titles, *exported = csv.reader(io.StringIO(desk.muniment(*asked, "--output", "csv").out))
    assert sorted(titles) == sorted(rows[0])
    assert [line[titles.index("operation")] for line in exported] == ["ListSessions", "ListCredentials"]


def test_every_form_of_a_name(desk: Desk) -> None:
    """What tables print, and names, ARNs and ids in any case, are accepted wherever somebody or something is named;
    what never was is an error that names the nearest."""
    group, managed = "tiny-crew", "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    made = desk.aws("iam", "create-user", "--user-name", "tinker", "--path", "/shop/")["User"]
    desk.aws("iam", "create-group", "--group-name", group)
    desk.aws("iam", "add-user-to-group", "--user-name", "Tinker", "--group-name", group)
    desk.aws("iam", "attach-group-policy", "--group-name", group, "--policy-arn", managed)
    desk.aws("iam", "update-user", "--user-name", "tinker", "--new-user-name", "tailor")
    forms = ("tailor", "user/tailor", "user/shop/tailor", made["Arn"].replace("tinker", "tailor"), made["UserId"])
    for form in (*forms, "tinker", "USER/Tinker", made["Arn"]):
        about = [row["operation"] for row in desk.rows("history", "--resource", form)]
        assert about == ["CreateUser", "AddUserToGroup", "UpdateUser"]
        assert desk.muniment("trace", form, "--still-alive").status == 1
        assert desk.rows("history", "--principal", form) == []
    for form in forms:
        assert managed in desk.muniment("permissions", form).out
        assert desk.muniment("who-can", "getuser", form).status == 0
        unused = desk.muniment("least-privilege", form, "--since", "1h")
        assert (unused.status, unused.out, "used nothing" in unused.error) == (1, "", True)
    for form in (managed, "policy/IAMReadOnlyAccess", "iamreadonlyaccess"):
        assert desk.rows("history", "--resource", form, "--last", "1")[0]["operation"] == "AttachGroupPolicy"
    for operation in ("iam:AttachGroupPolicy", "attachgrouppolicy", "attach-group-policy"):
        assert group in str(desk.rows("history", "--operation", operation)[-1]["resources"])
    for words in (
        *(("history", f"--{word}", "user/tinkr") for word in ("resource", "principal")),
        *((command, "user/tinkr") for command in ("trace", "contain", "permissions")),
        ("least-privilege", "user/tinkr"),
    ):
        told = desk.muniment(*words)
        assert (told.status, told.out) == (1, "")
        assert "The nearest is user/t" in told.error


def test_hostile_user_agents(desk: Desk) -> None:
    """What an attacker writes into a header does not reach the reader's terminal."""
    created = user_with_key(desk, "attacker")
    key = created["AccessKeyId"]
    request = AWSRequest("POST", desk.server.endpoint + "/", {}, b"Action=GetUser&Version=2010-05-08")
    SigV4Auth(Credentials(key, created["SecretAccessKey"]), "iam", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(desk.server.endpoint.removeprefix("http://"))
    headers = {**request.headers, "User-Agent": "\x9b2Jevil"}
    connection.request("POST", "/", request.data, headers)
    assert connection.getresponse().status == 403
    connection.close()
    (row,) = desk.rows("history", "--access-key-id", key)
    assert row["user_agent"] == "\x9b2Jevil"
    shown = desk.muniment("history", "--wide", "--access-key-id", key).out
    assert "\x9b" not in shown
    assert shown.splitlines()[1].endswith("evil")


def test_as_of(desk: Desk) -> None:
    """Before a change the answer is the one of before; what is no moment is not understood, a later one refused."""
    desk.aws("iam", "create-user", "--user-name", "temporal")
    before = desk.rows("history", "--limit", "10000")[-1]["position"]
    user_key = desk.aws("iam", "create-access-key", "--user-name", "temporal")["AccessKey"]["AccessKeyId"]
    assert user_key in desk.muniment("credentials").out
    assert user_key not in desk.muniment("credentials", "--as-of", f"p{before}").out
    unread = desk.muniment("credentials", "--as-of", "yesterday")
    assert (unread.status, unread.out) == (2, "")
    assert "A moment is now, an age such as" in unread.error
    future = desk.muniment("credentials", "--as-of", "2999-01-01T00:00:00Z")
    assert future.status == 1
    assert re.fullmatch(r"muniment: ValidationError: .* has not come yet; .*\n", future.error)


def test_nothing_to_show(desk: Desk) -> None:
    """An empty answer is no error, and is said on standard error alone."""
    desk.aws("iam", "create-user", "--user-name", "bare")
    for words, said in (
        (("history", "--operation", "iam:UploadSSHPublicKey"), "No call of iam:UploadSSHPublicKey was ever made."),
        (
            ("history", "--error-code", "ServiceFailure"),
            "No call refused with ServiceFailure is recorded. Not all that are answered so are.",
        ),
        (("history", "--address", "203.0.113.9"), "No call from 203.0.113.9 was ever made."),
        (
            ("history", "--user-agent", "no-such/0.1", "--from", "p1", "--output", "json"),
            "No call by a user agent with no-such/0.1 was",
        ),
        (("permissions", "bare"), "The user bare held no policy at position"),
        (("sessions", "--as-of", "p1"), "There was no session."),
        (("credentials", "--as-of", "p1", "--output", "json"), "There was no credential of any kind."),
    ):
        answer = desk.muniment(*words)
        assert (answer.status, answer.out) == (0, "")
        assert answer.error.startswith(f"muniment: {said}")


def test_permissions(desk: Desk) -> None:
    """Which policy, through which group."""
    answer = desk.muniment("permissions", "admin")
    assert "arn:aws:iam::aws:policy/AdministratorAccess  v1       group administrators" in answer.out
    (document,) = desk.rows("permissions", "admin")
    assert document["name"] == "admin"
    nobody = desk.muniment("permissions", "nobody-of-that-name")
    assert (nobody.status, nobody.error[:23]) == (1, "muniment: NoSuchEntity:")


def test_a_session_is_revoked(desk: Desk) -> None:
    """`sessions revoke ID` ends it, with options before or behind the word; a typing error is told."""
    session = desk.aws("sts", "get-session-token")["Credentials"]
    temporary = desk.server.credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    (row,) = [row for row in desk.rows("sessions", "--active") if row["access_key_id"] == session["AccessKeyId"]]
    session_id = str(row["session_id"])
    assert desk.muniment("credentials", environment=temporary).status == 0
    (revoked,) = desk.rows("sessions", "revoke", session_id)
    assert revoked["session_id"] == session_id
    assert "ExpiredToken" in desk.muniment("credentials", environment=temporary).error
    assert session_id not in desk.muniment("sessions", "--active").out
    again = desk.muniment("sessions", "--profile", "muniment", "revoke", session_id)
    assert (again.status, session_id in again.out) == (0, True)
    unknown = desk.muniment("sessions", "revoke", "SESN" + "A" * 17)
    assert (unknown.status, "has issued no session" in unknown.error) == (1, True)
    mistyped = desk.muniment("sessions", "revoke", "deploy-1")
    assert "Did you mean" not in mistyped.error, "Nothing is like it."
    assert (mistyped.status, "A session id is SESN and 17" in mistyped.error) == (2, True)
    kept = desk.aws("sts", "get-session-token")["Credentials"]
    (row,) = [row for row in desk.rows("sessions", "--active") if row["access_key_id"] == kept["AccessKeyId"]]
    kept_id = str(row["session_id"])
    for typed, status in (
        (kept_id[:-1] + ("A" if kept_id[-1] != "A" else "B"), 1),
        (kept_id[:-1], 2),
        (kept["AccessKeyId"][:-1], 2),
    ):
        near = desk.muniment("sessions", "revoke", typed)
        assert (near.status, near.error.endswith(f" Did you mean {kept_id}, of user/admin?\n")) == (status, True)
    assert kept_id in desk.muniment("sessions", "--active").out
    (revoked,) = desk.rows("sessions", "revoke", kept["AccessKeyId"].lower())
    assert revoked["session_id"] == kept_id


def test_every_form_of_a_session(desk: Desk) -> None:
    """Name, ARN and the id that GetCallerIdentity prints are taken where a session may be named, and told as what they
    are where none may; of several sessions with the name the key ids are listed. A suggestion is of the same role."""
    account_id = str(desk.aws("sts", "get-caller-identity")["Account"])
    trust = {"Effect": "Allow", "Principal": {"AWS": account_id}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    keys = {}
    for role, session in (("ship", "build-1"), ("ship", "build-2"), ("sail", "build-3")):
        if session != "build-2":
            desk.aws("iam", "create-role", "--role-name", role, "--assume-role-policy-document", document)
        arn = f"arn:aws:iam::{account_id}:role/{role}"
        made = desk.aws("sts", "assume-role", "--role-arn", arn, "--role-session-name", session)
        keys[session], user_id, arn_of_session = (made["Credentials"]["AccessKeyId"], *made["AssumedRoleUser"].values())
        if session == "build-2":
            forms = ("role/ship/build-2", "assumed-role/ship/build-2", arn_of_session, user_id, keys[session].lower())
    for form in forms:
        (traced,) = desk.rows("trace", form)
        assert keys["build-2"] in str(traced["seed"])
        about = desk.rows("history", "--resource", form)
        assert [(row["operation"], keys["build-2"] in str(row["resources"])) for row in about] == [("AssumeRole", True)]
        assert desk.rows("history", "--principal", form) == []
        for command in ("permissions", "least-privilege", "can-assume"):
            told = desk.muniment(command, form)
            assert (told.status, "It is a session of role/ship: ask for that." in told.error) == (1, True)
    near = desk.muniment("sessions", "revoke", "role/sail/build-2")
    assert (near.status, near.error.endswith("of assumed-role/sail/build-3?\n")) == (2, True)
    again = desk.aws(
        "sts", "assume-role", "--role-arn", f"arn:aws:iam::{account_id}:role/ship", "--role-session-name", "build-2"
    )["Credentials"]["AccessKeyId"]
    for words in (("trace", forms[0]), ("contain", forms[2], "--dry-run"), ("sessions", "revoke", forms[3])):
        several = desk.muniment(*words)
        assert several.status != 0
        assert all(key in several.error for key in (keys["build-2"], again))


def test_the_operator(desk: Desk) -> None:
    """--local asks the database beside the running server, needs no credentials, and is recorded as the operator's."""
    local = ("--local", "--data", str(desk.server.data))
    asked = desk.muniment("permissions", "admin", *local, environment={})
    assert asked.status == 0, asked.error
    assert "AdministratorAccess" in asked.out
    account_id = desk.aws("sts", "get-caller-identity")["Account"]
    named = desk.muniment("credentials", "--account-id", str(account_id), *local, environment={})
    assert named.out == desk.muniment("credentials").out
    other = desk.muniment("credentials", "--account-id", "123456789012", *local, environment={})
    assert (other.status, other.error) == (
        1,
        f"muniment: There is no account 123456789012 here; there is {account_id}.\n",
    )
    acts = [row for row in desk.rows("history", "--operation", "ListPermissions") if row["principal_arn"] is None]
    assert [(row["service"], row["access_key_id"], row["parameters"]) for row in acts] == [
        ("muniment", None, {"principal": "admin"})
    ]
    assert getpass.getuser() in desk.muniment("permissions", "admin").out  # who opened the account


def test_the_operator_without_a_server(desk: Desk, tmp_path: Path) -> None:
    """Where nothing is or nothing runs, that is said; nothing is created."""
    nothing = desk.muniment("credentials", "--local", "--data", str(tmp_path), environment={})
    assert nothing.error == (
        f"muniment: There is no database in {tmp_path}: use --data, MUNIMENT_DATA or MUNIMENT_DATABASE_URL.\n"
    )
    (tmp_path / "postgres").mkdir()
    stopped = desk.muniment("credentials", "--local", "--data", str(tmp_path), environment={})
    assert stopped.error.startswith(f"muniment: No server runs on {tmp_path}")
    assert [path.name for path in tmp_path.iterdir()] == ["postgres"]
    assert list((tmp_path / "postgres").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "environment", "status", "said"),
    [
        (("history",), {}, 1, "No credentials found"),
        (("history", "--profile", "nobody"), {}, 1, "The config profile (nobody) could not be found"),
        (("history",), {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}, 1, "No endpoint found"),
        (("history", "--endpoint-url", "localhost:1"), None, 1, "An endpoint is a URL"),
        (("history", "--endpoint-url", "http://[::1"), None, 1, "An endpoint is a URL"),
        (("history", "--endpoint-url", "http://127.0.0.1:99999"), None, 1, "An endpoint is a URL"),
        (("history", "--principal", "x" * 5000), None, 2, "xxx…'"),
        (("history", "--endpoint-url", "http://127.0.0.1:1"), None, 1, "Is the server running?"),
        (("history", "--limit", "0"), None, 2, "a whole number of at least 1"),
        (("history", "--local", "--profile", "x"), None, 2, "--local opens the database"),
        (("history", "--account-id", "123456789012"), None, 2, "are for --local"),
        (("permissions", ""), None, 2, "principal cannot be '': expected a name, an ARN or an id"),
        (("trace", ""), None, 2, "cannot be '': expected a name, an ARN or an id"),
        (("who-can", "Create User", "*"), None, 2, "An action is service:Action, such as iam:CreateUser"),
        (("sessions", "revoke", "nope"), None, 2, "A session id is SESN and 17 letters and digits"),
        (("credentials", "--as-of", "2026-01-01T99:00"), None, 2, "A moment is now, an age such as"),
        (("sessions", "end"), None, 2, "expected revoke"),
    ],
)
def test_what_goes_wrong(
    desk: Desk, words: tuple[str, ...], environment: dict[str, str] | None, status: int, said: str
) -> None:
    """Each expected failure is told in a line that names it, with its exit code and without a traceback."""
    answer = desk.muniment(*words, environment=environment)
    assert (answer.status, answer.out) == (status, "")
    assert said in answer.error
    assert "Traceback" not in answer.error
    assert answer.error.count("\n") == 1


def test_output_that_cannot_be_written(desk: Desk) -> None:
    """A full disk is told in a line; an alphabet that has no such characters gets their numbers."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": str(ROOT), **desk.server.profile}
    command = [str(BIN / "muniment"), "credentials"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (1, b"muniment: No space left on device.\n")
    desk.aws("sts", "get-session-token")
    ascii_ = {**environment, "PYTHONIOENCODING": "ascii"}
    tree = [str(BIN / "muniment"), "sessions", "--tree", "admin"]
    ended = subprocess.run(tree, env=ascii_, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"\\u2514\\u2500 " in ended.stdout


def test_services_of_a_profile(desk: Desk, tmp_path: Path) -> None:
    """The endpoint of IAM or STS in a services section is found, as the aws command finds it, before that of the
    profile and after the environment's; a section that there is not is told."""
    config = tmp_path / "config"
    written = (desk.server.data / "aws-profile").read_text()
    profile = "\n".join(line for line in written.splitlines() if not line.startswith("endpoint_url"))
    environment = {"AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "muniment"}
    nowhere = "http://127.0.0.1:1"
    for service in ("iam", "sts"):
        section = f"[services here]\n{service} =\n  endpoint_url = {desk.server.endpoint}\n"
        config.write_text(f"{profile}\nservices = here\nendpoint_url = {nowhere}\n{section}")
        answer = desk.muniment("credentials", environment=environment)
        assert answer.status == 0, answer.error
    stock = run(["aws", "sts", "get-caller-identity"], environment)
    assert stock.status == 0, stock.error
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IAM"):
        assert nowhere in desk.muniment("credentials", environment={**environment, variable: nowhere}).error
    config.write_text(f"{profile}\nservices = there\n")
    assert "[services there], which is not" in desk.muniment("credentials", environment=environment).error


def test_a_reader_who_has_had_enough(desk: Desk) -> None:
    """A closed pipe ends the command quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **desk.server.profile}
    ended = subprocess.run(
        [BIN / "muniment", "credentials"], env=environment, stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")
