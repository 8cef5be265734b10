"""The command `export cloudtrail`, and the stock command that checks what it has delivered."""

import gzip
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from domain.rules.trails import HOUR
from services.cli.lib.export_places import METADATA_SUFFIX
from services.secrets.trail_keys import new_trail_key, sign
from tests.conftest import PROJECTED_TEMPLATE, copied
from tests.services.small_s3 import StoredObject
from tests.services.trail_story import BUCKET, HOURS, TrailStory, trail_story

Objects = dict[str, StoredObject]
Tamper = Callable[[Objects], str]
"""Gives what the stock command has to say of it."""


@pytest.fixture(scope="module")
def told(projected_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrailStory]:
    """The story, delivered in two parts."""
    place = tmp_path_factory.mktemp("trail")
    with copied(projected_template, PROJECTED_TEMPLATE) as database, trail_story(database, place) as story:
        middle = (story.begins_at + 2 * HOUR).isoformat()
        first = story.export(f"s3://{BUCKET}/logs", "--to", middle)
        assert (first.status, first.json["digests"], first.json["until"]) == (0, 2, middle.replace("+00:00", "Z"))
        rest = story.export(f"s3://{BUCKET}/logs")
        assert (rest.status, rest.json["digests"], rest.json["since"]) == (0, HOURS - 2, first.json["until"])
        yield story


@pytest.fixture
def delivered(told: TrailStory) -> Iterator[TrailStory]:
    """Whatever a test does to the bucket, the next one finds it as it was."""
    objects = deepcopy(told.s3.buckets[BUCKET])
    yield told
    told.s3.buckets[BUCKET] = objects


def digests(objects: Objects) -> list[str]:
    return sorted(key for key in objects if "/CloudTrail-Digest/" in key)


def logs(objects: Objects) -> list[str]:
    return sorted(key for key in objects if "/CloudTrail/" in key)


def content(objects: Objects, key: str) -> Any:
    return json.loads(gzip.decompress(objects[key].content))


def replaced(objects: Objects, key: str, said: Any, **metadata: str) -> None:
    written = gzip.compress(json.dumps(said, separators=(",", ":")).encode())
    objects[key] = StoredObject(written, {**objects[key].metadata, **metadata})


def test_the_stock_command_accepts_it(delivered: TrailStory) -> None:
    """It finds bucket and prefix by DescribeTrails, the key by ListPublicKeys, and each hour's digest, also of the one
    in which nothing happened."""
    objects = delivered.s3.buckets[BUCKET]
    answer = delivered.validate()
    assert (answer.status, answer.error) == (0, "")
    assert f"{HOURS}/{HOURS} digest files valid" in answer.out
    assert f"{len(logs(objects))}/{len(logs(objects))} log files valid" in answer.out
    empty = content(objects, digests(objects)[3])
    assert (empty["logFiles"], empty["newestEventTime"], empty["oldestEventTime"]) == ([], None, None)
    former = content(objects, digests(objects)[0])
    assert {name: value for name, value in former.items() if name.startswith("previous")} == dict.fromkeys(
        [name for name in former if name.startswith("previous")]
    )


def test_nothing_is_delivered_twice(delivered: TrailStory) -> None:
    """A second export has nothing to do; one from the beginning finds all as it should be, and writes nothing."""
    before = dict(delivered.s3.buckets[BUCKET])
    again = delivered.export(f"s3://{BUCKET}/logs")
    assert (again.status, again.out) == (0, "")
    assert "Nothing is to be delivered" in again.error
    whole = delivered.export(f"s3://{BUCKET}/logs", "--from", delivered.begins_at.isoformat())
    assert (whole.status, whole.json["digests"], whole.json["files"]) == (0, HOURS, len(logs(before)))
    assert delivered.s3.buckets[BUCKET] == before


