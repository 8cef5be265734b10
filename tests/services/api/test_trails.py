"""Questions about trails: what is told and signed, and what is not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest

from domain.families.trails import TRAIL_KEYS
from domain.foundation.moments import format_rfc3339
from domain.rules.trails import HOUR, hour_of
from services.api.handlers import trails
from services.ledger.database import Database
from services.secrets.trail_keys import is_signed, new_trail_key, sign
from services.trail_files import log_files
from services.trail_files.known_hours import KnownHours
from tests.services.api.in_process_server import InProcessServer, Reply, opened
from tests.services.api.test_credential_lifecycle import Clock, post
from tests.services.endpoint import allow

BEGIN = datetime(2026, 1, 31, 9, tzinfo=UTC)


@pytest.fixture
def served(database: Database, tmp_path: Path) -> Iterator[InProcessServer]:
    """An account of four hours, in the third of which nothing happened, asked at the beginning of the fifth. Files have
    two calls at most."""
    clock = Clock()
    clock.now = BEGIN + timedelta(minutes=1)
    with (
        patch("botocore.auth.get_current_datetime", side_effect=clock),
        patch.object(log_files, "RECORDS_MAX", 2),
        patch.object(trails, "KNOWN", KnownHours()),
        opened(database, tmp_path, clock) as house,
    ):
        for minutes, count in ((2, 3), (7, 1), (61, 5), (181, 2)):
            clock.now = BEGIN + timedelta(minutes=minutes)
            for number in range(count):
                assert house.aws_does("iam", "GetUser", UserName=f"u{number}")[0] == 404
        clock.now = BEGIN + 4 * HOUR
        assert post(house, "trails/main", bucket="trail").status == 200
        yield house


def files(house: InProcessServer, since: datetime, until: datetime, **more: object) -> Reply:
    given = {"since": format_rfc3339(since), "until": format_rfc3339(until), **more}
    return house.asks(f"/v1/trails/main/files?{urlencode(given)}")


def all_files(house: InProcessServer, since: datetime, until: datetime, limit: int = 1_000) -> list[dict[str, Any]]:
    page = files(house, since, until, limit=limit)
    found: list[dict[str, Any]] = page.body["files"]
    while (marker := page.body["marker"]) is not None:
        page = files(house, since, until, limit=limit, marker=marker)
        found += page.body["files"]
    return found


def sign_digests(
    house: InProcessServer,
    since: datetime,
    until: datetime,
    former: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    *,
    trail: str = "main",
) -> Reply:
    """`former` is the digest before them, and `before` the one before that."""
    given: dict[str, object] = {"since": format_rfc3339(since), "until": format_rfc3339(until)}
    if former is not None:
        given |= {"former_sha256": former["sha256"], "former_signature": former["signature"]}
    if before is not None:
        given["signature_before"] = before["signature"]
    return house.asks(f"/v1/trails/{trail}/digests?{urlencode(given)}")


def digests(house: InProcessServer) -> list[dict[str, Any]]:
    answer = sign_digests(house, BEGIN, BEGIN + 4 * HOUR)
    assert answer.status == 200, answer.body
    signed: list[dict[str, Any]] = answer.body["digests"]
    return signed


def test_files_are_the_same_however_they_are_asked_for(served: InProcessServer) -> None:
    """Page by page, hour by hour, and again; each has its calls in order, once."""
    whole = all_files(served, BEGIN, BEGIN + 4 * HOUR)
    assert [each["records"] for each in whole] == [2, 2, 1, 2, 2, 1, 2]
    assert [each["key"].rpartition("_")[0].rpartition("_")[2] for each in whole] == [
        *("20260131T0900Z", "20260131T0900Z", "20260131T0905Z"),
        *("20260131T1000Z", "20260131T1000Z", "20260131T1000Z", "20260131T1200Z"),
    ]
    for limit in (1, 2, 3):
        assert all_files(served, BEGIN, BEGIN + 4 * HOUR, limit) == whole
    by_hour = [each for hour in range(4) for each in all_files(served, BEGIN + hour * HOUR, BEGIN + (hour + 1) * HOUR)]
    assert by_hour == whole
    assert len({each["key"] for each in whole}) == len(whole)
    assert all(sha256(each["text"].encode()).hexdigest() == each["sha256"] for each in whole)
    records = [record for each in whole for record in json.loads(each["text"])["Records"]]
    assert len({record["eventID"] for record in records}) == len(records) == sum(each["records"] for each in whole)
    assert [record["eventTime"] for record in records] == sorted(record["eventTime"] for record in records)


def test_digests_are_a_chain_of_all_hours(served: InProcessServer) -> None:
    """Each names the files of its hour, and the one before; asked for in parts, they are the same."""
    signed, whole = digests(served), all_files(served, BEGIN, BEGIN + 4 * HOUR)
    said = [json.loads(each["text"]) for each in signed]
    assert [each["digestEndTime"] for each in said] == [f"2026-01-31T{hour}:00:00Z" for hour in (10, 11, 12, 13)]
    named = [(file["s3Object"], file["hashValue"]) for each in said for file in each["logFiles"]]
    assert named == [(each["key"], each["sha256"]) for each in whole]
    assert said[2]["logFiles"] == []
    for number, each in enumerate(said):
        former = signed[number - 1] if number else None
        assert each["previousDigestSignature"] == (former and former["signature"])
        assert each["previousDigestHashValue"] == (former and former["sha256"])
        assert each["previousDigestS3Object"] == (former and former["key"])
    rest = sign_digests(served, BEGIN + 2 * HOUR, BEGIN + 4 * HOUR, signed[1], signed[0])
    assert rest.body["digests"] == signed[2:]
    second = sign_digests(served, BEGIN + HOUR, BEGIN + 2 * HOUR, signed[0])
    assert second.body["digests"] == [signed[1]]


def test_the_signature_is_of_what_aws_documents(served: InProcessServer) -> None:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html"""
    _, second, *_ = digests(served)
    said = json.loads(second["text"])
    message = "\n".join(
        [
            said["digestEndTime"],
            f"{said['digestS3Bucket']}/{said['digestS3Object']}",
            sha256(second["text"].encode()).hexdigest(),
            said["previousDigestSignature"],
        ]
    )
    (key,) = account_keys(served)
    assert said["digestPublicKeyFingerprint"] == key.fingerprint
    assert is_signed(key.public_key, bytes.fromhex(second["signature"]), message.encode())
    assert not is_signed(key.public_key, bytes.fromhex(second["signature"]), message.encode() + b"x")


