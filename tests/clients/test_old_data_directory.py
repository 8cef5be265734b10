"""A server of today on a data directory that an earlier commit wrote: it opens it by itself, and says what was said."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from operator import itemgetter
from typing import Any

import boto3
import pytest
from botocore.config import Config

from services.ledger.embedded_leftover import poll_attempts
from tests.clients.prepared import ROOT
from tests.clients.server import Server, serving
from tests.fixtures.data_directory import asking
from tests.fixtures.data_directory.playing import PASSWORD
from tests.fixtures.data_directory.restoring import credentials, digest, environment, expected, heads, reading, restore
from tests.places import place_for_data

EXPECTED = expected()
REWORDED = {
    "policies that AWS maintains became known in new versions": "versions of AWS managed policies were adopted",
    **{
        f"policy/{name} was created.": f"policy/{name} was adopted."
        for name in ("AdministratorAccess", "IAMFullAccess", "IAMReadOnlyAccess")
    },
    "with all that it gave birth to": "with all its descendants",
    "changed the own password": "changed their own password",
    "as long as no organisation forbids it": "unless an organization forbids it",
    "Somebody gave a wrong password of user": "A wrong password was entered for user",
    "account.credential.contained.v1": "account.credential.contained.v2",
    "allowed by managed arn": "allowed by managed policy arn",
    "allowed by trust AROAS5W2HGCMAUOZONSNE": "allowed by trust policy of role/deployer",
    "allowed by inline AROAS5W2HGCMAUOZONSNE/deploying": "allowed by inline policy deploying of role/deployer",
    "allowed by inline AIDA7YYGXY7XTMRZSKHBT/all": "allowed by inline policy all of user/implant",
    "trust policy AROAS5W2HGCMAUOZONSNE statement": "trust policy of role/deployer statement",
    "policy AIDA46E7Y5NS4ZNE3SIZ2/own statement": "policy own of user/people/alice statement",
    '"evaluator": 2, "agrees"': '"evaluator": 3, "agrees"',
    '"by_other_evaluator": 0': '"by_other_evaluator": 95',
    '"aws iam delete-role --role-name door"]': '"aws iam delete-role --role-name door", '
    '"aws iam delete-access-key --user-name mallory --access-key-id AKIAZSHLNNOEH3E2UYOY"]',
    "its document says something else": "statement 0 changed (Principal was AWS "
    "arn:aws:iam::657623706504:user/people/alice and is AWS arn:aws:iam::657623706504:user/bob)",
}
"""Sentences whose English was wrong then, or that said too little; and the evaluator of now."""
NEW_ACTIONS = ("muniment:ListContainedLineages", "muniment:ReleaseLineage")
"""That there are by now, so that an administrator could have done them."""
NEW_SERVICES = ("account", "organizations")
"""That are answered by now, so that what could have been done there is told action by action."""
ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Started as ever, with nothing done to the directory before."""
    with place_for_data() as place:
        restore(place / "data")
        with serving(place) as running:
            for _ in poll_attempts(60.0):
                if "have taken their place" in running.log.read_text():
                    break
            yield running
            said = running.log.read_text()
    assert "a defect" not in said, said
    assert "halts" not in said, said