def test_a_directory_has_the_same(delivered: TrailStory, tmp_path: Path) -> None:
    """Byte for byte; what a directory has no room for, the metadata of digests, stands in a file beside each."""
    objects = delivered.s3.buckets[BUCKET]
    assert delivered.export(str(tmp_path)).status == 0
    for key, stored in objects.items():
        assert (tmp_path / key).read_bytes() == stored.content
        beside = tmp_path / f"{key}{METADATA_SUFFIX}"
        assert beside.exists() == bool(stored.metadata)
        if stored.metadata:
            assert json.loads(beside.read_bytes()) == stored.metadata
    digest = tmp_path / digests(objects)[1]
    digest.write_bytes(gzip.compress(b"{}"))
    altered = delivered.export(str(tmp_path), "--from", delivered.begins_at.isoformat())
    assert (altered.status, digests(objects)[1] in altered.error) == (1, True)
    assert gzip.decompress(digest.read_bytes()) == b"{}"


def test_what_was_cut_off_goes_on(delivered: TrailStory) -> None:
    """Log files without their digests, as a killed export leaves them."""
    objects = delivered.s3.buckets[BUCKET]
    before = dict(objects)
    for key in digests(objects)[3:]:
        del objects[key]
    assert delivered.export(f"s3://{BUCKET}/logs").json["digests"] == 2
    assert objects == before


def log_changed(objects: Objects) -> str:
    key = logs(objects)[1]
    said = content(objects, key)
    said["Records"][0]["sourceIPAddress"] = "192.0.2.66"
    replaced(objects, key, said)
    return f"{key}\tINVALID: hash value doesn't match"


def log_removed(objects: Objects) -> str:
    key = logs(objects)[-1]
    del objects[key]
    return f"{key}\tINVALID: not found"


def logs_swapped(objects: Objects) -> str:
    one, other, *_ = logs(objects)
    objects[one], objects[other] = objects[other], objects[one]
    return f"{one}\tINVALID: hash value doesn't match"


def log_left_out(objects: Objects) -> str:
    """Of its digest."""
    key = digests(objects)[1]
    replaced(objects, key, content(objects, key) | {"logFiles": []})
    return f"{key}\tINVALID: signature verification failed"


def digest_removed(objects: Objects) -> str:
    key = digests(objects)[2]
    del objects[key]
    return f"{key}\tINVALID: not found"


def first_digest_removed(objects: Objects) -> str:
    key = digests(objects)[0]
    del objects[key]
    return f"{key}\tINVALID: not found"


def digest_moved(objects: Objects) -> str:
    one, other = digests(objects)[1:3]
    objects[one] = objects[other]
    return f"{one}\tINVALID: has been moved from its original location"


def signed_anew(objects: Objects, *, fingerprint: bool) -> str:
    """By somebody else, who leaves out a log file, and all that it changes in the digests behind."""
    key, made = digests(objects)[-1], new_trail_key()
    said = content(objects, key) | {"logFiles": []}
    if fingerprint:
        said["digestPublicKeyFingerprint"] = made.fingerprint
    replaced(objects, key, said)
    digest = sha256(gzip.decompress(objects[key].content)).hexdigest()
    message = f"{said['digestEndTime']}\n{BUCKET}/{key}\n{digest}\n{said['previousDigestSignature']}"
    replaced(objects, key, said, signature=sign(made.private_key, message.encode()))
    if fingerprint:
        return f"{key}\tINVALID: public key not found in region us-east-1 for fingerprint {made.fingerprint}"
    return f"{key}\tINVALID: signature verification failed"


def signed_by_another_key(objects: Objects) -> str:
    return signed_anew(objects, fingerprint=False)


def signed_by_a_named_key(objects: Objects) -> str:
    return signed_anew(objects, fingerprint=True)


TAMPERS = (log_changed, log_removed, logs_swapped, log_left_out, digest_removed, first_digest_removed, digest_moved)