def account_keys(house: InProcessServer) -> Any:
    ledger = house.ledger
    with ledger.readers.connection() as connection, connection.cursor() as cursor:
        value: Any = ledger.past.at(cursor, house.account_id, 1 << 40)
        return value[TRAIL_KEYS]


def test_nothing_of_a_client_is_signed(served: InProcessServer) -> None:
    """A digest that was not signed here, or is of another hour, another trail or another chain, has none behind it."""
    first, second, third, _ = digests(served)
    assert post(served, "trails/other", bucket="trail").status == 200
    forged = first | {"sha256": "0" * 64}
    mine = new_trail_key()
    message = f"2026-01-31T10:00:00Z\ntrail/{first['key']}\n{first['sha256']}\nnull"
    by_another = first | {"signature": sign(mine.private_key, message.encode())}
    behind = BEGIN + HOUR, BEGIN + 2 * HOUR
    refused = [
        sign_digests(served, *behind),
        sign_digests(served, *behind, forged),
        sign_digests(served, *behind, by_another),
        sign_digests(served, *behind, second, first),
        sign_digests(served, *behind, first, third),
        sign_digests(served, *behind, first | {"signature": second["signature"]}),
        sign_digests(served, BEGIN, BEGIN + HOUR, first),
        sign_digests(served, BEGIN + 2 * HOUR, BEGIN + 3 * HOUR, first),
        sign_digests(served, BEGIN + 2 * HOUR, BEGIN + 3 * HOUR, second),
        sign_digests(served, *behind, first, trail="other"),
    ]
    assert [each.status for each in refused] == [400] * len(refused)
    assert all("digest" in each.error[1] for each in refused), [each.error for each in refused]
    assert sign_digests(served, *behind, first).status == 200


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        (BEGIN, BEGIN + 5 * HOUR, "has not come yet"),
        (BEGIN, BEGIN + timedelta(minutes=90), "Digests are of whole hours of UTC"),
        (BEGIN - HOUR, BEGIN + HOUR, "The trail main begins at 2026-01-31T09:00:00Z"),
        (BEGIN + 2 * HOUR, BEGIN + HOUR, "The trail main begins at 2026-01-31T09:00:00Z"),
    ],
)
def test_only_whole_hours_that_are_over(served: InProcessServer, since: datetime, until: datetime, said: str) -> None:
    for answer in (files(served, since, until), sign_digests(served, since, until)):
        assert (answer.status, said in answer.error[1]) == (400, True), answer.body


