"""Proofs through /v1: of an entry, of all between two positions, and of long texts; and what they bind."""

import json
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from domain.evidence.checkpoints import parse_checkpoint
from domain.evidence.log_proofs import parse_proof
from domain.evidence.merkle import Frontier
from domain.evidence.note_keys import VerifierKey, verify_note
from domain.evidence.range_proofs import verify_range
from domain.evidence.signed_notes import parse_note
from domain.foundation.identifiers import INSTALLATION
from services.bootstrap import LogRefused, start_log
from services.transparency.head_log import publish_heads
from services.transparency.log_keys import LogKeys
from services.transparency.proofs import read_entries
from tests.services.api.in_process_server import InProcessServer, signed_form
from tests.services.iam.certificates import certificate

ORIGIN = "iam.example.com/log"


@pytest.fixture
def keys(house: InProcessServer) -> LogKeys:
    ledger = house.ledger
    ledger.committer.deliver_through(lambda answer: answer())
    ledger.log_keys = start_log(ledger.committer, ledger._installation_secret, ledger.clock, ORIGIN)
    return ledger.log_keys


def publish(house: InProcessServer) -> None:
    """As if a second were over."""
    keys = house.ledger.log_keys
    assert keys is not None
    with house.ledger.writers.connection() as connection:
        connection.execute("update log.state set at = 'epoch'")
        with connection.transaction(), connection.cursor() as cursor:
            publish_heads(cursor, keys.origin, keys.sign, None)


def head_of(house: InProcessServer, log: dict[str, Any], head: dict[str, Any]) -> tuple[int, bytes]:
    """Size and root of the account's log, proved from the log's keys."""
    heads = parse_proof(head["heads_proof"].encode())
    heads.verify(head["heads_entry"].encode(), map(VerifierKey.parse, log["verifier_keys"]), ORIGIN)
    note = parse_note(head["checkpoint"].encode())
    assert len(verify_note(note, map(VerifierKey.parse, log["account_verifier_keys"]))) == 2
    assert note.text == head["heads_entry"]
    checkpoint = parse_checkpoint(note.text)
    assert checkpoint.origin == f"{ORIGIN}/{house.account_id}"
    return checkpoint.size, checkpoint.root


def test_an_entry_is_proved(house: InProcessServer, keys: LogKeys) -> None:
    """It binds who called what, and what was decided, to a checkpoint that the log's keys have signed."""
    assert house.aws_does("iam", "CreateUser", UserName="ann")[0] == 200
    request = signed_form("iam", "GetUser", house.admin, UserName="ann")
    answered = dict(house.over_http(request).headers)
    assert b"x-muniment-receipt" not in answered
    asked = replace(request, headers=(*request.headers, (b"x-muniment-receipt", b"1")))
    answered = dict(house.over_http(asked).headers)
    position, _, request_id = answered[b"x-muniment-receipt"].decode().partition("-")
    assert position == answered[b"x-muniment-position"].decode()
    target = f"/v1/evidence/entries/{position}"
    assert house.asks(target).error == (
        "ServiceUnavailable",
        f"No checkpoint has position {position} of account {house.account_id} yet.",
    )
    publish(house)
    log, proved = house.asks("/v1/evidence/log").body, house.asks(target).body
    assert log["origin"] == ORIGIN
    assert log["verifier_keys"] == [*keys.verifier_keys]
    head_of(house, log, proved["head"])
    entry = parse_proof(proved["proof"].encode())
    account_keys = map(VerifierKey.parse, log["account_verifier_keys"])
    entry.verify(proved["entry"].encode(), account_keys, log["account_origin"])
    said = json.loads(proved["entry"])
    assert entry.index == int(position) - 1
    assert (said["account_id"], said["position"]) == (house.account_id, int(position))
    cause = said["cause"]
    assert (cause["request_id"], cause["operation"]) == (request_id, "GetUser")
    assert cause["principal"]["user_name"] == "admin"
    assert said["event"]["decisions"][0]["result"] == "allowed"


def test_all_entries_between_two_positions(house: InProcessServer, keys: LogKeys) -> None:
    """In pages, each of which proves that it leaves nothing out."""
    assert keys
    for number in range(5):
        assert house.aws_does("iam", "CreateUser", UserName=f"ann{number}")[0] == 200
        publish(house)
    log, found, first = house.asks("/v1/evidence/log").body, [], 2
    while first <= 13:
        page = house.asks(f"/v1/evidence/entries?first={first}&last=13&limit=5").body
        entries = [entry.encode() for entry in page["entries"]]
        before = Frontier(first - 1, tuple(map(b64decode, page["before"])))
        verify_range(before, entries, [*map(b64decode, page["consistency"])], *head_of(house, log, page["head"]))
        assert page["last"] == first + len(entries) - 1 == min(13, first + 4)
        found += entries
        first = page["last"] + 1
    assert [json.loads(entry)["position"] for entry in found] == [*range(2, 14)]


