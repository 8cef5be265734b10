"""The command that explains a decision."""

import argparse
from collections.abc import Sequence

from services.api.contract.decisions import ExplainDecision, ExplainedCall, ExplainedDecision, ExplainedStatement
from services.cli.lib.arguments import add_question_arguments
from services.cli.lib.client import ask
from services.cli.lib.output import Column, JsonLines, short_arn, short_time, stdout_table
from services.cli.lib.terminal import Colour, Failure, print_line, print_wrapped

VALUES_MAX, CHARACTERS_MAX = 8, 160
"""Of a condition or a context key, in a table: callers choose how many there are, and how long."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("request_id", metavar="REQUEST-ID", help="as returned to the client (x-amzn-requestid)")
    add_question_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    """Raises Failure after it has shown a decision that does not come out as it was recorded."""
    call = ask(args, ExplainDecision, {"request_id": args.request_id})
    if args.output == "json":
        JsonLines().show([call])
    else:
        _show_explained(call, wide=args.wide)
    if differing := [decision for decision in call.decisions if decision.agrees is False]:
        text = "; ".join(_difference(decision) for decision in differing)
        raise Failure(f"NOT AS RECORDED at position {call.position} of account {call.account_id}: {text}")


def _show_explained(call: ExplainedCall, *, wide: bool) -> None:
    who = "an unauthenticated caller" if call.principal_arn is None else short_arn(call.principal_arn, call.account_id)
    print_wrapped(f"{short_time(call.at)} {who} called {call.service}:{call.operation}: {call.error_code or 'ok'}")
    if not call.decisions:
        print_line("No policy was evaluated.")
    for decision in call.decisions:
        print_line("")
        colour = Colour.GREEN if decision.result == "allowed" else Colour.RED
        said = decision.verdict if decision.agrees is not None else f"{decision.result}, {decision.verdict}"
        print_wrapped(f"{decision.action} on {decision.resource}: {said}", "  ", colour)
        for key, values in decision.context.items():
            print_wrapped(f"  {key} was {_some(values, ', ')}", "    ")
        for key in decision.missing_keys:
            print_line(f"  {key} was not there")
        print_line("")
        stdout_table(_explained(call.account_id), wide=wide).show(decision.statements)


def _difference(decision: ExplainedDecision) -> str:
    text = (
        f"{decision.action} was recorded as {decision.recorded_result} ({decision.recorded_layer}), and comes out as "
        f"{decision.result} ({decision.layer})"
    )
    if decision.recorded_evaluator == decision.evaluator:
        return f"{text}. The ledger or the evaluation has changed: see `muniment verify`"
    return f"{text}. It was decided by evaluator {decision.recorded_evaluator}, and now by {decision.evaluator}"


def _policy(statement: ExplainedStatement) -> str:
    version = f" {statement.version_id}" if statement.version_id else ""
    return f"{statement.policy}{version}"


def _mismatch(statement: ExplainedStatement) -> str | None:
    found = statement.mismatch
    if found is None:
        return None
    return f"{found.element}: {_some(found.had, ', ') or 'nothing'}, wanted {_some(found.wanted, ' or ')}"


def _some(values: Sequence[str], separator: str) -> str:
    """As many as a person reads; JSON has them all."""
    shown = [text if len(text) <= CHARACTERS_MAX else f"{text[:CHARACTERS_MAX]}…" for text in values[:VALUES_MAX]]
    if len(values) > VALUES_MAX:
        shown.append(f"{len(values) - VALUES_MAX} more (--output json)")
    return separator.join(shown)


def _explained(account_id: str) -> Sequence[Column[ExplainedStatement]]:
    def layer(statement: ExplainedStatement) -> str:
        place = statement.level or (statement.account_id if statement.account_id != account_id else "")
        return f"{statement.layer} {place}".rstrip()

    return (
        Column("LAYER", layer),
        Column("POLICY", _policy, wraps=True, least=20),
        Column("STATEMENT", lambda statement: f"{statement.index} {statement.sid or ''}".rstrip()),
        Column("EFFECT", lambda statement: statement.effect),
        Column("APPLIES", lambda statement: "yes" if statement.applies else "no"),
        Column("FIRST MISMATCH", _mismatch, wraps=True),
    )
