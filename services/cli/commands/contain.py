"""The command that contains a credential."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.foundation.moments import format_rfc3339
from domain.foundation.suggested_commands import suggested_command
from services.api.contract.contained_lineages import ContainedSeed, ListContainedLineages, ReleaseLineage
from services.api.contract.containment import Contain, ContainedAccount, Containment, Restoration
from services.api.contract.question import Question
from services.cli.lib.arguments import add_compromised_since, add_question_arguments
from services.cli.lib.client import QuestionClient, ask, build_question, open_client
from services.cli.lib.doors_output import print_left, show_doors
from services.cli.lib.lineage_tree import node_line
from services.cli.lib.output import Column, JsonLines, arn_resource, short_time, stdout_table
from services.cli.lib.terminal import Colour, Failure, UsageError, print_line, print_note, print_wrapped

CONTAIN_ATTEMPTS_MAX = 500
"""The first contains the lineage. Each ends some of what it has by itself, until there is nothing left."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Exit code 1 when any of it is still active somewhere; a dry run that is not refused ends with 0."
    parser.add_argument("credential", metavar="KEY|SESSION|PRINCIPAL", nargs="?", help="its id, name or ARN")
    add_compromised_since(parser)
    parser.add_argument(
        "--spare",
        metavar="ID|NAME",
        action="append",
        default=[],
        help="honour it, its credentials and all they made; repeatable",
    )
    parser.add_argument("--release", action="store_true", help="honour the contained lineage again")
    parser.add_argument("--list", action="store_true", help="show the lineages that are contained")
    parser.add_argument(
        "--restore", action="store_true", help="put back what it has altered, where nobody else has changed it since"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and change nothing")
    parser.add_argument(
        "--include-self", action="store_true", help="even the caller itself, and the last administrator"
    )
    parser.add_argument("--reason", metavar="TEXT", help="recorded with the events")
    add_question_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    if args.list:
        _list(args)
    elif args.credential is None:
        raise UsageError("Expected KEY|SESSION|PRINCIPAL, or --list.")
    elif args.release:
        _release(args)
    else:
        _contain(args)


def _list(args: argparse.Namespace) -> None:
    answer = ask(args, ListContainedLineages, {})
    if args.output == "json":
        JsonLines().show([answer])
    elif answer.lineages:
        stdout_table(CONTAINED, wide=args.wide).show(answer.lineages)
    else:
        print_note("No lineage is contained.")


def _release(args: argparse.Namespace) -> None:
    answer = ask(args, ReleaseLineage, {"credential": args.credential, "reason": args.reason})
    if args.output == "json":
        JsonLines().show([answer])
    else:
        for account in answer.accounts:
            if account.reason is None:
                print_line(f"{account.account_id}: RELEASED from p{account.position} on.", Colour.GREEN)
            else:
                print_wrapped(f"{account.account_id}: NOT RELEASED: {account.reason}.", colour=Colour.RED)
        print_note(
            "Keys that were deactivated, sessions that were revoked and policies MunimentContained stay as they are."
        )
    if any(account.reason is not None for account in answer.accounts):
        raise Failure(f"{answer.seed} is still contained in some accounts.")


def _contain(args: argparse.Namespace) -> None:
    parameters = {
        "credential": args.credential,
        "dry_run": args.dry_run or None,
        "restore": args.restore or None,
        "compromised_since": args.compromised_since,
        "spare": tuple(args.spare) or None,
        "include_self": args.include_self or None,
        "reason": args.reason,
    }
    question = build_question(Contain, parameters)
    restored: dict[str, Restoration] = {}
    showing = stdout_table(ENDED, wide=args.wide)
    with open_client(args) as client:
        for answer in _attempts(client, question):
            restored |= {f"{each.account_id} {each.what}": each for each in answer.restored}
            if args.output == "json":
                JsonLines().show([answer])
            else:
                showing.show([row for account in answer.accounts for row in _ended(account, dry_run=args.dry_run)])
    if args.output != "json":
        print_line("")
        for account in answer.accounts:
            _print_verdict(account, dry_run=args.dry_run)
        _show_restored(restored.values(), dry_run=args.dry_run)
        if args.dry_run and answer.open_doors:
            print_line("As it is now:")
        show_doors(answer.open_doors, answer.account_id)
    _print_notes(answer, wide=args.wide, dry_run=args.dry_run)
    if args.dry_run:
        print_note("Nothing was changed.")
    elif reasons := list(_why_not_over(answer, args.credential, restored=args.restore)):
        raise Failure(" ".join(reasons))


def _print_notes(answer: Containment, *, wide: bool, dry_run: bool) -> None:
    left, outside = (
        ("Would be left as it is", "Would not be contained") if dry_run else ("Left as it is", "Not contained")
    )
    doors = {door.node.place for door in answer.open_doors}
    for node in answer.standing:
        if node.place not in doors:
            print_note(f"{left}: {node_line(node, answer.account_id, wide=wide)}")
    print_left(answer.left)
    for arn in answer.untouched:
        said = f"{outside}: {arn_resource(arn)}. It existed before its credential in this lineage."
        print_note(f"{said} To contain it too: {suggested_command('muniment', 'contain', arn)}")
    if answer.stopped_after_nodes is not None:
        print_note(f"The lineage has more than {answer.stopped_after_nodes} nodes; the others were not examined.")
    if answer.suggested_since is not None:
        since = format_rfc3339(answer.suggested_since)
        print_note(
            f"It has made things long before it was first used from a new address or by a new agent, at {since}. "
            f"To leave what was made before: --compromised-since {since}"
        )


def _why_not_over(answer: Containment, credential: str, *, restored: bool) -> Iterator[str]:
    if left := [account.account_id for account in answer.accounts if not account.contained]:
        yield f"Not contained in {', '.join(left)}: some of {credential} is still active there."
    if answer.open_doors:
        how = "undo by hand what was not put back" if restored else "--restore puts it back"
        yield f"Open doors: {len(answer.open_doors)}. What it has altered still lets others in: {how}."
    if answer.unexamined_calls:
        yield f"At least {answer.unexamined_calls} calls of others were not examined for using what it has altered."


def _show_restored(restored: Iterable[Restoration], *, dry_run: bool) -> None:
    """Each with what it says and what it said before the lineage, which it says again where it is put back."""
    done, undone = ("Would put back", "Would not put back") if dry_run else ("Put back", "Not put back")
    removed = "Would remove" if dry_run else "Removed"
    for each in restored:
        verb = undone if each.refused is not None else removed if each.before is None else done
        print_line(f"{verb}: {each.what}" + (f": {each.refused}" if each.refused is not None else ""))
        print_line(f"  as altered: {_on_one_line(each.after)}")
        print_line(f"  before:     {_on_one_line(each.before)}")


def _on_one_line(text: str | None) -> str:
    return "not there" if text is None else " ".join(text.split())


def _attempts(client: QuestionClient, question: Question[Containment]) -> Iterator[Containment]:
    """Until nothing is alive, or nothing was done."""
    for _ in range(CONTAIN_ATTEMPTS_MAX):
        answer = client.ask(question)
        yield answer
        done = any(account.denied or account.deactivated or account.revoked for account in answer.accounts)
        if answer.dry_run or not done:
            return


def _time(at: datetime | None) -> str | None:
    return None if at is None else short_time(at)


class _Ended(NamedTuple):
    """A row: what is cut off, by which means."""

    account_id: str
    how: str
    name: str | None
    id: str


def _ended(account: ContainedAccount, *, dry_run: bool) -> Iterator[_Ended]:
    for did, would, ids in (
        ("denied", "would deny", account.denied),
        ("deactivated", "would deactivate", account.deactivated),
        ("revoked", "would revoke", account.revoked),
    ):
        for each in ids:
            yield _Ended(account.account_id, would if dry_run else did, account.names.get(each), each)


def _print_verdict(account: ContainedAccount, *, dry_run: bool) -> None:
    if dry_run and not account.contained:
        left = account.would_remain
        would = "NOT BE CONTAINED" if left is None else "BE CONTAINED IN PART" if left else "BE CONTAINED"
        why = (
            account.reason
            if left is None
            else f"{left} would still be active"
            if left
            else "nothing active would be left"
        )
        print_wrapped(f"{account.account_id}: WOULD {would}: {why}.", colour=Colour.YELLOW)
    elif account.contained:
        print_line(f"{account.account_id}: CONTAINED from p{account.position} on.", Colour.GREEN)
    else:
        print_wrapped(f"{account.account_id}: NOT CONTAINED: {account.reason}.", colour=Colour.RED)


CONTAINED: Sequence[Column[ContainedSeed]] = (
    Column("SEED", lambda lineage: lineage.seed),
    Column("NAME", lambda lineage: lineage.name),
    Column("POSITION", lambda lineage: f"p{lineage.position}"),
    Column("SINCE", lambda lineage: _time(lineage.compromised_since)),
    Column("SPARED", lambda lineage: " ".join(lineage.spared)),
)
ENDED: Sequence[Column[_Ended]] = (
    Column("ACCOUNT", lambda ended: ended.account_id),
    Column("CONTAINMENT", lambda ended: ended.how),
    Column("ID", lambda ended: ended.id),
    Column("NAME", lambda ended: ended.name),
)
