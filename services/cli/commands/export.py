"""The command `export`: the account's calls as files that other programs read."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from domain.foundation.errors import ValidationError
from domain.foundation.moments import NamedMoment, format_rfc3339
from domain.foundation.suggested_commands import suggested_command
from domain.rules.trails import HOUR, hour_of
from services.api.contract.trails import BeginTrail, RotateTrailKey, TrailDetails
from services.cli.lib.arguments import add_command, add_question_arguments, add_span_arguments, add_subcommands
from services.cli.lib.client import build_question, open_client
from services.cli.lib.output import Column, make_output, short_time
from services.cli.lib.progress import Progress
from services.cli.lib.terminal import Failure, UsageError, print_note

if TYPE_CHECKING:
    from services.cli.lib.export_places import ExportPlace

TRAIL_DEFAULT = "muniment"
S3 = "s3://"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    cloudtrail = add_command(commands, "cloudtrail", "log files and signed digests, as CloudTrail delivers them")
    cloudtrail.epilog = (
        "Whole hours that are over are delivered, each with a digest, behind those that are there. What is there is "
        "never written again: with --from it is compared, and what differs is an error. `aws cloudtrail validate-logs` "
        "checks a bucket."
    )
    cloudtrail.add_argument(
        "place", metavar="DIR|s3://BUCKET[/PREFIX]", help="where to; a directory stands for a bucket"
    )
    what = f"the trail, which is begun where there is none: a place has one of its own (default: {TRAIL_DEFAULT})"
    cloudtrail.add_argument("--trail", metavar="NAME", default=TRAIL_DEFAULT, help=what)
    what = "of a directory: the bucket that it is to become (default: aws-cloudtrail-logs- and the account's id)"
    cloudtrail.add_argument("--bucket", metavar="BUCKET[/PREFIX]", help=what)
    add_span_arguments(
        cloudtrail,
        "from the hour of this moment on (default: what is not delivered yet; at first all of the account's past)",
        "hours that are over by then (default: now)",
    )
    what = "sign the digests of all hours that end from now on with another key; the former ones stay listed"
    cloudtrail.add_argument("--rotate-key", action="store_true", help=what)
    s3 = cloudtrail.add_argument_group("S3")
    s3.add_argument("--s3-profile", metavar="NAME", help="AWS profile for the bucket (default: as the aws command)")
    s3.add_argument("--s3-endpoint-url", metavar="URL", help="where the bucket is (default: as the aws command)")
    add_question_arguments(cloudtrail, _cloudtrail)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What has been done."""

    trail_arn: str
    place: str
    since: datetime
    until: datetime
    digests: int
    files: int
    records: int


def _cloudtrail(args: argparse.Namespace) -> None:
    """Raises Failure."""
    if args.local:
        raise UsageError("The key that signs is the server's: ask it, without --local.")
    bucket, prefix = _bucket(args)
    from services.cli.lib.trail_delivery import TrailDelivery  # noqa: PLC0415  slow, with S3's client

    with open_client(args) as client:
        if args.rotate_key:
            made = client.ask(RotateTrailKey())
            print_note(f"The key {made.fingerprint} signs the digests of hours that end from now on.")
        given = {"name": args.trail, "bucket": bucket, "prefix": prefix, "since": args.since}
        trail = client.ask(build_question(BeginTrail, given))
        delivery = TrailDelivery(client, _place(args, trail), trail)
        delivered = delivery.delivered()
        until = _last_hour(args, trail)
        since = _first_hour(args, trail, max(delivered, default=trail.begins_at))
        if since >= until:
            print_note(f"Nothing is to be delivered: the last hour that is over ended at {format_rfc3339(until)}.")
            return
        former, progress = delivery.former(since, delivered.get(since)), Progress()

        def told(reached: datetime) -> None:
            progress.tell("delivers", (reached - since) // HOUR, (until - since) // HOUR, "hours")

        try:
            delivery.deliver(since, until, former, told)
        finally:
            progress.clear()
    counts = delivery.digests, delivery.files, delivery.records
    make_output(args, DELIVERY).show([Delivery(trail.trail_arn, args.place, since, until, *counts)])
    again = suggested_command("aws", "cloudtrail", "validate-logs", "--region", trail.region, "--trail-arn")
    print_note(f"To check a bucket: {again} {trail.trail_arn} --start-time {format_rfc3339(trail.begins_at)}")


def _bucket(args: argparse.Namespace) -> tuple[str | None, str | None]:
    """That the files name as theirs, with the prefix in it. Raises UsageError."""
    place: str = args.place
    named = place.removeprefix(S3) if place.startswith(S3) else args.bucket
    if place.startswith(S3) and args.bucket is not None:
        raise UsageError("--bucket is what a directory is to become; s3:// names the bucket itself.")
    if named is None:
        return None, None
    bucket, _, prefix = named.partition("/")
    if not bucket:
        raise UsageError(f"A bucket is expected, such as s3://BUCKET or s3://BUCKET/PREFIX; got {place!r}.")
    return bucket, prefix.strip("/") or None


def _place(args: argparse.Namespace, trail: TrailDetails) -> "ExportPlace":
    from services.cli.lib.export_places import Bucket, Directory  # noqa: PLC0415  slow, with S3's client

    if args.place.startswith(S3):
        return Bucket(trail.bucket, args.s3_profile, args.s3_endpoint_url)
    return Directory(Path(args.place))


def _last_hour(args: argparse.Namespace, trail: TrailDetails) -> datetime:
    """The end of the last hour that is wanted, and over."""
    if args.until is None:
        return trail.closed_until
    return min(trail.closed_until, hour_of(_time(args.until, is_end=True)))


def _first_hour(args: argparse.Namespace, trail: TrailDetails, delivered_until: datetime) -> datetime:
    """Its beginning. Raises Failure for one behind a gap: digests are a chain."""
    if args.since is None:
        return delivered_until
    since = max(trail.begins_at, hour_of(_time(args.since)))
    if since > delivered_until:
        raise Failure(
            f"The digests of {trail.name} there end at {format_rfc3339(delivered_until)}, and each names the one "
            "before: begin with --from at that hour or earlier, or leave it out."
        )
    return since


def _time(text: str, *, is_end: bool = False) -> datetime:
    """Raises UsageError for what is no time."""
    try:
        moment = NamedMoment.parse(text)
    except ValidationError as error:
        raise UsageError(error.message) from error
    if moment.is_now:
        return datetime.now(UTC)
    if moment.at is None:
        raise UsageError(f"A time is expected, such as 2026-01-31T12:00:00Z or 7d; got {text!r}.")
    return moment.at + timedelta(days=1) if moment.is_date and is_end else moment.at


DELIVERY: Sequence[Column[Delivery]] = (
    Column("TRAIL", lambda done: done.trail_arn),
    Column("TO", lambda done: done.place, least=20),
    Column("FROM", lambda done: short_time(done.since)),
    Column("UNTIL", lambda done: short_time(done.until)),
    Column("DIGESTS", lambda done: str(done.digests)),
    Column("FILES", lambda done: str(done.files)),
    Column("RECORDS", lambda done: str(done.records)),
)
