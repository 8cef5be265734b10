"""Asking for a span of recorded calls, answer by answer."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from services.api.contract.replay import ContainedCalls, ReplayedPart, ReplayQuestion
from services.cli.lib.client import QuestionClient, build_question
from services.cli.lib.clipping import note_clipping
from services.cli.lib.output import count_noun, short_time
from services.cli.lib.progress import Progress

PartT = TypeVar("PartT", bound=ReplayedPart)


def ask_whole_span(
    client: QuestionClient,
    question: type[ReplayQuestion[PartT]],
    parameters: Mapping[str, object],
    *,
    since_default: bool = False,
) -> tuple[PartT, ...]:
    """All the answers that together cover the span, in order. That it begins later is said, unless nobody has asked for
    its beginning."""
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
    if not since_default:
        note_clipping(parts[0].clipped_to)
    return tuple(parts)


def contained_lines(contained: Iterable[ContainedCalls], *, included: bool) -> Iterator[str]:
    """What became of the calls of contained lineages: a sentence for each containment."""
    verb = "Included" if included else "Left out"
    for each in contained:
        of = f"the lineage of {each.credential}, contained {short_time(each.at)} (p{each.position}) by {each.by}"
        unknown = "" if each.unknown is None else f" There may be more: {each.unknown}."
        yield f"{verb}: {count_noun(each.calls, 'call')} of {of}.{unknown}"
