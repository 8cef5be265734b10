"""Saying that a span was asked to begin before the account did."""

from domain.foundation.moments import Moment, format_rfc3339
from services.cli.lib.terminal import print_note


def note_clipping(clipped_to: Moment | None) -> None:
    """What the answer says of it; nothing where the span began as it was asked to."""
    if clipped_to is not None:
        print_note(f"The account began at {format_rfc3339(clipped_to.at)} (p{clipped_to.position}): so does the span.")
