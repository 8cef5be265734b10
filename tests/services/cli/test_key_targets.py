"""Where the secrets of new keys go: files that are replaced whole, and profiles of which two lines change."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.lib import replaced_file
from services.cli.lib.credentials_file import parse_sections, with_access_key
from services.cli.lib.key_rotation import Rotator
from services.cli.lib.key_targets import CommandTarget, FileTarget, NewKey, ProfileTarget, target_for
from services.cli.lib.replaced_file import replacing
from services.cli.lib.terminal import Failure, UsageError
from tests.services.cli.rotations import FakeServer

KEY = NewKey("AKIANEW", "new/secret+", "123456789012", "ann")
NAMES = st.sampled_from(["default", "mine", "other", "profile mine", "sso-session x"])
OPTIONS = st.sampled_from(
    [
        "aws_access_key_id = AKIAOLD",
        "AWS_ACCESS_KEY_ID: AKIAOLD",
        "aws_secret_access_key=old/secret",
        "aws_secret_access_key =",
        "region = eu-central-1",
        "s3 =\n  max_concurrent_requests = 5\n  [mine] = x",
        "# aws_access_key_id = commented",
        ";aws_secret_access_key = commented",
        "",
        "   ",
        "\ta = b",
        "url = https://example.com/?a=b:c#[mine]",
    ]
)
SECTIONS = st.builds(lambda name, options: "\n".join([f"[{name}]", *options]), NAMES, st.lists(OPTIONS, max_size=6))
FILES = st.builds(
    lambda head, sections, end, newline: (head + "\n".join(sections) + end).replace("\n", newline),
    st.sampled_from(["", "# head\n", "\n"]),
    st.lists(SECTIONS, max_size=5),
    st.sampled_from(["", "\n", "\n\n"]),
    st.sampled_from(["\n", "\r\n"]),
)


@given(FILES, st.booleans())
def test_every_other_byte_stays(text: str, is_config: bool) -> None:  # noqa: FBT001  drawn
    """Whatever the file has: it is refused, or has the new key, and all lines of before in their order but the two that
    were changed; every other profile reads as before."""
    try:
        after = with_access_key(text, "mine", KEY.access_key_id, KEY.secret_access_key, is_config=is_config)
    except Failure:
        return
    before, now = parse_sections(text), parse_sections(after)
    name = next(each for each in now if each not in before or now[each] != before[each])
    assert name == "profile mine" if is_config else "mine"
    assert (now[name]["aws_access_key_id"], now[name]["aws_secret_access_key"]) == ("AKIANEW", "new/secret+")
    assert {**now, name: None} == {**before, name: None}
    if name not in before:
        assert after.startswith(text)
        return
    kept = [line for line in after.splitlines(keepends=True) if "AKIANEW" not in line and "new/secret+" not in line]
    lines = text.splitlines(keepends=True)
    assert len(kept) >= len(lines) - 2
    left = iter(lines)
    assert all(line in left or line.rstrip("\r\n") == lines[-1] for line in kept)
    assert ("\r\n" in after) <= ("\r\n" in text or len(lines) <= 1)


@pytest.mark.parametrize(
    "text",
    [
        "aws_access_key_id = x\n",
        "[mine]\naws_access_key_id = x\naws_access_key_id = y\n",
        "[mine]\n[mine]\n",
        "[mine]\naws_access_key_id = x\n  and = more\n",
        "[mine]\naws_session_token = t\n",
    ],
)
def test_what_is_not_understood_is_not_written(text: str) -> None:
    """And no message has a line of it, which may be a secret."""
    with pytest.raises(Failure) as refused:
        with_access_key(text, "mine", "AKIANEW", "secret")
    assert "and = more" not in str(refused.value)


def put(path: Path, rewrite: Callable[[bytes], bytes], *, keeps_mode: bool = False) -> None:
    with replacing(path, keeps_mode=keeps_mode) as replace:
        replace(rewrite)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """With mode 0600 or, where that is kept, its own; through a link its target; what another run has left beside it is
    gone afterwards."""
    path, link = tmp_path / "key", tmp_path / "link"
    link.symlink_to(path)
    (tmp_path / ".key.x.muniment-new").write_text("left")
    put(link, lambda former: former + b"1")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode), link.is_symlink()) == (b"1", 0o600, True)
    path.chmod(0o640)
    put(path, lambda former: former + b"2", keeps_mode=True)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"12", 0o640)
    put(path, lambda _former: b"")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"", 0o600)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["key", "link"]


def test_links_that_lead_round(tmp_path: Path) -> None:
    """Are said to be no target, before there is a key."""
    (tmp_path / "key.json").symlink_to(tmp_path / "key.json")
    with pytest.raises(Failure, match="cannot be written: Symlink loop"), FileTarget(f"{tmp_path}/key.json").prepared():
        pass


def test_a_file_of_something_else(tmp_path: Path) -> None:
    """Has no key, however deep it is nested."""
    for content in ("[" * 200_000, "\0", '{"AccessKeyId": "AKIANEW"}'):
        (tmp_path / "key.json").write_text(content)
        assert not FileTarget(f"{tmp_path}/key.json").holds("AKIANEW")


def test_what_somebody_else_writes_meanwhile_is_not_lost(tmp_path: Path) -> None:
    """What was read is compared before the rename: another one's line is in the result, and who writes all the time is
    told of."""
    path, others = tmp_path / "credentials", [b"[a]\n", b"[b]\n"]
    path.write_bytes(b"")

    def rewrite(former: bytes) -> bytes:
        if others:
            path.write_bytes(former + others.pop(0))
        return former + b"[mine]\n"

    put(path, rewrite)
    assert path.read_bytes() == b"[a]\n[b]\n[mine]\n"
    others += [b"[x]\n"] * (replaced_file.ATTEMPTS_MAX + 1)
    with pytest.raises(Failure, match="all the time"):
        put(path, rewrite)
    assert b"[mine]\n[mine]" not in path.read_bytes()
    assert [each.name for each in tmp_path.iterdir()] == ["credentials"]


def test_a_disk_that_is_full_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is a key; and where it is full only when the key is written, the former content is there."""
    path = tmp_path / "key"
    path.write_bytes(b"former")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        with pytest.raises(Failure, match="No space left"), replacing(path, keeps_mode=False):
            raise AssertionError("There is no room.")
    with replacing(path, keeps_mode=False) as replace, monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(Failure, match="No space left"):
            replace(lambda _former: b"new")
    assert path.read_bytes() == b"former"
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_a_profile_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the configuration, if its key stands there alone; else in the credentials, made when there are none."""
    config, credentials = tmp_path / "config", tmp_path / "aws" / "credentials"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    config.write_text(
        '[profile "mine"]\naws_access_key_id = AKIAOLD\naws_secret_access_key = x\n[profile new]\nregion = y\n'
    )
    for name in ("mine", "new"):
        target = ProfileTarget(name)
        assert not target.holds("AKIANEW")
        with target.prepared() as hand_over:
            hand_over(KEY)
        assert target.holds("AKIANEW")
    assert "aws_access_key_id = AKIANEW\naws_secret_access_key = new/secret+" in config.read_text()
    assert credentials.read_text() == "[new]\naws_access_key_id = AKIANEW\naws_secret_access_key = new/secret+\n"
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600


def test_a_command_reads_the_key(tmp_path: Path) -> None:
    """From standard input alone, without a shell, and its words may name the user; one that fails or hangs says so
    without the secret."""
    target = target_for("ann", file=None, profile=None, command=f"tee '{tmp_path}/{{user}} $HOME'")
    assert isinstance(target, CommandTarget)
    with target.prepared() as hand_over:
        hand_over(KEY)
    assert json.loads((tmp_path / "ann $HOME").read_text()) == {
        "Version": 1,
        "AccessKeyId": "AKIANEW",
        "SecretAccessKey": "new/secret+",
        "AccountId": "123456789012",
        "UserName": "ann",
    }
    with CommandTarget(("false",)).prepared() as hand_over, pytest.raises(Failure, match="ended with 1"):
        hand_over(KEY)


def test_a_command_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended, and the exception that Python has for it, with the input, goes no further."""
    monkeypatch.setattr("services.cli.lib.key_targets.COMMAND_SECONDS_MAX", 0)
    with CommandTarget(("sleep", "60")).prepared() as hand_over, pytest.raises(Failure, match="did not end") as refused:
        hand_over(KEY)
    assert refused.value.__cause__ is None


def test_names_of_users_make_no_paths() -> None:
    for user in (".", ".."):
        with pytest.raises(UsageError):
            target_for(user, file="keys/{user}", profile=None, command=None)
    assert target_for("a..b", file="keys/{user}", profile=None, command=None) == FileTarget("keys/a..b")


def test_waiting_asks_until_the_next_step() -> None:
    """Less and less often, and of each rotation until it has moved; one that has ended is not asked about."""
    server, slept = FakeServer({"ann": 2, "ben": 4}), list[float]()
    rotator = Rotator(server, lambda _text: None)
    last = rotator.wait({user: server.step(user) for user in ("ann", "ben", "ended")}, slept.append)
    assert {user: step.rotation.stage for user, step in last.items()} == {
        "ann": "observing",
        "ben": "observing",
        "ended": "finished",
    }
    assert slept == [5.0, 7.5, 11.25, 16.875]
    assert server.asked == ["ann", "ben", "ann", "ben", "ben", "ben"]
