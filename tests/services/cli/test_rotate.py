"""`muniment rotate` and `muniment report-leaked` against a running server, with the stock client beside them."""

import json
import signal
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.clients.server import run, started
from tests.services.cli.conftest import Desk
from tests.services.cli.killed_rotation import AFTER_RENAME, BEFORE_RENAME
from tests.services.cli.test_leaked_key import administrator, client


class User:
    """With an access key, and what there is of keys."""

    def __init__(self, desk: Desk, name: str) -> None:
        self.desk, self.name = desk, name
        self.iam = client(desk, "iam", administrator(desk.server))
        self.iam.create_user(UserName=name)
        self.old: dict[str, str] = self.iam.create_access_key(UserName=name)["AccessKey"]

    def keys(self) -> dict[str, str]:
        return {
            key["AccessKeyId"]: key["Status"]
            for key in self.iam.list_access_keys(UserName=self.name)["AccessKeyMetadata"]
        }

    def calls_with(self, key: Mapping[str, str]) -> bool:
        try:
            client(self.desk, "sts", dict(key)).get_caller_identity()
        except ClientError:
            return False
        return True

    def stages(self) -> list[object]:
        return [row["stage"] for row in self.desk.rows("rotate", "list") if row["user_name"] == self.name]


def killed(desk: Desk, point: str, *words: str) -> str:
    done = started(["python", "-m", "tests.services.cli.killed_rotation", point, *words], desk.server.profile)
    assert done.status == -signal.SIGKILL, (done.status, done.out, done.error)
    return done.error


def test_killed_between_any_two_steps_it_goes_on(desk: Desk, tmp_path: Path) -> None:
    """The same command, run again after each kill, comes to the end: no key is left over, the old one signs until the
    new one was seen in use, and what the file has is at any time a key that signs, or none."""
    user, file = User(desk, "killed"), tmp_path / "key.json"
    words = ("rotate", "access-key", "killed", "--to-file", str(file), "--observe-days", "0")
    killed(desk, "StartKeyRotation", *words)
    lost = user.keys().keys() - {user.old["AccessKeyId"]}
    assert not file.exists()
    said = killed(desk, BEFORE_RENAME, *words)
    assert f"The secret of {lost.pop()} was lost before anybody got it" in said
    assert len(user.keys()) == 2
    assert len(list(tmp_path.iterdir())) == 1
    killed(desk, AFTER_RENAME, *words)
    assert [path.name for path in tmp_path.iterdir()] == ["key.json"]
    handed_over = file.read_bytes()
    said = killed(desk, "RecordKeyHandover", *words)
    assert "has" in said
    assert file.read_bytes() == handed_over
    assert user.stages() == ["handed over"]
    assert user.calls_with(user.old)
    waiting = desk.muniment(*words)
    assert (waiting.status, "waits for the first use of" in waiting.out) == (0, True)
    assert set(user.keys().values()) == {"Active"}
    new = json.loads(file.read_bytes())
    assert user.calls_with(new)
    killed(desk, "AdvanceKeyRotation", *words)
    assert (user.stages(), user.calls_with(user.old)) == (["observing"], False)
    finished = desk.muniment(*words)
    assert (finished.status, finished.out.splitlines()[-1]) == (
        0,
        f"The rotation of access key {user.old['AccessKeyId']} of killed to {new['AccessKeyId']} was finished.",
    )
    assert user.keys() == {new["AccessKeyId"]: "Active"}
    assert (stat.S_IMODE(file.stat().st_mode), file.read_bytes()) == (0o600, handed_over)


def test_the_profile_that_calls(desk: Desk, tmp_path: Path) -> None:
    """A user's own key, in the profile that the command itself uses: from the handover on it goes on with the new key,
    which by that was seen in use; the stock client works with the profile, before and after."""
    user = User(desk, "owner")
    may = {"Effect": "Allow", "Action": ["iam:*AccessKey*", "muniment:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": may})
    user.iam.put_user_policy(UserName="owner", PolicyName="own", PolicyDocument=document)
    credentials, config = tmp_path / "credentials", tmp_path / "config"
    before = (
        "# kept\n[other]\naws_access_key_id=AKIAOTHER\n\n[mine]  \naws_access_key_id = {AccessKeyId}\n"
        "AWS_secret_access_key={SecretAccessKey}\n; kept too\n[last]\nrole_arn = x"
    )
    credentials.write_text(before.format_map(user.old))
    credentials.chmod(0o640)
    config.write_text(f"[profile mine]\nregion = us-east-1\nendpoint_url = {desk.server.endpoint}\n")
    environment = {
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_CONFIG_FILE": str(config),
        "AWS_PROFILE": "mine",
    }
    words = ("rotate", "access-key", "owner", "--to-profile", "mine", "--observe-days", "0")
    done = desk.muniment(*words, environment=environment)
    assert done.status == 0, done.error
    assert f"Access key {user.old['AccessKeyId']} of owner was deactivated." in done.out
    (new,) = [key for key, status in user.keys().items() if status == "Active"]
    text = credentials.read_text()
    secret = text.partition("AWS_secret_access_key=")[2].partition("\n")[0]
    assert text == before.format(AccessKeyId=new, SecretAccessKey=secret)
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o640
    answer = run(["aws", "sts", "get-caller-identity"], environment)
    assert (answer.status, "user/owner" in answer.out) == (0, True), answer.error
    assert desk.muniment(*words, environment=environment).status == 0
    assert user.keys() == {new: "Active"}


