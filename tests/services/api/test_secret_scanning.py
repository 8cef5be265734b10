"""The intake for secret scanners, over HTTP as their reports come."""

import base64
import json
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.rules import leak_reports
from services.api.handlers import leak_reports as responding
from services.api.server.secret_scanning import MATCHES_MAX, SecretScanning, load_scanning_keys
from services.settings import InvalidSetting
from services.wire.raw_request import RawRequest
from services.wire.request_pipeline import Response
from services.wire.unauthenticated import UnauthenticatedRecorder
from tests.services.api.in_process_server import InProcessServer

KEY_ID = "0f" * 32
PRIVATE = ec.generate_private_key(ec.SECP256R1())
URL = "https://github.com/octocat/hello/blob/12345600b9/foo/bar.txt"


def public_keys(**keys: ec.EllipticCurvePrivateKey) -> str:
    told = [
        {
            "key_identifier": name,
            "key": key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
            "is_current": True,
        }
        for name, key in keys.items()
    ]
    return json.dumps({"public_keys": told})


@pytest.fixture
def scanned(house: InProcessServer, tmp_path: Path) -> InProcessServer:
    """With the scanner's key pinned."""
    pinned = tmp_path / "keys.json"
    pinned.write_text(public_keys(**{KEY_ID: PRIVATE}))
    ledger = house.ledger
    house.scanning = SecretScanning(
        load_scanning_keys(pinned),
        ledger.committer,
        UnauthenticatedRecorder(ledger.committer, token_bytes),
        clock=ledger.clock,
        random=token_bytes,
    )
    return house


def report(*matches: dict[str, str], key_id: str = KEY_ID, body: bytes | None = None) -> RawRequest:
    body = json.dumps(matches).encode() if body is None else body
    signature = base64.b64encode(PRIVATE.sign(body, ec.ECDSA(SHA256())))
    headers = (
        (b"content-type", b"application/json"),
        (b"github-public-key-identifier", key_id.encode()),
        (b"github-public-key-signature", signature),
    )
    return RawRequest("POST", b"/secret-scanning/github", b"", headers, body)


def match(token: str, url: str = URL) -> dict[str, str]:
    return {"token": token, "type": "muniment_access_key", "url": url, "source": "content"}


def told(answer: Response) -> Any:
    return json.loads(answer.body)


def ledger_text(house: InProcessServer) -> str:
    with house.ledger.readers.connection() as connection:
        rows = connection.execute(
            "select convert_from(state, 'UTF8') from ledger.changes union all"
            " select convert_from(state, 'UTF8') from ledger.uses"
        ).fetchall()
    return "\n".join(text for (text,) in rows)


def reported(house: InProcessServer) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in ledger_text(house).splitlines()]
    return [line["event"] for line in lines if line["topic"] == "iam.credential.reported_leaked.v1"]


