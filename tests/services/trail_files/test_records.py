"""Calls as records of CloudTrail, beside records that AWS has written."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from botocore import xform_name

from domain.calls import ApiCalled, DecisionRecord, RefusalsCounted
from domain.families.policies import PolicyCreated
from domain.families.sessions import Session, SessionIssued
from domain.foundation.abridged import ABRIDGED
from domain.foundation.events import Cause, Entry, Event, Operator, Principal, SessionIssuer
from domain.foundation.identifiers import INSTALLATION
from services.aws_services import SERVICES
from services.trail_files.identities import user_identity
from services.trail_files.records import render_record
from services.trail_files.times import iam_date, sts_date
from services.trail_files.wire_names import DIRECTORIES, wire_names
from services.wire.model import load_model
from tests.docs.pages import ROOT

ACCOUNT, OTHER = "123456789012", "210987654321"
AT = datetime(2026, 1, 31, 9, 5, 59, 999_999, tzinfo=UTC)
REAL = ROOT.parent / "shared/data/cloudtrail"
ADA = Principal(
    type="IAMUser", principal_id="AIDAADA", arn=f"arn:aws:iam::{ACCOUNT}:user/ada", account_id=ACCOUNT, user_name="ada"
)
ROLE = SessionIssuer(type="Role", principal_id="AROAOPS", arn=f"arn:aws:iam::{ACCOUNT}:role/ops", user_name="ops")
OPS = Principal(
    type="AssumedRole",
    principal_id="AROAOPS:ada",
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/ada",
    account_id=ACCOUNT,
    issuer=ROLE,
    session_issued_at=AT - timedelta(minutes=1),
    mfa_authenticated=True,
    source_identity="ada",
)
ROOT_USER = Principal(type="Root", principal_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", account_id=ACCOUNT)
CAUSE = Cause(
    origin="api",
    request_id="r-1",
    shared_id="s-1",
    service="iam",
    operation="CreateUser",
    principal=ADA,
    access_key_id="AKIAADA",
    peer_address="192.0.2.7",
    user_agent="aws-cli/2",
    region="us-east-1",
)
ATTRIBUTES = {"creationDate": "2026-01-31T09:04:59Z", "mfaAuthenticated": "true"}


def record(event: Event, cause: Cause = CAUSE, *events: Event, account_id: str = ACCOUNT) -> dict[str, Any] | None:
    entries = [Entry(account_id, position, f"e-{position}", AT, cause, each) for position, each in enumerate(events)]
    return render_record("aws", Entry(account_id, 9, "e-9", AT, cause, event), entries, lambda _session: False)


def caused(**changes: Any) -> Cause:
    return CAUSE.model_copy(update=changes)


@pytest.mark.parametrize(
    ("cause", "identity"),
    [
        (
            CAUSE,
            {
                "type": "IAMUser",
                "principalId": "AIDAADA",
                "arn": f"arn:aws:iam::{ACCOUNT}:user/ada",
                "accountId": ACCOUNT,
                "accessKeyId": "AKIAADA",
                "userName": "ada",
            },
        ),
        (
            caused(
                principal=ADA.model_copy(update={"session_issued_at": OPS.session_issued_at}), access_key_id="ASIAADA"
            ),
            {
                "type": "IAMUser",
                "principalId": "AIDAADA",
                "arn": f"arn:aws:iam::{ACCOUNT}:user/ada",
                "accountId": ACCOUNT,
                "accessKeyId": "ASIAADA",
                "userName": "ada",
                "sessionContext": {
                    "sessionIssuer": {},
                    "webIdFederationData": {},
                    "attributes": {**ATTRIBUTES, "mfaAuthenticated": "false"},
                },
            },
        ),
        (
            caused(principal=OPS, access_key_id="ASIAOPS"),
            {
                "type": "AssumedRole",
                "principalId": "AROAOPS:ada",
                "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/ada",
                "accountId": ACCOUNT,
                "accessKeyId": "ASIAOPS",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "principalId": "AROAOPS",
                        "arn": f"arn:aws:iam::{ACCOUNT}:role/ops",
                        "accountId": ACCOUNT,
                        "userName": "ops",
                    },
                    "webIdFederationData": {},
                    "attributes": ATTRIBUTES,
                    "sourceIdentity": "ada",
                },
            },
        ),
        (
            caused(
                principal=Principal(
                    type="FederatedUser",
                    principal_id=f"{ACCOUNT}:night",
                    arn=f"arn:aws:sts::{ACCOUNT}:federated-user/night",
                    account_id=ACCOUNT,
                    issuer=SessionIssuer(type="User", principal_id="AIDAADA", arn=ADA.arn, user_name="ada"),
                    session_issued_at=OPS.session_issued_at,
                ),
                access_key_id="ASIANIGHT",
            ),
            {
                "type": "FederatedUser",
                "principalId": f"{ACCOUNT}:night",
                "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/night",
                "accountId": ACCOUNT,
                "accessKeyId": "ASIANIGHT",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "IAMUser",
                        "principalId": "AIDAADA",
                        "arn": f"arn:aws:iam::{ACCOUNT}:user/ada",
                        "accountId": ACCOUNT,
                        "userName": "ada",
                    },
                    "webIdFederationData": {},
                    "attributes": {**ATTRIBUTES, "mfaAuthenticated": "false"},
                },
            },
        ),
        (
            caused(principal=ROOT_USER, access_key_id="AKIAROOT"),
            {
                "type": "Root",
                "principalId": ACCOUNT,
                "arn": f"arn:aws:iam::{ACCOUNT}:root",
                "accountId": ACCOUNT,
                "accessKeyId": "AKIAROOT",
            },
        ),
        (
            caused(principal=OPS.model_copy(update={"account_id": OTHER}), access_key_id="ASIAOPS"),
            {"type": "AWSAccount", "principalId": "AROAOPS:ada", "accountId": OTHER},
        ),
        (
            caused(
                principal=Principal(
                    type="AWSService", principal_id="ci.example.com", arn="ci.example.com", account_id=INSTALLATION
                )
            ),
            {"type": "AWSService", "invokedBy": "ci.example.com"},
        ),
        (caused(principal=None), {"type": "Unknown", "accountId": ACCOUNT, "accessKeyId": "AKIAADA"}),
        (caused(principal=None, access_key_id=None), {"accountId": ACCOUNT, "invokedBy": "muniment"}),
    ],
    ids=[
        *("IAMUser", "IAMUser in a session", "AssumedRole", "FederatedUser", "Root", "AWSAccount", "AWSService"),
        *("revoked", "operator"),
    ],
)
def test_identities(cause: Cause, identity: dict[str, object]) -> None:
    assert user_identity(ACCOUNT, cause, lambda _session: False) == identity


def test_assumed_root_is_told_apart() -> None:
    """From a session of root's own, by the session alone."""
    at = {"session_issued_at": OPS.session_issued_at, "source_identity": "boss"}
    cause = caused(principal=ROOT_USER.model_copy(update=at), session_id="SESNA")
    context = user_identity(ACCOUNT, cause, lambda session: session == "SESNA")["sessionContext"]
    assert context == {
        "sessionIssuer": {},
        "webIdFederationData": {},
        "attributes": {**ATTRIBUTES, "mfaAuthenticated": "false"},
        "sourceIdentity": "boss",
        "assumedRoot": "true",
    }
    own = user_identity(ACCOUNT, replaced(cause, "SESNB"), lambda session: session == "SESNA")["sessionContext"]
    assert isinstance(own, dict)
    assert "assumedRoot" not in own


