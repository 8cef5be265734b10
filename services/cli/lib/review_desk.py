"""Deciding the open lines of a review one after the other, at a terminal or from what is piped in."""

import sys
from collections.abc import Sequence

from services.api.contract.access_reviews import AccessReviewLine, DecideAccessReview
from services.cli.lib.client import QuestionClient, build_question
from services.cli.lib.output import count_noun, short_time
from services.cli.lib.review_output import holding, owner
from services.cli.lib.terminal import Colour, Failure, UsageError, print_line, print_note, print_wrapped

_DECISIONS = {"k": "keep", "r": "revoke"}
_SKIP, _QUIT = "s", "q"
_QUESTION = "k keep, r revoke, s skip, q quit; a reason may follow: "


def decide_in_turn(client: QuestionClient, name: str, lines: Sequence[AccessReviewLine]) -> None:
    """Each decision is made at once; one that is refused is told, and its line stays open."""
    if not lines:
        print_note("No line is open.")
    decided = 0
    for number, line in enumerate(lines, start=1):
        print_line("")
        print_line(f"[{number}/{len(lines)}] {owner(line)}", Colour.BOLD)
        print_wrapped(f"  {holding(line)}", "    ")
        used = "not recorded" if line.last_used_at is None else short_time(line.last_used_at)
        print_line(f"  last used: {used}")
        if line.now == "changed":
            print_line("  It has changed since the review started.", Colour.YELLOW)
        given = _asked()
        if given is None:
            break
        choice, reason = given
        decided += choice != _SKIP and _decide(client, name, line, _DECISIONS[choice], reason)
    print_line("")
    print_note(f"{count_noun(decided, 'line')} decided.")


def _asked() -> tuple[str, str | None] | None:
    """The choice and a reason; None where somebody has enough."""
    while True:
        sys.stdout.write(f"  {_QUESTION}")
        sys.stdout.flush()
        typed = sys.stdin.readline()
        if not sys.stdin.isatty():
            sys.stdout.write("\n")
        choice, _, reason = typed.strip().partition(" ")
        if not typed or choice.lower() == _QUIT:
            return None
        if choice.lower() in {*_DECISIONS, _SKIP}:
            return choice.lower(), reason.strip() or None


def _decide(client: QuestionClient, name: str, line: AccessReviewLine, decision: str, reason: str | None) -> bool:
    asked = {"line_id": line.line_id, "decision": decision, "version": line.version, "reason": reason}
    given = {each: value for each, value in asked.items() if value is not None}
    try:
        effect = client.ask(build_question(DecideAccessReview, {"name": name, "decisions": [given]}))
    except (Failure, UsageError) as refused:
        print_note(str(refused), Colour.RED)
        return False
    print_line(
        f"  {decision}: decided at p{effect.position}." if effect.position else f"  {decision}: it was so already."
    )
    return True
