"""The commands of access reviews."""

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import get_args

from domain.families.access_reviews import ReviewedPrincipals
from domain.queries.review_decisions import DECISIONS_MAX
from services.api.contract.access_reviews import (
    AccessReviewLine,
    AccessReviewPage,
    AskedLine,
    CloseAccessReview,
    DecideAccessReview,
    DecisionEffect,
    GetAccessReview,
    ListAccessReviews,
    StartAccessReview,
)
from services.cli.lib.arguments import (
    add_command,
    add_historical_arguments,
    add_question_arguments,
    add_subcommands,
    positive_int,
)
from services.cli.lib.client import QuestionClient, ask, build_question, collect_pages, open_client
from services.cli.lib.output import JsonLines, count_noun, make_output, stdout_table
from services.cli.lib.review_csv import COLUMNS, ExportedLine, ImportedRow, WrongRow, read_lines, write_lines
from services.cli.lib.review_desk import decide_in_turn
from services.cli.lib.review_output import EFFECTS, LINES, REVIEWS, is_open, show_report
from services.cli.lib.terminal import Failure, UsageError, print_note

SCOPES = get_args(ReviewedPrincipals)[::-1]
_WHAT_A_LINE_IS = (
    "A line is one thing that somebody has and one operation of IAM takes away: an attached or inline policy, a "
    "membership, an active credential; and whom a role's trust policy lets in, which is reviewed and not revoked here."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    _add_start(add_command(commands, "start", "make a review of what there is now, and say of whom"))
    list_ = add_command(commands, "list", "show the reviews that are open, and the last ones that were closed")
    add_historical_arguments(list_, _list)
    show = _add_named(add_command(commands, "show", "show the lines of a review, and what has become of each"))
    show.add_argument("--open", action="store_true", dest="only_open", help="only those that nobody has decided")
    add_historical_arguments(show, _show)
    _add_decide(add_command(commands, "decide", "keep or revoke lines: those that are named, or one after the other"))
    export = _add_named(add_command(commands, "export", "write the lines to a file, for reviewers to fill in"))
    export.add_argument("--csv", metavar="FILE", required=True, help="the file, - for standard output")
    export.epilog = "Reviewers write keep or revoke into the column decision, and a reason beside it."
    add_historical_arguments(export, _export)
    import_ = add_command(commands, "import", "decide what a file says, when all of it can be decided")
    import_.add_argument("file", metavar="FILE", help="as `export` has written it, - for standard input")
    import_.add_argument("--dry-run", action="store_true", help="only say which rows are wrong")
    import_.epilog = "Rows without a decision are left open. What was decided so already is not decided again."
    add_question_arguments(import_, _import)
    close = _add_named(add_command(commands, "close", "end a review: nothing more is decided in it"))
    close.add_argument("--incomplete", action="store_true", help="even with lines that nobody has decided")
    add_question_arguments(close, _close)
    report = _add_named(
        add_command(commands, "report", "what was reviewed, by whom and when, and what has changed since")
    )
    add_historical_arguments(report, _report, ("table", "json", "csv"))


def _add_named(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("name", metavar="NAME", help="the review")
    return parser


def _add_start(start: argparse.ArgumentParser) -> None:
    _add_named(start)
    start.epilog = _WHAT_A_LINE_IS
    start.add_argument(
        "--scope",
        choices=SCOPES,
        default="all",
        help="whose lines (default: all, groups and root too); administrators may, perhaps on conditions, attach and "
        "write everybody's policies and make access keys",
    )
    start.add_argument("--path", metavar="PREFIX", help="only of users, groups and roles under this path")
    start.add_argument("--tag", metavar="KEY[=VALUE]", help="only of users and roles with this tag")
    start.add_argument("--user", metavar="NAME", action="append", default=[], help="only of this user; repeatable")
    start.add_argument("--policy", metavar="ARN", help="only attachments of this policy, and what gives it")
    start.add_argument(
        "--unused-for", metavar="DAYS", type=positive_int, help="only what nobody has used for so many days"
    )
    start.add_argument("--due", metavar="TIME", help="when it is to be closed: a date or an RFC 3339 time, of UTC")
    start.add_argument(
        "--reviewer",
        metavar="WHO",
        action="append",
        default=[],
        help="a user or role that may decide; repeatable (default: whoever may muniment:DecideAccessReview)",
    )
    start.add_argument(
        "--allow-own-review", action="store_true", help="let reviewers keep what is their own, which the report says"
    )
    add_question_arguments(start, _start)


def _add_decide(decide: argparse.ArgumentParser) -> None:
    _add_named(decide)
    decide.epilog = (
        "Without --line it asks about each open line. A revocation is carried out at once, and takes the permission "
        "for the operation of IAM that it is. Nobody keeps what is his own, and the last administrator stays."
    )
    decide.add_argument("--line", metavar="LINE", action="append", default=[], help="as `show` names it; repeatable")
    what = decide.add_mutually_exclusive_group()
    what.add_argument("--keep", action="store_const", dest="decision", const="keep", help="keep these lines")
    what.add_argument("--revoke", action="store_const", dest="decision", const="revoke", help="revoke these lines")
    decide.add_argument("--reason", metavar="TEXT", help="recorded with the decisions")
    decide.add_argument(
        "--version", metavar="VERSION", help="of a line that has changed since the start: the one that is decided"
    )
    decide.add_argument("--dry-run", action="store_true", help="only say what would be refused")
    add_question_arguments(decide, _decide)


def _start(args: argparse.Namespace) -> None:
    key, equals, value = (None, "", "") if args.tag is None else args.tag.partition("=")
    parameters = {
        "name": args.name,
        "principals": args.scope,
        "path_prefix": args.path,
        "tag_key": key,
        "tag_value": value if equals else None,
        "users": tuple(args.user) or None,
        "policy_arn": args.policy,
        "unused_days": args.unused_for,
        "due": args.due,
        "reviewers": tuple(args.reviewer) or None,
        "allow_own_review": args.allow_own_review or None,
    }
    effect = ask(args, StartAccessReview, parameters)
    if args.output == "json":
        JsonLines().show([effect])
        return
    stdout_table(REVIEWS, wide=args.wide).show([effect.review])
    print_note(f"Decide its lines: muniment review decide {args.name}, or export, import.")


def _list(args: argparse.Namespace) -> None:
    answer = ask(args, ListAccessReviews, {"as_of": args.as_of})
    make_output(args, REVIEWS).show(answer.reviews)
    if not answer.reviews:
        print_note("There was no access review.")


def _pages(args: argparse.Namespace) -> tuple[AccessReviewPage, list[AccessReviewLine]]:
    """The first one, and the lines of all."""
    parameters = {"name": args.name, "as_of": getattr(args, "as_of", None)}
    pages = list(collect_pages(args, GetAccessReview, parameters))
    return pages[0], [line for page in pages for line in page.rows]


def _show(args: argparse.Namespace) -> None:
    _, lines = _pages(args)
    shown = [line for line in lines if is_open(line)] if args.only_open else lines
    make_output(args, LINES).show(shown)
    if not shown:
        print_note("No line is open.")


def _decide(args: argparse.Namespace) -> None:
    """Raises UsageError and Failure."""
    if args.line:
        if args.decision is None:
            raise UsageError("Expected --keep or --revoke with --line.")
        more = {"decision": args.decision, "reason": args.reason, "version": args.version}
        given = [{"line_id": line, **{name: each for name, each in more.items() if each}} for line in args.line]
        question = build_question(
            DecideAccessReview, {"name": args.name, "decisions": given, "dry_run": args.dry_run or None}
        )
        with open_client(args) as client:
            effects = [client.ask(question)]
        _show_effects(args, effects)
        return
    if args.decision is not None or args.reason is not None or args.version is not None or args.dry_run:
        raise UsageError("--keep, --revoke, --reason, --version and --dry-run are about lines: expected --line LINE.")
    _, lines = _pages(args)
    with open_client(args) as client:
        decide_in_turn(client, args.name, [line for line in lines if is_open(line)])


def _import(args: argparse.Namespace) -> None:
    """Raises UsageError, and Failure with every row that is wrong told."""
    name, rows, wrong = read_lines(args.file)
    twice = _named_twice(rows)
    with open_client(args) as client:
        sound = [row for row in rows if row.number not in {each.number for each in twice}]
        wrong += [*twice, *_refused(client, name, sound)]
        for each in sorted(wrong):
            print_note(f"{args.file}, row {each.number}: {each.why}")
        if wrong:
            raise Failure(f"{count_noun(len(wrong), 'row')} cannot be decided so: nothing was.")
        if args.dry_run:
            print_note(f"{count_noun(len(rows), 'row')} can be decided. Nothing was changed.")
            return
        effects = list(_in_parts(client, name, [row.asked for row in rows]))
    _show_effects(args, effects)


def _named_twice(rows: Sequence[ImportedRow]) -> list[WrongRow]:
    first: dict[str, int] = {}
    found = []
    for row in rows:
        if row.asked.line_id in first:
            found.append(WrongRow(row.number, f"The line is in row {first[row.asked.line_id]} already."))
        first.setdefault(row.asked.line_id, row.number)
    return found


def _refused(client: QuestionClient, name: str, rows: Sequence[ImportedRow]) -> Iterator[WrongRow]:
    """As the server would refuse them, without doing anything."""
    numbers = {row.asked.line_id: row.number for row in rows}
    for effect in _in_parts(client, name, [row.asked for row in rows], dry_run=True):
        for line in effect.lines:
            if line.outcome == "refused":
                yield WrongRow(numbers[line.line_id], f"{line.what or line.line_id}: {line.reason}")


def _in_parts(
    client: QuestionClient, name: str, asked: Sequence[AskedLine], *, dry_run: bool = False
) -> Iterator[DecisionEffect]:
    """So many at a time as one call takes. Raises Failure: what was decided before stays so."""
    rest, done = iter(asked), 0
    while some := tuple(islice(rest, DECISIONS_MAX)):
        given = [each.model_dump(exclude_none=True) for each in some]
        question = build_question(DecideAccessReview, {"name": name, "decisions": given, "dry_run": dry_run or None})
        try:
            yield client.ask(question)
        except Failure as failure:
            if not done:
                raise
            raise Failure(f"{failure} The first {done:,} of {len(asked):,} were decided before.") from failure
        done += len(some)


def _show_effects(args: argparse.Namespace, effects: Sequence[DecisionEffect]) -> None:
    if args.output == "json":
        JsonLines().show(effects)
    else:
        stdout_table(EFFECTS, wide=args.wide).show([line for effect in effects for line in effect.lines])
        for effect in effects:
            if effect.position is not None:
                print_note(f"Decided at p{effect.position}.")
    if args.dry_run and any(line.outcome == "refused" for effect in effects for line in effect.lines):
        raise Failure("Not all of it can be decided so.")


def _export(args: argparse.Namespace) -> None:
    page, lines = _pages(args)
    write_lines(args.csv, page.review.name, lines)


def _close(args: argparse.Namespace) -> None:
    effect = ask(args, CloseAccessReview, {"name": args.name, "incomplete": args.incomplete or None})
    if args.output == "json":
        JsonLines().show([effect])
    else:
        stdout_table(REVIEWS, wide=args.wide).show([effect.review])


def _report(args: argparse.Namespace) -> None:
    page, lines = _pages(args)
    if args.output == "json":
        JsonLines().show([page.model_copy(update={"rows": tuple(lines), "limit": len(lines), "marker": None})])
    elif args.output == "csv":
        make_output(args, (), COLUMNS).show([ExportedLine(page.review.name, line) for line in lines])
    else:
        show_report(page, lines, wide=args.wide)
