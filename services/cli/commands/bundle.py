"""The command that puts the entries of a period into a file, with all that proves them."""

import argparse
from argparse import Namespace
from pathlib import Path

from services.api.contract.evidence import LocateEntries
from services.cli.lib.arguments import add_question_arguments, add_span_arguments
from services.cli.lib.bundle_output import show_bundle
from services.cli.lib.bundling import BundleMembers, make_bundle
from services.cli.lib.client import build_question, open_client
from services.cli.lib.compliance_evidence import gather_evidence
from services.cli.lib.compliance_html import render_compliance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="the bundle, a zip file; what is there is not replaced")
    add_span_arguments(parser, "entries from this moment on", "to this moment (default: now)", required=True)
    parser.add_argument("--framework", metavar="NAME", help="with the compliance report of the period")
    parser.epilog = (
        "Everything that was recorded in the account in that time, refused calls included, and the proof that nothing "
        "is changed or left out. `muniment verify-bundle FILE` verifies it, and so does others' software: VERIFY.md in "
        "the bundle says how."
    )
    add_question_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    """Raises Failure."""
    period = build_question(LocateEntries, {"since": args.since, "until": args.until})
    more = [] if args.framework is None else _report(args)
    with open_client(args) as client:
        verified = make_bundle(client, args.file, period, more=more)
    show_bundle(args, verified)


def _report(args: argparse.Namespace) -> BundleMembers:
    asked = Namespace(**vars(args))
    evidence = gather_evidence(asked, {"framework": args.framework, "since": args.since, "as_of": args.until})
    return [
        ("report/compliance.json", [evidence.report.model_dump_json(indent=1).encode()]),
        ("report/compliance.html", [render_compliance(evidence).encode()]),
    ]
