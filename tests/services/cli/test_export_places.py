"""Places that files are delivered to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.lib.export_places import Bucket, Delivered, Directory, ExportPlace
from services.cli.lib.terminal import Failure
from tests.services.small_s3 import KEYS_A_PAGE, SmallS3, small_s3


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallS3]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with small_s3("trail") as served:
        yield served


@pytest.fixture(params=["bucket", "directory"])
def place(request: pytest.FixtureRequest, s3: SmallS3, tmp_path: Path) -> ExportPlace:
    return Bucket("trail", None, s3.endpoint) if request.param == "bucket" else Directory(tmp_path)


def test_what_is_put_there_is_found(place: ExportPlace) -> None:
    """With its metadata; keys in their order, over several pages, of those that begin so."""
    assert place.read("a/b/none") is None
    assert list(place.keys("a/")) == []
    keys = [f"a/b/{number:02}" for number in range(2 * KEYS_A_PAGE + 1)]
    for key in reversed(keys):
        place.create(key, key.encode(), {})
    place.create("c/d", b"\x00", {"signature": "0f", "signature-algorithm": "SHA256withRSA"})
    assert [key for key in place.keys("a/") if "metadata" not in key] == keys
    assert place.read("a/b/07") == Delivered(b"a/b/07", {})
    assert place.read("c/d") == Delivered(b"\x00", {"signature": "0f", "signature-algorithm": "SHA256withRSA"})


def test_nothing_in_a_bucket_is_overwritten(s3: SmallS3) -> None:
    """Also where somebody else has put it there since it was looked for."""
    bucket = Bucket("trail", None, s3.endpoint)
    bucket.create("a", b"one", {})
    with pytest.raises(Failure, match="s3://trail/a: PreconditionFailed"):
        bucket.create("a", b"other", {})
    assert s3.buckets["trail"]["a"].content == b"one"


def test_a_bucket_that_is_not_there(s3: SmallS3) -> None:
    bucket = Bucket("none", None, s3.endpoint)
    with pytest.raises(Failure, match="s3://none: NoSuchBucket"):
        list(bucket.keys("a/"))
    with pytest.raises(Failure, match="NoSuchBucket"):
        bucket.read("a")
    with pytest.raises(Failure, match="NoSuchBucket"):
        bucket.create("a", b"", {})


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """A file stands in its place, or something odd beside a digest."""
    directory = Directory(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Failure, match="cannot be written: "):
        directory.create("file/a", b"", {})
    directory.create("a", b"", {"signature": "0f"})
    (tmp_path / "a.metadata.json").write_text("[]")
    with pytest.raises(Failure, match="odd metadata"):
        directory.read("a")
    (tmp_path / "a.metadata.json").write_text("{")
    with pytest.raises(Failure, match="is no JSON"):
        directory.read("a")


@pytest.mark.parametrize("key", ["../a", "a/../../b", "/etc/a", "a//b", "a/", "..", "a/./b", ""])
def test_no_file_is_outside_of_a_directory(tmp_path: Path, key: str) -> None:
    """Whatever a server calls it."""
    inner = tmp_path / "inner"
    with pytest.raises(Failure, match="which is none below"):
        Directory(inner).create(key, b"", {})
    assert list(tmp_path.iterdir()) == []
