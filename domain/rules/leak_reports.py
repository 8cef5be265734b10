"""Reports of leaked access keys: what is recorded of them, and what the account wants done."""

from typing import Literal

from domain.account import Account
from domain.families.access_keys import AccessKey
from domain.families.leak_reports import LEAK_REPORTS, REPORTS_KNOWN_MAX, CredentialReportedLeaked, report_digest
from domain.foundation.abridged import shorten, url_place
from domain.rules.access_keys import owner_name
from domain.rules.lifecycle_profiles import NO_RULES, applied_rules

SOURCE_BYTES_MAX = 64
URL_BYTES_MAX = 500

OnCompromise = Literal["contain", "deactivate", "record"]


def on_compromise(account: Account, owner_id: str) -> OnCompromise:
    """What the account wants done to an access key of the owner that was reported. An override that does not say it
    leaves it to the general rules."""
    rules, profile, _ = applied_rules(account, owner_id, "access_key")
    return rules.on_compromise or profile.rules.get("access_key", NO_RULES).on_compromise or "record"


def report_leak(
    account: Account, key: AccessKey, *, reporter: str, source: str | None, url: str | None
) -> CredentialReportedLeaked:
    return CredentialReportedLeaked(
        credential_id=key.id,
        owner_id=key.user_id,
        owner_name=owner_name(account, key.user_id),
        reporter=reporter,
        source=shorten(source, SOURCE_BYTES_MAX) if source else None,
        url=shorten(url_place(url), URL_BYTES_MAX) if url else None,
    )


def is_known(account: Account, report: CredentialReportedLeaked) -> bool:
    """Whether the same was reported before, so that it is a repetition; or too much was, to tell."""
    reports = account[LEAK_REPORTS].get(report.credential_id)
    if reports is None:
        return False
    digest = report_digest(report.reporter, report.source, report.url)
    return len(reports.digests) >= REPORTS_KNOWN_MAX or digest in reports.digests
