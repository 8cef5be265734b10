"""What a lineage has opened, and what it is left of it, for people."""

from collections.abc import Iterable

from domain.read_models.lineage import LineageNode, OpenDoor
from services.cli.lib.output import short_time
from services.cli.lib.terminal import Colour, print_note, print_wrapped
from services.cli.lib.trace_phrases import door_lines, label

DOOR_INDENT = "    "
LEFT_SHOWN = 20


def show_doors(doors: Iterable[OpenDoor], account_id: str) -> None:
    for line in door_lines(doors, account_id):
        print_wrapped(line, DOOR_INDENT, Colour.YELLOW)


def print_left(left: tuple[LineageNode, ...]) -> None:
    """What was made before the compromise, and is nobody else's."""
    for node in left[:LEFT_SHOWN]:
        print_note(f"Made before, and left: {label(node, left[0].account_id)}, {short_time(node.at)}")
    if len(left) > LEFT_SHOWN:
        print_note(f"Made before, and left: {len(left) - LEFT_SHOWN} more.")
