"""IAM's operations on the credential report (docs/adr/0052)."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.reports import CredentialReport, CredentialReportGenerated, ReportQuery
from domain.rules import reports
from services.wire.operations import answers, any_resource

STARTED = "No report exists. Starting a new report generation task"


def _is_complete(_account: Account, _call: Call) -> Outcome:
    """About the past: whether there was a report or not, the past tells one."""
    return Outcome(lambda _after: {"State": "COMPLETE"})


def _told_of_past(account: Account, call: Call) -> Outcome:
    """The one that was there; where there was none, what one would have said."""
    kept = reports.kept_credential_report(account, call.at)
    return _told(account, call, kept or CredentialReport(account.position, call.at))


@answers("GenerateCredentialReport", on=any_resource, run_as_of=_is_complete)
def generate_credential_report(account: Account, call: Call) -> Outcome:
    """What it says is settled at once: whoever asks again learns that it is complete."""
    if reports.kept_credential_report(account, call.at) is not None:
        return Outcome(lambda _after: {"State": "COMPLETE"})
    return Outcome(lambda _after: {"State": "STARTED", "Description": STARTED}, [CredentialReportGenerated()])


@answers("GetCredentialReport", on=any_resource, run_as_of=_told_of_past)
def get_credential_report(account: Account, call: Call) -> Outcome:
    return _told(account, call, reports.credential_report(account, call.at))


def _told(account: Account, call: Call, report: CredentialReport) -> Outcome:
    in_progress = reports.ReportInProgress("The credential report is still being generated.")
    content = reports.found(call, ReportQuery(account.id, report), unsettled=in_progress)
    return Outcome(
        lambda _after: {"Content": content, "ReportFormat": "text/csv", "GeneratedTime": report.generated_at}
    )