def test_a_page_has_so_many_bytes(house: InProcessServer, keys: LogKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys
    monkeypatch.setattr("services.api.handlers.evidence.ENTRIES_BYTES_MAX", 1)
    publish(house)
    page = house.asks("/v1/evidence/entries?first=1&last=5").body
    assert (page["first"], page["last"], len(page["entries"])) == (1, 1, 1)


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("entries/0", "ValidationError", "Value '0' at 'position' is refused: Input should be greater than or equal"),
        ("entries/ann", "ValidationError", "should be a valid integer"),
        ("entries/99", "NoSuchEntity", "has no entry at position 99."),
        ("entries?first=99&last=99", "NoSuchEntity", "has no entry at position 99."),
        ("entries?first=2&last=1", "ValidationError", "The last position comes before the first: 1, 2."),
        ("entries?first=2", "ValidationError", "Field required"),
        (f"texts/{'0' * 64}", "NoSuchEntity", "has the SHA-256 000"),
        ("texts/ABC", "ValidationError", "String should match pattern"),
    ],
)
def test_what_is_refused(house: InProcessServer, keys: LogKeys, target: str, code: str, said: str) -> None:
    assert keys
    found = house.asks(f"/v1/evidence/{target}").error
    assert found[0] == code
    assert said in found[1]


def test_who_may_ask(house: InProcessServer, keys: LogKeys) -> None:
    """Whoever is allowed to, of his own account: entries say what everybody did."""
    assert keys
    stranger = house.user("stranger")
    statement = {
        "Effect": "Allow",
        "Action": "muniment:Prove*",
        "Resource": f"arn:aws:muniment::{house.account_id}:log",
    }
    auditor = house.user("auditor", statement)
    publish(house)
    for target in ("log", "entries/1", "entries?first=1&last=1", f"texts/{'0' * 64}"):
        assert house.asks(f"/v1/evidence/{target}", keys=stranger).error[0] == "AccessDenied"
    assert house.asks("/v1/evidence/entries/1", keys=auditor).status == 200


def test_a_process_that_signs_nothing(house: InProcessServer) -> None:
    assert house.asks("/v1/evidence/log").error == (
        "ServiceUnavailable",
        "This process signs no checkpoints: ask a server.",
    )


def test_long_texts(house: InProcessServer, keys: LogKeys) -> None:
    """Under the digest that an entry names, which is proved with it."""
    assert keys
    begins = datetime.now(UTC) - timedelta(days=1)
    site, issuer = (certificate(name, "top", begins, begins + timedelta(days=9)) for name in ("site", "top"))
    named = {"ServerCertificateName": "c", "CertificateBody": site.body, "PrivateKey": site.key}
    members = {**named, "CertificateChain": issuer.body}
    assert house.aws_does("iam", "UploadServerCertificate", **members)[0] == 200
    publish(house)
    with house.ledger.writers.connection() as connection:
        names = [name for (name,) in connection.execute("select sha256 from ledger.texts").fetchall()]
    entries = "".join(house.asks("/v1/evidence/entries?first=1&last=1000&limit=1000").body["entries"])
    texts = [house.asks(f"/v1/evidence/texts/{name}").body["text"] for name in names]
    assert names
    assert all(name in entries for name in names)
    assert {site.body.strip(), issuer.body.strip()} <= {text.strip() for text in texts}


def test_a_log_keeps_its_name(house: InProcessServer, keys: LogKeys) -> None:
    """And its keys, whoever starts a server."""
    ledger = house.ledger
    again = start_log(ledger.committer, ledger._installation_secret, ledger.clock, None)
    assert (again.origin, again.verifier_keys) == (ORIGIN, keys.verifier_keys)
    with pytest.raises(LogRefused, match=r"MUNIMENT_LOG_ORIGIN is other, and the log of this database is iam\.example"):
        start_log(ledger.committer, ledger._installation_secret, ledger.clock, "other")


def test_another_log_after_a_loss(house: InProcessServer, keys: LogKeys) -> None:
    """Under a name that no log of this database ever had, even if it is put back to before; what was lost is recorded,
    and the keys of before are gone."""
    ledger, lost = house.ledger, ["/data/checkpoint: 7 entries of the log of heads were published; there are 5 here."]
    started = partial(start_log, ledger.committer, ledger._installation_secret, ledger.clock)
    renamed = started(ORIGIN, lost)
    assert renamed.origin == f"{ORIGIN}-r{ledger.clock():%Y%m%d%H%M%S}"
    assert not set(renamed.verifier_keys) & set(keys.verifier_keys)
    with ledger.writers.connection() as connection:
        recorded = read_entries(connection.cursor(), INSTALLATION, 1, 1_000, 1 << 20)
        kinds = connection.execute("select count(*) from secrets.signing_keys").fetchall()
    assert kinds == [(1,)]
    (accepted,) = [entry for entry in recorded if lost[0].encode() in entry]
    assert b"AcceptLossOfLog" in accepted
    for origin in (None, ORIGIN, renamed.origin):
        assert started(origin).verifier_keys == renamed.verifier_keys


def test_a_first_log_after_a_loss(house: InProcessServer) -> None:
    """As on a database that was put back to before it had one: nor does that take the name of the lost one."""
    ledger = house.ledger
    ledger.committer.deliver_through(lambda answer: answer())
    keys = start_log(ledger.committer, ledger._installation_secret, ledger.clock, ORIGIN, ["all"])
    assert keys.origin == f"{ORIGIN}-r{ledger.clock():%Y%m%d%H%M%S}"
