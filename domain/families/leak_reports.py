"""Reports that a credential has leaked: who found it where."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from immutables import Map

from domain.account import Account, Bookkeeping, Component, forget_key
from domain.foundation.personal import Personal

REPORTS_KNOWN_MAX = 100
"""So many of a credential are told apart."""
_DIGEST_CHARACTERS = 16


def report_digest(reporter: str, source: str | None, url: str | None) -> str:
    """By which a report that comes again is known."""
    return sha256("\0".join((reporter, source or "", url or "")).encode()).hexdigest()[:_DIGEST_CHARACTERS]


@dataclass(frozen=True, slots=True)
class LeakReports:
    first_at: datetime
    count: int
    digests: tuple[str, ...]
    """Of the first REPORTS_KNOWN_MAX."""


LEAK_REPORTS = Component[Map[str, LeakReports]]("leak_reports", Map(), forget=forget_key)
"""By credential id. When the credential is deleted, the ledger alone still tells of them."""


class CredentialReportedLeaked(Bookkeeping, topic="iam.credential.reported_leaked.v1"):
    """It is compromised, for somebody has it who should not. What was done about it, other events say."""

    credential_id: str
    """The access key id."""
    owner_id: str
    """The user's unique id; the account id for a key of the root user."""
    owner_name: Personal[str]
    reporter: str
    """An ARN, `operator`, or a secret scanner by the key that signed its report."""
    source: str | None = None
    """What kind of place it was found in, such as `commit`."""
    url: Personal[str | None] = None
    """Where it was found, shortened."""

    def fold(self, account: Account, at: datetime) -> Account:
        reports = account[LEAK_REPORTS]
        known = reports.get(self.credential_id, LeakReports(at, 0, ()))
        digests = known.digests
        if len(digests) < REPORTS_KNOWN_MAX:
            digests = (*digests, report_digest(self.reporter, self.source, self.url))
        told = LeakReports(known.first_at, known.count + 1, digests)
        return account.put(LEAK_REPORTS, reports.set(self.credential_id, told))

    def describe(self) -> str:
        where = "".join(f", {what} {value}" for what, value in (("in", self.source), ("at", self.url)) if value)
        return f"Access key {self.credential_id} of {self.owner_name} was reported leaked by {self.reporter}{where}."