def replaced(cause: Cause, session_id: str) -> Cause:
    return cause.model_copy(update={"session_id": session_id})


def test_a_call_as_a_whole() -> None:
    """That changed something, whose answer is not known; what there is not is left out."""
    told = record(
        ApiCalled(read_only=False, parameters={"user_name": "bob", "new_path": "/x/"}),
        caused(operation="UpdateServerCertificate", forwarded_address="198.51.100.9"),
    )
    assert told == {
        "eventVersion": "1.11",
        "userIdentity": user_identity(ACCOUNT, CAUSE, lambda _session: False),
        "eventTime": "2026-01-31T09:05:59Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "UpdateServerCertificate",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.9",
        "userAgent": "aws-cli/2",
        "requestParameters": {"userName": "bob", "newPath": "/x/"},
        "responseElements": None,
        "requestID": "r-1",
        "eventID": "e-9",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    unknown = record(ApiCalled(read_only=False, parameters={}), caused(operation="CreateVirtualMFADevice"))
    assert unknown is not None
    assert "responseElements" not in unknown


def test_a_refusal_has_cloudtrails_code() -> None:
    """The name of the model's error; a code that the model has not, as it is."""
    for service, code, name in (
        ("iam", "NoSuchEntity", "NoSuchEntityException"),
        ("iam", "AccessDenied", "AccessDenied"),
        ("config", "NoSuchConfigRuleException", "NoSuchConfigRuleException"),
        ("s3", "UnsupportedService", "UnsupportedService"),
    ):
        called = ApiCalled(read_only=True, parameters={}, error_code=code, error_message="No.")
        told = record(called, caused(service=service, operation="GetUser"))
        assert told is not None
        assert (told["errorCode"], told["errorMessage"], told["responseElements"]) == (name, "No.", None)


def test_a_long_text_is_put_back_from_the_events_of_the_call() -> None:
    """Or begins as it began, where no event has it."""
    document = json.dumps({"Statement": ["x" * 300]})
    digest = {ABRIDGED: {"bytes": 320, "sha256": sha256(document.encode()).hexdigest(), "beginning": "{…"}}
    called = ApiCalled(read_only=False, parameters={"policy_name": "p", "policy_document": digest})
    created = PolicyCreated(
        policy_id="ANPA", policy_arn=f"arn:aws:iam::{ACCOUNT}:policy/p", policy_name="p", path="/", document=document
    )
    cause = caused(operation="CreatePolicy")
    whole, cut = record(called, cause, created), record(called, cause)
    assert whole is not None
    assert cut is not None
    assert whole["requestParameters"] == {"policyName": "p", "policyDocument": document}
    assert cut["requestParameters"] == {"policyName": "p", "policyDocument": "{…"}
    assert whole["responseElements"]["policy"]["createDate"] == "Jan 31, 2026 9:05:59 AM"


def assumed(account_id: str = ACCOUNT) -> tuple[ApiCalled, Cause, SessionIssued]:
    arn = f"arn:aws:iam::{account_id}:role/ops"
    decision = DecisionRecord(
        action="sts:AssumeRole",
        resources=(arn,),
        result="allowed",
        layer="identity",
        matched=(),
        context={},
        positions={},
        evaluator=1,
    )
    called = ApiCalled(read_only=False, parameters={"role_arn": arn}, decisions=(decision,))
    session = Session(
        session_id="SESNA",
        access_key_id="ASIANEW",
        principal=OPS,
        entity_id="AROAOPS",
        issued_at=AT,
        expires_at=AT + timedelta(hours=1),
        minted_by_access_key_id="AKIAADA",
    )
    return called, caused(service="sts", operation="AssumeRole"), SessionIssued(session=session)


def test_a_session_is_no_write_and_its_token_is_not_told() -> None:
    called, cause, issued = assumed()
    told = record(called, cause, issued)
    assert told is not None
    assert told["readOnly"] is True
    assert told["responseElements"] == {
        "credentials": {"accessKeyId": "ASIANEW", "expiration": "Jan 31, 2026, 10:05:59 AM"},
        "assumedRoleUser": {"assumedRoleId": "AROAOPS:ada", "arn": OPS.arn},
        "sourceIdentity": "ada",
    }
    assert told["resources"] == [
        {"accountId": ACCOUNT, "type": "AWS::IAM::Role", "ARN": f"arn:aws:iam::{ACCOUNT}:role/ops"}
    ]
    assert "sharedEventID" not in told


def test_a_call_of_two_accounts() -> None:
    """Its records share an id; who called, the other account learns by id alone, and of a refusal it learns nothing."""
    called, cause, issued = assumed(OTHER)
    own, other = record(called, cause), record(called, cause, issued, account_id=OTHER)
    assert own is not None
    assert other is not None
    assert (own["sharedEventID"], other["sharedEventID"]) == ("s-1", "s-1")
    assert other["userIdentity"] == {"type": "AWSAccount", "principalId": "AIDAADA", "accountId": ACCOUNT}
    refused = called.model_copy(update={"error_code": "AccessDenied", "error_message": "No."})
    assert record(refused, cause, account_id=OTHER) is None
    told = record(refused, cause)
    assert told is not None
    assert "sharedEventID" not in told


def test_refusals_that_were_counted_are_one_record() -> None:
    counted = RefusalsCounted(read_only=True, error_code="NoSuchEntity", count=7, first=AT, last=AT, named=("user/x",))
    told = record(counted, caused(operation="GetUser"))
    assert told is not None
    assert told["errorCode"] == "NoSuchEntityException"
    assert told["errorMessage"].startswith("Refused 7 times more")
    assert told["additionalEventData"]["refusals"] == 7
    assert told["additionalEventData"]["about"] == ["user/x"]


def test_what_an_operator_did_is_no_call() -> None:
    cause = caused(principal=None, access_key_id=None, service="muniment", operation="CreateAccount", region=None)
    told = record(
        ApiCalled(read_only=False, parameters={}), cause.model_copy(update={"operator": Operator(user="u", host="h")})
    )
    assert told is not None
    assert (told["eventType"], told["sourceIPAddress"]) == ("AwsServiceEvent", "muniment")
    assert told["additionalEventData"] == {"operator": "u@h"}


def test_a_moment_of_the_past_is_no_parameter() -> None:
    called = ApiCalled(read_only=True, parameters={"user_name": "ada", "as_of": "p7"})
    told = record(called, caused(operation="GetUser"))
    assert told is not None
    assert (told["requestParameters"], told["additionalEventData"]) == ({"userName": "ada"}, {"asOf": "p7"})


def test_every_service_has_its_model() -> None:
    assert set(DIRECTORIES.values()) == set(SERVICES)
    assert {load_model(directory).signing_name for directory in SERVICES} == set(DIRECTORIES)


SOMETIMES = {
    *("resources", "tlsDetails", "errorCode", "errorMessage", "additionalEventData", "sharedEventID"),
    *("responseElements", "sessionCredentialFromConsole", "vpcEndpointId"),
}
"""What not every record has."""


def real_records() -> Iterator[dict[str, Any]]:
    for path in sorted(REAL.glob("*.json.gz")):
        for each in json.loads(gzip.decompress(path.read_bytes()))["Records"]:
            if each["eventSource"] in ("iam.amazonaws.com", "sts.amazonaws.com"):
                yield each


@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} has no files of a real account")
def test_names_are_those_of_a_real_account() -> None:
    """Parameters, members, errors and times of all that IAM and STS have recorded there are called so here too."""
    seen, of_ours = 0, record(ApiCalled(read_only=False, parameters={}), CAUSE)
    assert of_ours is not None
    for real in real_records():
        seen += 1
        names = wire_names(real["eventSource"].partition(".")[0], real["eventName"])
        asked = real["requestParameters"] or {}
        assert names.taken is not None or not asked
        snake = (
            {}
            if names.taken is None
            else {member[:1].lower() + member[1:]: xform_name(member) for member in names.taken.members}
        )
        assert names.parameters({snake[name]: value for name, value in asked.items()}) == asked
        assert real.keys() - SOMETIMES == of_ours.keys() - SOMETIMES
        code = real.get("errorCode", "AccessDenied")
        assert code == "AccessDenied" or code in names.errors.values()
        elements = real["responseElements"] or {}
        dates = [each["createDate"] for each in elements.values() if isinstance(each, dict) and "createDate" in each]
        if real["eventTime"] and dates:
            at = datetime.fromisoformat(real["eventTime"])
            assert iam_date(at) == dates[0]
        if "credentials" in elements:
            assert sts_date(at_of(elements["credentials"]["expiration"])) == elements["credentials"]["expiration"]
    assert seen > 100


def at_of(text: str) -> datetime:
    return datetime.strptime(text, "%b %d, %Y, %I:%M:%S %p").replace(tzinfo=UTC)
