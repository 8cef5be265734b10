"""Refused calls beyond so many of a kind are counted, not recorded one by one (docs/adr/0040)."""

import asyncio
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.calls import ApiCalled, RefusalsCounted
from domain.foundation.abridged import ARN_BYTES_MAX, shorten
from domain.foundation.errors import Refusal
from domain.foundation.events import Cause, Principal
from services.ledger.committer import Committer
from services.ledger.pending_call import CallResult, LedgerAppend

RECORDED_AT_ONCE_MAX = 50
"""Refusals of a kind that are recorded one by one before any is counted."""
BETWEEN_RECORDED = timedelta(seconds=6)
"""After these, one is recorded in so long."""
KINDS_MAX = 10_000
"""Of refusals that are told apart. When there are more with something counted, the others are recorded one by one."""
ORIGINS_MAX = 20
"""Credentials, addresses and user agents together that are told apart within a kind, until they are recorded."""
NAMED_MAX, NAMED_BYTES_MAX = 20, 2_048
"""What the calls of an origin were about."""
EVENTS_A_COMMIT_MAX = 200
_NAMED_BY = {
    **{f"{kind}_name": f"{kind}/" for kind in ("user", "group", "role")},
    "instance_profile_name": "instance-profile/",
    "server_certificate_name": "server-certificate/",
    "virtual_mfa_device_name": "mfa/",
    **dict.fromkeys(("access_key_id", "ssh_public_key_id", "certificate_id", "service_specific_credential_id"), ""),
    **dict.fromkeys(("serial_number", "remove_private_key", "deletion_task_id", "job_id", "account_alias"), ""),
}
"""By which parameters a call names something, and what stands before it; as resources_named of trail.sql has them."""


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """As it would be recorded, and who is answerable."""

    refusal: Refusal
    record: ApiCalled
    cause: Cause
    accounts: tuple[str, ...]
    """Whose ledgers get it: first the caller's."""
    at: datetime
    caller_id: str
    """Of the user or role whose permissions count."""
    principal: Principal | None
    """That of the credential, whether or not it is still good for anything."""
    is_known: bool
    """Whether there is such an operation here. Other names are for the caller to choose, and are not told apart."""

    @property
    def kind(self) -> "_Kind":
        service, operation = (self.cause.service, self.cause.operation) if self.is_known else ("", "")
        return self.accounts, self.caller_id, service, operation, self.refusal.code

    def named(self) -> Iterator[str]:
        """What the call is found by: what it was authorised on, ARNs, ids, and entities by kind and name."""
        yield from (resource for each in self.record.decisions for resource in each.resources if resource != "*")
        for name, value in self.record.parameters.items():
            kind = _NAMED_BY.get(name.removeprefix("new_"))
            for text in value if isinstance(value, list) else (value,):
                found = text.get("arn") if isinstance(text, dict) else text
                if isinstance(found, str) and found.startswith("arn:"):
                    yield found
                elif isinstance(found, str) and kind is not None:
                    yield kind + found


_Kind = tuple[tuple[str, ...], str, str, str, str]
_Origin = tuple[str | None, ...]
_ANY_ORIGIN: _Origin = ()


@dataclass(slots=True)
class _Tally:
    cause: Cause
    """Of the first of them."""
    read_only: bool
    first: datetime
    last: datetime
    count: int = 0
    named: dict[str, None] = field(default_factory=dict)
    named_bytes: int = 0
    named_not_kept: int = 0
    """Calls that were about something else besides."""

    def add(self, call: RefusedCall) -> None:
        self.count += 1
        self.first, self.last = min(self.first, call.at), max(self.last, call.at)
        whole = True
        for each in call.named():
            text = shorten(each, ARN_BYTES_MAX)
            if text in self.named:
                continue
            size = len(text.encode())
            if len(self.named) < NAMED_MAX and self.named_bytes + size <= NAMED_BYTES_MAX:
                self.named[text] = None
                self.named_bytes += size
            else:
                whole = False
        self.named_not_kept += not whole

    def event(self, error_code: str) -> RefusalsCounted:
        return RefusalsCounted(
            read_only=self.read_only,
            error_code=error_code,
            count=self.count,
            first=self.first,
            last=self.last,
            named=tuple(self.named),
            named_not_kept=self.named_not_kept,
        )


@dataclass(slots=True)
class _Bucket:
    left: float
    at: datetime
    tallies: dict[_Origin, _Tally] = field(default_factory=dict)

    def takes_one(self, now: datetime) -> bool:
        regained = max(timedelta(), now - self.at) / BETWEEN_RECORDED
        self.left, self.at = min(RECORDED_AT_ONCE_MAX, self.left + regained), max(self.at, now)
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def count(self, call: RefusedCall) -> None:
        cause = call.cause if call.is_known else call.cause.model_copy(update={"service": "", "operation": ""})
        origin: _Origin = (
            cause.access_key_id,
            cause.session_id,
            cause.peer_address,
            cause.forwarded_address,
            cause.user_agent,
        )
        if origin not in self.tallies and len(self.tallies) >= ORIGINS_MAX:
            origin, cause = _ANY_ORIGIN, _of_any_origin(cause, call.principal)
        tally = self.tallies.get(origin)
        if tally is None:
            tally = self.tallies[origin] = _Tally(cause, call.record.read_only, call.at, call.at)
        tally.add(call)


