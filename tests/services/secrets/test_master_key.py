"""The master key's file, its environment variables, and its silence."""

import base64
import copy
import logging
import os
import pickle
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.secrets.master_key import (
    KEY_BYTES,
    InvalidMasterKey,
    MasterKey,
    MasterKeys,
    from_environment,
    load_or_create,
)
from services.secrets.master_key_file import provided_master_keys

KEY = bytes(range(KEY_BYTES))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "master.key"


def write(path: Path, content: bytes = KEY, mode: int = 0o400) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_key_id_and_derived_keys_are_pinned() -> None:
    """Rows and tokens name a master key by this id and open with these keys: neither may change with a release."""
    key = MasterKey(KEY)
    assert key.key_id == "1dd48c8b"
    assert key.cipher(b"use").encrypt(bytes(12), b"", None).hex() == "d08199cfd36b20f14059b9756053f07a"


def test_each_use_has_its_own_key() -> None:
    """What one use seals, another cannot open, nor can the master key itself."""
    key = MasterKey(KEY)
    sealed = {key.cipher(use).encrypt(bytes(12), b"text", None) for use in (b"a", b"b", b"")}
    assert len(sealed) == 3


def test_key_is_mute(caplog: pytest.LogCaptureFixture) -> None:
    """No rendering of the objects that hold keys contains the key, in any of its usual spellings."""
    keys = MasterKeys(MasterKey(KEY))
    logging.getLogger("test").warning("%s %r", keys, keys.current)
    seen = f"{keys} {keys!r} {keys.current} {keys.current!r} {caplog.text}"
    assert "MasterKey(1dd48c8b, •••)" in seen
    for spelling in (repr(KEY), KEY.hex(), base64.b64encode(KEY).decode()):
        assert spelling not in seen