@pytest.mark.parametrize("tamper", [*TAMPERS, signed_by_another_key, signed_by_a_named_key])
def test_the_stock_command_finds_each_tamper(delivered: TrailStory, tamper: Tamper) -> None:
    expected = tamper(delivered.s3.buckets[BUCKET])
    answer = delivered.validate()
    assert answer.status == 1
    assert expected in answer.error, answer.error


@pytest.mark.parametrize("tamper", [log_changed, log_left_out, digest_moved, signed_by_another_key])
def test_what_was_altered_is_named_and_stays(delivered: TrailStory, tamper: Tamper) -> None:
    """By an export that looks at it again."""
    objects = delivered.s3.buckets[BUCKET]
    key = tamper(objects).partition("\t")[0]
    before = dict(objects)
    answer = delivered.export(f"s3://{BUCKET}/logs", "--from", delivered.begins_at.isoformat())
    assert (answer.status, key in answer.error) == (1, True), answer.error
    assert objects == before


def test_what_was_removed_is_delivered_again(delivered: TrailStory) -> None:
    objects = delivered.s3.buckets[BUCKET]
    before = dict(objects)
    log_removed(objects)
    digest_removed(objects)
    assert delivered.export(f"s3://{BUCKET}/logs", "--from", delivered.begins_at.isoformat()).status == 0
    assert objects == before


def test_a_chain_has_no_gap_and_no_second_place(delivered: TrailStory, tmp_path: Path) -> None:
    """Nor is an hour signed behind a digest that is not there."""
    late = (delivered.begins_at + 3 * HOUR).isoformat()
    gap = delivered.export(str(tmp_path), "--from", late)
    assert (gap.status, "begin with --from at that hour or earlier" in gap.error) == (1, True)
    del delivered.s3.buckets[BUCKET][digests(delivered.s3.buckets[BUCKET])[2]]
    missing = delivered.export(f"s3://{BUCKET}/logs", "--from", late)
    assert (missing.status, "There is no digest of the hour" in missing.error) == (1, True)
    elsewhere = delivered.export("s3://another")
    assert (elsewhere.status, "one in another place has another name" in elsewhere.error) == (1, True)


def test_no_secret_is_in_any_file(delivered: TrailStory) -> None:
    """Neither secret keys nor session tokens."""
    texts = [gzip.decompress(stored.content).decode() for stored in delivered.s3.buckets[BUCKET].values()]
    assert delivered.secrets
    assert not [secret for secret in delivered.secrets for text in texts if secret in text]


def test_another_key_signs_later_hours(delivered: TrailStory) -> None:
    """What is delivered stays good, and both keys are listed for their time."""
    rotated = delivered.export(f"s3://{BUCKET}/logs", "--rotate-key", "--from", delivered.begins_at.isoformat())
    assert (rotated.status, "signs the digests of hours that end from now on" in rotated.error) == (0, True)
    assert delivered.validate().status == 0
    keys = delivered.aws("cloudtrail", "list-public-keys", "--start-time", delivered.begins_at.isoformat())
    first, second = (key["Fingerprint"] for key in keys["PublicKeyList"])
    signed = {
        content(delivered.s3.buckets[BUCKET], key)["digestPublicKeyFingerprint"]
        for key in digests(delivered.s3.buckets[BUCKET])
    }
    assert signed == {first}
    now = delivered.aws("cloudtrail", "list-public-keys")["PublicKeyList"]
    assert [key["Fingerprint"] for key in now] == [second]


def test_usage(delivered: TrailStory, tmp_path: Path) -> None:
    """What is wrong with the command itself, nobody is asked about."""
    wrong = {
        ("s3://trail", "--bucket", "other"): "--bucket is what a directory is to become",
        ("s3:///x",): "A bucket is expected",
        (str(tmp_path), "--local"): "The key that signs is the server's",
        (str(tmp_path), "--to", "p7"): "A time is expected",
    }
    for words, said in wrong.items():
        answer = delivered.export(*words)
        assert (answer.status, said in answer.error) == (2, True), answer.error
