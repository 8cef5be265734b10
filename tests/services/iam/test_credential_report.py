"""The credential report: every credential of everybody, as at one position."""

import csv

import pytest

from domain.families.reports import CREDENTIAL_REPORT
from domain.rules.reports import ReportExpired, ReportNotPresent
from tests.services.endpoint import BEGAN_AT, Endpoint, allow, arn
from tests.services.iam.certificates import certificate
from tests.services.iam.test_mfa_devices import Phone
from tests.services.iam.test_user_credentials import uploaded_certificate

HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,"
    "access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,"
    "cert_2_last_rotated"
)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def rows(endpoint: Endpoint) -> dict[str, list[str]]:
    text = endpoint.call(endpoint.root, "GetCredentialReport")["Content"].decode()
    header, *lines = csv.reader(text.split("\n"))
    assert ",".join(header) == HEADER
    assert all(len(line) == len(header) for line in lines)
    assert [line[0] for line in lines] == ["<root_account>", *sorted(line[0] for line in lines[1:])]
    return {line[0]: line[1:] for line in lines}


def test_the_credential_report(endpoint: Endpoint) -> None:
    """It is made of the account at one position: passwords, MFA devices, keys and certificates, their changes and their
    last uses, in AWS's columns and words. What happens later is in the next one alone."""
    endpoint.call(endpoint.root, "UpdateAccountPasswordPolicy", MaxPasswordAge=90)
    ann, bob = endpoint.user("ann", allow(), path="/team/"), endpoint.user("b,ob", allow())
    endpoint.call(endpoint.root, "CreateLoginProfile", UserName="ann", Password="Correct-Horse-1")
    first = uploaded_certificate(endpoint, certificate("first").body, UserName="b,ob")
    uploaded_certificate(endpoint, certificate("of root").body)
    Phone(endpoint).enable(endpoint.root, "ann")
    endpoint.later(hours=1)
    endpoint.call(endpoint.root, "UpdateAccessKey", UserName="b,ob", AccessKeyId=bob.access_key_id, Status="Inactive")
    named = {"UserName": "b,ob", "CertificateId": first["CertificateId"]}
    endpoint.call(endpoint.root, "UpdateSigningCertificate", **named, Status="Inactive")
    uploaded_certificate(endpoint, certificate("second").body, UserName="b,ob")
    Phone(endpoint, "of-root").enable(endpoint.root, "root")
    endpoint.call(ann, "ListUsers")
    with pytest.raises(ReportNotPresent):
        endpoint.call(endpoint.root, "GetCredentialReport")
    answer = endpoint.call(endpoint.root, "GenerateCredentialReport")
    assert (answer["State"], answer["Description"]) == (
        "STARTED",
        "No report exists. Starting a new report generation task",
    )
    generated = endpoint.at
    endpoint.later(minutes=30)
    endpoint.call(endpoint.root, "DeleteLoginProfile", UserName="ann")
    assert endpoint.call(endpoint.root, "GenerateCredentialReport") == {"State": "COMPLETE"}
    began, changed = "2026-01-31T12:00:00+00:00", "2026-01-31T13:00:00+00:00"
    no_key, no_certificates = ["false", *["N/A"] * 4], ["false", "N/A"] * 2
    assert rows(endpoint) == {
        "<root_account>": [
            *(arn("root"), began, "false", "no_information", "not_supported", "not_supported", "true"),
            *("true", began, changed, "us-east-1", "iam"),
            *no_key,
            *("true", began, "false", "N/A"),
        ],
        "ann": [
            *(arn("user/team/ann"), began, "true", "no_information", began, "2026-05-01T12:00:00+00:00", "true"),
            *("true", began, changed, "us-east-1", "iam"),
            *no_key,
            *no_certificates,
        ],
        "b,ob": [
            *(arn("user/b,ob"), began, "false", "N/A", "N/A", "N/A", "false", "false", changed, "N/A", "N/A", "N/A"),
            *no_key,
            *("false", changed, "true", changed),
        ],
    }
    answer = endpoint.call(endpoint.root, "GetCredentialReport")
    assert (answer["ReportFormat"], answer["GeneratedTime"]) == ("text/csv", generated)
    endpoint.later(hours=3, minutes=30)
    with pytest.raises(ReportExpired):
        endpoint.call(endpoint.root, "GetCredentialReport")
    assert endpoint.call(endpoint.root, "GenerateCredentialReport")["State"] == "STARTED"
    assert rows(endpoint)["ann"][2:6] == ["false", "N/A", "N/A", "N/A"]


def test_a_credential_report_of_the_past(endpoint: Endpoint) -> None:
    """Under /as-of/ it is the one that there was then, as long as it was kept then; before and after that, the one that
    would have been made then. Asking for one makes nothing."""
    before = f"p{len(endpoint.entries)}"
    endpoint.later(hours=1)
    endpoint.user("ann")
    endpoint.call(endpoint.root, "GenerateCredentialReport")
    made, generated = endpoint.account[CREDENTIAL_REPORT], endpoint.at
    endpoint.later(hours=3)
    endpoint.user("bob")
    kept = f"p{len(endpoint.entries)}"
    endpoint.later(hours=6)
    endpoint.user("cat")
    expired = f"p{len(endpoint.entries)}"
    for moment, users, at in (
        (before, set(), BEGAN_AT),
        (kept, {"ann"}, generated),
        (expired, {"ann", "bob", "cat"}, endpoint.at),
    ):
        endpoint.moment = moment
        assert endpoint.call(endpoint.root, "GenerateCredentialReport") == {"State": "COMPLETE"}
        assert rows(endpoint).keys() == {"<root_account>", *users}
        assert endpoint.call(endpoint.root, "GetCredentialReport")["GeneratedTime"] == at
    assert endpoint.account[CREDENTIAL_REPORT] == made