@pytest.mark.parametrize("serialise", [pickle.dumps, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("subject", [MasterKey(KEY), MasterKeys(MasterKey(KEY))], ids=["key", "keys"])
def test_key_refuses_to_be_serialised(serialise: object, subject: object) -> None:
    """Neither a key nor what holds it leaves the process through pickle or a copy."""
    if serialise is copy.copy and isinstance(subject, MasterKeys):
        subject = subject.current  # a shallow copy of the pair shares the keys and duplicates none
    assert callable(serialise)
    with pytest.raises(TypeError, match="refuses to be serialised"):
        serialise(subject)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_key_of_another_length_is_refused(length: int) -> None:
    """A shorter key is weaker and a longer one a mistake; the message says what came and what was expected."""
    with pytest.raises(InvalidMasterKey, match=rf"32 bytes long; got {length}\."):
        MasterKey(bytes(length))


def test_first_start_creates_the_file_and_the_next_ones_read_it(path: Path) -> None:
    """The file is ours alone, holds 32 bytes unlike another installation's, and nothing else is left behind."""
    created = load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert path.stat().st_size == KEY_BYTES
    assert list(path.parent.iterdir()) == [path]
    assert load_or_create(path).current.key_id == created.current.key_id
    assert load_or_create(path.with_name("another")).current.key_id != created.current.key_id


def test_two_first_starts_agree_on_one_key(path: Path) -> None:
    """Processes that start together all get the key that the file keeps: none seals with one that was overwritten."""
    barrier = threading.Barrier(8)

    def start(_number: int) -> str:
        barrier.wait()
        return load_or_create(path).current.key_id

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(start, range(8)))
    assert ids == {load_or_create(path).current.key_id}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failing_call", [1, 2], ids=["before it has its name", "after it has its name"])
def test_failed_sync_is_reported_and_leaves_nothing_half_made(
    path: Path, monkeypatch: pytest.MonkeyPatch, failing_call: int
) -> None:
    """A first start on a failing disk stops; the next one finds either no key or a complete one."""
    calls = 0
    sync = os.fsync

    def fail(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing_call:
            raise OSError(5, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(
        InvalidMasterKey, match=r"master\.key cannot be (opened or created|made durable) \(Input/output error\)"
    ):
        load_or_create(path)
    assert list(path.parent.iterdir()) == ([path] if failing_call == 2 else [])
    assert load_or_create(path).current.key_id == load_or_create(path).current.key_id


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o420, 0o401, 0o777])
def test_file_that_others_can_reach_is_refused(path: Path, mode: int) -> None:
    """Any permission of group or others, reading or not, makes the key unfit; the message names file and both modes."""
    with pytest.raises(InvalidMasterKey, match=rf"{path} has mode {mode:04o}; expected .* mode 0400"):
        load_or_create(write(path, mode=mode))


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_file_of_the_owner_alone_is_accepted(path: Path, mode: int) -> None:
    """An operator who restored the file with plain owner permissions can start."""
    assert load_or_create(write(path, mode=mode)).current.key_id == MasterKey(KEY).key_id


def test_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could read and replace it, whatever the mode says."""
    owner = write(path).stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(InvalidMasterKey, match=rf"belongs to user {owner}; expected .* user {owner + 1}"):
        load_or_create(path)


@pytest.mark.parametrize("length", [0, 31, 33, 45])
def test_file_of_another_length_is_refused_and_kept(path: Path, length: int) -> None:
    """A truncated file, or one in base64, is never silently replaced: sealed secrets may depend on what it was."""
    with pytest.raises(InvalidMasterKey, match=rf"is {length} bytes long; expected .* 32 bytes"):
        load_or_create(write(path, bytes(length)))
    assert path.read_bytes() == bytes(length)


def test_symbolic_links_directories_and_pipes_are_refused(tmp_path: Path) -> None:
    """Only a regular file under its own name is a key: no link, be it to a good key or to nothing. No FIFO hangs us."""
    (tmp_path / "link").symlink_to(write(tmp_path / "good"))
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe", 0o400)
    for name in ("link", "dangling", "directory", "pipe"):
        with pytest.raises(InvalidMasterKey, match=f"{name} .*expected a regular file, not a symbolic link"):
            load_or_create(tmp_path / name)
    assert not (tmp_path / "nothing").exists()


def test_missing_directory_is_named(tmp_path: Path) -> None:
    """Where the file cannot be created the operator reads which file it was."""
    with pytest.raises(InvalidMasterKey, match=r"absent/master\.key cannot be opened or created \(No such file"):
        load_or_create(tmp_path / "absent" / "master.key")


def test_environment_gives_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Base64 of the same bytes is the same key, and an unset variable is none."""
    monkeypatch.setenv("MUNIMENT_MASTER_KEY", base64.b64encode(KEY).decode())
    monkeypatch.delenv("MUNIMENT_MASTER_KEY_PREVIOUS", raising=False)
    key = from_environment("MUNIMENT_MASTER_KEY")
    assert key is not None
    assert key.key_id == MasterKey(KEY).key_id
    assert from_environment("MUNIMENT_MASTER_KEY_PREVIOUS") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2hunter2",
        base64.b64encode(bytes(31)).decode(),
        KEY.hex(),
        base64.b64encode(KEY).decode()[:-1],
        base64.b64encode(KEY).decode() + "\n",
        "ä",
    ],
)
def test_malformed_variable_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The message names variable, expectation and length; neither it nor its cause repeats what may be half a key."""
    monkeypatch.setenv("MUNIMENT_MASTER_KEY", text)
    with pytest.raises(InvalidMasterKey, match="MUNIMENT_MASTER_KEY must be the base64 of 32 random bytes") as caught:
        from_environment("MUNIMENT_MASTER_KEY")
    assert f"holds {len(text)} characters" in str(caught.value)
    assert not text or text not in str(caught.value)
    assert caught.value.__suppress_context__


def test_provided_prefers_the_environment_and_takes_the_previous_key(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With MUNIMENT_MASTER_KEY set no file is made; without it the file counts; the previous key only stands beside."""
    old, new = base64.b64encode(bytes(KEY_BYTES)).decode(), base64.b64encode(KEY).decode()
    monkeypatch.setenv("MUNIMENT_MASTER_KEY", new)
    monkeypatch.setenv("MUNIMENT_MASTER_KEY_PREVIOUS", old)
    keys = provided_master_keys(path).latest()
    assert not path.exists()
    assert [key.key_id for key in keys.all] == [MasterKey(KEY).key_id, MasterKey(bytes(KEY_BYTES)).key_id]
    assert keys.named(keys.previous[0].key_id) is keys.previous[0]
    assert keys.named("00000000") is None

    monkeypatch.delenv("MUNIMENT_MASTER_KEY")
    monkeypatch.delenv("MUNIMENT_MASTER_KEY_PREVIOUS")
    alone = provided_master_keys(path).latest()
    assert alone.current.key_id == load_or_create(path).current.key_id
    assert alone.previous == ()


def test_rotation_to_the_same_key_is_refused() -> None:
    """A rotation that rotated nothing is told to the operator who believes that it did."""
    with pytest.raises(InvalidMasterKey, match="must differ"):
        MasterKeys(MasterKey(KEY), (MasterKey(KEY),))
