"""What a verified bundle proves, for people and for programs."""

import argparse
import json
import sys

from domain.evidence.bundles import VerifiedBundle
from services.cli.lib.terminal import Colour, print_line, print_note, print_wrapped


def show_bundle(args: argparse.Namespace, found: VerifiedBundle) -> None:
    if args.output == "json":
        sys.stdout.write(json.dumps(_described(found)) + "\n")
        return
    manifest = found.manifest
    print_line(f"VERIFIED: account {manifest.account_id}, {found.entries} entries", Colour.GREEN)
    print_line(f"  all that were recorded from {manifest.since} to {manifest.until}")
    if found.entries:
        print_line(f"  positions {manifest.first} to {manifest.last}, unaltered")
    for claim in manifest.claims:
        said = " and ".join(f"{name.replace('_', ' ')} {value}" for name, value in claim.items())
        print_wrapped(f"  none with {said}", "    ")
    print_line(f"  in the log {found.checkpoint.origin} of {found.checkpoint.size} entries")
    for name, at in found.signed_by.items():
        when = "" if at is None else f", {at:%Y-%m-%dT%H:%M:%SZ}"
        print_line(f"  signed by {name}{when}")
    if found.unproved:
        print_wrapped(f"  not proved by this: {', '.join(found.unproved)}", "    ")
    if found.is_by_own_keys:
        print_note("The bundle itself names the keys: compare them with those that you have, or give --policy.")
        for key in manifest.verifier_keys:
            print_note(f"  {key if len(key) < 100 else f'{key[:100]}…'}")  # noqa: PLR2004  of ML-DSA it has 1,800


def _described(found: VerifiedBundle) -> dict[str, object]:
    manifest = found.manifest
    return {
        "account_id": manifest.account_id,
        "since": manifest.since,
        "until": manifest.until,
        "first": manifest.first,
        "last": manifest.last,
        "entries": found.entries,
        "absent": list(manifest.claims),
        "log": found.checkpoint.origin,
        "log_size": found.checkpoint.size,
        "signed_by": {name: None if at is None else at.isoformat() for name, at in found.signed_by.items()},
        "verifier_keys": list(manifest.verifier_keys),
        "keys_from": "the bundle" if found.is_by_own_keys else "the policy",
        "unproved": list(found.unproved),
    }
