"""IAM's operations on the credential report (docs/adr/0052)."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.reports import CredentialReportGenerated, ReportQuery
from domain.rules import reports
from services.wire.operations import answers, any_resource

STARTED = "No report exists. Starting a new report generation task"


@answers("GenerateCredentialReport", on=any_resource)
def generate_credential_report(account: Account, call: Call) -> Outcome:
    """What it says is settled at once: whoever asks again learns that it is complete."""
    if reports.kept_credential_report(account, call.at) is not None:
        return Outcome(lambda _after: {"State": "COMPLETE"})
    return Outcome(lambda _after: {"State": "STARTED", "Description": STARTED}, [CredentialReportGenerated()])


@answers("GetCredentialReport", on=any_resource)
def get_credential_report(account: Account, call: Call) -> Outcome:
    report = reports.credential_report(account, call.at)
    in_progress = reports.ReportInProgress("The credential report is still being generated.")
    content = reports.found(call, ReportQuery(account.id, report), unsettled=in_progress)
    return Outcome(
        lambda _after: {"Content": content, "ReportFormat": "text/csv", "GeneratedTime": report.generated_at}
    )