def _of_any_origin(cause: Cause, principal: Principal | None) -> Cause:
    """Without what tells one call of the same user or role from another."""
    if principal is not None and principal.type in {"AssumedRole", "FederatedUser"}:
        every = {"principal_id": principal.principal_id.partition(":")[0] + ":*", "session_issued_at": None}
        principal = principal.model_copy(update={"arn": principal.arn.rpartition("/")[0] + "/*", **every})
    told = dict.fromkeys(("access_key_id", "session_id", "peer_address", "forwarded_address", "user_agent"))
    return cause.model_copy(update={**told, "principal": principal})


class RefusalCounts:
    """Token buckets, one for each kind of refusal: account, user or role, operation and error code, so that none hides
    another. Rounds ask on their threads, and what was answered is counted on the event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._idle: OrderedDict[_Kind, _Bucket] = OrderedDict()
        """With nothing counted, the one that was asked for last at the end."""
        self._counting: dict[_Kind, _Bucket] = {}

    def is_recorded(self, call: RefusedCall) -> bool:
        """Whether the call is to be recorded by itself. Whoever is told no counts it, once it was answered."""
        kind = call.kind
        with self._lock:
            bucket = self._counting.get(kind) or self._idle.get(kind)
            if bucket is None:
                if len(self._idle) + len(self._counting) >= KINDS_MAX:
                    if not self._idle:
                        return True
                    self._idle.popitem(last=False)
                bucket = self._idle[kind] = _Bucket(RECORDED_AT_ONCE_MAX, call.at)
            elif kind in self._idle:
                self._idle.move_to_end(kind)
            return bucket.takes_one(call.at)

    def count(self, call: RefusedCall) -> None:
        kind = call.kind
        with self._lock:
            bucket = self._counting.get(kind) or self._idle.pop(kind, None) or _Bucket(0, call.at)
            self._counting[kind] = bucket
            bucket.count(call)

    def take(self) -> dict[_Kind, dict[_Origin, _Tally]]:
        """All that was counted, which is the caller's from here on."""
        with self._lock:
            taken = {}
            for kind, bucket in self._counting.items():
                taken[kind], bucket.tallies = bucket.tallies, {}
                self._idle[kind] = bucket
            self._counting.clear()
            return taken


class RefusalRecorder:
    """One event loop's. A crash loses what was counted since the last flush."""

    def __init__(self, committer: Committer, counts: RefusalCounts) -> None:
        self._committer = committer
        self._counts = counts
        self._flushing = asyncio.Lock()
        self._unwritten: list[tuple[_Kind, _Tally]] = []
        """Taken, and not in a ledger yet. Guarded by the lock."""

    @property
    def is_recorded(self) -> Callable[[RefusedCall], bool]:
        return self._counts.is_recorded

    def count(self, call: RefusedCall) -> None:
        self._counts.count(call)

    async def flush(self) -> None:
        """Records the counts, in every ledger that the calls were about. Raises what a commit raises; what is not
        written then comes with the next flush. Whoever flushes meanwhile returns when these are written, too."""
        async with self._flushing:
            await self._flush()

    async def _flush(self) -> None:
        taken = self._counts.take()
        self._unwritten += ((kind, tally) for kind, tallies in taken.items() for tally in tallies.values())
        waiting, self._unwritten = self._unwritten, []
        of_accounts = defaultdict[tuple[str, ...], list[tuple[_Kind, _Tally]]](list)
        for kind, tally in waiting:
            of_accounts[kind[0]].append((kind, tally))
        failed: Exception | None = None
        for accounts, tallies in of_accounts.items():
            for start in range(0, len(tallies), EVENTS_A_COMMIT_MAX):
                part = tallies[start : start + EVENTS_A_COMMIT_MAX]
                try:
                    await self._append(accounts, part)
                except Exception as error:  # noqa: BLE001  raised below, when the others have been tried
                    self._unwritten += part
                    failed = error
        if failed is not None:
            raise failed

    async def _append(self, accounts: tuple[str, ...], tallies: Sequence[tuple[_Kind, _Tally]]) -> None:
        done = CallResult(
            None,
            [
                LedgerAppend(account_id, tally.cause, [tally.event(error_code)])
                for (*_, error_code), tally in tallies
                for account_id in accounts
            ],
        )
        # However long it takes: given up, it might be written all the same, and be counted twice.
        await asyncio.wrap_future(self._committer.begin(frozenset(accounts), lambda _values, _at: done))