def test_a_report_that_is_proved(scanned: InProcessServer, caplog: pytest.LogCaptureFixture) -> None:
    """Keys of an account here are true positives, with their secret beside them or alone, and are reported in its
    ledger with the place; all else is a false positive. The secret stands nowhere. Sent again it changes nothing,
    and is answered the same."""
    ann, ben = scanned.user("ann"), scanned.user("ben")
    pair = f"{ann.access_key}:{ann.secret_key}"
    sent = report(match(pair, URL + "?token=x"), match("AKIAIOSFODNN7EXAMPLE"), match(ben.access_key))
    answer = scanned.over_http(sent)
    assert answer.status == 200
    assert told(answer) == [
        {"token_hash": sha256(token.encode()).hexdigest(), "token_type": "muniment_access_key", "label": label}
        for token, label in (
            (pair, "true_positive"),
            ("AKIAIOSFODNN7EXAMPLE", "false_positive"),
            (ben.access_key, "true_positive"),
        )
    ]
    found = {each["credential_id"]: each for each in reported(scanned)}
    assert found.keys() == {ann.access_key, ben.access_key}
    assert found[ann.access_key] | {"owner_id": ""} == {
        "credential_id": ann.access_key,
        "owner_id": "",
        "owner_name": "ann",
        "reporter": f"secret scanner {KEY_ID}",
        "source": "content",
        "url": URL,
    }
    before = ledger_text(scanned)
    again = scanned.over_http(sent)
    assert told(again) == told(answer)
    assert ledger_text(scanned) == before
    scanned.over_http(report(match(pair, URL + "2")))
    assert len(reported(scanned)) == 3
    assert ann.secret_key not in ledger_text(scanned) + caplog.text
    scanned.over_http(report({**match(pair, f"{URL}/{ann.secret_key}"), "source": ann.secret_key}))
    assert (reported(scanned)[-1]["credential_id"], len(reported(scanned))) == (ann.access_key, 4)
    assert ann.secret_key not in ledger_text(scanned) + caplog.text
    (call,) = [
        call
        for call in scanned.asks("/v1/history?limit=1000").body["calls"]
        if call["operation"] == "ReportFoundSecrets" and ben.access_key in call["resources"]
    ]
    assert (call["source_address"], call["parameters"]) == ("192.0.2.7", {"key_identifier": KEY_ID})


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"headers": ()}, 403, "MissingAuthenticationToken"),
        ({"body": b"[]"}, 403, "SignatureDoesNotMatch"),
        ({"key_id": "1f" * 32}, 403, "SignatureDoesNotMatch"),
        ({"signature": b"!"}, 403, "SignatureDoesNotMatch"),
        ({"signature": b"MEUCIQ=="}, 403, "SignatureDoesNotMatch"),
    ],
)
def test_a_report_that_is_not_proved(scanned: InProcessServer, changed: dict[str, Any], status: int, code: str) -> None:
    """It is recorded with the requests that authenticate nobody, and acts on nothing."""
    ann = scanned.user("ann")
    sent = report(match(ann.access_key), key_id=changed.get("key_id", KEY_ID))
    if "signature" in changed:
        sent = RawRequest(
            "POST", sent.raw_path, b"", (*sent.headers[:2], (sent.headers[2][0], changed["signature"])), sent.body
        )
    sent = RawRequest("POST", sent.raw_path, b"", changed.get("headers", sent.headers), changed.get("body", sent.body))
    answer = scanned.over_http(sent)
    assert (answer.status, told(answer)["error"]["code"]) == (status, code)
    assert reported(scanned) == []
    lines = [json.loads(line) for line in ledger_text(scanned).splitlines()]
    (line,) = [line for line in lines if line["topic"] == "api.unauthenticated_called.v1"]
    assert (line["event"]["error_code"], line["cause"]["operation"]) == (code, "ReportFoundSecrets")
    assert ann.access_key not in json.dumps(line)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{}", 400, "ValidationError"),
        (b"[1]", 400, "ValidationError"),
        (b'[{"token": "AKIAX"}]', 400, "ValidationError"),
        (b'[{"token": "%s", "type": "t"}]' % (b"x" * 5_000), 400, "ValidationError"),
        (b"[" * 1_000_000, 400, "ValidationError"),
        (b"[" + b"{}," * MATCHES_MAX + b"{}]", 413, "RequestEntityTooLarge"),
    ],
)
def test_a_report_that_cannot_be_read(scanned: InProcessServer, body: bytes, status: int, code: str) -> None:
    """Even a partner sends what is within bounds, or is told so in words that repeat nothing of it."""
    answer = scanned.over_http(report(body=body))
    assert (answer.status, told(answer)["error"]["code"]) == (status, code)
    assert "AKIAX" not in answer.body.decode()


def test_many_matches_are_reported_in_many_rounds(scanned: InProcessServer) -> None:
    ann = scanned.user("ann")
    matches = [match("AKIAIOSFODNN7EXAMPLE", f"{URL}{number}") for number in range(25)]
    labels = [each["label"] for each in told(scanned.over_http(report(*matches, match(ann.access_key))))]
    assert labels == ["false_positive"] * 25 + ["true_positive"]


def test_what_the_account_wants_done_is_done(scanned: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is to be deactivated is so once: who activates it again does so against a report that is known."""
    monkeypatch.setattr(responding, "on_compromise", lambda _account, _owner: "deactivate")
    ann = scanned.user("ann")
    sent = report(match(ann.access_key))
    scanned.over_http(sent)
    assert scanned.aws_does("sts", "GetCallerIdentity", keys=ann)[0] == 403
    key = {"UserName": "ann", "AccessKeyId": ann.access_key}
    assert scanned.aws_does("iam", "UpdateAccessKey", Status="Active", **key)[0] == 200
    scanned.over_http(sent)
    assert scanned.aws_does("sts", "GetCallerIdentity", keys=ann)[0] == 200


def test_more_reports_than_are_told_apart(scanned: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one key no more are recorded, however many places it is found in."""
    monkeypatch.setattr(leak_reports, "REPORTS_KNOWN_MAX", 3)
    ann = scanned.user("ann")
    scanned.over_http(report(*(match(ann.access_key, f"{URL}{number}") for number in range(5))))
    assert len(reported(scanned)) == 3


def test_without_pinned_keys_there_is_nothing(house: InProcessServer) -> None:
    """As little as at any other path; nor with another method."""
    assert house.over_http(report(match("AKIAIOSFODNN7EXAMPLE"))).status == 404


def test_only_post(scanned: InProcessServer) -> None:
    sent = report(match("AKIAIOSFODNN7EXAMPLE"))
    assert scanned.over_http(RawRequest("GET", sent.raw_path, b"", sent.headers, sent.body)).status == 404


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"public_keys": []}',
        '{"public_keys": [{"key_identifier": "a", "key": "-----BEGIN"}]}',
        public_keys(a=ec.generate_private_key(ec.SECP384R1())),
        None,
    ],
)
def test_keys_that_cannot_be_meant(tmp_path: Path, text: str | None) -> None:
    """The server does not start with them: it would take reports from nobody, or from somebody else."""
    if text is not None:
        (tmp_path / "keys.json").write_text(text)
    with pytest.raises(InvalidSetting, match="MUNIMENT_SECRET_SCANNING_KEYS"):
        load_scanning_keys(tmp_path / "keys.json")
