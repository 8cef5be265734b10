"""Making a bundle: entries of the account, page by page, with the proofs of the last page, into one file."""

import json
import os
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from domain.evidence.bundles import (
    CHECKPOINT,
    ENTRIES,
    HEADS_PROOF,
    RANGE,
    TEXTS,
    BundleManifest,
    ClaimRefuted,
    InvalidBundle,
    VerifiedBundle,
    range_bytes,
    verify_bundle,
    write_bundle,
)
from domain.evidence.merkle import Frontier
from domain.foundation.events import Change
from domain.foundation.moments import format_rfc3339
from domain.registry import event_class
from services.api.contract.evidence import (
    GetLongText,
    GetTransparencyLog,
    LocatedEntries,
    ProvedEntries,
    ProveEntries,
    PublishedAccountHead,
    TransparencyLog,
)
from services.api.contract.question import ROWS_MAX, Question
from services.cli.lib.client import QuestionClient
from services.cli.lib.progress import Progress
from services.cli.lib.remote import Unavailable
from services.cli.lib.terminal import Failure
from services.cli.lib.verification_guide import verification_guide

TRIES, PAUSE_SECONDS = 40, 0.25
"""The next checkpoint comes within a second; each question is an entry that it will have."""

BundleMembers = Iterable[tuple[str, Iterable[bytes]]]


def make_bundle(
    client: QuestionClient,
    path: Path,
    period: Question[LocatedEntries],
    claims: Sequence[Mapping[str, str]] = (),
    more: BundleMembers = (),
) -> VerifiedBundle:
    """Of the period, verified before it gets its name. `more` are members that nothing proves. Raises Failure when the
    file is there already, or what the server proves does not hold."""
    if path.exists():
        raise Failure(f"{path} is there already: a bundle replaces nothing.")
    located = client.ask(period)
    bundling = _Bundling(client, client.ask(GetTransparencyLog()), located)
    manifest = BundleManifest(
        account_id=located.account_id,
        since=format_rfc3339(located.since),
        until=format_rfc3339(located.until),
        first=located.first,
        last=located.last,
        begin=bundling.begin,
        origin=bundling.log.origin,
        verifier_keys=bundling.log.verifier_keys,
        claims=tuple(claims),
    )
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            guide = ("VERIFY.md", [verification_guide(manifest).encode()])
            write_bundle(file, manifest, chain(bundling.members(), more, [guide]))
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            verified = verify_bundle(file)
        os.link(draft, path)
    except ClaimRefuted as error:
        raise Failure(f"{error} Nothing is written.") from error
    except InvalidBundle as error:
        raise Failure(f"What the server proves does not hold: {error}") from error
    except FileExistsError as error:
        raise Failure(f"{path} is there already: a bundle replaces nothing.") from error
    finally:
        Path(draft).unlink()
        bundling.progress.clear()
    return verified


class _Bundling:
    def __init__(self, client: QuestionClient, log: TransparencyLog, located: LocatedEntries) -> None:
        self._client = client
        self.log = log
        self.progress = Progress()
        self.begin = max(1, located.first - 1)
        self._end = located.last + 1
        """The neighbour behind the period: there is one, for this question is newer."""
        self._before: Frontier | None = None
        self._consistency: tuple[str, ...] = ()
        self._head: PublishedAccountHead | None = None
        self._texts: dict[str, None] = {}

    def members(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        yield ENTRIES, self._lines()
        assert self._before is not None
        assert self._head is not None
        yield RANGE, [range_bytes(self._before, [b64decode(each) for each in self._consistency])]
        yield CHECKPOINT, [self._head.checkpoint.encode()]
        yield HEADS_PROOF, [self._head.heads_proof.encode()]
        for name in self._texts:
            yield f"{TEXTS}{name}", [self._client.ask(GetLongText(sha256=name)).text.encode()]

    def _lines(self) -> Iterator[bytes]:
        first = self.begin
        while first <= self._end:
            page = self._page(first)
            if self._before is None:
                self._before = Frontier(first - 1, tuple(map(b64decode, page.before)))
            for line in page.entries:
                self._note_texts(line)
                yield line.encode() + b"\n"
            self._consistency, self._head = page.consistency, page.head
            first = page.last + 1
            self.progress.tell("bundling entries", first - self.begin, self._end - self.begin + 1, "entries")

    def _page(self, first: int) -> ProvedEntries:
        asked = ProveEntries(first=first, last=self._end, limit=ROWS_MAX)
        for _ in range(TRIES - 1):
            try:
                return self._client.ask(asked)
            except Unavailable:
                time.sleep(PAUSE_SECONDS)
        return self._client.ask(asked)

    def _note_texts(self, line: str) -> None:
        if "sha256" not in line:
            return
        entry = json.loads(line)
        event = event_class(entry["topic"])
        for name in event.long_texts if issubclass(event, Change) else ():
            if (digest := entry["event"].get(name)) is not None:
                self._texts[digest] = None