def test_what_cannot_take_a_key_gets_none(desk: Desk, tmp_path: Path) -> None:
    """Found out before there is a key; or, of a command that fails, the key is deleted again. The old one stays."""
    user = User(desk, "untouched")
    temporary = tmp_path / "temporary"
    temporary.write_text("[mine]\naws_access_key_id = ASIA\naws_session_token = t\n")
    file = ("--to-file", str(tmp_path))
    for words, environment, expected in (
        (file, {}, f"{tmp_path} is no file"),
        (("--to-file", str(tmp_path / "absent" / "key")), {}, "No such file or directory"),
        (("--to-command", "no-such-command"), {}, "There is no command no-such-command"),
        (("--to-profile", "mine"), {"AWS_SHARED_CREDENTIALS_FILE": str(temporary)}, "has temporary credentials"),
        (("--to-command", "false"), {}, "was deleted again, and nothing else has changed"),
    ):
        done = desk.muniment(
            "rotate", "access-key", "untouched", *words, environment={**desk.server.profile, **environment}
        )
        assert (done.status, expected in done.error) == (1, True), done.error
        assert user.keys() == {user.old["AccessKeyId"]: "Active"}
    assert user.stages() == []
    assert temporary.read_text() == "[mine]\naws_access_key_id = ASIA\naws_session_token = t\n"


def test_all_that_a_filter_names(desk: Desk, tmp_path: Path) -> None:
    """One user's failure stops no other; what is under way goes on; a command gets the key on its standard input."""
    for name in ("fleet1", "fleet2", "fleet3"):
        user = User(desk, name)
        user.iam.tag_user(UserName=name, Tags=[{"Key": "fleet", "Value": "yes"}])
    second = user.iam.create_access_key(UserName="fleet2")["AccessKey"]
    due = ("rotate", "--due", "--tag", "fleet=yes")
    assert desk.muniment(*due, "--to-file", str(tmp_path / "one")).status == 0
    assert "No key is to be rotated" in desk.muniment(*due, "--to-file", str(tmp_path / "one")).error
    rows = desk.rows(*due, "--older-than", "0", "--dry-run")
    assert [row["user_name"] for row in rows] == ["fleet1", "fleet2", "fleet2", "fleet3"]
    done = desk.muniment(*due, "--older-than", "0", "--to-file", str(tmp_path / "absent" / "{user}"))
    assert (done.status, done.error.count("cannot be written")) == (1, 3)
    assert "3 of 3 rotations failed" in done.error
    done = desk.muniment(*due, "--older-than", "0", "--to-file", str(tmp_path / "one"))
    assert (done.status, "expected {user} in it" in done.error) == (2, True)
    words = (*due, "--older-than", "0", "--path", "/", "--to-file", str(tmp_path / "{user}"))
    done = desk.muniment(*words)
    assert (done.status, "fleet2 has two access keys already" in done.error) == (1, True), done.error
    assert json.loads((tmp_path / "fleet3").read_text())["UserName"] == "fleet3"
    assert desk.muniment("rotate", "stop", "fleet3").status == 0
    done = desk.muniment("rotate", "access-key", "fleet1", "--force-now")
    assert "was deactivated" in done.out
    assert desk.muniment("rotate", "access-key", "fleet2", "--old", second["AccessKeyId"]).status == 0
    got = json.loads((tmp_path / "fleet3").read_text())["AccessKeyId"]
    user.iam.delete_access_key(UserName="fleet3", AccessKeyId=got)
    command = f"sh -c 'cat > {tmp_path}/$0' {{user}}-got"
    assert desk.muniment("rotate", "access-key", "fleet3", "--to-command", command).status == 0
    assert json.loads((tmp_path / "fleet3-got").read_text())["UserName"] == "fleet3"
    user.iam.delete_access_key(UserName="fleet2", AccessKeyId=second["AccessKeyId"])
    done = desk.muniment(*due, "--to-file", str(tmp_path / "{user}"))
    assert done.status == 0
    assert done.out.count("waits for") == 2
    assert "was finished" in done.out
    stopped = desk.muniment("rotate", "stop", "fleet3", "--reason", "holiday")
    assert (stopped.status, "was stopped: holiday" in stopped.out) == (0, True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("rotate",), "Expected access-key USER"),
        (("rotate", "--due"), "where the new keys go"),
        (("rotate", "--due", "--tag", "=prod", "--dry-run"), "tag_key cannot be ''"),
        (("rotate", "--due", "--path", "ci/", "--dry-run"), "A path begins with a slash"),
        (("rotate", "access-key", "x", "--to-file", "a", "--to-profile", "b"), "not allowed with"),
        (("rotate", "access-key", "x", "--to-command", "'"), "--to-command is not understood"),
        (("rotate", "access-key", "..", "--to-file", "keys/{user}/key"), "has no file of that name"),
        (("rotate", "--due", "access-key", "x"), "take no USER"),
    ],
)
def test_what_is_not_understood(desk: Desk, words: tuple[str, ...], expected: str) -> None:
    done = desk.muniment(*words)
    assert (done.status, expected in done.error) == (2, True), done.error


def test_reporting(desk: Desk) -> None:
    """The commands that follow are told; a key that nobody knows is a failure, and a secret in place of a key is not
    repeated."""
    key = User(desk, "reporting").old
    done = desk.muniment("report-leaked", key["AccessKeyId"], "--source", "commit")
    assert (done.status, f"muniment contain {key['AccessKeyId']}" in done.out) == (0, True), done.error
    done = desk.muniment("report-leaked", key["AccessKeyId"], "AKIAIOSFODNN7EXAMPLE")
    assert (done.status, "AKIAIOSFODNN7EXAMPLE" in done.error, key["AccessKeyId"] in done.error) == (1, True, False)
    done = desk.muniment("report-leaked", key["SecretAccessKey"])
    assert (done.status, key["SecretAccessKey"] in done.out + done.error) == (2, False)
