"""Delivering a trail: log files and digests of the hours that are over, behind those that are delivered already."""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from domain.rules.trails import HOUR
from services.api.contract.question import ROWS_MAX
from services.api.contract.trails import ListTrailFiles, SignTrailDigests, TrailDetails, TrailDigest, TrailFile
from services.cli.lib.client import QuestionClient, build_question
from services.cli.lib.export_places import CONTENT_BYTES_MAX, Delivered, ExportPlace
from services.cli.lib.terminal import Failure

HOURS_A_TIME = 24
ASKED_MAX = 1_000
"""So often for the same hour, of which the server reads a part each time."""
SIGNATURE, ALGORITHM = "signature", "signature-algorithm"
"""Of a digest's metadata (CloudTrail User Guide, "CloudTrail digest file structure")."""
_ENDS_AT = re.compile(r"_([0-9]{8}T[0-9]{6}Z)\.json\.gz")


class FormerDigest(NamedTuple):
    """What the next digest has to say of it, and what proves it to the server."""

    sha256: str
    signature: str
    signature_before: str | None


class TrailDelivery:
    """Of one trail to one place."""

    def __init__(self, client: QuestionClient, place: ExportPlace, trail: TrailDetails) -> None:
        self._client, self._place, self._trail = client, place, trail
        self.files = self.digests = self.records = 0
        """How many were found to be there as they should be, or were put there."""

    def delivered(self) -> dict[datetime, str]:
        """The keys of the trail's digests that are there, by the ends of their hours, in their order."""
        prefix = "" if self._trail.prefix is None else f"{self._trail.prefix}/"
        account_id, region = self._trail.account_id, self._trail.region
        folder = f"{prefix}AWSLogs/{account_id}/CloudTrail-Digest/{region}/"
        name = re.escape(f"{account_id}_CloudTrail-Digest_{region}_{self._trail.name}_{region}")
        digest = re.compile(rf"(?:[0-9]+/){{3}}{name}{_ENDS_AT.pattern}")
        found = ((key, digest.fullmatch(key.removeprefix(folder))) for key in self._place.keys(folder))
        ends = {_time(match[1]): key for key, match in found if match is not None}
        return dict(sorted(ends.items()))

    def former(self, ends_at: datetime, key: str | None) -> FormerDigest | None:
        """The digest that was delivered of the hour with this end; None where that is no hour of the trail. Raises
        Failure where it is not there or cannot be read."""
        if ends_at == self._trail.begins_at:
            return None
        found = None if key is None else self._place.read(key)
        if found is None:
            raise Failure(
                f"There is no digest of the hour that ends at {ends_at:%Y-%m-%dT%H:%M:%SZ}, which the next one has to "
                "name: begin with --from at an earlier hour."
            )
        content = _uncompressed(str(key), found)
        try:
            before = json.loads(content)["previousDigestSignature"]
            return FormerDigest(sha256(content).hexdigest(), found.metadata[SIGNATURE], before)
        except (ValueError, LookupError, TypeError) as error:
            raise Failure(f"{key} is no digest, or has no signature.") from error

    def deliver(
        self, since: datetime, until: datetime, former: FormerDigest | None, told: Callable[[datetime], None]
    ) -> None:
        """The hours between the two, some at a time: first their log files, then their digests. What is cut off goes on
        where it was. Raises Failure."""
        while since < until:
            ends_at = min(until, since + HOURS_A_TIME * HOUR)
            hashes = self._deliver_files(since, ends_at)
            former = self._deliver_digests(since, ends_at, former, hashes)
            since = ends_at
            told(since)

    def _deliver_files(self, since: datetime, until: datetime) -> dict[str, str]:
        """Their hashes, by their keys."""
        hashes: dict[str, str] = {}
        for file in self._log_files(since, until):
            self._put(file.key, file.text, {})
            hashes[file.key] = sha256(file.text.encode()).hexdigest()
            self.files, self.records = self.files + 1, self.records + file.records
        return hashes

    def _deliver_digests(
        self, since: datetime, until: datetime, former: FormerDigest | None, hashes: dict[str, str]
    ) -> FormerDigest | None:
        """The last one. Raises Failure where they do not name just these files."""
        for digest in self._signed(since, until, former):
            for file in json.loads(digest.text)["logFiles"]:
                if hashes.pop(file["s3Object"], None) != file["hashValue"]:
                    raise Failure(f"{file['s3Object']}: the server's digest names another file than it gave.")
            self._put(digest.key, digest.text, {SIGNATURE: digest.signature, ALGORITHM: "SHA256withRSA"})
            self.digests += 1
            former = FormerDigest(digest.sha256, digest.signature, None if former is None else former.signature)
        if hashes:
            raise Failure(f"{min(hashes)}: the server gave it, and no digest names it.")
        return former

    def _signed(self, since: datetime, until: datetime, former: FormerDigest | None) -> Iterator[TrailDigest]:
        asked = 0
        while since < until:
            named: dict[str, str | None] = {}
            if former is not None:
                named["former_sha256"], named["former_signature"], named["signature_before"] = former
            given = {"name": self._trail.name, "since": since.isoformat(), "until": until.isoformat(), **named}
            digests = self._client.ask(build_question(SignTrailDigests, given)).digests
            asked = 0 if digests else asked + 1
            if asked == ASKED_MAX:
                raise Failure(f"The server has not come to the end of the hour from {since.isoformat()} on.")
            for digest in digests:
                yield digest
                before = None if former is None else former.signature
                former = FormerDigest(digest.sha256, digest.signature, before)
                since = digest.ends_at

    def _log_files(self, since: datetime, until: datetime) -> Iterator[TrailFile]:
        given = {"name": self._trail.name, "since": since.isoformat(), "until": until.isoformat(), "limit": ROWS_MAX}
        marker = None
        while True:
            page = self._client.ask(build_question(ListTrailFiles, {**given, "marker": marker}))
            yield from page.files
            marker = page.marker
            if marker is None:
                return

    def _put(self, key: str, text: str, metadata: Mapping[str, str]) -> None:
        """Raises Failure where something else was delivered under the key."""
        content = text.encode()
        found = self._place.read(key)
        if found is None:
            # Without the time at which it was compressed.
            self._place.create(key, gzip.compress(content, mtime=0), metadata)
            return
        if _uncompressed(key, found) != content:
            raise Failure(f"{key} is there with other content than the ledger's: it was altered. It stays as it is.")
        if any(found.metadata.get(name) != value for name, value in metadata.items()):
            raise Failure(f"{key} is there with another signature than the server's. It stays as it is.")


def _uncompressed(key: str, found: Delivered) -> bytes:
    """Raises Failure for what is not one whole gzip, or more than a trail's files have."""
    inflater: Any = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        content: bytes = inflater.decompress(found.content, CONTENT_BYTES_MAX)
    except zlib.error as error:
        raise Failure(f"{key} is there and is no gzip: it was altered. It stays as it is.") from error
    if not inflater.eof or inflater.unused_data:
        raise Failure(f"{key} is there and is no whole gzip: it was altered. It stays as it is.")
    return content


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Failure(f"The name of a digest has the time {text}, which is none.") from error