@pytest.fixture(scope="module")
def replies(server: Server) -> list[dict[str, Any]]:
    """To the questions of then, and to `muniment verify`."""
    done = subprocess.run(
        [sys.executable, "-P", asking.__file__, asking.entry_point(ROOT)],
        input=json.dumps([*EXPECTED["asked"], {"words": ["verify"], "piped": ""}]),
        env={**environment(server.data, server.endpoint), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    parsed: list[dict[str, Any]] = json.loads(done.stdout)
    return parsed


def test_every_question_is_answered_as_before(replies: Sequence[Any]) -> None:
    """Asked about the positions that the ledgers had come to. An answer may have gained members since, and only those:
    no row is missing, added or in another place, and no value is another."""
    for asked, reply in zip(EXPECTED["asked"], replies[:-1], strict=True):
        before = _settled(_reworded({"status": asked["status"], "rows": asked["rows"]}))
        now = _settled(reply)
        if asked["words"][0] == "diff":  # Its rows come in the order of positions by now.
            for answer in (before, now):
                answer["rows"].sort(key=lambda row: [str(row.get(name)) for name in ("kind", "id", "sentence")])
        if asked["words"][0] == "credentials":  # There are further kinds by now, and the oldest come first by age.
            for answer in (before, now):
                answer["rows"] = sorted((row for row in answer["rows"] if "created" in row), key=_created)
        assert _as_before(now, before) == before, asked["words"]


def _created(row: Mapping[str, Any]) -> tuple[int, str]:
    return row["created"]["position"], json.dumps(row, sort_keys=True)


def test_no_byte_of_the_ledgers_has_changed(server: Server) -> None:
    """Up to the positions that they had come to; what has happened since stands behind."""
    with reading(server.data) as connection:
        come = heads(connection)
        for account_id, before in EXPECTED["ledgers"].items():
            assert come[account_id] >= before["position"]
            assert digest(connection, account_id, before["position"]) == before["sha256"]


def test_all_is_whole(replies: Sequence[Any]) -> None:
    """`muniment verify` reads every event, snapshot and secret, and compares the projections with a new build."""
    verified = replies[-1]
    findings = {row["account_id"]: row["finding"] for row in verified["rows"] if "finding" in row}
    assert (verified["status"], findings) == (0, dict.fromkeys(EXPECTED["ledgers"]))


def test_what_is_written_now_follows(server: Server) -> None:
    """The administrator's key still signs, and alice's password is still hers: both lay sealed under the master key.
    What they do comes behind what there was."""
    with _iam(server, "muniment") as iam:
        made = iam.create_user(UserName="since")
        found = iam.get_user(UserName="since")
    with _iam(server, "alice") as iam:
        changed = iam.change_password(OldPassword=PASSWORD, NewPassword="Quite-Another-3")
    before = EXPECTED["ledgers"][made["User"]["Arn"].split(":")[4]]["position"]
    assert int(made["ResponseMetadata"]["HTTPHeaders"]["x-muniment-position"]) > before
    assert changed["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.OK
    assert found["User"] == made["User"]


def _as_before(now: Any, before: Any) -> Any:
    """Without the members that the answer had not then, the actions that there were not, and the documents of default
    versions, which were null."""
    if isinstance(now, dict) and isinstance(before, dict):
        if "document" in before and before["document"] is None:
            now = now | {"document": None}
        return {name: _as_before(value, before[name]) for name, value in now.items() if name in before}
    if isinstance(now, list) and isinstance(before, list) and len(now) > len(before):
        known = {each["action"] for each in before if isinstance(each, dict) and "action" in each}
        now = [each for each in now if not isinstance(each, dict) or each.get("action", "") in {"", *known}]
    if isinstance(now, list) and isinstance(before, list) and len(now) == len(before):
        return [_as_before(*both) for both in zip(now, before, strict=True)]
    return now


def _reworded(before: dict[str, Any]) -> Any:
    text = json.dumps(before)
    for then, now in REWORDED.items():
        text = text.replace(then, now)
    return json.loads(text)


def _settled(value: Any) -> Any:
    """With the statements of each decision in one order: a principal's inline policies are asked in none, which differs
    from process to process."""
    if isinstance(value, dict):
        settled = {name: _settled(member) for name, member in value.items()}
        if any("source_id" in statement for statement in settled.get("statements", ())):
            settled["statements"].sort(key=itemgetter("source_id", "index"))
        return settled
    if isinstance(value, list):
        known = (
            each
            for each in value
            if not isinstance(each, dict)
            or (
                each.get("action") not in NEW_ACTIONS
                and ("granted_by" not in each or each["service"] not in NEW_SERVICES)
            )
        )
        return [_settled(each) for each in known]
    return value


@contextmanager
def _iam(server: Server, name: str) -> Iterator[Any]:
    """A client of the profile with this name."""
    key = credentials(name)
    client = boto3.client(
        "iam",
        endpoint_url=server.endpoint,
        region_name="eu-central-1",
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
        config=ONCE,
    )
    with closing(client):
        yield client
