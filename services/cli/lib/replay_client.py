"""Asking for a span of recorded calls, answer by answer."""

from collections.abc import Mapping
from typing import TypeVar

from services.api.contract.replay import ReplayedPart, ReplayQuestion
from services.cli.lib.client import QuestionClient, build_question
from services.cli.lib.clipping import note_clipping
from services.cli.lib.progress import Progress

PartT = TypeVar("PartT", bound=ReplayedPart)


def ask_whole_span(
    client: QuestionClient, question: type[ReplayQuestion[PartT]], parameters: Mapping[str, object]
) -> tuple[PartT, ...]:
    """All the answers that together cover the span, in order."""
    progress, parts = Progress(), list[PartT]()
    going: dict[str, object] = {}
    while not parts or parts[-1].stopped_position is not None:
        part = client.ask(build_question(question, {**parameters, **going}))
        parts.append(part)
        if part.stopped_position is not None:
            first = parts[0].since_position
            progress.tell("going through calls", part.stopped_position + 1 - first, part.until_position + 1 - first)
            # The calls that ask are calls too: the end stays where it was first.
            going = {"since": f"p{part.stopped_position + 1}", "until": f"p{part.until_position}"}
    progress.clear()
    note_clipping(parts[0].clipped_to)
    return tuple(parts)