def test_a_marker_of_another_span_is_refused(served: InProcessServer) -> None:
    marker = files(served, BEGIN, BEGIN + HOUR, limit=1).body["marker"]
    other = files(served, BEGIN + HOUR, BEGIN + 2 * HOUR, limit=1, marker=marker)
    assert (other.status, other.error[1]) == (400, "The marker is not one that ListTrailFiles has given for this span.")


def test_a_busy_hour_is_read_in_parts(served: InProcessServer) -> None:
    """As often as it is asked for, a part more; what comes out is the same."""
    with patch.object(trails, "RECORDS_A_PAGE", 1):
        answers = [sign_digests(served, BEGIN, BEGIN + HOUR).body["digests"] for _ in range(6)]
    assert answers[0] == []
    assert answers[-1] != []
    with patch.object(trails, "KNOWN", KnownHours()):
        assert sign_digests(served, BEGIN, BEGIN + HOUR).body["digests"] == answers[-1]


def test_each_needs_its_permission(served: InProcessServer) -> None:
    """On the trail: who may read its files may not sign."""
    trail = f"arn:aws:muniment::{served.account_id}:trail/main"
    ann = served.user("ann", allow("muniment:ListTrailFiles", trail))
    span = urlencode({"since": "2026-01-31T09:00:00Z", "until": "2026-01-31T10:00:00Z"})
    assert served.asks(f"/v1/trails/main/files?{span}", keys=ann).status == 200
    denied = served.asks(f"/v1/trails/main/digests?{span}", keys=ann)
    assert f"muniment:SignTrailDigests on resource: {trail}" in denied.error[1]
    assert post(served, "trails/main", keys=ann).status == 403
    assert post(served, "trail-keys", keys=ann).status == 403


def test_a_trail_begins_with_the_account_at_the_earliest(served: InProcessServer) -> None:
    """And within its hour it is not over yet."""
    told = post(served, "trails/early", bucket="trail", since="2020-01-01").body
    assert (told["begins_at"], told["closed_until"]) == ("2026-01-31T09:00:00Z", "2026-01-31T13:00:00Z")
    late = post(served, "trails/late", bucket="trail", since="2026-01-31T11:59:59Z").body
    assert late["begins_at"] == "2026-01-31T11:00:00Z"
    assert late["trail_arn"] == f"arn:aws:cloudtrail:us-east-1:{served.account_id}:trail/late"
    for since in ("2027-01-01", "p7"):
        assert post(served, "trails/never", bucket="trail", since=since).status == 400


def test_another_key_changes_nothing_that_was_signed(served: InProcessServer) -> None:
    before = digests(served)
    made = post(served, "trail-keys").body["fingerprint"]
    assert digests(served) == before
    assert [key.fingerprint for key in account_keys(served)][1:] == [made]
    assert hour_of(account_keys(served)[1].created_at) == BEGIN + 4 * HOUR
