"""The command that gives the receipt of a call: proofs that it was recorded and published."""

import argparse
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

from domain.evidence.log_proofs import parse_proof
from domain.evidence.merkle import InvalidProof
from domain.evidence.note_keys import VerifierKey
from domain.evidence.signed_notes import InvalidNote
from services.api.contract.evidence import GetTransparencyLog, ProvedEntry, ProveEntry, TransparencyLog
from services.cli.lib.arguments import add_question_arguments
from services.cli.lib.client import QuestionClient, open_client
from services.cli.lib.output import JsonLines, short_arn
from services.cli.lib.remote import Unavailable
from services.cli.lib.terminal import Colour, Failure, UsageError, print_line, print_note, print_wrapped

TRIES, PAUSE_SECONDS = 10, 0.5
"""The next checkpoint comes within a second."""
_RECEIPT = re.compile(r"([1-9][0-9]{0,18})(?:-([0-9a-f-]{36}))?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "receipt_id", metavar="ID", help="what an answer has as x-muniment-receipt, when its request has such a header"
    )
    parser.add_argument("--to", metavar="DIR", type=Path, help="write the entry and its proofs into this directory")
    add_question_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    """Raises Failure when the proofs do not hold, or are of another call."""
    found = _RECEIPT.fullmatch(args.receipt_id)
    if found is None:
        raise UsageError(f"A receipt is POSITION or POSITION-REQUEST-ID; got {args.receipt_id!r}.")
    position, request_id = int(found[1]), found[2]
    with open_client(args) as client:
        log, proved = client.ask(GetTransparencyLog()), _proved(client, position)
    _verify(log, proved)
    entry = json.loads(proved.entry)
    if request_id not in (None, entry["cause"]["request_id"]):
        raise Failure(
            f"The entry at position {position} of account {proved.account_id} is of the request "
            f"{entry['cause']['request_id']}, not of {request_id}: the receipt is of another account, or not true."
        )
    if args.output == "json":
        JsonLines().show([proved])
    else:
        _show(log, proved)
    if args.to is not None:
        _write(args.to, proved)
        print_note(f"Wrote the entry and its proofs to {args.to}.")


def _proved(client: QuestionClient, position: int) -> ProvedEntry:
    for _ in range(TRIES - 1):
        try:
            return client.ask(ProveEntry(position=position))
        except Unavailable:
            time.sleep(PAUSE_SECONDS)
    return client.ask(ProveEntry(position=position))


def _verify(log: TransparencyLog, proved: ProvedEntry) -> None:
    """By the keys that the server names. Raises Failure."""
    try:
        account = parse_proof(proved.proof.encode())
        checkpoint = account.verify(proved.entry.encode(), _keys(log.account_verifier_keys), log.account_origin)
        heads = parse_proof(proved.head.heads_proof.encode())
        heads.verify(proved.head.heads_entry.encode(), _keys(log.verifier_keys), log.origin)
    except (InvalidNote, InvalidProof) as error:
        raise Failure(f"The server's proofs do not hold: {error}") from error
    if account.index != proved.position - 1 or proved.head.heads_entry != checkpoint.body:
        raise Failure("The server's proofs do not hold: they are of another entry, or of another checkpoint.")


def _keys(texts: Sequence[str]) -> list[VerifierKey]:
    return [VerifierKey.parse(text) for text in texts]


def _show(log: TransparencyLog, proved: ProvedEntry) -> None:
    entry = json.loads(proved.entry)
    cause, event = entry["cause"], entry["event"]
    principal = cause.get("principal") or {}
    who = short_arn(principal["arn"], proved.account_id) if "arn" in principal else "nobody known"
    print_line(f"{cause['service']}:{cause['operation']} by {who}: {event.get('error_code') or 'ok'}", Colour.BOLD)
    print_line(f"  account {proved.account_id}, position {proved.position}, {entry['at']}")
    print_line(f"  request {cause['request_id']}")
    for decision in event.get("decisions", ()):
        print_wrapped(f"{decision['action']} on {', '.join(decision['resources'])}: {decision['result']}", "  ")
    print_line("")
    print_line(f"In the account's log {log.account_origin}", Colour.BOLD)
    for line in proved.proof.splitlines():
        print_line(line)
    print_line("")
    print_line(f"That checkpoint, in the log of heads {log.origin}", Colour.BOLD)
    for line in proved.head.heads_proof.splitlines():
        print_line(line)
    print_note("Keys by which the log of heads is known: compare them with those that you have from elsewhere.")
    for key in log.verifier_keys:
        print_note(f"  {key[:100]}{'…' if len(key) > 100 else ''}")  # noqa: PLR2004  of ML-DSA it has 1,800


def _write(directory: Path, proved: ProvedEntry) -> None:
    files = {
        "entry.json": proved.entry,
        "entry.tlog-proof": proved.proof,
        "checkpoint.txt": proved.head.heads_entry,
        "checkpoint.tlog-proof": proved.head.heads_proof,
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            with (directory / name).open("x", newline="") as file:
                file.write(content)
    except OSError as error:
        raise Failure(f"Cannot write {error.filename}: {error.strerror}.") from error
