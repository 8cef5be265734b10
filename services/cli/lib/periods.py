"""One moment, or all between two: how commands ask about either."""

import argparse
from datetime import timedelta

from domain.foundation.moments import NamedMoment, format_rfc3339
from services.cli.lib.arguments import add_span_arguments
from services.cli.lib.terminal import UsageError


def add_period_arguments(parser: argparse.ArgumentParser) -> None:
    """Beside --as-of."""
    add_span_arguments(parser, "throughout, from this moment on", "with --from: up to this moment (default: now)")


def period_parameters(args: argparse.Namespace) -> dict[str, str | None]:
    """Raises UsageError where both a moment and a period are given."""
    if args.until is not None and args.since is None:
        raise UsageError("--to ends what --from begins: give both, or --as-of for one moment.")
    if args.since is not None and args.as_of is not None:
        raise UsageError("--as-of is about one moment, --from and --to about all between two: give one or the other.")
    as_of = args.as_of if args.since is None else _end(args.until)
    return {"since": args.since, "as_of": as_of}


def _end(until: str | None) -> str | None:
    """Of a date its whole day. The server says what is no moment, or has not come yet."""
    if until is None:
        return None
    named = NamedMoment.parse(until)
    if not named.is_date or named.at is None:
        return until
    return format_rfc3339(named.at + timedelta(days=1) - timedelta(microseconds=1))
